/* Contracts of the compression pipeline, over everything in the registries. */
#include "tests/support/compress.h"

#include "linalg/vector.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { ORDINARY = 8 }; /* the kinds of samples from here on are normal numbers */

static void check_update(const struct sl_update *u, uint32_t dimension)
{
	for (uint32_t i = 0; i < u->count; i++) {
		assert_true(u->index[i] < dimension);
		assert_true(i == 0 || u->index[i - 1] < u->index[i]);
		assert_true(u->value[i] != 0 && isfinite(u->value[i]));
	}
}

static void same_update(const struct rig *r, const struct sl_update *u)
{
	assert_int_equal(r->count, u->count);
	assert_memory_equal(r->index, u->index, u->count * sizeof *u->index);
	assert_memory_equal(r->value, u->value, u->count * sizeof *u->value);
}

/* Both ends add the same numbers; the bytes repeat; they fit the bound. */
static void round_trip(const char *text, void *context)
{
	(void)context;
	for (unsigned kind = 0; kind < SAMPLE_KINDS; kind++) {
		struct sl_error error = { 0 };
		struct rig r;
		struct sample s = sample_make(kind, 1);
		uint32_t sent = 0;
		if (!rig_make(&r, text, &s.layout, &error)) {
			if (error.status != SL_UNSUPPORTED || stages_fit(text, &s.layout))
				fail_msg("%s is refused: %s", text, error.text);
			sample_free(&s);
			return;
		}
		for (uint32_t number = 0; number < 3; number++) {
			size_t length = rig_encode(&r, &s, number);
			assert_true(length <= r.bound);
			uint8_t *body = malloc(length + 1);
			memcpy(body, r.body, length);
			struct sl_update u;
			assert_true(rig_decode(&r, &s, number, body, length, &u));
			check_update(&u, s.layout.dimension);
			same_update(&r, &u);
			sent += u.count;
			if (r.remembered)
				assert_memory_equal(r.memory[0], r.memory[1], r.remembered);
			free(body);
		}
		if (kind >= ORDINARY && sent == 0)
			fail_msg("%s: nothing is left of an ordinary vector in three messages", text);
		rig_free(&r);
		sample_free(&s);
	}
}

static void test_round_trips(void **state)
{
	(void)state;
	for_each_pipeline(round_trip, NULL);
}

/* No proper prefix but the empty body (which is the zero update) and no longer body passes, unless it is the empty
 * one that is longer; a refusal changes nothing. */
static void refusals(const char *text, void *context)
{
	(void)context;
	struct sl_error error;
	for (unsigned kind = 0; kind < SAMPLE_KINDS; kind++) {
		struct rig r;
		struct sample s = sample_make(kind, 2);
		if (s.layout.dimension > 128 || !rig_make(&r, text, &s.layout, &error)) {
			sample_free(&s);
			continue;
		}
		size_t length = rig_encode(&r, &s, 5);
		uint8_t *memory = malloc(r.remembered + 1);
		if (r.remembered)
			memcpy(memory, r.memory[1], r.remembered);
		for (size_t n = 1; n <= length + 1 && length > 0; n++) {
			if (n == length)
				continue;
			uint8_t *body =
			    malloc(n); /* of the exact length, so that a sanitizer sees a step beyond */
			memcpy(body, r.body, n < length ? n : length);
			for (unsigned last = 0; last < (n > length ? 256 : 1); last += 17) {
				body[n - 1] = n > length ? (uint8_t)last : body[n - 1];
				struct sl_update u;
				assert_false(rig_decode(&r, &s, 5, body, n, &u));
			}
			free(body);
		}
		if (r.remembered)
			assert_memory_equal(memory, r.memory[1], r.remembered);
		free(memory);
		rig_free(&r);
		sample_free(&s);
	}
}

static void test_refusals(void **state)
{
	(void)state;
	for_each_pipeline(refusals, NULL);
}

