#include "gossip/methods/dual.h"

#include "linalg/vector.h"

#include <stdio.h>

struct options {
	double alpha;
};
const struct sl_option sl_dual_options[] = {
	{ "alpha", "step of the shift; 0: 1/(1 + ω), or 0.5 for compressors that are not unbiased",
	  SL_OPTION_REAL, offsetof(struct options, alpha), 0, 1, "0", NULL, true },
	{ 0 },
};

enum sl_status sl_dual_prepare(struct sl_plan *plan, const struct sl_plan_graph *graph,
                               struct sl_error *error)
{
	(void)graph, (void)error;
	struct options *o = (void *)plan->algorithm_options;
	o->alpha = sl_part_shift(plan, o->alpha, 0.5);
	return SL_OK;
}

/* Messages carry the compressed whole step, not its compression error, so a bias of the compressor stays in the duals. */
void sl_dual_gamma(const struct sl_plan *plan, const struct sl_plan_graph *graph, struct sl_gamma_bound *out)
{
	double omega = sl_part_omega(plan);
	(void)graph;
	out->most = omega >= 0 ? 1 / (1 + omega) : 0;
	snprintf(out->instead, sizeof out->instead,
	         "use all | dither:16 | golomb, which is unbiased, or c-led with this pipeline");
}

struct sl_absorb_rule sl_dual_rule(const struct sl_plan *plan, uint32_t peer, uint32_t version,
                                   unsigned channel)
{
	(void)peer, (void)version;
	const struct options *o = (const void *)plan->algorithm_options;
	return sl_part_shift_rule(o->alpha, channel);
}

double sl_dual_theory(const struct sl_plan *plan, double smoothness, double convexity)
{
	(void)plan;
	return 2 / (smoothness + convexity);
}

void sl_dual_local(struct sl_learner *l)
{
	float *gradient = l->scratch->gradient, *z = l->vector[SL_DUAL_DESCENDED];
	l->loss = sl_part_gradient(l, l->x, 0, gradient);
	sl_part_combine(l->dimension, l->x, -(float)sl_part_eta(l), gradient, z);
	sl_vector_subtract(l->dimension, z, l->vector[SL_DUAL], l->vector[SL_DUAL_MESSAGE]);
}

const float *sl_dual_outgoing(struct sl_learner *l, unsigned channel)
{
	(void)channel;
	return l->vector[SL_DUAL_MESSAGE];
}

double sl_dual_mix(struct sl_learner *l, const struct sl_mixing *m)
{
	size_t d = l->dimension;
	float c = -0.5f * m->coefficient; /* terms at both ends are bitwise opposite: the duals sum to zero */
	return m->weight * sl_vector_mix(d, c, m->mine + d, m->theirs + d, l->vector[SL_DUAL]);
}

void sl_dual_step(struct sl_learner *l)
{
	sl_vector_subtract(l->dimension, l->vector[SL_DUAL_DESCENDED], l->vector[SL_DUAL], l->x);
}
