/* test_privacy.c — local differential privacy: the generator, the accountant against published values and other formulas,
 * clipping against gradients made one by one, the draws, the count, the budget, and runs that crash. */
#include "base/chacha.h"
#include "gossip/peer/state.h"
#include "gossip/reads.h"
#include "linalg/vector.h"
#include "learn/accountant.h"
#include "sim/sim.h"
#include "tests/support/samples.h"
#include "tests/support/swarm.h"
#include "tests/support/trial.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* ---- random numbers ---- */

static void streams_are_chacha20(void **state)
{
	(void)state;
	uint8_t key[SL_CHACHA_KEY], nonce[8], theirs[64 * 5], mine[64 * 5];
	for (unsigned i = 0; i < sizeof key; i++)
		key[i] = (uint8_t)(3 * i + 1);
	for (uint64_t number = 1; number != 0; number <<= 9) {
		struct sl_chacha c;
		sl_chacha_begin(&c, key, number);
		for (unsigned i = 0; i < 8; i++)
			nonce[i] = (uint8_t)(number >> 8 * i);
		for (size_t k = 0; k < sizeof mine / 8; k++) {
			uint64_t v = sl_chacha_u64(&c);
			for (unsigned i = 0; i < 8; i++)
				mine[8 * k + i] = (uint8_t)(v >> 8 * i);
		}
		crypto_stream_chacha20(theirs, sizeof theirs, nonce, key);
		assert_memory_equal(mine, theirs, sizeof mine);
	}
}

static void streams_pass_2_to_the_32(void **state)
{
	(void)state;
	uint8_t key[SL_CHACHA_KEY] = { 1 }, zeros[128] = { 0 }, theirs[128], nonce[8] = { 7 };
	struct sl_chacha c;
	uint64_t block[8];
	sl_chacha_begin(&c, key, 7);
	c.state[12] = UINT32_MAX;
	crypto_stream_chacha20_xor_ic(theirs, zeros, sizeof theirs, nonce, UINT32_MAX, key);
	for (unsigned b = 0; b < 2; b++) {
		sl_chacha_block(&c, block);
		for (unsigned i = 0; i < 64; i++)
			assert_int_equal(theirs[64 * b + i], (uint8_t)(block[i / 8] >> 8 * (i % 8)));
	}
}

/* ---- the accountant ---- */

static void near(double found, double wanted, double tolerance)
{
	if (!(fabs(found - wanted) <= tolerance * fabs(wanted)))
		fail_msg("%.10g instead of %.10g", found, wanted);
}

/* Of Google's dp_accounting (rdp_privacy_accountant_test.py): q = 0.01, σ = 2.5, 50 times. (Its 6.7058e-4 at
 * order 1.5 is 3 % above the integral, whose expansion in q gives 50·2·(0.375·q²·(e^(1/σ²) − 1) − 6e-9) = 6.5007e-4.) */
static void published_divergences(void **state)
{
	(void)state;
	static const double known[][2] = { { 2.5, 1.08548710e-03 },
		                           { 5, 2.18075656e-03 },
		                           { 50, 2.38460375e-02 },
		                           { 100, 1.67416308e+02 } };
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		near(50 * sl_rdp(known[i][0], 0.01, 2.5), known[i][1], 1e-4); /* as printed there */
	near(50 * sl_rdp(1.5, 0.01, 2.5), 100 * (0.375e-4 * expm1(0.16) - 6e-9), 1e-4);
}

/* For whole orders: A = Σ_k C(α, k)·(1 − q)^(α−k)·q^k·exp((k² − k)/(2σ²)), in long double. */
static double by_binomials(unsigned alpha, double rate, double noise)
{
	long double most = -INFINITY, sum = 0;
	for (int round = 0; round < 2; round++)
		for (unsigned k = 0; k <= alpha; k++) {
			long double term = lgammal(alpha + 1.0L) - lgammal(k + 1.0L) -
			                   lgammal(alpha - k + 1.0L) +
			                   (alpha - k) * log1pl(-(long double)rate) + k * logl(rate) +
			                   ((long double)k * k - k) / (2 * (long double)noise * noise);
			most = round ? most : fmaxl(most, term);
			sum += round ? expl(term - most) : 0;
		}
	return (double)((most + logl(sum)) / (alpha - 1));
}

