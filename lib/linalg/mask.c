#include "linalg/mask.h"

#include "base/bytes.h"
#include "linalg/variants.h"
#include "linalg/vector.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

enum { BLOCK = 64 };

static void reach_portable(size_t blocks, const uint8_t *x, uint32_t threshold, uint64_t *mask)
{
	for (size_t b = 0; b < blocks; b++, x += 4 * BLOCK) {
		uint64_t bits = 0;
		for (int i = 0; i < BLOCK; i++) {
			uint32_t pattern;
			memcpy(&pattern, x + 4 * i, sizeof pattern);
			bits |= (uint64_t)((pattern & UINT32_C(0x7fffffff)) >= threshold) << i;
		}
		mask[b] = bits;
	}
}

#ifdef __x86_64__
/* Magnitudes are below 2^31, so the signed comparisons of SSE2 and AVX2 are sufficient. */
static void reach_sse2(size_t blocks, const uint8_t *x, uint32_t threshold, uint64_t *mask)
{
	const __m128i below = _mm_set1_epi32((int)threshold - 1), positive = _mm_set1_epi32(0x7fffffff);
	for (size_t b = 0; b < blocks; b++, x += 4 * BLOCK) {
		uint64_t bits = 0;
		for (int i = 0; i < BLOCK; i += 4) {
			__m128i magnitude =
			    _mm_and_si128(_mm_loadu_si128((const __m128i *)(x + 4 * i)), positive);
			__m128i reached = _mm_cmpgt_epi32(magnitude, below);
			bits |= (uint64_t)(uint32_t)_mm_movemask_ps(_mm_castsi128_ps(reached)) << i;
		}
		mask[b] = bits;
	}
}

__attribute__((target("avx2"))) static void reach_avx2(size_t blocks, const uint8_t *x, uint32_t threshold,
                                                       uint64_t *mask)
{
	const __m256i below = _mm256_set1_epi32((int)threshold - 1), positive = _mm256_set1_epi32(0x7fffffff);
	for (size_t b = 0; b < blocks; b++, x += 4 * BLOCK) {
		uint64_t bits = 0;
		for (int i = 0; i < BLOCK; i += 8) {
			__m256i magnitude =
			    _mm256_and_si256(_mm256_loadu_si256((const __m256i *)(x + 4 * i)), positive);
			__m256i reached = _mm256_cmpgt_epi32(magnitude, below);
			bits |= (uint64_t)(uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(reached)) << i;
		}
		mask[b] = bits;
	}
}

const struct sl_mask_variant *sl_mask_variants(struct sl_mask_variant out[static 4])
{
	out[0] = (struct sl_mask_variant){ reach_avx2, __builtin_cpu_supports("avx2") };
	out[1] = (struct sl_mask_variant){ reach_sse2, true };
	out[2] = (struct sl_mask_variant){ reach_portable, true };
	out[3] = (struct sl_mask_variant){ NULL, false };
	return out;
}
#else
const struct sl_mask_variant *sl_mask_variants(struct sl_mask_variant out[static 4])
{
	out[0] = (struct sl_mask_variant){ reach_portable, true };
	out[1] = (struct sl_mask_variant){ NULL, false };
	return out;
}
#endif

void sl_mask_reach(size_t n, const void *x, uint32_t threshold, uint64_t *mask)
{
	struct sl_mask_variant variants[4];
	const struct sl_mask_variant *best = sl_mask_variants(variants);
	while (!best->supported)
		best++;
	size_t blocks = n / BLOCK, rest = n % BLOCK;
	best->reach(blocks, x, threshold, mask);
	if (rest) {
		uint8_t tail[4 * BLOCK] = { 0 };
		memcpy(tail, (const uint8_t *)x + 4 * blocks * BLOCK, 4 * rest);
		best->reach(1, tail, threshold, mask + blocks);
		mask[blocks] &=
		    (UINT64_C(1) << rest) - 1; /* with a threshold of 0 the padding is marked too */
	}
}

