/* Algorithms: every one against the simulator, bit for bit; its invariants; what it refuses. */
#include "support/trial.h"

#include "gossip/peer/state.h"
#include "sim/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PEERS = 5, SAMPLES = 12, FEATURES = 7, ROUNDS = 25 };

/* Ridge problems that differ from peer to peer. */
static void make_problem(struct trial *t, const char *algorithm, const char *topology, const char *pipeline)
{
	trial_standard(t, algorithm, topology, "ridge:0.1", pipeline);
	t->features = FEATURES;
	t->settings.eta = 0.02;
	t->settings.gamma = 0.4;
	t->settings.batch = 4;
	t->settings.convexity = 0.1;
	t->settings.rounds = ROUNDS;
	struct sl_random g = sl_random_stream(11, 0, "problem", 0);
	for (uint32_t i = 0; i < PEERS; i++) {
		float *rows = trial_shard(t, i, SAMPLES), *target = (float *)(uintptr_t)t->shard[i].target;
		for (uint32_t k = 0; k < SAMPLES * FEATURES; k++)
			rows[k] = (float)sl_random_normal(&g);
		for (uint32_t k = 0; k < SAMPLES; k++)
			target[k] = (float)(i + sl_random_normal(&g));
	}
}

static const char *topology_of(const struct sl_algorithm *a)
{
	return a->aggregate ? "complete:5" : "ring:5";
}

static const char *pipeline_of(const struct sl_algorithm *a)
{
	bool random = a->takes == SL_TAKES_UNBIASED || (a->takes == SL_TAKES_ANY && a->aggregate);
	return random ? "randk:3 | float32 | raw" : "topk:3 | float32 | raw";
}

static const char *const estimators[] = { "batch", "lsvrg", "saga", "storm" };

static void open_problem(struct trial *t, const struct sl_algorithm *a, const char *graph, uint32_t estimator)
{
	make_problem(t, a->name, graph, pipeline_of(a));
	t->settings.estimator = estimator;
	trial_open(t);
}

static void same_as_simulated(const struct sl_algorithm *a, const char *graph, uint32_t estimator,
                              bool faults)
{
	struct trial *t = calloc(1, sizeof *t);
	struct sl_error error = { 0 };
	open_problem(t, a, graph, estimator);
	struct sl_sim_setup setup = { &t->plan,
		                      &t->topology,
		                      t->shard,
		                      { .latency_us = 100, .compute_us = 100, .jitter_us = faults ? 300 : 0 },
		                      SL_SIM_CHECK_COPIES,
		                      { 0 } };
	if (faults)
		setup.network.loss = setup.network.duplicate = setup.network.reorder = 0.1;
	struct sl_sim *sim = sl_sim_open(&setup, &error);
	assert_non_null(sim);
	if (!sl_sim_run(sim, 10000000))
		fail_msg("%s on %s: %s", a->name, graph, sl_sim_trouble(sim));
	trial_run(t, ROUNDS);
	assert_false(t->diverged);
	for (uint32_t i = 0; i < PEERS; i++) {
		const float *x = sl_peer_model(sl_sim_peer(sim, i));
		if (memcmp(x, trial_model(t, i), t->plan.dimension * sizeof *x) != 0)
			fail_msg("%s on %s, %s: peer %u of the simulation has another model", a->name, graph,
			         estimators[estimator], i);
		if (a->aggregate && memcmp(x, trial_model(t, 0), t->plan.dimension * sizeof *x) != 0)
			fail_msg("%s: peers' models differ", a->name);
	}
	sl_sim_close(sim);
	trial_close(t);
	free(t);
}

static void trials_are_simulations(void **state)
{
	(void)state;
	for (const struct sl_algorithm *const *a = sl_algorithms; *a; a++)
		for (uint32_t e = 0; e < sizeof estimators / sizeof *estimators; e++)
			same_as_simulated(*a, topology_of(*a), e, e == 0);
}

