/* ini.h — an INI text, line by line. Opens no file and knows no key.
 *
 * A line is empty, a comment, "[section]", or "key = value", which may also be written "key : value".
 * Blanks at both ends of a line and around a key or value are dropped. A comment begins with ';' or '#' at the
 * start of a line or after "[section]", or with ';' after a blank, and ends with the line. A line ends with
 * LF or CR LF and is never continued on the next one. A byte order mark at the start of the text is skipped. */
#ifndef SL_DAEMON_RUN_INI_H
#define SL_DAEMON_RUN_INI_H

#include "base/error.h"

enum { SL_INI_NAME_MAX = 64, SL_INI_VALUE_MAX = 1024 }; /* with the terminating NUL */

struct sl_ini {
	const char *at, *end; /* the rest of the text */
	uint32_t line;        /* number of the last line that was read, from 1 */
	char section[SL_INI_NAME_MAX], key[SL_INI_NAME_MAX], value[SL_INI_VALUE_MAX];
};

enum sl_ini_kind {
	SL_INI_END,
	SL_INI_SECTION, /* `section` has changed; `key` and `value` are empty */
	SL_INI_KEY,     /* `key` and `value` are set; `section` is empty before the first section */
	SL_INI_WRONG,   /* `error` says what is wrong with line `line`, without its number */
};

/* Begins to read `text`, which is borrowed. */
void sl_ini_begin(struct sl_ini *, const char *text, size_t length);
/* Reads up to the next section or key. Do not call it again after SL_INI_WRONG. */
enum sl_ini_kind sl_ini_next(struct sl_ini *, struct sl_error *error);

/* Whether "key = value" reads back as this value. */
bool sl_ini_can_hold(const char *value);

#endif
