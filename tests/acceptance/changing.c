/* Graphs that change from round to round, and graphs with directions: exact averages after a period, learning
 * with half a ring's bytes, and push-sum's exact average where peers give more or less than they take. */
#include "experiments.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 30, D = 20, MOST = 16 };
static const double lambda = 0.1;
static const char top5[] = "topk:5 | float32 | raw", dense[] = "all | float32 | raw";

/* Somebody feeds one and somebody two; nobody takes as much as it gives. */
static const char lopsided[] =
    "peers 5\narc 0 1\narc 1 2\narc 2 0\narc 0 3\narc 3 4\narc 4 0\narc 4 1\narc 2 1\n";

/* Ridge problems whose minima are `apart`; the solution is that of all together. */
static void make(struct trial *t, const char *algorithm, const char *graph, const char *pipeline,
                 double apart, uint32_t peers, double *solution)
{
	struct sl_random g = sl_random_stream(peers, 0, "changing", 0);
	double w[D];
	trial_standard(t, algorithm, graph, "ridge:0.1", pipeline);
	t->features = D;
	for (int k = 0; k < D; k++)
		w[k] = sl_random_normal(&g);
	for (uint32_t i = 0; i < peers; i++) {
		float *row = trial_shard(t, i, ROWS), *target = (float *)(uintptr_t)t->shard[i].target;
		double own[D];
		for (int k = 0; k < D; k++)
			own[k] = w[k] + apart * sl_random_normal(&g);
		for (int s = 0; s < ROWS; s++, row += D)
			for (int k = 0; k < D; k++) {
				row[k] = (float)sl_random_normal(&g);
				target[s] += row[k] * (float)own[k];
			}
	}
	t->peers = peers;
	if (solution)
		reference_minimum(t, lambda, 0, solution);
}

static double square_of(const double *x)
{
	double sum = 0;
	for (int k = 0; k < D; k++)
		sum += x[k] * x[k];
	return sum;
}

/* Models that start apart; push-sum's mass with them. */
static void scatter(struct trial *t)
{
	struct sl_random g = sl_random_stream(2, 0, "apart", 0);
	for (uint32_t i = 0; i < t->peers; i++)
		for (int k = 0; k < D; k++)
			trial_learner(t, i)->x[k] = (float)sl_random_normal(&g);
	for (uint32_t i = 0; i < t->peers; i++)
		if (t->plan.algorithm->scalars)
			memcpy(trial_learner(t, i)->vector[0], trial_model(t, i), D * sizeof(float));
}

/* Consensus error after `rounds` rounds of D-PSGD's gossip to that at the start. */
static double left_after(const char *graph, uint32_t peers, uint32_t rounds)
{
	struct trial t;
	make(&t, "dpsgd", graph, dense, 0, peers, NULL);
	t.settings.eta = 1e-12;
	trial_open(&t);
	scatter(&t);
	double start = trial_consensus(&t);
	trial_run(&t, rounds);
	double left = trial_consensus(&t) / start;
	trial_close(&t);
	return left;
}

static void averages(void)
{
	static const struct {
		const char *graph;
		uint32_t peers, rounds;
	} exact[] = { { "one-peer-hypercube:8", 8, 3 },
		      { "one-peer-exponential:16", 16, 4 },
		      { "base:6,2", 6, 4 },
		      { "base:12,2", 12, 5 },
		      { "base:12,3", 12, 3 },
		      { "base:11,2", 11, 7 } };
	char what[96];
	for (size_t i = 0; i < sizeof exact / sizeof *exact; i++) {
		snprintf(what, sizeof what, "%s: consensus error after %u rounds, to the start",
		         exact[i].graph, exact[i].rounds);
		figure(what, left_after(exact[i].graph, exact[i].peers, exact[i].rounds), -(double)INFINITY,
		       1e-12, "0: the exact average");
		snprintf(what, sizeof what, "%s: and a round before", exact[i].graph);
		figure(what, left_after(exact[i].graph, exact[i].peers, exact[i].rounds - 1), 1e-3, 1,
		       "not yet");
	}
	figure("ring:8: consensus error after 3 rounds, to the start", left_after("ring:8", 8, 3), 1e-2, 1,
	       "not exact");
}