/* Random damage is refused or decodes to a sound update; never anything else. */
static void damage(const char *text, void *context)
{
	(void)context;
	struct sl_error error;
	struct sample s = sample_make(6, 3);
	struct rig r;
	if (rig_make(&r, text, &s.layout, &error)) {
		size_t length = rig_encode(&r, &s, 1);
		struct sl_random g = sl_random_stream(4, 0, "damage", 0);
		for (unsigned trial = 0; length > 0 && trial < 200; trial++) {
			uint8_t *body = malloc(length);
			memcpy(body, r.body, length);
			for (uint32_t flips = 1 + sl_random_below(&g, 4); flips > 0; flips--)
				body[sl_random_below(&g, (uint32_t)length)] ^=
				    (uint8_t)(1u << sl_random_below(&g, 8));
			struct sl_update u;
			if (rig_decode(&r, &s, 1, body, length, &u))
				check_update(&u, s.layout.dimension);
			free(body);
		}
		rig_free(&r);
	}
	sample_free(&s);
}

static void test_damage(void **state)
{
	(void)state;
	for_each_pipeline(damage, NULL);
}

/* What a pipeline promises, measured: the mean of C(v) along fixed directions, and the mean squared error.
 * The code does not matter here; raw takes every quantiser. */
enum { DIRECTIONS = 8 };

struct moments {
	double mean[DIRECTIONS], square[DIRECTIONS], error, error_square;
};

static void measure(struct rig *r, const struct sample *s, float direction[DIRECTIONS][128], uint32_t draws,
                    struct moments *m)
{
	uint32_t d = s->layout.dimension;
	memset(m, 0, sizeof *m);
	double along_v[DIRECTIONS] = { 0 }, square = sl_vector_square(d, s->v);
	for (int k = 0; k < DIRECTIONS; k++)
		along_v[k] = sl_vector_dot(d, s->v, direction[k]);
	for (uint32_t number = 0; number < draws; number++) {
		rig_encode(r, s, number);
		double along[DIRECTIONS] = { 0 }, error = square;
		for (uint32_t i = 0; i < r->count; i++) {
			double q = (double)r->value[i], v = (double)s->v[r->index[i]];
			error += (q - v) * (q - v) - v * v;
			for (int k = 0; k < DIRECTIONS; k++)
				along[k] += q * (double)direction[k][r->index[i]];
		}
		for (int k = 0; k < DIRECTIONS; k++) {
			m->mean[k] += (along[k] - along_v[k]) / draws;
			m->square[k] += (along[k] - along_v[k]) * (along[k] - along_v[k]) / draws;
		}
		m->error += error / draws;
		m->error_square += error * error / draws;
	}
}

static void check_guarantee(const char *text, const struct sample *s, float direction[DIRECTIONS][128])
{
	struct rig r;
	struct sl_error error;
	assert_true(rig_make(&r, text, &s->layout, &error));
	struct sl_guarantee guarantee = sl_pipeline_guarantee(&r.pipeline);
	/* What two stages promise together follows from what either does alone. */
	bool alone = strncmp(text, "all |", 5) == 0 || strstr(text, "| float32 |");
	uint32_t draws = guarantee.kind == SL_CLASS_UNBIASED ? (alone ? 10000 : 500) : alone ? 1000 : 200;
	struct moments m;
	measure(&r, s, direction, draws, &m);
	double square = sl_vector_square(s->layout.dimension, s->v);
	/* floats below 2^-126 round to multiples of 2^-149, whatever the quantiser */
	double rounding = 1e-6 * square + s->layout.dimension * 0x1p-298;
	double sigma = sqrt(fmax(m.error_square - m.error * m.error, 0) / draws);
	if (guarantee.kind == SL_CLASS_IDENTITY)
		assert_true(m.error <= 1e-12 * square);
	if (guarantee.kind == SL_CLASS_UNBIASED) {
		assert_true(m.error <= guarantee.omega * square + 4 * sigma + rounding);
		for (int k = 0; k < DIRECTIONS; k++)
			assert_true(fabs(m.mean[k]) <= 4 * sqrt(m.square[k] / draws) + 1e-6 * sqrt(square));
	}
	if (guarantee.kind == SL_CLASS_CONTRACTIVE && !isnan(guarantee.delta))
		assert_true(m.error <= (1 - guarantee.delta) * square + 4 * sigma + rounding);
	if (r.pipeline.select->shared_support && strstr(text, "| float32 |")) { /* with equality */
		double exact = guarantee.kind == SL_CLASS_UNBIASED ? guarantee.omega : 1 - guarantee.delta;
		assert_true(m.error >= exact * square - 4 * sigma - rounding);
	}
	rig_free(&r);
}

