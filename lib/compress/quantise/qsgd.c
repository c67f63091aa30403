/* qsgd — the quantiser of QSGD (Alistarh et al., NeurIPS 2017, eq. 4): random dithering against a norm. With
 * the Euclidean norm and scale = contractive it is what CHOCO-SGD uses (Koloskova et al., ICML 2019,
 * section 3.5): divided by tau = 1 + min(d/s², √d/s), contractive with delta = 1/tau, d the number of
 * coordinates quantised. With the largest magnitude per block of 512 and scale = one it is LEAD's (Liu
 * et al., ICLR 2021). */
#include "compress/groups.h"
#include "compress/rounding.h"

#include "linalg/vector.h"

#include <float.h>
#include <math.h>

enum { L2, MAX };

struct qsgd {
	uint32_t s, norm, per, block, contractive;
	uint32_t groups, widest; /* of the layout */
};

#define AT(field) offsetof(struct qsgd, field)
static const struct sl_option qsgd_options[] = {
	{ "s", "levels on either side of zero", SL_OPTION_U32, AT(s), 1, 32767, NULL, NULL, true },
	{ "norm", "norm that the levels divide", SL_OPTION_CHOICE, AT(norm), 0, 0, "l2", "l2|max", true },
	{ "per", "what shares one norm", SL_OPTION_CHOICE, AT(per), 0, 0, "vector", SL_PER_CHOICES, true },
	{ "scale", "one: unbiased; contractive: divided by tau = 1 + omega", SL_OPTION_CHOICE,
	  AT(contractive), 0, 0, "contractive", "one|contractive", true },
	{ "block", "coordinates per block", SL_OPTION_U32, AT(block), 1, 1 << 28, "512", NULL, true },
	{ 0 },
};

static enum sl_status qsgd_prepare(void *options, const struct sl_layout *layout, struct sl_error *error)
{
	(void)error;
	struct qsgd *o = options;
	o->groups = sl_groups(o->per, o->block, layout);
	o->widest = sl_group_most(o->per, o->block, layout, layout->dimension);
	return SL_OK;
}

static uint32_t qsgd_symbol_max(const void *options)
{
	const struct qsgd *o = options;
	return o->s;
}

static size_t qsgd_side(const void *options)
{
	const struct qsgd *o = options;
	return 4 * (size_t)o->groups;
}

/* The variance is at most omega |v|²: with step D = norm/s, a coordinate's is at most D²/4 and at most
 * |v_i|·D. */
static double qsgd_omega(const struct qsgd *o, double d)
{
	double s = o->s, by_square = (o->norm == MAX ? 0.25 : 1) * d / (s * s), by_root = sqrt(d) / s;
	return by_square < by_root ? by_square : by_root;
}

static double tau_of(const struct qsgd *o, uint32_t count)
{
	return o->contractive ? 1 + qsgd_omega(o, count) : 1;
}

static void qsgd_encode(const void *options, const struct sl_values *values, const float *value,
                        int32_t *symbol, uint8_t *side)
{
	const struct qsgd *o = options;
	struct sl_random stream = sl_dither_stream(values->message);
	memset(side, 0, qsgd_side(options));
	for (struct sl_scale_group r = { 0 }; sl_next_scale_group(o->per, o->block, values, &r);) {
		struct sl_values part = { values->message, values->index + r.begin, r.end - r.begin };
		const float *v = value + r.begin;
		double tau = tau_of(o, part.count);
		double norm = o->norm == MAX ? (double)sl_vector_largest(part.count, v)
		                             : sqrt(sl_vector_square(part.count, v));
		norm = fmin(norm, (double)FLT_MAX * tau); /* no level exceeds s, all the same */
		sl_store_u32(side + 4 * (size_t)r.group, sl_float_bits((float)(norm / tau)));
		sl_rounding_random(&part, stream, norm > 0 ? o->s / norm : 0, (int32_t)o->s, v,
		                   symbol + r.begin);
	}
}

static bool qsgd_decode(const void *options, const struct sl_values *values, const int32_t *symbol,
                        const uint8_t *side, float *value)
{
	const struct qsgd *o = options;
	uint32_t bad = 0;
	for (uint32_t g = 0; g < o->groups; g++) /* negative, infinite or NaN */
		bad |= sl_load_u32(side + 4 * (size_t)g) >= UINT32_C(0x7f800000);
	if (bad)
		return false;
	for (struct sl_scale_group r = { 0 }; sl_next_scale_group(o->per, o->block, values, &r);) {
		double unit = (double)sl_float_from_bits(sl_load_u32(side + 4 * (size_t)r.group)) / o->s;
		for (uint32_t i = r.begin; i < r.end; i++)
			value[i] = (float)(symbol[i] * unit);
	}
	return true;
}

static struct sl_guarantee qsgd_guarantee(const void *options, uint32_t most)
{
	const struct qsgd *o = options;
	double omega = qsgd_omega(o, most < o->widest ? most : o->widest);
	return sl_guarantee_scaled(omega, o->contractive);
}

const struct sl_quantise sl_quantise_qsgd = {
	.name = "qsgd",
	.doc = "random rounding to s levels of a norm, scaled to be contractive by default",
	.formula = "|v|·sign(v_i)·⌊s|v_i|/|v| + u⌋ / (s·tau), tau = 1 + min(d/s², √d/s)",
	.bytes = "4 per norm",
	.examples = "qsgd:1 qsgd:16 qsgd:1000,per=tensor qsgd:2,max,block,one,16",
	.options = qsgd_options,
	.prepare = qsgd_prepare,
	.symbol_max = qsgd_symbol_max,
	.side = qsgd_side,
	.encode = qsgd_encode,
	.decode = qsgd_decode,
	.guarantee = qsgd_guarantee,
};
