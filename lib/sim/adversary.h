/* adversary.h — a Byzantine peer: it follows the protocol, and also does one of two things. It tells lies at random: noise,
 * replayed frames, greetings with false fields, differences and tags from far ahead, extreme values, endless requests.
 * Or it goes for one end, with an attack (attack.c). */
#ifndef SL_SIM_ADVERSARY_H
#define SL_SIM_ADVERSARY_H

#include "base/hash.h"
#include "base/random.h"
#include "sim/sim.h"

enum { SL_ADVERSARY_KEPT = 16, SL_ADVERSARY_LONGEST = 2048, SL_ADVERSARY_PEERS = 64 };

#define SL_ATTACKS(X)                                                                                        \
	X(NONE, "lies at random")                                                                            \
	X(THIEF, "gives starting peers a copy of its own making, of the last round")                         \
	X(CHANGELING, "gives starting peers a copy of its own making, of the version that others hold")      \
	X(WRAP, "gives starting peers a copy of an epoch close to the last")                                 \
	X(FORK, "claims to hold the next version with another digest, again and again")                      \
	X(DRIP, "sends a snapshot of one byte in two seconds")
#define X(id, text) SL_ATTACK_##id,
enum sl_attack { SL_ATTACKS(X) SL_ATTACK_COUNT };
#undef X
const char *sl_attack_text(enum sl_attack);
/* Every coordinate of the models that attacks hand out. */
#define SL_ATTACK_VALUE 0.625f

struct sl_adversary {
	uint32_t peer;
	enum sl_attack attack;
	bool careful; /* sends only greetings, with plausible fields */
	bool ghost;   /* … and stops working after some rounds */
	double rate;  /* probability of a false message after an event */
	struct sl_random random;
	struct sl_sim *sim;
	const struct sl_plan *plan;
	const struct sl_topology *topology;
	uint64_t told;
	struct sl_adversary_frame {
		size_t length;
		uint8_t bytes[SL_ADVERSARY_LONGEST];
	} kept[SL_ADVERSARY_KEPT];
	uint32_t keeps;
	/* by neighbour: what it sent last that an attack answers, and what it was told last */
	struct sl_adversary_victim {
		bool greeted, asked;
		uint8_t what;
		uint32_t offset, told;
		struct sl_time due;
	} victim[SL_ADVERSARY_PEERS];
	uint32_t claim; /* the version that a thief claims */
	uint8_t *fake;  /* the copy that it hands out: plan->copy_bytes */
};

/* From here on the simulator does not check that peer. */
void sl_adversary_start(struct sl_adversary *, struct sl_sim *, const struct sl_plan *,
                        const struct sl_topology *, uint64_t seed, enum sl_attack);
void sl_adversary_free(struct sl_adversary *);
/* Call after every event. */
void sl_adversary_step(struct sl_adversary *);

/* adversary.c, for attack.c: a greeting as the adversary would send it in truth, to change; and sends. */
struct sl_adversary_greeting {
	struct sl_frame frame;
	uint32_t flags, held_epoch, held_version, step, oldest, known_epoch, rounds, stream, pace;
	uint64_t incarnation, echo, held_digest;
	uint8_t held_hash[SL_HASH_BYTES], hops;
};
/* False: no such edge now. */
bool sl_adversary_greeting(struct sl_adversary *, uint32_t to, struct sl_adversary_greeting *out);
void sl_adversary_greet(struct sl_adversary *, uint32_t to, const struct sl_adversary_greeting *);
void sl_adversary_send(struct sl_adversary *, uint32_t to, const struct sl_frame *, const uint8_t *body,
                       size_t length);

/* attack.c */
/* A message that the adversary's own peer sends, or is sent; its fate. */
enum sl_sim_fate sl_attack_hears(struct sl_adversary *, const struct sl_sim_message *);
void sl_attack_step(struct sl_adversary *);

#endif
