/* R = 0: no penalty. */
#include "learn/model.h"

#include "linalg/vector.h"

static void apply(const struct sl_parallel *parallel, const struct sl_layout *layout, float t, float *x)
{
	(void)parallel, (void)layout, (void)t, (void)x;
}

static double value(const struct sl_parallel *parallel, const struct sl_layout *layout, const float *x)
{
	(void)parallel, (void)layout, (void)x;
	return 0;
}

static void part(const struct sl_layout *layout, float t, uint32_t from, uint32_t to, float *x,
                 struct sl_prox_sum *sum)
{
	(void)layout, (void)t;
	sum->nonzero += sl_vector_nonzero(to - from, x + from);
}

const struct sl_prox sl_prox_none = {
	.name = "none",
	.doc = "no penalty",
	.apply = apply,
	.value = value,
	.part = part,
};
