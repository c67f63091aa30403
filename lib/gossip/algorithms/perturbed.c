/* Compressed perturbed SGD: p = e + ∇f(x, ξ) + ζ, ζ ~ N(0, (r²/d)I); q = C(p); e⁺ = p − q; x⁺ = x − (η/n) Σ
 * q. The noise before compression leads away from strict saddle points. Avdiukhin & Yaroslavtsev, NeurIPS
 * 2021, Algorithm 1, where a compressor that is not linear needs its error reset from time to time: every
 * `reset` rounds p is sent whole, so that x moves to x − ηe and e to 0. */
#include "gossip/algorithm.h"

#include "learn/portable.h"
#include "linalg/vector.h"

#include <math.h>

enum { MESSAGE, ERROR, VECTORS };

struct options {
	double r;
	uint32_t reset;
};
static const struct sl_option options[] = {
	{ "r", "length of the perturbation", SL_OPTION_REAL, offsetof(struct options, r), 0, 1e6, "0.01",
	  NULL, SL_SCOPE_RUN },
	{ "reset", "send the error uncompressed and reset it to zero every N rounds; 0: never", SL_OPTION_U32,
	  offsetof(struct options, reset), 0, 1e9, "0", NULL, SL_SCOPE_RUN },
	{ 0 },
};

static const struct options *options_of(const struct sl_plan *plan)
{
	return (const void *)plan->algorithm_options;
}

static struct sl_absorb_rule rule(const struct sl_plan *plan, uint32_t peer, uint32_t number,
                                  unsigned channel)
{
	(void)peer, (void)channel;
	uint32_t reset = options_of(plan)->reset;
	return (struct sl_absorb_rule){ reset && number % reset == 0 ? SL_ABSORB_REFRESH : SL_ABSORB_REPLACE,
		                        1 };
}

static void local(struct sl_learner *l)
{
	double deviation = options_of(l->plan)->r / sqrt(l->dimension);
	float *p = l->vector[MESSAGE];
	l->loss = sl_part_gradient(l, l->x, 0, p);
	sl_vector_axpy(l->dimension, 1, l->vector[ERROR], p);
	struct sl_random g = sl_random_stream(l->plan->settings.seed, l->peer, "perturbation", l->round);
	for (uint32_t k = 0; k < l->dimension && deviation > 0; k++)
		p[k] += (float)(deviation * sl_portable_normal(&g));
}

static void aggregate(struct sl_learner *l, const struct sl_contribution *all, uint32_t count)
{
	float *mean = l->scratch->gradient;
	sl_vector_subtract(l->dimension, l->vector[MESSAGE], l->copy, l->vector[ERROR]);
	sl_part_average(l, all, count, 0, mean);
	sl_part_descend(l, sl_part_eta(l), mean);
}

const struct sl_algorithm sl_algorithm_perturbed = {
	.name = "perturbed",
	.doc = "error feedback with small noise added before compression: leaves saddle points",
	.paper =
	    "Avdiukhin, Yaroslavtsev: Escaping Saddle Points with Compressed SGD, NeurIPS 2021, Algorithm 1",
	.exchanges = "C(e + g + noise)",
	.needs = "contractive compressor, complete graph",
	.options = options,
	.reads = SL_READS_LAMBDA | SL_READS_ESTIMATOR,
	.channels = 1,
	.vectors = VECTORS,
	.rule = rule,
	.takes = SL_TAKES_CONTRACTIVE,
	.irrecoverable = true,
	.local = local,
	.outgoing = sl_part_send_first,
	.aggregate = aggregate,
};
