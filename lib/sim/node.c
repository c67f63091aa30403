/* node.c — a peer of a simulation: how it is made and started, its edges, its event rows, and the first failure
 * of an invariant. */
#include "sim/sim_state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

uint32_t sl_sim_edge(const struct sl_sim *s, uint32_t peer, uint32_t link)
{
	return sl_peer_edge_to(s->node[peer].peer, s->setup.topology->neighbour[link]);
}

bool sl_sim_view(const struct sl_sim *s, uint32_t peer, uint32_t link, struct sl_edge_view *out)
{
	uint32_t edge = sl_sim_edge(s, peer, link);
	if (edge == SL_NO_EDGE)
		return false;
	sl_peer_inspect_edge(s->node[peer].peer, edge, out);
	return true;
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

struct sl_gammas sl_sim_gammas(const struct sl_sim *s, uint32_t peer)
{
	struct sl_gammas g = { 0 };
	for (size_t i = s->rosters; i-- > 0 && s->setup.plan->gamma_follows && g.count < SL_EDGE_WEIGHTS;) {
		const struct sl_sim_roster *r = &s->roster[i];
		if (r->serial <= s->node[peer].serial && r->gamma > 0)
			g.of[g.count++] = (struct sl_weight){ r->serial, r->gamma };
	}
	return g;
}

static struct sl_peer_setup setup_of(const struct sl_sim *s, uint32_t i, struct sl_peer_neighbour *neighbours)
{
	const struct sl_sim_node *n = &s->node[i];
	return (struct sl_peer_setup){ .plan = s->setup.plan,
		                       .peer = i,
		                       .neighbours = neighbours,
		                       .degree = sl_sim_listed(s, i, neighbours),
		                       .data = &s->setup.shards[i],
		                       .serial = n->serial,
		                       .capacity = sl_topology_degree(s->setup.topology, i),
		                       .joining = n->joins,
		                       .gammas = sl_sim_gammas(s, i),
		                       .secret = s->setup.secrets ? s->setup.secrets[i] : NULL };
}

/* One allocation for all peers: zeros that become resident when a peer touches them. (Of many small ones, an allocator
 * clears the greater part itself.) */
bool sl_sim_make_room(struct sl_sim *s)
{
	struct sl_peer_neighbour neighbours[SL_DEGREE_MAX];
	enum { LINE = 64 };
	size_t all = 0;
	for (uint32_t i = 0; i < s->setup.topology->peers; i++) {
		struct sl_peer_setup setup = setup_of(s, i, neighbours);
		s->node[i].room = (sl_peer_size(&setup) + LINE - 1) / LINE * LINE;
		all += s->node[i].room;
	}
	s->room = calloc(all + LINE, 1);
	if (!s->room)
		return false;
	s->peer_bytes = all;
	uint8_t *at = s->room + (LINE - (uintptr_t)s->room % LINE) % LINE;
	for (uint32_t i = 0; i < s->setup.topology->peers; at += s->node[i++].room)
		s->node[i].block = at;
	return true;
}

void sl_sim_make_peer(struct sl_sim *s, uint32_t i)
{
	struct sl_peer_neighbour neighbours[SL_DEGREE_MAX];
	struct sl_sim_node *n = &s->node[i];
	struct sl_peer_setup setup = setup_of(s, i, neighbours);
	if (n->peer)
		memset(n->block, 0, n->room);
	struct sl_arena arena = { n->block, n->room, 0 };
	n->peer = sl_peer_make(&setup, &arena);
	n->alive = true;
	n->halted = false;
	n->timer = SL_TIME_NEVER;
	n->slow = n->slow ? n->slow : 1;
	n->last_round = 0;
	sl_sim_pace_begin(s, i);
}

/* The handshake of a connection: greeting, HELLO and INITIATE of the end that connects; greeting, WELCOME and READY of
 * the other. */
enum { SHAKES_CLIENT = 64 + 202 + 301, SHAKES_SERVER = 64 + 170 + 67 };

void sl_sim_count_handshake(struct sl_sim *s, uint32_t a, uint32_t b)
{
	const uint64_t bytes = SHAKES_CLIENT + SHAKES_SERVER;
	s->node[a].wire_tx += SHAKES_CLIENT, s->node[a].wire_rx += SHAKES_SERVER;
	s->node[b].wire_tx += SHAKES_SERVER, s->node[b].wire_rx += SHAKES_CLIENT;
	sl_sim_totals_of(s, a)->wire_bytes += bytes;
	sl_sim_pace_charge(s, a, SHAKES_CLIENT + 4 * SL_BUDGET_HEAD);
	sl_sim_pace_charge(s, b, SHAKES_SERVER + 4 * SL_BUDGET_HEAD);
}

/* It and its neighbours that run connect to each other. */
static void connect_edges(struct sl_sim *s, uint32_t peer)
{
	const struct sl_topology *t = s->setup.topology;
	for (uint32_t l = t->first[peer]; l < t->first[peer + 1]; l++) {
		if (!s->node[t->neighbour[l]].alive || sl_sim_edge(s, peer, l) == SL_NO_EDGE)
			continue;
		sl_sim_count_handshake(s, peer, t->neighbour[l]); /* one connection each way */
		sl_sim_count_handshake(s, t->neighbour[l], peer);
	}
}

void sl_sim_start_peer(struct sl_sim *s, uint32_t i)
{
	/* Peers start a little apart, as processes do. */
	struct sl_random g = sl_random_stream(s->setup.plan->settings.seed, i, "start", s->node[i].starts);
	int64_t delay = (int64_t)sl_random_below(&g, 1000);
	if (!s->setup.network.rate)
		connect_edges(s, i);
	sl_sim_push(s, i,
	            (struct sl_sim_event){ .at = sl_time_after(s->now, delay),
	                                   .what = SL_HAPPENS_START,
	                                   .peer = i,
	                                   .starts = s->node[i].starts });
}

void sl_sim_note(void *acting_now, enum sl_level level, const char *kind, const char *detail)
{
	const struct sl_sim_acting *acting = acting_now;
	struct sl_sim *s = acting->sim;
	uint32_t peer = acting->peer;
	struct sl_event_row row = { .peer = peer,
		                    .round = sl_peer_round(s->node[peer].peer),
		                    .at_us = sl_sim_now_of(s, peer).us,
		                    .level = level };
	snprintf(row.kind, sizeof row.kind, "%s", kind);
	snprintf(row.detail, sizeof row.detail, "%.*s", (int)sizeof row.detail - 1, detail);
	if (s->setup.rows.event)
		sl_sim_row(s, peer, SL_SIM_EVENT_ROW, &row, sizeof row);
}
