/* closing.h — consensus closes once faults have healed: what is asked of a run at η = 0. */
#ifndef SL_SIM_CLOSING_H
#define SL_SIM_CLOSING_H

#include "sim/sim.h"

enum { SL_CLOSING_EDGES = 128, SL_CLOSING_PEERS = 64 };

/* Where a run stood when its last fault had ended. */
struct sl_closing {
	bool healed;
	double spread;
	uint32_t step[SL_CLOSING_EDGES], round[SL_CLOSING_PEERS];
};

/* max over coordinates of the largest less the smallest of the peers' models */
double sl_closing_spread(struct sl_sim *, const struct sl_topology *, uint32_t dimension);
void sl_closing_healed(struct sl_closing *, struct sl_sim *, const struct sl_topology *, uint32_t dimension);

struct sl_closing_bound {
	uint32_t rounds, period; /* period: of a graph whose edges take turns */
	/* Who has asked in vain for long asks rarely: rounds that may pass before it hears of the healing. */
	uint32_t deaf;
	/* What a run of so many rounds that nothing disturbs makes of a spread of 1: gossip is linear, so
	 * that steps after the healing close what was open then at half that speed or better. */
	double calm;
	bool reweighed; /* rosters have changed the weights: the calm run says nothing of the speed */
};
/* After the end: writes what is wrong, or leaves `trouble` alone. */
void sl_closing_check(const struct sl_closing *, const struct sl_closing_bound *, struct sl_sim *,
                      const struct sl_topology *, uint32_t dimension, char *trouble, size_t size);

#endif
