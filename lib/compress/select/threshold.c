/* threshold — the coordinates of at least a fixed magnitude: under error feedback the sparsifier of least
 * total error for a given number of elements over a whole training (Sahu et al., NeurIPS 2021). */
#include "compress/stage.h"

#include <math.h>

struct threshold {
	double least;
};

static const struct sl_option threshold_options[] = {
	{ "least", "smallest magnitude that is kept", SL_OPTION_REAL, offsetof(struct threshold, least), 0,
	  1e30, NULL, NULL, true },
	{ 0 },
};

static uint32_t most(const void *options, uint32_t dimension)
{
	(void)options;
	return dimension;
}

static uint32_t select_large(const void *options, const struct sl_message *m, const float *v, uint32_t *index,
                             void *scratch)
{
	float least = (float)((const struct threshold *)options)->least;
	uint32_t count = 0;
	(void)scratch;
	for (uint32_t k = 0; k < m->layout->dimension; k++) {
		index[count] = k;
		count += fabsf(v[k]) >= least && v[k] != 0;
	}
	return count;
}

static struct sl_promise promise(const void *options, uint32_t dimension)
{
	(void)options, (void)dimension;
	return sl_promise_other(SL_CLASS_ABSOLUTE);
}

const struct sl_select sl_select_threshold = {
	.name = "threshold",
	.doc = "the coordinates of at least a fixed magnitude: messages as large as what there is to say",
	.formula = "keep |v_i| >= least",
	.examples = "threshold:0.5",
	.options = threshold_options,
	.most = most,
	.select = select_large,
	.promise = promise,
};
