/* Prox-LEAD: y = x − ηg − d; q = Q(y − h); ŷ = h + q; h⁺ = h + αq; d⁺ = d + (γ/2) Σ_j w_ij (ŷ_i − ŷ_j); x⁺ =
 * prox_{ηλR}(x − ηg − d⁺). Linear and exact for strongly convex composite problems, whatever the data. Li,
 * Liu, Tang, Yan & Yuan 2021 (arXiv 2108.04448), Algorithm 1, with LEAD's ηD written as d. */
#include "gossip/methods/dual.h"

static void finish(struct sl_learner *l)
{
	sl_dual_step(l);
	sl_part_prox_by(l, sl_part_eta(l));
}

const struct sl_algorithm sl_algorithm_prox_lead = {
	.name = "prox-lead",
	.doc = "compressed primal-dual gossip with a proximal step: exact for penalised problems",
	.paper =
	    "Li, Liu, Tang, Yan, Yuan: Decentralized Composite Optimization with Compression, 2021, Algorithm 1",
	.exchanges = "Q(y - h)",
	.needs = "unbiased compressor (contractive ones work with a small gamma), connected graph",
	.steps = "2/(μ + L)",
	.options = sl_dual_options,
	.reads = SL_READS_LAMBDA | SL_READS_ESTIMATOR,
	.lambda = "1e-05",
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
	.finish = finish,
};
