/* Poisoned models: finite, small and wrong. What one liar does to plain mixing, and what robust mixing leaves
 * of it; the figures stand in tests/README.md. */
#include "support/swarm.h"

#include "gossip/peer/state.h"
#include "gossip/robust.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void settings(struct swarm *w, const char *graph, const char *robust)
{
	swarm_standard(w);
	snprintf(w->topology_spec, sizeof w->topology_spec, "%s", graph);
	snprintf(w->settings.robust, sizeof w->settings.robust, "%s", robust);
	w->settings.rounds = 200;
	w->settings.gamma = 0.25;
}

/* The worst accuracy among the honest peers' own models. */
static double worst(const char *graph, const char *robust, const char *poisoner)
{
	struct swarm *w = calloc(1, sizeof *w);
	struct sl_error error = { 0 };
	assert_non_null(w);
	settings(w, graph, robust);
	swarm_open(w);
	struct sl_sim_poisoner lie;
	if (poisoner) {
		assert_int_equal(sl_sim_poisoner_parse(&lie, poisoner, w->topology.peers, &error), SL_OK);
		sl_sim_poison(w->sim, &lie);
	}
	swarm_run(w, 1000000);
	double least = 1;
	for (uint32_t i = 0; i < w->topology.peers; i++)
		if (sl_sim_honest(w->sim, i) && w->last_accuracy[i] < least)
			least = w->last_accuracy[i];
	swarm_close(w);
	free(w);
	if (getenv("FIGURES"))
		printf("%-12s %-8s %-16s %.4f\n", graph, robust, poisoner ? poisoner : "-", least);
	return least;
}

static void one_liar_ruins_plain_mixing_alone(void **state)
{
	(void)state;
	static const struct {
		const char *graph, *robust;
	} cases[] = { { "ring:8", "clip:1" },
		      { "torus:3x3", "clip:1" },
		      { "torus:3x3", "trim:1" },
		      { "complete:6", "clip:1" },
		      { "complete:6", "trim:1" } };
	static const char *const lies[] = { "3:flip:30", "3:drift:0.1", "3:noise:10" };
	for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
		double clean = worst(cases[c].graph, "none", NULL);
		assert_true(worst(cases[c].graph, cases[c].robust, NULL) > clean - 0.05);
		for (size_t k = 0; k < sizeof lies / sizeof *lies; k++) {
			double plain = worst(cases[c].graph, "none", lies[k]),
			       robust = worst(cases[c].graph, cases[c].robust, lies[k]);
			if (!(plain < clean - 0.1) || !(robust > clean - 0.05))
				fail_msg("%s, %s, %s: %g clean, %g with plain mixing, %g with robust",
				         cases[c].graph, cases[c].robust, lies[k], clean, plain, robust);
		}
		worst(cases[c].graph, "none", "3:little"); /* a figure only: it is little */
		assert_true(worst(cases[c].graph, cases[c].robust, "3:little") > clean - 0.05);
	}
}

static void digests(const char *robust, bool bad_network, uint64_t *out)
{
	struct swarm *w = calloc(1, sizeof *w);
	assert_non_null(w);
	settings(w, "torus:3x3", robust);
	w->settings.rounds = 40;
	if (bad_network)
		w->network.loss = w->network.duplicate = w->network.reorder = 0.1;
	swarm_open(w);
	swarm_run(w, 1000000);
	for (uint32_t i = 0; i < 9; i++)
		out[i] = swarm_digest(w, i);
	swarm_close(w);
	free(w);
}

/* Bounds are taken from all copies of a round before the first of its terms: no order of arrival changes a
 * bit. */
static void the_network_changes_nothing(void **state)
{
	(void)state;
	static const char *const all[] = { "none", "clip:1", "clip-at:0.3", "trim:1" };
	uint64_t calm[4][9], bad[9];
	for (int k = 0; k < 4; k++) {
		digests(all[k], false, calm[k]);
		digests(all[k], true, bad);
		assert_memory_equal(calm[k], bad, sizeof bad);
		for (int i = 0; i < k; i++)
			assert_memory_not_equal(calm[k], calm[i], sizeof bad);
	}
}

