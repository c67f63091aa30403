/* VR-GDCI: q = Q(T_i(x) − h_i), T_i(x) = x − η∇f_i(x); x⁺ = (1−r)x + (r/n) Σ (h_i + q_i); h_i⁺ = h_i + αq_i.
 * Shulgin & Richtárik, UAI 2022; as a fixed-point method in Chraibi, Khaled, Kovalev, Salim, Richtárik &
 * Takáč 2019, Algorithm 4. */
#include "gossip/methods/server.h"

struct options {
	struct sl_server_shift shift;
	double relax;
};
static const struct sl_option options[] = {
	{ "relax", "weight r of the average in the new model, in (0, 1]", SL_OPTION_REAL,
	  offsetof(struct options, relax), 1e-9, 1, "0.1", NULL, true },
	SL_SERVER_SHIFT_OPTION,
	{ 0 },
};

static double relax_of(const struct sl_plan *plan)
{
	return ((const struct options *)(const void *)plan->algorithm_options)->relax;
}

static void aggregate(struct sl_learner *l, const struct sl_contribution *all, uint32_t count)
{
	sl_server_relax(l, all, count, 1, relax_of(l->plan));
}

static double theory(const struct sl_plan *plan, double smoothness, double convexity)
{
	(void)convexity;
	double r = relax_of(plan), w = 6 * sl_part_omega(plan) / plan->peers;
	return (1 + r * w) / (r * smoothness * (1 + w));
}

const struct sl_algorithm sl_algorithm_vr_gdci = {
	.name = "vr-gdci",
	.doc = "compressed iterates with learned shifts: exact limit",
	.paper = "Shulgin, Richtárik: Shifted Compression Framework, UAI 2022, supplement",
	.exchanges = "Q(x - η∇f(x) - h)",
	.needs = "unbiased compressor, complete graph",
	.steps = "(1 + 6rω/n)/(rL(1 + 6ω/n)), r at most 1/(κ + (6ω/n)(κ − 1))",
	.options = options,
	.reads = SL_READS_ESTIMATOR,
	.channels = 2,
	.vectors = 1,
	.rule = sl_server_shift_rule,
	.takes = SL_TAKES_UNBIASED,
	.irrecoverable = true,
	.prepare = sl_server_shift_prepare,
	.theory = theory,
	.local = sl_server_local_iterate,
	.outgoing = sl_part_send_first,
	.aggregate = aggregate,
};
