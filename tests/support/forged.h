/* forged.h — frames in a peer's name that pass the door of its neighbour, for tests. */
#ifndef SL_TESTS_FORGED_H
#define SL_TESTS_FORGED_H

#include "swarm.h"

#include "gossip/peer/state.h"

/* What a greeting says, as its sender would say it now. */
struct forged_hello {
	uint32_t flags, held_epoch, held_version, step, oldest, known_epoch;
	uint32_t rounds;     /* 0: those of the run */
	uint64_t other_keys; /* shared keys with another digest */
	uint64_t incarnation, echo, held_digest;
	const uint8_t *held_hash; /* NULL: it was not asked */
};

struct sl_edge *forged_edge(struct swarm *, uint32_t at, uint32_t neighbour);
/* A header as `from` would send it to `to` now. */
struct sl_frame forged_frame(struct swarm *, uint32_t from, uint32_t to, enum sl_frame_kind);
struct forged_hello forged_greeting(struct swarm *, uint32_t from, uint32_t to);
/* Sends it and lets the simulator deliver it. */
void forged_send(struct swarm *, uint32_t from, uint32_t to, const struct sl_frame *, const uint8_t *body,
                 size_t length);
void forged_greet(struct swarm *, uint32_t from, uint32_t to, const struct sl_frame *,
                  const struct forged_hello *);

#endif
