/* topk against sorting, on vectors large enough for every path of it. */
#include "tests/support/compress.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const float *sorted_vector;

static int by_magnitude(const void *a, const void *b)
{
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
	uint32_t x = sl_float_bits(sorted_vector[i]) << 1, y = sl_float_bits(sorted_vector[j]) << 1;
	return x != y ? (x < y ? 1 : -1) : i < j ? -1 : 1;
}

static int by_index(const void *a, const void *b)
{
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
	return i < j ? -1 : i > j;
}

/* The first k in order of magnitude, ties by index, without zeros, in order of index. */
static uint32_t expected_topk(uint32_t d, const float *v, uint32_t k, uint32_t *order)
{
	for (uint32_t i = 0; i < d; i++)
		order[i] = i;
	sorted_vector = v;
	qsort(order, d, sizeof *order, by_magnitude);
	uint32_t count = 0;
	while (count < k && v[order[count]] != 0)
		count++;
	qsort(order, count, sizeof *order, by_index);
	return count;
}

/* Shapes of a vector: what a sample of it says ranges from right to thoroughly misleading. */
static float shaped(unsigned shape, struct sl_random *g, uint32_t i, uint32_t d)
{
	float normal = (float)sl_random_normal(g);
	switch (shape) {
	case 0:
		return normal;
	case 1: /* few distinct magnitudes */
		return (float)(int)(3 * normal) * 0.25F;
	case 2: /* all the large ones at one end */
		return i > d - d / 50 ? 100 + normal : normal * 1e-3F;
	case 3: /* mostly zeros of both signs */
		return sl_random_unit(g) < 0.01F ? normal : i % 2 ? 0.0F : -0.0F;
	case 4: /* all equal */
		return i % 3 ? 2.0F : -2.0F;
	case 5: /* denormals */
		return normal * 1e-40F;
	default: /* larger every 24th, as a stride would see it */
		return i % 24 == 0 ? 10 * normal : normal * 0.01F;
	}
}

static void test_topk(void **state)
{
	(void)state;
	static const uint32_t dimensions[] = { 1, 63, 64, 65, 4099, 20011, 101770 };
	static const char *const texts[] = { "topk:1",    "topk:2",    "topk:37",
		                             "topk:0.02", "topk:0.05", "topk:0.5" };
	for (unsigned shape = 0; shape < 7; shape++)
		for (size_t j = 0; j < sizeof dimensions / sizeof *dimensions; j++) {
			uint32_t d = dimensions[j];
			float *v = malloc(d * sizeof *v);
			uint32_t *order = malloc(d * sizeof *order);
			struct sl_random g = sl_random_stream(shape, 0, "topk", d);
			for (uint32_t i = 0; i < d; i++)
				v[i] = shaped(shape, &g, i, d);
			struct sample s = { .v = v, .copy = v };
			layout_fill(&s.layout, d, 7);
			for (size_t t = 0; t<sizeof texts / sizeof *texts; t += d> 50000 ? 3 : 1) {
				char text[64];
				snprintf(text, sizeof text, "%s | float32 | raw", texts[t]);
				struct rig r;
				assert_true(rig_make(&r, text, &s.layout, NULL));
				uint32_t k = r.pipeline.select->count_max(r.pipeline.select_options, d);
				uint32_t count = expected_topk(d, v, k, order);
				/* once without a guess, then with a right one, one too low and one too high
				 */
				static const float factors[] = { 1, 1, 64, 1.0F / 64 };
				for (size_t f = 0; f < sizeof factors / sizeof *factors; f++) {
					for (uint32_t i = 0; i < d && factors[f] != 1; i++)
						v[i] *= factors[f];
					rig_encode(&r, &s, 0);
					assert_int_equal(r.count, count);
					assert_memory_equal(r.index, order, count * sizeof *order);
				}
				rig_free(&r);
			}
			free(v);
			free(order);
		}
}

static void test_topk_count(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint32_t dimension, k;
	} cases[] = { { "topk:0.05", 101770, 5089 },
		      { "topk:1", 10, 10 },
		      { "topk:0.001", 10, 1 },
		      { "topk:200", 1000, 200 },
		      { "topk:200", 7, 7 } };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct sl_layout layout;
		struct sl_pipeline p;
		char text[64];
		layout_fill(&layout, cases[i].dimension, 3);
		snprintf(text, sizeof text, "%s | float32 | raw", cases[i].text);
		assert_int_equal(sl_pipeline_parse(&p, text, &layout, NULL), SL_OK);
		assert_int_equal(p.select->count_max(p.select_options, p.dimension), cases[i].k);
	}
}

