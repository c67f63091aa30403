/* ADIANA: x = θ₁z + θ₂w + (1−θ₁−θ₂)y; g = h̄ + (1/n) Σ Q(∇f_i(x) − h_i); h_i⁺ = h_i + αQ(∇f_i(w) − h_i); y⁺ =
 * prox_{ηψ}(x − ηg); z⁺ = βz + (1−β)x + (γ/η)(y⁺ − x); w⁺ = y with probability p. Channel 0 carries Q(∇f_i(x) −
 * h_i), channel 1 is h. Li, Kovalev, Qian & Richtárik, ICML 2020, Algorithm 2; its saving needs compressors
 * independent of each other (He, Huang & Yuan, NeurIPS 2023). l->x is y. */
#include "gossip/algorithm.h"

#include "linalg/vector.h"

#include <math.h>
#include <string.h>

enum { X_GRADIENT, W_GRADIENT, X, Z, W, SHIFT_MEAN, VECTORS };

struct options {
	double alpha, p, theta1, theta2;
	bool practical;
	double gamma, beta; /* derived */
};
#define AT(field) offsetof(struct options, field)
static const struct sl_option options[] = {
	{ "alpha", "step of the shift; 0: 1/(1 + ω)", SL_OPTION_REAL, AT(alpha), 0, 1, "0", NULL, true },
	{ "p", "probability per round of a new reference point; 0: from the theory", SL_OPTION_REAL, AT(p), 0,
	  1, "0", NULL, true },
	{ "theta1", "weight of the accelerated sequence; 0: from the theory", SL_OPTION_REAL, AT(theta1), 0,
	  1, "0", NULL, true },
	{ "theta2", "weight of the reference point (with practical: 0)", SL_OPTION_REAL, AT(theta2), 0, 1,
	  "0.5", NULL, true },
	{ "practical",
	  "eta = 1/L, theta1 = sqrt(mu eta), theta2 = 0, p = 1/(1 + ω): faster than the parameters from the theory",
	  SL_OPTION_SWITCH, AT(practical), 0, 0, "no", NULL, true },
	{ 0 },
};

static const struct options *options_of(const struct sl_plan *plan)
{
	return (const void *)plan->algorithm_options;
}

/* Theorem 4. */
static double theory_p(const struct sl_plan *plan)
{
	double omega = sl_part_omega(plan);
	if (omega == 0)
		return 1;
	return fmin(1, fmax(1, sqrt(plan->peers / (32 * omega)) - 1) / (2 * (1 + omega)));
}

static double theory(const struct sl_plan *plan, double smoothness, double convexity)
{
	(void)convexity;
	double omega = sl_part_omega(plan), p = options_of(plan)->p, b = 2 * p * (omega + 1) + 1;
	if (options_of(plan)->practical || omega == 0)
		return 1 / (options_of(plan)->practical ? smoothness : 2 * smoothness);
	return fmin(1 / (2 * smoothness), plan->peers / (64 * omega * b * b * smoothness));
}

static enum sl_status prepare(struct sl_plan *plan, const struct sl_plan_graph *graph, struct sl_error *error)
{
	struct options *o = (void *)plan->algorithm_options;
	const struct sl_settings *s = &plan->settings;
	(void)graph;
	o->alpha = sl_part_shift(plan, o->alpha, 1);
	if (!(o->p > 0))
		o->p = o->practical ? 1 / (1 + sl_part_omega(plan)) : theory_p(plan);
	double eta = s->eta_rule == SL_ETA_THEORY ? theory(plan, s->smoothness, 0) : s->eta,
	       mu = s->convexity;
	if (!(mu > 0))
		return sl_fail(
		    error, SL_OUT_OF_RANGE,
		    "[algorithm] name = adiana: needs convexity, the smallest curvature of the mean loss");
	if (!(o->theta1 > 0))
		o->theta1 = o->practical ? sqrt(mu * eta) : fmin(0.25, sqrt(eta * mu / o->p));
	o->theta2 = o->practical ? 0 : o->theta2;
	o->gamma = eta / ((o->practical ? 1 : 2) * (o->theta1 + eta * mu));
	o->beta = 1 - o->gamma * mu;
	return SL_OK;
}

