/* Shards of 10 to 160 samples: weigh = samples leads to the minimum of the loss over all samples together, weigh = peers
 * to that of the mean of the peers' losses, which is elsewhere; for methods that find minima exactly, with whole
 * gradients, and with gradients corrected by stored ones. */
#include "experiments.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PEERS = 5, D = 6, ROWS = 10 };
static const double l2 = 0.05;

static void draw(struct trial *t)
{
	struct sl_random g = sl_random_stream(5, 0, "weighed", 0);
	uint32_t rows = ROWS;
	for (uint32_t i = 0; i < PEERS; i++, rows *= 2) {
		float *row = trial_shard(t, i, rows), *target = (float *)(uintptr_t)t->shard[i].target;
		for (uint32_t s = 0; s < rows * D; s++)
			row[s] = (float)sl_random_normal(&g);
		for (uint32_t s = 0; s < rows; s++)
			target[s] = (float)(row[s * D + i] * 3 + 0.5f * (float)sl_random_normal(&g));
	}
}

/* The minimiser of Σ_i weight_i·f_i by normal equations. */
static void solve(const struct trial *t, bool by_samples, double *x)
{
	double h[D * D] = { 0 }, b[D] = { 0 }, all = 0;
	for (uint32_t i = 0; i < PEERS; i++)
		all += t->shard[i].samples;
	for (uint32_t i = 0; i < PEERS; i++) {
		const struct sl_dataset *s = &t->shard[i];
		double weight = by_samples ? 1 / all : 1.0 / PEERS / s->samples;
		for (uint32_t r = 0; r < s->samples; r++)
			for (uint32_t k = 0; k < D; k++) {
				double v = (double)s->dense[r * D + k];
				b[k] += weight * v * (double)s->target[r];
				for (uint32_t j = 0; j < D; j++)
					h[k * D + j] += weight * v * (double)s->dense[r * D + j];
			}
	}
	for (uint32_t k = 0; k < D; k++)
		h[k * D + k] += l2;
	reference_solve(D, h, b, x);
}

/* Distances of where it ends from both minima, as shares of their distance. */
static void run(const char *algorithm, uint32_t estimator, uint32_t weigh)
{
	static const char *const names[] = { "weigh = peers", "weigh = samples" };
	struct trial t;
	double by_peers[D], by_samples[D], apart = 0;
	char what[96];
	trial_standard(&t, algorithm, "ring:5", "ridge:0.05", "all | float32 | raw");
	t.features = D;
	draw(&t);
	t.settings.eta = 0.05;
	t.settings.gamma = 0.5;
	t.settings.estimator = estimator;
	t.settings.batch = estimator == SL_ESTIMATOR_BATCH ? 1000 : 8;
	t.settings.weigh = weigh;
	t.settings.mean_samples = weigh == SL_WEIGH_SAMPLES ? ROWS * 31.0 / PEERS : 0;
	trial_open(&t);
	solve(&t, false, by_peers);
	solve(&t, true, by_samples);
	for (uint32_t k = 0; k < D; k++)
		apart += (by_peers[k] - by_samples[k]) * (by_peers[k] - by_samples[k]);
	trial_run(&t, 4000);
	double near = trial_distance(&t, weigh == SL_WEIGH_SAMPLES ? by_samples : by_peers) / apart,
	       far = trial_distance(&t, weigh == SL_WEIGH_SAMPLES ? by_peers : by_samples) / apart;
	snprintf(what, sizeof what, "%s%s, %s: square distance to its minimum", algorithm,
	         estimator == SL_ESTIMATOR_BATCH ? "" : " (lsvrg)", names[weigh]);
	figure(what, near, 0, 1e-6, "normal equations");
	snprintf(what, sizeof what, "%s: … to the other one", algorithm);
	figure(what, far, 0.99, 1.01, "1");
	trial_close(&t);
}

void experiment_weighed(void)
{
	for (uint32_t weigh = SL_WEIGH_PEERS; weigh <= SL_WEIGH_SAMPLES; weigh++) {
		run("dsgt", SL_ESTIMATOR_BATCH, weigh);
		run("exact-diffusion", SL_ESTIMATOR_BATCH, weigh);
		run("prox-lead", SL_ESTIMATOR_LSVRG, weigh);
	}
}
