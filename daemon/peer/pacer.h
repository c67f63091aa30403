/* pacer.h — the byte budget of a peer ([limits] rate and volume): messages wait here until they may leave, and the
 * kernel's counters correct the estimates. */
#ifndef SL_DAEMON_PEER_PACER_H
#define SL_DAEMON_PEER_PACER_H

#include "daemon/peer/net/net.h"
#include "gossip/outbox.h"

struct sl_pacer {
	bool on;    /* else nothing waits, and the rest is unused */
	bool clean; /* the file said how much of the volume was left */
	struct sl_outbox outbox;
	struct sl_time settled_at, saved_at;
	struct sl_volume limit;
	uint64_t rate;   /* bits per second in the long run */
	char path[4096]; /* of the file that keeps the volume's level between starts */
};

/* Begins with what the file in folder `state` says that is left of the volume. If it says nothing, nothing is. */
void sl_pacer_begin(struct sl_pacer *, const struct sl_settings *, const char *state, uint32_t peer,
                    struct sl_time now);
/* Takes a message to the neighbour at action->edge, or drops it and marks the link as full. `copied`: a
 * buffer from malloc that holds header and body, whose ownership passes to this function; NULL: it copies both itself. */
void sl_pacer_send(struct sl_pacer *, struct sl_net *, const struct sl_action *, uint8_t *copied,
                   struct sl_time now);
/* Sends what may leave now. */
void sl_pacer_turn(struct sl_pacer *, struct sl_net *, struct sl_time now);
/* What waits for a connection that has ended, or dropped a message, is dropped. */
void sl_pacer_drop(struct sl_pacer *, uint32_t edge, struct sl_time now);
/* Edges have been renumbered: drops all that waits, and marks the links as full. */
void sl_pacer_renumber(struct sl_pacer *, struct sl_net *, struct sl_time now);
/* Fills in what a row of the history says of the budget. */
void sl_pacer_row(const struct sl_pacer *, struct sl_round_row *, struct sl_time now);
/* Time of the next sl_pacer_turn. */
struct sl_time sl_pacer_deadline(const struct sl_pacer *);
/* Sends the greetings that wait, whatever the budget says, and keeps the level of the volume. */
void sl_pacer_end(struct sl_pacer *, struct sl_net *, struct sl_time now);

#endif
