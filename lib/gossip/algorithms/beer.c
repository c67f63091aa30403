/* BEER: x⁺ = x + γ Σ_j w_ij (h_j − h_i) − ηv; h⁺ = h + C(x⁺ − h); v⁺ = v + γ Σ_j w_ij (ĝ_j − ĝ_i) + ∇f(x⁺) −
 * ∇f(x); ĝ⁺ = ĝ + C(v⁺ − ĝ). Channel 0 is h, channel 1 ĝ; both mixing terms are added when a round ends. v̄ is
 * the mean of the peers' last gradients at all times. Zhao, Li, Li, Richtárik & Chi, NeurIPS 2022,
 * Algorithm 1. */
#include "gossip/algorithm.h"

#include "linalg/vector.h"

#include <string.h>

enum { TRACKER, GRADIENT, VECTORS };

static void local(struct sl_learner *l)
{
	float *v = l->vector[TRACKER], *last = l->vector[GRADIENT], *gradient = l->scratch->gradient;
	if (l->round == 0) {
		sl_part_gradient(l, l->x, 0, v);
		memcpy(last, v, l->dimension * sizeof *last);
	}
	sl_vector_axpy(l->dimension, -(float)sl_part_eta(l), v, l->x);
	l->loss = sl_part_gradient(l, l->x, 0, gradient);
	for (uint32_t k = 0; k < l->dimension; k++)
		v[k] += gradient[k] - last[k];
	memcpy(last, gradient, l->dimension * sizeof *last);
}

static const float *outgoing(struct sl_learner *l, unsigned channel)
{
	return channel == 0 ? l->x : l->vector[TRACKER];
}

static double mix(struct sl_learner *l, const struct sl_mixing *m)
{
	sl_part_mix_into(l, m, 1, l->vector[TRACKER]);
	return sl_part_mix(l, m);
}

const struct sl_algorithm sl_algorithm_beer = {
	.name = "beer",
	.doc = "compressed gossip with gradient tracking: exact on heterogeneous data",
	.paper = "Zhao, Li, Li, Richtárik, Chi: BEER: Fast O(1/T) Rate for Decentralized Nonconvex "
	         "Optimization with "
	         "Communication Compression, NeurIPS 2022, Algorithm 1",
	.exchanges = "C(x - h), C(v - ĝ)",
	.needs = "contractive compressor, connected graph",
	.channels = 2,
	.vectors = VECTORS,
	.graphs = SL_GRAPHS_CHANGING | SL_GRAPHS_BALANCED,
	.absorb = SL_ABSORB_ADD,
	.irrecoverable = true,
	.local = local,
	.outgoing = outgoing,
	.mix = mix,
};