static void promises(const char *text, void *context)
{
	if (!strstr(text, "| raw"))
		return;
	for (unsigned kind = 0; kind < SAMPLE_KINDS; kind++) {
		struct sample s = sample_make(kind, 11);
		/* Next to FLT_MAX there is nothing to round up to. */
		if (s.layout.dimension <= 128 && kind != 4)
			check_guarantee(text, &s, context);
		sample_free(&s);
	}
}

static void test_promises(void **state)
{
	(void)state;
	static float direction[DIRECTIONS][128];
	struct sl_random g = sl_random_stream(5, 0, "direction", 0);
	for (int k = 0; k < DIRECTIONS; k++)
		for (int i = 0; i < 128; i++)
			direction[k][i] = (float)sl_random_normal(&g);
	for_each_pipeline(promises, direction);
}

/* qsgd times tau is unbiased (QSGD, Lemma 3.1), although qsgd is not. */
static void test_qsgd_mean(void **state)
{
	(void)state;
	struct sample s = sample_make(9, 21);
	struct rig r;
	uint32_t d = s.layout.dimension, draws = 10000;
	assert_true(rig_make(&r, "all | qsgd:4 | golomb", &s.layout, NULL));
	double tau = 1 / sl_pipeline_guarantee(&r.pipeline).delta, sum[64] = { 0 }, squares[64] = { 0 };
	assert_true(fabs(tau - (1 + fmin(d / 16.0, sqrt(d) / 4))) < 1e-12);
	for (uint32_t number = 0; number < draws; number++) {
		rig_encode(&r, &s, number);
		for (uint32_t i = 0; i < r.count; i++) {
			sum[r.index[i]] += tau * (double)r.value[i] / draws;
			squares[r.index[i]] += tau * tau * (double)r.value[i] * (double)r.value[i] / draws;
		}
	}
	for (uint32_t i = 0; i < d; i++) {
		double sigma = sqrt((squares[i] - sum[i] * sum[i]) / draws);
		assert_true(fabs(sum[i] - (double)s.v[i]) <= 4.5 * sigma + 1e-6);
	}
	rig_free(&r);
	sample_free(&s);
}

static void print_parses_back(const char *text, void *context)
{
	(void)context;
	struct sample s = sample_make(9, 1);
	struct sl_pipeline one, two;
	memset(&two, 0, sizeof two);
	char printed[400], again[400];
	if (sl_pipeline_parse(&one, text, &s.layout, NULL) == SL_OK) {
		sl_pipeline_print(&one, printed, sizeof printed);
		assert_int_equal(sl_pipeline_parse(&two, printed, &s.layout, NULL), SL_OK);
		sl_pipeline_print(&two, again, sizeof again);
		assert_string_equal(printed, again);
		assert_memory_equal(&one, &two, sizeof one);
	}
	sample_free(&s);
}

static void test_print(void **state)
{
	(void)state;
	for_each_pipeline(print_parses_back, NULL);
}

