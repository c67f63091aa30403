/* DSGT: x⁺ = W(x − ηv); v⁺ = Wv + ∇f(x⁺) − ∇f(x), uncompressed. Pu & Nedić, Distributed stochastic gradient
 * tracking methods, Mathematical Programming 2021. */
#include "gossip/methods/tracking.h"

#include "linalg/vector.h"

/* x is mixed already: first v follows the gradient there (both are zero at the start), then x steps along it;
 * both are sent. */
static void local(struct sl_learner *l)
{
	float *gradient = l->scratch->gradient;
	l->loss = sl_part_gradient(l, l->x, 0, gradient);
	sl_tracking_follow(l, gradient);
	sl_vector_axpy(l->dimension, -(float)sl_part_eta(l), l->vector[SL_TRACKER], l->x);
}

const struct sl_algorithm sl_algorithm_dsgt = {
	.name = "dsgt",
	.doc = "uncompressed gossip with gradient tracking: exact on heterogeneous data",
	.paper =
	    "Pu, Nedić: Distributed stochastic gradient tracking methods, Mathematical Programming 2021, eq. 5",
	.exchanges = "x, v",
	.needs = "connected graph",
	.reads = SL_READS_ESTIMATOR,
	.channels = 2,
	.vectors = SL_TRACKING_VECTORS,
	.graphs = SL_GRAPHS_CHANGING | SL_GRAPHS_BALANCED,
	.absorb = SL_ABSORB_REPLACE,
	.pipeline = "all | float32 | raw",
	.gamma = 1,
	.irrecoverable = true,
	.local = local,
	.outgoing = sl_tracking_outgoing,
	.mix = sl_tracking_mix,
};
