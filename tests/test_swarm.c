/* Some seeds of the swarm (`make swarm` runs a thousand), what their kinds must have shown, and that a seed
 * repeats. */
#include "sim/swarm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

enum { SEEDS = 60 };

static void seeds_hold(void **state)
{
	(void)state;
	uint64_t happened[SL_FAULT_COUNT] = { 0 };
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct sl_swarm_result result;
		if (!sl_swarm_run(seed, &result, NULL, NULL))
			fail_msg("%s\n%s\nreproduce: starling sim --faults swarm --seed %llu",
			         result.scenario, result.trouble, (unsigned long long)seed);
		for (int k = 0; k < SL_FAULT_COUNT; k++)
			happened[k] += result.happened[k];
	}
	for (int k = 0; k < SL_FAULT_COUNT; k++)
		if (!happened[k])
			fail_msg("no seed had %s", sl_fault_text((enum sl_fault_kind)k));
}

static void a_seed_repeats(void **state)
{
	(void)state;
	for (uint64_t seed = 100; seed < 110; seed++) {
		struct sl_swarm_result a, b;
		sl_swarm_run(seed, &a, NULL, NULL);
		sl_swarm_run(seed, &b, NULL, NULL);
		assert_int_equal(a.events, b.events);
		assert_memory_equal(a.happened, b.happened, sizeof a.happened);
		assert_memory_equal(&a.spread_after, &b.spread_after, sizeof a.spread_after);
	}
}

int main(int argc, char **argv)
{
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seeds_hold),
		cmocka_unit_test(a_seed_repeats),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
