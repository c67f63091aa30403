#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/time.h"

/* Whatever is written is read again, little-endian, from a block of exactly that size. */
static void written_is_read(void **state)
{
	(void)state;
	struct sl_random g = sl_random_stream(2, 0, "test", 0);
	for (unsigned trial = 0; trial < 500; trial++) {
		enum { ITEMS = 40 };
		uint64_t value[ITEMS];
		unsigned kind[ITEMS];
		static const size_t size[] = { 1, 2, 4, 8, 4 };
		size_t total = 0;
		for (unsigned i = 0; i < ITEMS; i++) {
			kind[i] = sl_random_below(&g, 5);
			value[i] = sl_random_u64(&g) >> (64 - 8 * size[kind[i]]);
			if (kind[i] == 4 && !sl_float_bits_ok((uint32_t)value[i]))
				value[i] = 0;
			total += size[kind[i]];
		}
		uint8_t *bytes = malloc(total); /* exact: the sanitizer watches both sides */
		assert_non_null(bytes);
		struct sl_writer w = sl_writer(bytes, total);
		for (unsigned i = 0; i < ITEMS; i++) {
			switch (kind[i]) {
			case 0:
				sl_write_u8(&w, (uint8_t)value[i]);
				break;
			case 1:
				sl_write_u16(&w, (uint16_t)value[i]);
				break;
			case 2:
				sl_write_u32(&w, (uint32_t)value[i]);
				break;
			case 3:
				sl_write_u64(&w, value[i]);
				break;
			default:
				sl_write_f32(&w, sl_float_from_bits((uint32_t)value[i]));
			}
		}
		assert_int_equal(sl_writer_length(&w), total);
		struct sl_reader r = sl_reader(bytes, total);
		for (unsigned i = 0; i < ITEMS; i++) {
			assert_false(sl_reader_done(&r));
			uint64_t found = kind[i] == 0   ? sl_read_u8(&r)
			                 : kind[i] == 1 ? sl_read_u16(&r)
			                 : kind[i] == 2 ? sl_read_u32(&r)
			                 : kind[i] == 3 ? sl_read_u64(&r)
			                                : sl_float_bits(sl_read_f32(&r));
			assert_true(found == value[i]);
		}
		assert_true(sl_reader_done(&r));
		free(bytes);
	}
}

static void byte_order(void **state)
{
	(void)state;
	uint8_t bytes[14];
	struct sl_writer w = sl_writer(bytes, sizeof bytes);
	sl_write_u16(&w, 0x0102);
	sl_write_u32(&w, 0x03040506);
	sl_write_u64(&w, UINT64_C(0x0708090a0b0c0d0e));
	static const uint8_t right[14] = { 2, 1, 6, 5, 4, 3, 14, 13, 12, 11, 10, 9, 8, 7 };
	assert_memory_equal(bytes, right, sizeof right);
}

/* Cut anywhere, a message fails, stays failed, and gives zeros. */
static void short_messages(void **state)
{
	(void)state;
	for (size_t length = 0; length < 15; length++) {
		uint8_t *bytes = malloc(length ? length : 1);
		assert_non_null(bytes);
		memset(bytes, 0xff, length ? length : 1);
		struct sl_reader r = sl_reader(bytes, length);
		sl_read_u8(&r);
		sl_read_u16(&r);
		sl_read_u32(&r);
		uint64_t last = sl_read_u64(&r);
		assert_true(r.failed);
		assert_true(last == 0);
		assert_int_equal(sl_read_u8(&r), 0); /* although a byte may be left */
		assert_null(sl_read_bytes(&r, 0));
		assert_false(sl_reader_done(&r));
		free(bytes);
	}
	uint8_t one[2] = { 7, 8 };
	struct sl_reader r = sl_reader(one, 2);
	assert_null(sl_read_bytes(&r, SIZE_MAX));
	r = sl_reader(one, 2);
	assert_int_equal(sl_read_u8(&r), 7);
	assert_false(sl_reader_done(&r)); /* trailing bytes are an error, too */
}

