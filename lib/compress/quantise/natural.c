/* natural — natural compression (Horváth et al. 2019): unbiased random rounding of each value to one of the two
 * adjacent powers of two. Exponents are counted down from the largest that occurs, so sign and exponent fit into
 * nine bits for every vector of floats, denormals included. */
#include "compress/rounding.h"

#include "linalg/vector.h"

#include <math.h>

enum { LEVELS = 255 };

struct natural {
	uint32_t contractive;
};

static const struct sl_option natural_options[] = {
	SL_SCALE_OPTION(offsetof(struct natural, contractive)), /* by 9/8 */
	{ 0 },
};

static uint32_t symbol_max(const void *options)
{
	(void)options;
	return LEVELS;
}

static size_t side_length(const void *options)
{
	(void)options;
	return 2; /* exponent of the largest power, little-endian two's complement */
}

static void encode(const void *options, const struct sl_values *values, const float *value, int32_t *symbol,
                   uint8_t *side)
{
	double most = (double)sl_vector_largest(values->count, value);
	int top = most > 0 ? sl_step_exponent(most, 1) : 0;
	struct sl_random stream = sl_dither_stream(values->message);
	(void)options;
	sl_store_u16(side, (uint16_t)top);
	sl_rounding_to_powers(values, &stream, top, LEVELS, value, symbol);
}

static bool decode(const void *options, const struct sl_values *values, const int32_t *symbol,
                   const uint8_t *side, float *value)
{
	const struct natural *o = options;
	int top = (int16_t)sl_load_u16(side);
	if (top < SL_EXPONENT_MIN || top > SL_EXPONENT_MAX)
		return false;
	sl_values_of_powers(values->count, symbol, top, o->contractive ? 8 / 9.0 : 1, value);
	return true;
}

/* Between the powers a and 2a, (v − a)(2a − v) ≤ v²/8. Values below the window of 255 powers are at least 2^254 times
 * smaller than the largest one, which is negligible against v²/8. */
static struct sl_guarantee guarantee(const void *options, uint32_t most)
{
	const struct natural *o = options;
	(void)most;
	return o->contractive ? sl_guarantee_contractive(8 / 9.0) : sl_guarantee_unbiased(0.125);
}

const struct sl_quantise sl_quantise_natural = {
	.name = "natural",
	.doc = "unbiased random rounding to a power of two",
	.formula = "sign(v_i)·2^⌊log2|v_i|⌋, twice that with probability |v_i|/2^⌊log2|v_i|⌋ − 1",
	.examples = "natural natural:contractive",
	.bytes = "2 per message, 9 bits per coordinate before coding",
	.options = natural_options,
	.symbol_max = symbol_max,
	.side = side_length,
	.encode = encode,
	.decode = decode,
	.guarantee = guarantee,
};
