/* Push-sum: what a peer gives its neighbours take, so that sums are kept where averages are not. u½ =
 * u − ηg(z); q = C(u½ − û); û += q; u = u½ + γ(Σ_in w_ij û_j − Σ_out w_ji û_i), the same for the weight y,
 * which starts at one and is sent as it is; z = u / y is the model. Without a compressor and with γ = 1 this
 * is SGP (Assran, Loizou, Ballas & Rabbat, ICML 2019, Algorithm 1); with one, quantised push-sum (Taheri,
 * Mokhtari, Hassani & Pedarsani, ICML 2020, Algorithm 1). Every term is taken once at either end, which is
 * why no cumulative counters are needed. */
#include "gossip/algorithm.h"

#include "linalg/vector.h"

#include <string.h>

enum { MASS, VECTORS };
enum { WEIGHT, SCALARS };

static void start(struct sl_learner *l)
{
	memcpy(l->vector[MASS], l->x, l->dimension * sizeof *l->x);
	l->scalar[WEIGHT] = 1;
}

static void divide(struct sl_learner *l)
{
	for (uint32_t k = 0; k < l->dimension; k++)
		l->x[k] = (float)((double)l->vector[MASS][k] / l->scalar[WEIGHT]);
}

static void local(struct sl_learner *l)
{
	uint32_t steps = l->plan->settings.local_steps;
	double loss = 0;
	if (sl_model_steps(&l->plan->model)) { /* the mass moves by as much as x */
		float *moved = l->scratch->gradient;
		memcpy(moved, l->x, l->dimension * sizeof *moved);
		sl_part_outside_steps(l, moved);
		sl_vector_subtract(l->dimension, moved, l->x, moved);
		sl_vector_axpy(l->dimension, 1, moved, l->vector[MASS]);
		return;
	}
	for (uint32_t step = 0; step < steps; step++) {
		loss += sl_part_gradient(l, l->x, step, l->scratch->gradient);
		sl_vector_axpy(l->dimension, -(float)sl_part_eta(l), l->scratch->gradient, l->vector[MASS]);
		if (step + 1 < steps)
			divide(l);
	}
	l->loss = loss / steps;
}

static double mix(struct sl_learner *l, const struct sl_mixing *m)
{
	size_t at = (size_t)l->plan->channels * l->dimension;
	double disagreement = sl_part_mix_into(l, m, 0, l->vector[MASS]);
	l->scalar[WEIGHT] +=
	    (double)m->coefficient * (double)m->theirs[at] - (double)m->given * (double)m->mine[at];
	return disagreement;
}

const struct sl_algorithm sl_algorithm_push_sum = {
	.name = "push-sum",
	.doc = "gossip on directed graphs: exact averages also with unbalanced weights",
	.paper =
	    "Assran, Loizou, Ballas, Rabbat: Stochastic Gradient Push for Distributed Deep Learning, ICML 2019, Algorithm 1; with a compressor Taheri, Mokhtari, Hassani, Pedarsani: Quantized Decentralized Stochastic Learning over Directed Graphs, ICML 2020, Algorithm 1",
	.exchanges = "C(u - û), y",
	.needs = "contractive compressor, strongly connected graph, lockstep",
	.reads = SL_READS_LOCAL_STEPS | SL_READS_ESTIMATOR,
	.gamma_rule = sl_gamma_copies,
	.channels = 1,
	.vectors = VECTORS,
	.scalars = SCALARS,
	.graphs = SL_GRAPHS_CHANGING | SL_GRAPHS_BALANCED | SL_GRAPHS_DIRECTED,
	.outside_steps = true,
	.absorb = SL_ABSORB_ADD,
	.irrecoverable = true,
	.start = start,
	.local = local,
	.outgoing = sl_part_send_first,
	.mix = mix,
	.finish = divide,
};
