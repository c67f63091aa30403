/* MALCOM-PSGD: CHOCO's exchange of quantised residuals, and x ← prox_{τηλ‖·‖₁}(x) as the last operation of
 * the round. Campbell, Liu, Woldemariam & Scaglione 2023 (arXiv 2311.05760), Algorithm 1, in its standard
 * reading: the body of the paper was not available. (Its reviews say that the consensus line follows Dimakis
 * et al. 2010.)
 */
#include "gossip/algorithm.h"

const struct sl_algorithm sl_algorithm_malcom = {
	.name = "malcom",
	.doc =
	    "compressed gossip of model differences with proximal local SGD: sparse models by an l1 penalty",
	.paper =
	    "Campbell, Liu, Woldemariam, Scaglione: Compressed and Sparse Models for Non-Convex Decentralized Learning, 2023, Algorithm 1",
	.exchanges = "C(x - x̂)",
	.needs = "contractive compressor, connected graph",
	.reads = SL_READS_LOCAL_STEPS | SL_READS_MOMENTUM | SL_READS_LAMBDA | SL_READS_ESTIMATOR,
	.lambda = "1e-05",
	.gamma_rule = sl_gamma_copies,
	.channels = 1,
	.vectors = 1,
	.graphs = SL_GRAPHS_CHANGING | SL_GRAPHS_BALANCED,
	.outside_steps = true,
	.absorb = SL_ABSORB_ADD,
	.local = sl_part_local_sgd,
	.outgoing = sl_part_send_model,
	.mix = sl_part_mix,
	.finish = sl_part_prox,
};
