#include "base/random.h"
#include "linalg/vector.h"
#include "tests/support/samples.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static void same_rows(const struct sl_dataset *a, const uint32_t *pick, const struct sl_dataset *b)
{
	float *x = malloc((a->features + 1) * sizeof *x), *y = malloc((a->features + 1) * sizeof *y);
	assert_int_equal(a->features, b->features);
	assert_int_equal(a->classes, b->classes);
	for (uint32_t i = 0; i < b->samples; i++) {
		uint32_t s = pick ? pick[i] : i;
		sl_dataset_gather(a, &s, 1, x);
		sl_dataset_gather(b, &i, 1, y);
		assert_memory_equal(x, y, a->features * sizeof *x);
		if (a->classes)
			assert_int_equal(a->label[s], b->label[i]);
		else
			assert_true(a->target[s] == b->target[i]);
	}
	free(x);
	free(y);
}

/* Every kind, with classes and with targets, sizes that leave padding and sizes that do not. */
struct shape {
	enum sl_feature_kind kind;
	uint32_t samples, features, classes;
};
static const struct shape shapes[] = {
	{ SL_FEATURES_BYTE, 7, 5, 3 },   { SL_FEATURES_BYTE, 8, 8, 65536 }, { SL_FEATURES_BYTE, 3, 1, 0 },
	{ SL_FEATURES_FLOAT, 5, 3, 2 },  { SL_FEATURES_FLOAT, 4, 6, 0 },    { SL_FEATURES_SPARSE, 5, 9, 4 },
	{ SL_FEATURES_SPARSE, 1, 1, 2 }, { SL_FEATURES_SPARSE, 6, 4, 0 },   { SL_FEATURES_BYTE, 0, 4, 2 },
	{ SL_FEATURES_FLOAT, 0, 4, 0 },  { SL_FEATURES_SPARSE, 0, 4, 2 },
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void prepared_data_opens_again(void **state)
{
	(void)state;
	for (int i = 0; i < SHAPES; i++) {
		const struct shape *h = &shapes[i];
		struct samples s = samples_make(h->kind, h->samples, h->features, h->classes, (uint64_t)i);
		assert_int_equal(s.length % 8, 0);
		struct sl_random g = sl_random_stream((uint64_t)i, 0, "pick", 0);
		for (uint32_t count = 0; count <= 2 * h->samples; count += 3) {
			uint32_t pick[32];
			for (uint32_t k = 0; k < count; k++)
				pick[k] = sl_random_below(&g, h->samples);
			size_t length = sl_dataset_prepared_size(&s.data, pick, count);
			uint8_t *block = malloc(length);
			memset(block, 0xa5, length); /* padding is written, not assumed */
			sl_dataset_prepare(&s.data, pick, count, block);
			struct sl_dataset again;
			struct sl_error error;
			if (sl_dataset_open(&again, block, length, &error) != SL_OK)
				fail_msg("%s", error.text);
			assert_int_equal(again.samples, count);
			same_rows(&s.data, pick, &again);
			free(block);
		}
		samples_free(&s);
	}
}

static void cut_or_extended_shards_are_refused(void **state)
{
	(void)state;
	for (int i = 0; i < SHAPES; i++) {
		const struct shape *h = &shapes[i];
		struct samples s = samples_make(h->kind, h->samples, h->features, h->classes, (uint64_t)i);
		struct sl_dataset out;
		for (size_t n = 0; n < s.length; n++) {
			uint8_t *cut = malloc(n + 1);
			memcpy(cut, s.block, n);
			struct sl_error error = { 0 };
			assert_int_not_equal(sl_dataset_open(&out, cut, n, &error), SL_OK);
			assert_true(error.text[0]);
			free(cut);
		}
		uint8_t *more = calloc(1, s.length + 8);
		memcpy(more, s.block, s.length);
		assert_int_not_equal(sl_dataset_open(&out, more, s.length + 8, NULL), SL_OK);
		free(more);
		samples_free(&s);
	}
}

/* Whatever is accepted is sound: every row can be gathered and every label used. */
static void use(const struct sl_dataset *d)
{
	if (d->samples > 1000 || d->features > 1000)
		return;
	float *row = malloc(d->features * sizeof *row);
	for (uint32_t s = 0; s < d->samples; s++) {
		sl_dataset_gather(d, &s, 1, row);
		assert_true(sl_vector_finite(d->features, row));
		assert_true(d->classes ? d->label[s] < d->classes : isfinite(d->target[s]));
	}
	free(row);
}

static void damaged_shards_are_refused_or_sound(void **state)
{
	(void)state;
	struct sl_random g = sl_random_stream(1, 0, "damage", 0);
	for (int i = 0; i < SHAPES; i++) {
		const struct shape *h = &shapes[i];
		struct samples s = samples_make(h->kind, h->samples, h->features, h->classes, (uint64_t)i);
		struct sl_dataset out;
		for (int k = 0; k < 3000; k++) {
			uint8_t *damaged = malloc(s.length);
			memcpy(damaged, s.block, s.length);
			for (uint32_t n = 1 + sl_random_below(&g, 2); n > 0; n--)
				damaged[sl_random_below(&g, (uint32_t)s.length)] = (uint8_t)sl_random_u64(&g);
			if (sl_dataset_open(&out, damaged, s.length, NULL) == SL_OK)
				use(&out);
			free(damaged);
		}
		samples_free(&s);
	}
}

/* One rule broken at a time, each with a sentence of its own. */
static void every_rule_of_a_shard_is_checked(void **state)
{
	(void)state;
	static const struct {
		int shape;
		size_t at;
		uint32_t value;
		const char *text;
	} broken[] = {
		{ 0, 0, 0, "not prepared data" },
		{ 0, 8, 3, "prepared data of version 3, must be 1 or 2" },
		{ 0, 12, 3, "kind 3" },
		{ 0, 16, 9, "its header promises" },
		{ 0, 20, 0, "no features" },
		{ 0, 24, 1, "1 classes" },
		{ 0, 24, 65537, "65537 classes" },
		{ 0, 28, 0x7f000000, "scale" },
		{ 0, 28, 0, "scale" },
		{ 0, 28, 0x7fc00000, "damaged" },
		{ 0, 32, 1, "dense, but counts non-zeros" },
		{ 0, 40, 8, "its header promises 8" },
		{ 0, 8, 2, "version 2 with 0 bytes of names for 3 classes" },
		{ 0, 48, 1, "version 1 with 1 bytes of names for 3 classes" },
		{ 0, 52, 1, "damaged" },
		{ 0, 64 + 36, 0xff, "bytes between the arrays are not zero" },
		{ 0, 64 + 40, 3, "label 3, but there are 3 classes" },
		{ 3, 28, 0x40000000, "scale 2" },
		{ 3, 64, 0x7f800000, "a feature is not finite" },
		{ 4, 64 + 96, 0xffc00000, "a target is not finite" },
		{ 5, 64, 1, "row offsets" },
		{ 5, 72, 0x7fffffff, "row offsets" },
		{ 5, 64 + 48, 9, "columns of sample 0" },
	};
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		const struct shape *h = &shapes[broken[i].shape];
		struct samples s =
		    samples_make(h->kind, h->samples, h->features, h->classes, (uint64_t)broken[i].shape);
		sl_store_u32(s.block + broken[i].at, broken[i].value);
		struct sl_dataset out;
		struct sl_error error = { 0 };
		if (sl_dataset_open(&out, s.block, s.length, &error) == SL_OK ||
		    !strstr(error.text, broken[i].text))
			fail_msg("%zu: \"%s\", expected \"%s\"", i, error.text, broken[i].text);
		samples_free(&s);
	}
}

