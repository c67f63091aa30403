/* Shifted compression (Shulgin & Richtárik 2022) on ridge regression: methods with shifts converge linearly
 * and exactly, methods without stop at a distance, and all of it rests on compressors that are independent of
 * each other. */
#include "experiments.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PEERS = 10, ROWS = 40, D = 40 };
static const double lambda = 1.0 / 400;

struct problem {
	double solution[D], square, smoothness, mean_smoothness, convexity;
};

/* f_i = (n/2)|A_i x − y_i|² + (λ/2)|x|²: as a mean over 40 samples the rows are those of A times √(40n) = 20.
 */
static void fill(struct trial *t, uint64_t seed)
{
	struct sl_random g = sl_random_stream(seed, 0, "ridge", 0);
	double w[D];
	for (int k = 0; k < D; k++)
		w[k] = sl_random_normal(&g);
	for (uint32_t i = 0; i < PEERS; i++) {
		float *row = trial_shard(t, i, ROWS), *target = (float *)(uintptr_t)t->shard[i].target;
		for (int s = 0; s < ROWS; s++, row += D) {
			double y = 5 * sl_random_normal(&g);
			for (int k = 0; k < D; k++) {
				double a = sl_random_normal(&g);
				y += a * w[k];
				row[k] = (float)(20 * a);
			}
			target[s] = (float)(20 * y);
		}
	}
}

static void solve(struct trial *t, struct problem *p)
{
	double *h = malloc(sizeof *h * D * D), least, most;
	p->smoothness = 0;
	for (uint32_t i = 0; i < PEERS; i++) {
		reference_curvature(t, i, 1, h);
		reference_extremes(D, h, &least, &most);
		p->smoothness = most_of(p->smoothness, most + lambda);
	}
	reference_curvature(t, UINT32_MAX, 1, h);
	reference_extremes(D, h, &least, &most);
	p->mean_smoothness = most + lambda;
	p->convexity = least + lambda;
	reference_minimum(t, lambda, 0, p->solution);
	p->square = 0;
	for (int k = 0; k < D; k++)
		p->square += p->solution[k] * p->solution[k];
	free(h);
}

/* Opens an algorithm with the paper's step sizes. */
static void make(struct trial *t, struct problem *p, const char *algorithm, uint32_t keep, uint64_t seed)
{
	char pipeline[64], name[SL_TEXT_MAX], model[64];
	snprintf(pipeline, sizeof pipeline, "randk:%u | float32 | raw", keep);
	snprintf(model, sizeof model, "ridge:%.17g", lambda);
	trial_standard(t, algorithm, "complete:10", model, pipeline);
	t->features = D;
	t->settings.seed = seed;
	fill(t, seed);
	struct sl_error error;
	SL_CHECK(trial_plan(t, &error));
	solve(t, p);
	double w = 2.0 * (D - keep) / keep / PEERS, L = p->mean_smoothness, most = p->smoothness;
	bool iterates = strstr(algorithm, "gdci") != NULL;
	if (strcmp(algorithm, "vr-gdci") == 0)
		w *= 3;
	if (iterates) {
		double relax = 1 / (L / p->convexity + w * (most / p->convexity - 1));
		snprintf(name, sizeof name, "%s:%.17g", algorithm, relax);
		snprintf(t->settings.algorithm, sizeof t->settings.algorithm, "%s", name);
		t->settings.eta = (1 + relax * w) / (relax * (L + w * most));
	} else if (strcmp(algorithm, "diana") ==
	           0) { /* longer than what is proved, 1/(L(1 + 3w)): see README.md */
		t->settings.eta = 1 / (most * (1 + w + 4.0 / PEERS));
	} else {
		t->settings.eta_rule = SL_ETA_THEORY;
		t->settings.smoothness = most;
	}
}

static double error_of(struct trial *t, const void *context)
{
	const struct problem *p = context;
	return trial_distance(t, p->solution) / p->square;
}