static double error_after(const char *algorithm, const char *graph, const char *pipeline, uint32_t peers,
                          double eta, double gamma, uint32_t rounds, uint64_t *bytes)
{
	struct trial t;
	double solution[D], error = 0;
	make(&t, algorithm, graph, pipeline, 1, peers, solution);
	t.settings.eta = eta;
	t.settings.gamma = gamma;
	trial_open(&t);
	trial_run(&t, rounds);
	if (bytes)
		*bytes = t.unicast;
	for (int k = 0; k < 60; k++) { /* over whole periods, whatever they are */
		trial_run(&t, 1);
		error += trial_distance(&t, solution) / 60;
	}
	trial_close(&t);
	return error / square_of(solution);
}

static void learning(void)
{
	uint64_t one, two;
	double hypercube = error_after("dpsgd", "one-peer-hypercube:8", dense, 8, 0.05, 1, 2000, &one),
	       ring = error_after("dpsgd", "ring:8", dense, 8, 0.05, 1, 2000, &two);
	figure("D-PSGD, one-peer hypercube: bytes to the ring's", (double)one / (double)two, 0.5, 0.5, "0.5");
	figure("D-PSGD, one-peer hypercube: error to the ring's", hypercube / ring, 0, 0.5, "below 1");
	static const struct {
		const char *algorithm, *graph, *pipeline;
		uint32_t peers;
		double eta, gamma;
	} exact[] = { { "dsgt", "one-peer-hypercube:8", dense, 8, 0.05, 1 },
		      { "dsgt", "base:6,2", dense, 6, 0.05, 1 },
		      { "dsgt", "one-peer-exponential:8", dense, 8, 0.05, 1 },
		      { "beer", "one-peer-hypercube:8", top5, 8, 0.02, 0.2 },
		      { "motef:0.5", "base:6,2", top5, 6, 0.02, 0.2 } };
	char what[96];
	for (size_t i = 0; i < sizeof exact / sizeof *exact; i++) {
		snprintf(what, sizeof what, "%s on %s: relative error at 6000", exact[i].algorithm,
		         exact[i].graph);
		figure(what,
		       error_after(exact[i].algorithm, exact[i].graph, exact[i].pipeline, exact[i].peers,
		                   exact[i].eta, exact[i].gamma, 6000, NULL),
		       -(double)INFINITY, 1e-10, "0 (exact)");
	}
}

void experiment_changing(void)
{
	averages();
	learning();
}

/* The compressed methods' copies wake up right: choco and malcom come together on graphs that change. */
static double meets(const char *algorithm, const char *graph, uint32_t peers, const char *pipeline,
                    double gamma, uint32_t rounds, double *moved)
{
	struct trial t;
	double before[D], after[D];
	make(&t, algorithm, graph, pipeline, 0, peers, NULL);
	t.settings.eta = 1e-12;
	t.settings.gamma = gamma;
	trial_open(&t);
	scatter(&t);
	trial_mean(&t, before);
	double start = trial_consensus(&t);
	trial_run(&t, rounds);
	trial_mean(&t, after);
	for (int k = 0; k < D; k++)
		after[k] -= before[k];
	*moved = square_of(after) / square_of(before);
	double left = trial_consensus(&t) / start;
	trial_close(&t);
	return left;
}

/* Row-stochastic averaging, in double: everybody takes the mean of itself and whom it hears. */
struct row {
	double x[MOST][D], next[MOST][D], heard[MOST];
};

static void hear(void *context, struct sl_arc a)
{
	struct row *r = context;
	r->heard[a.to]++;
	for (int k = 0; k < D; k++)
		r->next[a.to][k] += r->x[a.from][k];
}

