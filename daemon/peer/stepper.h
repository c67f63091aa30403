/* stepper.h — one more thread, on which the peer of a large model is stepped: a pass over a long vector takes as long as the
 * loop may not be silent. Actions are performed by the loop, one at a time, while the peer waits for it: what an action points
 * to stays valid, and events and actions keep their order. Between sl_stepper_begin and the end of the step only the stepper's
 * thread touches the peer, and the loop while it performs an action. */
#ifndef SL_DAEMON_PEER_STEPPER_H
#define SL_DAEMON_PEER_STEPPER_H

#include "gossip/peer.h"

/* From this number of floats in one copy on: a pass over it takes milliseconds. */
enum { SL_STEPPER_FROM = 1 << 20 };

struct sl_stepper;

/* Starts the thread, on which `prepare` is called with each action before `act` gets it on the loop's. Scratch is borrowed, and
 * the thread's alone while it steps. All signals must be blocked. NULL with an error. */
struct sl_stepper *sl_stepper_start(struct sl_peer *, const struct sl_plan *, const struct sl_scratch *,
                                    sl_act *prepare, sl_act *act, void *driver, struct sl_error *error);
/* Hands over an event, which is borrowed until the step has ended. */
void sl_stepper_begin(struct sl_stepper *, const struct sl_event *, uint32_t degree, struct sl_time now);
/* Readable when there is reason to call sl_stepper_turn. */
int sl_stepper_descriptor(const struct sl_stepper *);
/* Performs the action that waits, if one does. True: the step has ended. */
bool sl_stepper_turn(struct sl_stepper *);
/* Whether the step at hand takes so long that nobody should wait for its end: a minute, and 500 ns for each float of each
 * vector that it may pass over with `degree` neighbours, a hundred times what that takes. */
bool sl_stepper_hangs(const struct sl_stepper *, struct sl_time now);
int64_t sl_stepper_limit_us(uint64_t floats, uint32_t degree);
/* Ends the thread, between two steps. NULL is fine. */
void sl_stepper_stop(struct sl_stepper *);

#endif