SL_VARIANTS uint32_t sl_mask_count(size_t words, const uint64_t *mask)
{
	uint32_t count = 0;
	for (size_t w = 0; w < words; w++)
		count += (uint32_t)__builtin_popcountll(mask[w]);
	return count;
}

/* Writes four positions of each word unconditionally: a branch on their number would be mispredicted. */
SL_VARIANTS uint32_t sl_mask_positions(size_t words, const uint64_t *mask, uint32_t *out)
{
	uint32_t count = 0;
	for (size_t w = 0; w < words; w++) {
		uint64_t bits = mask[w];
		uint32_t base = (uint32_t)w * BLOCK, *to = out + count,
		         here = (uint32_t)__builtin_popcountll(bits);
		for (int i = 0; i < 4; i++, bits &= bits - 1)
			to[i] = base + (uint32_t)__builtin_ctzll(bits | UINT64_C(1) << 63);
		for (uint32_t i = 4; i < here; i++, bits &= bits - 1)
			to[i] = base + (uint32_t)__builtin_ctzll(bits);
		count += here;
	}
	return count;
}

static const float *difference_part(size_t n, const float *x, const float *y, float *room, bool *finite)
{
	if (!y) {
		*finite = sl_vector_finite(n, x) && *finite;
		return x;
	}
	*finite = sl_vector_difference(n, x, y, room) && *finite;
	return room;
}

uint32_t sl_mask_collect_portable(size_t n, const float *x, const float *y, uint32_t threshold,
                                  uint32_t *position, uint32_t *bits, bool *finite)
{
	enum { PART = 2048 };
	float room[PART];
	uint64_t mask[PART / BLOCK];
	uint32_t count = 0;
	*finite = true;
	for (size_t at = 0; at < n; at += PART) {
		size_t here = n - at < PART ? n - at : PART;
		const float *v = difference_part(here, x + at, y ? y + at : NULL, room, finite);
		sl_mask_reach(here, v, threshold, mask);
		uint32_t found = sl_mask_positions((here + BLOCK - 1) / BLOCK, mask, position + count);
		for (uint32_t i = count; i < count + found; i++) {
			bits[i] = sl_float_bits(v[position[i]]);
			position[i] += (uint32_t)at;
		}
		count += found;
	}
	return count;
}

/* gcc 12 with ThreadSanitizer loses lanes of these loops: test_vector shows it. */
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
#define SL_MASK_WIDE
#endif

#ifdef SL_MASK_WIDE
/* Differences, and which of them reach, in one pass; returns the largest magnitude. y is rarely in a cache. */
__attribute__((target("avx2"))) static uint32_t reach_difference_avx2(size_t blocks, const float *x,
                                                                      const float *y, uint32_t threshold,
                                                                      float *out, uint64_t *mask)
{
	enum { AHEAD = 2048 };
	const __m256i below = _mm256_set1_epi32((int)threshold - 1), positive = _mm256_set1_epi32(0x7fffffff);
	__m256i most = _mm256_setzero_si256();
	for (size_t b = 0; b < blocks; b++, x += BLOCK, y += BLOCK, out += BLOCK) {
		uint64_t bits = 0;
		for (int i = 0; i < BLOCK; i += 8) {
			_mm_prefetch((const char *)((uintptr_t)(y + i) + AHEAD), _MM_HINT_T0);
			__m256 v = _mm256_sub_ps(_mm256_loadu_ps(x + i), _mm256_loadu_ps(y + i));
			__m256i magnitude = _mm256_and_si256(_mm256_castps_si256(v), positive);
			_mm256_storeu_ps(out + i, v);
			most = _mm256_max_epu32(most, magnitude);
			__m256i reached = _mm256_cmpgt_epi32(magnitude, below);
			bits |= (uint64_t)(uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(reached)) << i;
		}
		mask[b] = bits;
	}
	uint32_t lane[8], largest = 0;
	_mm256_storeu_si256((__m256i *)lane, most);
	for (int l = 0; l < 8; l++)
		largest = lane[l] > largest ? lane[l] : largest;
	return largest;
}

