/* Rand-DIANA: m = Q(∇f_i(x) − h_i); x⁺ = x − (η/n) Σ (h_i + m_i); h_i⁺ = ∇f_i(x) with probability p, sent whole.
 * Channel 0 carries m, channel 1 h. Shulgin & Richtárik, UAI 2022, Algorithm of Section 3.3. */
#include "gossip/algorithm.h"

#include "linalg/vector.h"

enum { GRADIENT, SHIFT_MEAN, VECTORS };

struct options {
	double p;
};
static const struct sl_option options[] = {
	{ "p", "probability per round of a new shift; 0: 1/(1 + ω)", SL_OPTION_REAL,
	  offsetof(struct options, p), 0, 1, "0", NULL, true },
	{ 0 },
};

static const struct options *options_of(const struct sl_plan *plan)
{
	return (const void *)plan->algorithm_options;
}

static enum sl_status prepare(struct sl_plan *plan, const struct sl_plan_graph *graph, struct sl_error *error)
{
	(void)graph, (void)error;
	struct options *o = (void *)plan->algorithm_options;
	o->p = sl_part_shift(plan, o->p, 1);
	return SL_OK;
}

static struct sl_absorb_rule rule(const struct sl_plan *plan, uint32_t peer, uint32_t version,
                                  unsigned channel)
{
	double p = options_of(plan)->p;
	enum sl_absorb shift =
	    sl_part_coin(plan, "rand-diana", peer, version, p) ? SL_ABSORB_REFRESH : SL_ABSORB_SILENT;
	return (struct sl_absorb_rule){ channel == 0 ? SL_ABSORB_REPLACE : shift, 1 };
}

static const float *outgoing(struct sl_learner *l, unsigned channel)
{
	if (channel == 1)
		return l->vector[GRADIENT];
	sl_vector_subtract(l->dimension, l->vector[GRADIENT], l->copy + l->dimension, l->scratch->gradient);
	return l->scratch->gradient;
}

static void aggregate(struct sl_learner *l, const struct sl_contribution *all, uint32_t count)
{
	float *mean = l->scratch->gradient;
	sl_part_average(l, all, count, 0, mean);
	sl_vector_axpy(l->dimension, 1, l->vector[SHIFT_MEAN], mean);
	sl_part_descend(l, sl_part_eta(l), mean);
	sl_part_average(l, all, count, 1, l->vector[SHIFT_MEAN]);
}

/* Theorem 4 with M = 4ω/(np). */
static double theory(const struct sl_plan *plan, double smoothness, double convexity)
{
	(void)convexity;
	return 1 / (smoothness * (1 + 6 * sl_part_omega(plan) / plan->peers));
}

const struct sl_algorithm sl_algorithm_rand_diana = {
	.name = "rand-diana",
	.doc = "DIANA with shifts that are replaced by the gradient at random rounds",
	.paper = "Shulgin, Richtárik: Shifted Compression Framework, UAI 2022, Section 3.3",
	.exchanges = "Q(∇f(x) - h), and ∇f(x) with probability p",
	.needs = "unbiased compressor, complete graph",
	.steps = "1/(L(1 + 6ω/n))",
	.options = options,
	.reads = SL_READS_LAMBDA | SL_READS_ESTIMATOR,
	.channels = 2,
	.vectors = VECTORS,
	.rule = rule,
	.takes = SL_TAKES_UNBIASED,
	.irrecoverable = true,
	.prepare = prepare,
	.theory = theory,
	.local = sl_part_local_gradient,
	.outgoing = outgoing,
	.aggregate = aggregate,
};
