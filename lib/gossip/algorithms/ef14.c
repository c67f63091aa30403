/* Error feedback: p = e + ηg; q = C(p); e⁺ = p − q; x⁺ = x − (1/n) Σ q. Seide et al. 2014; as distributed SGD
 * with biased compression in Beznosikov, Horváth, Richtárik & Safaryan, JMLR 24 (2023), Algorithm 3. With a
 * hard threshold as the compressor it is the sparsifier of least total error of Sahu et al. 2021. */
#include "gossip/algorithm.h"

#include "linalg/vector.h"

enum { MESSAGE, ERROR, VECTORS };

static void local(struct sl_learner *l)
{
	float *gradient = l->scratch->gradient;
	l->loss = sl_part_gradient(l, l->x, 0, gradient);
	sl_part_combine(l->dimension, l->vector[ERROR], (float)sl_part_eta(l), gradient, l->vector[MESSAGE]);
}

static void aggregate(struct sl_learner *l, const struct sl_contribution *all, uint32_t count)
{
	float *mean = l->scratch->gradient;
	sl_vector_subtract(l->dimension, l->vector[MESSAGE], l->copy, l->vector[ERROR]);
	sl_part_average(l, all, count, 0, mean);
	sl_vector_axpy(l->dimension, -1, mean, l->x);
	sl_part_prox_by(l, sl_part_eta(l));
}

/* Beznosikov et al. 2023, Theorem 21: η ≤ 1/(14(2δ + B)L), without noise (B = 0) and with their δ = 1/ours.
 */
static double theory(const struct sl_plan *plan, double smoothness, double convexity)
{
	(void)convexity;
	return sl_part_delta(plan) / (28 * smoothness);
}

const struct sl_algorithm sl_algorithm_ef14 = {
	.name = "ef14",
	.doc = "error feedback: the compression error is added to the next message",
	.paper =
	    "Seide, Fu, Droppo, Li, Yu: 1-bit stochastic gradient descent, Interspeech 2014; Beznosikov, Horváth, Richtárik, Safaryan: On Biased Compression for Distributed Learning, JMLR 2023, Algorithm 3",
	.exchanges = "C(e + ηg)",
	.needs = "contractive or hard-threshold compressor, complete graph",
	.steps = "δ/(28L)",
	.reads = SL_READS_LAMBDA | SL_READS_ESTIMATOR,
	.channels = 1,
	.vectors = VECTORS,
	.absorb = SL_ABSORB_REPLACE,
	.takes = SL_TAKES_CONTRACTIVE,
	.irrecoverable = true,
	.theory = theory,
	.local = local,
	.outgoing = sl_part_send_first,
	.aggregate = aggregate,
};
