/* exponential-dithering — unbiased random rounding to the levels 0, b^(1−s) … 1/b, 1 times a norm of the
 * vector (Beznosikov et al., JMLR 2023, section 3.2, example 9; b = 2: natural dithering). */
#include "compress/rounding.h"

#include "linalg/vector.h"

#include <float.h>
#include <math.h>

enum { LEVELS_MAX = 127, NORM_TWO = 0, NORM_MAX = 1, NORM_ONE = 2 };

struct exponential {
	double b;
	uint32_t s, norm, contractive;
};

#define AT(field) offsetof(struct exponential, field)
static const struct sl_option exponential_options[] = {
	{ "b", "ratio of neighbouring levels", SL_OPTION_REAL, AT(b), 1.01, 64, NULL, NULL, true },
	{ "s", "levels on either side of zero", SL_OPTION_U32, AT(s), 1, LEVELS_MAX, NULL, NULL, true },
	{ "norm", "the largest level: Euclidean norm, largest magnitude, or sum of magnitudes",
	  SL_OPTION_CHOICE, AT(norm), 0, 0, "2", "2|max|1", true },
	SL_SCALE_OPTION(AT(contractive)),
	{ 0 },
};

/* level[0] = 0, level[s] = 1. Division rounds alike everywhere. */
static void fill_levels(const struct exponential *o, double level[LEVELS_MAX + 1])
{
	level[0] = 0;
	level[o->s] = 1;
	for (uint32_t j = o->s; j > 1; j--)
		level[j - 1] = level[j] / o->b;
}

static enum sl_status prepare(void *options, const struct sl_layout *layout, struct sl_error *error)
{
	const struct exponential *o = options;
	double level[LEVELS_MAX + 1];
	(void)layout;
	fill_levels(o, level);
	if (level[1] < 1e-60)
		return sl_fail(
		    error, SL_OUT_OF_RANGE,
		    "exponential-dithering: b = %g, s = %u: the least level would be %.2g, which must be at least 1e-60: use fewer levels",
		    o->b, o->s, level[1]);
	return SL_OK;
}

static uint32_t symbol_max(const void *options)
{
	const struct exponential *o = options;
	return o->s;
}

static size_t side_length(const void *options)
{
	(void)options;
	return 4;
}

/* E|Q(v)|² ≤ zeta·|v|²; the same everywhere, as step sizes of both ends follow from it. */
static double zeta(const struct exponential *o, double d)
{
	double level[LEVELS_MAX + 1];
	fill_levels(o, level);
	double root = o->norm == NORM_ONE ? d : sqrt(d), least = root * level[1];
	return (o->b + 1 / o->b + 2) / 4 + least * fmin(1, least);
}

static double norm_of(const struct exponential *o, const struct sl_values *values, const float *value)
{
	double sum = 0;
	if (o->norm == NORM_TWO)
		return sqrt(sl_vector_square(values->count, value));
	if (o->norm == NORM_MAX)
		return (double)sl_vector_largest(values->count, value);
	for (uint32_t i = 0; i < values->count; i++)
		sum += fabs((double)value[i]);
	return sum;
}

static void encode(const void *options, const struct sl_values *values, const float *value, int32_t *symbol,
                   uint8_t *side)
{
	const struct exponential *o = options;
	double level[LEVELS_MAX + 1];
	fill_levels(o, level);
	float sent = (float)fmin(norm_of(o, values, value), (double)FLT_MAX);
	sent = fmaxf(sent, sl_vector_largest(values->count, value)); /* where rounding took it below */
	double norm = (double)sent;
	if (o->contractive)
		sent = (float)(norm / zeta(o, values->count));
	sl_store_u32(side, sl_float_bits(sent));
	struct sl_random stream = sl_dither_stream(values->message);
	for (uint32_t i = 0; i < values->count; i++) {
		double part = norm > 0 ? fabs((double)value[i]) / norm : 0;
		uint32_t above = 1, end = o->s; /* the least level of at least `part` */
		while (above < end) {
			uint32_t middle = (above + end) / 2;
			if (level[middle] < part)
				above = middle + 1;
			else
				end = middle;
		}
		double gap = level[above] - level[above - 1];
		double u = (double)(sl_random_at(&stream, values->index[i]) >> 12) * 0x1p-52;
		int32_t rank = (int32_t)above - !(u * gap < part - level[above - 1]);
		symbol[i] = value[i] < 0 ? -rank : rank;
	}
}

static bool decode(const void *options, const struct sl_values *values, const int32_t *symbol,
                   const uint8_t *side, float *value)
{
	const struct exponential *o = options;
	uint32_t bits = sl_load_u32(side);
	if (bits >= UINT32_C(0x7f800000)) /* negative, infinite or NaN */
		return false;
	double level[LEVELS_MAX + 1], norm = (double)sl_float_from_bits(bits);
	fill_levels(o, level);
	for (uint32_t i = 0; i < values->count; i++)
		value[i] = (float)(symbol[i] < 0 ? -norm * level[-symbol[i]] : norm * level[symbol[i]]);
	return true;
}

static struct sl_guarantee guarantee(const void *options, uint32_t most)
{
	const struct exponential *o = options;
	double z = zeta(o, most);
	return sl_guarantee_scaled(z - 1, o->contractive);
}

const struct sl_quantise sl_quantise_exponential_dithering = {
	.name = "exponential-dithering",
	.doc = "unbiased random rounding to a norm times powers of 1/b",
	.formula = "|v|·sign(v_i)·l, l either neighbour of |v_i|/|v| among 0, b^(1−s) … 1/b, 1",
	.examples =
	    "exponential-dithering:2,8 exponential-dithering:1.5,4,max exponential-dithering:3,3,1,contractive",
	.bytes = "4 per message",
	.options = exponential_options,
	.prepare = prepare,
	.symbol_max = symbol_max,
	.side = side_length,
	.encode = encode,
	.decode = decode,
	.guarantee = guarantee,
};
