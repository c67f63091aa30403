/* layout.h — how the flat vector of a model's parameters is cut into tensors: an ordered list without a limit on their
 * number or on the length of their names. */
#ifndef SL_LEARN_LAYOUT_H
#define SL_LEARN_LAYOUT_H

#include "base/error.h"
#include "base/limits.h"

#include <stdbool.h>
#include <stdint.h>

/* What a tensor is to the run. Of these the vector holds parameters, and buffers that are mixed. Frozen tensors are
 * not in it: they are named, and their contents hashed, so that two peers with other ones refuse each other. */
enum sl_role { SL_ROLE_PARAMETER, SL_ROLE_BUFFER, SL_ROLE_FROZEN, SL_ROLES };

/* The type that the owner of the model computes in. The vector itself is float32, whatever this says. */
enum sl_dtype { SL_DTYPE_F32, SL_DTYPE_F64, SL_DTYPE_F16, SL_DTYPE_BF16, SL_DTYPE_OTHER, SL_DTYPES };

/* Dimensions of a tensor. */
enum { SL_RANK_MAX = 8 };

/* One tensor of the vector. Compression and the proximal step see it as rows × columns, in row-major order: a shape
 * [a, b, c, …] is a rows of b·c·… columns; vectors and single numbers have one column. */
struct sl_tensor {
	const char *name; /* borrowed; unique within its layout */
	uint32_t offset, rows, columns;
	bool bias; /* not penalised by the proximal step */
	enum sl_role role;
	enum sl_dtype dtype;
	uint32_t rank; /* 0: the shape is [rows, columns], or [rows] where there is one column */
	uint32_t shape[SL_RANK_MAX]; /* `rank` of them; product: rows × columns */
};

/* A list of tensors that tile a vector of `dimension` floats, in ascending offset. Can be copied: short lists are
 * inside, longer ones lie at `more`, which is borrowed and outlives every copy. */
enum { SL_TENSORS_OWN = 32 };
struct sl_layout {
	uint32_t dimension, tensors;
	struct sl_tensor own[SL_TENSORS_OWN];
	const struct sl_tensor *more; /* NULL: they are in `own` */
};

static inline const struct sl_tensor *sl_layout_tensor(const struct sl_layout *layout, uint32_t t)
{
	return (layout->more ? layout->more : layout->own) + t;
}

static inline uint32_t sl_tensor_size(const struct sl_tensor *t)
{
	return t->rows * t->columns;
}

/* Appends a tensor of rows × columns to a layout whose tensors are inside (SL_TENSORS_OWN at most). False: the vector
 * would have more than SL_DIMENSION_MAX coordinates; the layout is unchanged. */
bool sl_layout_add(struct sl_layout *, const char *name, uint32_t rows, uint32_t columns, bool bias);

/* Fills in rows, columns and offset from `rank` and `shape`, and adds to *dimension. False: a dimension is 0, or the
 * vector would have more than SL_DIMENSION_MAX coordinates. */
bool sl_tensor_place(struct sl_tensor *, uint32_t *dimension);

/* The shape as a list; returns the rank, at most SL_RANK_MAX. */
uint32_t sl_tensor_shape(const struct sl_tensor *, uint32_t shape[static SL_RANK_MAX]);

const char *sl_dtype_name(enum sl_dtype); /* "float32", …, "other" */
const char *sl_role_name(enum sl_role);   /* "parameter", "buffer", "frozen" */

#endif
