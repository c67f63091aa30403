/* dither — unbiased random rounding to multiples of a power of two 2^e, the smallest with max|v| ≤ s·2^e.
 * Values are level·2^e exactly: both ends add the same floats whatever their arithmetic. */
#include "compress/rounding.h"

#include "linalg/vector.h"

#include <math.h>

struct dither {
	uint32_t s, contractive;
};

static const struct sl_option dither_options[] = {
	{ "s", "levels on either side of zero", SL_OPTION_U32, offsetof(struct dither, s), 1, 32767, NULL,
	  NULL, true },
	SL_SCALE_OPTION(offsetof(struct dither, contractive)),
	{ 0 },
};

static uint32_t dither_largest(const void *options)
{
	const struct dither *o = options;
	return o->s;
}

static size_t dither_side(const void *options)
{
	const struct dither *o = options;
	return 2 + (o->contractive ? SL_FACTOR_BYTES : 0); /* e, little-endian two's complement */
}

/* The largest level whose value is a finite float: s, except next to the largest floats of all. */
static int32_t level_limit(int e, uint32_t s)
{
	double limit = (double)0x1.fffffep127f / sl_power_of_two(e);
	return limit < s ? (int32_t)limit : (int32_t)s;
}

/* With step D < 2 max|v|/s, the variance of a coordinate is at most D²/4 and at most |v_i|·D. */
static double dither_omega(const struct dither *o, double d)
{
	double s = o->s, by_square = d / (s * s), by_root = 2 * sqrt(d) / s;
	return by_square < by_root ? by_square : by_root;
}

static void dither_encode(const void *options, const struct sl_values *values, const float *value,
                          int32_t *symbol, uint8_t *side)
{
	const struct dither *o = options;
	double most = (double)sl_vector_largest(values->count, value);
	int e = most > 0 ? sl_step_exponent(most, o->s) : 0;
	sl_store_u16(side, (uint16_t)e);
	if (o->contractive)
		sl_factor_put(side + 2, dither_omega(o, values->count));
	sl_round_randomly(values, sl_dither_stream(values->message), sl_power_of_two(-e),
	                  level_limit(e, o->s), value, symbol);
}

static bool dither_decode(const void *options, const struct sl_values *values, const int32_t *symbol,
                          const uint8_t *side, float *value)
{
	const struct dither *o = options;
	int e = (int16_t)sl_load_u16(side);
	double factor = 1;
	if (e < SL_EXPONENT_MIN || e > SL_EXPONENT_MAX ||
	    (o->contractive && !sl_factor_get(side + 2, &factor)))
		return false;
	double step = sl_power_of_two(e) * factor;
	for (uint32_t i = 0; i < values->count; i++)
		value[i] = (float)(symbol[i] * step);
	return true;
}

static struct sl_promise dither_promise(const void *options, uint32_t most)
{
	const struct dither *o = options;
	return sl_promise_scaled(dither_omega(o, most), o->contractive);
}

const struct sl_quantise sl_quantise_dither = {
	.name = "dither",
	.doc = "unbiased random rounding to s multiples of a power of two",
	.formula = "2^e·sign(v_i)·⌊|v_i|/2^e + u⌋, e the least with max|v| ≤ s·2^e",
	.examples = "dither:1 dither:7 dither:256 dither:2,contractive",
	.bytes = "2 a message, 6 where contractive",
	.options = dither_options,
	.largest = dither_largest,
	.side = dither_side,
	.encode = dither_encode,
	.decode = dither_decode,
	.promise = dither_promise,
};
