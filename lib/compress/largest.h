/* largest.h — the k coordinates of largest magnitude, exactly; among equals the lowest index. Linear time: a
 * guess gives a threshold that a little more than k coordinates will pass; one pass without branches collects
 * those that do; counting them by magnitude finds the k-th. The guess follows the last vector of its kind
 * that this scratch saw, or a sample of this one; should both have misled (fewer than k passed), everything that is not
 * zero is collected. So guesses cost or save time, and change nothing else. Magnitudes are compared as bit
 * patterns: the order is the same, and integers vectorise. */
#ifndef SL_COMPRESS_LARGEST_H
#define SL_COMPRESS_LARGEST_H

#include "base/parallel.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of scratch, aligned to 64, which starts as zeros and may remember. */
size_t sl_largest_scratch(uint32_t dimension);
/* The next vectors resemble those that were seen under the same number. Few numbers are told apart. */
void sl_largest_recall(uint32_t stream, void *scratch);
/* Of x − y, or of x where y is NULL: coordinates in rising order, fewer than k (≥ 1) only where fewer are not
 * zero, and unless `value` is NULL what stands there. False where a difference is not finite. Threads may share the pass over
 * x; NULL: none. */
bool sl_largest(const struct sl_parallel *, uint32_t k, uint32_t dimension, const float *x, const float *y,
                uint32_t *index, float *value, uint32_t *count, void *scratch);

#endif
