/* DCGD-STAR: x⁺ = x − (η/n) Σ (h_i + Q(∇f_i(x) − h_i)), h_i = ∇f_i(x*): the shifts that no method can know,
 * under which compression costs nothing in the end. The reference point that DIANA's shifts strive for.
 * Shulgin & Richtárik, UAI 2022, Table 2 and Theorem 2. To have x*, its first rounds descend with whole
 * gradients; then the model is put back to where it began. All rounds and all bytes are counted. */
#include "gossip/methods/server.h"

struct options {
	uint32_t search;
};
static const struct sl_option options[] = {
	{ "search", "initial rounds of uncompressed gradient descent, which find the minimum", SL_OPTION_U32,
	  offsetof(struct options, search), 1, 1e9, "1000", NULL, SL_SCOPE_RUN },
	{ 0 },
};

static uint32_t search_of(const struct sl_plan *plan)
{
	const struct options *o = (const void *)plan->algorithm_options;
	return o->search;
}

static struct sl_absorb_rule rule(const struct sl_plan *plan, uint32_t peer, uint32_t number,
                                  unsigned channel)
{
	(void)peer;
	return sl_server_fixed_rule(search_of(plan), number, channel);
}

static void local(struct sl_learner *l)
{
	sl_server_fixed_local(l, search_of(l->plan));
}

static void aggregate(struct sl_learner *l, const struct sl_contribution *all, uint32_t count)
{
	const struct sl_plan *plan = l->plan;
	if (l->round != search_of(plan)) {
		sl_server_fixed_descend(l, all, count);
		return;
	}
	sl_model_start(&plan->model, plan->settings.seed, l->x);
}

/* Theorem 2: γ ≤ 1/(L + max(L_i·ω_i)/n) */
static double theory(const struct sl_plan *plan, double smoothness, double convexity)
{
	(void)convexity;
	return 1 / (smoothness * (1 + sl_part_omega(plan) / plan->peers));
}

const struct sl_algorithm sl_algorithm_dcgd_star = {
	.name = "dcgd-star",
	.doc =
	    "a baseline: compressed differences of gradients to those at the minimum, which it finds first",
	.paper = "Shulgin, Richtárik: Shifted Compression Framework, UAI 2022, Table 2",
	.exchanges = "Q(∇f(x) - ∇f(x*))",
	.needs = "unbiased compressor, complete graph",
	.steps = "1/(L(1 + ω/n))",
	.options = options,
	.reads = SL_READS_LAMBDA | SL_READS_ESTIMATOR,
	.repeats_batches = true,
	.channels = 2,
	.vectors = SL_SERVER_SHIFT_VECTORS,
	.rule = rule,
	.from_zero = true,
	.takes = SL_TAKES_UNBIASED,
	.irrecoverable = true,
	.theory = theory,
	.local = local,
	.outgoing = sl_server_fixed_outgoing,
	.aggregate = aggregate,
};
