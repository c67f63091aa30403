/* history.h — a database in the test's folder, filled and asked. */
#ifndef TEST_SUPPORT_HISTORY_H
#define TEST_SUPPORT_HISTORY_H

#include "history/internal.h"
#include "tests/support/scratch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define NOTHING ((double)NAN)

extern struct sl_error test_error;

#define assert_ok(call)                                                                                      \
	do {                                                                                                 \
		if ((call) != SL_OK)                                                                         \
			fail_msg("%s: %s", #call, test_error.text);                                          \
	} while (0)

struct sl_history *must_open(const char *name);
void begin_run(struct sl_history *, const char *run_id, uint32_t peers, uint32_t dimension);
void add_peers(struct sl_history *, uint32_t peers, uint32_t degree);
struct sl_round_row row_of(uint32_t peer, uint32_t round);

/* The first value of a query, NaN for NULL, through a connection of its own. */
double real_from(const char *name, const char *sql);
int count_from(const char *name, const char *sql);
/* Statements past the library. */
void run_raw(const char *name, const char *sql);
void assert_near(double value, double expected, double tolerance);

#endif
