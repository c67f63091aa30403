/* topk — the k coordinates of largest magnitude. */
#include "compress/stage.h"

#include "compress/keep.h"
#include "compress/largest.h"

struct topk {
	struct sl_keep keep;
};

static const struct sl_option options[] = {
	SL_KEEP_OPTION(struct topk, keep, SL_KEEP_WHAT),
	{ 0 },
};

static enum sl_status prepare(void *o, const struct sl_layout *layout, struct sl_error *error)
{
	return sl_keep_prepare(&((struct topk *)o)->keep, "topk", layout->dimension, error);
}

static uint32_t count_max(const void *o, uint32_t dimension)
{
	return sl_keep_most(&((const struct topk *)o)->keep, dimension);
}

static size_t scratch_size(const void *o, uint32_t dimension)
{
	(void)o;
	return sl_largest_scratch(dimension);
}

static uint32_t select_largest(const void *o, const struct sl_message_context *m, const float *v,
                               uint32_t *index, void *scratch)
{
	uint32_t d = m->layout->dimension, count;
	sl_largest_recall(2 * m->peer + m->channel, scratch);
	SL_CHECK(sl_largest(m->parallel, count_max(o, d), d, v, NULL, index, NULL, &count, scratch));
	return count;
}

static bool difference(const void *o, const struct sl_message_context *m, const float *x, uint32_t *index,
                       float *value, uint32_t *count, void *scratch)
{
	uint32_t d = m->layout->dimension;
	sl_largest_recall(2 * m->peer + m->channel, scratch);
	return sl_largest(m->parallel, count_max(o, d), d, x, m->copy, index, value, count, scratch);
}

static struct sl_guarantee guarantee(const void *o, uint32_t dimension)
{
	return sl_guarantee_contractive((double)count_max(o, dimension) / dimension);
}

const struct sl_select sl_select_topk = {
	.name = "topk",
	.doc = "the coordinates of largest magnitude, exactly; ties go to the lowest index",
	.formula = "keep the k largest |v_i|",
	.examples = "topk:0.25 topk:3 topk:1",
	.options = options,
	.prepare = prepare,
	.count_max = count_max,
	.scratch = scratch_size,
	.select = select_largest,
	.difference = difference,
	.guarantee = guarantee,
};
