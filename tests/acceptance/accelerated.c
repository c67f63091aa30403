/* Acceleration under compression: ADIANA saves communication where compressors are independent of each other
 * (He, Huang & Yuan 2023), error-compensated loopless Katyusha saves rounds on ill-conditioned problems
 * (Qian, Richtárik & Zhang 2021). */
#include "experiments.h"

#include "linalg/vector.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 64, D = 64 };

struct quadratic {
	double solution[D], square;
};

/* f_i = ½xᵀHx − ⟨b_i, x⟩, H = U diag(1e-4 … 1) Uᵀ, b_i ~ N(0, I) moved so that their mean is Hx*, x* ~ N(0,
 * I). */
static void make_quadratic(struct trial *t, struct quadratic *q, const char *algorithm, const char *pipeline,
                           uint64_t seed)
{
	trial_standard(t, algorithm, "complete:64", "quadratic", pipeline);
	t->features = D + D * D;
	t->settings.seed = seed;
	double *u = malloc(sizeof *u * D * D), *h = calloc(D * D, sizeof *h), mean[D] = { 0 },
	       wanted[D] = { 0 };
	struct sl_random g = sl_random_stream(seed, 0, "quadratic", 0);
	reference_rotation(D, seed, u);
	for (int e = 0; e < D; e++)
		for (int r = 0; r < D; r++)
			for (int c = 0; c < D; c++)
				h[r * D + c] += pow(1e-4, 1 - e / (D - 1.0)) * u[e * D + r] * u[e * D + c];
	for (int k = 0; k < D; k++)
		q->solution[k] = sl_random_normal(&g);
	for (int r = 0; r < D; r++)
		for (int c = 0; c < D; c++)
			wanted[r] += h[r * D + c] * q->solution[c];
	for (uint32_t i = 0; i < N; i++) {
		float *b = trial_shard(t, i, 1);
		for (int k = 0; k < D; k++) {
			b[k] = (float)sl_random_normal(&g);
			mean[k] += (double)b[k] / N;
		}
		for (int k = 0; k < D * D; k++)
			b[D + k] = (float)h[k];
	}
	double exact[D] = { 0 };
	for (uint32_t i = 0; i < N; i++)
		for (int k = 0; k < D; k++) {
			float *b = (float *)(uintptr_t)t->shard[i].dense;
			b[k] += (float)(wanted[k] - mean[k]);
			exact[k] += (double)b[k] / N;
		}
	for (int k = 0; k < D * D; k++) /* the solution of the rounded problem */
		h[k] = ((double)(float)h[k] + (double)(float)h[k % D * D + k / D]) / 2;
	reference_solve(D, h, exact, q->solution);
	q->square = 0;
	for (int k = 0; k < D; k++)
		q->square += q->solution[k] * q->solution[k];
	free(u);
	free(h);
}

/* ‖z − x*‖²/‖x*‖²; z is ADIANA's vector 3. */
static double quadratic_error(struct trial *t, const void *context)
{
	const struct quadratic *q = context;
	const float *z = trial_learner(t, 0)->vector[3];
	double sum = 0;
	for (int k = 0; k < D; k++)
		sum += ((double)z[k] - q->solution[k]) * ((double)z[k] - q->solution[k]);
	return t->diverged || isnan(sum) ? (double)INFINITY : sum / q->square;
}

/* Coordinates a peer sends until the error is 1e-8; or, for all peers one seed, the error after 20 rounds. */
static double adiana(uint32_t keep, uint64_t seed, bool shared)
{
	struct trial t;
	struct quadratic q;
	char pipeline[64];
	snprintf(pipeline, sizeof pipeline, "randk:%u | float32 | raw", keep);
	make_quadratic(&t, &q, "adiana:practical=yes", pipeline, seed);
	t.settings.eta = 1;
	t.settings.convexity = 1e-4;
	t.shared_seed = shared;
	trial_open(&t);
	double found;
	if (shared) {
		trial_run(&t, 20);
		found = quadratic_error(&t, &q);
	} else {
		found = 2 * keep * rounds_to(&t, quadratic_error, &q, 1e-8, 1, 6000);
	}
	trial_close(&t);
	return found;
}