/* 0 and 1 are fed by several, 3 by one; nobody takes as much as it gives. */
static const char lopsided[] =
    "peers 5\narc 0 1\narc 1 2\narc 2 0\narc 0 3\narc 3 4\narc 4 0\narc 4 1\narc 2 1\n";

/* An edge has other weights in other rounds, and one way only in some; peer 4 rests in one. */
static const char restless[] =
    "peers 5\narc 0 1 .5 0\narc 1 0 .25 1\narc 1 2 .5 0\narc 2 1 .3 2\narc 2 3 .4 1\narc 3 2 .2 1\narc 3 2 .4 2\n"
    "arc 3 4 .5 0\narc 4 0 .6 2\n";

static const struct {
	const char *graph;
	unsigned needs; /* of algorithm.graphs */
} special[] = {
	{ "base:5,2", SL_GRAPHS_CHANGING },
	{ "base:5,3", SL_GRAPHS_CHANGING },
	{ "directed-ring:5", SL_GRAPHS_BALANCED },
	{ "one-peer-exponential:5", SL_GRAPHS_CHANGING | SL_GRAPHS_BALANCED },
	{ lopsided, SL_GRAPHS_DIRECTED },
	{ restless, SL_GRAPHS_CHANGING | SL_GRAPHS_DIRECTED },
};

/* Graphs that change or have directions: the same for those that take them; refused, in words that say why
 * and what to use, by all others. */
static void special_graphs(void **state)
{
	(void)state;
	for (const struct sl_algorithm *const *a = sl_algorithms; *a; a++)
		for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
			if (((*a)->graphs & special[i].needs) == special[i].needs) {
				same_as_simulated(*a, special[i].graph, 0, true);
				continue;
			}
			struct trial *t = calloc(1, sizeof *t);
			struct sl_error error = { 0 };
			make_problem(t, (*a)->name, special[i].graph, pipeline_of(*a));
			if (trial_plan(t, &error))
				fail_msg("%s on %s: not refused", (*a)->name, special[i].graph);
			if (!strstr(error.text, "use "))
				fail_msg("'%s' does not say what to use", error.text);
			trial_close(t);
			free(t);
		}
}

/* A killed peer goes on from its checkpoint and everybody ends where they would have. */
static void crash_changes_nothing(const struct sl_algorithm *a, const char *graph)
{
	struct trial *t = calloc(1, sizeof *t);
	struct sl_error error = { 0 };
	make_problem(t, a->name, graph, pipeline_of(a));
	t->settings.checkpoint_every = 4;
	t->settings.estimator = SL_ESTIMATOR_SAGA;
	trial_open(t);
	struct sl_sim_setup setup = { &t->plan,
		                      &t->topology,
		                      t->shard,
		                      { .latency_us = 100, .compute_us = 100 },
		                      SL_SIM_CHECK_COPIES,
		                      { 0 } };
	struct sl_sim *sim = sl_sim_open(&setup, &error);
	for (uint64_t n = 0; sl_peer_round(sl_sim_peer(sim, 1)) < 14; n++)
		assert_true(n < 1000000 && sl_sim_step(sim));
	sl_sim_kill(sim, 1);
	for (int n = 0; n < 40; n++)
		sl_sim_step(sim);
	sl_sim_revive(sim, 1, true);
	if (!sl_sim_run(sim, 10000000))
		fail_msg("%s on %s: %s", a->name, graph, sl_sim_trouble(sim));
	trial_run(t, ROUNDS);
	assert_false(t->diverged);
	for (uint32_t i = 0; i < PEERS; i++)
		if (memcmp(sl_peer_model(sl_sim_peer(sim, i)), trial_model(t, i),
		           t->plan.dimension * sizeof(float)) != 0)
			fail_msg("%s on %s: peer %u ends elsewhere after a crash", a->name, graph, i);
	sl_sim_close(sim);
	trial_close(t);
	free(t);
}

static void crashes_change_nothing(void **state)
{
	(void)state;
	for (const struct sl_algorithm *const *a = sl_algorithms; *a; a++) {
		crash_changes_nothing(*a, topology_of(*a));
		for (size_t i = 0; i < sizeof special / sizeof *special; i++)
			if (((*a)->graphs & special[i].needs) == special[i].needs)
				crash_changes_nothing(*a, special[i].graph);
	}
}

