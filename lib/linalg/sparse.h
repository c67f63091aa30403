/* sparse.h — updates of a few coordinates of a long vector, in two steps: compute sums and digest, so that the
 * caller can check them; then write them. Same bits on every machine. */
#ifndef SL_LINALG_SPARSE_H
#define SL_LINALG_SPARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* sum[i] ← x[index[i]] + factor·value[i], with −0 as +0. Adds to *digest the change of the digest (vector.h) of x,
 * whose coordinates are counted from `offset`. Indices are distinct; `sum` may be `value`. False if a sum is not
 * finite. */
bool sl_sparse_sum(size_t count, const uint32_t *index, float factor, const float *value, const float *x,
                   uint64_t offset, float *sum, uint64_t *digest);

/* x[index[i]] ← value[i] */
void sl_sparse_put(size_t count, const uint32_t *index, const float *value, float *x);

#endif
