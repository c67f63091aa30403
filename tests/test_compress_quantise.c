/* What each quantiser and random select does to single values, beyond what it promises on the whole. */
#include "tests/support/compress.h"

#include "linalg/vector.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { NORMAL = 9 };

/* Calls `check` with every coordinate of some samples and what became of it. */
static void each_value(const char *text, void (*check)(double v, double q, double most))
{
	for (unsigned kind = 1; kind < SAMPLE_KINDS; kind++) {
		struct sample s = sample_make(kind, 41);
		struct rig r;
		assert_true(rig_make(&r, text, &s.layout, NULL));
		uint32_t d = s.layout.dimension;
		double most = (double)sl_vector_largest(d, s.v);
		for (uint32_t number = 0; number < 20 && kind != 4; number++) {
			rig_encode(&r, &s, number);
			for (uint32_t i = 0, at = 0; i < d; i++) {
				bool sent = at < r.count && r.index[at] == i;
				check((double)s.v[i], sent ? (double)r.value[at] : 0, most);
				at += sent;
			}
			assert_true(most == 0 || r.count > 0);
		}
		rig_free(&r);
		sample_free(&s);
	}
}

static void check_bf16(double v, double q, double most)
{
	assert_true(fabs(q - v) <= 0x1p-8 * fabs(v) + 0x1p-149 + most * 0x1p-134);
}

static void check_bf16_either(double v, double q, double most)
{
	assert_true(fabs(q - v) <= 0x1p-7 * fabs(v) + 0x1p-149 + most * 0x1p-133);
}

static void check_nearest_power(double v, double q, double most)
{
	int e;
	if (q == 0) {
		assert_true(fabs(v) <= most * 0x1p-40);
		return;
	}
	assert_true(frexp(fabs(q), &e) == 0.5 && (q < 0) == (v < 0));
	if (fabs(v) > most * 0x1p-39)
		assert_true(fabs(q - v) <= fabs(v) / 3 * (1 + 1e-12));
}

static void check_natural(double v, double q, double most)
{
	int e, f;
	(void)most;
	if (v == 0) {
		assert_true(q == 0);
		return;
	}
	assert_true(frexp(fabs(q), &f) == 0.5 && (q < 0) == (v < 0));
	bool power = frexp(fabs(v), &e) == 0.5;
	assert_true(f == e || (!power && f == e + 1));
}

static void check_ternary(double v, double q, double most)
{
	assert_true(q == 0 || (v != 0 && q == copysign(most, v)));
	assert_true(fabs(v) < most || q == v);
}

static void check_subtractive(double v, double q, double most)
{
	double step = 0x1p-149;
	while (16 * step < most)
		step *= 2;
	assert_true(fabs(q - v) <= step / 2 + 1e-7 * fabs(q) + 0x1p-149);
}

static void test_values(void **state)
{
	(void)state;
	each_value("all | bf16 | golomb", check_bf16);
	each_value("all | bf16:either | golomb", check_bf16_either);
	each_value("all | rounding:40 | golomb", check_nearest_power);
	each_value("all | natural | golomb", check_natural);
	each_value("all | ternary:whole | golomb", check_ternary);
	each_value("all | subtractive:16 | golomb", check_subtractive);
}

/* sign's factor is the one of least squares: any other is worse. */
static void test_sign(void **state)
{
	(void)state;
	struct sample s = sample_make(NORMAL, 3);
	struct rig r;
	assert_true(rig_make(&r, "all | sign | raw", &s.layout, NULL));
	rig_encode(&r, &s, 0);
	for (uint32_t t = 0; t < s.layout.tensors; t++) {
		double sum = 0;
		uint32_t from = s.layout.own[t].offset,
		         end = from + s.layout.own[t].rows * s.layout.own[t].columns;
		for (uint32_t i = from; i < end; i++)
			sum += fabs((double)s.v[i]);
		for (uint32_t i = from; i < end; i++)
			assert_true(r.value[i] == copysignf((float)(sum / (end - from)), s.v[i]));
	}
	rig_free(&r);
	sample_free(&s);
}

/* The noise that subtractive leaves is uniform, also where the value is zero. */
static void test_subtractive_noise(void **state)
{
	(void)state;
	struct sample s = sample_make(1, 5); /* one spike of 3.5: steps of 1/2 with s = 7 */
	struct rig r;
	double square = 0, quarter = 0, count = 0;
	assert_true(rig_make(&r, "all | subtractive:7 | golomb", &s.layout, NULL));
	for (uint32_t number = 0; number < 500; number++) {
		rig_encode(&r, &s, number);
		for (uint32_t i = 0; i < r.count; i++) {
			double noise = ((double)r.value[i] - (double)s.v[r.index[i]]) / 0.5;
			square += noise * noise;
			quarter += fabs(noise) < 0.25;
			count++;
		}
	}
	assert_true(count > 500 * (s.layout.dimension - 1));
	assert_true(fabs(square / count - 1 / 12.0) < 4 * sqrt(1 / 180.0 / count));
	assert_true(fabs(quarter / count - 0.5) < 4 * sqrt(0.25 / count));
	rig_free(&r);
	sample_free(&s);
}

