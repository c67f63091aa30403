/* desk.h — what the loop answers at any time, also while the stepper has the peer: the status socket, requests for metrics, and
 * the service manager's watchdog; and signals, as far as they need no peer. */
#ifndef SL_DAEMON_PEER_DESK_H
#define SL_DAEMON_PEER_DESK_H

#include "daemon/peer/loop.h"

/* Reads what signals ask for; the second one for the end ends the process with exit code 1. */
void sl_desk_signals(struct sl_loop *);
/* Answers the status socket; whether it is readable. */
void sl_desk_answer(struct sl_loop *, bool readable);
/* Reports to the watchdog where that is due: only from the loop's own thread, while the disk answers, and while a step ends in
 * time. A watchdog that is fed by something else watches nothing. */
void sl_desk_watchdog(struct sl_loop *, struct sl_time now);
/* Until the step that the stepper has begun has ended: performs its actions, and answers. */
void sl_desk_attend(struct sl_loop *);

#endif
