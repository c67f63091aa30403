#include "linalg/sparse.h"

#include "base/bytes.h"
#include "base/random.h"
#include "linalg/variants.h"

/* Gathering and mixing are separate loops: the first waits for memory, the second is arithmetic that
 * vectorises. */
enum { STRETCH = 512 };

SL_VARIANTS static uint32_t sum_stretch(uint32_t count, const uint32_t *restrict index, float factor,
                                        const float *value, const float *restrict x,
                                        uint32_t *restrict before, float *sum)
{
	uint32_t bad = 0;
	for (uint32_t i = 0; i < count; i++)
		before[i] = sl_float_bits(x[index[i]]);
	for (uint32_t i = 0; i < count; i++) {
		float s = sl_float_from_bits(before[i]) + factor * value[i];
		uint32_t bits = sl_float_bits(s);
		bits = bits << 1 == 0 ? 0 : bits;
		bad |= (bits & UINT32_C(0x7f800000)) == UINT32_C(0x7f800000);
		sum[i] = sl_float_from_bits(bits);
	}
	return bad;
}

SL_VARIANTS static uint64_t digest_stretch(uint32_t count, uint64_t offset, const uint32_t *restrict index,
                                           const uint32_t *restrict before, const float *restrict sum)
{
	uint64_t change = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t k = (offset + index[i]) << 32;
		change += sl_mix64(k | sl_float_bits(sum[i])) - sl_mix64(k | before[i]);
	}
	return change;
}

bool sl_sparse_sum(size_t count, const uint32_t *index, float factor, const float *value, const float *x,
                   uint64_t offset, float *sum, uint64_t *digest)
{
	uint32_t bad = 0, before[STRETCH];
	for (size_t at = 0; at < count; at += STRETCH) {
		uint32_t n = count - at < STRETCH ? (uint32_t)(count - at) : STRETCH;
		bad |= sum_stretch(n, index + at, factor, value + at, x, before, sum + at);
		*digest += digest_stretch(n, offset, index + at, before, sum + at);
	}
	return !bad;
}

void sl_sparse_put(size_t count, const uint32_t *index, const float *value, float *x)
{
	for (size_t i = 0; i < count; i++)
		x[index[i]] = value[i];
}
