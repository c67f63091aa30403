/* Exact diffusion (NIDS): ψ⁺ = x − ηg; φ = ψ⁺ + x − ψ; x⁺ = ((I + W)/2)φ: D² with the weights halved towards
 * the peer itself, which any connected graph allows. Yuan, Ying, Zhao & Sayed, IEEE TSP 2019; Li, Shi & Yan,
 * IEEE TSP 2019. */
#include "gossip/algorithm.h"

const struct sl_algorithm sl_algorithm_exact_diffusion = {
	.name = "exact-diffusion",
	.doc = "uncompressed gossip, exact on heterogeneous data, on any connected graph",
	.paper =
	    "Yuan, Ying, Zhao, Sayed: Exact Diffusion for Distributed Optimization and Learning, IEEE TSP 2019, Algorithm 1",
	.exchanges = "ψ⁺ + x - ψ",
	.needs = "connected graph",
	.reads = SL_READS_ESTIMATOR,
	.channels = 1,
	.vectors = 1,
	.absorb = SL_ABSORB_REPLACE,
	.pipeline = "all | float32 | raw",
	.gamma = 0.5,
	.irrecoverable = true,
	.local = sl_part_local_diffusion,
	.outgoing = sl_part_send_model,
	.mix = sl_part_mix,
};
