#include "daemon/run/clock.h"

#include <time.h>

struct sl_time sl_clock(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct sl_time){ (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000 };
}
