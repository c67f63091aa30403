/* tracking.h — shared by methods with gradient tracking: v tracks the mean of the peers' gradients, because
 * its local increments sum to the change of the tracked vector. Channel 0 is x, channel 1 is v. */
#ifndef SL_GOSSIP_METHODS_TRACKING_H
#define SL_GOSSIP_METHODS_TRACKING_H

#include "gossip/algorithm.h"

/* vector[]: v; the tracked vector (the sum of increments): the last gradient, or a momentum; and, for methods
 * that step along v before mixing, that v. */
enum {
	SL_TRACKER,
	SL_TRACKED,
	SL_TRACKING_VECTORS,
	SL_TRACKER_UNMIXED = SL_TRACKING_VECTORS,
	SL_UNMIXED_VECTORS
};

/* Which v a step x ← x − ηv follows. BEER (Zhao et al. 2022, Algorithm 1) and MoTEF (Islamov et al. 2025,
 * Algorithm 1) step along V^t, to which the mixing term γG^t(W − I) of the same line of the algorithm is not
 * yet added; `mixed` steps along V^t + γG^t(W − I). */
enum { SL_STEP_PAPER, SL_STEP_MIXED };
#define SL_TRACKING_STEP_OPTION(type)                                                                        \
	{                                                                                                    \
		"step", "tracker in the step of x: paper: before mixing; mixed: after mixing",               \
		    SL_OPTION_CHOICE, offsetof(type, step), 0, 0, "paper", "paper|mixed", true               \
	}

/* Before the first round both are the gradient at x, so that their means stay equal. */
void sl_tracking_start(struct sl_learner *);
/* v ← v + gradient − the last one */
void sl_tracking_follow(struct sl_learner *, const float *gradient);
/* The same with a third vector: sl_tracking_start; x ← x − ηv with the v that `step` names. */
void sl_tracking_step(struct sl_learner *, uint32_t step);
/* Keeps v as it is before this round's mixing. */
void sl_tracking_keep(struct sl_learner *);
const float *sl_tracking_outgoing(struct sl_learner *, unsigned channel);
double sl_tracking_mix(struct sl_learner *, const struct sl_mixing *);

/* Methods with two successive exchanges take two rounds per iteration: in even rounds channel `first` is sent
 * and mixed, in odd ones the other. */
unsigned sl_tracking_turn(const struct sl_learner *, unsigned first);
struct sl_absorb_rule sl_tracking_turn_rule(uint32_t number, unsigned channel, unsigned first);
double sl_tracking_turn_mix(struct sl_learner *, const struct sl_mixing *, unsigned first);

#endif
