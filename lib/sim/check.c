/* check.c — what must hold after every event, or at the end of every window. */
#include "sim/sim_state.h"

#include "linalg/vector.h"

#include <stdlib.h>
#include <string.h>

enum { UNKNOWN, FORKED };

/* The digests of a peer's public copy, number by number. What it computes again after a crash must be the
 * same. */
static void remember(struct sl_sim *s, uint32_t peer, const struct sl_peer_view *p)
{
	struct sl_sim_node *n = &s->node[peer];
	if (p->epoch != n->log_epoch) {
		n->unsure =
		    p->epoch < n->log_epoch; /* a new life that does not know: this epoch was there before */
		n->log_epoch = p->epoch;
		n->digests = 0;
	}
	if (p->version >= n->digests) {
		n->digest = realloc(n->digest, (p->version + 64) * sizeof *n->digest);
		SL_CHECK(n->digest);
		memset(n->digest + n->digests, 0, (p->version + 64 - n->digests) * sizeof *n->digest);
		n->digests = p->version + 64;
	}
	uint64_t *at = &n->digest[p->version];
	if (*at > FORKED && *at != p->digest && s->setup.check == SL_SIM_CHECK_EXACT)
		sl_sim_broken(s, peer, "peer %u has frame %u twice, with different contents", peer,
		              p->version);
	/* Two of one number: neighbours may hold either for a while; their next frame or tag shows it. */
	*at = *at && *at != p->digest ? FORKED : p->digest;
}

/* What `holder` has of `owner`'s copy is what the owner had at that number, bit for bit. `checker`, one of the two,
 * answers for it. */
static void check_copy(struct sl_sim *s, uint32_t checker, uint32_t owner, uint32_t holder,
                       const struct sl_edge_view *held, bool compare)
{
	const struct sl_sim_node *n = &s->node[owner];
	const struct sl_plan *plan = s->setup.plan;
	struct sl_peer_view p;
	sl_peer_inspect(n->peer, &p);
	if (n->unsure || !held->greeted || held->their_epoch != n->log_epoch || held->diverged)
		return;
	if (held->their_version >= n->digests)
		sl_sim_broken(s, checker,
		              "peer %u holds a copy of peer %u at version %u, which the latter never reached",
		              holder, owner, held->their_version);
	else if (n->digest[held->their_version] <= FORKED)
		return;
	else if (n->digest[held->their_version] != held->their_digest)
		sl_sim_broken(s, checker, "peer %u's copy of peer %u at %u is not what that had", holder,
		              owner, held->their_version);
	else if (compare && held->their_version == p.version && held->their_epoch == p.epoch &&
	         memcmp(held->theirs, p.copy, plan->copy_bytes) != 0)
		sl_sim_broken(s, checker, "copies of peer %u differ at version %u at peer %u", owner,
		              p.version, holder);
}

static uint32_t epoch_of(const struct sl_sim *s, uint32_t peer)
{
	struct sl_peer_view p;
	sl_peer_inspect(s->node[peer].peer, &p);
	return p.epoch;
}

static void check_steps(struct sl_sim *s, uint32_t a, uint32_t b, const struct sl_edge_view *x,
                        const struct sl_edge_view *y)
{
	bool settled = x->since == y->since && x->greeted && y->greeted && !x->reset && !y->reset &&
	               s->node[a].starts == 0 &&
	               s->node[b].starts == 0; /* a restarted end computes its steps again */
	uint32_t ahead = x->step > y->step ? x->step - y->step : y->step - x->step;
	if (settled && ahead > 1 && x->their_epoch == epoch_of(s, b) && y->their_epoch == epoch_of(s, a))
		sl_sim_broken(s, a, "edge %u-%u: one end has completed two steps more than the other", a, b);
}

/* What one end can say of itself. `whole`: with all of the copy. */
static void check_edge(struct sl_sim *s, uint32_t peer, const struct sl_peer_view *p,
                       const struct sl_edge_view *e, bool whole)
{
	const struct sl_plan *plan = s->setup.plan;
	const char *what = NULL;
	if (e->rx_held > plan->held_bytes || e->tx_kept > plan->held_bytes)
		what = "more bytes held than there is room";
	else if (e->limit > p->version || e->acknowledged > p->version || e->sent > p->version)
		what = "a cursor beyond the journal";
	else if (e->tagged != e->step + e->mine_open && !e->reset)
		what = "a tag that belongs to no step";
	else if (e->mine_open && !e->mine_saved && e->limit != p->version && !e->tx_off)
		what = "the copy that an open tag stands for is gone";
	else if (whole && sl_vector_digest(plan->copy_floats, 0, (const float *)(const void *)e->theirs) !=
	                      e->their_digest)
		what = "a copy that does not match its digest";
	if (what)
		sl_sim_broken(s, peer, "peer %u, edge to %u: %s", peer, e->neighbour, what);
}

