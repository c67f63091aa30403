/* server.h — shared by methods with a server, whose average every peer computes itself from all copies. */
#ifndef SL_GOSSIP_METHODS_SERVER_H
#define SL_GOSSIP_METHODS_SERVER_H

#include "gossip/algorithm.h"

/* A shift that tracks its peer's messages. The options of a method with one begin with its step α, which
 * sl_server_shift_prepare completes; channel 0 is the shift, channel 1 what a message says beside it. */
struct sl_server_shift {
	double alpha;
};
#define SL_SERVER_SHIFT_OPTION                                                                               \
	{                                                                                                    \
		"alpha", "step of the shift; 0: 1/(1 + ω)", SL_OPTION_REAL,                                  \
		    offsetof(struct sl_server_shift, alpha), 0, 1, "0", NULL, true                           \
	}
extern const struct sl_option sl_server_shift_options[]; /* that one alone */
enum sl_status sl_server_shift_prepare(struct sl_plan *, const struct sl_plan_graph *, struct sl_error *);
double sl_server_shift_step(const struct sl_plan *);
struct sl_absorb_rule sl_server_shift_rule(const struct sl_plan *, uint32_t peer, uint32_t version,
                                           unsigned channel);

/* A reference point that all peers renew with chance p, by one coin for all; the options begin with p.
 * Channel 0 carries a message, channel 1 the gradient at the reference point, whole, in the frame after each
 * renewal and in the first one. */
struct sl_server_reference {
	double p;
};
/* Whether it is renewed after round `version` − 1, and before the first. */
bool sl_server_renewed(const struct sl_plan *, uint32_t version);
struct sl_absorb_rule sl_server_reference_rule(const struct sl_plan *, uint32_t peer, uint32_t version,
                                               unsigned channel);

/* Shifts h_i that stay what they were found to be in round `found` (Shulgin & Richtárik, UAI 2022, Table 2:
 * fixed shift, DCGD-STAR). Until then every peer sends its whole gradient on channel 1, and from then on
 * C(∇f_i(x) − h_i) on channel 0, while channel 1 stays at h_i. */
enum { SL_SERVER_MESSAGE, SL_SERVER_SHIFT, SL_SERVER_SHIFT_VECTORS };
struct sl_absorb_rule sl_server_fixed_rule(uint32_t found, uint32_t number, unsigned channel);
void sl_server_fixed_local(struct sl_learner *, uint32_t found);
const float *sl_server_fixed_outgoing(struct sl_learner *, unsigned channel);
/* aggregate: x ← prox(x − η·(mean of channel 0 + mean of channel 1)). */
void sl_server_fixed_descend(struct sl_learner *, const struct sl_contribution *, uint32_t count);

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
