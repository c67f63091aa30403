/* "all | float32 | raw" in one pass: the bytes, sums and digests of the stages, or left to them. */
#include "tests/support/compress.h"

#include "base/bytes.h"
#include "base/random.h"
#include "compress/whole.h"
#include "linalg/sparse.h"
#include "linalg/vector.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { DIMENSION = 3001, BODY = 1 + 4 * DIMENSION, OFFSET = 5 };

static struct {
	struct sl_layout layout;
	struct sl_pipeline pipeline;
	struct sl_workspace *workspace;
	void *block;
	float x[DIMENSION], copy[DIMENSION], sum[DIMENSION], other[DIMENSION], room[DIMENSION];
	uint8_t body[BODY + 64], staged[BODY + 64];
} t;

static int set_up(void **state)
{
	(void)state;
	struct sl_error error;
	layout_fill(&t.layout, DIMENSION, 7);
	assert_int_equal(sl_pipeline_parse(&t.pipeline, "all | float32 | raw", &t.layout, &error), SL_OK);
	struct sl_arena measure = { .capacity = SIZE_MAX };
	sl_workspace_make(&t.pipeline, &measure);
	t.block = calloc(1, measure.used + 64);
	struct sl_arena arena = { .base = t.block, .capacity = measure.used + 64 };
	t.workspace = sl_workspace_make(&t.pipeline, &arena);
	return t.block && t.workspace ? 0 : 1;
}

static int tear_down(void **state)
{
	(void)state;
	free(t.block);
	return 0;
}

/* One coordinate in `still` does not change; about as many are 0 before, or become it. */
static void draw(uint64_t seed, uint32_t still)
{
	struct sl_random g = sl_random_stream(seed, 0, "test", 0);
	for (uint32_t k = 0; k < DIMENSION; k++) {
		t.copy[k] = sl_random_below(&g, 50) ? (float)sl_random_normal(&g) : 0;
		t.x[k] = sl_random_below(&g, 50) ? (float)sl_random_normal(&g) : -0.0F;
		if (still && sl_random_below(&g, still) == 0)
			t.x[k] = t.copy[k];
	}
}

static struct sl_message_context message(void)
{
	return (struct sl_message_context){ .seed = 1, .version = 1, .layout = &t.layout, .copy = t.copy };
}

/* By the stages: body, sums and what they make of the digest of the copy. */
static size_t by_stages(float factor, uint64_t *digest, bool *finite)
{
	struct sl_message_context m = message();
	struct sl_update update;
	struct sl_writer w = sl_writer(t.staged, sizeof t.staged);
	assert_true(sl_pipeline_encode_difference(&t.pipeline, &m, t.x, t.room, &w, &update, t.workspace));
	static float sums[DIMENSION];
	*digest = sl_vector_digest(DIMENSION, OFFSET, t.copy);
	*finite =
	    sl_sparse_sum(update.count, update.index, factor, update.value, t.copy, OFFSET, sums, digest);
	memcpy(t.other, t.copy, sizeof t.other);
	sl_sparse_put(update.count, update.index, sums, t.other);
	return sl_writer_length(&w);
}

static void both_ways(float factor)
{
	struct sl_dense there, here;
	uint64_t digest;
	bool finite;
	struct sl_writer w = sl_writer(t.body, sizeof t.body);
	assert_true(sl_whole_encode(&t.pipeline, NULL, t.x, t.copy, factor, OFFSET, &w, t.sum, &there));
	size_t length = by_stages(factor, &digest, &finite);
	assert_int_equal(sl_writer_length(&w), length);
	assert_memory_equal(t.body, t.staged, length);
	assert_true(finite && there.finite && there.digest == digest);
	assert_memory_equal(t.sum, t.other, sizeof t.sum);
	memset(t.sum, 0xff, sizeof t.sum);
	assert_true(sl_whole_decode(&t.pipeline, NULL, sl_reader(t.body, length), t.copy, factor, OFFSET,
	                            t.sum, &here));
	assert_memory_equal(t.sum, t.other, sizeof t.sum);
	assert_true(here.digest == digest && here.changed == there.changed && here.largest == there.largest);
	float largest = 0;
	size_t changed = 0;
	for (uint32_t k = 0; k < DIMENSION; k++) {
		bool changes = t.x[k] - t.copy[k] != 0;
		changed += changes;
		largest = changes ? fmaxf(largest, fabsf(t.sum[k])) : largest;
	}
	assert_true(here.changed == changed && here.largest == largest);
	for (size_t cut = 0; cut < length; cut += 997)
		assert_false(sl_whole_decode(&t.pipeline, NULL, sl_reader(t.body, cut), t.copy, factor,
		                             OFFSET, t.sum, &here));
	assert_false(sl_whole_decode(&t.pipeline, NULL, sl_reader(t.body, length + 1), t.copy, factor, OFFSET,
	                             t.sum, &here));
}

