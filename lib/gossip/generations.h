/* generations.h — chooses the checkpoint from which a peer resumes: the newest of its two generations that
 * loads. Shared by the daemon, whose checkpoints are files, and the simulator. */
#ifndef SL_GOSSIP_GENERATIONS_H
#define SL_GOSSIP_GENERATIONS_H

#include "gossip/peer.h"

struct sl_generation {
	bool there;           /* something exists in its place, valid or not */
	uint64_t version;     /* one more than the previous generation's; 0: unknown */
	const uint8_t *state; /* bytes of sl_peer_save; borrowed */
	size_t length;
	char wrong[240]; /* why it must not be used, as the end of a sentence; empty: no reason known */
};

/* Receives the outcome for each generation, as kind and detail of an event row. */
typedef void sl_generations_tell(void *context, enum sl_level, const char *kind, const char *detail);

/* Brings the peer (before SL_EVENT_START) to the newest generation that exists, has no `wrong`, and loads;
 * sets `wrong` of those that fail to load. Returns its index, or −1 if there is none; the peer is then
 * unchanged. The caller must keep every existing generation with a `wrong` under another name before it
 * writes in its place.
 *
 * An older generation is exact in lockstep: neighbours keep the frames it needs (frame.h: durable). But a
 * generation that ran under a later roster than the setup's is not replaced by an older one (SL_REFUSED, in
 * *error, else SL_OK): then the roster is wrong, not the checkpoint. */
int sl_generations_load(struct sl_peer *, struct sl_generation generation[2], sl_generations_tell *tell,
                        void *context, struct sl_error *error);

#endif
