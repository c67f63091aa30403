/* Passes over long vectors, shared by threads: the same bits with any number of them, in any order, and as the contract has it.
 * Kernels, and every select and coder that shares a pass. */
#include "tests/support/compress.h"

#include "base/random.h"
#include "compress/whole.h"
#include "daemon/run/threads.h"
#include "linalg/blocks.h"
#include "linalg/mask.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Six blocks, the last one short and of a length that no kernel is made for. */
enum { N = 5 * SL_BLOCK + 4321, TERMS = 3, OFFSET = 7 };

static float *x, *y, *z, *out, *expected;
static uint32_t *position, *bits, *other_position, *other_bits;

static void fill(float *v, uint64_t seed)
{
	struct sl_random g = sl_random_stream(seed, 0, "blocks", 0);
	for (size_t k = 0; k < N; k++) {
		uint64_t h = sl_random_at(&g, k);
		float size = (float)(h >> 40) / 16777216.0F - 0.5F;
		v[k] = h % 16 == 0 ? 0 : size * size * size;
	}
}

static int set_up(void **state)
{
	(void)state;
	float **all[] = { &x, &y, &z, &out, &expected };
	uint32_t **lists[] = { &position, &bits, &other_position, &other_bits };
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		*all[i] = malloc(N * sizeof **all[i]);
		assert_non_null(*all[i]);
		fill(*all[i], i);
	}
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		*lists[i] = malloc((N + 16) * sizeof **lists[i]);
		assert_non_null(*lists[i]);
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	void *all[] = { x, y, z, out, expected, position, bits, other_position, other_bits };
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		free(all[i]);
	return 0;
}

/* ---- who shares the work ---- */

static void backwards(void *context, uint32_t tasks, sl_task *task, void *of)
{
	(void)context;
	for (uint32_t i = tasks; i-- > 0;)
		task(of, i, i % 2);
}

/* Calls `test` with no threads, with 1, 2 and 3, and with tasks that run last first. */
static void with_all(void (*test)(const struct sl_parallel *))
{
	struct sl_error error;
	const struct sl_parallel reversed = { 2, NULL, backwards };
	test(NULL);
	for (uint32_t count = 1; count <= 3; count++) {
		struct sl_threads *threads = sl_threads_start(count, &error);
		assert_non_null(threads);
		struct sl_parallel parallel = sl_threads_of(threads);
		test(&parallel);
		sl_threads_stop(threads);
	}
	test(&reversed);
}

/* ---- kernels ---- */

/* The contract: blocks of SL_BLOCK coordinates, whose sums are added in their order. */
static double sum_of_blocks(double (*of)(size_t, const float *))
{
	double sum = 0;
	for (size_t at = 0; at < N; at += SL_BLOCK)
		sum += of(N - at < SL_BLOCK ? N - at : SL_BLOCK, x + at);
	return sum;
}

static void reductions(const struct sl_parallel *p)
{
	assert_true(sl_blocks_square(p, N, x) == sum_of_blocks(sl_vector_square));
	assert_true(sl_blocks_absolute(p, N, x) == sum_of_blocks(sl_vector_absolute));
	assert_true(sl_blocks_largest(p, N, x) == sl_vector_largest(N, x));
	assert_int_equal(sl_blocks_nonzero(p, N, x), sl_vector_nonzero(N, x));
	assert_true(sl_blocks_digest(p, N, OFFSET, x) == sl_vector_digest(N, OFFSET, x));
	assert_true(sl_blocks_finite(p, N, x));
	float kept = x[N - 1];
	x[N - 1] = (float)INFINITY;
	assert_false(sl_blocks_finite(p, N, x));
	assert_false(sl_blocks_difference(p, N, x, y, out));
	x[N - 1] = kept;
}

static void sums_are_those_of_blocks(void **state)
{
	(void)state;
	with_all(reductions);
}

static void same(const float *a, const float *b)
{
	assert_memory_equal(a, b, N * sizeof *a);
}

static void element_by_element(const struct sl_parallel *p)
{
	assert_true(sl_blocks_difference(p, N, x, y, out) && sl_vector_difference(N, x, y, expected));
	same(out, expected);
	sl_blocks_soft_threshold(p, N, 0.01F, out);
	sl_vector_soft_threshold(N, 0.01F, expected);
	same(out, expected);
	sl_blocks_copy(p, N, z, out);
	same(out, z);
}

static void elements_are_those_of_the_kernels(void **state)
{
	(void)state;
	with_all(element_by_element);
}

static void mixing(const struct sl_parallel *p)
{
	const struct sl_mix_term term[TERMS] = { { 0.3F, x, y }, { 0.2F, x, z }, { 0.1F, y, z } };
	double square[TERMS], blocks[TERMS] = { 0 };
	memcpy(out, z, N * sizeof *out);
	memcpy(expected, z, N * sizeof *expected);
	for (unsigned t = 0; t < TERMS; t++)
		for (size_t at = 0; at < N; at += SL_BLOCK)
			blocks[t] += sl_vector_mix(N - at < SL_BLOCK ? N - at : SL_BLOCK, term[t].c,
			                           term[t].a + at, term[t].b + at, expected + at);
	sl_blocks_mix_all(p, N, TERMS, term, out, square);
	same(out, expected);
	assert_memory_equal(square, blocks, sizeof square);
	memcpy(out, z, N * sizeof *out);
	for (unsigned t = 0; t < TERMS; t++)
		assert_true(sl_blocks_mix(p, N, term[t].c, term[t].a, term[t].b, out) == blocks[t]);
	same(out, expected);
}

static void mixing_adds_blocks_in_their_order(void **state)
{
	(void)state;
	with_all(mixing);
}

