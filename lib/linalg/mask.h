/* mask.h — bit masks of the elements that reach a threshold. Written with intrinsics, because compilers do not
 * vectorise these loops. */
#ifndef SL_LINALG_MASK_H
#define SL_LINALG_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bit k % 64 of mask[k / 64] ← |x_k| ≥ threshold; bits after the last element are 0; (n + 63) / 64 words.
 * `threshold` is the bit pattern of a float ≥ 0 (1: the smallest positive one). x is n floats without NaN; or,
 * with a threshold of 1, n integers above INT32_MIN: the mask then marks those that are not zero. */
void sl_mask_reach(size_t n, const void *x, uint32_t threshold, uint64_t *mask);

/* The number of set bits. */
uint32_t sl_mask_count(size_t words, const uint64_t *mask);
/* Positions of the set bits, ascending; returns their number. out[] needs room for 4 entries more. */
uint32_t sl_mask_positions(size_t words, const uint64_t *mask, uint32_t *out);

/* Elements of x − y (y NULL: of x) that reach the threshold: their positions, ascending, and their bit patterns;
 * returns their number. Both arrays need room for n + 16 entries. *finite: no NaN or infinity among all n. */
uint32_t sl_mask_collect(size_t n, const float *x, const float *y, uint32_t threshold, uint32_t *position,
                         uint32_t *bits, bool *finite);

/* Of such lists, keeps in place what reaches a higher threshold; returns its number. */
uint32_t sl_mask_keep(uint32_t n, uint32_t threshold, uint32_t *position, uint32_t *bits);

/* All implementations, for tests that compare them; the list ends with a NULL function. */
struct sl_mask_variant {
	void (*reach)(size_t blocks, const uint8_t *x, uint32_t threshold, uint64_t *mask); /* whole words */
	bool supported;
};
const struct sl_mask_variant *sl_mask_variants(struct sl_mask_variant out[static 4]);
/* Without AVX-512. */
uint32_t sl_mask_keep_portable(uint32_t n, uint32_t threshold, uint32_t *position, uint32_t *bits);
uint32_t sl_mask_collect_portable(size_t n, const float *x, const float *y, uint32_t threshold,
                                  uint32_t *position, uint32_t *bits, bool *finite);

#endif
