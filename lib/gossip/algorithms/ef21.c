/* EF21: c = C(∇f_i(x) − g_i); g_i⁺ = g_i + c; x⁺ = x − (η/n) Σ g_i⁺. The public copy is g_i, so that its mean
 * is the server's state. Richtárik, Sokolov & Fatkhullin, NeurIPS 2021, Algorithm 2. */
#include "gossip/algorithm.h"

#include <math.h>

static void aggregate(struct sl_learner *l, const struct sl_contribution *all, uint32_t count)
{
	float *mean = l->scratch->gradient;
	sl_part_average(l, all, count, 0, mean);
	sl_part_descend(l, sl_part_eta(l), mean);
}

/* Theorem 1: γ ≤ 1/(L + L̃√(β/θ)), θ = 1 − √(1−δ), β = (1−δ)/θ. */
static double theory(const struct sl_plan *plan, double smoothness, double convexity)
{
	(void)convexity;
	double delta = sl_part_delta(plan), theta = 1 - sqrt(1 - delta);
	return 1 / (smoothness * (1 + sqrt(1 - delta) / theta));
}

const struct sl_algorithm sl_algorithm_ef21 = {
	.name = "ef21",
	.doc = "compressed differences of gradients: exact limit with any contractive compressor",
	.paper =
	    "Richtárik, Sokolov, Fatkhullin: EF21: A New, Simpler, Theoretically Better, and Practically Faster Error Feedback, NeurIPS 2021, Algorithm 2",
	.exchanges = "C(∇f(x) - g)",
	.needs = "contractive compressor, complete graph",
	.steps = "1/(L(1 + √(1−δ)/(1−√(1−δ))))",
	.reads = SL_READS_LAMBDA | SL_READS_ESTIMATOR,
	.channels = 1,
	.vectors = 1,
	.absorb = SL_ABSORB_ADD,
	.from_zero = true,
	.takes = SL_TAKES_CONTRACTIVE,
	.irrecoverable = true,
	.theory = theory,
	.local = sl_part_local_gradient,
	.outgoing = sl_part_send_first,
	.aggregate = aggregate,
};
