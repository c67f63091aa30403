/* clock.h — the clock of this process. lib/ has none. */
#ifndef SL_DAEMON_RUN_CLOCK_H
#define SL_DAEMON_RUN_CLOCK_H

#include "base/time.h"

/* Microseconds of the monotonic clock. */
struct sl_time sl_clock(void);

#endif
