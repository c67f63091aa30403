/* BEER: x⁺ = x + γ Σ_j w_ij (h_j − h_i) − ηv; h⁺ = h + C(x⁺ − h); v⁺ = v + γ Σ_j w_ij (ĝ_j − ĝ_i) + ∇f(x⁺) −
 * ∇f(x); ĝ⁺ = ĝ + C(v⁺ − ĝ). Channel 0 is h, channel 1 ĝ; both mixing terms are added when a round ends. v̄ is
 * the mean of the peers' last gradients at all times. Zhao, Li, Li, Richtárik & Chi, NeurIPS 2022,
 * Algorithm 1. */
#include "gossip/methods/tracking.h"

#include "linalg/vector.h"

static void local(struct sl_learner *l)
{
	float *gradient = l->scratch->gradient;
	sl_tracking_start(l);
	sl_vector_axpy(l->dimension, -(float)sl_part_eta(l), l->vector[SL_TRACKER], l->x);
	l->loss = sl_part_gradient(l, l->x, 0, gradient);
	sl_tracking_follow(l, gradient);
}

const struct sl_algorithm sl_algorithm_beer = {
	.name = "beer",
	.doc = "compressed gossip with gradient tracking: exact on heterogeneous data",
	.paper =
	    "Zhao, Li, Li, Richtárik, Chi: BEER: Fast O(1/T) Rate for Decentralized Nonconvex Optimization with Communication Compression, NeurIPS 2022, Algorithm 1",
	.exchanges = "C(x - h), C(v - ĝ)",
	.needs = "contractive compressor, connected graph",
	.channels = 2,
	.vectors = SL_TRACKING_VECTORS,
	.graphs = SL_GRAPHS_CHANGING | SL_GRAPHS_BALANCED,
	.absorb = SL_ABSORB_ADD,
	.irrecoverable = true,
	.local = local,
	.outgoing = sl_tracking_outgoing,
	.mix = sl_tracking_mix,
};
