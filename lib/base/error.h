/* error.h — a status for the program and a message for the user; assertions, for programming errors only. */
#ifndef SL_BASE_ERROR_H
#define SL_BASE_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SL_STATUSES(X)                                                                                       \
	X(OK, "success")                                                                                     \
	X(NO_MEMORY, "out of memory")                                                                        \
	X(MALFORMED, "malformed input")                                                                      \
	X(OUT_OF_RANGE, "out of range")                                                                      \
	X(TOO_BIG, "over a limit")                                                                           \
	X(NOT_FOUND, "not found")                                                                            \
	X(UNSUPPORTED, "not supported in this combination")                                                  \
	X(REFUSED, "refused")                                                                                \
	X(IO, "input/output error")
#define X(id, text) SL_##id,
enum sl_status { SL_STATUSES(X) SL_STATUS_COUNT };
#undef X

/* Describes a failure. `text` is one line for the user, without a newline; valid only after a failure. */
struct sl_error {
	enum sl_status status;
	char text[400];
};

/* Fills `error` (which may be NULL) and returns `status`, so that failing takes one statement. */
__attribute__((format(printf, 3, 4))) enum sl_status sl_fail(struct sl_error *error, enum sl_status status,
                                                             const char *format, ...);

/* Prepends "prefix: " to an existing error text, for a caller that can add context; returns its status. */
__attribute__((format(printf, 2, 3))) enum sl_status sl_wrap(struct sl_error *error, const char *format, ...);

/* The generic text of a status; never NULL. */
const char *sl_status_text(enum sl_status status);

/* Prints the violated condition on stderr and aborts. Never used for input from outside. */
_Noreturn void sl_panic(const char *file, int line, const char *what);

/* Active in release builds too: checks internal invariants. */
#define SL_CHECK(condition) ((condition) ? (void)0 : sl_panic(__FILE__, __LINE__, #condition))

#endif
