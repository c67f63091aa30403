/* commands.h — all subcommands of starling. */
#ifndef SL_DAEMON_CLI_COMMANDS_H
#define SL_DAEMON_CLI_COMMANDS_H

#include "daemon/cli/common/command.h"

/* In the order of the help; ends with NULL. */
extern const struct sl_command *const sl_commands[];

#endif
