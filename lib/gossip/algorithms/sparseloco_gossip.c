/* SparseLoCo without a server: a peer's public copy is the sum of what it sent, and its model is that copy, mixed. From x
 * the local steps lead to x½; the copy lacks m = (x½ − x̂) + βe; q = C(m); x̂ += q; e⁺ = m − q; x⁺ = x̂ + γ Σ_j w_ij (x̂_j − x̂_i).
 * With β = 1, the default, nothing is forgotten; below that, unlike data leave a bias. On a complete graph whose weights
 * are equal, with γ = 1 and nothing lost, this is sparseloco with α = 1. */
#include "gossip/algorithm.h"

#include <string.h>

enum { HEAVY_BALL, ERROR, MESSAGE, VECTORS };

struct options {
	double beta;
};
static const struct sl_option options[] = {
	{ "beta", "what is kept of the error from one round to the next", SL_OPTION_REAL,
	  offsetof(struct options, beta), 0, 1, "1", NULL, true },
	{ 0 },
};

static float beta_of(const struct sl_learner *l)
{
	return (float)((const struct options *)(const void *)l->plan->algorithm_options)->beta;
}

/* Its difference to the copy is m. */
static void local(struct sl_learner *l)
{
	sl_part_local_sgd(l);
	sl_part_combine(l->dimension, l->x, beta_of(l), l->vector[ERROR], l->vector[MESSAGE]);
}

static const float *outgoing(struct sl_learner *l, unsigned channel)
{
	(void)channel;
	return l->vector[MESSAGE];
}

/* x is x½ and the terms of the edges: x½ becomes x̂ = x½ + βe − e⁺. */
static void finish(struct sl_learner *l)
{
	float beta = beta_of(l), *error = l->vector[ERROR];
	for (uint32_t k = 0; k < l->dimension; k++) {
		float lost = l->vector[MESSAGE][k] - l->copy[k];
		l->x[k] += beta * error[k] - lost;
		error[k] = lost;
	}
	sl_part_prox(l);
}

const struct sl_algorithm sl_algorithm_sparseloco_gossip = {
	.name = "sparseloco-gossip",
	.doc = "sparseloco by gossip: the model is what was sent, mixed",
	.paper =
	    "after Sarfi, Thérien, Lidin, Belilovsky: Communication Efficient LLM Pre-training with SparseLoCo, 2025",
	.exchanges = "C(x - x̂ + βe)",
	.needs = "contractive compressor, connected graph",
	.options = options,
	.reads = SL_READS_LOCAL_STEPS | SL_READS_MOMENTUM | SL_READS_LAMBDA | SL_READS_ESTIMATOR,
	.gamma_rule = sl_gamma_copies,
	.channels = 1,
	.vectors = VECTORS,
	.graphs = SL_GRAPHS_CHANGING | SL_GRAPHS_BALANCED,
	.outside_steps = true,
	.absorb = SL_ABSORB_ADD,
	.takes = SL_TAKES_CONTRACTIVE,
	.local = local,
	.outgoing = outgoing,
	.mix = sl_part_mix,
	.finish = finish,
};
