/* ECLK, error-compensated loopless Katyusha: x = θ₁z + θ₂w + (1−θ₁−θ₂)y; p_i = e_i + (s/L)(∇f_i(x) −
 * ∇f_i(w)); q_i = C(p_i); e_i⁺ = p_i − q_i; z⁺ = prox_{sψ/((1+sσ)L)}((sσx + z − q̄ − (s/L)∇f(w))/(1+sσ)); y⁺ =
 * x + θ₁(z⁺ − z); w⁺ = y with probability p, and then ∇f_i(w⁺) is sent whole. Qian, Richtárik & Zhang, NeurIPS
 * 2021, Algorithm 1. Here 1/L is eta, s = 1/(3θ₁), σ = μ/(2L); l->x is y. */
#include "gossip/methods/server.h"

#include "linalg/vector.h"

#include <math.h>
#include <string.h>

enum { MESSAGE, ERROR, X, Z, W, W_GRADIENT, VECTORS };

struct options {
	struct sl_server_reference reference;
	double theta1, theta2;
	double s, sigma; /* derived */
};
static const struct sl_option options[] = {
	{ "theta1", "weight of the accelerated sequence; 0: min(sqrt(mu/(L p)), 1/2)", SL_OPTION_REAL,
	  offsetof(struct options, theta1), 0, 1, "0", NULL, true },
	{ "theta2", "weight of the reference point", SL_OPTION_REAL, offsetof(struct options, theta2), 0, 1,
	  "0.5", NULL, true },
	{ "p", "probability per round of a new reference point; 0: δ", SL_OPTION_REAL,
	  offsetof(struct sl_server_reference, p), 0, 1, "0", NULL, true },
	{ 0 },
};

static const struct options *options_of(const struct sl_plan *plan)
{
	return (const void *)plan->algorithm_options;
}

static double theory(const struct sl_plan *plan, double smoothness, double convexity)
{
	(void)plan, (void)convexity;
	return 1 / smoothness;
}

static enum sl_status prepare(struct sl_plan *plan, const struct sl_plan_graph *graph, struct sl_error *error)
{
	struct options *o = (void *)plan->algorithm_options;
	const struct sl_settings *s = &plan->settings;
	double eta = s->eta_rule == SL_ETA_THEORY ? theory(plan, s->smoothness, 0) : s->eta;
	(void)graph;
	if (!(o->reference.p > 0))
		o->reference.p = sl_part_delta(plan);
	if (!(o->theta1 > 0))
		o->theta1 = fmin(sqrt(s->convexity * eta / o->reference.p), 0.5);
	if (!(o->theta1 > 0) || !(o->reference.p > 0) || o->theta1 + o->theta2 > 1)
		return sl_fail(
		    error, SL_OUT_OF_RANGE,
		    "[algorithm] name = eclk: theta1 = %g, theta2 = %g, p = %g: theta1 and p must be above 0 (give them, or convexity and a contractive compressor) and theta1 + theta2 at most 1",
		    o->theta1, o->theta2, o->reference.p);
	o->s = 1 / (3 * o->theta1);
	o->sigma = s->convexity * eta / 2;
	return SL_OK;
}

static void start(struct sl_learner *l)
{
	memcpy(l->vector[Z], l->x, l->dimension * sizeof(float));
	memcpy(l->vector[W], l->x, l->dimension * sizeof(float));
}

static void local(struct sl_learner *l)
{
	const struct options *o = options_of(l->plan);
	float *x = l->vector[X], *gradient = l->scratch->gradient, step = (float)(o->s * sl_part_eta(l));
	float a = (float)o->theta1, b = (float)o->theta2, c = (float)(1 - o->theta1 - o->theta2);
	for (uint32_t k = 0; k < l->dimension; k++)
		x[k] = a * l->vector[Z][k] + b * l->vector[W][k] + c * l->x[k];
	if (sl_server_renewed(l->plan, l->round))
		sl_part_full_gradient(l, l->vector[W], l->vector[W_GRADIENT]);
	l->loss = sl_part_change(l, x, l->vector[W], l->vector[W_GRADIENT], gradient);
	sl_part_combine(l->dimension, l->vector[ERROR], step, gradient, l->vector[MESSAGE]);
}

static const float *outgoing(struct sl_learner *l, unsigned channel)
{
	return l->vector[channel == 0 ? MESSAGE : W_GRADIENT];
}

static void aggregate(struct sl_learner *l, const struct sl_contribution *all, uint32_t count)
{
	const struct options *o = options_of(l->plan);
	float *q = l->scratch->gradient, *whole = l->scratch->spare, *old = l->vector[MESSAGE];
	double eta = sl_part_eta(l), pull = o->s * o->sigma;
	sl_vector_subtract(l->dimension, l->vector[MESSAGE], l->copy, l->vector[ERROR]);
	sl_part_average(l, all, count, 0, q);
	sl_part_average(l, all, count, 1, whole);
	if (sl_server_renewed(l->plan, l->round + 1))
		memcpy(l->vector[W], l->x, l->dimension * sizeof(float));
	memcpy(old, l->vector[Z], l->dimension * sizeof(float));
	for (uint32_t k = 0; k < l->dimension; k++)
		l->x[k] = (float)((pull * (double)l->vector[X][k] + (double)old[k] - (double)q[k] -
		                   o->s * eta * (double)whole[k]) /
		                  (1 + pull));
	sl_part_prox_by(l, o->s * eta / (1 + pull));
	memcpy(l->vector[Z], l->x, l->dimension * sizeof(float));
	for (uint32_t k = 0; k < l->dimension; k++)
		l->x[k] = l->vector[X][k] + (float)o->theta1 * (l->x[k] - old[k]);
}

const struct sl_algorithm sl_algorithm_eclk = {
	.name = "eclk",
	.doc = "accelerated error feedback: fewest rounds for ill-conditioned convex problems",
	.paper =
	    "Qian, Richtárik, Zhang: Error Compensated Distributed SGD Can Be Accelerated, NeurIPS 2021, Algorithm 1",
	.exchanges = "C(e + (s/L)(∇f(x) - ∇f(w))), and ∇f(w) with probability p",
	.needs = "contractive compressor, complete graph",
	.steps = "1/L",
	.options = options,
	.reads = SL_READS_LAMBDA,
	.repeats_batches = true,
	.channels = 2,
	.vectors = VECTORS,
	.rule = sl_server_reference_rule,
	.takes = SL_TAKES_CONTRACTIVE,
	.irrecoverable = true,
	.prepare = prepare,
	.theory = theory,
	.start = start,
	.local = local,
	.outgoing = outgoing,
	.aggregate = aggregate,
};
