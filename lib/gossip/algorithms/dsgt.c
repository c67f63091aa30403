/* DSGT: x⁺ = W(x − ηv); v⁺ = Wv + ∇f(x⁺) − ∇f(x), uncompressed. Pu & Nedić, Distributed stochastic gradient
 * tracking methods, Mathematical Programming 2021. */
#include "gossip/algorithm.h"

#include "linalg/vector.h"

#include <string.h>

enum { TRACKER, GRADIENT, VECTORS };

/* x is mixed already: first v follows the gradient there, then x steps along it; both are sent. */
static void local(struct sl_learner *l)
{
	float *v = l->vector[TRACKER], *last = l->vector[GRADIENT], *gradient = l->scratch->gradient;
	l->loss = sl_part_gradient(l, l->x, 0, gradient);
	for (uint32_t k = 0; k < l->dimension; k++)
		v[k] += gradient[k] - last[k]; /* both zero at the start */
	memcpy(last, gradient, l->dimension * sizeof *last);
	sl_vector_axpy(l->dimension, -(float)sl_part_eta(l), v, l->x);
}

static const float *outgoing(struct sl_learner *l, unsigned channel)
{
	return channel == 0 ? l->x : l->vector[TRACKER];
}

static double mix(struct sl_learner *l, const struct sl_mixing *m)
{
	sl_part_mix_into(l, m, 1, l->vector[TRACKER]);
	return sl_part_mix(l, m);
}

const struct sl_algorithm sl_algorithm_dsgt = {
	.name = "dsgt",
	.doc = "uncompressed gossip with gradient tracking: exact on heterogeneous data",
	.paper = "Pu, Nedić: Distributed stochastic gradient tracking methods, Mathematical Programming "
	         "2021, eq. 5",
	.exchanges = "x, v",
	.needs = "connected graph",
	.channels = 2,
	.vectors = VECTORS,
	.graphs = SL_GRAPHS_CHANGING | SL_GRAPHS_BALANCED,
	.absorb = SL_ABSORB_REPLACE,
	.pipeline = "all | float32 | raw",
	.gamma = 1,
	.irrecoverable = true,
	.local = local,
	.outgoing = outgoing,
	.mix = mix,
};
