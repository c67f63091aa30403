/* Event rows that a neighbour can cause at will: how many are written, and that the others are counted. */
#include "daemon/peer/event_budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct sl_event_budgets budgets;
static struct sl_time now;

static int set_up(void **state)
{
	(void)state;
	sl_event_budgets_start(&budgets);
	now.us = 1000000;
	return 0;
}

static bool allowed(const char *kind, enum sl_level level)
{
	struct sl_event_row row = { .at_us = 1700000000000000, .level = level };
	snprintf(row.kind, sizeof row.kind, "%s", kind);
	return sl_event_allowed(&budgets, &row, now);
}

static void a_kind_has_a_burst_and_then_a_rate(void **state)
{
	unsigned written = 0;
	(void)state;
	for (unsigned i = 0; i < 5400; i++) { /* a minute of them */
		written += allowed("neighbour-refused", SL_LEVEL_ERROR);
		now.us += 11111;
	}
	assert_in_range(written, SL_EVENT_BURST, SL_EVENT_BURST + 6);
	assert_true(allowed("halted", SL_LEVEL_ERROR)); /* others are as they were */
	now.us += (int64_t)SL_EVENT_BURST * SL_EVENT_EVERY_US;
	for (unsigned i = 0; i < SL_EVENT_BURST; i++)
		assert_true(allowed("neighbour-refused", SL_LEVEL_ERROR));
	assert_false(allowed("neighbour-refused", SL_LEVEL_ERROR));
}

static void what_is_left_out_is_counted(void **state)
{
	struct sl_event_row row = { 0 };
	(void)state;
	for (unsigned i = 0; i < SL_EVENT_BURST + 100; i++)
		allowed("neighbour-refused", i == 70 ? SL_LEVEL_ERROR : SL_LEVEL_WARNING);
	assert_false(sl_event_report(&budgets, now, false, &row));
	now.us += SL_EVENT_REPORT_US;
	assert_true(sl_event_report(&budgets, now, false, &row));
	assert_string_equal(row.kind, "rows-left-out");
	assert_int_equal(row.level, SL_LEVEL_ERROR);
	assert_string_equal(
	    row.detail,
	    "100 more rows of kind neighbour-refused since 2023-11-14T22:13:20Z: of each kind 64 are kept at once, then one every 10 s");
	assert_false(sl_event_report(&budgets, now, true, &row));
	assert_int_equal(budgets.report_at.us, SL_TIME_NEVER.us);
}

static void the_end_waits_for_no_report(void **state)
{
	struct sl_event_row row = { 0 };
	(void)state;
	for (unsigned i = 0; i < SL_EVENT_BURST + 1; i++) {
		allowed("one", SL_LEVEL_NOTICE);
		allowed("other", SL_LEVEL_NOTICE);
	}
	assert_true(sl_event_report(&budgets, now, true, &row));
	assert_non_null(strstr(row.detail, "1 more rows of kind one since"));
	assert_true(sl_event_report(&budgets, now, true, &row));
	assert_false(sl_event_report(&budgets, now, true, &row));
}

static void kinds_beyond_the_table_share_a_budget(void **state)
{
	char kind[32];
	unsigned written = 0;
	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(kind, sizeof kind, "kind-%u", i);
		written += allowed(kind, SL_LEVEL_NOTICE);
	}
	assert_int_equal(written, SL_EVENT_KINDS_MOST - 1 + SL_EVENT_BURST);
}

int main(void)
{
#define BUDGET_TEST(f) cmocka_unit_test_setup(f, set_up)
	const struct CMUnitTest tests[] = {
		BUDGET_TEST(a_kind_has_a_burst_and_then_a_rate),
		BUDGET_TEST(what_is_left_out_is_counted),
		BUDGET_TEST(the_end_waits_for_no_report),
		BUDGET_TEST(kinds_beyond_the_table_share_a_budget),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
