#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define X(id, text) text,
static const char *const status_text[] = { SL_STATUSES(X) };
#undef X
_Static_assert(sizeof status_text / sizeof *status_text == SL_STATUS_COUNT, "one sentence a status");

enum sl_status sl_fail(struct sl_error *error, enum sl_status status, const char *format, ...)
{
	if (error) {
		va_list arguments;
		va_start(arguments, format);
		error->status = status;
		vsnprintf(error->text, sizeof error->text, format, arguments);
		va_end(arguments);
	}
	return status;
}

enum sl_status sl_wrap(struct sl_error *error, const char *format, ...)
{
	if (!error)
		return SL_MALFORMED;
	char inner[sizeof error->text];
	memcpy(inner, error->text, sizeof inner);
	va_list arguments;
	va_start(arguments, format);
	int n = vsnprintf(error->text, sizeof error->text, format, arguments);
	va_end(arguments);
	if (n >= 0 && (size_t)n + 3 < sizeof error->text)
		snprintf(error->text + n, sizeof error->text - (size_t)n, ": %.*s", (int)sizeof inner - n - 3,
		         inner);
	return error->status;
}

const char *sl_status_text(enum sl_status status)
{
	return (unsigned)status < SL_STATUS_COUNT ? status_text[status] : "unknown status";
}

_Noreturn void sl_panic(const char *file, int line, const char *what)
{
	fprintf(stderr, "starling: %s:%d: broken promise: %s\n", file, line, what);
	abort();
}
