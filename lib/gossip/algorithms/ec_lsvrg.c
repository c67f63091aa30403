/* EC-LSVRG: p_i = e_i + η(∇f_i(x) − ∇f_i(w)); q_i = C(p_i); e_i⁺ = p_i − q_i; x⁺ = x − q̄ − η∇f(w); w⁺ = x
 * with probability p, and then ∇f_i(w⁺) is sent whole. What error feedback compresses vanishes at the optimum.
 * Gorbunov, Kovalev, Makarenko & Richtárik, NeurIPS 2020; Qian, Dong, Zhang & Richtárik 2021. */
#include "gossip/methods/server.h"

#include "linalg/vector.h"

#include <string.h>

enum { MESSAGE, ERROR, W, W_GRADIENT, VECTORS };

static const struct sl_option options[] = {
	{ "p", "probability per round of a new reference point", SL_OPTION_REAL,
	  offsetof(struct sl_server_reference, p), 1e-9, 1, "0.1", NULL, true },
	{ 0 },
};

static void local(struct sl_learner *l)
{
	float *gradient = l->scratch->gradient;
	if (sl_server_renewed(l->plan, l->round)) {
		memcpy(l->vector[W], l->x, l->dimension * sizeof(float));
		sl_part_full_gradient(l, l->vector[W], l->vector[W_GRADIENT]);
	}
	l->loss = sl_part_change(l, l->x, l->vector[W], l->vector[W_GRADIENT], gradient);
	sl_part_combine(l->dimension, l->vector[ERROR], (float)sl_part_eta(l), gradient, l->vector[MESSAGE]);
}

static const float *outgoing(struct sl_learner *l, unsigned channel)
{
	return l->vector[channel == 0 ? MESSAGE : W_GRADIENT];
}

static void aggregate(struct sl_learner *l, const struct sl_contribution *all, uint32_t count)
{
	float *q = l->scratch->gradient, *whole = l->scratch->spare;
	sl_vector_subtract(l->dimension, l->vector[MESSAGE], l->copy, l->vector[ERROR]);
	sl_part_average(l, all, count, 0, q);
	sl_part_average(l, all, count, 1, whole);
	sl_vector_axpy(l->dimension, (float)sl_part_eta(l), whole, q);
	sl_vector_axpy(l->dimension, -1, q, l->x);
	sl_part_prox_by(l, sl_part_eta(l));
}

const struct sl_algorithm sl_algorithm_ec_lsvrg = {
	.name = "ec-lsvrg",
	.doc = "error feedback on the change of the gradient since a reference point: exact limit",
	.paper =
	    "Gorbunov, Kovalev, Makarenko, Richtárik: Linearly Converging Error Compensated SGD, NeurIPS 2020, Algorithm EC-LSVRG",
	.exchanges = "C(e + η(∇f(x) - ∇f(w))), and ∇f(w) with probability p",
	.needs = "contractive compressor, complete graph",
	.options = options,
	.reads = SL_READS_LAMBDA,
	.repeats_batches = true,
	.channels = 2,
	.vectors = VECTORS,
	.rule = sl_server_reference_rule,
	.takes = SL_TAKES_CONTRACTIVE,
	.irrecoverable = true,
	.local = local,
	.outgoing = outgoing,
	.aggregate = aggregate,
};
