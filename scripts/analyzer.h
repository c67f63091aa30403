/* analyzer.h — read by clang-tidy in front of every source file (scripts/lint), never by the compiler: what
 * the static analyzer cannot see from one file. */
#include "base/error.h"

/* They return a failure, so what follows a check of the status is not reached after them. */
#define sl_fail(error, status, ...) (sl_fail((error), (status), __VA_ARGS__), (status))
#define sl_wrap(error, ...)         (sl_wrap((error), __VA_ARGS__), SL_MALFORMED)
