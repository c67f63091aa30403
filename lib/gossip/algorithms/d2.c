/* D²: x⁺ = W(2x − x⁻ − η(g − g⁻)): with ψ = x − ηg, what is mixed is ψ⁺ + x − ψ. Tang, Lian, Yan, Zhang &
 * Liu, ICML 2018, Algorithm 1. */
#include "gossip/algorithm.h"

static enum sl_status prepare(struct sl_plan *plan, const struct sl_plan_graph *graph, struct sl_error *error)
{
	(void)plan;
	if (graph->beta < 4.0 / 3)
		return SL_OK;
	return sl_fail(
	    error, SL_UNSUPPORTED,
	    "[algorithm] name = d2: needs mixing weights with no eigenvalue at or below -1/3, and this topology has %.3g: use exact-diffusion",
	    1 - graph->beta);
}

const struct sl_algorithm sl_algorithm_d2 = {
	.name = "d2",
	.doc = "uncompressed gossip that cancels the bias of heterogeneous data with the previous gradient",
	.paper =
	    "Tang, Lian, Yan, Zhang, Liu: D²: Decentralized Training over Decentralized Data, ICML 2018, Algorithm 1",
	.exchanges = "2x - x⁻ - η(g - g⁻)",
	.needs = "connected graph whose weights have no eigenvalue at or below -1/3",
	.reads = SL_READS_ESTIMATOR,
	.channels = 1,
	.vectors = 1,
	.absorb = SL_ABSORB_REPLACE,
	.pipeline = "all | float32 | raw",
	.gamma = 1,
	.irrecoverable = true,
	.prepare = prepare,
	.local = sl_part_local_diffusion,
	.outgoing = sl_part_send_model,
	.mix = sl_part_mix,
};
