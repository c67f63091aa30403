/* parts_server.h — what methods with a server have in common, which every peer computes itself from all
 * copies. */
#ifndef SL_GOSSIP_PARTS_SERVER_H
#define SL_GOSSIP_PARTS_SERVER_H

#include "gossip/algorithm.h"

/* aggregate: x ← prox(x − η·(mean of channel 0)). */
void sl_server_descend(struct sl_learner *, const struct sl_contribution *, uint32_t count);
/* x ← (1 − r)x + r·(mean of a channel). */
void sl_server_relax(struct sl_learner *, const struct sl_contribution *, uint32_t count, unsigned channel,
                     double r);
/* local: vector[0] ← x − η∇f_i(x), what methods of compressed iterates send. */
void sl_server_local_iterate(struct sl_learner *);

/* EF21 with momentum: the weight of the newest gradient, the first one's being 1, and the step size of its
 * Theorem 3, γ ≤ min{α/(20L̃), η/(7L)}. */
extern const struct sl_option sl_server_momentum_options[];
float sl_server_momentum_weight(const struct sl_learner *);
double sl_server_momentum_theory(const struct sl_plan *, double smoothness, double convexity);
/* average ← (1 − w)·average + w·v */
void sl_server_momentum(uint32_t n, float w, const float *v, float *average);

#endif
