/* Escaping a strict saddle point with compressed messages (Avdiukhin & Yaroslavtsev 2021): only a
 * perturbation does it, and with top-k and error feedback it takes far fewer coordinates than uncompressed
 * descent does. */
#include "experiments.h"

#include <math.h>
#include <stdio.h>

enum { D = 100, ROUNDS = 5000 };

static void make(struct trial *t, const char *pipeline, double eta, double r, uint64_t seed)
{
	char algorithm[64];
	snprintf(algorithm, sizeof algorithm, "perturbed:%.17g", r);
	trial_standard(t, algorithm, "complete:1", "saddle", pipeline);
	t->features = D;
	t->settings.eta = eta;
	t->settings.batch = 1;
	t->settings.seed = seed;
	float *row = trial_shard(t, 0, ROUNDS); /* noise N(0, 1e-4/d), blind to the direction out */
	struct sl_random g = sl_random_stream(seed, 0, "noise", 0);
	for (int s = 0; s < ROUNDS; s++, row += D)
		for (int k = 0; k + 1 < D; k++)
			row[k] = (float)(1e-2 / sqrt(D) * sl_random_normal(&g));
	trial_open(t);
}

/* f(x − ηe) */
static double value(struct trial *t, const void *context)
{
	(void)context;
	const struct sl_learner *l = trial_learner(t, 0);
	double sum = 0;
	for (int k = 0; k < D; k++) {
		double v = (double)l->x[k] - t->settings.eta * (double)l->vector[1][k];
		sum += k + 1 < D ? v * v / 2 : v * v * v * v / 4 - v * v / 4;
	}
	return sum;
}

static double escape(const char *name, const char *pipeline, double eta, double most, const char *reference)
{
	char what[96];
	double latest = 0, off = 0, stuck = 0;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct trial t;
		make(&t, pipeline, eta, 0.01, seed);
		latest = most_of(latest, rounds_to(&t, value, NULL, -0.9 / 16, 1, ROUNDS));
		trial_run(&t, ROUNDS - t.round);
		off = most_of(off, fabs(value(&t, NULL) + 1.0 / 16));
		trial_close(&t);
		make(&t, pipeline, eta, 0, seed);
		trial_run(&t, ROUNDS);
		stuck = most_of(stuck, fabs((double)trial_model(&t, 0)[D - 1]));
		trial_close(&t);
	}
	snprintf(what, sizeof what, "%s, r = 0.01: rounds to escape, most of 5 seeds", name);
	figure(what, latest, 1, most, reference);
	snprintf(what, sizeof what, "%s, r = 0.01: |f + 1/16| at the end", name);
	figure(what, off, -(double)INFINITY, 1e-3, "0");
	snprintf(what, sizeof what, "%s, r = 0: |x_d| at the end", name);
	figure(what, stuck, 0, 0, "0: it never escapes");
	return latest;
}

void experiment_saddle(void)
{
	double plain = escape("uncompressed", "all | float32 | raw", 0.05, 760, "336 ... 380");
	double top = escape("top-10 + EF", "topk:10 | float32 | raw", 0.05, 1294, "421 ... 647");
	escape("rand-10 + EF", "randk:10,one | float32 | raw", 0.02, 2406, "903 ... 1197");
	figure("top-10 + EF: share of the coordinates that GD needs", 10 * top / (D * plain), 0, 0.25,
	       "0.17");
}
