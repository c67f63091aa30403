/* elementwise.h — element-wise vector loops of the models. Every compiled variant gives the same bits. */
#ifndef SL_LINALG_ELEMENTWISE_H
#define SL_LINALG_ELEMENTWISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* out ← scale · bytes */
void sl_vector_from_bytes(size_t n, float scale, const uint8_t *bytes, float *out);
/* x ← max(x, 0); NaN is kept, so that divergence remains visible */
void sl_vector_relu(size_t n, float *x);
/* activation ← delta where activation > 0, else 0: derivative of the rectifier, in place */
void sl_vector_relu_back(size_t n, const float *delta, float *activation);
/* x ← exp(x) for x ≤ 0 (relative error below 2⁻²³); 0 below −86; NaN is kept */
void sl_vector_exp(size_t n, float *x);
/* y ← y + x */
void sl_vector_add(size_t n, const float *x, float *y);
/* y ← y + a·x for short vectors: inlined */
static inline void sl_vector_axpy_inline(size_t n, float a, const float *restrict x, float *restrict y)
{
	for (size_t i = 0; i < n; i++)
		y[i] += a * x[i];
}
/* Whether the columns are strictly ascending and below the limit. */
bool sl_vector_ascending(size_t n, const uint32_t *column, uint32_t limit);
/* The largest label; 0 for n = 0. */
uint16_t sl_vector_label_max(size_t n, const uint16_t *label);

#endif
