/* option_text.h — option tables as text, for `init`, `list` and the manual. */
#ifndef SL_DAEMON_RUN_OPTION_TEXT_H
#define SL_DAEMON_RUN_OPTION_TEXT_H

#include "gossip/settings.h"

#include <stdio.h>

/* Writes a run.conf: every key with its effective value, its meaning and range as a comment in front. Keys that
 * depend on the algorithm and were not set are comments. Parses back to the same settings. */
void sl_option_text_write(FILE *out, const struct sl_run_settings *settings);
/* The same with every key, as a reference: none is a comment. */
void sl_option_text_reference(FILE *out, const struct sl_run_settings *settings);

/* Whether a key may change when a run is resumed: "fixed", "may change", "per host". */
const char *sl_option_text_scope(enum sl_option_scope);

/* What an option accepts: "1 to 64", "yes or no", "a duration", "one of a, b"; empty for any text. */
void sl_option_text_range(const struct sl_option *option, char *text, size_t size);

/* What an option accepts and its default, in parentheses after a blank; empty if there are neither. */
void sl_option_text_details(const struct sl_option *option, char *text, size_t size);

/* Columns of a page: $COLUMNS, else those of the terminal, else 100. */
size_t sl_option_text_page(void);

/* Prints words with line breaks so that no line exceeds `width`: the first line continues at column `at`, the
 * others start with `indent`. A newline ends it. */
void sl_option_text_wrap(FILE *out, const char *text, size_t at, const char *indent, size_t width);

#endif
