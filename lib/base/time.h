/* time.h — a moment has a type: it cannot be added to a count by accident. The core never asks for the time.
 */
#ifndef SL_BASE_TIME_H
#define SL_BASE_TIME_H

#include <stdbool.h>
#include <stdint.h>

/* Microseconds of a monotonic clock (the daemon) or of virtual time (the simulator). */
struct sl_time {
	int64_t us;
};

#define SL_TIME_NEVER ((struct sl_time){ INT64_MAX })

static inline bool sl_time_before(struct sl_time a, struct sl_time b)
{
	return a.us < b.us;
}

/* t + us, saturating at SL_TIME_NEVER; us may be INT64_MAX for "never". */
static inline struct sl_time sl_time_after(struct sl_time t, int64_t us)
{
	int64_t sum;
	return __builtin_add_overflow(t.us, us, &sum) ? SL_TIME_NEVER : (struct sl_time){ sum };
}

static inline struct sl_time sl_time_earlier(struct sl_time a, struct sl_time b)
{
	return sl_time_before(b, a) ? b : a;
}

#endif
