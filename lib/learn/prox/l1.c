/* R(x) = ‖x‖₁ over the weights: its proximal step is the soft threshold, which makes exact zeros. */
#include "learn/model.h"

#include "linalg/blocks.h"

#include <string.h>

static void apply(const struct sl_parallel *parallel, const struct sl_layout *layout, float t, float *x)
{
	for (uint32_t i = 0; i < layout->tensors; i++) {
		const struct sl_tensor *tensor = sl_layout_tensor(layout, i);
		if (!tensor->bias)
			sl_blocks_soft_threshold(parallel, (size_t)tensor->rows * tensor->columns, t,
			                         x + tensor->offset);
	}
}

static double value(const struct sl_parallel *parallel, const struct sl_layout *layout, const float *x)
{
	double sum = 0;
	for (uint32_t i = 0; i < layout->tensors; i++) {
		const struct sl_tensor *tensor = sl_layout_tensor(layout, i);
		if (!tensor->bias)
			sum += sl_blocks_absolute(parallel, (size_t)tensor->rows * tensor->columns,
			                          x + tensor->offset);
	}
	return sum;
}

static void part(const struct sl_layout *layout, float t, uint32_t from, uint32_t to, float *x,
                 struct sl_prox_sum *sum)
{
	while (sum->tensor < layout->tensors && from < to) {
		const struct sl_tensor *tensor = sl_layout_tensor(layout, sum->tensor);
		uint32_t end = tensor->offset + sl_tensor_size(tensor), stop = end < to ? end : to;
		sum->nonzero += tensor->bias ? sl_vector_nonzero(stop - from, x + from)
		                             : sl_vector_shrink_part(stop - from, from - tensor->offset, t,
		                                                     x + from, sum->lane);
		from = stop;
		if (stop < end)
			return;
		if (!tensor->bias)
			sum->value += sl_vector_lanes(sum->lane);
		memset(sum->lane, 0, sizeof sum->lane);
		sum->tensor++;
	}
}

const struct sl_prox sl_prox_l1 = {
	.name = "l1",
	.doc = "sum of the weights' magnitudes; drives unneeded weights to exactly zero",
	.apply = apply,
	.value = value,
	.part = part,
};