static void divergences_are_binomial_sums(void **state)
{
	(void)state;
	static const double rates[] = { 1e-4, 0.004, 0.03, 0.3, 0.99 },
	                    noises[] = { 0.1, 0.3, 0.7, 1, 2, 20 };
	static const unsigned alphas[] = { 2, 3, 7, 33, 128, 512 };
	for (unsigned r = 0; r < 5; r++)
		for (unsigned n = 0; n < 6; n++)
			for (unsigned a = 0; a < 6; a++) {
				double wanted = by_binomials(alphas[a], rates[r], noises[n]);
				double found = sl_rdp(alphas[a], rates[r], noises[n]);
				if (fabs(found - wanted) > 1e-9 * wanted + 1e-12)
					fail_msg("order %u, rate %g, noise %g: %.12g, not %.12g", alphas[a],
					         rates[r], noises[n], found, wanted);
			}
	for (unsigned n = 0; n < 6; n++) /* a batch of all samples: the Gaussian mechanism */
		near(sl_rdp(3.5, 1, noises[n]), 3.5 / (2 * noises[n] * noises[n]), 1e-12);
	assert_true(sl_rdp(3, 0, 1) == 0);
}

/* Opacus documents 2.39 for q = 0.01, σ = 1, 300 steps, δ = 1e-5 with order 5; TensorFlow Privacy 2.92 for 60 epochs of
 * 60,000 samples in batches of 256 at σ = 1.12, by an earlier conversion that gives more. And of a Gaussian with this σ
 * the exact ε is 1 (Balle & Wang 2018). */
static void published_epsilons(void **state)
{
	(void)state;
	struct sl_accountant a;
	double delta = 1e-5;
	near(300 * sl_rdp(5, 0.01, 1) + log(4.0 / 5) - (log(delta) + log(5)) / 4, 2.39, 0.003);
	near(14063 * sl_rdp(9, 256.0 / 60000, 1.12) + log(1 / delta) / 8, 2.92, 0.003);
	sl_accountant_make(&a, 1, 4.530877117);
	double epsilon = sl_accountant_epsilon(&a, 1, 1e-6);
	assert_true(epsilon >= 1 && epsilon < 1.1);
}

/* The least over orders 1.1, 1.2 … 12, 13 … 63, made with numpy by a sum over 200,001 points. Few orders lose a
 * little, and never promise too much. */
static void few_orders_suffice(void **state)
{
	(void)state;
	static const struct {
		double rate, noise;
		uint64_t times;
		double epsilon;
	} known[] = {
		{ 0.01, 1, 300, 1.4513680856904294 },    { 256.0 / 60000, 1.12, 14063, 2.5186864829347546 },
		{ 0.034, 0.8, 2000, 18.27375735459374 }, { 0.034, 1.2, 2000, 8.088186403153859 },
		{ 0.1, 2, 1000, 8.943850129708565 },     { 0.034, 2, 2000, 3.814343187260302 }
	};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		struct sl_accountant a;
		sl_accountant_make(&a, known[i].rate, known[i].noise);
		double found = sl_accountant_epsilon(&a, known[i].times, 1e-5);
		assert_true(found >= known[i].epsilon * (1 - 1e-9) && found < known[i].epsilon * 1.025);
	}
}

static void budgets_are_kept(void **state)
{
	(void)state;
	static const double rates[] = { 0.002, 0.05, 1 }, epsilons[] = { 0.5, 2, 8 };
	for (unsigned r = 0; r < 3; r++)
		for (unsigned e = 0; e < 3; e++) {
			struct sl_accountant a;
			sl_accountant_make(&a, rates[r], 1.3);
			uint64_t most = sl_accountant_most(&a, epsilons[e], 1e-5);
			assert_true(sl_accountant_epsilon(&a, most, 1e-5) <= epsilons[e]);
			assert_true(sl_accountant_epsilon(&a, most + 1, 1e-5) > epsilons[e]);
			double noise = sl_accountant_noise(rates[r], 1000, epsilons[e], 1e-5);
			sl_accountant_make(&a, rates[r], noise);
			assert_true(sl_accountant_epsilon(&a, 1000, 1e-5) <= epsilons[e]);
			sl_accountant_make(&a, rates[r], noise / 1.002);
			assert_true(sl_accountant_epsilon(&a, 1000, 1e-5) > epsilons[e]);
		}
	struct sl_accountant a;
	sl_accountant_make(&a, 0.1, 1);
	assert_true(sl_accountant_epsilon(&a, 0, 1e-5) == 0);
	assert_true(isinf(sl_accountant_noise(1, UINT64_C(1) << 50, 0.01, 1e-5)));
}

