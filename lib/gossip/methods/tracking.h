/* tracking.h — what methods with gradient tracking share: v follows the mean of the peers' gradients,
 * for what is added to it locally sums to the change of what is tracked. Channel 0 is x, channel 1 is v. */
#ifndef SL_GOSSIP_METHODS_TRACKING_H
#define SL_GOSSIP_METHODS_TRACKING_H

#include "gossip/algorithm.h"

/* vector[]: v, and what was added to it in all: the last gradient, or a momentum. */
enum { SL_TRACKER, SL_TRACKED, SL_TRACKING_VECTORS };

/* Before the first round both are the gradient at x, so that their means are equal ever after. */
void sl_tracking_start(struct sl_learner *);
/* v ← v + gradient − the last one */
void sl_tracking_follow(struct sl_learner *, const float *gradient);
const float *sl_tracking_outgoing(struct sl_learner *, unsigned channel);
double sl_tracking_mix(struct sl_learner *, const struct sl_mixing *);

#endif
