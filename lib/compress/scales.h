/* scales.h — one magnitude for the whole vector or for each of its tensors, which quantisers of symbols −1, 0
 * and 1 share. Side information: the magnitudes, four bytes each. */
#ifndef SL_COMPRESS_SCALES_H
#define SL_COMPRESS_SCALES_H

#include "compress/stage.h"

struct sl_scales {
	uint32_t whole;
	uint32_t tensors, widest; /* how many there are, and the coordinates of the widest */
};

#define SL_SCALES_OPTION(at)                                                                                 \
	{                                                                                                    \
		"over", "what shares one magnitude: each tensor or the whole vector", SL_OPTION_CHOICE, at,  \
		    0, 0, "tensor", "tensor|whole", true                                                     \
	}
extern const struct sl_option sl_scales_options[]; /* that one alone */

enum sl_status sl_scales_prepare(void *options, const struct sl_layout *, struct sl_error *error);
uint32_t sl_scales_symbol_max(const void *options);
size_t sl_scales_side(const void *options);
bool sl_scales_decode(const void *options, const struct sl_values *, const int32_t *symbol,
                      const uint8_t *side, float *value);

/* Where the values of scale number `at` end, which begin at `from`. */
uint32_t sl_scales_end(const struct sl_scales *, const struct sl_values *, uint32_t at, uint32_t from);

#endif
