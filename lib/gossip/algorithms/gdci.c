/* GDCI: x⁺ = (1−r)x + (r/n) Σ Q_i(x − η∇f_i(x)): compressed iterates instead of gradients. Khaled & Richtárik
 * 2019; Shulgin & Richtárik, UAI 2022, eq. 13 (their η is r, their γ is η). Stops at a distance that ω sets.
 */
#include "gossip/methods/server.h"

struct options {
	double relax;
};
static const struct sl_option options[] = {
	{ "relax", "weight r of the average in the new model, in (0, 1]", SL_OPTION_REAL,
	  offsetof(struct options, relax), 1e-9, 1, "0.1", NULL, true },
	{ 0 },
};

static const struct options *options_of(const struct sl_plan *plan)
{
	return (const void *)plan->algorithm_options;
}

static void aggregate(struct sl_learner *l, const struct sl_contribution *all, uint32_t count)
{
	sl_server_relax(l, all, count, 0, options_of(l->plan)->relax);
}

/* Theorem 5, for the given r. */
static double theory(const struct sl_plan *plan, double smoothness, double convexity)
{
	(void)convexity;
	double r = options_of(plan)->relax, w = 2 * sl_part_omega(plan) / plan->peers;
	return (1 + r * w) / (r * smoothness * (1 + w));
}

const struct sl_algorithm sl_algorithm_gdci = {
	.name = "gdci",
	.doc = "compressed iterates, averaged at every peer: no memory, no exact limit",
	.paper =
	    "Khaled, Richtárik: Gradient Descent with Compressed Iterates, 2019; Shulgin, Richtárik: Shifted Compression Framework, UAI 2022, eq. 13",
	.exchanges = "Q(x - η∇f(x))",
	.needs = "unbiased compressor, complete graph",
	.steps = "(1 + 2rω/n)/(rL(1 + 2ω/n)), r at most 1/(κ + (2ω/n)(κ − 1))",
	.options = options,
	.reads = SL_READS_ESTIMATOR,
	.channels = 1,
	.vectors = 1,
	.absorb = SL_ABSORB_REPLACE,
	.takes = SL_TAKES_UNBIASED,
	.irrecoverable = true,
	.theory = theory,
	.local = sl_server_local_iterate,
	.outgoing = sl_part_send_first,
	.aggregate = aggregate,
};