static struct sl_absorb_rule rule(const struct sl_plan *plan, uint32_t peer, uint32_t version,
                                  unsigned channel)
{
	(void)peer, (void)version;
	return channel == 0 ? (struct sl_absorb_rule){ SL_ABSORB_REPLACE, 1 }
	                    : (struct sl_absorb_rule){ SL_ABSORB_ADD, (float)options_of(plan)->alpha };
}

static void start(struct sl_learner *l)
{
	memcpy(l->vector[Z], l->x, l->dimension * sizeof(float));
	memcpy(l->vector[W], l->x, l->dimension * sizeof(float));
}

static void local(struct sl_learner *l)
{
	const struct options *o = options_of(l->plan);
	float *x = l->vector[X];
	float a = (float)o->theta1, b = (float)o->theta2, c = (float)(1 - o->theta1 - o->theta2);
	for (uint32_t k = 0; k < l->dimension; k++)
		x[k] = a * l->vector[Z][k] + b * l->vector[W][k] + c * l->x[k];
	l->loss = sl_part_gradient(l, x, 0, l->vector[X_GRADIENT]);
	sl_part_full_gradient(l, l->vector[W], l->vector[W_GRADIENT]);
}

static const float *outgoing(struct sl_learner *l, unsigned channel)
{
	if (channel == 1)
		return l->vector[W_GRADIENT];
	sl_vector_subtract(l->dimension, l->vector[X_GRADIENT], l->copy + l->dimension, l->scratch->gradient);
	return l->scratch->gradient;
}

static void aggregate(struct sl_learner *l, const struct sl_contribution *all, uint32_t count)
{
	const struct options *o = options_of(l->plan);
	float *g = l->scratch->gradient, *x = l->vector[X], *z = l->vector[Z];
	double eta = sl_part_eta(l), ratio = o->gamma / eta;
	sl_part_average(l, all, count, 0, g);
	sl_vector_axpy(l->dimension, 1, l->vector[SHIFT_MEAN], g);
	sl_part_average(l, all, count, 1, l->vector[SHIFT_MEAN]);
	if (sl_part_coin(l->plan, "adiana", UINT32_MAX, l->round, o->p))
		memcpy(l->vector[W], l->x, l->dimension * sizeof(float));
	sl_part_combine(l->dimension, x, -(float)eta, g, l->x);
	sl_part_prox_by(l, eta);
	for (uint32_t k = 0; k < l->dimension; k++)
		z[k] = (float)(o->beta * (double)z[k] + (1 - o->beta) * (double)x[k] +
		               ratio * ((double)l->x[k] - (double)x[k]));
}

const struct sl_algorithm sl_algorithm_adiana = {
	.name = "adiana",
	.doc = "accelerated DIANA: fewest bits for ill-conditioned convex problems",
	.paper =
	    "Li, Kovalev, Qian, Richtárik: Acceleration for Compressed Gradient Descent in Distributed and Federated Optimization, ICML 2020, Algorithm 2",
	.exchanges = "Q(∇f(x) - h), Q(∇f(w) - h)",
	.needs = "unbiased compressor, complete graph",
	.steps = "min(1/(2L), n/(64ω(2p(ω + 1) + 1)²L))",
	.options = options,
	.reads = SL_READS_LAMBDA | SL_READS_ESTIMATOR,
	.repeats_batches = true,
	.channels = 2,
	.vectors = VECTORS,
	.rule = rule,
	.takes = SL_TAKES_UNBIASED,
	.irrecoverable = true,
	.prepare = prepare,
	.theory = theory,
	.start = start,
	.local = local,
	.outgoing = outgoing,
	.aggregate = aggregate,
};
