#include "learn/layout.h"

#include <string.h>

bool sl_layout_add(struct sl_layout *layout, const char *name, uint32_t rows, uint32_t columns, bool bias)
{
	uint64_t size = (uint64_t)rows * columns;
	SL_CHECK(!layout->more && layout->tensors < SL_TENSORS_OWN);
	if (size > SL_DIMENSION_MAX - layout->dimension)
		return false;
	layout->own[layout->tensors++] = (struct sl_tensor){
		.name = name, .offset = layout->dimension, .rows = rows, .columns = columns, .bias = bias
	};
	layout->dimension += (uint32_t)size;
	return true;
}

bool sl_tensor_place(struct sl_tensor *t, uint32_t *dimension)
{
	uint64_t size = 1;
	SL_CHECK(t->rank <= SL_RANK_MAX);
	for (uint32_t i = 0; i < t->rank; i++) {
		size *= t->shape[i];
		if (size == 0 || size > SL_DIMENSION_MAX - *dimension)
			return false;
	}
	if (size > SL_DIMENSION_MAX - *dimension)
		return false;
	t->offset = *dimension;
	t->rows = t->rank > 0 ? t->shape[0] : 1;
	t->columns = (uint32_t)size / t->rows;
	*dimension += (uint32_t)size;
	return true;
}

uint32_t sl_tensor_shape(const struct sl_tensor *t, uint32_t shape[static SL_RANK_MAX])
{
	memcpy(shape, t->shape, sizeof t->shape);
	if (t->rank > 0)
		return t->rank;
	shape[0] = t->rows;
	shape[1] = t->columns;
	return t->columns == 1 ? 1 : 2;
}

const char *sl_dtype_name(enum sl_dtype dtype)
{
	static const char *const names[SL_DTYPES] = { "float32", "float64", "float16", "bfloat16", "other" };
	return names[dtype];
}

const char *sl_role_name(enum sl_role role)
{
	static const char *const names[SL_ROLES] = { "parameter", "buffer", "frozen" };
	return names[role];
}
