#include "compress/scales.h"

const struct sl_option sl_scales_options[] = {
	SL_SCALES_OPTION(offsetof(struct sl_scales, whole)),
	{ 0 },
};

static uint32_t tensor_size(const struct sl_layout *layout, uint32_t at)
{
	return sl_tensor_size(sl_layout_tensor(layout, at));
}

enum sl_status sl_scales_prepare(void *options, const struct sl_layout *layout, struct sl_error *error)
{
	struct sl_scales *o = options;
	(void)error;
	o->tensors = o->whole ? 1 : layout->tensors;
	o->widest = o->whole ? layout->dimension : 0;
	for (uint32_t t = 0; !o->whole && t < layout->tensors; t++)
		o->widest = tensor_size(layout, t) > o->widest ? tensor_size(layout, t) : o->widest;
	return SL_OK;
}

uint32_t sl_scales_symbol_max(const void *options)
{
	(void)options;
	return 1;
}

size_t sl_scales_side(const void *options)
{
	const struct sl_scales *o = options;
	return 4 * (size_t)o->tensors;
}

uint32_t sl_scales_end(const struct sl_scales *o, const struct sl_values *values, uint32_t at, uint32_t from)
{
	const struct sl_layout *layout = values->message->layout;
	if (at + 1 >= o->tensors)
		return values->count;
	uint32_t end = sl_layout_tensor(layout, at)->offset + tensor_size(layout, at);
	while (from < values->count && values->index[from] < end)
		from++;
	return from;
}

bool sl_scales_decode(const void *options, const struct sl_values *values, const int32_t *symbol,
                      const uint8_t *side, float *value)
{
	const struct sl_scales *o = options;
	for (uint32_t t = 0, from = 0; t < o->tensors; t++) {
		uint32_t bits = sl_load_u32(side + 4 * (size_t)t), end = sl_scales_end(o, values, t, from);
		if (bits >= UINT32_C(0x7f800000)) /* negative, infinite or NaN */
			return false;
		for (; from < end; from++)
			value[from] = (symbol[from] < 0 ? -1.0F : 1.0F) * sl_float_from_bits(bits);
	}
	return true;
}
