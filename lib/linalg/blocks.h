/* blocks.h — passes over long vectors, which threads of the caller's may share: the kernels of vector.h, mask.h and dense.h,
 * applied block by block.
 *
 * A block is SL_BLOCK coordinates, whatever the number of threads. Sums of doubles are those of the blocks, added in their
 * order. So every result has the same bits with any number of threads, and without any; and for vectors of up to one block
 * the same as that of the kernel. Threads are used from SL_BLOCKS_SHARED coordinates on: with fewer, waking them costs about
 * what they save. `parallel` may be NULL: the caller's thread alone. */
#ifndef SL_LINALG_BLOCKS_H
#define SL_LINALG_BLOCKS_H

#include "base/parallel.h"
#include "linalg/dense.h"
#include "linalg/vector.h"

enum { SL_BLOCK = 1 << 18, SL_BLOCKS_SHARED = 1 << 20 };

void sl_blocks_copy(const struct sl_parallel *, size_t n, const float *from, float *to);
bool sl_blocks_difference(const struct sl_parallel *, size_t n, const float *a, const float *b, float *out);
double sl_blocks_square(const struct sl_parallel *, size_t n, const float *x);
float sl_blocks_largest(const struct sl_parallel *, size_t n, const float *x);
size_t sl_blocks_nonzero(const struct sl_parallel *, size_t n, const float *x);
bool sl_blocks_finite(const struct sl_parallel *, size_t n, const float *x);
uint64_t sl_blocks_digest(const struct sl_parallel *, size_t n, uint64_t offset, const float *x);
void sl_blocks_soft_threshold(const struct sl_parallel *, size_t n, float t, float *x);
double sl_blocks_absolute(const struct sl_parallel *, size_t n, const float *x);

/* sl_vector_mix and sl_vector_mix_all; one term gives the same bits by either. */
double sl_blocks_mix(const struct sl_parallel *, size_t n, float c, const float *a, const float *b, float *x);
void sl_blocks_mix_all(const struct sl_parallel *, size_t n, unsigned terms, const struct sl_mix_term *,
                       float *x, double *square);

/* sl_mask_collect; both arrays need room for n + 16 entries, all of which may be written. */
uint32_t sl_blocks_collect(const struct sl_parallel *, size_t n, const float *x, const float *y,
                           uint32_t threshold, uint32_t *position, uint32_t *bits, bool *finite);

/* sl_dense_encode and sl_dense_decode. */
bool sl_blocks_dense_encode(const struct sl_parallel *, size_t n, const float *x, const float *copy,
                            float factor, uint64_t offset, uint8_t *patterns, float *sum,
                            struct sl_dense *out);
bool sl_blocks_dense_decode(const struct sl_parallel *, size_t n, const uint8_t *patterns, const float *copy,
                            float factor, uint64_t offset, float *sum, struct sl_dense *out);

#endif