static void parts(void **state)
{
	(void)state;
	const uint8_t bytes[6] = { 1, 2, 3, 4, 5, 6 };
	struct sl_reader r = sl_reader(bytes, sizeof bytes);
	struct sl_reader inner = sl_read_part(&r, 4);
	assert_int_equal(sl_read_u32(&inner), 0x04030201);
	assert_true(sl_reader_done(&inner));
	assert_int_equal(sl_read_u8(&inner), 0); /* sees nothing beyond its slice */
	assert_true(inner.failed);
	assert_int_equal(sl_reader_left(&r), 2);
	struct sl_reader missing = sl_read_part(&r, 3);
	assert_true(missing.failed && r.failed);
	assert_int_equal(sl_read_u8(&missing), 0);
}

/* One encoding a value: no NaN, no infinity, no −0. */
static void floats_on_the_wire(void **state)
{
	(void)state;
	static const struct {
		uint32_t bits;
		bool ok;
	} cases[] = {
		{ 0x00000000, true },  { 0x80000000, false }, { 0x7f800000, false }, { 0xff800000, false },
		{ 0x7fc00000, false }, { 0x7f800001, false }, { 0xffffffff, false }, { 0x7f7fffff, true },
		{ 0xff7fffff, true },  { 0x00000001, true },  { 0x80000001, true },  { 0x3f800000, true },
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t bytes[4];
		sl_store_u32(bytes, cases[i].bits);
		struct sl_reader r = sl_reader(bytes, 4);
		float v = sl_read_f32(&r);
		assert_int_equal(!r.failed, cases[i].ok);
		assert_int_equal(sl_float_bits(v), cases[i].ok ? cases[i].bits : 0);
	}
	uint8_t bytes[4] = { 1, 1, 1, 1 };
	struct sl_writer w = sl_writer(bytes, 4);
	sl_write_f32(&w, -0.0f);
	assert_int_equal(sl_load_u32(bytes), 0);
}

/* The arena measures what it later gives, in pieces that are aligned and do not overlap. */
static void arena_measures(void **state)
{
	(void)state;
	struct sl_random g = sl_random_stream(3, 0, "test", 0);
	size_t count[30];
	struct sl_arena measure = { 0 };
	for (unsigned i = 0; i < 30; i++) {
		count[i] = sl_random_below(&g, 200);
		assert_null(sl_arena_take(&measure, count[i], 4));
	}
	uint8_t *block = aligned_alloc(64, (measure.used + 63) & ~(size_t)63);
	assert_non_null(block);
	struct sl_arena arena = { .base = block, .capacity = measure.used };
	const uint8_t *end = block;
	for (unsigned i = 0; i < 30; i++) {
		uint8_t *piece = sl_arena_take(&arena, count[i], 4);
		assert_true((uintptr_t)piece % 64 == 0 && piece >= end);
		memset(piece, (int)i, 4 * count[i]);
		end = piece + 4 * count[i];
	}
	assert_int_equal(arena.used, measure.used);
	free(block);
}

static void times_saturate(void **state)
{
	(void)state;
	struct sl_time now = { 1000 };
	assert_int_equal(sl_time_after(now, 5).us, 1005);
	assert_int_equal(sl_time_after(now, INT64_MAX).us, INT64_MAX);
	assert_int_equal(sl_time_after(SL_TIME_NEVER, 1).us, INT64_MAX);
	assert_true(sl_time_before(now, SL_TIME_NEVER) && !sl_time_before(now, now));
	assert_int_equal(sl_time_earlier(SL_TIME_NEVER, now).us, 1000);
}

