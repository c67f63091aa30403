#include "compress/mixer.h"

void sl_mixer_make(struct sl_mixer *m)
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
