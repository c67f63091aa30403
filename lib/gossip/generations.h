/* generations.h — which of its two checkpoints a peer goes on from: the newest that it takes. The daemon's
 * are files and the simulator's are not; what is decided and said is the same. */
#ifndef SL_GOSSIP_GENERATIONS_H
#define SL_GOSSIP_GENERATIONS_H

#include "gossip/peer.h"

struct sl_generation {
	bool there;           /* something lies in its place, whatever it is */
	uint64_t version;     /* one more than the generation before; 0: cannot be told */
	const uint8_t *state; /* what sl_peer_save wrote; borrowed */
	size_t length;
	char wrong[240]; /* why it is not to be used, as the end of a sentence; empty: nothing is known */
};

/* Told what became of the generations, in words for an event row of that kind. */
typedef void sl_generations_tell(void *context, enum sl_level, const char *kind, const char *detail);

/* Brings the peer (before SL_EVENT_START) to the newest generation that is there, not wrong, and loads; the
 * `wrong` of those that would not load is filled in. Returns its index, or −1: none is, and the peer is as it
 * was. Whatever is there and wrong must be kept under another name before anything is written in its place.
 *
 * An older generation is exact in lockstep: neighbours keep what it needs (frame.h: durable). But none stands
 * in for one that ran under a later roster than the setup's (SL_REFUSED, in *error, else SL_OK): then the
 * roster is wrong, not the checkpoint. */
int sl_generations_load(struct sl_peer *, struct sl_generation generation[2], sl_generations_tell *tell,
                        void *context, struct sl_error *error);

#endif
