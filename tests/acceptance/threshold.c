/* The hard threshold keeps the total error of error feedback smaller than top-k does for the same number of
 * elements over a training, and sends them when they matter (Sahu et al. 2021). */
#include "experiments.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PEERS = 10, ROWS = 200, D = 300, ROUNDS = 2000, KEEP = 3 };
static const double lambda = 1e-3;

static void make(struct trial *t, const char *pipeline, double *smoothness)
{
	double *h = malloc(sizeof *h * D * D), least, most = 0;
	trial_standard(t, "ef14", "complete:10", "logistic", pipeline);
	t->features = D;
	t->classes = 2;
	t->settings.batch = 16;
	t->measure_error = true;
	struct sl_random g = sl_random_stream(3, 0, "threshold", 0);
	double w[D];
	for (int k = 0; k < D; k++)
		w[k] = sl_random_normal(&g) / 3;
	for (uint32_t i = 0; i < PEERS; i++) {
		float *row = trial_shard(t, i, ROWS);
		for (int s = 0; s < ROWS; s++, row += D) {
			double z = 0;
			for (int k = 0; k < D; k++) {
				row[k] = (float)(3 / pow(1 + k, 0.7) * sl_random_normal(&g));
				z += (double)row[k] * w[k];
			}
			((uint16_t *)(uintptr_t)t->shard[i].label)[s] =
			    sl_random_unit_double(&g) < 1 / (1 + exp(-z));
		}
	}
	t->peers = PEERS;
	if (*smoothness == 0) {
		reference_curvature(t, UINT32_MAX, 0.25, h);
		for (int k = 0; k < D; k++) /* its trace's largest part is enough: power iteration below */
			most = most_of(most, h[k * D + k]);
		double v[D], u[D];
		for (int k = 0; k < D; k++)
			v[k] = 1;
		for (int step = 0; step < 200; step++) {
			least = 0;
			for (int r = 0; r < D; r++) {
				u[r] = 0;
				for (int c = 0; c < D; c++)
					u[r] += h[r * D + c] * v[c];
				least += u[r] * u[r];
			}
			most = sqrt(least);
			for (int k = 0; k < D; k++)
				v[k] = u[k] / most;
		}
		*smoothness = most + lambda;
	}
	snprintf(t->settings.model, sizeof t->settings.model, "logistic:%.17g", lambda);
	t->settings.eta = 1 / *smoothness;
	trial_open(t);
	free(h);
}

struct outcome {
	double error, gap, kept, early, late; /* coordinates a peer and round: all, first and last tenth */
};

/* η_t = 1/(L(1 + t/(0.1 T))). */
static struct outcome run(const char *pipeline, double *smoothness, double minimum)
{
	struct trial t;
	struct outcome o = { 0 };
	make(&t, pipeline, smoothness);
	for (uint32_t r = 0; r < ROUNDS; r++) {
		t.plan.settings.eta = 1 / (*smoothness * (1 + r / (0.1 * ROUNDS)));
		trial_round(&t);
		if (r + 1 == ROUNDS / 10)
			o.early = (double)t.coordinates * 10 / ROUNDS / PEERS;
		if (r + 1 == ROUNDS - ROUNDS / 10)
			o.late = (double)t.coordinates;
	}
	double x[D];
	for (int k = 0; k < D; k++)
		x[k] = (double)trial_model(&t, 0)[k];
	o.error = t.error;
	o.kept = (double)t.coordinates / ROUNDS / PEERS;
	o.late = ((double)t.coordinates - o.late) * 10 / ROUNDS / PEERS;
	o.gap = reference_value(&t, lambda, 0, x) - minimum;
	trial_close(&t);
	return o;
}

static int larger(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;
	return x < y ? 1 : x > y ? -1 : 0;
}

/* Over any fixed sequence of vectors the threshold with the same total count has the smaller total error: the
 * relaxed problem's optimum. The sequence is that of a top-k run. */
static void fixed_sequence(double *smoothness)
{
	enum { STEPS = 200 };
	struct trial t;
	float *all = malloc(sizeof *all * STEPS * D), *sorted = malloc(sizeof *sorted * STEPS * D);
	double top = 0, hard = 0;
	make(&t, "topk:3 | float32 | raw", smoothness);
	for (int r = 0; r < STEPS; r++) {
		trial_round(&t);
		const struct sl_learner *l = trial_learner(&t, 0);
		for (int k = 0; k < D; k++) {
			all[r * D + k] = fabsf(l->vector[0][k]);
			top += (double)l->vector[1][k] *
			       (double)l->vector[1][k]; /* what top-k left: the new e */
		}
	}
	memcpy(sorted, all, sizeof *all * STEPS * D);
	qsort(sorted, STEPS * D, sizeof *sorted, larger);
	for (int i = KEEP * STEPS; i < STEPS * D; i++)
		hard += (double)sorted[i] * (double)sorted[i];
	figure("fixed sequence: total error, hard threshold to top-k", hard / top, 0, 1, "0.85 ... 0.99");
	trial_close(&t);
	free(all);
	free(sorted);
}

void experiment_threshold(void)
{
	double smoothness = 0, x[D], low = 0, high = 1, minimum;
	struct trial t;
	make(&t, "topk:3 | float32 | raw", &smoothness);
	minimum = reference_minimum(&t, lambda, 0, x);
	trial_close(&t);
	fixed_sequence(&smoothness);
	struct outcome top = run("topk:3 | float32 | raw", &smoothness, minimum), hard = { 0 };
	for (int step = 0; step < 24; step++) { /* the threshold that sends as many */
		char pipeline[64];
		double least = (low + high) / 2;
		snprintf(pipeline, sizeof pipeline, "threshold:%.17g | float32 | raw", least);
		hard = run(pipeline, &smoothness, minimum);
		if (fabs(hard.kept / top.kept - 1) < 0.005)
			break;
		*(hard.kept > top.kept ? &low : &high) = least;
	}
	figure("hard threshold: elements to top-k's", hard.kept / top.kept, 0.995, 1.005, "1");
	figure("hard threshold: total error to top-k's", hard.error / top.error, 0, 0.85, "0.72");
	figure("hard threshold: final gap to top-k's", hard.gap / top.gap, 0, 1.15, "1.06");
	figure("hard threshold: elements, first tenth to last tenth", hard.early / hard.late, 3, 1000,
	       "10.4");
}
