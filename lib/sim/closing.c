#include "sim/closing.h"

#include "gossip/inspect.h"

#include <math.h>
#include <stdio.h>

double sl_closing_spread(struct sl_sim *s, const struct sl_topology *t, uint32_t dimension)
{
	double most = 0;
	for (uint32_t k = 0; k < dimension; k++) {
		double least = (double)INFINITY, largest = -(double)INFINITY;
		for (uint32_t i = 0; i < t->peers; i++) {
			if (sl_sim_absent(s, i))
				continue;
			double x = (double)sl_peer_model(sl_sim_peer(s, i))[k];
			if (isnan(x)) /* which fmin and fmax would pass over */
				return x;
			least = fmin(least, x);
			largest = fmax(largest, x);
		}
		most = fmax(most, largest - least);
	}
	return most;
}

/* Steps that both ends of an edge have completed; UINT32_MAX where it is not one at both ends. */
static uint32_t steps_of(struct sl_sim *s, const struct sl_topology *t, uint32_t edge)
{
	uint32_t least = UINT32_MAX, ends = 0, end[2] = { t->edge[edge].a, t->edge[edge].b };
	for (int k = 0; k < 2; k++) {
		const struct sl_peer *p = sl_sim_peer(s, end[k]);
		struct sl_edge_view e;
		uint32_t at = sl_peer_edge_to(p, end[!k]);
		if (at == SL_NO_EDGE)
			continue;
		sl_peer_inspect_edge(p, at, &e);
		ends++;
		least = e.step < least ? e.step : least;
	}
	return ends == 2 ? least : UINT32_MAX;
}

void sl_closing_healed(struct sl_closing *c, struct sl_sim *s, const struct sl_topology *t,
                       uint32_t dimension)
{
	SL_CHECK(t->edges <= SL_CLOSING_EDGES && t->peers <= SL_CLOSING_PEERS);
	c->healed = true;
	c->spread = sl_closing_spread(s, t, dimension);
	for (uint32_t e = 0; e < t->edges; e++)
		c->step[e] = steps_of(s, t, e);
	for (uint32_t i = 0; i < t->peers; i++)
		c->round[i] = sl_peer_round(sl_sim_peer(s, i));
}

/* Where nobody waits, rounds are long against a message's way and back, and a lost frame costs a few of them:
 * a step in four rounds is the least that was seen in ten thousand runs, and a spread five times what half
 * the calm run's speed would leave. */
enum { ROUNDS_A_STEP = 4, STEPS_LOST = 8, SPREAD_MOST = 16 };
/* Copies that lagged when faults ended leave a term of their own time behind. */
enum { STEPS_LEAST = 16 };

bool sl_closing_steps(const struct sl_closing *c, const struct sl_closing_bound *b, struct sl_sim *s,
                      const struct sl_topology *t, uint32_t but, uint32_t *out, char *trouble, size_t size)
{
	uint32_t least = UINT32_MAX;
	for (uint32_t e = 0; e < t->edges; e++) {
		if (c->step[e] == UINT32_MAX || steps_of(s, t, e) == UINT32_MAX)
			continue; /* a roster brought it, or took it */
		if (t->edge[e].a == but || t->edge[e].b == but)
			continue;
		uint32_t i = t->edge[e].a, k = t->edge[e].b, steps = steps_of(s, t, e) - c->step[e],
		         left = b->rounds - (c->round[i] > c->round[k] ? c->round[i] : c->round[k]);
		uint32_t useful = steps < left ? steps : left; /* who has done its rounds sends nothing new */
		least = useful < least ? useful : least;
		if (ROUNDS_A_STEP * b->period * (steps + STEPS_LOST) + b->deaf < left) {
			snprintf(trouble, size, "edge %u-%u completed %u steps in %u rounds after all faults",
			         i, k, steps, left);
			return false;
		}
	}
	*out = least;
	return true;
}

void sl_closing_check(const struct sl_closing *c, const struct sl_closing_bound *b, struct sl_sim *s,
                      const struct sl_topology *t, uint32_t dimension, char *trouble, size_t size)
{
	const double floor = 1e-4, least_calm = 1e-6;
	uint32_t least;
	if (!c->healed || !sl_closing_steps(c, b, s, t, UINT32_MAX, &least, trouble, size))
		return;
	double now = sl_closing_spread(s, t, dimension);
	double bound =
	    SPREAD_MOST * c->spread * pow(fmax(b->calm, least_calm), 0.5 * least / b->rounds) + floor;
	if (least >= STEPS_LEAST && !b->reweighed && !(now <= bound))
		snprintf(trouble, size,
		         "models are %.3g apart, %u steps after all faults had left them %.3g: over %.3g",
		         now, least, c->spread, bound);
}