/* Version 2: the classes have names. */
static void names_are_kept_and_checked(void **state)
{
	(void)state;
	static const struct {
		const char *names, *error;
	} cases[] = {
		{ "-1,0,1", NULL },
		{ "0..2", NULL },
		{ "setosa,versicolor,virginica", NULL },
		{ "\xce\xb1,\xce\xb2,\xce\xb3", NULL },
		{ "0,1", "2 names for 3 classes" },
		{ "0..3", "4 names for 3 classes" },
		{ "a,,b", "names of classes: class 1 has no name" },
		{ "a,b,\xff", "names of classes: class 2: its name holds a control character" },
	};
	struct samples s = samples_make(SL_FEATURES_SPARSE, 9, 4, 3, 2);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct sl_dataset out, from = s.data;
		struct sl_error error = { 0 };
		from.names = cases[i].names;
		from.names_length = strlen(cases[i].names);
		size_t length = sl_dataset_prepared_size(&from, NULL, 0);
		uint8_t *block = malloc(length);
		memset(block, 0xa5, length);
		sl_dataset_prepare(&from, NULL, 0, block);
		enum sl_status status = sl_dataset_open(&out, block, length, &error);
		if (cases[i].error) {
			assert_int_equal(status, SL_MALFORMED);
			if (!strstr(error.text, cases[i].error))
				fail_msg("\"%s\", expected \"%s\"", error.text, cases[i].error);
		} else {
			assert_int_equal(status, SL_OK);
			same_rows(&s.data, NULL, &out);
			assert_int_equal(out.names_length, from.names_length);
			assert_memory_equal(out.names, from.names, from.names_length);
			sl_store_u32(block + 48, (uint32_t)from.names_length - 1);
			assert_int_not_equal(sl_dataset_open(&out, block, length, NULL), SL_OK);
			sl_store_u32(block + 48, UINT32_MAX);
			assert_int_not_equal(sl_dataset_open(&out, block, length, NULL), SL_OK);
		}
		free(block);
	}
	samples_free(&s);
}

