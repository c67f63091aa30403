/* The convex models (and the saddle): gradients against differences, parts against the whole, values by hand,
 * refusals. */
#include "learn/convex.h"
#include "learn/curvature.h"

#include "base/random.h"
#include "linalg/vector.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { SAMPLES = 23, FEATURES = 12 };

/* Those that deserve arguments or shapes of their own, and behind them the other convex models of the registry. */
static struct {
	const char *spec;
	uint32_t features, classes;
} models[32] = {
	{ "ridge:0.3", FEATURES, 0 }, { "ridge", FEATURES, 0 },  { "logistic:0.1", FEATURES, 2 },
	{ "quadratic:0.5", 12, 0 },   { "saddle", FEATURES, 0 },
};
static size_t models_count = 5;

static bool is_there(const char *name)
{
	size_t n = strlen(name), m = 0;
	while (m < models_count &&
	       (strncmp(models[m].spec, name, n) != 0 || (models[m].spec[n] && models[m].spec[n] != ':')))
		m++;
	return m < models_count;
}

static int add_registered(void **state)
{
	(void)state;
	struct sl_model_instance made;
	struct sl_error error;
	for (const struct sl_model *const *m = sl_models; *m; m++) {
		if ((*m)->scratch != sl_convex_scratch || is_there((*m)->name))
			continue;
		assert_true(models_count < sizeof models / sizeof *models);
		models[models_count].spec = (*m)->name;
		models[models_count].features = FEATURES;
		models[models_count].classes =
		    sl_model_make(&made, (*m)->name, FEATURES, 0, &error) == SL_OK ? 0 : 2;
		models_count++;
	}
	return 0;
}

struct bench {
	struct sl_model_instance model;
	struct sl_dataset data;
	float rows[SAMPLES * FEATURES], target[SAMPLES], *scratch;
	uint16_t label[SAMPLES];
	double x[FEATURES];
};

static void open_bench(struct bench *b, size_t m)
{
	struct sl_error error;
	struct sl_random g = sl_random_stream(5, (uint32_t)m, "convex", 0);
	if (sl_model_make(&b->model, models[m].spec, models[m].features, models[m].classes, &error) != SL_OK)
		fail_msg("%s", error.text);
	for (int k = 0; k < SAMPLES * FEATURES; k++)
		b->rows[k] = (float)sl_random_normal(&g);
	bool quadratic = strncmp(models[m].spec, "quadratic", 9) == 0;
	for (int s = 0; s < SAMPLES && quadratic; s++) /* d = 3: symmetric */
		for (int r = 0; r < 3; r++)
			for (int c = 0; c < r; c++)
				b->rows[s * FEATURES + 3 + 3 * r + c] = b->rows[s * FEATURES + 3 + 3 * c + r];
	for (int s = 0; s < SAMPLES; s++) {
		b->target[s] = (float)sl_random_normal(&g);
		b->label[s] = sl_random_u64(&g) & 1;
	}
	for (int k = 0; k < FEATURES; k++)
		b->x[k] = sl_random_normal(&g);
	b->data = (struct sl_dataset){ .kind = SL_FEATURES_FLOAT,
		                       .samples = SAMPLES,
		                       .features = models[m].features,
		                       .classes = models[m].classes,
		                       .scale = 1,
		                       .dense = b->rows,
		                       .label = models[m].classes ? b->label : NULL,
		                       .target = models[m].classes ? NULL : b->target };
	b->scratch = malloc(b->model.model->scratch(&b->model, SAMPLES) * sizeof(float));
	assert_non_null(b->scratch);
}

static double gradient_at(struct bench *b, const double *x, const uint32_t *pick, uint32_t count, float *out)
{
	float at[FEATURES];
	for (uint32_t k = 0; k < b->model.layout.dimension; k++)
		at[k] = (float)x[k];
	return b->model.model->gradient(&b->model, &b->data, pick, count, at, out, b->scratch);
}

static void gradients_agree_with_differences(void **state)
{
	(void)state;
	for (size_t m = 0; m < models_count; m++) {
		struct bench b;
		float gradient[FEATURES], ignored[FEATURES];
		open_bench(&b, m);
		double loss = gradient_at(&b, b.x, NULL, SAMPLES, gradient);
		for (uint32_t k = 0; k < b.model.layout.dimension; k++) {
			double h = 1e-2, x = (double)(float)b.x[k], side[2];
			for (int s = 0; s < 2; s++) {
				b.x[k] = (double)(float)(s ? x - h : x + h);
				side[s] = gradient_at(&b, b.x, NULL, SAMPLES, ignored);
			}
			double found =
			    (side[0] - side[1]) / ((double)(float)(x + h) - (double)(float)(x - h));
			if (!(fabs(found - (double)gradient[k]) < 5e-4 * (1 + fabs(loss))))
				fail_msg("%s: coordinate %u: gradient says %g, differences say %g",
				         models[m].spec, k, (double)gradient[k], found);
			b.x[k] = x;
		}
		free(b.scratch);
	}
}

/* The gradient of a batch is the mean of its samples', and evaluation finds the same loss (the saddle's
 * without noise). */
