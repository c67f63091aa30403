/* gamma = auto: which value it takes, that it follows the roster at all ends of an edge, and what is said of values
 * that were given by hand. */
#include "support/swarm.h"

#include "gossip/algorithm.h"
#include "gossip/peer/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char note[SL_TEXT_MAX];
static double smoothness; /* of the next plan */
static uint32_t features; /* of a softmax of four classes; 0: a model of some thousand parameters */
static struct sl_error error;

/* What a plan makes of it; NAN where it is refused. */
static double gamma_of(const char *algorithm, const char *graph, const char *pipeline, double given)
{
	static struct sl_plan plan;
	struct sl_settings s;
	struct sl_topology t;
	struct sl_spectrum spectrum;
	sl_settings_standard(&s);
	snprintf(s.algorithm, sizeof s.algorithm, "%s", algorithm);
	snprintf(s.pipeline, sizeof s.pipeline, "%s", pipeline);
	if (features)
		snprintf(s.model, sizeof s.model, "softmax");
	s.gamma = given;
	s.smoothness = smoothness;
	note[0] = '\0';
	assert_int_equal(sl_settings_check(&s, &error), SL_OK);
	assert_int_equal(sl_topology_make(&t, graph, 1, &error), SL_OK);
	sl_topology_spectrum(&t, &spectrum);
	struct sl_plan_graph g = sl_plan_graph_of(&t, &spectrum);
	sl_topology_free(&t);
	struct sl_run_settings all = sl_run_settings_of(&s);
	return sl_plan_make(&plan, &all, &g, features ? features : 30, 4, NULL, note, &error) == SL_OK
	           ? plan.gamma
	           : (double)NAN;
}

static void no_plan_is_without_a_method(void **state)
{
	static struct sl_plan plan;
	struct sl_settings s;
	struct sl_plan_graph g = { .peers = 8, .degree_least = 2, .degree_most = 2, .beta = 1.3, .gap = 0.2 };
	(void)state;
	sl_settings_standard(&s);
	snprintf(s.algorithm, sizeof s.algorithm, "chocolate"); /* settings that nobody has checked */
	struct sl_run_settings all = sl_run_settings_of(&s);
	assert_int_equal(sl_plan_make(&plan, &all, &g, 30, 4, NULL, note, &error), SL_NOT_FOUND);
	assert_string_equal(error.text, "[algorithm] unknown algorithm 'chocolate'");
}

static const char usual[] = "topk:0.05 | dither:16 | golomb", coarse[] = "topk:0.15 | rounding:2 | context";

static void every_method_says_what_its_gamma_is(void **state)
{
	(void)state;
	for (const struct sl_algorithm *const *a = sl_algorithms; *a; a++)
		if (!(*a)->aggregate == !((*a)->gamma > 0 || (*a)->gamma_rule))
			fail_msg("%s: has a gamma and no rule for it, or a rule and no gamma", (*a)->name);
}

