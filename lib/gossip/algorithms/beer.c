/* BEER (Zhao, Li, Li, Richtárik & Chi, NeurIPS 2022, Algorithm 1):
 *
 *   X⁺ = X + γH(W − I) − ηV;  H⁺ = H + C(X⁺ − H);  V⁺ = V + γG(W − I) + ∇F(X⁺) − ∇F(X);  G⁺ = G + C(V⁺ − G)
 *
 * Channel 0 is H, channel 1 is G; both mixing terms are added when a round ends, so the step along V needs V
 * as it was before. The mean of V is the mean of the peers' last gradients at all times. */
#include "gossip/methods/tracking.h"

struct options {
	uint32_t step;
};
static const struct sl_option options[] = { SL_TRACKING_STEP_OPTION(struct options), { 0 } };

static void local(struct sl_learner *l)
{
	const struct options *o = (const void *)l->plan->algorithm_options;
	float *gradient = l->scratch->gradient;
	sl_tracking_step(l, o->step);
	l->loss = sl_part_gradient(l, l->x, 0, gradient);
	sl_tracking_follow(l, gradient);
	sl_tracking_keep(l);
}

const struct sl_algorithm sl_algorithm_beer = {
	.name = "beer",
	.doc = "compressed gossip with gradient tracking: exact on heterogeneous data",
	.paper =
	    "Zhao, Li, Li, Richtárik, Chi: BEER: Fast O(1/T) Rate for Decentralized Nonconvex Optimization with Communication Compression, NeurIPS 2022, Algorithm 1",
	.exchanges = "C(x - h), C(v - ĝ)",
	.needs = "contractive compressor, connected graph",
	.options = options,
	.reads = SL_READS_ESTIMATOR,
	.gamma_rule = sl_gamma_copies,
	.channels = 2,
	.vectors = SL_UNMIXED_VECTORS,
	.graphs = SL_GRAPHS_CHANGING | SL_GRAPHS_BALANCED,
	.absorb = SL_ABSORB_ADD,
	.irrecoverable = true,
	.local = local,
	.outgoing = sl_tracking_outgoing,
	.mix = sl_tracking_mix,
};
