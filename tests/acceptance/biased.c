/* The counterexample of Beznosikov, Horváth, Richtárik & Safaryan 2023: three quadratics on which compressed
 * gradient descent with top-1 diverges, by a factor that is known exactly, and error feedback does not. */
#include "experiments.h"

#include <math.h>

static void make(struct trial *t, const char *algorithm, const char *pipeline, double eta)
{
	static const float vector[3][3] = { { -3, 2, 2 }, { 2, -3, 2 }, { 2, 2, -3 } };
	trial_standard(t, algorithm, "complete:3", "quadratic:1", pipeline);
	t->features = 12;
	t->settings.eta = eta;
	for (uint32_t i = 0; i < 3; i++) { /* ⟨a, x⟩² + ¼|x|²: H = 2aaᵀ + ½I */
		float *h = trial_shard(t, i, 1) + 3;
		for (int r = 0; r < 3; r++)
			for (int c = 0; c < 3; c++)
				h[3 * r + c] = 2 * vector[i][r] * vector[i][c] + (r == c ? 0.5f : 0);
	}
	trial_open(t);
}

static double value(struct trial *t, const void *context)
{
	(void)context;
	double sum = 0;
	for (uint32_t i = 0; i < 3; i++) {
		const float *h = t->shard[i].dense + 3, *x = trial_model(t, 0);
		for (int r = 0; r < 3; r++)
			for (int c = 0; c < 3; c++)
				sum += (double)h[3 * r + c] * (double)x[r] * (double)x[c] / 6;
	}
	return sum;
}

static void solved_within(const char *what, const char *algorithm, const char *pipeline, double eta,
                          double most, const char *reference)
{
	struct trial t;
	make(&t, algorithm, pipeline, eta);
	figure(what, rounds_to(&t, value, NULL, 1e-12, 1, 4 * (uint32_t)most), 1, most, reference);
	trial_close(&t);
}

void experiment_biased(void)
{
	static const char top1[] = "topk:0.34 | float32 | raw", rand1[] = "randk:0.34 | float32 | raw";
	struct trial t;
	double exact = pow(1 + 11 * 0.05 / 6, 100), worst = 0;
	make(&t, "dcgd", top1, 0.05);
	t.may_diverge = true;
	trial_run(&t, 100);
	for (int k = 0; k < 3; k++)
		worst = most_of(worst, fabs((double)trial_model(&t, 0)[k] / exact - 1));
	figure("DCGD top-1, round 100: coordinate 0", (double)trial_model(&t, 0)[0], exact * (1 - 2e-5),
	       exact * (1 + 2e-5), "6441.766237 (exact)");
	figure("DCGD top-1, round 100: relative error", worst, -(double)INFINITY, 2e-5,
	       "0; float32 gives 1e-5");
	trial_close(&t);
	solved_within("EF14 top-1, eta 0.05: rounds to f < 1e-12", "ef14", top1, 0.05, 300, "197");
	solved_within("EF14 top-1, eta 0.01: rounds to f < 1e-12", "ef14", top1, 0.01, 1500, "1187");
	solved_within("EF21 top-1, eta 0.05: rounds to f < 1e-12", "ef21", top1, 0.05, 320, "208");
	solved_within("DIANA rand-1, eta 0.03: rounds to f < 1e-12", "diana:0.333333", rand1, 0.03, 700,
	              "426");
}