/* ---- clipping ---- */

enum { ROWS = 150 };

/* Σ of gradients made one at a time and scaled; *most: the longest, *loss: the sum of losses. */
static void clip_one_by_one(const struct sl_model_instance *m, const struct sl_dataset *data,
                            const uint32_t *pick, uint32_t count, const float *x, double clip, double *sum,
                            double *norms, double *loss)
{
	uint32_t d = m->layout.dimension;
	float *g = calloc(d, sizeof *g), *scratch = calloc(m->model->scratch(m, 1), sizeof *scratch);
	memset(sum, 0, d * sizeof *sum);
	*loss = 0;
	for (uint32_t i = 0; i < count; i++) {
		*loss += m->model->gradient(m, data, pick + i, 1, x, g, scratch);
		norms[i] = sqrt(sl_vector_square(d, g));
		for (uint32_t k = 0; k < d; k++)
			sum[k] += (double)g[k] * (norms[i] > clip ? clip / norms[i] : 1);
	}
	free(g);
	free(scratch);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void check_clipping(const char *spec, enum sl_feature_kind kind, uint32_t classes)
{
	struct sl_model_instance m;
	struct sl_error error;
	struct samples s = samples_make(kind, ROWS, 9, classes, 3);
	if (sl_model_make(&m, spec, 9, classes, &error) != SL_OK)
		fail_msg("%s", error.text);
	uint32_t d = m.layout.dimension, pick[ROWS];
	float *x = calloc(d, sizeof *x), *out = calloc(d, sizeof *out),
	      *scratch = calloc(m.model->scratch(&m, ROWS), sizeof *scratch);
	double *sum = calloc(d, sizeof *sum), norms[ROWS], sorted[ROWS], loss, unclipped;
	m.model->init(&m, 5, x);
	for (uint32_t k = 0; k < d; k++)
		x[k] += 0.1f * (float)((int)(k % 7) - 3);
	for (uint32_t i = 0; i < ROWS; i++)
		pick[i] = (uint32_t)((i * 37) % ROWS);
	clip_one_by_one(&m, &s.data, pick, ROWS, x, INFINITY, sum, norms, &unclipped);
	memcpy(sorted, norms, sizeof sorted);
	qsort(sorted, ROWS, sizeof *sorted, by_size);
	double clips[] = { sorted[ROWS - 1] * 2, sorted[ROWS / 2], sorted[0] / 10 };
	for (unsigned c = 0; c < 3; c++) {
		clip_one_by_one(&m, &s.data, pick, ROWS, x, clips[c], sum, norms, &loss);
		memset(out, 0, d * sizeof *out);
		double found = m.model->clipped(&m, &s.data, pick, ROWS, x, clips[c], out, scratch),
		       apart = 0, size = 0;
		for (uint32_t k = 0; k < d; k++) {
			apart += ((double)out[k] - sum[k]) * ((double)out[k] - sum[k]);
			size += sum[k] * sum[k];
		}
		if (apart > 1e-9 * size || fabs(found - loss) > 1e-5 * fabs(loss))
			fail_msg("%s, clip %g: %g of %g apart, loss %.9g not %.9g", spec, clips[c], apart,
			         size, found, loss);
	}
	free(x);
	free(out);
	free(scratch);
	free(sum);
	samples_free(&s);
}

static void clipped_sums_are_those_of_single_gradients(void **state)
{
	(void)state;
	static const char *const networks[] = { "softmax", "mlp:1", "mlp:13", "mlp:8,6,5" };
	for (int kind = 0; kind < SL_FEATURE_KINDS; kind++) {
		for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
			check_clipping(networks[i], (enum sl_feature_kind)kind, 4);
		check_clipping("logistic", (enum sl_feature_kind)kind, 2);
		check_clipping("ridge", (enum sl_feature_kind)kind, 0);
	}
}

/* One sample more moves the sum by the norm to which it is clipped, at the most: what the noise is measured by. */
static void no_sample_moves_the_sum_farther(void **state)
{
	(void)state;
	static const char *const specs[] = { "softmax", "mlp:13" };
	for (size_t i = 0; i < 2; i++) {
		struct sl_model_instance m;
		struct samples s = samples_make(SL_FEATURES_FLOAT, ROWS, 9, 4, 8);
		assert_true(sl_model_make(&m, specs[i], 9, 4, NULL) == SL_OK);
		uint32_t d = m.layout.dimension, pick[ROWS];
		float *x = calloc(d, sizeof *x), *with = calloc(d, sizeof *x),
		      *without = calloc(d, sizeof *x),
		      *scratch = calloc(m.model->scratch(&m, ROWS), sizeof *scratch);
		m.model->init(&m, 2, x);
		for (uint32_t k = 0; k < ROWS; k++)
			pick[k] = k;
		m.model->clipped(&m, &s.data, pick, ROWS, x, 0.05, with, scratch);
		for (uint32_t left = 0; left < ROWS; left += 11) {
			uint32_t others[ROWS];
			memset(without, 0, d * sizeof *x);
			for (uint32_t k = 0, n = 0; k < ROWS; k++)
				if (k != left)
					others[n++] = k;
			m.model->clipped(&m, &s.data, others, ROWS - 1, x, 0.05, without, scratch);
			assert_true(sqrt(sl_vector_distance(d, with, without)) <= 0.05 * (1 + 1e-4));
		}
		free(x);
		free(with);
		free(without);
		free(scratch);
		samples_free(&s);
	}
}

/* ---- draws ---- */

/* Ridge regression over unit vectors: at x = 0 sample s has the gradient −t_s·e_s. */
static void make_units(struct trial *t, uint32_t samples, float target, uint32_t batch)
{
	trial_standard(t, "dpsgd", "ring:3", "ridge:0", "all | float32 | raw");
	t->features = samples;
	t->settings.batch = batch;
	t->settings.noise = 1;
	t->settings.clip = 1;
	for (uint32_t i = 0; i < 3; i++) {
		float *rows = trial_shard(t, i, samples), *goal = (float *)(uintptr_t)t->shard[i].target;
		for (uint32_t s = 0; s < samples; s++) {
			rows[(size_t)s * samples + s] = 1;
			goal[s] = -target;
		}
	}
}

/* Moments of the noise in gradients of nothing, beside those of N(0, σ²C²/B²): four standard errors. */
static void noise_is_normal(void **state)
{
	(void)state;
	enum { D = 100, TIMES = 600 };
	struct trial *t = calloc(1, sizeof *t);
	make_units(t, D, 0, 20);
	t->settings.noise = 1.7;
	t->settings.clip = 0.3;
	trial_open(t);
	struct sl_learner *l = trial_learner(t, 0);
	l->scratch = &t->scratch;
	float out[D];
	double sum[5] = { 0 }, lag = 0, before = 0, n = (double)D * TIMES, deviation = 1.7 * 0.3 / 20;
	for (uint32_t i = 0; i < TIMES; i++) {
		l->round = i;
		sl_private_gradient(l, l->x, i % 3, out);
		for (uint32_t k = 0; k < D; k++) {
			double v = (double)out[k] / deviation, power = 1;
			for (unsigned p = 1; p < 5; p++)
				sum[p] += power *= v;
			lag += v * before;
			before = v;
		}
	}
	assert_true(fabs(sum[1]) < 4 * sqrt(n) && fabs(lag) < 4 * sqrt(n));
	assert_true(fabs(sum[2] - n) < 4 * sqrt(2 * n));
	assert_true(fabs(sum[3]) < 4 * sqrt(15 * n) && fabs(sum[4] - 3 * n) < 4 * sqrt(96 * n));
	assert_int_equal(sl_private_releases(l), TIMES);
	trial_close(t);
	free(t);
}

/* Large gradients beside little noise show who was taken: each sample with chance q, independently. */
static void samples_are_taken_by_chance(void **state)
{
	(void)state;
	enum { D = 64, TIMES = 2000, BATCH = 16 };
	struct trial *t = calloc(1, sizeof *t);
	make_units(t, D, 100, BATCH);
	t->settings.clip = 1;
	t->settings.noise = 0.1;
	trial_open(t);
	struct sl_learner *l = trial_learner(t, 1);
	l->scratch = &t->scratch;
	float out[D];
	double each[D] = { 0 }, sizes = 0, squares = 0, q = (double)BATCH / D;
	for (uint32_t i = 0; i < TIMES; i++) {
		uint32_t size = 0;
		l->round = i;
		sl_private_gradient(l, l->x, 0, out);
		for (uint32_t k = 0; k < D; k++) {
			bool taken = (double)out[k] * BATCH > 0.5;
			each[k] += taken;
			size += taken;
		}
		sizes += size;
		squares += (double)size * size;
	}
	double deviation = sqrt(TIMES * q * (1 - q));
	for (uint32_t k = 0; k < D; k++)
		assert_true(fabs(each[k] - TIMES * q) < 5 * deviation);
	double mean = sizes / TIMES, variance = squares / TIMES - mean * mean;
	near(mean, BATCH, 0.02);
	near(variance, D * q * (1 - q), 0.2); /* permutations would have none */
	trial_close(t);
	free(t);
}

/* A model whose samples are clipped one by one: with whole batches and little noise, what is left of the sum is that of
 * gradients made here, and noise of the size that was asked for. */
static void others_are_clipped_by_sample(void **state)
{
	(void)state;
	enum { SAMPLES = 40 };
	struct trial *t = calloc(1, sizeof *t);
	struct samples s = samples_make(SL_FEATURES_BYTE, SAMPLES, 36, 3, 4);
	trial_standard(t, "dpsgd", "ring:3", "conv:3x3,pool:2,5", "all | float32 | raw");
	t->features = 36;
	t->classes = 3;
	t->settings.batch = SAMPLES;
	t->settings.noise = 0.1;
	t->settings.clip = 0.05;
	for (uint32_t i = 0; i < 3; i++)
		t->shard[i] = s.data;
	trial_open(t);
	struct sl_learner *l = trial_learner(t, 0);
	uint32_t d = t->plan.dimension, pick[SAMPLES];
	float *out = calloc(d, sizeof *out);
	double *sum = calloc(d, sizeof *sum), norms[SAMPLES], loss, apart = 0, noise = d * 0.005 * 0.005;
	l->scratch = &t->scratch;
	for (uint32_t i = 0; i < SAMPLES; i++)
		pick[i] = i;
	clip_one_by_one(&t->plan.model, l->data, pick, SAMPLES, l->x, 0.05, sum, norms, &loss);
	near(sl_private_gradient(l, l->x, 0, out), loss / SAMPLES, 1e-5);
	for (uint32_t k = 0; k < d; k++)
		apart += pow((double)out[k] * SAMPLES - sum[k], 2);
	near(apart, noise, 0.5);
	free(out);
	free(sum);
	trial_close(t);
	free(t);
	samples_free(&s);
}

/* The same place in the same state: the same bytes. Anything else: other noise. */
static void draws_depend_on_everything(void **state)
{
	(void)state;
	enum { D = 30, CASES = 10 };
	struct trial *t = calloc(1, sizeof *t);
	make_units(t, D, 0, 10);
	trial_open(t);
	float out[CASES][D], x[D] = { 0 }, other[D] = { [D - 1] = 1 };
	for (unsigned c = 0; c < CASES; c++) {
		uint8_t secret[SL_HASH_BYTES] = { c == 4 };
		struct sl_learner *l = trial_learner(t, c == 1);
		struct sl_dataset shard = *l->data;
		struct sl_plan plan = t->plan;
		plan.run = c == 5;
		shard.samples -= c == 6;
		shard.target = c == 8 ? other : shard.target;
		plan.settings.seed += c == 9;
		l->scratch = &t->scratch;
		sl_privacy_begin(&l->privacy, &plan, c == 1, &shard, c == 7 || c == 9 ? NULL : secret);
		l->round = c == 2;
		x[D - 1] = c == 3 ? 1e-20f : 0;
		sl_private_gradient(l, x, 0, out[c]);
		for (unsigned b = 0; b < c; b++)
			for (unsigned k = 0; k < D; k++)
				assert_true(out[b][k] != out[c][k]);
		float again[D];
		sl_private_gradient(l, x, 1, again);
		assert_memory_not_equal(again, out[c], sizeof again);
		sl_private_gradient(l, x, 0, again);
		assert_memory_equal(again, out[c], sizeof again);
	}
	trial_close(t);
	free(t);
}

/* While a peer holds them, gradients are nothing, and none of the budget is spent. */
static void what_is_held_takes_nothing(void **state)
{
	(void)state;
	enum { D = 12 };
	struct trial *t = calloc(1, sizeof *t);
	make_units(t, D, 1, 4);
	trial_open(t);
	struct sl_learner *l = trial_learner(t, 0);
	l->scratch = &t->scratch;
	for (unsigned held = 2; held-- > 0;) {
		float out[D] = { 1 };
		uint64_t before = sl_private_releases(l);
		l->privacy.held = held;
		assert_int_equal(isnan(sl_private_gradient(l, l->x, 0, out)) != 0, held);
		for (unsigned k = 0; k < D; k++)
			assert_int_equal(out[k] == 0, held);
		assert_int_equal(sl_private_releases(l), before + !held);
	}
	trial_close(t);
	free(t);
}

/* ---- methods ---- */

/* Each either refuses, or takes one gradient for each local step, and stops at its budget. */
static void every_method_is_counted(void **state)
{
	(void)state;
	unsigned refused = 0;
	for (const struct sl_algorithm *const *a = sl_algorithms; *a; a++) {
		struct trial *t = calloc(1, sizeof *t);
		struct sl_error error = { 0 };
		make_units(t, 12, 1, 4);
		bool random =
		    (*a)->takes == SL_TAKES_UNBIASED || ((*a)->takes == SL_TAKES_ANY && (*a)->aggregate);
		snprintf(t->settings.algorithm, sizeof t->settings.algorithm, "%s", (*a)->name);
		snprintf(t->topology_spec, sizeof t->topology_spec, "%s",
		         (*a)->aggregate ? "complete:3" : "ring:3");
		snprintf(t->settings.pipeline, sizeof t->settings.pipeline, "%s",
		         random ? "randk:3 | float32 | raw" : "topk:3 | float32 | raw");
		t->settings.eta = 1e-3;
		t->settings.gamma = 0.3;
		t->settings.local_steps = 3;
		if (!trial_plan(t, &error)) {
			assert_true((*a)->repeats_batches);
			assert_non_null(strstr(error.text, (*a)->name));
			refused++;
			trial_close(t);
			free(t);
			continue;
		}
		assert_false((*a)->repeats_batches);
		trial_open(t);
		uint32_t steps = sl_algorithm_reads(*a, "local_steps") ? 3 : 1;
		trial_learner(t, 2)->privacy.most = 2 * (uint64_t)steps;
		trial_run(t, 7);
		/* A tracker begins with one more; an iteration of cdproxsgt is two rounds. */
		uint64_t taken = sl_private_releases(trial_learner(t, 0)), all = 7 * (uint64_t)steps;
		if (taken < all / 2 || taken > all + 1)
			fail_msg("%s: %llu gradients in 7 rounds", (*a)->name, (unsigned long long)taken);
		assert_int_equal(sl_private_releases(trial_learner(t, 2)), 2 * steps);
		assert_true(sl_private_spent(trial_learner(t, 2)) && !sl_private_spent(trial_learner(t, 0)));
		trial_close(t);
		free(t);
	}
	assert_int_equal(refused, 7);
}

static void refusals(void **state)
{
	(void)state;
	static const struct {
		const char *model;
		double noise, epsilon, clip;
		uint32_t classes, estimator;
		const char *says;
	} cases[] = {
		{ "saddle", 1, 0, 1, 0, 0, "cannot clip the gradient of each sample" },
		{ "ridge", 1, 0, 1, 0, SL_ESTIMATOR_SAGA, "estimator must be batch" },
		{ "ridge", 0, 8, 1, 0, 0, "read with noise only" },
		{ "ridge", 0, 0, 2, 0, 0, "read with noise only" },
		{ "ridge", 0.01, 0, 1, 0, 0, "must be 0 or at least 0.1" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct trial *t = calloc(1, sizeof *t);
		struct sl_error error = { 0 };
		trial_standard(t, "choco", "ring:3", cases[i].model, "all | float32 | raw");
		t->features = 6;
		t->classes = cases[i].classes;
		t->settings.noise = cases[i].noise;
		t->settings.epsilon = cases[i].epsilon;
		t->settings.clip = cases[i].clip;
		t->settings.estimator = cases[i].estimator;
		if (trial_plan(t, &error))
			fail_msg("case %zu is not refused", i);
		if (!strstr(error.text, cases[i].says))
			fail_msg("case %zu: %s", i, error.text);
		trial_close(t);
		free(t);
	}
}

/* ---- whole runs ---- */

static struct swarm *swarm_of(double epsilon)
{
	struct swarm *w = calloc(1, sizeof *w);
	swarm_standard(w);
	snprintf(w->topology_spec, sizeof w->topology_spec, "ring:5");
	w->settings.rounds = 30;
	w->settings.checkpoint_every = 4;
	w->settings.noise = 0.8;
	w->settings.epsilon = epsilon;
	swarm_open(w);
	return w;
}

static void close_swarm(struct swarm *w)
{
	swarm_close(w);
	free(w);
}

/* Killed three times, it ends with the bits and the count of a run that was left alone. */
static void a_crash_changes_nothing(void **state)
{
	(void)state;
	struct swarm *calm = swarm_of(0), *killed = swarm_of(0);
	swarm_run(calm, 10000000);
	for (uint32_t k = 0; k < 3; k++) {
		swarm_run_to(killed, k, 7 * (k + 1));
		sl_sim_kill(killed->sim, k);
		for (int n = 0; n < 30; n++)
			sl_sim_step(killed->sim);
		sl_sim_revive(killed->sim, k, k == 1 ? SL_SIM_DISK_OLDER : SL_SIM_DISK_NEWEST);
	}
	swarm_run(killed, 10000000);
	for (uint32_t i = 0; i < 5; i++) {
		struct sl_peer_status a, b;
		sl_peer_status(sl_sim_peer(calm->sim, i), &a);
		sl_peer_status(sl_sim_peer(killed->sim, i), &b);
		assert_true(swarm_digest(calm, i) == swarm_digest(killed, i));
		assert_true(a.epsilon > 0 && a.epsilon == b.epsilon && !a.spent);
	}
	close_swarm(calm);
	close_swarm(killed);
}

/* All peers finish; whoever has spent its budget says so once, and stays within it. */
static void spent_budgets_stop_nobody(void **state)
{
	(void)state;
	struct swarm *free_of = swarm_of(0), *w = swarm_of(0);
	swarm_run(free_of, 10000000);
	struct sl_peer_status all, s;
	sl_peer_status(sl_sim_peer(free_of->sim, 0), &all);
	close_swarm(w);
	w = swarm_of(all.epsilon * 0.7);
	swarm_run(w, 10000000);
	assert_int_equal(swarm_count(w, "privacy-budget-spent"), 5);
	for (uint32_t i = 0; i < 5; i++) {
		sl_peer_status(sl_sim_peer(w->sim, i), &s);
		assert_true(s.spent && s.epsilon <= s.budget && s.epsilon > 0.9 * s.budget);
		assert_int_equal(s.round, 30);
		assert_true(swarm_digest(free_of, i) != swarm_digest(w, i));
	}
	close_swarm(free_of);
	close_swarm(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_are_chacha20),
		cmocka_unit_test(streams_pass_2_to_the_32),
		cmocka_unit_test(published_divergences),
		cmocka_unit_test(divergences_are_binomial_sums),
		cmocka_unit_test(published_epsilons),
		cmocka_unit_test(few_orders_suffice),
		cmocka_unit_test(budgets_are_kept),
		cmocka_unit_test(clipped_sums_are_those_of_single_gradients),
		cmocka_unit_test(no_sample_moves_the_sum_farther),
		cmocka_unit_test(others_are_clipped_by_sample),
		cmocka_unit_test(noise_is_normal),
		cmocka_unit_test(samples_are_taken_by_chance),
		cmocka_unit_test(draws_depend_on_everything),
		cmocka_unit_test(what_is_held_takes_nothing),
		cmocka_unit_test(every_method_is_counted),
		cmocka_unit_test(refusals),
		cmocka_unit_test(a_crash_changes_nothing),
		cmocka_unit_test(spent_budgets_stop_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
