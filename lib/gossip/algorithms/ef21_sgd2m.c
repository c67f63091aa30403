/* EF21-SGD2M: as EF21-SGDM with momentum twice: v_i⁺ = (1−w)v_i + w∇f_i(x, ξ), u_i⁺ = (1−w)u_i + w v_i⁺, c =
 * C(u_i⁺ − g_i). Fatkhullin, Tyurin & Richtárik, NeurIPS 2023, Algorithm 3. */
#include "gossip/methods/server.h"

enum { SECOND, FIRST, VECTORS };

static void local(struct sl_learner *l)
{
	float *gradient = l->scratch->gradient, w = sl_server_momentum_weight(l);
	l->loss = sl_part_gradient(l, l->x, 0, gradient);
	sl_server_momentum(l->dimension, w, gradient, l->vector[FIRST]);
	sl_server_momentum(l->dimension, w, l->vector[FIRST], l->vector[SECOND]);
}

const struct sl_algorithm sl_algorithm_ef21_sgd2m = {
	.name = "ef21-sgd2m",
	.doc = "EF21-SGDM with momentum applied twice",
	.paper =
	    "Fatkhullin, Tyurin, Richtárik: Momentum Provably Improves Error Feedback!, NeurIPS 2023, Algorithm 3",
	.exchanges = "C(u - g)",
	.needs = "contractive compressor, complete graph",
	.steps = "min(δ/20, weight/7)/L",
	.options = sl_server_momentum_options,
	.reads = SL_READS_LAMBDA | SL_READS_ESTIMATOR,
	.channels = 1,
	.vectors = VECTORS,
	.absorb = SL_ABSORB_ADD,
	.from_zero = true,
	.takes = SL_TAKES_CONTRACTIVE,
	.irrecoverable = true,
	.theory = sl_server_momentum_theory,
	.local = local,
	.outgoing = sl_part_send_first,
	.aggregate = sl_server_descend,
};
