/* Exact diffusion (NIDS): ψ⁺ = x − ηg; φ = ψ⁺ + u − ψ; u⁺ = ((I + W)/2)φ; x⁺ = prox_{ηλR}(u⁺): D² with the weights halved
 * towards the peer itself, which any connected graph allows. Yuan, Ying, Zhao & Sayed, IEEE TSP 2019; Li, Shi & Yan,
 * IEEE TSP 2019; with the proximal step Alghunaim, Ryu, Yuan & Sayed, IEEE TAC 2021 (Prox-ED). Without it u is x. */
#include "gossip/algorithm.h"

#include <string.h>

enum { PSI, MIXED, VECTORS };

static void local(struct sl_learner *l)
{
	sl_part_diffuse(l, l->vector[MIXED]);
}

static void finish(struct sl_learner *l)
{
	memcpy(l->vector[MIXED], l->x, l->dimension * sizeof *l->x);
	sl_part_prox_by(l, sl_part_eta(l));
}

const struct sl_algorithm sl_algorithm_exact_diffusion = {
	.name = "exact-diffusion",
	.doc = "uncompressed gossip, exact on heterogeneous data, on any connected graph",
	.paper =
	    "Yuan, Ying, Zhao, Sayed: Exact Diffusion for Distributed Optimization and Learning, IEEE TSP 2019, Algorithm 1; with lambda Alghunaim, Ryu, Yuan, Sayed: Decentralized Proximal Gradient Algorithms with Linear Convergence Rates, IEEE TAC 2021, Prox-ED",
	.exchanges = "ψ⁺ + u - ψ",
	.needs = "connected graph",
	.reads = SL_READS_LAMBDA | SL_READS_ESTIMATOR,
	.channels = 1,
	.vectors = VECTORS,
	.absorb = SL_ABSORB_REPLACE,
	.pipeline = "all | float32 | raw",
	.gamma = 0.5,
	.irrecoverable = true,
	.local = local,
	.outgoing = sl_part_send_model,
	.mix = sl_part_mix,
	.finish = finish,
};
