/* membership.c — who the neighbours are may change while the run goes on: a signed roster with a higher
 * serial adds and removes edges and sets new weights, and a peer that was added starts from its neighbours'
 * mean.
 *
 * Rosters reach peers at different times. Weights of an edge must be the same at both ends in every step:
 * each tag carries the serial that its sender had when it opened the step, and the step takes the weight of
 * the lower of the two. What was used is written into the tag's place, so that it is said to whoever lost it.
 */
#include "gossip/peer/state.h"

#include "gossip/algorithm.h"
#include "linalg/vector.h"

#include <string.h>

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

void sl_membership_set(struct sl_peer *p, const struct sl_peer_roster *r, bool reset)
{
	SL_CHECK(r->degree <= p->capacity);
	uint32_t staging = p->staging_edge ? p->staging_edge->neighbour : UINT32_MAX;
	remove_edges(p, r);
	for (uint32_t i = 0; i < r->degree; i++) {
		const struct sl_peer_neighbour *n = &r->neighbours[i];
		struct sl_edge *e = sl_peer_edge(p, n->peer);
		if (e)
			sl_edge_set_weights(e, n);
		else
			add_edge(p, n, reset);
	}
	p->serial = r->serial;
	p->staging_edge = staging == UINT32_MAX ? NULL : sl_peer_edge(p, staging);
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
			    "step %u of the edge to peer %u ends with the edge, maybe at one end only",
			    e->step + 1, e->neighbour);
	}
	sl_peer_note(p, SL_LEVEL_NOTICE, "roster-changed",
	             "serial %u after %u: %u neighbours; edges: %u new, %u removed, %u with another weight",
	             r->serial, p->serial, r->degree, r->degree - kept, p->degree - kept, weights);
}

void sl_membership_change(struct sl_peer *p, const struct sl_peer_roster *r)
{
	if (r->serial <= p->serial)
		return;
	bool begun = p->incarnation != 0,
	     settled = begun && p->phase != SL_PHASE_GREETING && p->phase != SL_PHASE_RECOVERING;
	report_change(p, r);
	sl_membership_set(p, r, !settled);
	for (uint32_t i = 0; i < p->degree && begun; i++)
		if (p->edge[i].added && !p->edge[i].greeted)
			sl_greet(p, &p->edge[i], true);
	if (p->phase == SL_PHASE_GREETING && begun)
		sl_greeting_check(p);
	sl_round_check(p);
	sl_serve_check(p);
}

/* ---- joining ---- */

enum { JOIN_EVERY_US = 300000 };

static bool is_ahead(const struct sl_edge *e)
{
	return e->greeted && e->their_round > 0 && (e->their_version > 0 || e->diverged);
}

bool sl_join_begin(struct sl_peer *p)
{
	bool any = false;
	for (uint32_t i = 0; i < p->degree; i++) {
		struct sl_edge *e = &p->edge[i];
		if (!e->greeted || e->their_round == 0)
			continue;
		e->diverged = true; /* what they hold is wanted whole: frames would come after it */
		any = true;
	}
	if (!any)
		return false;
	p->phase = SL_PHASE_RECOVERING;
	p->phase_since = p->now;
	p->recover_at = p->now;
	sl_join_check(p);
	return true;
}

/* x, and with it the public copy, is the mean of the copies that are here; other channels are zero. */
static void take_mean(struct sl_peer *p)
{
	const struct sl_plan *plan = p->plan;
	float *copy = sl_copy_state_floats(p->copy_state);
	uint32_t count = 0;
	for (uint32_t i = 0; i < p->degree; i++)
		count += is_ahead(&p->edge[i]) && !p->edge[i].diverged;
	memset(p->copy_state, 0, plan->copy_bytes);
	for (uint32_t k = 0; k < plan->dimension && count; k++) {
		double sum = 0;
		for (uint32_t i = 0; i < p->degree; i++)
			if (is_ahead(&p->edge[i]) && !p->edge[i].diverged)
				sum += (double)sl_copy_state_floats(p->edge[i].theirs)[k];
		float mean = (float)(sum / count);
		copy[k] = mean == 0 ? 0 : mean;
	}
	memcpy(p->learner.x, copy, plan->dimension * sizeof *copy);
	p->digest = sl_vector_digest(plan->copy_floats, 0, copy);
}

static void join(struct sl_peer *p, uint32_t copies)
{
	uint32_t round = sl_guard_round(p), least = UINT32_MAX; /* one that lies does not decide */
	for (uint32_t i = 0; i < p->degree; i++)
		if (is_ahead(&p->edge[i]) && p->edge[i].their_round < least)
			least = p->edge[i].their_round;
	if (round == 0)
		round = least;
	take_mean(p);
	if (round > p->plan->settings.rounds)
		round = p->plan->settings.rounds;
	p->round = p->learner.round = p->version = round;
	if (p->plan->algorithm->start)
		p->plan->algorithm->start(&p->learner);
	p->joining = false;
	p->staging_edge = NULL;
	sl_peer_note(p, SL_LEVEL_NOTICE, "joined-late", "in round %u, from the mean of %u neighbours' models",
	             round, copies);
	p->phase = SL_PHASE_COMPUTING;
	sl_start_epoch(p, 0, "joined a run under way");
	sl_round_begin(p);
}

/* Goes on once all copies are here, or, after link_timeout, with those that are. */
void sl_join_check(struct sl_peer *p)
{
	uint32_t copies = 0, missing = 0;
	for (uint32_t i = 0; i < p->degree; i++) {
		copies += is_ahead(&p->edge[i]) && !p->edge[i].diverged;
		missing += is_ahead(&p->edge[i]) && p->edge[i].diverged;
	}
	bool patient =
	    sl_time_before(p->now, sl_time_after(p->phase_since, p->plan->settings.link_timeout_us));
	if (copies && (!missing || !patient)) {
		join(p, copies);
		return;
	}
	if (sl_time_before(p->now, p->recover_at))
		return;
	p->recover_at = sl_time_after(p->now, JOIN_EVERY_US);
	for (uint32_t i = 0; i < p->degree; i++)
		if (is_ahead(&p->edge[i]) && p->edge[i].diverged)
			sl_edge_ask(p, &p->edge[i]);
}
