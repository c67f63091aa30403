#include "compress/rounding.h"

#include "linalg/variants.h"

struct sl_random sl_dither_stream(const struct sl_message_context *m)
{
	return sl_random_stream(m->seed, m->peer, "dither", (uint64_t)m->channel << 32 | m->version);
}

/* u < fraction is exact, whereas adding u to a|v| would round. Truncation and comparison vectorise on every
 * architecture. */
SL_VARIANTS void sl_rounding_random(const struct sl_values *values, struct sl_random stream,
                                    double levels_per_unit, int32_t limit, const float *restrict value,
                                    int32_t *restrict symbol)
{
	const uint32_t *index = values->index;
	uint32_t count =
	    values
	        ->count; /* a local variable: the compiler must assume that the stores below alias the field */
	for (uint32_t i = 0; i < count; i++) {
		double level = fabs((double)value[i]) * levels_per_unit;
		int32_t whole = (int32_t)level;
		double u = (double)(int32_t)(sl_random_at(&stream, index[i]) >> 33) * 0x1p-31;
		whole += u < level - whole;
		whole = whole > limit ? limit : whole;
		symbol[i] = value[i] < 0 ? -whole : whole;
	}
}

int sl_step_exponent(double most, double s)
{
	int e;
	frexp(most / s, &e); /* most/s in [2^(e-1), 2^e) */
	e -= 1;
	while (s * sl_power_of_two(e) < most)
		e++;
	return e < SL_EXPONENT_MIN ? SL_EXPONENT_MIN : e > SL_EXPONENT_MAX ? SL_EXPONENT_MAX : e;
}

void sl_rounding_to_powers(const struct sl_values *values, const struct sl_random *stream, int top,
                           uint32_t levels, const float *value, int32_t *symbol)
{
	int last = top + 1 - (int)levels;
	double least = sl_power_of_two(last);
	for (uint32_t i = 0; i < values->count; i++) {
		double magnitude = fabs((double)value[i]);
		uint64_t bits, u = stream ? sl_random_at(stream, values->index[i]) >> 12 : UINT64_C(1) << 51;
		memcpy(&bits, &magnitude, sizeof bits); /* floats are normal doubles */
		/* u/2^52 against the way to the next power, in units of the way from the last one */
		int e = (int)(bits >> 52) - 1023 + (u < (bits & ((UINT64_C(1) << 52) - 1)));
		int rank = top + 1 - e < 1 ? 1 : top + 1 - e;
		if (magnitude < least)
			rank = (double)u * 0x1p-52 < magnitude / least ? (int)levels : 0;
		symbol[i] = value[i] < 0 ? -rank : rank;
	}
}

void sl_values_of_powers(uint32_t count, const int32_t *symbol, int top, double factor, float *value)
{
	for (uint32_t i = 0; i < count; i++) {
		int rank = symbol[i] < 0 ? -symbol[i] : symbol[i];
		double magnitude = factor * sl_power_of_two(top + 1 - rank);
		value[i] = (float)(symbol[i] < 0 ? -magnitude : magnitude);
	}
}

double sl_power_of_two(int e)
{
	uint64_t bits = (uint64_t)(e + 1023) << 52;
	double v;
	memcpy(&v, &bits, sizeof v);
	return v;
}

void sl_factor_put(uint8_t *side, double omega)
{
	sl_store_u32(side, sl_float_bits((float)(1 / (1 + omega))));
}

bool sl_factor_get(const uint8_t *side, double *factor)
{
	uint32_t bits = sl_load_u32(side);
	*factor = (double)sl_float_from_bits(bits);
	return bits > 0 && bits <= sl_float_bits(1);
}
