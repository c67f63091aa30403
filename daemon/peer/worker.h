/* worker.h — one more thread for jobs that are long enough to keep the loop from its neighbours. */
#ifndef SL_DAEMON_PEER_WORKER_H
#define SL_DAEMON_PEER_WORKER_H

#include "gossip/peer.h"

struct sl_worker;

/* Starts the thread; `wake` is an eventfd that it signals when a job is done. Threads may share its passes. All signals must be blocked. */
struct sl_worker *sl_worker_start(struct sl_peer *, const struct sl_plan *, const struct sl_parallel *,
                                  int wake, struct sl_error *error);
/* Starts the job that the peer has just requested. */
void sl_worker_run(struct sl_worker *);
bool sl_worker_busy(const struct sl_worker *);
/* Whether a job ended since the last call, and how long it took. */
bool sl_worker_done(struct sl_worker *, int64_t *took_us);
/* Ends the thread if it is idle. A thread amid a job is left alone: false, and its memory must stay. NULL is
 * fine. */
bool sl_worker_stop(struct sl_worker *);

#endif
