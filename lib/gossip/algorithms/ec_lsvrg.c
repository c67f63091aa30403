/* EC-LSVRG: p_i = e_i + η(∇f_i(x) − ∇f_i(w)); q_i = C(p_i); e_i⁺ = p_i − q_i; x⁺ = x − q̄ − η∇f(w); w⁺ = x
 * with chance p, and then ∇f_i(w⁺) is sent whole. What error feedback compresses vanishes at the optimum.
 * Gorbunov, Kovalev, Makarenko & Richtárik, NeurIPS 2020; Qian, Dong, Zhang & Richtárik 2021. */
#include "gossip/algorithm.h"

#include "linalg/vector.h"

#include <string.h>

enum { MESSAGE, ERROR, W, W_GRADIENT, VECTORS };

struct options {
	double p;
};
static const struct sl_option options[] = {
	{ "p", "chance of a new reference point in a round", SL_OPTION_REAL, offsetof(struct options, p),
	  1e-9, 1, "0.1", NULL, true },
	{ 0 },
};

static const struct options *options_of(const struct sl_plan *plan)
{
	return (const void *)plan->algorithm_options;
}

static bool renewed_after(const struct sl_plan *plan, uint32_t number)
{
	return number == 0 || sl_part_coin(plan, "ec-lsvrg", UINT32_MAX, number, options_of(plan)->p);
}

/* The frame after a renewal of w carries ∇f_i(w); the first one does, too. One coin for all peers. */
static struct sl_absorb_rule rule(const struct sl_plan *plan, uint32_t peer, uint32_t number,
                                  unsigned channel)
{
	(void)peer;
	if (channel == 0)
		return (struct sl_absorb_rule){ SL_ABSORB_REPLACE, 1 };
	return (struct sl_absorb_rule){ renewed_after(plan, number - 1) ? SL_ABSORB_REFRESH
		                                                        : SL_ABSORB_SILENT,
		                        1 };
}

static void local(struct sl_learner *l)
{
	float *gradient = l->scratch->gradient;
	if (renewed_after(l->plan, l->round)) {
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
	.doc = "error feedback on what changed since a reference point: exact limit",
	.paper = "Gorbunov, Kovalev, Makarenko, Richtárik: Linearly Converging Error Compensated SGD, "
	         "NeurIPS 2020, Algorithm EC-LSVRG",
	.exchanges = "C(e + η(∇f(x) - ∇f(w))), and ∇f(w) with chance p",
	.needs = "contractive compressor, complete graph",
	.options = options,
	.channels = 2,
	.vectors = VECTORS,
	.rule = rule,
	.takes = SL_TAKES_CONTRACTIVE,
	.irrecoverable = true,
	.local = local,
	.outgoing = outgoing,
	.aggregate = aggregate,
};
