/* trainers.h — trainer processes that serve the peers of a simulation, peer K by process K mod N. */
#ifndef SL_DAEMON_CLI_SIM_TRAINERS_H
#define SL_DAEMON_CLI_SIM_TRAINERS_H

#include "daemon/run/run.h"

struct sl_trainers;

/* Starts `count` processes of that command (NULL: that of run.conf), and makes them the run's guest. Their sockets lie in
 * a temporary folder. NULL: the error says why. */
struct sl_trainers *sl_trainers_start(struct sl_run *, const char *command, uint32_t count,
                                      struct sl_error *error);
/* The named numbers of the answers so far. False: none. */
bool sl_trainers_metric(struct sl_trainers *, struct sl_metric_row *out);
/* NULL is fine. */
void sl_trainers_stop(struct sl_trainers *);

#endif
