/* sparse.h — a few coordinates of a long vector: sums and their digest first, so that they can be judged,
 * then put in place. As everywhere in this folder, the same bits on every machine. */
#ifndef SL_LINALG_SPARSE_H
#define SL_LINALG_SPARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* sum[i] ← x[index[i]] + factor·value[i], never −0, and what that changes in the digest (vector.h) of x,
 * whose coordinates are counted from `offset`, is added to *digest. Indices are distinct; sum may be value.
 * False where a sum is not finite. */
bool sl_sparse_sum(size_t count, const uint32_t *index, float factor, const float *value, const float *x,
                   uint64_t offset, float *sum, uint64_t *digest);

/* x[index[i]] ← value[i] */
void sl_sparse_put(size_t count, const uint32_t *index, const float *value, float *x);

#endif