/* All or nothing; each peer, channel and message throws its own coin. */
static void test_supports(void **state)
{
	(void)state;
	static const char *const texts[] = { "bernoulli:0.5 | float32 | raw", "randk:8 | float32 | raw" };
	struct sample s = sample_make(NORMAL, 7);
	for (int k = 0; k < 2; k++) {
		struct sl_pipeline p;
		uint32_t index[2][64], count[2], same[3] = { 0 }, whole = 0;
		uint64_t scratch[1];
		assert_int_equal(sl_pipeline_parse(&p, texts[k], &s.layout, NULL), SL_OK);
		for (uint32_t number = 0; number < 400; number++)
			for (int other = 0; other < 3; other++) {
				for (uint32_t side = 0; side < 2; side++) {
					struct sl_message_context m = { .seed = 3,
						                        .layout = &s.layout,
						                        .peer = other == 0 ? side : 0,
						                        .channel = other == 1 ? side : 0,
						                        .version = number +
						                                   (other == 2 ? side : 0) };
					count[side] = p.select->select(p.select_options, &m, NULL,
					                               index[side], scratch);
				}
				same[other] += count[0] == count[1] &&
				               memcmp(index[0], index[1], count[0] * sizeof **index) == 0;
				assert_true(k == 1 ? count[0] == 8 : count[0] == 0 || count[0] == 64);
				whole += other == 0 && count[0] == 64;
			}
		for (int other = 0; other < 3; other++) /* coins agree half of the time, draws of 8 never */
			assert_true(k == 1 ? same[other] == 0 : same[other] > 150 && same[other] < 250);
		assert_true(k == 1 || (whole > 150 && whole < 250));
	}
	sample_free(&s);
}

static void test_adaptive_random(void **state)
{
	(void)state;
	struct sample s = sample_make(NORMAL, 9);
	struct rig r;
	double often[64] = { 0 }, sum = 0;
	uint32_t draws = 20000;
	assert_true(rig_make(&r, "adaptive-random | float32 | raw", &s.layout, NULL));
	for (uint32_t number = 0; number < draws; number++) {
		rig_encode(&r, &s, number);
		assert_int_equal(r.count, 1);
		often[r.index[0]]++;
	}
	for (uint32_t i = 0; i < 64; i++)
		sum += fabs((double)s.v[i]);
	for (uint32_t i = 0; i < 64; i++) {
		double p = fabs((double)s.v[i]) / sum;
		assert_true(fabs(often[i] / draws - p) <= 4.5 * sqrt(p * (1 - p) / draws) + 1e-9);
	}
	rig_free(&r);
	sample_free(&s);
}

/* Whatever the scale of what it gets, and while that changes, threshold-auto sends k coordinates on average.
 */
static void test_threshold_auto(void **state)
{
	(void)state;
	static const double scales[] = { 1e-20, 1e-3, 1, 1e9 };
	for (int k = 0; k < 4; k++) {
		struct sample s = sample_make(8, 13); /* 1009 coordinates */
		struct rig r;
		struct sl_random g = sl_random_stream(6, 0, "normal", 0);
		double sent = 0, rounds = 400;
		assert_true(rig_make(&r, "threshold-auto:30 | dither:16 | golomb", &s.layout, NULL));
		for (uint32_t number = 0; number < 60 + (uint32_t)rounds; number++) {
			double shrinking = scales[k] * exp(-0.01 * number);
			for (uint32_t i = 0; i < 1009; i++)
				s.v[i] = (float)(shrinking * sl_random_normal(&g));
			size_t length = rig_encode(&r, &s, number);
			struct sl_update u;
			assert_true(rig_decode(&r, &s, number, r.body, length, &u));
			assert_memory_equal(r.memory[0], r.memory[1], r.remembered);
			assert_true(r.count <= 120);
			sent += number < 60 ? 0 : r.count;
		}
		assert_true(fabs(sent / rounds - 30) < 1.5);
		rig_free(&r);
		sample_free(&s);
	}
}

static void test_errors(void **state)
{
	(void)state;
	static const struct {
		const char *text, *says;
	} wrong[] = {
		{ "all | rounding:256 | golomb", "rounding: s = 256: must be between 1 and 255" },
		{ "all | rounding:3,up | golomb", "nearest" },
		{ "all | exponential-dithering:64,127 | golomb", "use fewer levels" },
		{ "all | subtractive | golomb", "subtractive: needs s" },
		{ "bernoulli:0 | float32 | raw", "bernoulli: p = 0: must be between" },
		{ "threshold-auto:2.5 | sign | raw", "fraction above 0 and at most 1, or a whole" },
		{ "all | induced:255,100 | golomb", "must be at most 32767: use fewer levels" },
		{ "all | sign:layer | raw", "tensor" },
		{ "all | natrual | raw", "did you mean natural?" },
		{ "natural | float32 | raw", "natural is a quantise stage" },
	};
	struct sample s = sample_make(NORMAL, 1);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct sl_pipeline p;
		struct sl_error error;
		assert_int_not_equal(sl_pipeline_parse(&p, wrong[i].text, &s.layout, &error), SL_OK);
		if (!strstr(error.text, wrong[i].says))
			fail_msg("%s: \"%s\"", wrong[i].text, error.text);
	}
	sample_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_sign),
		cmocka_unit_test(test_subtractive_noise),
		cmocka_unit_test(test_supports),
		cmocka_unit_test(test_adaptive_random),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_threshold_auto),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