static void exact(const char *algorithm, uint32_t keep, double most_error, double most_slope,
                  const char *reference)
{
	char what[96];
	double worst = 0, slope = -1;
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct trial t;
		struct problem p;
		make(&t, &p, algorithm, keep, seed);
		trial_open(&t);
		double found = rounds_to(&t, error_of, &p, 1e-11, 1, 500);
		slope = most_of(slope, -11 / found);
		trial_run(&t, 500 - t.round);
		worst = most_of(worst, error_of(&t, &p));
		trial_close(&t);
	}
	snprintf(what, sizeof what, "%s, k = %u: relative error at 500, worst of 3 seeds", algorithm, keep);
	figure(what, worst, -(double)INFINITY, most_error, reference);
	if (most_slope == 0)
		return;
	snprintf(what, sizeof what, "%s, k = %u: decades a round", algorithm, keep);
	figure(what, slope, -(double)INFINITY, most_slope, "-0.045 ... -0.063");
}

static void plateau(const char *algorithm, const char *reference)
{
	char what[96];
	double least = (double)INFINITY, most = 0;
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct trial t;
		struct problem p;
		make(&t, &p, algorithm, 10, seed);
		trial_open(&t);
		trial_run(&t, 1000);
		for (int k = 0; k < 300; k++) {
			trial_run(&t, 10);
			double e = error_of(&t, &p);
			least = least_of(least, e);
			most = most_of(most, e);
		}
		trial_close(&t);
	}
	snprintf(what, sizeof what, "%s, k = 10: least error, rounds 1000 to 4000", algorithm);
	figure(what, least, 3e-3, 2e-1, reference);
	snprintf(what, sizeof what, "%s, k = 10: largest error, rounds 1000 to 4000", algorithm);
	figure(what, most, 3e-3, 2e-1, reference);
}

/* Shifts at the minimum: no slower than gradient descent by more than its shorter step, whatever is sent. */
static void star(void)
{
	double slope = -1, worst = 0;
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct trial t;
		struct problem p;
		make(&t, &p, "dcgd-star:400", 4, seed);
		trial_open(&t);
		trial_run(&t, 401);
		figure("dcgd-star, k = 4: relative error when it begins anew", error_of(&t, &p), 0.99, 1.01,
		       "1");
		double found = rounds_to(&t, error_of, &p, 1e-11, 1, 1400) - 401;
		slope = most_of(slope, -11 / found);
		trial_run(&t, 1400 - t.round);
		worst = most_of(worst, error_of(&t, &p));
		trial_close(&t);
	}
	figure("dcgd-star, k = 4: relative error at 1000, worst of 3 seeds", worst, -(double)INFINITY, 1e-12,
	       "0 (exact)");
	figure("dcgd-star, k = 4: decades a round", slope, -(double)INFINITY, -0.04, "below DIANA's");
}

void experiment_shifted(void)
{
	exact("diana", 10, 1e-12, -0.05, "5.6e-31 in double");
	exact("rand-diana", 10, 1e-12, -0.03, "1.2e-24 in double");
	exact("vr-gdci", 10, 1e-12, -0.05, "5.3e-31 in double");
	exact("diana", 4, 1e-12, 0, "7e-19 in double");
	exact("rand-diana", 4, 1e-9, 0, "1.6e-11");
	exact("vr-gdci", 4, 1e-11, 0, "9e-14");
	plateau("dcgd", "2.0e-2");
	plateau("gdci", "3.4e-2");
	plateau("fixed-shift", "as DCGD's");
	exact("ef-bv", 10, 1e-7, 0, "0: linear, with a shorter step");
	star();
	struct trial t;
	struct problem p;
	make(&t, &p, "diana", 4, 1);
	t.shared_seed = true;
	trial_open(&t);
	trial_run(&t, 500);
	figure("diana, k = 4, one seed for all peers: error at 500", error_of(&t, &p), 1e6, (double)INFINITY,
	       "1.6e81");
	trial_close(&t);
}
