/* cadence.h — when the next round may begin: [run] period and [limits] cpu, which leave a machine time for its own work.
 * Arithmetic on the times that it is given. */
#ifndef SL_DAEMON_PEER_CADENCE_H
#define SL_DAEMON_PEER_CADENCE_H

#include "base/time.h"
#include "gossip/settings.h"

struct sl_cadence {
	int64_t period_us;    /* least time from the start of a round to that of the next; 0: none */
	unsigned cpu;         /* most processor time, in percent of one core; 0: no limit */
	bool begun;           /* a round has begun: the rest is set */
	struct sl_time began; /* the newest round */
	int64_t cpu_us;       /* processor time of the process then */
};

void sl_cadence_set(struct sl_cadence *, const struct sl_settings *);

/* The time before which the next round must not begin, if the process has used `cpu_us` of processor time until now. */
struct sl_time sl_cadence_due(const struct sl_cadence *, int64_t cpu_us);

/* A round begins. */
void sl_cadence_began(struct sl_cadence *, struct sl_time now, int64_t cpu_us);

/* Processor time that this process has used, in all threads; 0 without a limit, which saves the system call. */
int64_t sl_cadence_cpu_us(const struct sl_cadence *);

#endif