static void one_pass_is_the_stages(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		draw(seed, seed % 4 == 0 ? 0 : 3 + (uint32_t)seed);
		both_ways(seed % 3 ? 1 : 0.3F);
	}
}

/* A copy that is as large as a float gets: what does not change does not count, a sum beyond is not finite. */
static void sums_beyond_are_seen(void **state)
{
	(void)state;
	struct sl_dense out;
	struct sl_writer w = sl_writer(t.body, sizeof t.body);
	draw(1, 0);
	t.copy[7] = t.x[7] = 1e30F;
	t.copy[8] = t.x[8] = -0.0F; /* stays what it is */
	both_ways(1);
	assert_true(sl_whole_encode(&t.pipeline, NULL, t.x, t.copy, 1, OFFSET, &w, t.sum, &out) &&
	            out.largest < 100);
	t.copy[2000] = 3e38F;
	t.x[2000] = 1e38F;
	w = sl_writer(t.body, sizeof t.body);
	assert_true(sl_whole_encode(&t.pipeline, NULL, t.x, t.copy, -1, OFFSET, &w, t.sum, &out));
	assert_false(out.finite);
}

static void the_rest_is_left_to_the_stages(void **state)
{
	(void)state;
	static const uint32_t odd[] = { 0x80000000, 0x7f800000, 0xff800000, 0x7fc00000 };
	struct sl_dense out;
	struct sl_writer w = sl_writer(t.body, sizeof t.body);
	draw(1, 2); /* half of it stands still: positions are shorter */
	assert_false(sl_whole_encode(&t.pipeline, NULL, t.x, t.copy, 1, 0, &w, t.sum, &out));
	assert_int_equal(sl_writer_length(&w), 0);
	memcpy(t.x, t.copy, sizeof t.x);
	assert_false(sl_whole_encode(&t.pipeline, NULL, t.x, t.copy, 1, 0, &w, t.sum, &out));
	draw(1, 0);
	assert_true(sl_whole_encode(&t.pipeline, NULL, t.x, t.copy, 1, 0, &w, t.sum, &out));
	size_t length = sl_writer_length(&w);
	for (unsigned i = 0; i < sizeof odd / sizeof *odd; i++) {
		uint8_t *at = t.body + 1 + 4 * 1500;
		uint32_t kept = sl_load_u32(at);
		sl_store_u32(at, odd[i]);
		assert_false(
		    sl_whole_decode(&t.pipeline, NULL, sl_reader(t.body, length), t.copy, 1, 0, t.sum, &out));
		sl_store_u32(at, kept);
	}
	t.body[0] = 1;
	assert_false(
	    sl_whole_decode(&t.pipeline, NULL, sl_reader(t.body, length), t.copy, 1, 0, t.sum, &out));
	t.body[0] = 0;
	memset(t.body + 1, 0, 4 * DIMENSION / 2); /* too few for this form */
	assert_false(
	    sl_whole_decode(&t.pipeline, NULL, sl_reader(t.body, length), t.copy, 1, 0, t.sum, &out));
	t.x[3] = INFINITY;
	w = sl_writer(t.body, sizeof t.body);
	assert_false(sl_whole_encode(&t.pipeline, NULL, t.x, t.copy, 1, 0, &w, t.sum, &out));
}

static void only_that_pipeline_is_whole(void **state)
{
	(void)state;
	struct sl_pipeline other;
	struct sl_error error;
	assert_true(sl_pipeline_is_whole(&t.pipeline));
	assert_int_equal(sl_pipeline_parse(&other, "topk:0.5 | float32 | raw", &t.layout, &error), SL_OK);
	assert_false(sl_pipeline_is_whole(&other));
	assert_int_equal(sl_pipeline_parse(&other, "all | dither:16 | raw", &t.layout, &error), SL_OK);
	assert_false(sl_pipeline_is_whole(&other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_pass_is_the_stages),
		cmocka_unit_test(sums_beyond_are_seen),
		cmocka_unit_test(the_rest_is_left_to_the_stages),
		cmocka_unit_test(only_that_pipeline_is_whole),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
