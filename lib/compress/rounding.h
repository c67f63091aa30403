/* rounding.h — random rounding to integers, which the dithering quantisers share. */
#ifndef SL_COMPRESS_ROUNDING_H
#define SL_COMPRESS_ROUNDING_H

#include "compress/stage.h"

/* The stream of a message's dither; the number for a coordinate stands at that position. */
struct sl_random sl_dither_stream(const struct sl_message *);

/* symbol[i] = sign(v)·min(⌊a|v| + u⌋, limit) for v = value[i], a = levels_per_unit, u uniform in [0, 1) from
 * the stream at the coordinate. a|v| must be below 2^31. */
void sl_round_randomly(const struct sl_values *, struct sl_random stream, double levels_per_unit,
                       int32_t limit, const float *value, int32_t *symbol);

/* 2^e, exactly; −1022 ≤ e ≤ 1023. */
double sl_power_of_two(int e);

#endif
