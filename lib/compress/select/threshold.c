/* threshold — the coordinates whose magnitude reaches a fixed threshold: under error feedback, the sparsifier with the
 * smallest total error for a given number of elements over a whole training (Sahu et al., NeurIPS 2021). Or a
 * threshold per tensor, in proportion to its root mean square, which shrinks as training converges. */
#include "compress/stage.h"

#include "linalg/vector.h"

enum { FIXED, RELATIVE };

struct threshold {
	double least;
	uint32_t unit;
};

static const struct sl_option threshold_options[] = {
	{ "least", "smallest magnitude that is kept", SL_OPTION_REAL, offsetof(struct threshold, least), 0,
	  1e30, NULL, NULL, true },
	{ "unit", "unit of least: one, or the root mean square of the coordinate's tensor", SL_OPTION_CHOICE,
	  offsetof(struct threshold, unit), 0, 0, "one", "one|rms", true },
	{ 0 },
};

static uint32_t count_max(const void *options, uint32_t dimension)
{
	(void)options;
	return dimension;
}

/* Selects coordinates of offset … offset + size − 1 that reach `least`; returns their number. */
static uint32_t reach(const float *v, uint32_t offset, uint32_t size, float least, uint32_t *index)
{
	uint32_t count = 0;
	for (uint32_t k = offset; k < offset + size; k++) {
		index[count] = k;
		count += fabsf(v[k]) >= least && v[k] != 0;
	}
	return count;
}

static uint32_t select_large(const void *options, const struct sl_message_context *m, const float *v,
                             uint32_t *index, void *scratch)
{
	const struct threshold *o = options;
	const struct sl_layout *layout = m->layout;
	uint32_t count = 0;
	(void)scratch;
	if (o->unit == FIXED)
		return reach(v, 0, layout->dimension, (float)o->least, index);
	for (uint32_t t = 0; t < (layout->tensors ? layout->tensors : 1); t++) {
		const struct sl_tensor *tensor = sl_layout_tensor(layout, t);
		uint32_t offset = layout->tensors ? tensor->offset : 0,
		         size = layout->tensors ? tensor->rows * tensor->columns : layout->dimension;
		double rms = sqrt(sl_vector_square(size, v + offset) / size);
		count += reach(v, offset, size, (float)(o->least * rms), index + count);
	}
	return count;
}

/* The squares of the coordinates dropped from a tensor add up to less than least² times its squared norm. */
static struct sl_guarantee guarantee(const void *options, uint32_t dimension)
{
	const struct threshold *o = options;
	(void)dimension;
	if (o->unit == RELATIVE)
		return o->least < 1 ? sl_guarantee_contractive(1 - o->least * o->least)
		                    : sl_guarantee_other(SL_CLASS_NONE);
	return sl_guarantee_other(SL_CLASS_ABSOLUTE);
}

const struct sl_select sl_select_threshold = {
	.name = "threshold",
	.doc = "the coordinates of at least a fixed magnitude: message sizes vary with the update",
	.formula = "keep |v_i| >= least, or |v_i| >= least·√(|v_t|²/n_t) of its tensor t",
	.examples = "threshold:0.5 threshold:0.5,rms threshold:2,rms",
	.options = threshold_options,
	.count_max = count_max,
	.select = select_large,
	.guarantee = guarantee,
};