static void columns_ascend_below_the_features(void **state)
{
	(void)state;
	static const uint64_t row[] = { 0, 2, 2, 5 };
	static const struct {
		uint32_t column[5];
		bool sound;
	} cases[] = {
		{ { 0, 3, 0, 1, 8 }, true },  { { 3, 3, 0, 1, 2 }, false }, { { 3, 0, 0, 1, 2 }, false },
		{ { 0, 3, 0, 1, 9 }, false }, { { 0, 3, 0, 1, 1 }, false }, { { 0, 9, 0, 1, 2 }, false },
	};
	static const float value[5] = { 1, 2, 3, 4, 5 };
	static const uint16_t label[3] = { 0, 1, 1 };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct sl_dataset out, d = {
			.kind = SL_FEATURES_SPARSE,
			.samples = 3,
			.features = 9,
			.classes = 2,
			.row = row,
			.column = cases[i].column,
			.value = value,
			.label = label,
		};
		size_t length = sl_dataset_prepared_size(&d, NULL, 0);
		uint8_t *block = malloc(length);
		sl_dataset_prepare(&d, NULL, 0, block);
		assert_int_equal(sl_dataset_open(&out, block, length, NULL) == SL_OK, cases[i].sound);
		free(block);
	}
}

static void gathering_gives_the_values(void **state)
{
	(void)state;
	struct samples s[SL_FEATURE_KINDS];
	enum { ROWS = 9, WIDTH = 37 };
	float out[SL_FEATURE_KINDS][ROWS * WIDTH];
	static const uint32_t pick[ROWS] = { 4, 4, 0, 11, 2, 3, 7, 10, 1 };
	for (int kind = 0; kind < SL_FEATURE_KINDS; kind++) {
		s[kind] = samples_make((enum sl_feature_kind)kind, 12, WIDTH, 3, 5);
		for (int i = 0; i < ROWS * WIDTH; i++)
			out[kind][i] = NAN;
		sl_dataset_gather(&s[kind].data, pick, ROWS, out[kind]);
		assert_memory_equal(out[kind], out[0], sizeof out[0]);
	}
	for (int i = 0; i < ROWS * WIDTH; i++)
		assert_true(out[0][i] ==
		            1.0f / 255 * (float)s[0].data.byte[pick[i / WIDTH] * WIDTH + i % WIDTH]);
	for (int kind = 0; kind < SL_FEATURE_KINDS; kind++)
		samples_free(&s[kind]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prepared_data_opens_again),
		cmocka_unit_test(cut_or_extended_shards_are_refused),
		cmocka_unit_test(damaged_shards_are_refused_or_sound),
		cmocka_unit_test(every_rule_of_a_shard_is_checked),
		cmocka_unit_test(names_are_kept_and_checked),
		cmocka_unit_test(columns_ascend_below_the_features),
		cmocka_unit_test(gathering_gives_the_values),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
