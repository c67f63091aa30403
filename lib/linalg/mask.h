/* mask.h — which elements of a vector reach a threshold, one bit each: what compilers do not vectorise by
 * themselves. */
#ifndef SL_LINALG_MASK_H
#define SL_LINALG_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bit k % 64 of mask[k / 64] ← |x_k| ≥ threshold, for the bit pattern of a threshold ≥ 0 (1 is the least that
 * is not zero); the bits behind the last element are 0. (n + 63) / 64 words. x is a vector of n floats
 * without NaN, or of n integers above INT32_MIN with a threshold of 1: those that are not zero. */
void sl_mask_reach(size_t n, const void *x, uint32_t threshold, uint64_t *mask);

/* The positions of the set bits, ascending; returns how many. out[] must have room for 4 more. */
uint32_t sl_mask_positions(size_t words, const uint64_t *mask, uint32_t *out);

/* Those of x − y that reach the threshold (y NULL: of x): positions, ascending, and what stands there as bit
 * patterns; returns how many. Both arrays must have room for n and 16 more. *finite: no NaN or infinity among
 * all n. */
uint32_t sl_mask_collect(size_t n, const float *x, const float *y, uint32_t threshold, uint32_t *position,
                         uint32_t *bits, bool *finite);

/* How this machine might have done it, for tests that compare them; ends with a NULL function. */
struct sl_mask_variant {
	void (*reach)(size_t blocks, const uint8_t *x, uint32_t threshold, uint64_t *mask); /* whole words */
	bool supported;
};
const struct sl_mask_variant *sl_mask_variants(struct sl_mask_variant out[static 4]);
/* sl_mask_collect without AVX-512. */
uint32_t sl_mask_collect_portable(size_t n, const float *x, const float *y, uint32_t threshold,
                                  uint32_t *position, uint32_t *bits, bool *finite);

#endif
