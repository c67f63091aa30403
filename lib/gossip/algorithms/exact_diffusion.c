/* Exact diffusion (NIDS): ψ⁺ = x − ηg; φ = ψ⁺ + x − ψ; x⁺ = ((I + W)/2)φ: D² with the weights halved towards
 * the peer itself, which any connected graph allows. Yuan, Ying, Zhao & Sayed, IEEE TSP 2019; Li, Shi & Yan,
 * IEEE TSP 2019. */
#include "gossip/algorithm.h"

/* vector[0] ← ψ = x − ηg, the last; x ← ψ⁺ + x − ψ. The first time ψ = x: the same as a step of D-PSGD. */
static void local(struct sl_learner *l)
{
	float *last = l->vector[0], *gradient = l->scratch->gradient, eta = (float)sl_part_eta(l);
	l->loss = sl_part_gradient(l, l->x, 0, gradient);
	for (uint32_t k = 0; k < l->dimension; k++) {
		float psi = l->x[k] - eta * gradient[k];
		l->x[k] = l->round == 0 ? psi : psi + (l->x[k] - last[k]);
		last[k] = psi;
	}
}

const struct sl_algorithm sl_algorithm_exact_diffusion = {
	.name = "exact-diffusion",
	.doc = "uncompressed gossip, exact on heterogeneous data, on any connected graph",
	.paper = "Yuan, Ying, Zhao, Sayed: Exact Diffusion for Distributed Optimization and Learning, IEEE "
	         "TSP 2019, Algorithm 1",
	.exchanges = "ψ⁺ + x - ψ",
	.needs = "connected graph",
	.channels = 1,
	.vectors = 1,
	.absorb = SL_ABSORB_REPLACE,
	.pipeline = "all | float32 | raw",
	.gamma = 0.5,
	.irrecoverable = true,
	.local = local,
	.outgoing = sl_part_send_model,
	.mix = sl_part_mix,
};