/* The largest that gossip alone stands, as tests/research/gamma.c finds it: what auto takes is below, and not far. */
static void auto_is_below_what_is_stable(void **state)
{
	static const struct {
		const char *graph, *pipeline;
		double most;
	} found[] = {
		{ "ring:8", usual, 0.183 },
		{ "path:8", usual, 0.205 },
		{ "torus:4x4", usual, 0.146 },
		{ "torus:8x8", usual, 0.163 },
		{ "complete:8", usual, 0.13 },
		{ "star:8", usual, 0.13 },
		{ "hypercube:32", usual, 0.146 },
		{ "complete:32", usual, 0.116 },
		{ "ring:8", "topk:0.1 | natural | golomb", 0.62 },
		{ "complete:8", "topk:0.1 | natural | golomb", 0.54 },
		{ "torus:4x4", "topk:0.1 | rounding:2 | context", 0.41 },
		{ "star:8", "topk:0.1 | dither:16 | golomb", 0.244 },
		{ "star:6", coarse, 0.474 },
		{ "ring:16", coarse, 0.622 },
		{ "complete:6", coarse, 0.673 },
		{ "path:6", "topk:0.1 | rounding:2 | context", 0.419 },
		{ "ring:8", "all | dither:4 | context", 0.85 },
		{ "complete:8", "all | dither:4 | context", 0.75 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
		double gamma = gamma_of("choco", found[i].graph, found[i].pipeline, 0);
		if (!(gamma < found[i].most && gamma > 0.5 * found[i].most))
			fail_msg("%s: auto takes %g, and %g is stable", found[i].graph, gamma, found[i].most);
	}
	/* rounding helps less where disagreement between far parts lasts */
	assert_true(gamma_of("choco", "ring:16", coarse, 0) < 0.95 * gamma_of("choco", "ring:8", coarse, 0));
	assert_true(gamma_of("choco", "ring:16", usual, 0) > 0.98 * gamma_of("choco", "ring:8", usual, 0));
	assert_true(gamma_of("choco", "ring:8", "all | float32 | raw", 0) == 1);
	assert_true(gamma_of("choco", "ring:8", "topk:0.6 | natural | golomb", 0) ==
	            1); /* not all are rounded */
	assert_true(gamma_of("dpsgd", "ring:8", usual, 0) == 1);
	assert_true(gamma_of("exact-diffusion", "ring:8", usual, 0) == 0.5);
	assert_true(gamma_of("choco", "ring:8", usual, 0.3) == 0.3);
}

/* Momentum of the gossiped models is a spring as late as the compressor: one that is too strong stands no gamma. At 1 % with the
 * usual one gossip grows at 0.004, and at 10 % it stands 0.33 (0.03 with mu = 1). */
static void momentum_that_gossip_sees_has_a_limit(void **state)
{
	static const char most[] = "topk:0.1 | dither:16 | golomb",
	                  least[] = "topk:0.01 | dither:16 | golomb";
	(void)state;
	double plain = gamma_of("choco", "ring:8", most, 0),
	       with = gamma_of("quasi-global", "ring:8", most, 0);
	assert_true(with < plain && with > 0.8 * plain);
	assert_true(isnan(gamma_of("quasi-global:0.9,1", "ring:8", most, 0)));
	assert_true(isnan(gamma_of("quasi-global", "ring:8", least, 0)));
	assert_non_null(strstr(error.text, "use mu = 0.03"));
	assert_true(gamma_of("quasi-global:0.9,0.03", "ring:8", least, 0) > 0.01);
	/* coarse values allow more, but less with momentum, and none with a dual */
	assert_true(gamma_of("choco", "ring:8", "topk:0.1 | rounding:2 | context", 0) > 0.4);
	assert_true(gamma_of("quasi-global", "ring:8", "topk:0.1 | rounding:2 | context", 0) < 0.35);
	assert_true(gamma_of("c-led", "ring:8", "topk:0.1 | rounding:2 | context", 0) < 0.34);
	/* what is a round late stands less than 1 over the largest eigenvalue, whatever the compressor */
	assert_true(gamma_of("ticopd", "torus:4x4", "topk:0.4 | natural | golomb", 0) < 0.59);
}

/* The same for models of few parameters, which stand less than the same share of many. */
static void small_models_have_room(void **state)
{
	static const char third[] = "topk:0.3 | float32 | raw", sign[] = "topk:0.2 | sign:whole | context";
	static const struct {
		uint32_t features;
		const char *graph, *pipeline;
		double most;
	} found[] = {
		{ 1, "ring:8", sign, 0.705 },     { 4, "ring:8", sign, 0.592 },
		{ 6, "ring:8", sign, 0.665 },     { 4, "hypercube:8", usual, 0.146 },
		{ 6, "ring:8", third, 0.84 },     { 6, "hypercube:8", third, 0.747 },
		{ 6, "complete:6", sign, 0.497 }, { 8, "ring:8", third, 0.943 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
		features = found[i].features;
		double gamma = gamma_of("choco", found[i].graph, found[i].pipeline, 0);
		if (!(gamma < found[i].most && gamma > 0.5 * found[i].most))
			fail_msg("%s, %s, %u features: auto takes %g, and %g is stable", found[i].graph,
			         found[i].pipeline, features, gamma, found[i].most);
	}
	features = 0;
}

/* Machines differ in the last bit of a spectrum: three digits hide that. */
static void auto_has_three_digits(void **state)
{
	static const char *const graphs[] = { "ring:5", "torus:4x4", "complete:9", "star:17", "path:30" };
	(void)state;
	for (size_t i = 0; i < sizeof graphs / sizeof *graphs; i++) {
		char text[32];
		double gamma = gamma_of("choco", graphs[i], usual, 0);
		snprintf(text, sizeof text, "%.2e", gamma);
		assert_true(gamma == strtod(text, NULL));
	}
}

static void what_is_too_large_is_said(void **state)
{
	(void)state;
	assert_true(gamma_of("choco", "torus:4x4", usual, 0.25) == 0.25);
	assert_string_equal(
	    note, "gamma = 0.25 may be too large for choco with this pipeline on this graph: up to about "
	          "0.15 is stable, and auto takes 0.144");
	gamma_of("choco", "torus:4x4", usual, 0.144);
	assert_string_equal(note, "");
	gamma_of("c-led:0.2", "ring:8", usual, 0.1);
	assert_string_equal(
	    note, "c-led:0.2 may not be stable with this pipeline, whatever gamma is: use theta = 0.1, "
	          "or a pipeline that loses less");
	assert_true(isnan(gamma_of("c-led:0.2", "ring:8", usual, 0)));
	assert_non_null(strstr(error.text, "use theta = 0.1"));
	assert_true(gamma_of("c-led:0.2", "ring:8", "topk:0.1 | rounding:2 | context", 0) > 0.2);
	assert_true(isnan(gamma_of("lead", "ring:8", usual, 0)));
	assert_non_null(strstr(error.text, "use all | dither:16 | golomb"));
}

static void a_step_beyond_the_curvature_is_said(void **state)
{
	(void)state;
	smoothness = 12; /* eta is 0.15 */
	gamma_of("choco", "ring:8", usual, 0);
	assert_string_equal(note, "");
	smoothness = 20;
	gamma_of("choco", "ring:8", usual, 0);
	assert_string_equal(
	    note, "eta = 0.15 may be too large: with smoothness = 20 gradient steps are stable below 0.1");
	smoothness = 0;
}

static double gamma_on(const struct sl_plan *plan, const char *graph)
{
	struct sl_topology t;
	struct sl_spectrum spectrum;
	assert_int_equal(sl_topology_make(&t, graph, 1, &error), SL_OK);
	sl_topology_spectrum(&t, &spectrum);
	struct sl_plan_graph g = sl_plan_graph_of(&t, &spectrum);
	sl_topology_free(&t);
	return sl_gamma_of(plan, &g);
}

static struct sl_topology ring, more;

static void start_as_ring(struct swarm *w)
{
	struct sl_edge_pair edge[] = { { 0, 1 }, { 1, 2 }, { 2, 3 }, { 3, 4 }, { 0, 4 } };
	assert_int_equal(sl_topology_from_members(&ring, "ring", 6, edge, NULL, 5, &error), SL_OK);
	w->roster = &ring;
}

/* A ring of five gets a sixth peer with three neighbours: its gamma must fall with the step that says so, at both
 * ends of every edge, and be that of the roster before in steps of that time. */
static void it_follows_the_roster(void **state)
{
	struct sl_edge_pair edge[] = { { 0, 1 }, { 1, 2 }, { 2, 3 }, { 3, 4 },
		                       { 0, 4 }, { 0, 5 }, { 2, 5 }, { 3, 5 } };
	struct swarm w;
	(void)state;
	swarm_standard(&w);
	w.settings.rounds = 60;
	w.settings.gamma = 0;
	w.choose = start_as_ring;
	snprintf(w.topology_spec, sizeof w.topology_spec, "complete:6");
	swarm_open(&w);
	double before = sl_peer_gamma(sl_sim_peer(w.sim, 0), 1);
	assert_true(before == gamma_on(&w.plan, "ring:5"));
	swarm_run_to(&w, 0, 20);
	assert_int_equal(sl_topology_from_members(&more, "more", 6, edge, NULL, 8, &error), SL_OK);
	for (uint32_t i = 0; i < 6; i++)
		sl_sim_roster(w.sim, i, &more, 2, 2000 * i);
	swarm_run(&w, 1000000);
	double after = sl_peer_gamma(sl_sim_peer(w.sim, 0), 2);
	assert_true(after < before);
	for (uint32_t i = 0; i < 6; i++) {
		const struct sl_peer *p = sl_sim_peer(w.sim, i);
		assert_true(sl_peer_gamma(p, 2) == after && sl_peer_gamma(p, 1) == before);
		struct sl_peer_status s;
		sl_peer_status(p, &s);
		assert_true(s.gamma == after);
	}
	assert_int_equal(swarm_count(&w, "gamma"), 6 + 5);
	swarm_close(&w);
	sl_topology_free(&ring);
	sl_topology_free(&more);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_plan_is_without_a_method),
		cmocka_unit_test(every_method_says_what_its_gamma_is),
		cmocka_unit_test(auto_is_below_what_is_stable),
		cmocka_unit_test(momentum_that_gossip_sees_has_a_limit),
		cmocka_unit_test(small_models_have_room),
		cmocka_unit_test(auto_has_three_digits),
		cmocka_unit_test(what_is_too_large_is_said),
		cmocka_unit_test(a_step_beyond_the_curvature_is_said),
		cmocka_unit_test(it_follows_the_roster),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
