#include "compress/rounding.h"

#include "linalg/variants.h"

struct sl_random sl_dither_stream(const struct sl_message *m)
{
	return sl_random_stream(m->seed, m->peer, "dither", (uint64_t)m->channel << 32 | m->number);
}

/* u < fraction is exact, where adding u to a|v| would round; truncation and a comparison vectorise
 * everywhere. */
SL_VARIANTS void sl_round_randomly(const struct sl_values *values, struct sl_random stream,
                                   double levels_per_unit, int32_t limit, const float *restrict value,
                                   int32_t *restrict symbol)
{
	const uint32_t *index = values->index;
	uint32_t count = values->count; /* in a local: the stores below might be to it */
	for (uint32_t i = 0; i < count; i++) {
		double level = fabs((double)value[i]) * levels_per_unit;
		int32_t whole = (int32_t)level;
		double u = (double)(int32_t)(sl_random_at(&stream, index[i]) >> 33) * 0x1p-31;
		whole += u < level - whole;
		whole = whole > limit ? limit : whole;
		symbol[i] = value[i] < 0 ? -whole : whole;
	}
}

double sl_power_of_two(int e)
{
	uint64_t bits = (uint64_t)(e + 1023) << 52;
	double v;
	memcpy(&v, &bits, sizeof v);
	return v;
}
