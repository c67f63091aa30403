/* Why error feedback needs momentum under noise: the two-dimensional counterexample of Fatkhullin, Tyurin &
 * Richtárik 2023, Theorem 1, and what EF21-SGDM gains from more peers. */
#include "experiments.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SAMPLES = 30000, FEW = 30, ROUNDS = 20000 }; /* few where whole gradients are computed */

/* f(x) = ½|x|², ∇f(x, ξ) = x + ξ, ξ uniform on √(3/10)·{(2,0), (0,1), (−2,−1)}; x⁰ = (0, −1). Parameters are
 * y = x − x⁰, which start at 0. Each peer shuffles many drawn samples in its own order: as good as
 * independent draws. */
static void make(struct trial *t, const char *algorithm, uint32_t peers, double gamma, uint64_t seed)
{
	static const double noise[3][2] = { { 2, 0 }, { 0, 1 }, { -2, -1 } };
	char topology[32];
	snprintf(topology, sizeof topology, "complete:%u", peers);
	trial_standard(t, algorithm, topology, "quadratic", "topk:0.5 | float32 | raw");
	t->features = 6;
	t->settings.eta = gamma;
	t->settings.batch = 1;
	t->settings.seed = seed;
	uint32_t samples = strcmp(algorithm, "ef21-ideal") == 0 ? FEW : SAMPLES;
	float *row = trial_shard(t, 0, samples);
	for (uint32_t s = 0; s < samples; s++, row += 6) {
		for (int k = 0; k < 2; k++) {
			row[k] = (float)((k == 1 ? 1 : 0) - sqrt(0.3) * noise[s % 3][k]);
			row[2 + 3 * k] = 1;
		}
	}
	for (uint32_t i = 1; i < peers; i++)
		t->shard[i] = t->shard[0];
	trial_open(t);
}

/* Mean of |x|² over the last half. */
static double level(const char *algorithm, uint32_t peers, double gamma, uint64_t seed)
{
	struct trial t;
	double sum = 0;
	make(&t, algorithm, peers, gamma, seed);
	trial_run(&t, ROUNDS / 2);
	for (uint32_t r = 0; r < ROUNDS / 2; r++) {
		trial_round(&t);
		const float *y = trial_model(&t, 0);
		sum += (double)y[0] * (double)y[0] + ((double)y[1] - 1) * ((double)y[1] - 1);
	}
	trial_close(&t);
	return sum / (ROUNDS / 2);
}

static double worst_of_three(const char *algorithm, uint32_t peers, bool largest)
{
	double found = largest ? 0 : (double)INFINITY;
	for (uint64_t seed = 1; seed <= 3; seed++) {
		double e = level(algorithm, peers, 1e-3, seed);
		found = largest ? most_of(found, e) : least_of(found, e);
	}
	return found;
}

void experiment_momentum(void)
{
	static const uint32_t peers[] = { 1, 10, 100 };
	char what[96];
	for (int i = 0; i < 3; i++)
		for (int g = 0; g < 2; g++) {
			snprintf(what, sizeof what, "EF21-SGD-ideal, n = %u, gamma = %g: mean |x|^2",
			         peers[i], g ? 1e-2 : 1e-3);
			figure(what, level("ef21-ideal", peers[i], g ? 1e-2 : 1e-3, 1), 0.95 / 30, 1.05 / 30,
			       "1/30");
		}
	double one = worst_of_three("ef21-sgdm:0.005", 1, false),
	       many = worst_of_three("ef21-sgdm:0.005", 100, true);
	double plain = worst_of_three("ef21", 100, false), twice = level("ef21-sgd2m:0.005", 100, 1e-3, 1);
	figure("EF21-SGD, n = 100: mean |x|^2, least of 3 seeds", plain, 5e-4, 1e-2, "1.25e-3");
	figure("EF21-SGDM, n = 100: mean |x|^2, largest of 3 seeds", many, -(double)INFINITY, 3e-5, "6.0e-6");
	figure("EF21-SGDM to EF21-SGD, n = 100", many / plain, -(double)INFINITY, 1.0 / 20, "1/208");
	figure("EF21-SGDM, n = 100 to n = 1", many / one, -(double)INFINITY, 1.0 / 20, "1/48");
	figure("EF21-SGD2M, n = 100: mean |x|^2", twice, -(double)INFINITY, 3e-5, "as EF21-SGDM");
	figure("EF14, n = 100: mean |x|^2", level("ef14", 100, 1e-3, 1), -(double)INFINITY, 3e-5, "4.6e-6");
}
