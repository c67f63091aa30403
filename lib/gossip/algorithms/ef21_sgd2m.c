/* EF21-SGD2M: as EF21-SGDM with momentum twice: v_i⁺ = (1−w)v_i + w∇f_i(x, ξ), u_i⁺ = (1−w)u_i + w v_i⁺, c =
 * C(u_i⁺ − g_i). Fatkhullin, Tyurin & Richtárik, NeurIPS 2023, Algorithm 3. */
#include "gossip/algorithm.h"

enum { SECOND, FIRST, VECTORS };

struct options {
	double weight;
};
static const struct sl_option options[] = {
	{ "weight", "weight of the newest gradient in the momentum, in (0, 1]", SL_OPTION_REAL,
	  offsetof(struct options, weight), 1e-9, 1, "0.1", NULL, true },
	{ 0 },
};

static const struct options *options_of(const struct sl_plan *plan)
{
	return (const void *)plan->algorithm_options;
}

static void local(struct sl_learner *l)
{
	const struct options *o = options_of(l->plan);
	float *gradient = l->scratch->gradient, *v = l->vector[FIRST], *u = l->vector[SECOND];
	float w = l->round == 0 ? 1 : (float)o->weight;
	l->loss = sl_part_gradient(l, l->x, 0, gradient);
	for (uint32_t k = 0; k < l->dimension; k++) {
		v[k] += w * (gradient[k] - v[k]);
		u[k] += w * (v[k] - u[k]);
	}
}

static void aggregate(struct sl_learner *l, const struct sl_contribution *all, uint32_t count)
{
	float *mean = l->scratch->gradient;
	sl_part_average(l, all, count, 0, mean);
	sl_part_descend(l, sl_part_eta(l), mean);
}

/* Theorem 3: γ ≤ min{α/(20L̃), η/(7L)}. */
static double theory(const struct sl_plan *plan, double smoothness, double convexity)
{
	(void)convexity;
	double weight = options_of(plan)->weight, delta = sl_part_delta(plan);
	return (delta / 20 < weight / 7 ? delta / 20 : weight / 7) / smoothness;
}

const struct sl_algorithm sl_algorithm_ef21_sgd2m = {
	.name = "ef21-sgd2m",
	.doc = "EF21-SGDM with momentum applied twice",
	.paper = "Fatkhullin, Tyurin, Richtárik: Momentum Provably Improves Error Feedback!, NeurIPS 2023, "
	         "Algorithm 3",
	.exchanges = "C(u - g)",
	.needs = "contractive compressor, complete graph",
	.steps = "min(δ/20, weight/7)/L",
	.options = options,
	.channels = 1,
	.vectors = VECTORS,
	.absorb = SL_ABSORB_ADD,
	.from_zero = true,
	.takes = SL_TAKES_CONTRACTIVE,
	.irrecoverable = true,
	.theory = theory,
	.local = local,
	.outgoing = sl_part_send_first,
	.aggregate = aggregate,
};
