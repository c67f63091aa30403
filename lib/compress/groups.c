#include "compress/groups.h"

uint32_t sl_groups(enum sl_per per, uint32_t block, const struct sl_layout *layout)
{
	switch (per) {
	case SL_PER_TENSOR:
		return layout->tensors ? layout->tensors : 1;
	case SL_PER_BLOCK:
		return (layout->dimension - 1) / block + 1;
	default:
		return 1;
	}
}

uint32_t sl_group_most(enum sl_per per, uint32_t block, const struct sl_layout *layout, uint32_t most)
{
	uint32_t largest = per == SL_PER_BLOCK ? block : 0;
	for (uint32_t t = 0; per == SL_PER_TENSOR && t < layout->tensors; t++) {
		uint32_t size = sl_tensor_size(sl_layout_tensor(layout, t));
		largest = size > largest ? size : largest;
	}
	return largest > 0 && largest < most ? largest : most;
}

bool sl_next_scale_group(enum sl_per per, uint32_t block, const struct sl_values *values,
                         struct sl_scale_group *run)
{
	const struct sl_layout *layout = values->message->layout;
	run->begin = run->end;
	if (run->begin == values->count)
		return false;
	uint32_t coordinate = values->index[run->begin];
	uint64_t limit = layout->dimension;
	if (per == SL_PER_BLOCK) {
		run->group = coordinate / block;
		limit = ((uint64_t)run->group + 1) * block;
	} else if (per == SL_PER_TENSOR && layout->tensors > 1) {
		uint32_t t = run->group;
		while (t + 1 < layout->tensors && sl_layout_tensor(layout, t + 1)->offset <= coordinate)
			t++;
		run->group = t;
		limit = t + 1 < layout->tensors ? sl_layout_tensor(layout, t + 1)->offset : layout->dimension;
	}
	/* steps double, then halve (galloping search): indices ascend */
	uint32_t low = run->begin, step = 1;
	while (step < values->count - low && values->index[low + step] < limit) {
		low += step;
		step *= 2;
	}
	for (; step > 0; step /= 2)
		if (step < values->count - low && values->index[low + step] < limit)
			low += step;
	run->end = low + 1;
	return true;
}
