/* memory.h — memory of a daemon: room that costs nothing until it is touched, and libraries whose start-up
 * code is let go again. */
#ifndef SL_DAEMON_RUN_MEMORY_H
#define SL_DAEMON_RUN_MEMORY_H

#include "gossip/plan.h"

/* Zeroed memory that is reserved, not resident; NULL when there is none. Its first `busy` bytes get huge
 * pages, if the system has any: less than 1 MB more than that becomes resident. */
uint8_t *sl_memory_take(size_t size, size_t busy);

/* Lays scratch out in memory of its own, which lives as long as the process. */
enum sl_status sl_memory_scratch(struct sl_scratch *out, const struct sl_plan *, struct sl_error *error);

/* Lets go of clean pages of programs and libraries: what was needed at the start only does not come back
 * (some 5 MB of libstdc++, Kerberos, …); the rest is mapped again at a touch, from the page cache. */
void sl_memory_trim(void);

#endif
