/* window.h — the last few durations of one kind, and how long to wait before the next one counts as missing: their
 * median, and several times their median distance from it. Fewer than half of them, however long, move it little. */
#ifndef SL_GOSSIP_PEER_WINDOW_H
#define SL_GOSSIP_PEER_WINDOW_H

#include <stdint.h>

enum { SL_WINDOW = 31, SL_WINDOW_LEAST = 8 };

struct sl_window {
	int64_t us[SL_WINDOW];
	uint32_t count; /* ever added */
	int64_t limit_us;
};

/* Negative durations count as 0. */
void sl_window_add(struct sl_window *, int64_t us);
/* At least `least_us`, at most `most_us`, whichever is lower; `most_us` before there are SL_WINDOW_LEAST. */
int64_t sl_window_limit(const struct sl_window *, int64_t least_us, int64_t most_us);

#endif