/* As sl_mask_positions, counted from `first`, with the patterns of those elements. */
__attribute__((target("avx2,bmi,popcnt"))) static uint32_t take_reached(size_t blocks, const uint64_t *mask,
                                                                        const float *v, uint32_t first,
                                                                        uint32_t *position, uint32_t *bits)
{
	uint32_t count = 0;
	for (size_t b = 0; b < blocks; b++, v += BLOCK, first += BLOCK) {
		uint64_t left = mask[b];
		uint32_t *to = position + count, *what = bits + count,
		         here = (uint32_t)__builtin_popcountll(left);
		for (uint32_t i = 0; i < 4 || i < here; i++, left &= left - 1) {
			uint32_t at = (uint32_t)__builtin_ctzll(left | UINT64_C(1) << 63);
			to[i] = first + at;
			what[i] = sl_float_bits(v[at]);
		}
		count += here;
	}
	return count;
}

static uint32_t collect_avx2(size_t n, const float *x, const float *y, uint32_t threshold, uint32_t *position,
                             uint32_t *bits, bool *finite)
{
	enum { PART = 32 };
	float room[PART * BLOCK];
	uint64_t mask[PART];
	uint32_t count = 0, largest = 0;
	size_t blocks = n / BLOCK, whole = blocks * BLOCK;
	for (size_t b = 0; b < blocks; b += PART) {
		size_t here = blocks - b < PART ? blocks - b : PART, at = b * BLOCK;
		uint32_t most = reach_difference_avx2(here, x + at, y + at, threshold, room, mask);
		largest = most > largest ? most : largest;
		count += take_reached(here, mask, room, (uint32_t)at, position + count, bits + count);
	}
	uint32_t more = sl_mask_collect_portable(n - whole, x + whole, y + whole, threshold, position + count,
	                                         bits + count, finite);
	for (uint32_t i = count; i < count + more; i++)
		position[i] += (uint32_t)whole;
	*finite = *finite && largest < UINT32_C(0x7f800000);
	return count + more;
}

/* Packs what reaches of sixteen elements to the front; of most there are few, and a short store rarely crosses the end of a
 * cache line. */
__attribute__((target("avx512f,avx512bw,avx512vl,popcnt"), always_inline)) static inline uint32_t pack_avx512(
    __mmask16 reached, __m512i here, __m512i pattern, uint32_t *position, uint32_t *bits)
{
	__m512i at = _mm512_maskz_compress_epi32(reached, here),
	        what = _mm512_maskz_compress_epi32(reached, pattern);
	uint32_t found = (uint32_t)__builtin_popcount(reached);
	if (__builtin_expect(found > 4, 0)) {
		_mm512_storeu_si512(position, at);
		_mm512_storeu_si512(bits, what);
	} else {
		_mm_storeu_si128((__m128i *)position, _mm512_castsi512_si128(at));
		_mm_storeu_si128((__m128i *)bits, _mm512_castsi512_si128(what));
	}
	return found;
}

/* Sixteen elements at a time. y is rarely in a cache, and x often is, if it fits (x_too: it does not). */
__attribute__((target("avx512f,avx512bw,avx512vl,popcnt"), always_inline)) static inline uint32_t
collect_avx512(size_t n, const float *x, const float *y, bool x_too, uint32_t threshold, uint32_t *position,
               uint32_t *bits, bool *finite)
{
	const __m512i positive = _mm512_set1_epi32(0x7fffffff), least = _mm512_set1_epi32((int)threshold),
	              step = _mm512_set1_epi32(16);
	__m512i here = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
	        most = _mm512_setzero_si512();
	enum { AHEAD = 2048 };
	uint32_t count = 0;
	size_t k = 0;
	for (; k + 16 <= n; k += 16) {
		if (x_too)
			_mm_prefetch((const char *)((uintptr_t)(x + k) + AHEAD), _MM_HINT_T0);
		__m512 v = _mm512_loadu_ps(x + k);
		if (y) {
			_mm_prefetch((const char *)((uintptr_t)(y + k) + AHEAD), _MM_HINT_T0);
			v = _mm512_sub_ps(v, _mm512_loadu_ps(y + k));
		}
		__m512i pattern = _mm512_castps_si512(v), m = _mm512_and_epi32(pattern, positive);
		most = _mm512_max_epu32(most, m);
		count += pack_avx512(_mm512_cmpge_epi32_mask(m, least), here, pattern, position + count,
		                     bits + count);
		here = _mm512_add_epi32(here, step);
	}
	if (k < n) {
		__mmask16 there = (__mmask16)((1u << (n - k)) - 1);
		__m512 v = _mm512_maskz_loadu_ps(there, x + k);
		if (y)
			v = _mm512_sub_ps(v, _mm512_maskz_loadu_ps(there, y + k));
		__m512i pattern = _mm512_castps_si512(v), m = _mm512_and_epi32(pattern, positive);
		most = _mm512_max_epu32(most, m);
		count += pack_avx512(_mm512_mask_cmpge_epi32_mask(there, m, least), here, pattern,
		                     position + count, bits + count);
	}
	*finite = _mm512_reduce_max_epu32(most) < 0x7f800000;
	return count;
}