/* Every value of 0 … n-1 comes once. */
static void permutations_are_bijections(void **state)
{
	(void)state;
	static uint8_t seen[70000];
	static const uint32_t large[] = { 1000, 1023, 1024, 1025, 4096, 4097, 60000, 65536, 65537 };
	for (uint32_t i = 0; i < 300 + sizeof large / sizeof *large; i++) {
		uint32_t n = i < 300 ? i + 1 : large[i - 300];
		memset(seen, 0, n);
		for (uint32_t at = 0; at < n; at++) {
			uint32_t to = sl_random_permutation(sl_mix64(i), n, at);
			assert_true(to < n && !seen[to]);
			seen[to] = 1;
		}
	}
	uint32_t n = UINT32_C(1) << 31;
	assert_true(sl_random_permutation(9, n, n - 1) < n);
}

/* The place of each item is uniform over keys: 20 places, 4000 keys, 200 ± 5 standard deviations of 13.8. */
static void permutations_are_fair(void **state)
{
	(void)state;
	enum { N = 20, KEYS = 4000 };
	unsigned count[N][N] = { { 0 } };
	for (uint64_t key = 0; key < KEYS; key++)
		for (uint32_t at = 0; at < N; at++)
			count[at][sl_random_permutation(sl_mix64(key), N, at)]++;
	for (unsigned at = 0; at < N; at++)
		for (unsigned to = 0; to < N; to++)
			assert_in_range(count[at][to], 200 - 69, 200 + 69);
}

/* Every part of the address matters, and nobody's draws shift another's. */
static void streams_are_addressed(void **state)
{
	(void)state;
	struct sl_random base = sl_random_stream(1, 2, "batch", 3);
	const struct sl_random others[] = {
		sl_random_stream(2, 2, "batch", 3),          sl_random_stream(1, 3, "batch", 3),
		sl_random_stream(1, 2, "batchs", 3),         sl_random_stream(1, 2, "hctab", 3),
		sl_random_stream(1, 2, "batch", 4),          sl_random_stream(1, 3, "batch", 2),
		sl_random_stream(3, 2, "batch", 1),          sl_random_stream(1, UINT32_MAX, "batch", 3),
		sl_random_stream(1, 2, "batch", UINT64_MAX), sl_random_stream(1, 2, "", 3),
	};
	for (unsigned i = 0; i < sizeof others / sizeof *others; i++)
		assert_true(others[i].key != base.key);
	struct sl_random a = base, b = others[0], again = base;
	uint64_t interleaved[50];
	for (unsigned i = 0; i < 50; i++) {
		interleaved[i] = sl_random_u64(&a);
		(void)sl_random_u64(&b);
	}
	for (unsigned i = 0; i < 50; i++) {
		assert_true(sl_random_at(&base, i) == interleaved[i]); /* and by position, in any order */
		assert_true(sl_random_u64(&again) == interleaved[i]);
	}
	assert_int_equal(base.counter, 0);
}

/* Keys of a thousand peers and rounds are all different: no address falls on another. */
static int by_key(const void *x, const void *y)
{
	uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
	return a < b ? -1 : a > b;
}

static void streams_do_not_collide(void **state)
{
	(void)state;
	enum { SIDE = 200 };
	static uint64_t key[SIDE * SIDE];
	for (uint32_t peer = 0; peer < SIDE; peer++)
		for (uint64_t round = 0; round < SIDE; round++)
			key[peer * SIDE + round] = sl_random_stream(1, peer, "batch", round).key;
	qsort(key, SIDE * SIDE, sizeof *key, by_key);
	for (unsigned i = 1; i < SIDE * SIDE; i++)
		assert_true(key[i - 1] != key[i]);
}

/* In [0, 1) with the mean and the variance of the uniform distribution, over draws of one stream and over the
 * first draws of many. 5 standard deviations. */
