/* membership.c — who the neighbours are may change while the run goes on: a signed roster with a higher
 * serial adds and removes edges and sets new weights, and a peer that was added starts from its neighbours'
 * mean.
 *
 * Rosters reach peers at different times. Weights of an edge must be the same at both ends in every step:
 * each tag carries the serial that its sender had when it opened the step, and the step takes the weight of
 * the lower of the two. What was used is written into the tag's place, so that it is said to whoever lost it.
 */
#include "gossip/peer/state.h"

enum { ASK_FIRST_US = 100000 };

static const struct sl_peer_neighbour *listed(const struct sl_peer_roster *r, uint32_t peer)
{
	for (uint32_t i = 0; i < r->degree; i++)
		if (r->neighbours[i].peer == peer)
			return &r->neighbours[i];
	return NULL;
}

/* Whether the edge goes on: it is listed, and was not away under a roster that nobody told of. */
static bool goes_on(const struct sl_peer *p, const struct sl_peer_roster *r, uint32_t peer)
{
	const struct sl_peer_neighbour *n = listed(r, peer);
	return n && n->added <= p->serial;
}

/* What is left stands in front, in its order. */
static void remove_edges(struct sl_peer *p, const struct sl_peer_roster *r)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < p->degree; i++) {
		if (!goes_on(p, r, p->edge[i].neighbour))
			continue;
		struct sl_edge away = p->edge[kept];
		p->edge[kept] = p->edge[i];
		if (kept != i)
			p->edge[i] = away;
		kept++;
	}
	for (uint32_t i = kept; i < p->degree; i++) {
		p->edges_up -= p->edge[i].up;
		sl_edge_clear(p, &p->edge[i]);
	}
	p->degree = kept;
}

/* Inserts an edge at its place by number; the room of the first unused one is its own. */
static void add_edge(struct sl_peer *p, const struct sl_peer_neighbour *n, bool reset)
{
	struct sl_edge added = p->edge[p->degree];
	uint32_t at = p->degree++;
	for (; at > 0 && p->edge[at - 1].neighbour > n->peer; at--)
		p->edge[at] = p->edge[at - 1];
	p->edge[at] = added;
	struct sl_edge *e = &p->edge[at];
	sl_edge_begin(p, e, n);
	e->reset = reset;
	e->sent = e->limit = p->version;
	e->heard_at = p->now;
	e->ask_every_us = ASK_FIRST_US;
	sl_guard_start(p, e);
	e->checkpoint_older = e->checkpoint_newest = UINT32_MAX; /* no checkpoint knows the edge */
	e->late = true; /* it may not be there for long: nobody waits for it before it is heard */
	e->added = true;
}

/* The connection to a neighbour whose edge begins anew may be the one that it had: no driver reports it again. Its
 * next stream begins. */
struct connection {
	uint32_t neighbour, number;
	bool up, full;
};

static uint32_t list_connections(const struct sl_peer *p, const struct sl_peer_roster *r,
                                 struct connection out[static SL_DEGREE_MAX])
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < p->degree; i++) {
		const struct sl_edge *e = &p->edge[i];
		if (listed(r, e->neighbour) && !goes_on(p, r, e->neighbour) && e->stream.number)
			out[count++] = (struct connection){ e->neighbour, e->stream.number, e->stream.up,
				                            e->stream.full };
	}
	return count;
}

static void resume_connection(struct sl_peer *p, const struct connection *c)
{
	struct sl_edge *e = sl_peer_edge(p, c->neighbour);
	e->stream.number = c->number;
	if (c->up)
		sl_stream_change(p, e, SL_LINK_UP);
	if (c->up && c->full)
		sl_stream_change(p, e, SL_LINK_FULL);
}

void sl_membership_set(struct sl_peer *p, const struct sl_peer_roster *r, bool reset)
{
	SL_CHECK(r->degree <= p->capacity);
	struct connection connection[SL_DEGREE_MAX];
	uint32_t connections = list_connections(p, r, connection);
	remove_edges(p, r);
	for (uint32_t i = 0; i < r->degree; i++) {
		const struct sl_peer_neighbour *n = &r->neighbours[i];
		struct sl_edge *e = sl_peer_edge(p, n->peer);
		if (e)
			sl_edge_set_weights(e, n);
		else
			add_edge(p, n, reset);
	}
	for (uint32_t i = 0; i < connections; i++)
		resume_connection(p, &connection[i]);
	p->serial = r->serial;
	sl_peer_set_gammas(p, &r->gammas);
}

/* Says what the change is, before it is one. */
static void report_change(struct sl_peer *p, const struct sl_peer_roster *r)
{
	uint32_t kept = 0, weights = 0;
	for (uint32_t i = 0; i < p->degree; i++) {
		const struct sl_edge *e = &p->edge[i];
		const struct sl_peer_neighbour *n = listed(r, e->neighbour);
		bool on = goes_on(p, r, e->neighbour);
		kept += on;
		weights += on && n->weight[0].value != e->weight[0].value;
		if (!on && (e->mine_open || e->theirs_open))
			sl_peer_note(
			    p, SL_LEVEL_NOTICE, "mean-shift",
			    "step %u of the edge to peer %u ends with the edge, possibly at one end only",
			    e->step + 1, e->neighbour);
	}
	sl_peer_note(p, SL_LEVEL_NOTICE, "roster-changed",
	             "serial %u after %u: %u neighbours; edges: %u new, %u removed, %u with another weight",
	             r->serial, p->serial, r->degree, r->degree - kept, p->degree - kept, weights);
}

bool sl_membership_change(struct sl_peer *p, const struct sl_peer_roster *r)
{
	if (r->serial <= p->serial)
		return false;
	bool begun = p->incarnation != 0,
	     settled = begun && p->phase != SL_PHASE_GREETING && p->phase != SL_PHASE_RECOVERING;
	double gamma = sl_peer_gamma(p, p->serial);
	report_change(p, r);
	sl_membership_set(p, r, !settled);
	if (sl_peer_gamma(p, p->serial) != gamma)
		sl_peer_note(p, SL_LEVEL_NOTICE, "gamma", "auto takes %g under roster %u, instead of %g",
		             sl_peer_gamma(p, p->serial), p->serial, gamma);
	for (uint32_t i = 0; i < p->degree && begun; i++)
		if (p->edge[i].added && !p->edge[i].greeted)
			sl_greet(p, &p->edge[i], true);
	return true;
}
