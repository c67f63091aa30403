/* members.c — who takes part in a simulation: rosters that come while it runs. */
#include "sim/sim_state.h"

#include <stdlib.h>

uint32_t sl_sim_link_to(const struct sl_sim *s, uint32_t peer, uint32_t neighbour)
{
	const struct sl_topology *t = s->setup.topology;
	uint32_t low = t->first[peer], high = t->first[peer + 1];
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		if (t->neighbour[middle] <= neighbour)
			low = middle;
		else
			high = middle;
	}
	SL_CHECK(low < t->first[peer + 1] && t->neighbour[low] == neighbour);
	return low;
}

struct sl_edge *sl_sim_edge(const struct sl_sim *s, uint32_t peer, uint32_t link)
{
	const struct sl_topology *t = s->setup.topology;
	struct sl_peer *p = s->node[peer].peer;
	uint32_t at = link - t->first[peer]; /* mostly all links are edges */
	if (at < p->degree && p->edge[at].neighbour == t->neighbour[link])
		return &p->edge[at];
	return sl_peer_edge(p, t->neighbour[link]);
}

void sl_sim_keep_roster(struct sl_sim *s, const struct sl_topology *topology, uint32_t serial)
{
	if (s->rosters && s->roster[s->rosters - 1].serial >= serial)
		return;
	s->roster = realloc(s->roster, (s->rosters + 1) * sizeof *s->roster);
	SL_CHECK(s->roster);
	s->roster[s->rosters++] = (struct sl_sim_roster){ serial, topology };
}

static double weight_of(const struct sl_topology *t, uint32_t a, uint32_t b)
{
	for (uint32_t k = t->first[a]; k < t->first[a + 1]; k++)
		if (t->neighbour[k] == b)
			return t->weight[t->edge_of[k]];
	return 0;
}

/* The weights of an edge under one roster after the other, back to the one that brought it. */
static void list_weights(const struct sl_sim *s, uint32_t peer, struct sl_peer_neighbour *n)
{
	for (size_t i = s->rosters; i-- > 0;) {
		const struct sl_sim_roster *r = &s->roster[i];
		double value = weight_of(r->topology, peer, n->peer);
		if (r->serial > s->node[peer].serial)
			continue;
		if (value == 0)
			return;
		n->added = r->serial > 1 ? r->serial : 0;
		if (n->weights && n->weight[n->weights - 1].value == value)
			n->weight[n->weights - 1].since = r->serial;
		else if (n->weights < SL_EDGE_WEIGHTS)
			n->weight[n->weights++] = (struct sl_weight){ r->serial, value };
	}
}

uint32_t sl_sim_listed(const struct sl_sim *s, uint32_t peer, struct sl_peer_neighbour *out)
{
	const struct sl_topology *t = s->node[peer].roster;
	uint32_t degree = sl_topology_degree(t, peer), first = t->first[peer];
	for (uint32_t k = 0; k < degree; k++) {
		out[k] = (struct sl_peer_neighbour){ .peer = t->neighbour[first + k] };
		list_weights(s, peer, &out[k]);
		sl_peer_neighbour_schedule(t, first + k, &out[k]);
	}
	return degree;
}

static void remove_peer(struct sl_sim *s, uint32_t peer)
{
	sl_sim_kill(s, peer);
	s->node[peer].absent = true;
	s->totals.halted++;
}

static void add_peer(struct sl_sim *s, uint32_t peer)
{
	struct sl_sim_node *n = &s->node[peer];
	n->absent = false;
	n->joins = true;
	s->totals.halted--;
	sl_sim_make_peer(s, peer);
	sl_sim_start_peer(s, peer);
}

void sl_sim_roster(struct sl_sim *s, uint32_t peer, const struct sl_topology *roster, uint32_t serial,
                   int64_t us)
{
	struct sl_sim_node *n = &s->node[peer];
	bool member = sl_topology_degree(roster, peer) > 0;
	sl_sim_keep_roster(s, roster, serial);
	n->roster = roster;
	n->serial = serial;
	if (!member && !n->absent)
		remove_peer(s, peer);
	else if (member && n->absent)
		add_peer(s, peer);
	else if (member && n->alive)
		sl_sim_push(s, (struct sl_sim_event){ .at = sl_time_after(s->now, us),
		                                      .what = SL_HAPPENS_ROSTER,
		                                      .peer = peer,
		                                      .starts = n->starts });
}

bool sl_sim_absent(const struct sl_sim *s, uint32_t peer)
{
	return s->node[peer].absent;
}
