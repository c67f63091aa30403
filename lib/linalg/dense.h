/* dense.h — a change of a whole vector: what sparse.h does for a few coordinates, in one pass over all of them,
 * with the same bits. A change travels as the bit patterns of its floats, little-endian; 0 stands for none. */
#ifndef SL_LINALG_DENSE_H
#define SL_LINALG_DENSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of the sums. */
struct sl_dense {
	size_t changed;  /* coordinates */
	float largest;   /* magnitude among those that changed; if finite */
	bool finite;     /* all of them are */
	uint64_t digest; /* vector.h */
};

/* patterns[4·k…] ← x_k − copy_k, sum_k ← copy_k + factor·(x_k − copy_k), never −0, and copy_k where nothing
 * changes; coordinates are counted from `offset` in the digest. False: a difference is not finite. */
bool sl_dense_encode(size_t n, const float *x, const float *copy, float factor, uint64_t offset,
                     uint8_t *patterns, float *sum, struct sl_dense *out);
/* The sums alone, from patterns. False: one is −0, NaN or infinite. */
bool sl_dense_decode(size_t n, const uint8_t *patterns, const float *copy, float factor, uint64_t offset,
                     float *sum, struct sl_dense *out);

#endif