/* A neighbour's pull is what its difference comes to, cut to length, or to the others' range. */
static void terms_are_bounded(void **state)
{
	(void)state;
	struct swarm *w = calloc(1, sizeof *w);
	assert_non_null(w);
	settings(w, "complete:6", "clip:1");
	swarm_open(w);
	struct sl_peer *p = sl_sim_peer(w->sim, 0);
	struct sl_scratch scratch = { 0 };
	uint32_t d = w->plan.dimension;
	float *mine = (float *)(void *)p->copy_state;
	scratch.robust = calloc(3 * (size_t)d, sizeof *scratch.robust);
	assert_non_null(scratch.robust);
	p->scratch = &scratch;
	for (uint32_t i = 0; i < p->degree; i++)
		((float *)(void *)p->edge[i].theirs)[0] = mine[0] + (float)(i + 1) * 0.25f; /* 0.25 … 1.25 */
	sl_robust_prepare(p); /* τ² = (1/w) Σ w (1 + 4 + 9 + 16)/16 */
	assert_float_equal(p->clip_at, 1.3693064, 1e-5);
	const float *view = sl_robust_view(p, mine, (float *)(void *)p->edge[4].theirs);
	assert_float_equal((double)(view[0] - mine[0]), 1.25, 1e-5);
	((float *)(void *)p->edge[4].theirs)[0] = mine[0] + 100;
	sl_robust_prepare(p);
	view = sl_robust_view(p, mine, (float *)(void *)p->edge[4].theirs);
	assert_float_equal((double)(view[0] - mine[0]), 1.3693064, 1e-4);
	assert_float_equal((double)(view[1] - mine[1]), 0, 0);

	w->plan.robust = (struct sl_robust){ SL_ROBUST_TRIM, 1, 0 };
	sl_robust_prepare(p);
	for (uint32_t i = 0; i < p->degree; i++) {
		view = sl_robust_view(p, mine, (float *)(void *)p->edge[i].theirs);
		double wanted = i == 0 || i == 4 ? 0 : (i + 1) * 0.25;
		assert_float_equal((double)(view[0] - mine[0]), wanted, 1e-5);
	}
	free(scratch.robust);
	swarm_close(w);
	free(w);
}

static void what_it_cannot_do_is_said(void **state)
{
	(void)state;
	struct sl_robust r;
	struct sl_error error;
	static const char *const wrong[] = { "",        "clip",      "clip:0",     "clip:x",
		                             "trim:1x", "clip-at:0", "clip-at:-1", "clip-at:nan" };
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(sl_robust_parse(&r, wrong[i], &error), SL_MALFORMED);
	assert_int_equal(sl_robust_parse(&r, "trim:2", &error), SL_OK);
	assert_int_equal(r.byzantine, 2);
	for (unsigned b = 1; b <= 20; b++) { /* decimal, also with a zero in front */
		char text[16];
		snprintf(text, sizeof text, b % 2 ? "clip:%u" : "trim:0%u", b);
		assert_int_equal(sl_robust_parse(&r, text, &error), SL_OK);
		assert_int_equal(r.byzantine, b);
		assert_int_equal(r.kind, b % 2 ? SL_ROBUST_CLIP : SL_ROBUST_TRIM);
	}
	assert_int_equal(sl_robust_parse(&r, "clip-at:0.5", &error), SL_OK);
	assert_float_equal(r.threshold, 0.5, 0);

	struct sl_run_settings s;
	static struct sl_plan plan;
	char note[SL_TEXT_MAX];
	struct sl_plan_graph graph = {
		.peers = 8, .degree_least = 2, .degree_most = 2, .beta = 1.3, .gap = 0.2
	};
	sl_run_settings_standard(&s);
	snprintf(s.method.model, sizeof s.method.model, "softmax");
	snprintf(s.method.robust, sizeof s.method.robust, "trim:1");
	assert_int_equal(sl_plan_make(&plan, &s, &graph, 4, 3, NULL, note, &error), SL_UNSUPPORTED);
	assert_non_null(strstr(error.text, "needs 3 neighbours"));
	snprintf(s.method.robust, sizeof s.method.robust, "clip:1");
	assert_int_equal(sl_plan_make(&plan, &s, &graph, 4, 3, NULL, note, &error), SL_OK);
	snprintf(s.method.algorithm, sizeof s.method.algorithm, "beer");
	assert_int_equal(sl_plan_make(&plan, &s, &graph, 4, 3, NULL, note, &error), SL_UNSUPPORTED);
	assert_non_null(strstr(error.text, "choco"));
	struct sl_sim_poisoner poisoner;
	static const char *const odd[] = { "",          "3",          "3:",      "3:none",
		                           "3:flop",    "x:flip",     "3:flip:", "3:flip:x",
		                           "3:flip:1:", "3:flip:1:y", "9:flip" };
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
		assert_int_not_equal(sl_sim_poisoner_parse(&poisoner, odd[i], 8, &error), SL_OK);
	assert_int_equal(sl_sim_poisoner_parse(&poisoner, "3:drift:0.5:70", 8, &error), SL_OK);
	assert_int_equal(poisoner.from, 70);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_liar_ruins_plain_mixing_alone),
		cmocka_unit_test(the_network_changes_nothing),
		cmocka_unit_test(terms_are_bounded),
		cmocka_unit_test(what_it_cannot_do_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
