/* gamma.c — which consensus step sizes are stable: what the rule in lib/gossip/gamma.c was fitted to, and is
 * checked against.
 *
 *   gamma consensus ALGORITHM GRAPH PIPELINE [ROUNDS [HIDDEN]]   no gradients: the decay of disagreement alone; HIDDEN 0: softmax
 *   gamma learn ALGORITHM GRAPH PIPELINE MODEL ETA [ROUNDS [STEPS]]   label-sorted data, a step size that falls to a tenth
 *
 * Goes through a geometric grid of γ from 1 down, and prints the largest that is stable together with all
 * below it, the best, and what the rule says. */
#include "../support/trial.h"

#include "base/random.h"
#include "compress/pipeline.h"
#include "gossip/gamma.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FEATURES = 20, CLASSES = 4, SAMPLES = 64, HELD = 256 };

struct question {
	const char *algorithm, *graph, *pipeline, *model;
	double eta;
	unsigned rounds, steps;
	bool learns, verbose;
};

struct answer {
	double loss, consensus; /* at the end: of the mean model over all data; mean of |x_i − x̄|² */
	double slope;           /* of log10 of the disagreement, per hundred rounds */
	double gain, rule;
	bool stable;
	struct sl_spectrum spectrum;
	double given;
};

static double normal(struct sl_random *g)
{
	double a = sl_random_unit_double(g), b = sl_random_unit_double(g);
	return sqrt(-2 * log(1 - a)) * cos(2 * M_PI * b);
}

/* Four clusters; peer i holds mostly class i mod 4. */
static void make_data(struct trial *t)
{
	struct sl_random g = sl_random_stream(5, 0, "clusters", 0);
	double centre[CLASSES][FEATURES];
	for (int c = 0; c < CLASSES; c++)
		for (int k = 0; k < FEATURES; k++)
			centre[c][k] = 0.6 * normal(&g);
	for (uint32_t i = 0; i < t->peers; i++) {
		float *row = trial_shard(t, i, SAMPLES);
		struct sl_random h = sl_random_stream(6, i, "samples", 0);
		for (int s = 0; s < SAMPLES; s++) {
			int c = sl_random_below(&h, 10) < 8 ? (int)(i % CLASSES)
			                                    : (int)sl_random_below(&h, CLASSES);
			((uint16_t *)(uintptr_t)t->shard[i].label)[s] = (uint16_t)c;
			for (int k = 0; k < FEATURES; k++)
				row[s * FEATURES + k] = (float)(centre[c][k] + normal(&h));
		}
	}
}

static double mean_loss(struct trial *t)
{
	static double mean[1 << 16];
	static float x[1 << 16];
	double sum = 0;
	trial_mean(t, mean);
	for (uint32_t k = 0; k < t->plan.dimension; k++)
		x[k] = (float)mean[k];
	for (uint32_t i = 0; i < t->peers; i++) {
		struct sl_learner *l = trial_learner(t, i);
		l->scratch = &t->scratch;
		sum += sl_part_full_gradient(l, x, t->scratch.gradient);
	}
	return sum / t->peers;
}

static void perturb(struct trial *t)
{
	for (uint32_t i = 0; i < t->peers; i++) {
		struct sl_random g = sl_random_stream(7, i, "start", 0);
		float *x = (float *)(uintptr_t)trial_model(t, i);
		for (uint32_t k = 0; k < t->plan.dimension; k++)
			x[k] += (float)normal(&g);
	}
}

static double rule_of(const struct trial *t)
{
	struct sl_gamma_bound bound = { 0 };
	struct sl_plan_graph graph = sl_plan_graph_of(&t->topology, &t->spectrum);
	if (t->plan.algorithm->gamma_rule)
		t->plan.algorithm->gamma_rule(&t->plan, &graph, &bound);
	return bound.most;
}