static void parts_make_the_whole(void **state)
{
	(void)state;
	for (size_t m = 0; m < models_count; m++) {
		struct bench b;
		float whole[FEATURES], part[FEATURES], at[FEATURES];
		double sum[FEATURES] = { 0 }, losses = 0;
		open_bench(&b, m);
		uint32_t d = b.model.layout.dimension;
		double loss = gradient_at(&b, b.x, NULL, SAMPLES, whole);
		for (uint32_t s = 0; s < SAMPLES; s++) {
			losses += gradient_at(&b, b.x, &s, 1, part) / SAMPLES;
			for (uint32_t k = 0; k < d; k++)
				sum[k] += (double)part[k] / SAMPLES;
		}
		for (uint32_t k = 0; k < d; k++) {
			assert_true(fabs(sum[k] - (double)whole[k]) < 1e-5);
			at[k] = (float)b.x[k];
		}
		assert_true(fabs(loss - losses) < 1e-5 * (1 + fabs(loss)));
		int64_t correct;
		double found =
		    b.model.model->evaluate(&b.model, &b.data, 0, SAMPLES, at, &correct, b.scratch);
		if (strcmp(models[m].spec, "saddle") != 0)
			assert_true(fabs(found - loss) < 1e-5 * (1 + fabs(loss)));
		assert_true(models[m].classes ? correct >= 0 && correct <= SAMPLES : correct == -1);
		free(b.scratch);
	}
}

static void values_by_hand(void **state)
{
	(void)state;
	float row[2] = { 3, -1 }, x[2] = { 0.5f, 2 }, scratch[64], gradient[2], target = 1;
	struct sl_model_instance m;
	struct sl_dataset data = { .kind = SL_FEATURES_FLOAT,
		                   .samples = 1,
		                   .features = 2,
		                   .scale = 1,
		                   .dense = row,
		                   .target = &target };
	assert_int_equal(sl_model_make(&m, "ridge:0.5", 2, 0, NULL), SL_OK);
	/* residual 1.5 − 2 − 1 = −1.5; penalty 0.25·4.25 */
	assert_true(fabs(m.model->gradient(&m, &data, NULL, 1, x, gradient, scratch) - (1.125 + 1.0625)) <
	            1e-12);
	assert_true(gradient[0] == -4.25f && gradient[1] == 2.5f);
	uint16_t label = 1;
	data.classes = 2;
	data.label = &label;
	assert_int_equal(sl_model_make(&m, "logistic", 2, 2, NULL), SL_OK);
	assert_true(fabs(m.model->gradient(&m, &data, NULL, 1, x, gradient, scratch) - log(1 + exp(0.5))) <
	            1e-12);
	assert_true(fabs((double)gradient[1] - 1 / (1 + exp(-0.5))) < 1e-6);
	x[0] = 4000; /* far out: finite, and linear */
	assert_true(m.model->gradient(&m, &data, NULL, 1, x, gradient, scratch) < 1e-12);
	x[0] = -4000;
	assert_true(fabs(m.model->gradient(&m, &data, NULL, 1, x, gradient, scratch) - 12002) < 1e-6);
}

static void wrong_data_is_explained(void **state)
{
	(void)state;
	static const struct {
		const char *spec;
		uint32_t features, classes;
		const char *sentence;
	} wrong[] = { { "ridge", 5, 3, "needs data with real targets" },
		      { "logistic", 5, 3, "use softmax" },
		      { "logistic", 5, 0, "use ridge" },
		      { "quadratic", 7, 0, "must be d + d*d" },
		      { "ridge:-1", 5, 0, "lambda = -1" } };
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct sl_model_instance m;
		struct sl_error error;
		assert_true(sl_model_make(&m, wrong[i].spec, wrong[i].features, wrong[i].classes, &error) !=
		            SL_OK);
		if (!strstr(error.text, wrong[i].sentence))
			fail_msg("'%s' does not say '%s'", error.text, wrong[i].sentence);
	}
}

/* Rows along three axes, one longer than the others: the curvature is |a|² of that one times its share, times that of the
 * loss, and the penalty's. The softmax has a bias, and 1/C of it at zero. */
static void curvature_is_that_of_the_data(void **state)
{
	static const struct {
		const char *spec;
		uint32_t classes;
		double length, curvature;
	} known[] = {
		{ "ridge:0.5", 0, 6, 12.5 },        { "logistic:0.1", 2, 6, 3.1 },
		{ "ridge", 0, 600, 120000 },        { "logistic", 2, 600, 30000 },
		{ "softmax", 4, 600, 120000 / 4. }, { "mlp:3", 4, 6, 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		struct sl_model_instance m;
		struct sl_error error;
		float rows[900 * 3] = { 0 }, target[900] = { 0 };
		uint16_t label[900] = { 0 };
		for (int s = 0; s < 900; s++) {
			rows[3 * s + s % 3] = (float)(s % 3 ? known[i].length / 3 : known[i].length);
			label[s] = (uint16_t)(s / 3 % 2);
		}
		struct sl_dataset data = { .kind = SL_FEATURES_FLOAT,
			                   .samples = 900,
			                   .features = 3,
			                   .classes = known[i].classes,
			                   .scale = 1,
			                   .dense = rows,
			                   .label = known[i].classes ? label : NULL,
			                   .target = known[i].classes ? NULL : target };
		assert_int_equal(sl_model_make(&m, known[i].spec, 3, known[i].classes, &error), SL_OK);
		float *x = calloc(m.layout.dimension + sl_model_curvature_room(&m), sizeof *x);
		assert_non_null(x);
		double found = sl_model_curvature(&m, &data, x, x + m.layout.dimension);
		if (!(fabs(found - known[i].curvature) <= 0.05 * known[i].curvature))
			fail_msg("%s: %g, not %g", known[i].spec, found, known[i].curvature);
		data.samples = 0;
		assert_true(sl_model_curvature(&m, &data, x, x + m.layout.dimension) == 0);
		free(x);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gradients_agree_with_differences),
		cmocka_unit_test(parts_make_the_whole),
		cmocka_unit_test(values_by_hand),
		cmocka_unit_test(wrong_data_is_explained),
		cmocka_unit_test(curvature_is_that_of_the_data),
	};
	return cmocka_run_group_tests(tests, add_registered, NULL);
}
