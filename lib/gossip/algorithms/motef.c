/* MoTEF (Islamov, Gao & Stich, ICLR 2025, Algorithm 1): BEER with the momentum M⁺ = (1−λ)M + λ∇F(X⁺, ξ) in
 * place of the gradient: V⁺ = V + γG(W − I) + M⁺ − M. Any batch size, any heterogeneity. M and V begin as one
 * and the same gradient: their means stay equal. */
#include "gossip/methods/tracking.h"

struct options {
	double weight;
	uint32_t step;
};
static const struct sl_option options[] = {
	{ "weight", "weight of the newest gradient in the momentum, in (0, 1]", SL_OPTION_REAL,
	  offsetof(struct options, weight), 1e-9, 1, "0.1", NULL, SL_SCOPE_RUN },
	SL_TRACKING_STEP_OPTION(struct options),
	{ 0 },
};

static void local(struct sl_learner *l)
{
	const struct options *o = (const void *)l->plan->algorithm_options;
	float *v = l->vector[SL_TRACKER], *m = l->vector[SL_TRACKED], *gradient = l->scratch->gradient;
	sl_tracking_step(l, o->step);
	l->loss = sl_part_gradient(l, l->x, 0, gradient);
	for (uint32_t k = 0; k < l->dimension; k++) {
		float change = (float)o->weight * (gradient[k] - m[k]);
		m[k] += change;
		v[k] += change;
	}
	sl_tracking_keep(l);
}

const struct sl_algorithm sl_algorithm_motef = {
	.name = "motef",
	.doc = "BEER with momentum: exact on heterogeneous data, any batch size",
	.paper =
	    "Islamov, Gao, Stich: Towards Faster Decentralized Stochastic Optimization with Communication Compression, ICLR 2025, Algorithm 1",
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
