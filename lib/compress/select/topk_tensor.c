/* topk-tensor — the largest coordinates of every tensor, the same share of each: no layer is left out because another
 * one has larger gradients, and biases are not left out in favour of weights. */
#include "compress/stage.h"

#include "compress/largest.h"

#include <math.h>

struct topk_tensor {
	double keep;
	uint32_t count_max;
	double delta;
	size_t scratch;
};

static const struct sl_option topk_tensor_options[] = {
	{ "keep", "share of each tensor's coordinates (0.05), at least one", SL_OPTION_REAL,
	  offsetof(struct topk_tensor, keep), 1e-9, 1, NULL, NULL, true },
	{ 0 },
};

struct piece {
	uint32_t offset, size, k;
	size_t scratch;
};

/* Tensor `at`, or the whole vector if there are no tensors. False after the last. */
static bool piece_at(const struct topk_tensor *o, const struct sl_layout *layout, uint32_t at,
                     struct piece *out)
{
	if (at >= (layout->tensors ? layout->tensors : 1))
		return false;
	const struct sl_tensor *t = sl_layout_tensor(layout, at);
	out->size = layout->tensors ? t->rows * t->columns : layout->dimension;
	out->offset = layout->tensors ? t->offset : 0;
	out->k = (uint32_t)fmin(fmax(floor(o->keep * out->size + 0.5), 1), out->size);
	out->scratch = (sl_largest_scratch(out->size) + 63) / 64 * 64;
	return true;
}

static enum sl_status prepare(void *options, const struct sl_layout *layout, struct sl_error *error)
{
	struct topk_tensor *o = options;
	struct piece p;
	(void)error;
	o->count_max = 0;
	o->delta = 1;
	o->scratch = 0;
	for (uint32_t t = 0; piece_at(o, layout, t, &p); t++) {
		o->count_max += p.k;
		o->delta = fmin(o->delta, (double)p.k / p.size);
		o->scratch += p.scratch;
	}
	return SL_OK;
}

static uint32_t count_max(const void *options, uint32_t dimension)
{
	const struct topk_tensor *o = options;
	return o->count_max < dimension ? o->count_max : dimension;
}

static size_t scratch_size(const void *options, uint32_t dimension)
{
	(void)dimension;
	return ((const struct topk_tensor *)options)->scratch;
}

/* Each tensor has its own scratch memory, which keeps the tensor's threshold estimate. */
static uint32_t select_large(const void *options, const struct sl_message_context *m, const float *v,
                             uint32_t *index, void *scratch)
{
	uint32_t count = 0, found;
	uint8_t *own = scratch;
	struct piece p;
	for (uint32_t t = 0; piece_at(options, m->layout, t, &p); t++) {
		SL_CHECK(sl_largest(m->parallel, p.k, p.size, v + p.offset, NULL, index + count, NULL, &found,
		                    own));
		for (uint32_t i = count; i < count + found; i++)
			index[i] += p.offset;
		count += found;
		own += p.scratch;
	}
	return count;
}

/* Σ (1 − k_t/n_t)|v_t|² */
static struct sl_guarantee guarantee(const void *options, uint32_t dimension)
{
	(void)dimension;
	return sl_guarantee_contractive(((const struct topk_tensor *)options)->delta);
}

const struct sl_select sl_select_topk_tensor = {
	.name = "topk-tensor",
	.doc = "the coordinates of largest magnitude of each tensor, the same share of every tensor",
	.formula = "keep the k_t largest |v_i| of tensor t, k_t = keep·n_t",
	.examples = "topk-tensor:0.25",
	.options = topk_tensor_options,
	.prepare = prepare,
	.count_max = count_max,
	.scratch = scratch_size,
	.select = select_large,
	.guarantee = guarantee,
};