static void units_are_uniform(void **state)
{
	(void)state;
	enum { DRAWS = 100000 };
	struct sl_random g = sl_random_stream(1, 0, "test", 0);
	double sum[3] = { 0 }, squares[3] = { 0 };
	for (uint64_t i = 0; i < DRAWS; i++) {
		struct sl_random first = sl_random_stream(1, 0, "test", i);
		double u[3] = { (double)sl_random_unit(&g), sl_random_unit_double(&g),
			        sl_random_unit_double(&first) };
		assert_true(u[0] * 0x1p24 == floor(u[0] * 0x1p24)); /* exact in a float */
		for (unsigned k = 0; k < 3; k++) {
			assert_true(u[k] >= 0 && u[k] < 1);
			sum[k] += u[k];
			squares[k] += (u[k] - 0.5) * (u[k] - 0.5);
		}
	}
	for (unsigned k = 0; k < 3; k++) {
		assert_true(fabs(sum[k] / DRAWS - 0.5) < 5 * sqrt(1.0 / 12 / DRAWS));
		assert_true(fabs(squares[k] / DRAWS - 1.0 / 12) < 5 * sqrt(1.0 / 180 / DRAWS));
	}
}

static void bounded_and_normal_draws(void **state)
{
	(void)state;
	enum { DRAWS = 70000 };
	struct sl_random g = sl_random_stream(4, 0, "test", 0);
	unsigned count[7] = { 0 };
	double sum = 0, squares = 0;
	for (unsigned i = 0; i < DRAWS; i++) {
		uint32_t v = sl_random_below(&g, 7);
		assert_true(v < 7);
		count[v]++;
		assert_int_equal(sl_random_below(&g, 1), 0);
		double x = sl_random_normal(&g);
		assert_true(isfinite(x));
		sum += x;
		squares += x * x;
	}
	for (unsigned k = 0; k < 7; k++)
		assert_in_range(count[k], DRAWS / 7 - 465, DRAWS / 7 + 465); /* 5 · √(70000 · 1/7 · 6/7) */
	assert_true(fabs(sum / DRAWS) < 5 / sqrt(DRAWS));
	assert_true(fabs(squares / DRAWS - 1) < 5 * sqrt(2.0 / DRAWS));
}

/* The numbers themselves are part of the product: a changed generator changes every published run. */
static void known_numbers(void **state)
{
	(void)state;
	assert_true(sl_mix64(0) == UINT64_C(0xe220a8397b1dcdaf)); /* splitmix64 with seed 0 */
	struct sl_random g = sl_random_stream(1, 2, "batch", 3);
	uint64_t first = sl_random_u64(&g);
	if (first != UINT64_C(0x7c1eeb47f141a0c9))
		fail_msg("the first draw is now 0x%016llx", (unsigned long long)first);
}

/* Around the ends of blocks, as libsodium has it. */
static void hashes_are_blake2b(void **state)
{
	(void)state;
	struct sl_random g = sl_random_stream(3, 0, "test", 0);
	uint8_t bytes[700], mine[SL_HASH_BYTES], theirs[SL_HASH_BYTES];
	for (size_t k = 0; k < sizeof bytes; k++)
		bytes[k] = (uint8_t)sl_random_u64(&g);
	for (size_t length = 0; length <= sizeof bytes; length++) {
		sl_hash(mine, bytes, length);
		crypto_generichash(theirs, sizeof theirs, bytes, length, NULL, 0);
		assert_memory_equal(mine, theirs, sizeof mine);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_is_read),          cmocka_unit_test(byte_order),
		cmocka_unit_test(short_messages),           cmocka_unit_test(parts),
		cmocka_unit_test(floats_on_the_wire),       cmocka_unit_test(arena_measures),
		cmocka_unit_test(times_saturate),           cmocka_unit_test(permutations_are_bijections),
		cmocka_unit_test(permutations_are_fair),    cmocka_unit_test(streams_are_addressed),
		cmocka_unit_test(streams_do_not_collide),   cmocka_unit_test(units_are_uniform),
		cmocka_unit_test(bounded_and_normal_draws), cmocka_unit_test(known_numbers),
		cmocka_unit_test(hashes_are_blake2b),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
