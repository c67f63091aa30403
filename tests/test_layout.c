/* Layouts of any length: what is longer than a layout's own room lies elsewhere, and is compressed and penalised alike. */
#include "base/random.h"
#include "learn/model.h"
#include "tests/support/compress.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { TENSORS = 3 * SL_TENSORS_OWN + 5, NAME_MAX = 128 };

struct many {
	struct sl_layout layout;
	struct sl_tensor tensor[TENSORS];
	char name[TENSORS][NAME_MAX];
};

/* Matrices and vectors in turn, with names as adapters have them. */
static void make_many(struct many *m)
{
	memset(m, 0, sizeof *m);
	for (uint32_t t = 0; t < TENSORS; t++) {
		snprintf(m->name[t], NAME_MAX,
		         "base_model.model.encoder.layer.%u.attention.self.query.lora_%s.default.weight",
		         t / 2, t % 2 ? "B" : "A");
		m->tensor[t] = (struct sl_tensor){
			.name = m->name[t], .bias = t % 2, .rank = t % 2 ? 1 : 3, .shape = { 3 + t % 4, 2, 3 }
		};
		assert_true(sl_tensor_place(&m->tensor[t], &m->layout.dimension));
	}
	m->layout.tensors = TENSORS;
	m->layout.more = m->tensor;
}

static void tensors_tile_the_vector(void **state)
{
	static struct many m;
	(void)state;
	make_many(&m);
	uint32_t offset = 0, shape[SL_RANK_MAX];
	for (uint32_t t = 0; t < TENSORS; t++) {
		const struct sl_tensor *tensor = sl_layout_tensor(&m.layout, t);
		assert_string_equal(tensor->name, m.name[t]);
		assert_int_equal(tensor->offset, offset);
		assert_int_equal(sl_tensor_shape(tensor, shape), t % 2 ? 1 : 3);
		assert_int_equal(sl_tensor_size(tensor), t % 2 ? shape[0] : shape[0] * 6);
		assert_int_equal(tensor->columns, t % 2 ? 1 : 6);
		offset += sl_tensor_size(tensor);
	}
	assert_int_equal(offset, m.layout.dimension);
}

static void what_cannot_be_counted_is_refused(void **state)
{
	(void)state;
	struct sl_tensor empty = { .rank = 2, .shape = { 4, 0 } },
	                 huge = { .rank = 3, .shape = { 1 << 12, 1 << 12, 1 << 12 } },
	                 wraps = { .rank = 2, .shape = { UINT32_MAX, UINT32_MAX } }, one = { .rank = 0 };
	uint32_t dimension = 5;
	assert_false(sl_tensor_place(&empty, &dimension));
	assert_false(sl_tensor_place(&huge, &dimension));
	assert_false(sl_tensor_place(&wraps, &dimension));
	assert_int_equal(dimension, 5);
	assert_true(sl_tensor_place(&one, &dimension));
	assert_int_equal(dimension, 6);
	struct sl_layout layout = { 0 };
	assert_true(sl_layout_add(&layout, "w", 1 << 14, 1 << 13, false));
	assert_false(sl_layout_add(&layout, "v", 1 << 14, (1 << 13) + 1, false));
	assert_int_equal(layout.tensors, 1);
	assert_true(sl_layout_add(&layout, "v", 1 << 14, 1 << 13, false));
	assert_int_equal(layout.dimension, SL_DIMENSION_MAX);
}

static void one_pipeline(const char *text, void *context)
{
	struct many *m = context;
	struct rig rig;
	struct sample s = { .layout = m->layout };
	struct sl_random g = sl_random_stream(3, 0, "layout", 0);
	struct sl_update u;
	if (!rig_make(&rig, text, &s.layout, NULL))
		return;
	s.v = malloc(s.layout.dimension * sizeof *s.v);
	s.copy = calloc(s.layout.dimension, sizeof *s.copy);
	for (uint32_t number = 1; number <= 3; number++) {
		for (uint32_t k = 0; k < s.layout.dimension; k++)
			s.v[k] = (float)sl_random_normal(&g);
		size_t length = rig_encode(&rig, &s, number);
		assert_true(rig_decode(&rig, &s, number, rig.body, length, &u));
		assert_int_equal(u.count, rig.count);
		assert_memory_equal(u.index, rig.index, u.count * sizeof *u.index);
		assert_memory_equal(u.value, rig.value, u.count * sizeof *u.value);
	}
	free(s.v);
	free(s.copy);
	rig_free(&rig);
}

static void every_pipeline_takes_them(void **state)
{
	static struct many m;
	(void)state;
	make_many(&m);
	for_each_pipeline(one_pipeline, &m);
}

/* A share of each tensor: the last ones are heard of, too. */
static void shares_reach_the_last(void **state)
{
	static struct many m;
	struct rig rig;
	struct sl_update u;
	(void)state;
	make_many(&m);
	struct sample s = { .layout = m.layout };
	s.v = malloc(s.layout.dimension * sizeof *s.v);
	s.copy = calloc(s.layout.dimension, sizeof *s.copy);
	for (uint32_t k = 0; k < s.layout.dimension; k++)
		s.v[k] = 1.0f / (float)(1 + k);
	assert_true(rig_make(&rig, "topk-tensor:0.1 | float32 | raw", &s.layout, NULL));
	assert_true(rig_decode(&rig, &s, 1, rig.body, rig_encode(&rig, &s, 1), &u));
	assert_true(u.index[u.count - 1] >= m.tensor[TENSORS - 1].offset);
	rig_free(&rig);
	free(s.v);
	free(s.copy);
}

static void the_penalty_knows_all(void **state)
{
	static struct many m;
	(void)state;
	make_many(&m);
	const struct sl_prox *l1 = sl_prox_find("l1");
	float *x = malloc(m.layout.dimension * sizeof *x);
	double weights = 0;
	for (uint32_t t = 0; t < TENSORS; t++)
		weights += m.tensor[t].bias ? 0 : sl_tensor_size(&m.tensor[t]);
	for (uint32_t k = 0; k < m.layout.dimension; k++)
		x[k] = 0.5f;
	assert_float_equal(l1->value(NULL, &m.layout, x), weights / 2, 1e-9);
	l1->apply(NULL, &m.layout, 1, x);
	for (uint32_t t = 0; t < TENSORS; t++)
		assert_float_equal(x[m.tensor[t].offset], m.tensor[t].bias ? 0.5 : 0, 0);
	free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tensors_tile_the_vector),
		cmocka_unit_test(what_cannot_be_counted_is_refused),
		cmocka_unit_test(every_pipeline_takes_them),
		cmocka_unit_test(shares_reach_the_last),
		cmocka_unit_test(the_penalty_knows_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
