#include "base/random.h"
#include "learn/model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static struct sl_model_instance make(void)
{
	struct sl_model_instance m;
	assert_int_equal(sl_model_make(&m, "mlp:5", 7, 3, NULL), SL_OK);
	return m;
}

static void fill(float *x, uint32_t n, uint64_t seed)
{
	struct sl_random g = sl_random_stream(seed, 0, "prox", 0);
	for (uint32_t k = 0; k < n; k++)
		x[k] = sl_random_below(&g, 4) ? 2 * sl_random_unit(&g) - 1 : 0;
}

static double objective(const struct sl_prox *prox, const struct sl_layout *layout, double t, const float *u,
                        const float *x)
{
	double sum = 0;
	for (uint32_t k = 0; k < layout->dimension; k++)
		sum += ((double)u[k] - (double)x[k]) * ((double)u[k] - (double)x[k]) / 2;
	return sum + t * prox->value(NULL, layout, u);
}

/* No point near the result does better: single coordinates, and all at once. */
static void every_prox_is_a_minimum(void **state)
{
	(void)state;
	struct sl_model_instance m = make();
	const struct sl_layout *layout = &m.layout;
	float *x = malloc(layout->dimension * sizeof *x), *u = malloc(layout->dimension * sizeof *u);
	for (const struct sl_prox *const *p = sl_proxes; *p; p++)
		for (uint64_t seed = 0; seed < 5; seed++) {
			float t = 0.1f * (float)seed;
			fill(x, layout->dimension, seed);
			memcpy(u, x, layout->dimension * sizeof *u);
			(*p)->apply(NULL, layout, t, u);
			if (seed == 0)
				assert_memory_equal(u, x, layout->dimension * sizeof *u);
			double best = objective(*p, layout, (double)t, u, x);
			struct sl_random g = sl_random_stream(seed, 0, "near", 0);
			for (uint32_t k = 0; k < layout->dimension; k++) {
				float kept = u[k];
				for (int scale = 1; scale <= 100; scale *= 10) {
					u[k] = kept + 0.1f * (sl_random_unit(&g) - 0.5f) / (float)scale;
					assert_true(objective(*p, layout, (double)t, u, x) >= best - 1e-7);
				}
				u[k] = kept;
			}
		}
	free(x);
	free(u);
}

static void biases_are_left_alone(void **state)
{
	(void)state;
	struct sl_model_instance m = make();
	float *x = malloc(m.layout.dimension * sizeof *x), *u = malloc(m.layout.dimension * sizeof *u);
	fill(x, m.layout.dimension, 9);
	for (const struct sl_prox *const *p = sl_proxes; *p; p++) {
		memcpy(u, x, m.layout.dimension * sizeof *u);
		(*p)->apply(NULL, &m.layout, 0.3f, u);
		for (uint32_t t = 0; t < m.layout.tensors; t++) {
			const struct sl_tensor *tensor = &m.layout.own[t];
			if (tensor->bias)
				assert_memory_equal(u + tensor->offset, x + tensor->offset,
				                    tensor->rows * sizeof *u);
		}
	}
	free(x);
	free(u);
}

/* In parts of any length, what the whole gives, bit for bit. */
static void parts_are_the_whole(void **state)
{
	(void)state;
	struct sl_model_instance m = make();
	uint32_t d = m.layout.dimension;
	float *x = malloc(d * sizeof *x), *u = malloc(d * sizeof *u);
	for (const struct sl_prox *const *p = sl_proxes; *p; p++)
		for (uint32_t part = 1; part <= d; part++)
			for (int i = 0; i < 2; i++) {
				struct sl_prox_sum sum = { 0 };
				fill(x, d, part);
				memcpy(u, x, d * sizeof *u);
				if (i)
					(*p)->apply(NULL, &m.layout, 0.3f, u);
				for (uint32_t at = 0; at < d; at += part)
					(*p)->part(&m.layout, i ? 0.3f : 0, at, at + part < d ? at + part : d,
					           x, &sum);
				assert_memory_equal(x, u, d * sizeof *u);
				assert_true(sum.value == (*p)->value(NULL, &m.layout, u));
				assert_int_equal(sum.nonzero, sl_vector_nonzero(d, u));
			}
	free(x);
	free(u);
}

static void l1_makes_exact_zeros(void **state)
{
	(void)state;
	struct sl_model_instance m = make();
	const struct sl_prox *l1 = sl_prox_find("l1");
	float *x = malloc(m.layout.dimension * sizeof *x);
	double sum = 0;
	for (uint32_t k = 0; k < m.layout.dimension; k++)
		x[k] = (k % 2 ? 1.0f : -1.0f) * (k % 3 ? 0.5f : 0.25f);
	for (uint32_t t = 0; t < m.layout.tensors; t++)
		for (uint32_t k = 0;
		     !m.layout.own[t].bias && k < m.layout.own[t].rows * m.layout.own[t].columns; k++)
			sum += fabs((double)x[m.layout.own[t].offset + k]);
	assert_true(fabs(l1->value(NULL, &m.layout, x) - sum) < 1e-9);
	l1->apply(NULL, &m.layout, 0.25f, x);
	const struct sl_tensor *w = &m.layout.own[0];
	for (uint32_t k = w->offset; k < w->offset + w->rows * w->columns; k++)
		assert_true(k % 3 ? fabsf(x[k]) == 0.25f : x[k] == 0 && !signbit(x[k]));
	free(x);
}

static void proxes_are_found_by_name(void **state)
{
	(void)state;
	for (const struct sl_prox *const *p = sl_proxes; *p; p++)
		assert_ptr_equal(sl_prox_find((*p)->name), *p);
	assert_non_null(sl_prox_find("none"));
	assert_null(sl_prox_find("l"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_prox_is_a_minimum),  cmocka_unit_test(biases_are_left_alone),
		cmocka_unit_test(parts_are_the_whole),      cmocka_unit_test(l1_makes_exact_zeros),
		cmocka_unit_test(proxes_are_found_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
