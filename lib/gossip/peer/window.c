#include "gossip/peer/window.h"

enum {
	SPREADS = 8,
	SPREAD_LEAST = 4 /* the spread counts as at least this part of the median: regular times may change */
};

static int64_t median(const int64_t *us, uint32_t count)
{
	int64_t sorted[SL_WINDOW] = { 0 };
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = i;
		for (; at > 0 && sorted[at - 1] > us[i]; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = us[i];
	}
	return sorted[count / 2];
}

void sl_window_add(struct sl_window *w, int64_t us)
{
	const int64_t most = INT64_MAX / (4 * SPREADS);
	us = us < 0 ? 0 : us < most ? us : most;
	w->us[w->count++ % SL_WINDOW] = us;
	uint32_t count = w->count < SL_WINDOW ? w->count : SL_WINDOW;
	int64_t middle = median(w->us, count), away[SL_WINDOW] = { 0 };
	for (uint32_t i = 0; i < count; i++)
		away[i] = w->us[i] < middle ? middle - w->us[i] : w->us[i] - middle;
	int64_t spread = median(away, count);
	if (spread < middle / SPREAD_LEAST)
		spread = middle / SPREAD_LEAST;
	w->limit_us = middle + SPREADS * spread;
}

int64_t sl_window_limit(const struct sl_window *w, int64_t least_us, int64_t most_us)
{
	if (w->count < SL_WINDOW_LEAST || w->limit_us > most_us)
		return most_us;
	int64_t us = w->limit_us > least_us ? w->limit_us : least_us;
	return us < most_us ? us : most_us;
}
