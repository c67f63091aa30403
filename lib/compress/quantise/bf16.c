/* bf16 — the upper half of each float, rounded to the nearest (ties to even) or at random, after division by a common
 * power of two: so the largest floats do not become infinite, and the smallest not zero. */
#include "compress/rounding.h"

#include "linalg/vector.h"

#include <math.h>

enum { LARGEST = 0x3fff }; /* of a magnitude below 2 */

struct bf16 {
	uint32_t random;
};

static const struct sl_option bf16_options[] = {
	{ "to", "nearest: contractive; either: at random, unbiased", SL_OPTION_CHOICE,
	  offsetof(struct bf16, random), 0, 0, "nearest", "nearest|either", true },
	{ 0 },
};

static uint32_t symbol_max(const void *options)
{
	(void)options;
	return LARGEST;
}

static size_t side_length(const void *options)
{
	(void)options;
	return 2; /* exponent of the factor, little-endian two's complement */
}

static void encode(const void *options, const struct sl_values *values, const float *value, int32_t *symbol,
                   uint8_t *side)
{
	const struct bf16 *o = options;
	double most = (double)sl_vector_largest(values->count, value);
	int e = most > 0 ? sl_step_exponent(most, 1) : 0;
	double factor = sl_power_of_two(-e);
	struct sl_random stream = sl_dither_stream(values->message);
	sl_store_u16(side, (uint16_t)e);
	for (uint32_t i = 0; i < values->count; i++) {
		uint32_t bits = sl_float_bits((float)fabs((double)value[i] * factor));
		bits += o->random ? (uint32_t)(sl_random_at(&stream, values->index[i]) >> 48)
		                  : 0x7fff + (bits >> 16 & 1);
		int32_t half = (int32_t)(bits >> 16 > LARGEST ? LARGEST : bits >> 16);
		symbol[i] = value[i] < 0 ? -half : half;
	}
}

static bool decode(const void *options, const struct sl_values *values, const int32_t *symbol,
                   const uint8_t *side, float *value)
{
	int e = (int16_t)sl_load_u16(side);
	(void)options;
	if (e < SL_EXPONENT_MIN || e > SL_EXPONENT_MAX)
		return false;
	double factor = sl_power_of_two(e);
	for (uint32_t i = 0; i < values->count; i++) {
		uint32_t half = (uint32_t)(symbol[i] < 0 ? -symbol[i] : symbol[i]);
		double magnitude = (double)sl_float_from_bits(half << 16) * factor;
		value[i] = (float)(symbol[i] < 0 ? -magnitude : magnitude);
	}
	return true;
}

/* Eight significant bits: the nearest is off by at most 2^-8 of the value, either neighbour has a variance of
 * at most the square of that. (Below 2^-126 of the largest value there are fewer, which does not count.) */
static struct sl_guarantee guarantee(const void *options, uint32_t most)
{
	const struct bf16 *o = options;
	(void)most;
	return o->random ? sl_guarantee_unbiased(0x1p-16) : sl_guarantee_contractive(1 - 0x1p-16);
}

const struct sl_quantise sl_quantise_bf16 = {
	.name = "bf16",
	.doc = "eight significant bits of each value",
	.formula = "v_i rounded to 8 significant bits",
	.examples = "bf16 bf16:either",
	.bytes = "2 per message, 2 per coordinate before coding",
	.options = bf16_options,
	.symbol_max = symbol_max,
	.side = side_length,
	.encode = encode,
	.decode = decode,
	.guarantee = guarantee,
};
