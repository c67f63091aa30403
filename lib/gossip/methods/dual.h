/* dual.h — what LEAD, Prox-LEAD and CEDAS share: a compressed step y against a shift, and a dual variable d
 * that accumulates the disagreement of the messages' estimates. Channel 0 is the shift h, channel 1 the
 * estimate ŷ = h + q. */
#ifndef SL_GOSSIP_METHODS_DUAL_H
#define SL_GOSSIP_METHODS_DUAL_H

#include "gossip/algorithm.h"

enum { SL_DUAL, SL_DUAL_MESSAGE, SL_DUAL_DESCENDED, SL_DUAL_VECTORS };

extern const struct sl_option sl_dual_options[];
enum sl_status sl_dual_prepare(struct sl_plan *, const struct sl_plan_graph *, struct sl_error *);
struct sl_absorb_rule sl_dual_rule(const struct sl_plan *, uint32_t peer, uint32_t version, unsigned channel);
void sl_dual_gamma(const struct sl_plan *, const struct sl_plan_graph *, struct sl_gamma_bound *out);
/* 2/(μ + L): Liu et al. 2021, Theorem 1. */
double sl_dual_theory(const struct sl_plan *, double smoothness, double convexity);
/* z = x − ηg; y = z − d */
void sl_dual_local(struct sl_learner *);
const float *sl_dual_outgoing(struct sl_learner *, unsigned channel);
/* d −= (c/2)(ŷ_j − ŷ_i) */
double sl_dual_mix(struct sl_learner *, const struct sl_mixing *);
/* x = z − d */
void sl_dual_step(struct sl_learner *);

#endif
