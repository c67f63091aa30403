/* closing.h — checks that the models of a run with η = 0 converge after all faults have ended. */
#ifndef SL_SIM_CLOSING_H
#define SL_SIM_CLOSING_H

#include "sim/sim.h"

enum { SL_CLOSING_EDGES = 128, SL_CLOSING_PEERS = 64 };

/* State of a run when its last fault ended. */
struct sl_closing {
	bool healed;
	double spread;
	uint32_t step[SL_CLOSING_EDGES], round[SL_CLOSING_PEERS];
};

/* max over coordinates of largest minus smallest value among the peers' models */
double sl_closing_spread(struct sl_sim *, const struct sl_topology *, uint32_t dimension);
void sl_closing_healed(struct sl_closing *, struct sl_sim *, const struct sl_topology *, uint32_t dimension);

struct sl_closing_bound {
	uint32_t rounds, period; /* period: of a time-varying graph */
	/* Requests back off: rounds that may pass before a peer notices that the faults have ended. */
	uint32_t deaf;
	/* Spread after `rounds` undisturbed rounds, from a spread of 1. Gossip is linear, so after the faults
	 * the remaining spread must shrink at least at half that speed. */
	double calm;
	bool reweighed; /* rosters have changed the weights: `calm` does not apply */
};
/* The edges but those of one peer: each has gone on since the faults healed. `least`: the fewest useful steps of an edge. */
bool sl_closing_steps(const struct sl_closing *, const struct sl_closing_bound *, struct sl_sim *,
                      const struct sl_topology *, uint32_t but, uint32_t *least, char *trouble, size_t size);
/* Call after the end: writes a fault to `trouble`, or leaves it unchanged. */
void sl_closing_check(const struct sl_closing *, const struct sl_closing_bound *, struct sl_sim *,
                      const struct sl_topology *, uint32_t dimension, char *trouble, size_t size);

#endif
