/* EF-BV: d_i = C(∇f_i(x) − h_i); h_i⁺ = h_i + λd_i; x⁺ = x − (η/n) Σ (h_i + νd_i). One method between EF21 (λ
 * = ν = 1) and DIANA (λ = 1/(1+ω), ν = 1), for compressors with a bias and a variance. Condat, Yi &
 * Richtárik, NeurIPS 2022, Algorithm 1. The public copy is h, whose mean before and after a round gives the
 * mean of d. */
#include "gossip/algorithm.h"

#include <math.h>

enum { GRADIENT, MEAN_SHIFT, VECTORS };

struct options {
	double lambda, nu;
};
static const struct sl_option options[] = {
	{ "lambda",
	  "step of the shift; 0: min{1, (1−b)/((1−b)² + ω)} with the compressor's bias b and variance ω",
	  SL_OPTION_REAL, offsetof(struct options, lambda), 0, 1, "0", NULL, SL_SCOPE_RUN },
	{ "nu", "weight of the newest difference; 0: as lambda, with the variance of the peers' average, ω/n",
	  SL_OPTION_REAL, offsetof(struct options, nu), 0, 1, "0", NULL, SL_SCOPE_RUN },
	{ 0 },
};

/* Condat et al. 2022, eq. 8 and 9. */
static double step_for(double bias, double variance)
{
	return fmin(1, (1 - bias) / ((1 - bias) * (1 - bias) + variance));
}

/* b and ω of the compressor: one of them is 0. A contraction of δ may all be bias, b² = 1 − δ; where none is
 * proved, δ is what ordinary vectors keep. */
static void class_of(const struct sl_plan *plan, double *bias, double *variance)
{
	double omega = sl_part_omega(plan), delta = sl_part_delta(plan);
	bool unbiased = omega >= 0;
	if (isnan(delta))
		delta = sl_pipeline_gain(&plan->pipeline, &plan->model.layout);
	*bias = unbiased ? 0 : sqrt(1 - delta);
	*variance = unbiased ? omega : 0;
}

static enum sl_status prepare(struct sl_plan *plan, const struct sl_plan_graph *graph, struct sl_error *error)
{
	(void)graph, (void)error;
	struct options *o = (void *)plan->algorithm_options;
	double bias, variance;
	class_of(plan, &bias, &variance);
	o->lambda = o->lambda > 0 ? o->lambda : step_for(bias, variance);
	o->nu = o->nu > 0 ? o->nu : step_for(bias, variance / plan->peers);
	return SL_OK;
}

/* Condat et al. 2022, Theorem 1: γ ≤ 1/(L + L̃√(r_av/r)/s*), s* = √((1 + r)/(2r)) − 1. */
static double theory(const struct sl_plan *plan, double smoothness, double convexity)
{
	(void)convexity;
	const struct options *o = (const void *)plan->algorithm_options;
	double bias, variance, l = o->lambda, n = o->nu;
	class_of(plan, &bias, &variance);
	double r = (1 - l + l * bias) * (1 - l + l * bias) + l * l * variance;
	double average = (1 - n + n * bias) * (1 - n + n * bias) + n * n * variance / plan->peers;
	if (r <= 0)
		return 1 / smoothness;
	return 1 / (smoothness * (1 + sqrt(average / r) / (sqrt((1 + r) / (2 * r)) - 1)));
}

static struct sl_absorb_rule rule(const struct sl_plan *plan, uint32_t peer, uint32_t number,
                                  unsigned channel)
{
	(void)peer, (void)number, (void)channel;
	const struct options *o = (const void *)plan->algorithm_options;
	return (struct sl_absorb_rule){ SL_ABSORB_ADD, (float)o->lambda };
}

static void aggregate(struct sl_learner *l, const struct sl_contribution *all, uint32_t count)
{
	const struct options *o = (const void *)l->plan->algorithm_options;
	float *mean = l->scratch->gradient, *before = l->vector[MEAN_SHIFT],
	      ratio = (float)(o->nu / o->lambda);
	sl_part_average(l, all, count, 0, mean);
	for (uint32_t k = 0; k < l->dimension; k++) {
		float now = mean[k];
		mean[k] = before[k] + ratio * (now - before[k]);
		before[k] = now;
	}
	sl_part_descend(l, sl_part_eta(l), mean);
}

const struct sl_algorithm sl_algorithm_ef_bv = {
	.name = "ef-bv",
	.doc =
	    "EF21 and DIANA in one: compressed differences of gradients, for any mixture of bias and variance",
	.paper =
	    "Condat, Yi, Richtárik: EF-BV: A Unified Theory of Error Feedback and Variance Reduction Mechanisms for Biased and Unbiased Compression in Distributed Optimization, NeurIPS 2022, Algorithm 1",
	.exchanges = "C(∇f(x) - h)",
	.needs = "unbiased or contractive compressor, complete graph",
	.steps = "1/(L(1 + √(r_av/r)/(√((1 + r)/2r) − 1)))",
	.options = options,
	.reads = SL_READS_LAMBDA | SL_READS_ESTIMATOR,
	.channels = 1,
	.vectors = VECTORS,
	.rule = rule,
	.from_zero = true,
	.irrecoverable = true,
	.prepare = prepare,
	.theory = theory,
	.local = sl_part_local_gradient,
	.outgoing = sl_part_send_first,
	.aggregate = aggregate,
};
