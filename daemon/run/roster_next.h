/* roster_next.h — whether a roster may follow the one in force while the run goes on. */
#ifndef SL_DAEMON_RUN_ROSTER_NEXT_H
#define SL_DAEMON_RUN_ROSTER_NEXT_H

#include "daemon/run/run.h"

/* Its serial is higher, nobody is left out or back from being gone, and the run can go on under it: limits,
 * step sizes, and what an algorithm keeps over all peers. */
enum sl_status sl_roster_next(const struct sl_run *, const struct sl_roster *next, struct sl_error *error);

#endif
