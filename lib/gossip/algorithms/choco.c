/* CHOCO-SGD with the proximal step left out: x½ = x − ηg; q = C(x½ − x̂); x̂ += q; x = x½ + γ Σ_j w_ij (x̂_j −
 * x̂_i). Koloskova, Stich & Jaggi, ICML 2019, Algorithm 2, in the order that gossips last. */
#include "gossip/algorithm.h"

const struct sl_algorithm sl_algorithm_choco = {
	.name = "choco",
	.doc = "compressed gossip of model differences with local SGD",
	.paper =
	    "Koloskova, Stich, Jaggi: Decentralized Stochastic Optimization and Gossip Algorithms with Compressed Communication, ICML 2019, Algorithm 2",
	.exchanges = "C(x - x̂)",
	.needs = "contractive compressor, connected graph",
	.reads = SL_READS_LOCAL_STEPS | SL_READS_MOMENTUM | SL_READS_ESTIMATOR,
	.gamma_rule = sl_gamma_copies,
	.channels = 1,
	.vectors = 1,
	.graphs = SL_GRAPHS_CHANGING | SL_GRAPHS_BALANCED,
	.outside_steps = true,
	.absorb = SL_ABSORB_ADD,
	.local = sl_part_local_sgd,
	.outgoing = sl_part_send_model,
	.mix = sl_part_mix,
};
