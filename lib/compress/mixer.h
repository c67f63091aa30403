/* mixer.h — adaptive bit predictions and their logistic mixing (as in Mahoney's PAQ), in integers.
 *
 * A prediction is a probability with a count, so that it adapts fast at first. Mixing transforms several
 * predictions to the logistic domain, ln(p / (1 − p)), and transforms their weighted sum back. The weights are
 * updated along the gradient of the code length. */
#ifndef SL_COMPRESS_MIXER_H
#define SL_COMPRESS_MIXER_H

#include "base/bytes.h"

enum { SL_STRETCH_ENTRIES = 4096, SL_WEIGHT_MAX = 1 << 20 };

/* stretch: ln(p / (1 − p)) in units of 1/256 for p in units of 2^-12, the inverse of sl_squash. Kept in scratch
 * memory and computed once. */
struct sl_mixer {
	int16_t stretch[SL_STRETCH_ENTRIES];
	uint32_t step[64]; /* adaptation rate of a prediction after n bits: 2^16/(n + 1.5) */
	bool made;
};
void sl_mixer_make(struct sl_mixer *);

/* 65536/(1 + e^-x) at x = −8, −7.5 … 8 */
static const uint16_t sl_squash_table[33] = { 22,    36,    60,    98,    162,   267,   439,   720,   1179,
	                                      1921,  3108,  4971,  7812,  11955, 17625, 24743, 32768, 40793,
	                                      47911, 53581, 57724, 60565, 62428, 63615, 64357, 64816, 65097,
	                                      65269, 65374, 65438, 65476, 65500, 65514 };

/* 65536/(1 + e^(−x/256)), −2047 ≤ x ≤ 2047; linear interpolation between table entries. */
static inline uint32_t sl_squash(int32_t x)
{
	int32_t at = x + 2048, part = at & 127;
	int32_t low = sl_squash_table[at >> 7], high = sl_squash_table[(at >> 7) + 1];
	return (uint32_t)(low + ((high - low) * part >> 7));
}

/* 26 bits: probability that the next bit is 1; 6 bits: number of bits seen so far. */
typedef uint32_t sl_chance;
#define SL_CHANCE_EVEN (UINT32_C(1) << 31)

static inline uint32_t sl_chance_p12(sl_chance c)
{
	return c >> 20;
}

static inline void sl_chance_learn(const struct sl_mixer *m, sl_chance *c, bool bit, uint32_t limit)
{
	uint32_t seen = *c & 63;
	int64_t p = *c >> 6, target = bit ? (1 << 26) - 1 : 0;
	p += (target - p) * m->step[seen] >> 16;
	*c = (uint32_t)p << 6 | (seen < limit ? seen + 1 : limit);
}

/* Mixes n predictions. `weight` is the weight vector of the present context, 65536 is 1. Pass input[] on to
 * sl_mix_learn. */
static inline uint32_t sl_mix(const struct sl_mixer *m, const int32_t *weight, sl_chance *const *chance,
                              int n, int32_t *input)
{
	int64_t sum = 0;
	for (int i = 0; i < n; i++) {
		input[i] = m->stretch[sl_chance_p12(*chance[i])];
		sum += (int64_t)weight[i] * input[i];
	}
	int64_t x = sum >> 16;
	uint32_t p = sl_squash(x > 2047 ? 2047 : x < -2047 ? -2047 : (int32_t)x);
	return p < 64 ? 64 : p > 65536 - 64 ? 65536 - 64 : p;
}

static inline void sl_mix_learn(const struct sl_mixer *m, int32_t *weight, sl_chance *const *chance, int n,
                                const int32_t *input, uint32_t p, bool bit, uint32_t limit)
{
	int32_t miss = (bit ? 65535 : 0) - (int32_t)p;
	for (int i = 0; i < n; i++) {
		int32_t w = weight[i] + ((input[i] * miss + (1 << 14)) >> 15);
		weight[i] = w > SL_WEIGHT_MAX ? SL_WEIGHT_MAX : w < -SL_WEIGHT_MAX ? -SL_WEIGHT_MAX : w;
		sl_chance_learn(m, chance[i], bit, limit);
	}
}

#endif
