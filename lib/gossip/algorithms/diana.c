/* DIANA: q = Q(∇f_i(x) − h_i); x⁺ = x − (η/n) Σ (h_i + q_i); h_i⁺ = h_i + αq_i. Channel 0 is the shift h,
 * channel 1 what the messages say of the gradient, h + q. Mishchenko, Gorbunov, Takáč & Richtárik 2019; here
 * as in Shulgin & Richtárik, UAI 2022, simplified (their C = 0). Generalised DIANA (C ≠ 0) is this one with
 * an induced compressor. */
#include "gossip/algorithm.h"

struct options {
	double alpha;
};
static const struct sl_option options[] = {
	{ "alpha", "step of the shift; 0: 1/(1 + ω)", SL_OPTION_REAL, offsetof(struct options, alpha), 0, 1,
	  "0", NULL, true },
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
	o->alpha = sl_part_shift(plan, o->alpha, 1);
	return SL_OK;
}

static struct sl_absorb_rule rule(const struct sl_plan *plan, uint32_t peer, uint32_t number,
                                  unsigned channel)
{
	(void)peer, (void)number;
	return sl_part_shift_rule(options_of(plan)->alpha, channel);
}

static void aggregate(struct sl_learner *l, const struct sl_contribution *all, uint32_t count)
{
	float *mean = l->scratch->gradient;
	sl_part_average(l, all, count, 1, mean);
	sl_part_descend(l, sl_part_eta(l), mean);
}

/* Shulgin & Richtárik 2022, Theorem 3 with M = 4ω/(nα), the M that its Lyapunov function needs. */
static double theory(const struct sl_plan *plan, double smoothness, double convexity)
{
	(void)convexity;
	return 1 / (smoothness * (1 + 6 * sl_part_omega(plan) / plan->peers));
}

const struct sl_algorithm sl_algorithm_diana = {
	.name = "diana",
	.doc = "compressed differences of gradients to shifts that learn them: exact limit, any unbiased "
	       "compressor",
	.paper = "Mishchenko, Gorbunov, Takáč, Richtárik: Distributed Learning with Compressed Gradient "
	         "Differences, 2019; "
	         "Shulgin, Richtárik: Shifted Compression Framework, UAI 2022, Table 2",
	.exchanges = "Q(∇f(x) - h)",
	.needs = "unbiased compressor, complete graph",
	.steps = "1/(L(1 + 6ω/n))",
	.options = options,
	.channels = 2,
	.vectors = 1,
	.rule = rule,
	.from_zero = true,
	.takes = SL_TAKES_UNBIASED,
	.irrecoverable = true,
	.prepare = prepare,
	.theory = theory,
	.local = sl_part_local_gradient,
	.outgoing = sl_part_send_first,
	.aggregate = aggregate,
};
