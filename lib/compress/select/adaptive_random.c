/* adaptive-random — one coordinate, drawn with a probability in proportion to its magnitude (Beznosikov et
 * al., JMLR 2023, section 3.2, example 5). */
#include "compress/stage.h"

#include <math.h>

static uint32_t count_max(const void *options, uint32_t dimension)
{
	(void)options, (void)dimension;
	return 1;
}

static uint32_t select_one(const void *options, const struct sl_message_context *m, const float *v,
                           uint32_t *index, void *scratch)
{
	uint32_t d = m->layout->dimension, count = 0;
	double sum = 0, reached = 0;
	struct sl_random g =
	    sl_random_stream(m->seed, m->peer, "adaptive", (uint64_t)m->channel << 32 | m->version);
	(void)options, (void)scratch;
	for (uint32_t k = 0; k < d; k++)
		sum += fabs((double)v[k]);
	double at = sl_random_unit_double(&g) * sum;
	for (uint32_t k = 0; k < d && (count == 0 || reached <= at); k++) {
		reached += fabs((double)v[k]);
		if (v[k] != 0) {
			*index = k;
			count = 1;
		}
	}
	return count;
}

/* The error is |v|² − Σ|v_i|³/|v|₁, and Σ|v_i|³ ≥ |v|²·|v|₁/d (Chebyshev). */
static struct sl_guarantee guarantee(const void *options, uint32_t dimension)
{
	(void)options;
	return sl_guarantee_contractive(1.0 / dimension);
}

const struct sl_select sl_select_adaptive_random = {
	.name = "adaptive-random",
	.doc = "one random coordinate, with probability proportional to its magnitude",
	.formula = "keep v_i with probability |v_i|/Σ|v|",
	.examples = "adaptive-random",
	.count_max = count_max,
	.select = select_one,
	.guarantee = guarantee,
};