static double naive(struct trial *t, const double *mean, uint32_t rounds)
{
	static struct row r;
	double error = 0;
	for (uint32_t i = 0; i < t->peers; i++)
		for (int k = 0; k < D; k++)
			r.x[i][k] = (double)trial_model(t, i)[k];
	for (uint32_t round = 0; round < rounds; round++) {
		memcpy(r.next, r.x, sizeof r.x);
		memset(r.heard, 0, sizeof r.heard);
		sl_topology_each_arc(&t->topology, hear, &r);
		for (uint32_t i = 0; i < t->peers; i++)
			for (int k = 0; k < D; k++)
				r.x[i][k] = r.next[i][k] / (1 + r.heard[i]);
	}
	for (uint32_t i = 0; i < t->peers; i++)
		for (int k = 0; k < D; k++)
			error += (r.x[i][k] - mean[k]) * (r.x[i][k] - mean[k]) / t->peers;
	return error / square_of(mean);
}

/* Mean squared distance to the average of the start, relative; what became of the masses; the naive method's
 * distance. */
static double average_error(const char *pipeline, double gamma, uint32_t rounds, double mass[2],
                            double *biased)
{
	struct trial t;
	double mean[D], sum[D] = { 0 };
	make(&t, "push-sum", lopsided, pipeline, 0, 5, NULL);
	t.settings.eta = 1e-12;
	t.settings.gamma = gamma;
	trial_open(&t);
	scatter(&t);
	trial_mean(&t, mean);
	*biased = naive(&t, mean, 200);
	trial_run(&t, rounds);
	mass[1] = -5;
	for (uint32_t i = 0; i < 5; i++) {
		mass[1] += trial_learner(&t, i)->scalar[0];
		for (int k = 0; k < D; k++)
			sum[k] += (double)trial_learner(&t, i)->vector[0][k] / 5;
	}
	double error = trial_distance(&t, mean) / square_of(mean);
	for (int k = 0; k < D; k++)
		sum[k] -= mean[k];
	mass[0] = square_of(sum) / square_of(mean);
	trial_close(&t);
	return error;
}

void experiment_directed(void)
{
	double mass[2], biased, moved;
	figure("choco on base:6,2: consensus error at 1500, to the start",
	       meets("choco", "base:6,2", 6, top5, 0.2, 1500, &moved), -(double)INFINITY, 1e-10, "0: linear");
	figure("malcom on one-peer-exponential:6: consensus error at 1500",
	       meets("malcom", "one-peer-exponential:6", 6, top5, 0.2, 1500, &moved), -(double)INFINITY,
	       1e-10, "0: linear");
	figure("malcom: the mean's relative movement, squared", moved, -(double)INFINITY, 1e-9, "0");
	figure("push-sum, lopsided graph: distance to the average at 200",
	       average_error(dense, 1, 200, mass, &biased), -(double)INFINITY, 1e-10, "0: exact");
	figure("averages of whom one hears: distance to the average", biased, 5e-3, 10, "biased");
	figure("push-sum: relative movement of the masses' sum, squared", mass[0], -(double)INFINITY, 1e-10,
	       "0");
	figure("push-sum: sum of all weights, less their number", fabs(mass[1]), -(double)INFINITY, 1e-6,
	       "0");
	figure("push-sum with topk:5: distance to the average at 3000",
	       average_error(top5, 0.2, 3000, mass, &biased), -(double)INFINITY, 1e-10, "0: linear");
	figure("push-sum: relative movement of the masses' sum, squared", mass[0], -(double)INFINITY, 1e-9,
	       "0");
	double far = error_after("push-sum", lopsided, dense, 5, 0.02, 1, 3000, NULL),
	       near = error_after("push-sum", lopsided, dense, 5, 0.005, 1, 8000, NULL);
	figure("push-sum learns: relative error, eta = 0.005", near, 0, 1e-3, "O(eta^2)");
	figure("push-sum learns: error of a four times longer step to it", far / near, 10, 20, "16");
}