static void test_errors(void **state)
{
	(void)state;
	static const struct {
		const char *text, *says;
	} wrong[] = {
		{ "topk:0.05 | golomb", "2 stages, expected three: select" },
		{ "", "1 stage, expected three: select" },
		{ "topk:0.05 | dither:16 | golomb | raw", "4 stages" },
		{ "tpok:0.05 | dither:16 | golomb", "unknown select stage 'tpok'; did you mean topk?" },
		{ "topk:0.05 | dither:16 | huffman", "unknown code stage 'huffman' (there are " },
		{ "dither:16 | topk:0.05 | golomb", "dither is a quantise stage, expected a select stage" },
		{ "topk | dither:16 | golomb", "topk: needs keep" },
		{ "topk:0 | dither:16 | golomb", "must be between" },
		{ "topk:2.5 | dither:16 | golomb", "fraction above 0 and at most 1, or a whole number" },
		{ "topk:0.1 | dither:0 | golomb", "dither: s = 0: must be between 1 and" },
		{ "topk:0.1 | natural:one,5 | golomb", "unexpected argument" },
		{ "topk:0.1 | dither:4,5 | golomb", "dither: scale = 5: must be one of one|contractive" },
		{ "topk:0.1 | rounding:3,nearest,contractive | golomb", "is already contractive" },
		{ "topk:0.1 | dither:x=5 | golomb", "no option 'x'" },
		{ "all | float32 | golomb", "golomb cannot code float32" },
	};
	struct sample s = sample_make(9, 1);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct sl_pipeline p, before;
		memset(&p, 0x5a, sizeof p);
		before = p;
		struct sl_error error;
		assert_int_not_equal(sl_pipeline_parse(&p, wrong[i].text, &s.layout, &error), SL_OK);
		if (!strstr(error.text, wrong[i].says))
			fail_msg("%s: \"%s\"", wrong[i].text, error.text);
		assert_memory_equal(&p, &before, sizeof p);
	}
	sample_free(&s);
}

/* The bounds that the literature gives, and what they become when stages are composed. */
static void test_composed_promises(void **state)
{
	(void)state;
	struct sl_layout layout;
	layout_fill(&layout, 1000, 10);
	struct sl_pipeline p;
	assert_int_equal(sl_pipeline_parse(&p, "all | float32 | raw", &layout, NULL), SL_OK);
	assert_int_equal(sl_pipeline_guarantee(&p).kind, SL_CLASS_IDENTITY);
	assert_int_equal(sl_pipeline_parse(&p, "topk:0.1 | float32 | raw", &layout, NULL), SL_OK);
	assert_int_equal(sl_pipeline_guarantee(&p).kind, SL_CLASS_CONTRACTIVE);
	assert_true(sl_pipeline_guarantee(&p).delta == 0.1);
	assert_int_equal(sl_pipeline_parse(&p, "topk:100 | qsgd:10 | golomb", &layout, NULL), SL_OK);
	assert_true(fabs(sl_pipeline_guarantee(&p).delta - 0.1 / 2) < 1e-12);
	assert_int_equal(sl_pipeline_parse(&p, "all | dither:100 | golomb", &layout, NULL), SL_OK);
	assert_int_equal(sl_pipeline_guarantee(&p).kind, SL_CLASS_UNBIASED);
	assert_true(fabs(sl_pipeline_guarantee(&p).omega - 0.1) < 1e-12);
	assert_int_equal(sl_pipeline_parse(&p, "topk:100 | dither:20 | golomb", &layout, NULL), SL_OK);
	assert_true(fabs(sl_pipeline_guarantee(&p).delta - 0.1 * 0.75) < 1e-12);
	assert_int_equal(sl_pipeline_parse(&p, "topk:100 | dither:1 | golomb", &layout, NULL), SL_OK);
	assert_int_equal(sl_pipeline_guarantee(&p).kind, SL_CLASS_NONE);
}

/* dither's values are level·2^e with the least e: both ends get them without rounding. */
static void test_dither_grid(void **state)
{
	(void)state;
	for (unsigned kind = 1; kind < SAMPLE_KINDS; kind++) {
		struct sample s = sample_make(kind, 31);
		struct rig r;
		assert_true(rig_make(&r, "all | dither:7 | golomb", &s.layout, NULL));
		rig_encode(&r, &s, 0);
		double most = (double)sl_vector_largest(s.layout.dimension, s.v), step = 0x1p-149;
		while (7 * step < most)
			step *= 2;
		for (uint32_t i = 0; i < r.count; i++) {
			double level = (double)r.value[i] / step;
			assert_true(level == nearbyint(level) && fabs(level) <= 7);
			assert_true(fabs((double)s.v[r.index[i]] - (double)r.value[i]) < step);
		}
		rig_free(&r);
		sample_free(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trips), cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_damage),      cmocka_unit_test(test_promises),
		cmocka_unit_test(test_qsgd_mean),   cmocka_unit_test(test_print),
		cmocka_unit_test(test_errors),      cmocka_unit_test(test_composed_promises),
		cmocka_unit_test(test_dither_grid),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
