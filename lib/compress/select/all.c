#include "compress/stage.h"

static uint32_t all_most(const void *options, uint32_t dimension)
{
	(void)options;
	return dimension;
}

/* Every coordinate, zeros included: a test would cost more than the zero symbols do, which the pipeline
 * drops. */
static uint32_t all_select(const void *options, const struct sl_message *m, const float *v, uint32_t *index,
                           void *scratch)
{
	(void)options, (void)v, (void)scratch;
	uint32_t dimension = m->layout->dimension;
	for (uint32_t i = 0; i < dimension; i++)
		index[i] = i;
	return dimension;
}

static struct sl_promise all_promise(const void *options, uint32_t dimension)
{
	(void)options, (void)dimension;
	return sl_promise_identity();
}

const struct sl_select sl_select_all = {
	.name = "all",
	.doc = "every coordinate",
	.formula = "C(v) = v",
	.examples = "all",
	.most = all_most,
	.select = all_select,
	.promise = all_promise,
};
