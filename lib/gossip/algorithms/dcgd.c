/* DCGD: x⁺ = x − (η/n) Σ_i C(∇f_i(x)). With an unbiased C it stops at a distance that ω and the peers'
 * gradients at the optimum set; with a biased one it may diverge exponentially (Beznosikov et al. 2023,
 * Example 1). The reference that shifts and error feedback are measured against. Khirirat, Feyzmahdavian &
 * Johansson 2018. */
#include "gossip/algorithm.h"

#include "linalg/vector.h"

static void aggregate(struct sl_learner *l, const struct sl_contribution *all, uint32_t count)
{
	float *mean = l->scratch->gradient;
	sl_part_average(l, all, count, 0, mean);
	sl_part_descend(l, sl_part_eta(l), mean);
}

/* Shulgin & Richtárik 2022, Theorem 1 with h = 0. */
static double theory(const struct sl_plan *plan, double smoothness, double convexity)
{
	(void)convexity;
	return 1 / (smoothness * (1 + 2 * sl_part_omega(plan) / plan->peers));
}

const struct sl_algorithm sl_algorithm_dcgd = {
	.name = "dcgd",
	.doc = "compressed gradients, averaged at every peer: no memory, no exact limit",
	.paper =
	    "Khirirat, Feyzmahdavian, Johansson: Distributed learning with compressed gradients, 2018, Algorithm 1",
	.exchanges = "C(g)",
	.needs = "unbiased compressor (a biased one may diverge), complete graph",
	.steps = "1/(L(1 + 2ω/n))",
	.reads = SL_READS_LAMBDA | SL_READS_ESTIMATOR,
	.channels = 1,
	.vectors = 1,
	.absorb = SL_ABSORB_REPLACE,
	.irrecoverable = true,
	.theory = theory,
	.local = sl_part_local_gradient,
	.outgoing = sl_part_send_first,
	.aggregate = aggregate,
};
