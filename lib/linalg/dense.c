#include "linalg/dense.h"

#include "base/bytes.h"
#include "linalg/variants.h"
#include "linalg/vector.h"

/* In parts that stay in the first-level cache. */
enum { PART = 1024 };

#define EXPONENT      UINT32_C(0x7f800000)
#define MAGNITUDE     UINT32_C(0x7fffffff)
#define NEGATIVE_ZERO UINT32_C(0x80000000)

SL_VARIANTS static void subtract_part(size_t n, const float *restrict x, const float *restrict copy,
                                      uint32_t *restrict change)
{
	for (size_t k = 0; k < n; k++) {
		uint32_t bits = sl_float_bits(x[k] - copy[k]);
		change[k] = bits << 1 == 0 ? 0 : bits;
	}
}

/* Of one part, or of all so far. */
struct tally {
	uint32_t changed, bad_change, bad_sum;
};

/* after[k] ← the sum where something changes, else 0. */
SL_VARIANTS static struct tally sum_part(size_t n, const uint32_t *restrict change, float factor,
                                         const float *restrict copy, float *restrict sum,
                                         float *restrict after)
{
	uint32_t changed = 0, bad_change = 0, bad_sum = 0;
	for (size_t k = 0; k < n; k++) {
		uint32_t v = change[k], keep = sl_float_bits(copy[k]),
		         bits = sl_float_bits(copy[k] + factor * sl_float_from_bits(v));
		bits = bits << 1 == 0 ? 0 : bits;
		bits = v == 0 ? keep : bits;
		sum[k] = sl_float_from_bits(bits);
		after[k] = sl_float_from_bits(v == 0 ? 0 : bits);
		changed += v != 0;
		bad_change |= ((v & EXPONENT) == EXPONENT) | (v == NEGATIVE_ZERO);
		bad_sum |= (bits & EXPONENT) == EXPONENT;
	}
	return (struct tally){ changed, bad_change, bad_sum };
}

static void load(size_t n, const uint8_t *patterns, uint32_t *out)
{
	SL_CHECK(patterns);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	memcpy(out, patterns, 4 * n);
#else
	for (size_t k = 0; k < n; k++)
		out[k] = sl_load_u32(patterns + 4 * k);
#endif
}

static void store(size_t n, const uint32_t *in, uint8_t *patterns)
{
	SL_CHECK(patterns);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	memcpy(patterns, in, 4 * n);
#else
	for (size_t k = 0; k < n; k++)
		sl_store_u32(patterns + 4 * k, in[k]);
#endif
}

/* x NULL: the patterns are read, else written. */
static bool dense(size_t n, const float *x, uint8_t *write, const uint8_t *read, const float *copy,
                  float factor, uint64_t offset, float *sum, struct sl_dense *out)
{
	uint32_t change[PART], bad_change = 0, bad_sum = 0;
	float after[PART];
	*out = (struct sl_dense){ 0 };
	for (size_t at = 0; at < n; at += PART) {
		size_t here = n - at < PART ? n - at : PART;
		if (x) {
			subtract_part(here, x + at, copy + at, change);
			store(here, change, write + 4 * at);
		} else {
			load(here, read + 4 * at, change);
		}
		struct tally t = sum_part(here, change, factor, copy + at, sum + at, after);
		float largest = sl_vector_largest(here, after);
		out->changed += t.changed;
		out->digest += sl_vector_digest(here, offset + at, sum + at);
		out->largest = largest > out->largest ? largest : out->largest;
		bad_change |= t.bad_change;
		bad_sum |= t.bad_sum;
	}
	out->finite = !bad_sum;
	return !bad_change;
}

bool sl_dense_encode(size_t n, const float *x, const float *copy, float factor, uint64_t offset,
                     uint8_t *patterns, float *sum, struct sl_dense *out)
{
	return dense(n, x, patterns, NULL, copy, factor, offset, sum, out);
}

bool sl_dense_decode(size_t n, const uint8_t *patterns, const float *copy, float factor, uint64_t offset,
                     float *sum, struct sl_dense *out)
{
	return dense(n, NULL, NULL, patterns, copy, factor, offset, sum, out);
}
