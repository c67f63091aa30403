/* induced — a biased compressor made unbiased (Horváth & Richtárik, ICLR 2021): C(v) + Q(v − C(v)), with C
 * the nearest of r powers of two (as rounding:r) and Q the dither of the remainder (as dither:s). The variance is
 * that of Q times the relative error of C. One symbol carries both: a·(2s + 1) + b. */
#include "compress/rounding.h"

#include "linalg/vector.h"

#include <float.h>
#include <math.h>

enum { LARGEST = 32767 };

struct induced {
	uint32_t r, s, contractive;
};

#define AT(field) offsetof(struct induced, field)
static const struct sl_option induced_options[] = {
	{ "r", "powers of two on either side of zero, for rounding to the nearest", SL_OPTION_U32, AT(r), 1,
	  255, NULL, NULL, true },
	{ "s", "levels on either side of zero, for the dither of the remainder", SL_OPTION_U32, AT(s), 1,
	  4096, NULL, NULL, true },
	SL_SCALE_OPTION(AT(contractive)),
	{ 0 },
};

static uint32_t symbol_max(const void *options)
{
	const struct induced *o = options;
	return o->r * (2 * o->s + 1) + o->s;
}

static enum sl_status prepare(void *options, const struct sl_layout *layout, struct sl_error *error)
{
	const struct induced *o = options;
	(void)layout;
	if (symbol_max(o) <= LARGEST)
		return SL_OK;
	return sl_fail(error, SL_OUT_OF_RANGE,
	               "induced: r = %u, s = %u: r(2s + 1) + s = %u must be at most %d: use fewer levels",
	               o->r, o->s, symbol_max(o), LARGEST);
}

static size_t side_length(const void *options)
{
	const struct induced *o = options;
	/* exponents of the largest power and of the dither's step, little-endian two's complement */
	return 4 + (o->contractive ? SL_FACTOR_BYTES : 0);
}

static double power_of(int32_t rank, int top)
{
	double magnitude = rank ? sl_power_of_two(top + 1 - (rank < 0 ? -rank : rank)) : 0;
	return rank < 0 ? -magnitude : magnitude;
}

/* dither's omega times one minus rounding's delta. */
static double omega_of(const struct induced *o, double d)
{
	double s = o->s, below = (d - 1) * ldexp(4 / 9.0, 2 - 2 * (int)o->r);
	double delta = fmax(8 / 9.0 - below, 8 / 9.0 / d);
	return (1 - delta) * fmin(d / (s * s), 2 * sqrt(d) / s);
}

static void encode(const void *options, const struct sl_values *values, const float *value, int32_t *symbol,
                   uint8_t *side)
{
	const struct induced *o = options;
	double most = (double)sl_vector_largest(values->count, value), left = 0;
	int top = most > 0 ? sl_step_exponent(most * (2 / 3.0), 1) : 0;
	struct sl_random stream = sl_dither_stream(values->message);
	sl_rounding_to_powers(values, NULL, top, o->r, value, symbol);
	for (uint32_t i = 0; i < values->count; i++)
		left = fmax(left, fabs((double)value[i] - power_of(symbol[i], top)));
	int e = left > 0 ? sl_step_exponent(left, o->s) : 0;
	sl_store_u16(side, (uint16_t)top);
	sl_store_u16(side + 2, (uint16_t)e);
	if (o->contractive)
		sl_factor_put(side + 4, omega_of(o, values->count));
	double per_unit = sl_power_of_two(-e);
	for (uint32_t i = 0; i < values->count; i++) {
		double rest = ((double)value[i] - power_of(symbol[i], top)) * per_unit;
		double u = (double)(sl_random_at(&stream, values->index[i]) >> 33) * 0x1p-31;
		int32_t level = (int32_t)fabs(rest);
		level += u < fabs(rest) - level;
		symbol[i] = symbol[i] * (int32_t)(2 * o->s + 1) + (rest < 0 ? -level : level);
	}
}

static bool decode(const void *options, const struct sl_values *values, const int32_t *symbol,
                   const uint8_t *side, float *value)
{
	const struct induced *o = options;
	int top = (int16_t)sl_load_u16(side), e = (int16_t)sl_load_u16(side + 2);
	double factor = 1;
	if (top < SL_EXPONENT_MIN || top > SL_EXPONENT_MAX || e < SL_EXPONENT_MIN || e > SL_EXPONENT_MAX ||
	    (o->contractive && !sl_factor_get(side + 4, &factor)))
		return false;
	int32_t base = (int32_t)(2 * o->s + 1), half = (int32_t)o->s;
	double step = sl_power_of_two(e), bound = (double)FLT_MAX;
	for (uint32_t i = 0; i < values->count; i++) {
		int32_t rank = (symbol[i] + (symbol[i] < 0 ? -half : half)) / base;
		double sum = factor * (power_of(rank, top) + (symbol[i] - rank * base) * step);
		value[i] = (float)(sum > bound ? bound : sum < -bound ? -bound : sum);
	}
	return true;
}

static struct sl_guarantee guarantee(const void *options, uint32_t most)
{
	const struct induced *o = options;
	return sl_guarantee_scaled(omega_of(o, most), o->contractive);
}

const struct sl_quantise sl_quantise_induced = {
	.name = "induced",
	.doc = "the nearest power of two and the dithered remainder: a biased compressor made unbiased",
	.formula = "C(v) + Q(v − C(v)), C = rounding:r, Q = dither:s",
	.examples = "induced:4,1 induced:8,16 induced:2,1,contractive",
	.bytes = "4 per message, 8 if contractive",
	.options = induced_options,
	.prepare = prepare,
	.symbol_max = symbol_max,
	.side = side_length,
	.encode = encode,
	.decode = decode,
	.guarantee = guarantee,
};
