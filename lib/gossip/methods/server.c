#include "gossip/methods/server.h"

#include "linalg/vector.h"

#include <string.h>

const struct sl_option sl_server_shift_options[] = { SL_SERVER_SHIFT_OPTION, { 0 } };

enum sl_status sl_server_shift_prepare(struct sl_plan *plan, const struct sl_plan_graph *graph,
                                       struct sl_error *error)
{
	(void)graph, (void)error;
	struct sl_server_shift *o = (void *)plan->algorithm_options;
	o->alpha = sl_part_shift(plan, o->alpha, 1);
	return SL_OK;
}

double sl_server_shift_step(const struct sl_plan *plan)
{
	return ((const struct sl_server_shift *)(const void *)plan->algorithm_options)->alpha;
}

struct sl_absorb_rule sl_server_shift_rule(const struct sl_plan *plan, uint32_t peer, uint32_t version,
                                           unsigned channel)
{
	(void)peer, (void)version;
	return sl_part_shift_rule(sl_server_shift_step(plan), channel);
}

bool sl_server_renewed(const struct sl_plan *plan, uint32_t version)
{
	const struct sl_server_reference *o = (const void *)plan->algorithm_options;
	return version == 0 || sl_part_coin(plan, plan->algorithm->name, UINT32_MAX, version, o->p);
}

struct sl_absorb_rule sl_server_reference_rule(const struct sl_plan *plan, uint32_t peer, uint32_t version,
                                               unsigned channel)
{
	(void)peer;
	enum sl_absorb gradient = sl_server_renewed(plan, version - 1) ? SL_ABSORB_REFRESH : SL_ABSORB_SILENT;
	return (struct sl_absorb_rule){ channel == 0 ? SL_ABSORB_REPLACE : gradient, 1 };
}

struct sl_absorb_rule sl_server_fixed_rule(uint32_t found, uint32_t number, unsigned channel)
{
	bool whole = number - 1 <= found; /* frame `number` is that of round number − 1 */
	enum sl_absorb kind = whole == (channel == 0) ? SL_ABSORB_SILENT
	                      : whole                 ? SL_ABSORB_REFRESH
	                                              : SL_ABSORB_REPLACE;
	return (struct sl_absorb_rule){ kind, 1 };
}

void sl_server_fixed_local(struct sl_learner *l, uint32_t found)
{
	float *message = l->vector[SL_SERVER_MESSAGE], *shift = l->vector[SL_SERVER_SHIFT];
	if (l->round <= found) {
		l->loss = sl_part_full_gradient(l, l->x, shift);
		return;
	}
	l->loss = sl_part_gradient(l, l->x, 0, message);
	sl_vector_subtract(l->dimension, message, shift, message);
}

const float *sl_server_fixed_outgoing(struct sl_learner *l, unsigned channel)
{
	return l->vector[channel];
}

void sl_server_fixed_descend(struct sl_learner *l, const struct sl_contribution *all, uint32_t count)
{
	float *mean = l->scratch->gradient, *shift = l->scratch->spare;
	sl_part_average(l, all, count, 0, mean);
	sl_part_average(l, all, count, 1, shift);
	sl_vector_axpy(l->dimension, 1, shift, mean);
	sl_part_descend(l, sl_part_eta(l), mean);
}

void sl_server_descend(struct sl_learner *l, const struct sl_contribution *all, uint32_t count)
{
	float *mean = l->scratch->gradient;
	sl_part_average(l, all, count, 0, mean);
	sl_part_descend(l, sl_part_eta(l), mean);
}

void sl_server_relax(struct sl_learner *l, const struct sl_contribution *all, uint32_t count,
                     unsigned channel, double r)
{
	float *mean = l->scratch->gradient;
	sl_part_average(l, all, count, channel, mean);
	for (uint32_t k = 0; k < l->dimension; k++)
		l->x[k] = (float)((double)l->x[k] + r * ((double)mean[k] - (double)l->x[k]));
}

void sl_server_local_iterate(struct sl_learner *l)
{
	l->loss = sl_part_gradient(l, l->x, 0, l->scratch->gradient);
	sl_part_combine(l->dimension, l->x, -(float)sl_part_eta(l), l->scratch->gradient, l->vector[0]);
}

struct momentum {
	double weight;
};
const struct sl_option sl_server_momentum_options[] = {
	{ "weight", "weight of the newest gradient in the momentum, in (0, 1]", SL_OPTION_REAL,
	  offsetof(struct momentum, weight), 1e-9, 1, "0.1", NULL, true },
	{ 0 },
};

static double weight_of(const struct sl_plan *plan)
{
	const struct momentum *o = (const void *)plan->algorithm_options;
	return o->weight;
}

float sl_server_momentum_weight(const struct sl_learner *l)
{
	return l->round == 0 ? 1 : (float)weight_of(l->plan);
}

double sl_server_momentum_theory(const struct sl_plan *plan, double smoothness, double convexity)
{
	(void)convexity;
	double weight = weight_of(plan), delta = sl_part_delta(plan);
	return (delta / 20 < weight / 7 ? delta / 20 : weight / 7) / smoothness;
}

void sl_server_momentum(uint32_t n, float w, const float *v, float *average)
{
	for (uint32_t k = 0; k < n; k++)
		average[k] += w * (v[k] - average[k]);
}