__attribute__((target("avx512f,avx512bw,avx512vl,popcnt"))) static uint32_t collect_either(
    size_t n, const float *x, const float *y, uint32_t threshold, uint32_t *position, uint32_t *bits,
    bool *finite)
{
	enum { LARGE = 1 << 18 };
	if (y && n >= LARGE)
		return collect_avx512(n, x, y, true, threshold, position, bits, finite);
	return y ? collect_avx512(n, x, y, false, threshold, position, bits, finite)
	         : collect_avx512(n, x, NULL, false, threshold, position, bits, finite);
}
#endif

uint32_t sl_mask_collect(size_t n, const float *x, const float *y, uint32_t threshold, uint32_t *position,
                         uint32_t *bits, bool *finite)
{
#ifdef SL_MASK_WIDE
	if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
		return collect_either(n, x, y, threshold, position, bits, finite);
	if (y && __builtin_cpu_supports("avx2"))
		return collect_avx2(n, x, y, threshold, position, bits, finite);
#endif
	return sl_mask_collect_portable(n, x, y, threshold, position, bits, finite);
}

uint32_t sl_mask_keep_portable(uint32_t n, uint32_t threshold, uint32_t *position, uint32_t *bits)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t here = bits[i];
		position[kept] = position[i];
		bits[kept] = here;
		kept += (here & UINT32_C(0x7fffffff)) >= threshold;
	}
	return kept;
}

#ifdef SL_MASK_WIDE
/* What is stored behind the kept elements was read before. */
__attribute__((target("avx512f,avx512bw,avx512vl,popcnt"))) static uint32_t keep_avx512(uint32_t n,
                                                                                        uint32_t threshold,
                                                                                        uint32_t *position,
                                                                                        uint32_t *bits)
{
	const __m512i positive = _mm512_set1_epi32(0x7fffffff), least = _mm512_set1_epi32((int)threshold);
	uint32_t kept = 0, i = 0;
	for (; i + 16 <= n; i += 16) {
		__m512i here = _mm512_loadu_si512(bits + i), at = _mm512_loadu_si512(position + i);
		__mmask16 reached = _mm512_cmpge_epi32_mask(_mm512_and_epi32(here, positive), least);
		_mm512_storeu_si512(bits + kept, _mm512_maskz_compress_epi32(reached, here));
		_mm512_storeu_si512(position + kept, _mm512_maskz_compress_epi32(reached, at));
		kept += (uint32_t)__builtin_popcount(reached);
	}
	for (; i < n; i++) {
		uint32_t here = bits[i];
		position[kept] = position[i];
		bits[kept] = here;
		kept += (here & UINT32_C(0x7fffffff)) >= threshold;
	}
	return kept;
}
#endif

uint32_t sl_mask_keep(uint32_t n, uint32_t threshold, uint32_t *position, uint32_t *bits)
{
#ifdef SL_MASK_WIDE
	if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
		return keep_avx512(n, threshold, position, bits);
#endif
	return sl_mask_keep_portable(n, threshold, position, bits);
}
