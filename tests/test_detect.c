/* The detector: a neighbour whose updates change is noticed, ones whose updates do not are not; and looking
 * changes nothing. */
#include "support/swarm.h"

#include "gossip/peer/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIAR = 3, FROM = 150 };

static struct swarm *made(uint64_t seed, const char *pipeline, uint32_t every)
{
	struct swarm *w = calloc(1, sizeof *w);
	assert_non_null(w);
	swarm_standard(w);
	w->settings.seed = seed;
	w->settings.rounds = 300;
	w->settings.detect_every = every;
	w->features = 40;
	snprintf(w->settings.pipeline, sizeof w->settings.pipeline, "%s", pipeline);
	return w;
}

/* What an update looked like: its code, or its size. */
static bool was_seen(const struct swarm *w, const char *what)
{
	char words[32];
	snprintf(words, sizeof words, "the %s of its update", what);
	for (uint32_t i = 0; i < w->events; i++)
		if (strcmp(w->event[i].kind, "anomaly") == 0 && strstr(w->event[i].detail, words))
			return true;
	return false;
}

static uint32_t about(const struct swarm *w, uint32_t neighbour, uint32_t *first)
{
	uint32_t count = 0;
	char whom[32];
	snprintf(whom, sizeof whom, "peer %u:", neighbour);
	for (uint32_t i = 0; i < w->events; i++)
		if (strcmp(w->event[i].kind, "anomaly") == 0 &&
		    strncmp(w->event[i].detail, whom, strlen(whom)) == 0 && count++ == 0)
			*first = w->event[i].round;
	return count;
}

static const char *const pipelines[] = { "topk:0.1 | dither:16 | golomb", "all | dither:8 | golomb",
	                                 "topk:0.2 | float32 | raw", "topk:0.1 | dither:16 | context" };

static void nobody_is_odd_in_a_clean_run(void **state)
{
	(void)state;
	uint32_t rows = 0;
	for (int k = 0; k < 4; k++)
		for (uint64_t seed = 1; seed <= 2; seed++) {
			struct swarm *w = made(seed, pipelines[k], 1);
			swarm_open(w);
			swarm_run(w, 1000000);
			if (getenv("FIGURES"))
				printf("%s: %u of %u\n", pipelines[k], swarm_count(w, "anomaly"), 16u * 300);
			rows += swarm_count(w, "anomaly");
			swarm_close(w);
			free(w);
		}
	assert_in_range(rows, 0, 3); /* of 38,400 looks */
}

static void a_liar_is_noticed(void **state)
{
	(void)state;
	static const char *const lies[] = { "3:flip:1:150", "3:drift:0.1:150", "3:noise:1:150" };
	for (int k = 0; k < 4; k += 3)
		for (int lie = 0; lie < 3; lie++) {
			struct swarm *w = made(1, pipelines[k], 1);
			struct sl_sim_poisoner poisoner;
			uint32_t first = 0;
			swarm_open(w);
			assert_int_equal(sl_sim_poisoner_parse(&poisoner, lies[lie], 8, NULL), SL_OK);
			sl_sim_poison(w->sim, &poisoner);
			swarm_run(w, 1000000);
			uint32_t rows = about(w, LIAR, &first);
			if (getenv("FIGURES"))
				printf("%s, %s: %u rows about it, the first in round %u; %u in all\n",
				       pipelines[k], lies[lie], rows, first, swarm_count(w, "anomaly"));
			assert_true(rows >= 2); /* at both neighbours */
			assert_in_range(first, FROM, FROM + 10);
			const struct sl_detector *t = &sl_sim_peer(w->sim, 0)->edge[0].detector;
			assert_true(t->length.mean > 0 && t->length.mean < 10 && t->length.deviation > 0);
			assert_true(lie > 0 || was_seen(w, "code")); /* flipped signs have the same size */
			swarm_close(w);
			free(w);
		}
}

static void looking_changes_nothing(void **state)
{
	(void)state;
	uint64_t digest[3][8];
	for (uint32_t every = 0; every < 3; every++) {
		struct swarm *w = made(5, pipelines[0], every);
		w->settings.rounds = 60;
		swarm_open(w);
		swarm_run(w, 1000000);
		for (uint32_t i = 0; i < 8; i++)
			digest[every][i] = swarm_digest(w, i);
		const struct sl_peer *p = sl_sim_peer(w->sim, 0);
		assert_int_equal(p->edge[0].detector.seen, every == 0 ? 0 : 60 / every);
		swarm_close(w);
		free(w);
	}
	assert_memory_equal(digest[0], digest[1], sizeof digest[0]);
	assert_memory_equal(digest[0], digest[2], sizeof digest[0]);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_odd_in_a_clean_run),
		cmocka_unit_test(a_liar_is_noticed),
		cmocka_unit_test(looking_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
