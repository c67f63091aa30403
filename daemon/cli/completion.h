/* completion.h — completion of command lines in shells, from their tables. */
#ifndef SL_DAEMON_CLI_COMPLETION_H
#define SL_DAEMON_CLI_COMPLETION_H

#include "daemon/cli/common/command.h"

/* Shells that can be written for: "bash", "zsh", NULL. */
const char *sl_completion_shell(size_t i);
/* Writes what a shell reads to complete the lines of starling, with these commands, and of starlingd. */
void sl_completion_write(FILE *out, const char *shell, const struct sl_command *const *commands);

#endif