/* The difference to a copy, never made a vector: the bytes are those of the vector. */
static void test_differences(void **state)
{
	(void)state;
	enum { D = 20011 };
	static float x[D], copy[D], v[D], room[D];
	static const char *const texts[] = { "topk:0.05 | dither:16 | golomb", "topk:1 | float32 | raw",
		                             "all | dither:4 | golomb" };
	struct sl_layout layout;
	layout_fill(&layout, D, 7);
	for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
		struct rig r;
		assert_true(rig_make(&r, texts[t], &layout, NULL));
		uint8_t *body = malloc(r.bound);
		for (unsigned shape = 0; shape < 7; shape++) {
			struct sl_random g = sl_random_stream(shape, 0, "difference", t);
			for (uint32_t i = 0; i < D; i++) {
				x[i] = shaped(shape, &g, i, D);
				copy[i] = 0.1F * (float)sl_random_normal(&g);
				v[i] = x[i] - copy[i];
			}
			struct sl_message_context m = {
				.seed = 1, .version = shape, .layout = &layout, .copy = copy
			};
			struct sl_message_context as_vector = m;
			struct sl_writer w = sl_writer(r.body, r.bound), again = sl_writer(body, r.bound);
			struct sl_update u;
			sl_pipeline_encode(&r.pipeline, &as_vector, v, &w, &u, r.send);
			assert_true(
			    sl_pipeline_encode_difference(&r.pipeline, &m, x, room, &again, &u, r.send));
			size_t length = sl_writer_length(&w);
			assert_int_equal(sl_writer_length(&again), length);
			assert_memory_equal(body, r.body, length);
			float keep = x[shape];
			x[shape] = NAN;
			again = sl_writer(body, r.bound);
			assert_false(
			    sl_pipeline_encode_difference(&r.pipeline, &m, x, room, &again, &u, r.send));
			assert_int_equal(sl_writer_length(&again), 0);
			x[shape] = keep;
		}
		free(body);
		rig_free(&r);
	}
}

/* A threshold for each tensor, in proportion to it: one a thousand times larger hides nothing of another. */
static void test_thresholds_of_tensors(void **state)
{
	(void)state;
	enum { D = 4099 };
	static float v[D], copy[D];
	struct sample s = { .v = v, .copy = copy };
	struct sl_random g = sl_random_stream(1, 0, "tensors", 0);
	struct rig r;
	layout_fill(&s.layout, D, 7);
	assert_true(s.layout.tensors == 2);
	for (uint32_t i = 0; i < D; i++)
		v[i] = (float)sl_random_normal(&g);
	assert_true(rig_make(&r, "threshold:2,rms | float32 | raw", &s.layout, NULL));
	rig_encode(&r, &s, 0);
	uint32_t count = r.count, *index = malloc(D * sizeof *index);
	memcpy(index, r.index, count * sizeof *index);
	assert_in_range(count, D * 0.035, D * 0.057); /* 4.55 % of normal numbers lie beyond 2σ */
	for (uint32_t i = s.layout.own[1].offset; i < D; i++)
		v[i] *= 1024;
	rig_encode(&r, &s, 0);
	assert_int_equal(r.count, count);
	assert_memory_equal(r.index, index, count * sizeof *index);
	for (uint32_t i = 0; i < count; i++)
		v[index[i]] = 0;
	for (uint32_t t = 0; t < 2; t++) {
		const struct sl_tensor *tensor = &s.layout.own[t];
		float most = 0;
		for (uint32_t i = 0; i < tensor->rows * tensor->columns; i++)
			most = fmaxf(most, fabsf(v[tensor->offset + i]));
		assert_true(most < (t ? 1024 : 1) * 2.2F && most > (t ? 1024 : 1) * 1.5F);
	}
	free(index);
	rig_free(&r);
}

/* No coordinate comes again before all others that fit had their turn, and every one comes equally often. */
static void test_markov(void **state)
{
	(void)state;
	enum { D = 103, K = 10, TURNS = D / K, PERMUTATIONS = 2000 };
	static float v[D];
	static uint32_t seen[D], times[D];
	struct sample s = { .v = v, .copy = v };
	struct rig r;
	layout_fill(&s.layout, D, 7);
	for (uint32_t i = 0; i < D; i++)
		v[i] = 1;
	assert_true(rig_make(&r, "markov:10 | float32 | raw", &s.layout, NULL));
	for (uint32_t number = 0; number < PERMUTATIONS * TURNS; number++) {
		if (number % TURNS == 0)
			memset(seen, 0, sizeof seen);
		rig_encode(&r, &s, number);
		assert_int_equal(r.count, K);
		for (uint32_t i = 0; i < r.count; i++) {
			assert_int_equal(seen[r.index[i]]++, 0);
			times[r.index[i]]++;
		}
	}
	double mean = (double)PERMUTATIONS * TURNS * K / D;
	for (uint32_t i = 0; i < D; i++)
		assert_true(fabs(times[i] - mean) < 6 * sqrt(PERMUTATIONS * 0.03));
	rig_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_topk), cmocka_unit_test(test_topk_count),
		                            cmocka_unit_test(test_differences),
		                            cmocka_unit_test(test_thresholds_of_tensors),
		                            cmocka_unit_test(test_markov) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
