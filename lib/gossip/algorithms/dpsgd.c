/* D-PSGD, adapt then combine: x½ = x − ηg is sent whole; x = Σ_j w_ij x½_j = x½ + Σ_j w_ij (x½_j − x½_i).
 * Lian et al., NeurIPS 2017. The uncompressed reference; a λ > 0 applies the proximal step as malcom does. */
#include "gossip/algorithm.h"

const struct sl_algorithm sl_algorithm_dpsgd = {
	.name = "dpsgd",
	.doc = "uncompressed gossip: the reference",
	.paper =
	    "Lian, Zhang, Zhang, Hsieh, Zhang, Liu: Can Decentralized Algorithms Outperform Centralized Algorithms?, NeurIPS 2017, Algorithm 1",
	.exchanges = "x",
	.needs = "connected graph",
	.reads = SL_READS_LOCAL_STEPS | SL_READS_MOMENTUM | SL_READS_LAMBDA | SL_READS_ESTIMATOR,
	.channels = 1,
	.vectors = 1,
	.graphs = SL_GRAPHS_CHANGING | SL_GRAPHS_BALANCED,
	.outside_steps = true,
	.absorb = SL_ABSORB_REPLACE,
	.pipeline = "all | float32 | raw",
	.gamma = 1,
	.local = sl_part_local_sgd,
	.outgoing = sl_part_send_model,
	.mix = sl_part_mix,
	.finish = sl_part_prox,
};
