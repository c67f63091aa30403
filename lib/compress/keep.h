/* keep.h — how many coordinates a select keeps: a share of them, or a number. */
#ifndef SL_COMPRESS_KEEP_H
#define SL_COMPRESS_KEEP_H

#include "base/error.h"
#include "base/option.h"

#include <stdint.h>

struct sl_keep {
	double asked; /* ≤ 1: share; above: number */
	uint32_t k;   /* derived */
};

/* The option's row, for a field of that type. */
#define SL_KEEP_OPTION(type, field, what)                                                                    \
	{                                                                                                    \
		"keep", what, SL_OPTION_REAL, offsetof(type, field) + offsetof(struct sl_keep, asked), 1e-9, \
		    268435456, NULL, NULL, true                                                              \
	}
#define SL_KEEP_WHAT "share of the coordinates (0.05) or their number (200)"

/* k of `dimension` coordinates, at least 1; refuses a number that is not whole. `name` is the select's. */
enum sl_status sl_keep_prepare(struct sl_keep *, const char *name, uint32_t dimension,
                               struct sl_error *error);
/* k, of a vector that may be shorter. */
uint32_t sl_keep_most(const struct sl_keep *, uint32_t dimension);

#endif
