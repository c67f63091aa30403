/* roster_next.h — whether a roster may replace the one in force during a run. */
#ifndef SL_DAEMON_RUN_ROSTER_NEXT_H
#define SL_DAEMON_RUN_ROSTER_NEXT_H

#include "daemon/run/run.h"

/* Checks that its serial is higher, that it lists all members and returns no removed one, and that the run
 * can continue under it: limits, step sizes, and sums that an algorithm keeps over all peers. */
enum sl_status sl_roster_next(const struct sl_run *, const struct sl_roster *next, struct sl_error *error);

#endif
