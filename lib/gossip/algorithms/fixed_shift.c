/* DCGD with fixed shifts: x⁺ = x − (η/n) Σ (h_i + Q(∇f_i(x) − h_i)), h_i = ∇f_i(x⁰). It stops at a distance
 * from the minimum x* that ω/n and the gradients' distance from the shifts there set: what shifts that learn
 * are measured against. Shulgin & Richtárik, UAI 2022, eq. 8 and Theorem 1. */
#include "gossip/methods/server.h"

static struct sl_absorb_rule rule(const struct sl_plan *plan, uint32_t peer, uint32_t number,
                                  unsigned channel)
{
	(void)plan, (void)peer;
	return sl_server_fixed_rule(0, number, channel);
}

static void local(struct sl_learner *l)
{
	sl_server_fixed_local(l, 0);
}

/* Theorem 1: γ ≤ 1/(L + 2·max(L_i·ω_i/n)) */
static double theory(const struct sl_plan *plan, double smoothness, double convexity)
{
	(void)convexity;
	return 1 / (smoothness * (1 + 2 * sl_part_omega(plan) / plan->peers));
}

const struct sl_algorithm sl_algorithm_fixed_shift = {
	.name = "fixed-shift",
	.doc = "compressed differences of gradients to those at the start: no exact limit",
	.paper = "Shulgin, Richtárik: Shifted Compression Framework, UAI 2022, Table 2",
	.exchanges = "Q(∇f(x) - ∇f(x0))",
	.needs = "unbiased compressor, complete graph",
	.steps = "1/(L(1 + 2ω/n))",
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
	.aggregate = sl_server_fixed_descend,
};