static bool ask(const struct question *q, double gamma, struct answer *out)
{
	struct trial t;
	struct sl_error error = { 0 };
	trial_standard(&t, q->algorithm, q->graph, q->model, q->pipeline);
	struct sl_settings *s = &t.settings;
	s->gamma = gamma;
	s->eta = q->learns ? q->eta : 1e-12; /* not 0: some methods divide by it */
	s->eta_end = q->eta / 10;
	s->eta_schedule = q->learns ? SL_ETA_FALLING : SL_ETA_CONSTANT;
	s->rounds = q->rounds;
	s->local_steps = q->steps;
	s->batch = q->learns ? 16 : 1;
	t.may_diverge = true;
	t.features = FEATURES;
	t.classes = CLASSES;
	if (!trial_plan(&t, &error)) {
		fprintf(stderr, "%s %s %s %g: %s\n", q->algorithm, q->graph, q->pipeline, gamma, error.text);
		trial_close(&t);
		return false;
	}
	make_data(&t);
	trial_open(&t);
	out->spectrum = t.spectrum;
	out->gain = sl_pipeline_gain(&t.plan.pipeline, &t.plan.model.layout);
	out->rule = rule_of(&t);
	out->given = 0;
	for (uint32_t i = 0; i < t.peers; i++)
		out->given = fmax(out->given, 1 - t.topology.self[i]);
	if (!q->learns)
		perturb(&t);
	double first = trial_consensus(&t), half = first, best = (double)INFINITY;
	unsigned r = 0;
	for (; r < q->rounds && !t.diverged; r++) {
		trial_round(&t);
		if (r == q->rounds / 2)
			half = trial_consensus(&t);
		if (r % 50 == 49) {
			double c = trial_consensus(&t);
			best = r > q->rounds / 4 ? fmin(best, c) : best;
			if (!(c < 1e12) || (!q->learns && (c < 1e-11 * first || c > 1e8 * first)))
				break;
		}
	}
	out->consensus = trial_consensus(&t);
	out->loss = t.diverged || !(out->consensus < 1e12) ? (double)INFINITY : mean_loss(&t);
	out->slope = r < q->rounds ? 100 * log10(out->consensus / first) / r
	                           : 100 * log10(out->consensus / half) / (q->rounds / 2.0);
	out->stable = !t.diverged && out->consensus < 1e12 &&
	              (q->learns ? out->consensus < 30 * best && out->loss < 2 : out->slope < 0);
	trial_close(&t);
	return true;
}

int main(int argc, char **argv)
{
	if (argc < 5)
		return 2;
	bool learns = strcmp(argv[1], "learn") == 0;
	static char hidden[32];
	struct question q = { argv[2], argv[3], argv[4], "mlp:32", 0, 1000, 1, learns, getenv("V") != NULL };
	if (learns) {
		q.model = argc > 5 ? argv[5] : "softmax";
		q.eta = argc > 6 ? atof(argv[6]) : 0.1;
		q.steps = argc > 8 ? (unsigned)atoi(argv[8]) : 4;
	} else if (argc > 6) {
		snprintf(hidden, sizeof hidden, "mlp:%s", argv[6]);
		q.model = atoi(argv[6]) ? hidden : "softmax";
	}
	int rounds = learns ? 7 : 5;
	q.rounds = argc > rounds ? (unsigned)atoi(argv[rounds]) : 1000;
	double most = 0, best = 0, least = (double)INFINITY, loss = (double)NAN;
	struct answer a = { 0 };
	for (double g = 1; g > 0.002; g /= learns ? 1.3 : 1.12) {
		if (!ask(&q, g, &a) || !a.stable) {
			most = 0;
			best = 0;
			least = (double)INFINITY;
		} else if (most == 0) {
			most = g;
		}
		if (q.verbose)
			printf("  %.4f stable %d loss %.4f consensus %.3g slope %.3g\n", g, a.stable, a.loss,
			       a.consensus, a.slope);
		double mark = learns ? a.loss : a.slope;
		if (most > 0 && mark < least) {
			least = mark;
			best = g;
			loss = a.loss;
		}
		if (most > 0 && g < most / 4)
			break;
	}
	printf(
	    "%-8s %-12s %-13s %-38s %-8s eta %-5g gain %.3f given %.3f beta %.3f gap %.4f  most %.4f best %.4f (%.4f) "
	    "rule %.4f\n",
	    argv[1], q.algorithm, q.graph, q.pipeline, q.model, q.eta, a.gain, a.given, a.spectrum.beta,
	    a.spectrum.gap, most, best, learns ? loss : least, a.rule);
	return 0;
}
