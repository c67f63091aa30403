/* The last waits for a neighbour, and the deadlines that follow from them. */
#include "gossip/peer/window.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>

enum { LEAST = 1000, MOST = 1000000, CASES = 2000 };

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static int64_t middle(int64_t *us, int n)
{
	qsort(us, (size_t)n, sizeof *us, by_size);
	return us[n / 2];
}

/* The definition: median + 8 · max(median distance from it, a quarter of it). */
static int64_t defined(const int64_t *all, int n)
{
	int64_t last[SL_WINDOW] = { 0 }, away[SL_WINDOW] = { 0 };
	int count = n < SL_WINDOW ? n : SL_WINDOW;
	for (int i = 0; i < count; i++)
		last[i] = all[n - count + i];
	int64_t m = middle(last, count);
	for (int i = 0; i < count; i++)
		away[i] = llabs(last[i] - m);
	int64_t spread = middle(away, count);
	return m + 8 * (spread < m / 4 ? m / 4 : spread);
}

static void it_is_what_it_says_of_the_last_waits(void **state)
{
	(void)state;
	for (uint32_t k = 0; k < CASES; k++) {
		struct sl_random g = sl_random_stream(k, 0, "window", 0);
		struct sl_window w = { 0 };
		int64_t all[100];
		int n = 1 + (int)sl_random_below(&g, 100);
		for (int i = 0; i < n; i++)
			sl_window_add(&w, all[i] = sl_random_below(&g, 1u << sl_random_below(&g, 20)));
		int64_t limit = sl_window_limit(&w, LEAST, MOST), exact = defined(all, n);
		if (n < SL_WINDOW_LEAST || exact > MOST)
			assert_int_equal(limit, MOST);
		else
			assert_int_equal(limit, exact > LEAST ? exact : LEAST);
	}
}

static void it_is_never_above_the_ceiling_nor_below_most_of_what_was_seen(void **state)
{
	(void)state;
	for (uint32_t k = 0; k < CASES; k++) {
		struct sl_random g = sl_random_stream(k, 1, "window", 0);
		struct sl_window w = { 0 };
		int64_t last[SL_WINDOW], scale = 1 + sl_random_below(&g, 100000);
		for (int i = 0; i < SL_WINDOW; i++)
			sl_window_add(&w, last[i] = (int64_t)(sl_random_unit_double(&g) * (double)scale));
		int64_t most = sl_random_below(&g, 1000000), limit = sl_window_limit(&w, 0, most);
		assert_true(limit <= most);
		assert_true(limit == most || limit > middle(last, SL_WINDOW));
	}
}

/* Outages are no reason to be more patient, however long: fewer than half of the waits cannot move it beyond what
 * the others alone may make of it. */
static void a_minority_of_waits_moves_it_little(void **state)
{
	(void)state;
	for (uint32_t k = 0; k < CASES; k++) {
		struct sl_random g = sl_random_stream(k, 2, "window", 0);
		struct sl_window w = { 0 };
		int64_t usual = 1 + sl_random_below(&g, 10000);
		uint32_t outages = sl_random_below(&g, (SL_WINDOW + 1) / 2);
		for (uint32_t i = 0; i < SL_WINDOW; i++)
			sl_window_add(&w,
			              i < outages ? INT64_MAX : usual + sl_random_below(&g, (uint32_t)usual));
		assert_true(sl_window_limit(&w, 0, INT64_MAX) <= 2 * usual + 8 * usual);
	}
}

static void it_follows_a_link_that_has_become_slower(void **state)
{
	(void)state;
	struct sl_window w = { 0 };
	for (int i = 0; i < 1000; i++)
		sl_window_add(&w, 10000);
	assert_int_equal(sl_window_limit(&w, LEAST, MOST), 30000);
	for (int i = 0; i < SL_WINDOW / 2 + 1; i++)
		sl_window_add(&w, 100000);
	assert_int_equal(sl_window_limit(&w, LEAST, MOST), 300000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_what_it_says_of_the_last_waits),
		cmocka_unit_test(it_is_never_above_the_ceiling_nor_below_most_of_what_was_seen),
		cmocka_unit_test(a_minority_of_waits_moves_it_little),
		cmocka_unit_test(it_follows_a_link_that_has_become_slower),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
