/* rounding — to the s powers of two below the largest value, or to zero: the nearest, which is biased and
 * contracts, or one of the two neighbours at random, which is unbiased (Beznosikov et al., JMLR 2023, section
 * 3.2: exponential rounding, base 2). */
#include "compress/rounding.h"

#include "linalg/vector.h"

#include <math.h>

struct rounding {
	uint32_t s, random, contractive;
};

#define AT(field) offsetof(struct rounding, field)
static const struct sl_option rounding_options[] = {
	{ "s", "powers of two on either side of zero", SL_OPTION_U32, AT(s), 1, 255, NULL, NULL, true },
	{ "to", "nearest: biased, contractive; either: at random, unbiased", SL_OPTION_CHOICE, AT(random), 0,
	  0, "nearest", "nearest|either", true },
	SL_SCALE_OPTION(AT(contractive)),
	{ 0 },
};

static enum sl_status prepare(void *options, const struct sl_layout *layout, struct sl_error *error)
{
	const struct rounding *o = options;
	(void)layout;
	if (o->contractive && !o->random)
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "rounding: to = nearest is already contractive; scale = contractive applies only to to = either");
	return SL_OK;
}

static uint32_t symbol_max(const void *options)
{
	const struct rounding *o = options;
	return o->s;
}

static size_t side_length(const void *options)
{
	const struct rounding *o = options;
	return 2 + (o->contractive ? SL_FACTOR_BYTES
	                           : 0); /* exponent of the largest power, little-endian two's complement */
}

/* With L the least power: values above it are off by at most a third of themselves (nearest), or have a
 * variance of at most v²/8; those below by at most L/2 and at most themselves, or a variance of at most L²/4
 * and at most |v|·L. L = 2^(top+1−s) with 2^top at most 4/3 (nearest) or 2 (either) times max|v|. */
static double omega_of(const struct rounding *o, double d)
{
	double unit = ldexp(1, 1 - (int)o->s), below = (d - 1) * unit * unit;
	/* s = 1: the largest value itself may lie below */
	return 0.125 + fmin(o->s > 1 ? below : d, 2 * sqrt(d) * unit);
}

static void encode(const void *options, const struct sl_values *values, const float *value, int32_t *symbol,
                   uint8_t *side)
{
	const struct rounding *o = options;
	double most = (double)sl_vector_largest(values->count, value);
	/* to the nearest: the least power that is at least two thirds of it */
	int top = most > 0 ? sl_step_exponent(o->random ? most : most * (2 / 3.0), 1) : 0;
	struct sl_random stream = sl_dither_stream(values->message);
	sl_store_u16(side, (uint16_t)top);
	if (o->contractive)
		sl_factor_put(side + 2, omega_of(o, values->count));
	sl_rounding_to_powers(values, o->random ? &stream : NULL, top, o->s, value, symbol);
}

static bool decode(const void *options, const struct sl_values *values, const int32_t *symbol,
                   const uint8_t *side, float *value)
{
	const struct rounding *o = options;
	int top = (int16_t)sl_load_u16(side);
	double factor = 1;
	if (top < SL_EXPONENT_MIN || top > SL_EXPONENT_MAX ||
	    (o->contractive && !sl_factor_get(side + 2, &factor)))
		return false;
	sl_values_of_powers(values->count, symbol, top, factor, value);
	return true;
}

static struct sl_guarantee guarantee(const void *options, uint32_t most)
{
	const struct rounding *o = options;
	double d = most, unit = ldexp(1, 1 - (int)o->s), below = (d - 1) * unit * unit;
	if (o->random)
		return sl_guarantee_scaled(omega_of(o, d), o->contractive);
	return sl_guarantee_contractive(fmax(8 / 9.0 - below * 4 / 9, 8 / 9.0 / d));
}

const struct sl_quantise sl_quantise_rounding = {
	.name = "rounding",
	.doc = "the nearest of s powers of two and zero, or either neighbour at random",
	.formula = "sign(v_i)·2^e, e the nearest of top, top−1 … top−s+1, or 0",
	.examples = "rounding:1 rounding:6 rounding:5,either rounding:3,either,contractive",
	.bytes = "2 per message, 6 if scaled",
	.options = rounding_options,
	.prepare = prepare,
	.symbol_max = symbol_max,
	.side = side_length,
	.encode = encode,
	.decode = decode,
	.guarantee = guarantee,
};
