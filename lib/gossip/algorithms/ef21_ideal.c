/* EF21-SGD-ideal: g_i = ∇f_i(x) + C(∇f_i(x, ξ) − ∇f_i(x)); x⁺ = x − (η/n) Σ g_i. It sends the whole gradient
 * besides: no method to use, but the one that shows why a biased compressor and noise need momentum
 * (Fatkhullin, Tyurin & Richtárik, NeurIPS 2023, Theorem 1: it never gets below σ²/30 or so, at any number of
 * peers). */
#include "gossip/algorithm.h"

#include "linalg/vector.h"

enum { NOISE, EXACT, VECTORS };

static void local(struct sl_learner *l)
{
	l->loss = sl_part_gradient(l, l->x, 0, l->vector[NOISE]);
	sl_part_full_gradient(l, l->x, l->vector[EXACT]);
	sl_vector_subtract(l->dimension, l->vector[NOISE], l->vector[EXACT], l->vector[NOISE]);
}

static const float *outgoing(struct sl_learner *l, unsigned channel)
{
	return l->vector[channel];
}

static struct sl_absorb_rule rule(const struct sl_plan *plan, uint32_t peer, uint32_t version,
                                  unsigned channel)
{
	(void)plan, (void)peer, (void)version;
	return (struct sl_absorb_rule){ channel == NOISE ? SL_ABSORB_REPLACE : SL_ABSORB_REFRESH, 1 };
}

static void aggregate(struct sl_learner *l, const struct sl_contribution *all, uint32_t count)
{
	float *mean = l->scratch->gradient, *exact = l->scratch->spare;
	sl_part_average(l, all, count, NOISE, mean);
	sl_part_average(l, all, count, EXACT, exact);
	sl_vector_axpy(l->dimension, 1, exact, mean);
	sl_part_descend(l, sl_part_eta(l), mean);
}

const struct sl_algorithm sl_algorithm_ef21_ideal = {
	.name = "ef21-ideal",
	.doc = "a counterexample: compresses only the gradient noise and still does not converge",
	.paper =
	    "Fatkhullin, Tyurin, Richtárik: Momentum Provably Improves Error Feedback!, NeurIPS 2023, Theorem 1",
	.exchanges = "C(g - ∇f), ∇f",
	.needs = "contractive compressor, complete graph",
	.reads = SL_READS_LAMBDA | SL_READS_ESTIMATOR,
	.repeats_batches = true,
	.channels = 2,
	.vectors = VECTORS,
	.rule = rule,
	.takes = SL_TAKES_CONTRACTIVE,
	.irrecoverable = true,
	.local = local,
	.outgoing = outgoing,
	.aggregate = aggregate,
};