static void check_vectors(struct sl_sim *s, uint32_t peer, const struct sl_peer_view *p, bool changed)
{
	struct sl_sim_node *n = &s->node[peer];
	const struct sl_plan *plan = s->setup.plan;
	if (!sl_vector_finite(plan->dimension, p->model))
		sl_sim_broken(s, peer, "the model of peer %u is not finite", peer);
	if (changed && n->checked && n->checked_digest == p->digest)
		return;
	n->checked = true;
	n->checked_digest = p->digest;
	if (sl_vector_digest(plan->copy_floats, 0, (const float *)(const void *)p->copy) != p->digest)
		sl_sim_broken(s, peer, "peer %u's own copy does not match its digest", peer);
}

void sl_sim_check_event(struct sl_sim *s, uint32_t peer)
{
	struct sl_sim_node *n = &s->node[peer];
	struct sl_peer_view p;
	if (!n->alive || n->distrusted)
		return;
	sl_peer_inspect(n->peer, &p);
	remember(s, peer, &p);
	if (p.round < n->last_round && p.phase != SL_PHASE_RECOVERING)
		sl_sim_broken(s, peer, "peer %u went back from round %u to %u", peer, n->last_round, p.round);
	n->last_round = p.round;
	sl_sim_check_saved(s, peer);
}

/* Whether the copy that a peer holds is another than at the last look. */
static bool has_changed(struct sl_sim_link *l, const struct sl_edge_view *e)
{
	bool same = l->checked && l->checked_epoch == e->their_epoch &&
	            l->checked_version == e->their_version && l->checked_digest == e->their_digest;
	l->checked = true;
	l->checked_epoch = e->their_epoch;
	l->checked_version = e->their_version;
	l->checked_digest = e->their_digest;
	return !same;
}

void sl_sim_check_node(struct sl_sim *s, uint32_t peer, bool changed)
{
	const struct sl_topology *t = s->setup.topology;
	if (!s->node[peer].alive || s->node[peer].distrusted)
		return;
	struct sl_peer_view p;
	struct sl_edge_view mine, theirs;
	sl_peer_inspect(s->node[peer].peer, &p);
	check_vectors(s, peer, &p, changed);
	if (s->setup.check == SL_SIM_CHECK_EXACT)
		sl_sim_check_kept(s, peer);
	for (uint32_t l = t->first[peer]; l < t->first[peer + 1]; l++) {
		uint32_t other = t->neighbour[l];
		if (!sl_sim_view(s, peer, l, &mine))
			continue;
		bool whole = has_changed(&s->link[l], &mine) || !changed;
		check_edge(s, peer, &p, &mine, whole);
		if (!s->node[other].alive || s->node[other].distrusted ||
		    !sl_sim_view(s, other, s->link[l].reverse, &theirs))
			continue;
		check_copy(s, peer, peer, other, &theirs, !changed);
		check_copy(s, peer, other, peer, &mine, whole);
		check_steps(s, peer, other, &mine, &theirs);
	}
}

double sl_sim_mean_probe(const struct sl_sim *s)
{
	const struct sl_topology *t = s->setup.topology;
	const float *r = s->setup.plan->probe;
	double sum = 0;
	for (uint32_t i = 0; i < t->peers; i++) {
		const float *x = sl_peer_model(s->node[i].peer);
		for (uint32_t k = 0; k < s->setup.plan->dimension; k++)
			sum += (double)r[k] * (double)x[k];
		for (uint32_t l = t->first[i]; l < t->first[i + 1]; l++) {
			struct sl_edge_view mine = { 0 }, theirs = { 0 };
			sl_sim_view(s, i, l, &mine);
			sl_sim_view(s, t->neighbour[l], s->link[l].reverse, &theirs);
			if (mine.step > theirs.step)
				sum -= mine.term_probe;
		}
	}
	return sum;
}
