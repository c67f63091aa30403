/* CEDAS: y = x − η_k g − d; q = Q(y − h); ŷ = h + q; h⁺ = h + αq; d⁺ = d + (γ/2) Σ_j w_ij (ŷ_i − ŷ_j); x⁺ = y
 * − (γ/2) Σ_j w_ij (ŷ_i − ŷ_j). Its dual is free of the step size, which may therefore fall. Huang & Pu, IEEE
 * TAC 2024, Algorithm 1. x⁺ = x − ηg − d − (d⁺ − d): LEAD's step, which is why the two differ only in how
 * they are analysed where η stays. */
#include "gossip/methods/dual.h"

const struct sl_algorithm sl_algorithm_cedas = {
	.name = "cedas",
	.doc = "compressed exact diffusion with a falling step size",
	.paper =
	    "Huang, Pu: CEDAS: A Compressed Decentralized Stochastic Gradient Method with Improved Convergence, IEEE TAC 2024, Algorithm 1",
	.exchanges = "Q(y - h)",
	.needs = "unbiased compressor, connected graph",
	.options = sl_dual_options,
	.reads = SL_READS_ESTIMATOR,
	.gamma_rule = sl_dual_gamma,
	.channels = 2,
	.vectors = SL_DUAL_VECTORS,
	.rule = sl_dual_rule,
	.takes = SL_TAKES_UNBIASED,
	.irrecoverable = true,
	.prepare = sl_dual_prepare,
	.local = sl_dual_local,
	.outgoing = sl_dual_outgoing,
	.mix = sl_dual_mix,
	.finish = sl_dual_step,
};
