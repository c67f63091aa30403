/* adversary.h — a peer that does its work and says other things besides, to whoever is its neighbour: noise, what
 * it said before, greetings that lie in every field, differences and tags from far ahead, absurd values,
 * questions without end. */
#ifndef SL_SIM_ADVERSARY_H
#define SL_SIM_ADVERSARY_H

#include "base/random.h"
#include "sim/sim.h"

enum { SL_ADVERSARY_KEPT = 16, SL_ADVERSARY_LONGEST = 2048 };

struct sl_adversary {
	uint32_t peer;
	bool careful; /* greetings alone, with nothing in them that cannot be */
	bool ghost;   /* … and after some rounds no work any more */
	double rate;  /* chance of a lie after an event */
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
};

/* From here on the simulator asks nothing of that peer. */
void sl_adversary_start(struct sl_adversary *, struct sl_sim *, const struct sl_plan *,
                        const struct sl_topology *, uint64_t seed);
/* Call after every event. */
void sl_adversary_step(struct sl_adversary *);

#endif
