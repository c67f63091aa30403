/* DIANA: q = Q(∇f_i(x) − h_i); x⁺ = x − (η/n) Σ (h_i + q_i); h_i⁺ = h_i + αq_i. Channel 0 is the shift h,
 * channel 1 what the messages say of the gradient, h + q. Mishchenko, Gorbunov, Takáč & Richtárik 2019; here
 * as in Shulgin & Richtárik, UAI 2022, simplified (their C = 0). Generalised DIANA (C ≠ 0) is this one with
 * an induced compressor. */
#include "gossip/methods/server.h"

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
	.doc =
	    "compressed differences between gradients and learned shifts: exact limit, any unbiased compressor",
	.paper =
	    "Mishchenko, Gorbunov, Takáč, Richtárik: Distributed Learning with Compressed Gradient Differences, 2019; Shulgin, Richtárik: Shifted Compression Framework, UAI 2022, Table 2",
	.exchanges = "Q(∇f(x) - h)",
	.needs = "unbiased compressor, complete graph",
	.steps = "1/(L(1 + 6ω/n))",
	.options = sl_server_shift_options,
	.reads = SL_READS_LAMBDA | SL_READS_ESTIMATOR,
	.channels = 2,
	.vectors = 1,
	.rule = sl_server_shift_rule,
	.from_zero = true,
	.takes = SL_TAKES_UNBIASED,
	.irrecoverable = true,
	.prepare = sl_server_shift_prepare,
	.theory = theory,
	.local = sl_part_local_gradient,
	.outgoing = sl_part_send_first,
	.aggregate = aggregate,
};