/* All, some and none of the coordinates. */
static void collecting(const struct sl_parallel *p)
{
	static const uint32_t thresholds[] = { 0, 1, 0x3c000000, 0x7f000000 };
	for (size_t i = 0; i < sizeof thresholds / sizeof *thresholds; i++)
		for (int which = 0; which < 2; which++) {
			bool finite, other;
			uint32_t count = sl_blocks_collect(p, N, x, which ? y : NULL, thresholds[i], position,
			                                   bits, &finite),
			         kernel = sl_mask_collect(N, x, which ? y : NULL, thresholds[i],
			                                  other_position, other_bits, &other);
			assert_int_equal(count, kernel);
			assert_memory_equal(position, other_position, count * sizeof *position);
			assert_memory_equal(bits, other_bits, count * sizeof *bits);
			assert_true(finite && other);
		}
	float kept = x[SL_BLOCK + 3];
	bool finite;
	x[SL_BLOCK + 3] = (float)NAN;
	sl_blocks_collect(p, N, x, y, 1, position, bits, &finite);
	assert_false(finite);
	x[SL_BLOCK + 3] = kept;
}

static void lists_are_those_of_the_kernel(void **state)
{
	(void)state;
	with_all(collecting);
}

static void whole(const struct sl_parallel *p)
{
	static uint8_t there[4 * N], here[4 * N];
	struct sl_dense a, b;
	assert_true(sl_dense_encode(N, x, y, 0.5F, OFFSET, there, expected, &a));
	assert_true(sl_blocks_dense_encode(p, N, x, y, 0.5F, OFFSET, here, out, &b));
	assert_memory_equal(there, here, sizeof there);
	same(out, expected);
	assert_true(a.changed == b.changed && a.digest == b.digest && a.largest == b.largest && b.finite);
	memset(out, 0, N * sizeof *out);
	assert_true(sl_blocks_dense_decode(p, N, here, y, 0.5F, OFFSET, out, &b));
	same(out, expected);
	assert_true(a.changed == b.changed && a.digest == b.digest && a.largest == b.largest && b.finite);
	memset(here + sizeof here - 4, 0xff, 4);
	assert_false(sl_blocks_dense_decode(p, N, here, y, 0.5F, OFFSET, out, &b));
}

static void whole_vectors_are_those_of_the_kernel(void **state)
{
	(void)state;
	with_all(whole);
}

/* ---- pipelines ---- */

static struct {
	struct sl_layout layout;
	struct rig rig;
	uint8_t *body;
	size_t length;
	bool known;      /* what the first one encoded */
	uint64_t update; /* digest of both lists */
} t;

static uint64_t digest_of(const struct sl_update *u)
{
	uint64_t sum = u->count;
	for (uint32_t i = 0; i < u->count; i++)
		sum += sl_digest_term(u->index[i], u->value[i]);
	return sum;
}

/* Two messages after each other: what the first leaves behind (a guess, a memory) serves the second. */
static void encode(const struct sl_parallel *p)
{
	if (t.rig.remembered)
		memset(t.rig.memory[0], 0, t.rig.remembered);
	for (uint32_t version = 1; version <= 2; version++) {
		struct sl_message_context m = { .seed = 1,
			                        .version = version,
			                        .layout = &t.layout,
			                        .copy = version == 1 ? y : z,
			                        .memory = t.rig.remembered ? t.rig.memory[0] : NULL,
			                        .parallel = p };
		struct sl_writer w = sl_writer(t.rig.body, t.rig.bound);
		struct sl_update update;
		assert_true(
		    sl_pipeline_encode_difference(&t.rig.pipeline, &m, x, out, &w, &update, t.rig.send));
		if (version == 1)
			continue;
		if (!t.known) {
			t.known = true;
			t.length = sl_writer_length(&w);
			t.update = digest_of(&update);
			memcpy(t.body, t.rig.body, t.length);
		}
		assert_int_equal(sl_writer_length(&w), t.length);
		assert_memory_equal(t.rig.body, t.body, t.length);
		assert_true(digest_of(&update) == t.update);
	}
}

/* Returns the bytes of a message. */
static size_t pipeline(const char *text)
{
	struct sl_error error;
	layout_fill(&t.layout, N, 1000);
	if (!rig_make(&t.rig, text, &t.layout, &error))
		fail_msg("%s: %s", text, error.text);
	t.known = false;
	t.body = malloc(t.rig.bound);
	assert_non_null(t.body);
	with_all(encode);
	free(t.body);
	rig_free(&t.rig);
	return t.length;
}

/* Every select, with its first example; and the quantisers and codes of the pipelines that large models use. */
static void pipelines_give_the_same_bytes(void **state)
{
	(void)state;
	for (const struct sl_select *const *s = sl_selects; *s; s++) {
		char text[128];
		snprintf(text, sizeof text, "%.*s | float32 | raw", (int)strcspn((*s)->examples, " "),
		         (*s)->examples);
		pipeline(text);
	}
	assert_true(pipeline("topk:0.01 | dither:16 | golomb") > 1000);
	assert_true(pipeline("topk:0.05 | rounding:2 | context") > 1000);
	assert_true(pipeline("topk:0.05 | bf16 | raw") > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_are_those_of_blocks),
		cmocka_unit_test(elements_are_those_of_the_kernels),
		cmocka_unit_test(mixing_adds_blocks_in_their_order),
		cmocka_unit_test(lists_are_those_of_the_kernel),
		cmocka_unit_test(whole_vectors_are_those_of_the_kernel),
		cmocka_unit_test(pipelines_give_the_same_bytes),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
