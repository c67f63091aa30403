/* EControl: p = g + ηe; Δ = C(p − h); h⁺ = h + Δ; e⁺ = e + g − h⁺; x⁺ = x − (γ/n) Σ h⁺. EF21's shift h
 * follows the gradient, and the error e that it has made so far is fed back with the weight η, so that the
 * noise of single samples does not add up. Gao, Islamov & Stich, ICLR 2024, Algorithm 1. The public copy is
 * h. */
#include "gossip/algorithm.h"

#include "linalg/vector.h"

#include <math.h>

enum { MESSAGE, GRADIENT, ERROR, VECTORS };

struct options {
	double weight;
};
static const struct sl_option options[] = {
	{ "weight", "weight of the error in a message; 0: δ/(3√(1−δ)(1 + √(1−δ))), at most 1", SL_OPTION_REAL,
	  offsetof(struct options, weight), 0, 1, "0", NULL, SL_SCOPE_RUN },
	{ 0 },
};

/* δ of the compressor, or where none is proved, the share that ordinary vectors keep. */
static enum sl_status prepare(struct sl_plan *plan, const struct sl_plan_graph *graph, struct sl_error *error)
{
	(void)graph, (void)error;
	struct options *o = (void *)plan->algorithm_options;
	double delta = sl_part_delta(plan);
	if (isnan(delta))
		delta = sl_pipeline_gain(&plan->pipeline, &plan->model.layout);
	double rest = sqrt(1 - delta);
	if (o->weight == 0)
		o->weight = rest > 0 ? fmin(1, delta / (3 * rest * (1 + rest))) : 1;
	return SL_OK;
}

static void local(struct sl_learner *l)
{
	const struct options *o = (const void *)l->plan->algorithm_options;
	float *g = l->vector[GRADIENT];
	l->loss = sl_part_gradient(l, l->x, 0, g);
	sl_part_combine(l->dimension, g, (float)o->weight, l->vector[ERROR], l->vector[MESSAGE]);
}

static void aggregate(struct sl_learner *l, const struct sl_contribution *all, uint32_t count)
{
	float *mean = l->scratch->gradient, *e = l->vector[ERROR];
	for (uint32_t k = 0; k < l->dimension; k++)
		e[k] += l->vector[GRADIENT][k] - l->copy[k];
	sl_part_average(l, all, count, 0, mean);
	sl_part_descend(l, sl_part_eta(l), mean);
}

const struct sl_algorithm sl_algorithm_econtrol = {
	.name = "econtrol",
	.doc = "compressed differences of gradients with weighted error feedback: any batch size",
	.paper =
	    "Gao, Islamov, Stich: EControl: Fast Distributed Optimization with Compression and Error Control, ICLR 2024, Algorithm 1",
	.exchanges = "C(g + ηe - h)",
	.needs = "contractive compressor, complete graph",
	.options = options,
	.reads = SL_READS_LAMBDA | SL_READS_ESTIMATOR,
	.channels = 1,
	.vectors = VECTORS,
	.absorb = SL_ABSORB_ADD,
	.from_zero = true,
	.takes = SL_TAKES_CONTRACTIVE,
	.irrecoverable = true,
	.prepare = prepare,
	.local = local,
	.outgoing = sl_part_send_first,
	.aggregate = aggregate,
};
