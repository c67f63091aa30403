#include "compress/stage.h"

static uint32_t all_count_max(const void *options, uint32_t dimension)
{
	(void)options;
	return dimension;
}

/* Every coordinate, zeros included: a test would cost more time than the zero symbols, which the pipeline drops. */
static uint32_t all_select(const void *options, const struct sl_message_context *m, const float *v,
                           uint32_t *index, void *scratch)
{
	(void)options, (void)v, (void)scratch;
	uint32_t dimension = m->layout->dimension;
	for (uint32_t i = 0; i < dimension; i++)
		index[i] = i;
	return dimension;
}

static struct sl_guarantee all_guarantee(const void *options, uint32_t dimension)
{
	(void)options, (void)dimension;
	return sl_guarantee_identity();
}

const struct sl_select sl_select_all = {
	.name = "all",
	.doc = "every coordinate",
	.formula = "C(v) = v",
	.examples = "all",
	.count_max = all_count_max,
	.select = all_select,
	.guarantee = all_guarantee,
};
