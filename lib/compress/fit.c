/* fit.c — a pipeline that keeps within a number of bytes: it sends only as many of the selected coordinates as fit, the
 * largest. The frame itself says which, so a receiver needs to know nothing of this. */
#include "compress/fit.h"

#include "compress/largest.h"

#include <inttypes.h>
#include <string.h>

static size_t bound_of(const struct sl_pipeline *p, uint32_t count)
{
	uint32_t symbol_max = p->quantise->symbol_max ? p->quantise->symbol_max(p->quantise_options) : 0;
	size_t side = p->quantise->side ? p->quantise->side(p->quantise_options) : 0;
	return side + p->code->bound(p->code_options, p->dimension, count, symbol_max);
}

enum sl_status sl_pipeline_fit(struct sl_pipeline *p, uint64_t bytes, uint64_t floor, struct sl_error *error)
{
	struct sl_guarantee select = p->select->guarantee(p->select_options, p->dimension);
	uint32_t most = p->select->count_max(p->select_options, p->dimension), low = 0, high = most;
	if (p->select->shared_support ||
	    (select.kind != SL_CLASS_CONTRACTIVE && select.kind != SL_CLASS_IDENTITY))
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "%s does not choose coordinates by size, and sending fewer of them would be biased: "
		    "use topk, or set no budget",
		    p->select->name);
	while (low < high) { /* `low` fits */
		uint32_t middle = low + (high - low + 1) / 2;
		if (bound_of(p, middle) <= floor)
			low = middle;
		else
			high = middle - 1;
	}
	if (low == 0)
		return sl_fail(error, SL_OUT_OF_RANGE,
		               "not one coordinate is sure to fit: at least %zuB are needed", bound_of(p, 1));
	p->least = low;
	p->budget = bytes;
	return SL_OK;
}

size_t sl_fit_scratch(const struct sl_pipeline *p, uint32_t count_max)
{
	return p->budget ? sl_largest_scratch(count_max) : 0;
}

/* Bytes per coordinate rise as coordinates become fewer, so this may have to be done more than once. */
uint32_t sl_fit_fewer(const struct sl_pipeline *p, uint32_t count, size_t bytes, uint32_t *support,
                      float *value, uint32_t *index, void *scratch)
{
	uint32_t kept, aim = (uint32_t)((double)count * (double)p->budget / (double)bytes * 0.995);
	aim = aim < count ? aim : count - 1;
	aim = aim > p->least ? aim : p->least;
	SL_CHECK(sl_largest(NULL, aim, count, value, NULL, index, value, &kept, scratch));
	for (uint32_t i = 0; i < kept; i++)
		support[i] = support[index[i]];
	return kept;
}