/* Nesterov's method in double: rounds to 1e-8, times d. */
static double accelerated_descent(uint64_t seed)
{
	struct trial t;
	struct quadratic q;
	double x[D] = { 0 }, y[D] = { 0 }, mean[D] = { 0 }, root = sqrt(1e-4), error = 1;
	uint32_t round = 0;
	make_quadratic(&t, &q, "adiana", "all | float32 | raw", seed);
	for (uint32_t i = 0; i < N; i++)
		for (int k = 0; k < D; k++)
			mean[k] += (double)t.shard[i].dense[k] / N;
	const float *h = t.shard[0].dense + D;
	for (; error > 1e-8 && round < 10000; round++) {
		double next[D];
		for (int r = 0; r < D; r++) {
			double g = -mean[r];
			for (int c = 0; c < D; c++)
				g += (double)h[r * D + c] * y[c];
			next[r] = y[r] - g;
		}
		error = 0;
		for (int k = 0; k < D; k++) {
			y[k] = next[k] + (1 - root) / (1 + root) * (next[k] - x[k]);
			x[k] = next[k];
			error += (x[k] - q.solution[k]) * (x[k] - q.solution[k]) / q.square;
		}
	}
	t.peers = 0;
	trial_close(&t);
	return (double)round * D;
}

/* E|(1/n) Σ Q_i(x) − x|²/|x|² of the run's own compressor. */
static double averaged_variance(bool shared)
{
	struct trial t;
	struct quadratic q;
	make_quadratic(&t, &q, "dcgd", "randk:8 | float32 | raw", 1);
	t.shared_seed = shared;
	t.settings.eta = 1e-9;
	float first[D];
	for (int k = 0; k < D; k++)
		first[k] = (float)q.solution[k];
	for (uint32_t i = 0; i < N; i++) /* at x = 0 every gradient is −b: let all be the same */
		memcpy((float *)(uintptr_t)t.shard[i].dense, first, sizeof first);
	trial_open(&t);
	double sum = 0;
	enum { DRAWS = 2000 };
	for (int r = 0; r < DRAWS; r++) {
		memset(trial_learner(&t, 0)->x, 0, D * sizeof(float));
		for (uint32_t i = 1; i < N; i++)
			memset(trial_learner(&t, i)->x, 0, D * sizeof(float));
		trial_round(&t);
		for (int k = 0; k < D; k++) {
			double step = (double)trial_model(&t, 0)[k] / 1e-9;
			sum += (step - (double)first[k]) * (step - (double)first[k]);
		}
	}
	trial_close(&t);
	return sum / DRAWS / q.square;
}

void experiment_adiana(void)
{
	double most = 0, diverged[2] = { (double)INFINITY, (double)INFINITY }, agd = accelerated_descent(1);
	figure("accelerated gradient descent: coordinates a peer", agd, 50000, 70000, "58752");
	for (uint64_t seed = 1; seed <= 3; seed++) {
		most = most_of(most, adiana(4, seed, false));
		diverged[0] = least_of(diverged[0], adiana(4, seed, true));
		diverged[1] = least_of(diverged[1], adiana(8, seed, true));
	}
	figure("ADIANA k = 4: coordinates a peer, most of 3 seeds", most, 1, agd / 3, "11040 (1380 rounds)");
	figure("ADIANA k = 8: coordinates a peer", adiana(8, 1, false), 1, 24000, "20272 (1267 rounds)");
	figure("ADIANA k = 16: coordinates a peer", adiana(16, 1, false), 1, 45000, "37888 (1184 rounds)");
	figure("ADIANA k = 4, one seed for all peers: error, round 20", diverged[0], 1e6, (double)INFINITY,
	       "> 1e6");
	figure("ADIANA k = 8, one seed for all peers: error, round 20", diverged[1], 1e6, (double)INFINITY,
	       "> 1e6");
	figure("variance of 64 averaged rand-8, independent", averaged_variance(false), 0.9 * 7 / 64,
	       1.1 * 7 / 64, "omega/n = 0.109");
	figure("variance of 64 averaged rand-8, one seed", averaged_variance(true), 0.9 * 7, 1.1 * 7,
	       "omega = 7");
}

/* Logistic regression with features of very different scales, sorted by label over the peers. */
enum { K_PEERS = 20, K_ROWS = 100, K_D = 60 };

struct logistic {
	double minimum, start, lambda, smoothness;
};

