/* command_line.h — parts that the subcommands share: command lines, JSON, texts. */
#ifndef SL_DAEMON_CLI_COMMON_COMMAND_LINE_H
#define SL_DAEMON_CLI_COMMON_COMMAND_LINE_H

#include "daemon/cli/common/command.h"
#include "daemon/run/overrides.h"

#include <limits.h>
#include <stdio.h>

/* Parses into `record`. Returns −1 to continue, with *operands as sl_arguments_parse leaves them; else the exit
 * code: --help has been printed, or a misuse reported. */
int sl_command_parse(const struct sl_command *, int argc, char **argv, void *record, char ***operands);

/* Prints "starling NAME: sentence" and where the help is; returns SL_EXIT_MISUSE. */
__attribute__((format(printf, 2, 3))) int sl_command_misuse(const struct sl_command *, const char *format,
                                                            ...);

/* Options that several subcommands have; `field` of `type` is a struct sl_overrides, or a bool. */
#define SL_ARGUMENT_SET(type, field)                                                                         \
	{                                                                                                    \
		.option = { "set", "override a key of starling.conf(5), such as algorithm.eta=0.1",          \
			    .offset = offsetof(type, field), .completes = SL_COMPLETE_SETTING },             \
		.letter = 's', .value = "SECTION.KEY=VALUE", .take = sl_overrides_take, .many = true         \
	}
#define SL_ARGUMENT_JSON(type, field, doc)                                                                   \
	{                                                                                                    \
		.option = { "json", doc, SL_OPTION_SWITCH, offsetof(type, field) }                           \
	}

/* A JSON string with its quotes: control characters are escaped, and each byte that is not part of valid UTF-8
 * becomes U+FFFD. */
void sl_json_text(FILE *, const char *text);
/* A JSON number with as many digits as the value has, or null for NaN and infinities. */
void sl_json_real(FILE *, double value);

/* One member of an object: a list of texts (ends in NULL), else a text, else a number (NaN: null). */
struct sl_json_fact {
	const char *key, *text;
	double number;
	const char *const *list;
};
/* Prints the facts, up to one without a key, as an object on a line of its own. */
void sl_json_object(FILE *, const struct sl_json_fact *);

/* The database that an argument names: of a folder, the history.db in it. */
const char *sl_command_database(const char *argument, char path[static PATH_MAX]);

/* "1.2 kB", "34.5 MB": decimal units, three digits. */
void sl_bytes_text(int64_t bytes, char *text, size_t size);
/* "42 s", "12 min", "3.4 h", rounded up: a time that is left; "-" if it is not finite. */
void sl_time_left_text(double seconds, char *text, size_t size);

#endif
