/* command_line.h — what the subcommands share: reading options, collecting overrides, printing JSON. */
#ifndef SL_DAEMON_CLI_COMMAND_LINE_H
#define SL_DAEMON_CLI_COMMAND_LINE_H

#include "base/option.h"
#include "daemon/cli/command.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>

/* As getopt_long (set optind = 0 before the first call), except that a misuse is reported here, with the
 * nearest known option: the command then gets '?' and returns SL_EXIT_MISUSE. */
int sl_command_option(const struct sl_command *, int argc, char **argv, const char *letters,
                      const struct option *table);

/* Prints "starling NAME: sentence" and where the help is; returns SL_EXIT_MISUSE. */
__attribute__((format(printf, 2, 3))) int sl_command_misuse(const struct sl_command *, const char *format,
                                                            ...);

/* The `--set` of a command line, as sl_config_load wants them: NULL-terminated copies. Zero-initialised it is
 * empty. */
struct sl_overrides {
	char **item;
	size_t count;
};
/* Adds a copy of printf's text. Refuses what has not the form section.key=value. */
__attribute__((format(printf, 3, 4))) enum sl_status sl_overrides_add(struct sl_overrides *,
                                                                      struct sl_error *, const char *format,
                                                                      ...);
void sl_overrides_free(struct sl_overrides *);

/* A JSON string with its quotes, whatever the bytes: control characters are escaped, and what is no UTF-8
 * becomes U+FFFD, a byte each. */
void sl_json_text(FILE *, const char *text);
/* A JSON number with as many digits as the value has, or null for NaN and infinities. */
void sl_json_real(FILE *, double value);

/* The database that an argument means: for a folder, the history.db in it. */
const char *sl_command_database(const char *argument, char path[static PATH_MAX]);

/* "1.2 kB", "34.5 MB": decimal units, three digits. */
void sl_bytes_text(int64_t bytes, char *text, size_t size);

#endif
