/* sign — the signs, times the mean magnitude of the nonzero values: the least-squares fit by a vector of signs
 * (Bernstein et al. 2018; Karimireddy et al., ICML 2019). */
#include "compress/scales.h"

#include <math.h>

static double mean_magnitude(const float *value, uint32_t from, uint32_t end)
{
	double sum = 0;
	uint32_t count = 0;
	for (uint32_t i = from; i < end; i++) {
		sum += fabs((double)value[i]);
		count += value[i] != 0;
	}
	return count ? sum / count : 0;
}

static void encode(const void *options, const struct sl_values *values, const float *value, int32_t *symbol,
                   uint8_t *side)
{
	const struct sl_scales *o = options;
	for (uint32_t t = 0, from = 0, end; t < o->tensors; t++, from = end) {
		end = sl_scales_end(o, values, t, from);
		sl_store_u32(side + 4 * (size_t)t, sl_float_bits((float)mean_magnitude(value, from, end)));
	}
	for (uint32_t i = 0; i < values->count; i++)
		symbol[i] = (value[i] > 0) - (value[i] < 0);
}

/* |C(v) − v|² = |v|² − |v|₁²/n over the n that are not zero, and |v|₁ ≥ |v|. */
static struct sl_guarantee guarantee(const void *options, uint32_t most)
{
	const struct sl_scales *o = options;
	return sl_guarantee_contractive(1.0 / (most < o->widest ? most : o->widest));
}

const struct sl_quantise sl_quantise_sign = {
	.name = "sign",
	.doc = "signs, times the mean magnitude of each tensor or of the whole vector",
	.formula = "sign(v_i)·mean|v|",
	.examples = "sign sign:whole",
	.bytes = "4 per tensor, 1 bit per coordinate before coding",
	.options = sl_scales_options,
	.prepare = sl_scales_prepare,
	.symbol_max = sl_scales_symbol_max,
	.side = sl_scales_side,
	.encode = encode,
	.decode = sl_scales_decode,
	.guarantee = guarantee,
};
