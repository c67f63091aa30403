/* schedule.c — what an edge weighs in a step, and the rounds in which it is active: all, or some of a period
 * only, and maybe one way only.
 *
 * Step m of an edge stands for its m-th active round, and takes that round's weights: a function of the
 * roster and m alone, whatever the rounds of the two ends are. An end to which nobody listens is mute: it
 * sends tags, which stand for number 0 of its journal for ever, and no frames. */
#include "gossip/peer/state.h"

#include <math.h>
#include <string.h>

void sl_peer_neighbour_schedule(const struct sl_topology *t, uint32_t row, struct sl_peer_neighbour *n)
{
	if (!t->activity)
		return;
	n->activity = t->activity + t->active_first[row];
	n->activities = t->active_first[row + 1] - t->active_first[row];
}

uint32_t sl_peer_neighbours(const struct sl_topology *t, uint32_t peer, struct sl_peer_neighbour *out)
{
	uint32_t degree = sl_topology_degree(t, peer), first = t->first[peer];
	SL_CHECK(degree <= SL_DEGREE_MAX);
	for (uint32_t k = 0; k < degree; k++) {
		uint32_t row = first + k;
		out[k] = (struct sl_peer_neighbour){ .peer = t->neighbour[row],
			                             .weights = 1,
			                             .weight = { { 0, t->weight[t->edge_of[row]] } } };
		sl_peer_neighbour_schedule(t, row, &out[k]);
	}
	return degree;
}

/* Of the oldest that is known where it was before all of them; 0: nothing is. */
static double value_under(const struct sl_weight *weight, unsigned count, uint32_t serial)
{
	for (unsigned i = 0; i < count; i++)
		if (weight[i].since <= serial)
			return weight[i].value;
	return count ? weight[count - 1].value : 0;
}

double sl_edge_weight(const struct sl_edge *e, uint32_t serial)
{
	return value_under(e->weight, e->weights, serial);
}

double sl_peer_gamma(const struct sl_peer *p, uint32_t serial)
{
	double gamma = p->gammas.count ? value_under(p->gammas.of, p->gammas.count, serial) : p->plan->gamma;
	return ldexp(gamma, -(int)p->watch.halvings);
}

float sl_edge_coefficient(const struct sl_peer *p, const struct sl_edge *e, uint32_t serial)
{
	return (float)(sl_peer_gamma(p, serial) * sl_edge_weight(e, serial));
}

/* As listed, and behind that what was known before: the list may be shorter than it has been. */
static unsigned merge(struct sl_weight *known, unsigned had, const struct sl_weight *listed, unsigned count)
{
	struct sl_weight before[SL_EDGE_WEIGHTS];
	SL_CHECK(count > 0 && count <= SL_EDGE_WEIGHTS);
	memcpy(before, known, sizeof before);
	memcpy(known, listed, count * sizeof *listed);
	for (unsigned i = 0; i < had && count < SL_EDGE_WEIGHTS; i++)
		if (before[i].since < known[count - 1].since)
			known[count++] = before[i];
	return count;
}

void sl_edge_set_weights(struct sl_edge *e, const struct sl_peer_neighbour *n)
{
	e->weights = merge(e->weight, e->weights, n->weight, n->weights);
}

void sl_peer_set_gammas(struct sl_peer *p, const struct sl_gammas *g)
{
	if (g->count)
		p->gammas.count = merge(p->gammas.of, p->gammas.count, g->of, g->count);
}

void sl_edge_schedule(struct sl_edge *e, const struct sl_peer_neighbour *n)
{
	e->activity = n->activity;
	e->activities = n->activities;
	e->tx_off = e->rx_off = n->activities > 0;
	for (uint32_t k = 0; k < n->activities; k++) {
		e->tx_off = e->tx_off && !(n->activity[k].out > 0);
		e->rx_off = e->rx_off && !(n->activity[k].in > 0);
	}
}

bool sl_edge_active(const struct sl_peer *p, const struct sl_edge *e)
{
	uint32_t phase = p->round % p->plan->period;
	for (uint32_t k = 0; k < e->activities; k++)
		if (e->activity[k].phase == phase)
			return true;
	return e->activities == 0;
}

uint32_t sl_edge_round_of(const struct sl_peer *p, const struct sl_edge *e, uint32_t step)
{
	if (e->activities == 0)
		return step - 1;
	uint64_t round = (uint64_t)((step - 1) / e->activities) * p->plan->period +
	                 e->activity[(step - 1) % e->activities].phase;
	return round < UINT32_MAX ? (uint32_t)round : UINT32_MAX;
}

struct sl_mixing sl_edge_mixing(const struct sl_peer *p, const struct sl_edge *e, uint32_t step,
                                uint32_t serial)
{
	float coefficient = sl_edge_coefficient(p, e, serial);
	struct sl_mixing m = { .neighbour = e->neighbour,
		               .coefficient = coefficient,
		               .given = coefficient,
		               .weight = sl_edge_weight(e, serial) };
	if (e->activities == 0)
		return m;
	const struct sl_activity *a = &e->activity[(step - 1) % e->activities];
	m.coefficient = (float)(sl_peer_gamma(p, serial) * a->in);
	m.given = (float)(sl_peer_gamma(p, serial) * a->out);
	m.weight = a->in;
	return m;
}

/* In an exact run every frame is handed over sooner or later, and its bytes belong to its round, so that rows
 * are a function of the seed: on an edge that sleeps, to the round in which it wakes up. A frame that says all
 * makes those before it superfluous. */
void sl_count_payload(struct sl_peer *p, size_t bytes)
{
	if (!sl_waits_forever(p))
		return;
	for (uint32_t i = 0; i < p->degree; i++) {
		struct sl_edge *e = &p->edge[i];
		if (e->tx_off)
			continue;
		e->owed = (int64_t)bytes + (p->plan->self_contained ? 0 : e->owed);
		if (!sl_edge_active(p, e))
			continue;
		p->payload_tx += e->owed;
		e->owed = 0;
	}
}

/* In all others some frames never leave: each counts once, when a link takes it. */
void sl_count_handed(struct sl_peer *p, struct sl_edge *e, size_t bytes)
{
	e->totals.payload_tx += (int64_t)bytes;
	if (!sl_waits_forever(p))
		p->payload_tx += (int64_t)bytes;
}