/* What begins with a name is refused, or not, in words that say why and what to use. */
static void refusals_explain(void **state)
{
	(void)state;
	static const struct {
		const char *algorithm, *topology, *pipeline, *sentence;
	} wrong[] = {
		{ "diana", "ring:5", "randk:3|float32|raw",
		  "use topology complete:N, or beer, prox-lead or choco" },
		{ "diana", "complete:5", "topk:3|float32|raw", "is not unbiased" },
		{ "ef21", "complete:5", "randk:2|float32|raw", "needs less than 1" },
		{ "eclk:0.2,0.9", "complete:5", "topk:3|float32|raw", "theta1 + theta2 at most 1" },
		{ "d2", "ring:4", "topk:3|float32|raw", "use exact-diffusion" },
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct trial *t = calloc(1, sizeof *t);
		struct sl_error error = { 0 };
		make_problem(t, wrong[i].algorithm, wrong[i].topology, wrong[i].pipeline);
		if (trial_plan(t, &error))
			fail_msg("%s on %s: not refused", wrong[i].algorithm, wrong[i].topology);
		if (!strstr(error.text, wrong[i].sentence))
			fail_msg("'%s' does not say '%s'", error.text, wrong[i].sentence);
		trial_close(t);
		free(t);
	}
	struct trial *t = calloc(1, sizeof *t);
	struct sl_error error = { 0 };
	make_problem(t, "ef14", "complete:5", "topk:3|float32|raw");
	t->settings.round_timeout_us = 1000000;
	assert_false(trial_plan(t, &error));
	assert_non_null(strstr(error.text, "round_timeout = never"));
	trial_close(t);
	free(t);
}

/* Every plug-in that states a rule has one, and the rule gives a usable number. */
static void theory_gives_steps(void **state)
{
	(void)state;
	for (const struct sl_algorithm *const *a = sl_algorithms; *a; a++) {
		struct trial *t = calloc(1, sizeof *t);
		struct sl_error error = { 0 };
		make_problem(t, (*a)->name, topology_of(*a), pipeline_of(*a));
		t->settings.eta_rule = SL_ETA_THEORY;
		assert_false(trial_plan(t, &error)); /* the smoothness is missing, or there is no rule */
		t->settings.smoothness = 4;
		assert_true(!(*a)->steps == !(*a)->theory);
		if (trial_plan(t, &error) != ((*a)->theory != NULL))
			fail_msg("%s: %s", (*a)->name, error.text);
		if ((*a)->theory)
			assert_true(t->plan.settings.eta > 0 && t->plan.settings.eta < 10);
		trial_close(t);
		free(t);
	}
}

/* The mean over the peers of the loss of their shards at their own models. */
static double loss_of(const struct trial *t)
{
	double sum = 0, accuracy;
	for (uint32_t i = 0; i < PEERS; i++)
		sum += sl_model_evaluate_all(&t->plan.model, &t->shard[i], trial_model(t, i), &accuracy,
		                             t->scratch.learn);
	return sum / PEERS;
}

/* Whatever a method does, it gets somewhere: the minimum of these problems is at 0.87 of the loss at the start. */
static void every_algorithm_learns(void **state)
{
	(void)state;
	for (const struct sl_algorithm *const *a = sl_algorithms; *a; a++) {
		struct trial *t = calloc(1, sizeof *t);
		open_problem(t, *a, topology_of(*a), 0);
		double start = loss_of(t);
		trial_run(t, 200);
		double end = loss_of(t);
		if (t->diverged || !(end < 0.95 * start))
			fail_msg("%s: a loss of %g after 200 rounds, %g before", (*a)->name, end, start);
		trial_close(t);
		free(t);
	}
}