static void draw_sorted(struct trial *t, uint64_t seed)
{
	enum { ALL = K_PEERS * K_ROWS };
	struct sl_random g = sl_random_stream(seed, 0, "logistic", 0);
	double *a = malloc(sizeof *a * ALL * K_D), w[K_D], norm = 0;
	uint32_t at = 0;
	uint8_t label[ALL];
	for (int k = 0; k < K_D; k++)
		w[k] = 3 * sl_random_normal(&g) / pow(0.03, k / (K_D - 1.0));
	for (int s = 0; s < ALL; s++) {
		double square = 0;
		for (int k = 0; k < K_D; k++) {
			double v = a[s * K_D + k] = pow(0.03, k / (K_D - 1.0)) * sl_random_normal(&g);
			square += v * v;
		}
		norm += sqrt(square) / ALL;
	}
	for (int s = 0; s < ALL; s++) {
		double z = 0;
		for (int k = 0; k < K_D; k++)
			z += (a[s * K_D + k] /= norm) * w[k];
		label[s] = sl_random_unit_double(&g) < 1 / (1 + exp(-z));
	}
	float *row[K_PEERS];
	for (uint32_t i = 0; i < K_PEERS; i++)
		row[i] = trial_shard(t, i, K_ROWS);
	for (int wanted = 0; wanted < 2; wanted++)
		for (int s = 0; s < ALL; s++) {
			if (label[s] != wanted)
				continue;
			for (int k = 0; k < K_D; k++)
				row[at / K_ROWS][at % K_ROWS * K_D + k] = (float)a[s * K_D + k];
			((uint16_t *)(uintptr_t)t->shard[at / K_ROWS].label)[at % K_ROWS] = (uint16_t)wanted;
			at++;
		}
	free(a);
}

static void make_logistic(struct trial *t, struct logistic *p, const char *algorithm, double steps,
                          uint64_t seed)
{
	double *h = malloc(sizeof *h * K_D * K_D), x[K_D], zero[K_D] = { 0 }, least, most;
	trial_standard(t, algorithm, "complete:20", "logistic", "topk:6 | float32 | raw");
	t->features = K_D;
	t->classes = 2;
	t->settings.seed = seed;
	t->peers = K_PEERS;
	draw_sorted(t, seed);
	reference_curvature(t, UINT32_MAX, 0.25, h);
	reference_extremes(K_D, h, &least, &most);
	p->lambda = 1e-4 * most;
	p->smoothness = most + p->lambda;
	p->minimum = reference_minimum(t, p->lambda, 0, x);
	p->start = reference_value(t, p->lambda, 0, zero);
	snprintf(t->settings.model, sizeof t->settings.model, "logistic:%.17g", p->lambda);
	t->settings.eta = steps / p->smoothness;
	t->settings.convexity = p->lambda;
	trial_open(t);
	free(h);
}

static double logistic_gap(struct trial *t, const void *context)
{
	const struct logistic *p = context;
	double x[K_D];
	for (int k = 0; k < K_D; k++)
		x[k] = (double)trial_model(t, 0)[k];
	double gap = (reference_value(t, p->lambda, 0, x) - p->minimum) / (p->start - p->minimum);
	return t->diverged || isnan(gap) ? (double)INFINITY : gap;
}

static double rounds_of(const char *algorithm, double steps, uint64_t seed, uint32_t most)
{
	struct trial t;
	struct logistic p;
	make_logistic(&t, &p, algorithm, steps, seed);
	double found = rounds_to(&t, logistic_gap, &p, 1e-8, 20, most);
	trial_close(&t);
	return found;
}

void experiment_katyusha(void)
{
	double worst = 0, best = (double)INFINITY;
	for (uint64_t seed = 1; seed <= 3; seed++)
		worst = most_of(worst, rounds_of("eclk:0.05,0.5,0.1", 1, seed, 6000));
	figure("ECLK: rounds to a relative gap of 1e-8, most of 3 seeds", worst, 1, 3500, "2011, 2271, 2511");
	static const char *const rivals[][2] = { { "ec-lsvrg", "12971" },
		                                 { "ec-sgd-diana", "12971" },
		                                 { "ef21", "12921" } };
	for (int i = 0; i < 3; i++) {
		char what[64];
		double found = rounds_of(rivals[i][0], 2, 1, 20000);
		snprintf(what, sizeof what, "%s: rounds to 1e-8", rivals[i][0]);
		figure(what, found, 5000, 20000, rivals[i][1]);
		best = least_of(best, found);
	}
	figure("ECLK to the best of these", worst / best, 0, 1.0 / 3, "1/5");
	struct trial t;
	struct logistic p;
	make_logistic(&t, &p, "ef14", 2, 1);
	trial_run(&t, 20000);
	figure("EF14: relative gap after 20000 rounds", logistic_gap(&t, &p), 1e-6, 1e-2, "8e-5: it stalls");
	trial_close(&t);
}
