/* adversary.h — a Byzantine peer: it follows the protocol, and also sends its neighbours noise, replayed
 * frames, greetings with false fields, differences and tags from far ahead, extreme values, and endless
 * requests. */
#ifndef SL_SIM_ADVERSARY_H
#define SL_SIM_ADVERSARY_H

#include "base/random.h"
#include "sim/sim.h"

enum { SL_ADVERSARY_KEPT = 16, SL_ADVERSARY_LONGEST = 2048 };

struct sl_adversary {
	uint32_t peer;
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
};

/* From here on the simulator does not check that peer. */
void sl_adversary_start(struct sl_adversary *, struct sl_sim *, const struct sl_plan *,
                        const struct sl_topology *, uint64_t seed);
/* Call after every event. */
void sl_adversary_step(struct sl_adversary *);

#endif