/* Without compression the compressed methods are their parents: the same trajectory up to rounding. */
static void identity_gives_the_parent(void **state)
{
	(void)state;
	static const struct {
		const char *child, *parent, *topology;
		double gamma;
	} pairs[] = {
		{ "choco", "dpsgd", "ring:5", 1 },           { "deepsqueeze", "dpsgd", "ring:5", 1 },
		{ "lead", "exact-diffusion", "ring:5", 1 },  { "cedas", "exact-diffusion", "ring:5", 1 },
		{ "diana", "dcgd", "complete:5", 1 },        { "ef21", "dcgd", "complete:5", 1 },
		{ "ef14", "dcgd", "complete:5", 1 },         { "rand-diana", "dcgd", "complete:5", 1 },
		{ "gdci:1", "dcgd", "complete:5", 1 },       { "vr-gdci:1", "dcgd", "complete:5", 1 },
		{ "ec-lsvrg", "dcgd", "complete:5", 1 },     { "ef21-sgdm:1", "dcgd", "complete:5", 1 },
		{ "motef:1", "beer", "ring:5", 1 },          { "quasi-global:0", "choco", "ring:5", 1 },
		{ "ef21-sgd2m:1", "dcgd", "complete:5", 1 }, { "ec-sgd-diana", "dcgd", "complete:5", 1 },
		{ "perturbed:0", "dcgd", "complete:5", 1 },
	};
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		struct trial *t[2];
		for (int s = 0; s < 2; s++) {
			t[s] = calloc(1, sizeof **t);
			make_problem(t[s], s ? pairs[i].parent : pairs[i].child, pairs[i].topology,
			             "all | float32 | raw");
			t[s]->settings.gamma = pairs[i].gamma;
			t[s]->settings.batch = 1000;
			trial_open(t[s]);
			trial_run(t[s], ROUNDS);
		}
		for (uint32_t p = 0; p < PEERS; p++)
			for (uint32_t k = 0; k < FEATURES; k++) {
				float a = trial_model(t[0], p)[k], b = trial_model(t[1], p)[k];
				if (!(fabsf(a - b) <= 2e-5f * (1 + fabsf(b))))
					fail_msg("%s without compression is not %s: %g, %g", pairs[i].child,
					         pairs[i].parent, (double)a, (double)b);
			}
		for (int s = 0; s < 2; s++) {
			trial_close(t[s]);
			free(t[s]);
		}
	}
}

/* Sums that must stay what they are: the mean of trackers is the mean of gradients, duals sum to zero. */
static void invariants_hold(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		int plus, minus; /* Σ_i vector[plus] = Σ_i vector[minus]; −1: zero */
	} kept[] = { { "beer", 0, 1 }, { "motef", 0, 1 }, { "cdproxsgt", 0, 1 },  { "docom", 0, 1 },
		     { "dsgt", 0, 1 }, { "lead", 0, -1 }, { "prox-lead", 0, -1 }, { "c-led", 0, -1 } };
	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
		struct trial *t = calloc(1, sizeof *t);
		make_problem(t, kept[i].name, "ring:5", "topk:3|float32|raw");
		trial_open(t);
		trial_run(t, 60);
		assert_false(t->diverged);
		for (uint32_t k = 0; k < FEATURES; k++) {
			double sum = 0, size = 0;
			for (uint32_t p = 0; p < PEERS; p++) {
				struct sl_learner *l = trial_learner(t, p);
				sum += (double)l->vector[kept[i].plus][k];
				sum -= kept[i].minus < 0 ? 0 : (double)l->vector[kept[i].minus][k];
				size += fabs((double)l->vector[kept[i].plus][k]);
			}
			if (!(fabs(sum) < 1e-5 * (1 + size)))
				fail_msg("%s: the sum over the peers is %g off", kept[i].name, sum);
		}
		trial_close(t);
		free(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trials_are_simulations), cmocka_unit_test(crashes_change_nothing),
		cmocka_unit_test(special_graphs),         cmocka_unit_test(refusals_explain),
		cmocka_unit_test(theory_gives_steps),     cmocka_unit_test(identity_gives_the_parent),
		cmocka_unit_test(invariants_hold),        cmocka_unit_test(every_algorithm_learns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
