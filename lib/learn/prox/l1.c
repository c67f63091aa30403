/* R(x) = ‖x‖₁ over the weights: its proximal step is the soft threshold, which makes exact zeros. */
#include "learn/model.h"

#include "linalg/blocks.h"

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

const struct sl_prox sl_prox_l1 = {
	.name = "l1",
	.doc = "sum of the weights' magnitudes; drives unneeded weights to exactly zero",
	.apply = apply,
	.value = value,
};
