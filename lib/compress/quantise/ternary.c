/* ternary — unbiased random rounding of each value to zero or to the largest magnitude with its sign (TernGrad, Wen
 * et al., NeurIPS 2017, eq. 3); one magnitude per tensor or for the whole vector. */
#include "compress/rounding.h"
#include "compress/scales.h"

#include "linalg/vector.h"

#include <math.h>

struct ternary {
	struct sl_scales scales; /* first: its functions take these options */
	uint32_t contractive;
};

static const struct sl_option ternary_options[] = {
	SL_SCALES_OPTION(offsetof(struct ternary, scales.whole)),
	SL_SCALE_OPTION(offsetof(struct ternary, contractive)),
	{ 0 },
};

/* The variance is max|v|·|v|₁ − |v|², and max|v|·|v|₁ ≤ |v|²·(1 + √d)/2: there is equality where all but one
 * are 1/(1 + √d) of the largest. */
static double omega_of(double d)
{
	return d > 1 ? (sqrt(d) - 1) / 2 : 0;
}

static void encode(const void *options, const struct sl_values *values, const float *value, int32_t *symbol,
                   uint8_t *side)
{
	const struct ternary *ternary = options;
	const struct sl_scales *o = &ternary->scales;
	struct sl_random stream = sl_dither_stream(values->message);
	for (uint32_t t = 0, from = 0, end; t < o->tensors; t++, from = end) {
		end = sl_scales_end(o, values, t, from);
		float most = sl_vector_largest(end - from, value + from);
		float sent = ternary->contractive ? (float)((double)most / (1 + omega_of(end - from))) : most;
		sl_store_u32(side + 4 * (size_t)t, sl_float_bits(sent));
		for (uint32_t i = from; i < end; i++) {
			double u = (double)(sl_random_at(&stream, values->index[i]) >> 12) * 0x1p-52;
			int32_t taken = u * (double)most < fabs((double)value[i]);
			symbol[i] = value[i] < 0 ? -taken : taken;
		}
	}
}

static struct sl_guarantee guarantee(const void *options, uint32_t most)
{
	const struct ternary *o = options;
	return sl_guarantee_scaled(omega_of(most < o->scales.widest ? most : o->scales.widest),
	                           o->contractive);
}

const struct sl_quantise sl_quantise_ternary = {
	.name = "ternary",
	.doc = "the largest magnitude or zero at random, unbiased",
	.formula = "max|v|·sign(v_i) with probability |v_i|/max|v|, else 0",
	.examples = "ternary ternary:whole ternary:whole,contractive",
	.bytes = "4 per tensor",
	.options = ternary_options,
	.prepare = sl_scales_prepare,
	.symbol_max = sl_scales_symbol_max,
	.side = sl_scales_side,
	.encode = encode,
	.decode = sl_scales_decode,
	.guarantee = guarantee,
};
