/* subtractive — dithered rounding to multiples of a power of two; the receiver subtracts the dither again (Roberts
 * 1962; Schuchman 1964), which it draws from the message's address. The remaining error is uniform noise of
 * variance step²/12 for any value, a third of the maximum of dither. Zeros are dithered too, so every selected
 * coordinate is sent. */
#include "compress/rounding.h"

#include "linalg/vector.h"

#include <float.h>
#include <math.h>

struct subtractive {
	uint32_t s, contractive;
};

static const struct sl_option subtractive_options[] = {
	{ "s", "levels on either side of zero", SL_OPTION_U32, offsetof(struct subtractive, s), 1, 32766,
	  NULL, NULL, true },
	SL_SCALE_OPTION(offsetof(struct subtractive, contractive)),
	{ 0 },
};

static uint32_t symbol_max(const void *options)
{
	const struct subtractive *o = options;
	return o->s + 1;
}

static size_t side_length(const void *options)
{
	const struct subtractive *o = options;
	return 2 + (o->contractive ? SL_FACTOR_BYTES
	                           : 0); /* exponent of the step, little-endian two's complement */
}

/* Uniform in [0, 1), with so few bits that the arithmetic below is exact. */
static double dither_at(const struct sl_random *stream, uint32_t coordinate)
{
	return (double)(int32_t)(sl_random_at(stream, coordinate) >> 33) * 0x1p-31;
}

/* step < 2 max|v|/s */
static double omega_of(const struct subtractive *o, double d)
{
	return d / (3.0 * o->s * o->s);
}

/* Levels 0, 1 … are the symbols 1, 2 …, because a symbol 0 would not be sent. */
static void encode(const void *options, const struct sl_values *values, const float *value, int32_t *symbol,
                   uint8_t *side)
{
	const struct subtractive *o = options;
	double most = (double)sl_vector_largest(values->count, value);
	int e = most > 0 ? sl_step_exponent(most, o->s) : 0;
	double per_unit = sl_power_of_two(-e), limit = floor((double)FLT_MAX * per_unit) - 1;
	struct sl_random stream = sl_dither_stream(values->message);
	sl_store_u16(side, (uint16_t)e);
	if (o->contractive)
		sl_factor_put(side + 2, omega_of(o, values->count));
	limit = limit < o->s ? limit : o->s; /* half a level more stays finite */
	for (uint32_t i = 0; i < values->count; i++) {
		double level = floor((double)value[i] * per_unit + dither_at(&stream, values->index[i]));
		int32_t whole = (int32_t)fmax(-limit, fmin(limit, level));
		symbol[i] = most > 0 ? whole + (whole >= 0) : 0;
	}
}

static bool decode(const void *options, const struct sl_values *values, const int32_t *symbol,
                   const uint8_t *side, float *value)
{
	const struct subtractive *o = options;
	int e = (int16_t)sl_load_u16(side);
	double factor = 1;
	if (e < SL_EXPONENT_MIN || e > SL_EXPONENT_MAX ||
	    (o->contractive && !sl_factor_get(side + 2, &factor)))
		return false;
	double step = sl_power_of_two(e) * factor;
	struct sl_random stream = sl_dither_stream(values->message);
	for (uint32_t i = 0; i < values->count; i++) {
		double level = symbol[i] - (symbol[i] > 0);
		value[i] = (float)((level + 0.5 - dither_at(&stream, values->index[i])) * step);
	}
	return true;
}

static struct sl_guarantee guarantee(const void *options, uint32_t most)
{
	const struct subtractive *o = options;
	return sl_guarantee_scaled(omega_of(o, most), o->contractive);
}

const struct sl_quantise sl_quantise_subtractive = {
	.name = "subtractive",
	.doc = "dithered rounding; the receiver subtracts the dither: unbiased uniform noise",
	.formula = "2^e·(⌊v_i/2^e + u⌋ + 1/2 − u), e the least with max|v| ≤ s·2^e",
	.examples = "subtractive:1 subtractive:16 subtractive:2,contractive",
	.bytes = "2 per message, 6 if contractive; zeros are sent too",
	.options = subtractive_options,
	.symbol_max = symbol_max,
	.side = side_length,
	.encode = encode,
	.decode = decode,
	.guarantee = guarantee,
};
