/* dither — unbiased random rounding to multiples of a power of two 2^e, the smallest with max|v| ≤ s·2^e over the
 * vector, each tensor or each block. Values are level·2^e exactly, so both ends add the same floats on any
 * hardware. */
#include "compress/groups.h"
#include "compress/rounding.h"

#include "linalg/vector.h"

#include <math.h>

struct dither {
	uint32_t s, contractive, per, block;
	uint32_t groups, widest; /* of the layout */
};

#define AT(field) offsetof(struct dither, field)
static const struct sl_option dither_options[] = {
	{ "s", "levels on either side of zero", SL_OPTION_U32, AT(s), 1, 32767, NULL, NULL, true },
	SL_SCALE_OPTION(AT(contractive)),
	{ "per", "what shares one step", SL_OPTION_CHOICE, AT(per), 0, 0, "vector", SL_PER_CHOICES, true },
	{ "block", "coordinates per block", SL_OPTION_U32, AT(block), 1, 1 << 28, "512", NULL, true },
	{ 0 },
};

static enum sl_status dither_prepare(void *options, const struct sl_layout *layout, struct sl_error *error)
{
	(void)error;
	struct dither *o = options;
	o->groups = sl_groups(o->per, o->block, layout);
	o->widest = sl_group_most(o->per, o->block, layout, layout->dimension);
	return SL_OK;
}

static uint32_t dither_symbol_max(const void *options)
{
	const struct dither *o = options;
	return o->s;
}

static size_t dither_side(const void *options)
{
	const struct dither *o = options;
	/* e of each group, little-endian two's complement */
	return 2 * (size_t)o->groups + (o->contractive ? SL_FACTOR_BYTES : 0);
}

/* The largest level whose value is a finite float: s, except near FLT_MAX. */
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
	struct sl_random stream = sl_dither_stream(values->message);
	uint32_t widest = 0;
	memset(side, 0, dither_side(options));
	for (struct sl_scale_group r = { 0 }; sl_next_scale_group(o->per, o->block, values, &r);) {
		struct sl_values part = { values->message, values->index + r.begin, r.end - r.begin };
		const float *v = value + r.begin;
		double most = (double)sl_vector_largest(part.count, v);
		int e = most > 0 ? sl_step_exponent(most, o->s) : 0;
		widest = part.count > widest ? part.count : widest;
		sl_store_u16(side + 2 * (size_t)r.group, (uint16_t)e);
		sl_rounding_random(&part, stream, sl_power_of_two(-e), level_limit(e, o->s), v,
		                   symbol + r.begin);
	}
	if (o->contractive)
		sl_factor_put(side + 2 * (size_t)o->groups, dither_omega(o, widest));
}

static bool dither_decode(const void *options, const struct sl_values *values, const int32_t *symbol,
                          const uint8_t *side, float *value)
{
	const struct dither *o = options;
	double factor = 1;
	bool bad = o->contractive && !sl_factor_get(side + 2 * (size_t)o->groups, &factor);
	for (uint32_t g = 0; g < o->groups; g++) {
		int e = (int16_t)sl_load_u16(side + 2 * (size_t)g);
		bad = bad || e < SL_EXPONENT_MIN || e > SL_EXPONENT_MAX;
	}
	if (bad)
		return false;
	for (struct sl_scale_group r = { 0 }; sl_next_scale_group(o->per, o->block, values, &r);) {
		double step = sl_power_of_two((int16_t)sl_load_u16(side + 2 * (size_t)r.group)) * factor;
		for (uint32_t i = r.begin; i < r.end; i++)
			value[i] = (float)(symbol[i] * step);
	}
	return true;
}

static struct sl_guarantee dither_guarantee(const void *options, uint32_t most)
{
	const struct dither *o = options;
	return sl_guarantee_scaled(dither_omega(o, most < o->widest ? most : o->widest), o->contractive);
}

const struct sl_quantise sl_quantise_dither = {
	.name = "dither",
	.doc = "unbiased random rounding to s multiples of a power of two",
	.formula = "2^e·sign(v_i)·⌊|v_i|/2^e + u⌋, e the least with max|v| ≤ s·2^e",
	.examples = "dither:1 dither:7 dither:256 dither:3,per=tensor dither:2,contractive,block,16",
	.bytes = "2 per step, 4 more if contractive",
	.options = dither_options,
	.prepare = dither_prepare,
	.symbol_max = dither_symbol_max,
	.side = dither_side,
	.encode = dither_encode,
	.decode = dither_decode,
	.guarantee = dither_guarantee,
};
