/* LEAD: y = x − ηg − d; q = Q(y − h); ŷ = h + q; h⁺ = h + αq; d⁺ = d + (γ/2) Σ_j w_ij (ŷ_i − ŷ_j); x⁺ = x −
 * ηg − d⁺. Liu, Li, Wang, Tang & Yan, ICLR 2021, Algorithm 1, with its ηD written as d. */
#include "gossip/methods/dual.h"

const struct sl_algorithm sl_algorithm_lead = {
	.name = "lead",
	.doc = "compressed primal-dual gossip: linear and exact on heterogeneous data",
	.paper =
	    "Liu, Li, Wang, Tang, Yan: Linear Convergent Decentralized Optimization with Compression, ICLR 2021, Algorithm 1",
	.exchanges = "Q(y - h)",
	.needs = "unbiased compressor (contractive ones work with a small gamma), connected graph",
	.steps = "2/(μ + L)",
	.options = sl_dual_options,
	.reads = SL_READS_ESTIMATOR,
	.gamma_rule = sl_dual_gamma,
	.channels = 2,
	.vectors = SL_DUAL_VECTORS,
	.rule = sl_dual_rule,
	.irrecoverable = true,
	.prepare = sl_dual_prepare,
	.theory = sl_dual_theory,
	.local = sl_dual_local,
	.outgoing = sl_dual_outgoing,
	.mix = sl_dual_mix,
	.finish = sl_dual_step,
};
