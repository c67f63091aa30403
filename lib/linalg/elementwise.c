#include "linalg/elementwise.h"

#include "base/bytes.h"
#include "linalg/variants.h"

SL_KERNEL void sl_vector_from_bytes(size_t n, float scale, const uint8_t *restrict bytes, float *restrict out)
{
	for (size_t i = 0; i < n; i++)
		out[i] = scale * (float)bytes[i];
}

SL_KERNEL void sl_vector_relu(size_t n, float *x)
{
	for (size_t i = 0; i < n; i++)
		x[i] = x[i] < 0 ? 0 : x[i];
}

SL_KERNEL void sl_vector_relu_back(size_t n, const float *restrict delta, float *restrict activation)
{
	for (size_t i = 0; i < n; i++)
		activation[i] = activation[i] > 0 ? delta[i] : 0;
}

/* exp(x) = 2^k · exp(r), r = x − k·ln 2 in two parts (Cody and Waite), |r| ≤ ½·ln 2, Taylor to the seventh
 * power. Adding 1.5·2²³ rounds to the nearest integer and leaves it in the low bits, without a conversion, which would be
 * undefined for NaN. */
SL_KERNEL void sl_vector_exp(size_t n, float *x)
{
	const float magic = 0x1.8p23f;
	for (size_t i = 0; i < n; i++) {
		float v = x[i] < -88.0f ? -88.0f : x[i];
		float shifted = v * 0x1.715476p0f + magic;
		float k = shifted - magic;
		float r = (v - k * 0x1.62e4p-1f) - k * 0x1.7f7d1cp-20f;
		float p = 1.0f / 5040;
		p = p * r + 1.0f / 720;
		p = p * r + 1.0f / 120;
		p = p * r + 1.0f / 24;
		p = p * r + 1.0f / 6;
		p = p * r + 0.5f;
		p = p * r + 1.0f;
		p = p * r + 1.0f;
		float power = sl_float_from_bits((sl_float_bits(shifted) + 127) << 23);
		x[i] = v < -86.0f ? 0 : p * power;
	}
}

SL_KERNEL void sl_vector_add(size_t n, const float *restrict x, float *restrict y)
{
	for (size_t i = 0; i < n; i++)
		y[i] += x[i];
}

SL_KERNEL bool sl_vector_ascending(size_t n, const uint32_t *column, uint32_t limit)
{
	uint32_t bad = n > 0 && column[n - 1] >= limit; /* if they ascend, the last one is the largest */
	for (size_t i = 1; i < n; i++)
		bad |= column[i] <= column[i - 1];
	return !bad;
}

SL_KERNEL uint16_t sl_vector_label_max(size_t n, const uint16_t *label)
{
	uint16_t most = 0;
	for (size_t i = 0; i < n; i++)
		most = label[i] > most ? label[i] : most;
	return most;
}
