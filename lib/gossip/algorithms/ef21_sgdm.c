/* EF21-SGDM: v_i⁺ = (1−w)v_i + w∇f_i(x, ξ); c = C(v_i⁺ − g_i); g_i⁺ = g_i + c; x⁺ = x − (η/n) Σ g_i⁺.
 * Momentum before compression lets error feedback average noise out. Fatkhullin, Tyurin & Richtárik, NeurIPS
 * 2023, Algorithm 1. */
#include "gossip/methods/server.h"

static void local(struct sl_learner *l)
{
	float *gradient = l->scratch->gradient;
	l->loss = sl_part_gradient(l, l->x, 0, gradient);
	sl_server_momentum(l->dimension, sl_server_momentum_weight(l), gradient, l->vector[0]);
}

const struct sl_algorithm sl_algorithm_ef21_sgdm = {
	.name = "ef21-sgdm",
	.doc =
	    "EF21 on the momentum of stochastic gradients: any batch size, linear speed-up in the number of peers",
	.paper =
	    "Fatkhullin, Tyurin, Richtárik: Momentum Provably Improves Error Feedback!, NeurIPS 2023, Algorithm 1",
	.exchanges = "C(v - g)",
	.needs = "contractive compressor, complete graph",
	.steps = "min(δ/20, weight/7)/L",
	.options = sl_server_momentum_options,
	.reads = SL_READS_LAMBDA | SL_READS_ESTIMATOR,
	.channels = 1,
	.vectors = 1,
	.absorb = SL_ABSORB_ADD,
	.from_zero = true,
	.takes = SL_TAKES_CONTRACTIVE,
	.irrecoverable = true,
	.theory = sl_server_momentum_theory,
	.local = local,
	.outgoing = sl_part_send_first,
	.aggregate = sl_server_descend,
};
