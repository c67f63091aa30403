#include "compress/mixing.h"

/* 65536/(1 + e^-x) at x = −8, −7.5 … 8 */
static const uint16_t squash_table[33] = { 22,    36,    60,    98,    162,   267,   439,   720,   1179,
	                                   1921,  3108,  4971,  7812,  11955, 17625, 24743, 32768, 40793,
	                                   47911, 53581, 57724, 60565, 62428, 63615, 64357, 64816, 65097,
	                                   65269, 65374, 65438, 65476, 65500, 65514 };

uint32_t sl_squash(int32_t x)
{
	int32_t at = x + 2048, part = at & 127; /* steps of 128/256 = 0.5 */
	int32_t low = squash_table[at >> 7], high = squash_table[(at >> 7) + 1];
	return (uint32_t)(low + ((high - low) * part >> 7));
}

void sl_mixing_make(struct sl_mixing *m)
{
	if (m->made)
		return;
	int32_t x = -2047;
	for (uint32_t p = 0; p < SL_STRETCH_ENTRIES; p++) {
		while (x < 2047 && sl_squash(x) < p << 4)
			x++;
		m->stretch[p] = (int16_t)x;
	}
	for (uint32_t n = 0; n < 64; n++)
		m->step[n] = (2 << 16) / (2 * n + 3);
	m->made = true;
}
