/* eta.c — the step size of a round. */
#include "gossip/algorithm.h"

double sl_part_eta(const struct sl_learner *l)
{
	for (uint32_t i = 0; i < l->formers; i++)
		if (l->round < l->former[i].until)
			return sl_rates_eta(&l->former[i].rates, l->round);
	return sl_settings_eta(&l->plan->settings, l->round);
}
