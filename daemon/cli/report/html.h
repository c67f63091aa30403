/* html.h — pieces of a page of HTML that is well-formed XML too. Texts may come from anywhere. */
#ifndef SL_DAEMON_CLI_REPORT_HTML_H
#define SL_DAEMON_CLI_REPORT_HTML_H

#include <stdint.h>
#include <stdio.h>

/* A text between tags, or within an attribute's double quotes. What is not UTF-8, or no character of XML, becomes
 * U+FFFD. */
void sl_html_text(FILE *, const char *text);

/* A number as `shown`, with its exact value for programs: <data class="NAME" value="0.96767…">0.968</data>; "–" where it is
 * not finite. NAME is our own. */
__attribute__((format(printf, 4, 5))) void sl_html_number(FILE *, const char *name, double value,
                                                          const char *shown, ...);
/* The same with the unit that fits: bytes, seconds. */
void sl_html_bytes(FILE *, const char *name, double value);
void sl_html_seconds(FILE *, const char *name, double value);
/* "1.23 s", "4.5 min", "12 ms". */
void sl_seconds_text(double seconds, char *text, size_t size);

#endif
