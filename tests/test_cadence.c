/* When a round may begin: [run] period and [limits] cpu. */
#include "daemon/peer/cadence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct sl_cadence made(int64_t period_us, uint32_t cpu)
{
	struct sl_cadence c = { 0 };
	struct sl_settings s = { .period_us = period_us, .limit_cpu = cpu };
	sl_cadence_set(&c, &s);
	return c;
}

static void the_first_round_begins_at_once(void **state)
{
	(void)state;
	struct sl_cadence c = made(10000000, 1);
	assert_int_equal(sl_cadence_due(&c, 12345).us, 0);
}

static void a_round_begins_a_period_after_the_one_before(void **state)
{
	(void)state;
	struct sl_cadence c = made(10000000, 0);
	sl_cadence_began(&c, (struct sl_time){ 5000000 }, 0);
	assert_int_equal(sl_cadence_due(&c, 0).us, 15000000);
	sl_cadence_began(&c, (struct sl_time){ 40000000 },
	                 0); /* later than it might have: nothing is made up for */
	assert_int_equal(sl_cadence_due(&c, 0).us, 50000000);
	assert_int_equal(sl_cadence_cpu_us(&c), 0);
}

static void processor_time_is_paid_with_time(void **state)
{
	(void)state;
	struct sl_cadence c = made(0, 25);
	sl_cadence_began(&c, (struct sl_time){ 1000000 }, 7000);
	assert_int_equal(sl_cadence_due(&c, 7000 + 50000).us, 1000000 + 200000);
	c.cpu = 200; /* two cores */
	assert_int_equal(sl_cadence_due(&c, 7000 + 50000).us, 1000000 + 25000);
	c.period_us = 30000; /* the later of both */
	assert_int_equal(sl_cadence_due(&c, 7000 + 50000).us, 1000000 + 30000);
	c.period_us = 20000;
	assert_int_equal(sl_cadence_due(&c, 7000 + 50000).us, 1000000 + 25000);
}

static void the_clock_of_the_process_moves(void **state)
{
	(void)state;
	struct sl_cadence c = made(0, 25);
	int64_t before = sl_cadence_cpu_us(&c);
	volatile double sum = 0;
	for (int i = 0; i < 5000000; i++)
		sum += i;
	assert_true(before > 0 && sl_cadence_cpu_us(&c) > before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_round_begins_at_once),
		cmocka_unit_test(a_round_begins_a_period_after_the_one_before),
		cmocka_unit_test(processor_time_is_paid_with_time),
		cmocka_unit_test(the_clock_of_the_process_moves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
