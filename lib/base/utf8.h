/* utf8.h — whether bytes are UTF-8: names of runs and files need not be, what is printed for programs must.
 */
#ifndef SL_BASE_UTF8_H
#define SL_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* The length in bytes (1 to 4) of the character that the text begins with; 0: it begins with none, which also
 * overlong forms, surrogates and what is cut off by the end of the text are not. The text is not empty. */
size_t sl_utf8_length(const char *text);
bool sl_utf8_valid(const char *text);

/* The text as a terminal may have it: control characters, bytes that are no UTF-8, and characters that turn the
 * direction of writing around become \xHH. False: something did, or the end did not fit. */
bool sl_utf8_shown(const char *text, char *out, size_t size);

#endif
