#include "compress/stage.h"

static void float32_encode(const void *options, const struct sl_values *values, const float *value,
                           int32_t *symbol, uint8_t *side)
{
	(void)options, (void)side;
	for (uint32_t i = 0; i < values->count; i++) {
		uint32_t bits = sl_float_bits(value[i]);
		symbol[i] = (int32_t)(bits == UINT32_C(0x80000000) ? 0 : bits);
	}
}

static bool float32_decode(const void *options, const struct sl_values *values, const int32_t *symbol,
                           const uint8_t *side, float *value)
{
	(void)options, (void)side;
	uint32_t negative_zero = 0;
	for (uint32_t i = 0; i < values->count; i++) {
		negative_zero |= symbol[i] == INT32_MIN;
		value[i] = sl_float_from_bits((uint32_t)symbol[i]);
	}
	return !negative_zero;
}

static struct sl_guarantee float32_guarantee(const void *options, uint32_t most)
{
	(void)options, (void)most;
	return sl_guarantee_identity();
}

const struct sl_quantise sl_quantise_float32 = {
	.name = "float32",
	.doc = "the values as they are",
	.formula = "Q(v) = v",
	.examples = "float32",
	.bytes = "4 per coordinate",
	.encode = float32_encode,
	.decode = float32_decode,
	.guarantee = float32_guarantee,
};
