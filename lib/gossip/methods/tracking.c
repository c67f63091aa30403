#include "gossip/methods/tracking.h"

#include "linalg/vector.h"

#include <string.h>

void sl_tracking_start(struct sl_learner *l)
{
	if (l->round > 0)
		return;
	sl_part_gradient(l, l->x, 0, l->vector[SL_TRACKER]);
	memcpy(l->vector[SL_TRACKED], l->vector[SL_TRACKER], l->dimension * sizeof(float));
}

void sl_tracking_follow(struct sl_learner *l, const float *gradient)
{
	float *v = l->vector[SL_TRACKER], *last = l->vector[SL_TRACKED];
	for (uint32_t k = 0; k < l->dimension; k++)
		v[k] += gradient[k] - last[k];
	memcpy(last, gradient, l->dimension * sizeof *last);
}

void sl_tracking_step(struct sl_learner *l, uint32_t step)
{
	if (l->round == 0) {
		sl_tracking_start(l);
		sl_tracking_keep(l);
	}
	const float *v = l->vector[step == SL_STEP_PAPER ? SL_TRACKER_UNMIXED : SL_TRACKER];
	sl_vector_axpy(l->dimension, -(float)sl_part_eta(l), v, l->x);
}

void sl_tracking_keep(struct sl_learner *l)
{
	memcpy(l->vector[SL_TRACKER_UNMIXED], l->vector[SL_TRACKER], l->dimension * sizeof(float));
}

const float *sl_tracking_outgoing(struct sl_learner *l, unsigned channel)
{
	return channel == 0 ? l->x : l->vector[SL_TRACKER];
}

double sl_tracking_mix(struct sl_learner *l, const struct sl_mixing *m)
{
	sl_part_mix_into(l, m, 1, l->vector[SL_TRACKER]);
	return sl_part_mix(l, m);
}

unsigned sl_tracking_turn(const struct sl_learner *l, unsigned first)
{
	return (l->round & 1) ^ first;
}

struct sl_absorb_rule sl_tracking_turn_rule(uint32_t number, unsigned channel, unsigned first)
{
	bool sent = (((number - 1) & 1) ^ first) == channel; /* frame `number` is that of round number − 1 */
	return (struct sl_absorb_rule){ sent ? SL_ABSORB_ADD : SL_ABSORB_SILENT, 1 };
}

double sl_tracking_turn_mix(struct sl_learner *l, const struct sl_mixing *m, unsigned first)
{
	if (sl_tracking_turn(l, first) == 0)
		return sl_part_mix(l, m);
	sl_part_mix_into(l, m, 1, l->vector[SL_TRACKER]);
	double square = 0;
	for (uint32_t k = 0; k < l->dimension; k++) {
		float apart = m->theirs[k] - m->mine[k];
		square += (double)apart * (double)apart;
	}
	return m->weight * square;
}
