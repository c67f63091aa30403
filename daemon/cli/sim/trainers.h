/* trainers.h — trainer processes that serve the peers of a simulation, peer K by process K mod N. */
#ifndef SL_DAEMON_CLI_SIM_TRAINERS_H
#define SL_DAEMON_CLI_SIM_TRAINERS_H

#include "daemon/run/run.h"

#include <stdatomic.h>

struct sl_trainers;

/* Starts `count` processes of that command (NULL: that of run.conf), and makes them the run's guest. Their sockets lie in
 * a temporary folder. As soon as *interrupted is set, or a trainer was started again and again and never answered, calls
 * return without an answer. NULL: the error says why. */
struct sl_trainers *sl_trainers_start(struct sl_run *, const char *command, uint32_t count,
                                      const atomic_bool *interrupted, struct sl_error *error);
/* The number of a trainer that never answered; −1: none. */
int sl_trainers_failed(struct sl_trainers *);
/* Whether each peer has a trainer of its own; then threads may ask for several peers at a time. */
bool sl_trainers_each(const struct sl_trainers *);
/* The named numbers of the answers so far. False: none. */
bool sl_trainers_metric(struct sl_trainers *, struct sl_metric_row *out);
/* NULL is fine. */
void sl_trainers_stop(struct sl_trainers *);

#endif
