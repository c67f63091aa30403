/* DeepSqueeze: v = x½ + δ; q = C(v); δ⁺ = v − q; x⁺ = x½ + γ Σ_j w_ij (q_j − q_i). Error feedback on the
 * model itself: no copies to keep, one more vector. Tang, Lian, Qiu, Yuan, Zhang, Zhang & Liu 2019,
 * Algorithm 1. */
#include "gossip/algorithm.h"

#include "linalg/vector.h"

#include <stdio.h>

enum { HEAVY_BALL, ERROR, MESSAGE, VECTORS };

static void local(struct sl_learner *l)
{
	sl_part_local_sgd(l);
	sl_part_combine(l->dimension, l->x, 1, l->vector[ERROR], l->vector[MESSAGE]);
}

static const float *outgoing(struct sl_learner *l, unsigned channel)
{
	(void)channel;
	return l->vector[MESSAGE];
}

/* What is lost of a model, rather than of a difference, becomes disagreement, multiplied by γ: with a larger γ the peers' own
 * models stay worse. Where most of a model is lost, no γ helps. */
static void gamma_rule(const struct sl_plan *plan, const struct sl_plan_graph *graph,
                       struct sl_gamma_bound *out)
{
	double gain = sl_gamma_gain(plan), copies = sl_gamma_copies_most(plan, graph),
	       most = gain < 0.999 ? 0.04 * gain / (1 - gain) : copies;
	out->most = gain < 0.5 ? 0 : most < copies ? most : copies;
	snprintf(out->instead, sizeof out->instead,
	         "it sends whole models: use all | dither:16 | golomb, or choco");
}

static void finish(struct sl_learner *l)
{
	sl_vector_subtract(l->dimension, l->vector[MESSAGE], l->copy, l->vector[ERROR]);
}

const struct sl_algorithm sl_algorithm_deepsqueeze = {
	.name = "deepsqueeze",
	.doc = "compressed models with error feedback; neighbours keep no copies",
	.paper =
	    "Tang, Lian, Qiu, Yuan, Zhang, Zhang, Liu: DeepSqueeze: Decentralization Meets Error-Compensated Compression, 2019, Algorithm 1",
	.exchanges = "C(x + δ)",
	.needs = "contractive compressor, connected graph",
	.reads = SL_READS_LOCAL_STEPS | SL_READS_MOMENTUM | SL_READS_ESTIMATOR,
	.gamma_rule = gamma_rule,
	.channels = 1,
	.vectors = VECTORS,
	.graphs = SL_GRAPHS_CHANGING | SL_GRAPHS_BALANCED,
	.outside_steps = true,
	.absorb = SL_ABSORB_REPLACE,
	.takes = SL_TAKES_CONTRACTIVE,
	.local = local,
	.outgoing = outgoing,
	.mix = sl_part_mix,
	.finish = finish,
};
