/* SparseLoCo: Δ = x − x after the local steps; m = βe + Δ; q = C(m); e⁺ = m − q; x⁺ = x − α (1/n) Σ q. The decayed error
 * takes the place of an outer momentum. Sarfi et al. 2025, Algorithm 1; every peer computes the mean itself. */
#include "gossip/algorithm.h"

#include "linalg/vector.h"

#include <string.h>

enum { HEAVY_BALL, START, ERROR, MESSAGE, VECTORS };

struct options {
	double beta, alpha;
};
static const struct sl_option options[] = {
	{ "beta", "what is kept of the error from one round to the next", SL_OPTION_REAL,
	  offsetof(struct options, beta), 0, 1, "0.95", NULL, true },
	{ "alpha", "outer step: how much of the mean is taken", SL_OPTION_REAL,
	  offsetof(struct options, alpha), 1e-6, 10, "1", NULL, true },
	{ 0 },
};

static const struct options *options_of(const struct sl_learner *l)
{
	return (const void *)l->plan->algorithm_options;
}

static void local(struct sl_learner *l)
{
	float beta = (float)options_of(l)->beta, *start = l->vector[START];
	size_t bytes = l->dimension * sizeof *l->x;
	memcpy(start, l->x, bytes);
	sl_part_local_sgd(l);
	for (uint32_t k = 0; k < l->dimension; k++)
		l->vector[MESSAGE][k] = beta * l->vector[ERROR][k] + (start[k] - l->x[k]);
	memcpy(l->x, start, bytes);
}

static const float *outgoing(struct sl_learner *l, unsigned channel)
{
	(void)channel;
	return l->vector[MESSAGE];
}

static void aggregate(struct sl_learner *l, const struct sl_contribution *all, uint32_t count)
{
	float *mean = l->scratch->gradient;
	sl_vector_subtract(l->dimension, l->vector[MESSAGE], l->copy, l->vector[ERROR]);
	sl_part_average(l, all, count, 0, mean);
	sl_vector_axpy(l->dimension, -(float)options_of(l)->alpha, mean, l->x);
	sl_part_prox(l);
}

const struct sl_algorithm sl_algorithm_sparseloco = {
	.name = "sparseloco",
	.doc = "what many local steps did, sparse, with a decayed error",
	.paper =
	    "Sarfi, Thérien, Lidin, Belilovsky: Communication Efficient LLM Pre-training with SparseLoCo, 2025, Algorithm 1",
	.exchanges = "C(βe + Δ)",
	.needs = "contractive compressor, complete graph",
	.options = options,
	.reads = SL_READS_LOCAL_STEPS | SL_READS_MOMENTUM | SL_READS_LAMBDA | SL_READS_ESTIMATOR,
	.channels = 1,
	.vectors = VECTORS,
	.outside_steps = true,
	.absorb = SL_ABSORB_REPLACE,
	.takes = SL_TAKES_CONTRACTIVE,
	.irrecoverable = true,
	.local = local,
	.outgoing = outgoing,
	.aggregate = aggregate,
};
