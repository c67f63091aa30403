/* rounding.h — random rounding to integers, which the dithering quantisers share. */
#ifndef SL_COMPRESS_ROUNDING_H
#define SL_COMPRESS_ROUNDING_H

#include "compress/stage.h"

/* The stream of a message's dither; the number for a coordinate stands at that position. */
struct sl_random sl_dither_stream(const struct sl_message_context *);

/* symbol[i] = sign(v)·min(⌊a|v| + u⌋, limit) for v = value[i], a = levels_per_unit, u uniform in [0, 1) from
 * the stream at the coordinate. a|v| must be below 2^31. */
void sl_rounding_random(const struct sl_values *, struct sl_random stream, double levels_per_unit,
                        int32_t limit, const float *value, int32_t *symbol);

/* Exponents of steps and powers: the least float is 2^-149. */
enum { SL_EXPONENT_MIN = -149, SL_EXPONENT_MAX = 127 };

/* The least e with most ≤ s·2^e, most > 0, within the range of exponents. */
int sl_step_exponent(double most, double s);

/* symbol[i] = sign(v)·rank, where rank 1, 2 … levels stands for 2^top, 2^(top−1) … and 0 for zero: |v|
 * rounded to one of its two neighbours among these, at random without bias (numbers from the stream at the
 * coordinate) or, stream NULL, to the nearest. */
void sl_rounding_to_powers(const struct sl_values *, const struct sl_random *stream, int top, uint32_t levels,
                           const float *value, int32_t *symbol);
/* value[i] = sign(symbol[i])·factor·2^(top + 1 − |symbol[i]|) */
void sl_values_of_powers(uint32_t count, const int32_t *symbol, int top, double factor, float *value);

/* The option `scale` of quantisers that are unbiased with variance omega: as they are, or divided by 1 +
 * omega, which contracts with delta = 1/(1 + omega): E|cQ − v|² = c²·E|Q|² − 2c|v|² + |v|² ≤ (1 − c)|v|² for
 * c = 1/(1 + omega). The factor, for as many values as there are, goes with the message as a float, so that
 * only the sender computes it. */
#define SL_SCALE_OPTION(at)                                                                                  \
	{                                                                                                    \
		"scale", "one: unbiased; contractive: divided by 1 + omega", SL_OPTION_CHOICE, at, 0, 0,     \
		    "one", "one|contractive", true                                                           \
	}
enum { SL_FACTOR_BYTES = 4 };
void sl_factor_put(uint8_t *side, double omega);
/* False for bytes that are no factor: above 0, at most 1. */
bool sl_factor_get(const uint8_t *side, double *factor);

/* 2^e, exactly; −1022 ≤ e ≤ 1023. */
double sl_power_of_two(int e);

#endif
