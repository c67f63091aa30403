/* edge.c — one end of an edge: how it begins, what it has tagged, and what the neighbour holds of it. */
#include "gossip/peer/state.h"

#include "linalg/vector.h"

#include <string.h>

/* Number 0 of every journal is the seeded start, which all peers know. */
static void seed_copy(const struct sl_peer *p, struct sl_edge *e)
{
	const struct sl_plan *plan = p->plan;
	float *x = sl_copy_state_floats(e->theirs);
	if (p->version == 0 && p->epoch == 0) { /* mine is what theirs is */
		memcpy(e->theirs, p->copy_state, plan->copy_bytes);
		e->their_digest = p->digest;
		return;
	}
	memset(e->theirs, 0, plan->copy_bytes);
	if (!plan->algorithm->from_zero)
		sl_model_start(&plan->model, plan->settings.seed, x);
	e->their_digest = sl_vector_digest(plan->copy_floats, 0, x);
}

void sl_edge_clear(const struct sl_peer *p, struct sl_edge *e)
{
	struct sl_edge room = { .theirs = e->theirs,
		                .tag = e->tag,
		                .tag_digest = e->tag_digest,
		                .tag_serial = e->tag_serial,
		                .rx_held.bytes = e->rx_held.bytes,
		                .mine = e->mine,
		                .tx_kept.bytes = e->tx_kept.bytes,
		                .detector.memory = e->detector.memory,
		                .stream.frame = e->stream.frame,
		                .stream.tag = e->stream.tag };
	*e = room;
	if (sl_detect_memory(p->plan))
		memset(e->detector.memory, 0, sl_detect_memory(p->plan));
	e->reset = true;
	e->durable = UINT32_MAX;
	e->totals.rtt_us = -1;
	memset(e->tag, 0xff, p->plan->tags * sizeof *e->tag);
}

void sl_edge_begin(struct sl_peer *p, struct sl_edge *e, const struct sl_peer_neighbour *n)
{
	sl_edge_clear(p, e);
	e->neighbour = n->peer;
	e->since = n->added;
	sl_edge_set_weights(e, n);
	sl_edge_schedule(e, n);
	seed_copy(p, e);
}

struct sl_edge *sl_peer_edge(struct sl_peer *p, uint32_t neighbour)
{
	for (uint32_t i = 0; i < p->degree; i++)
		if (p->edge[i].neighbour == neighbour)
			return &p->edge[i];
	return NULL;
}

bool sl_edge_tag_version(const struct sl_peer *p, const struct sl_edge *e, uint32_t step, uint32_t *version)
{
	if (step == 0 || step > e->tagged || (e->tagged - step >= p->plan->tags && !e->tx_off))
		return false;
	*version = e->tx_off ? 0 : e->tag[step & (p->plan->tags - 1)];
	return *version != UINT32_MAX;
}

const uint8_t *sl_edge_mine(const struct sl_peer *p, const struct sl_edge *e)
{
	if (e->mine_saved)
		return e->mine;
	if (e->tx_off)
		return p->copy_state; /* nobody looks at it */
	SL_CHECK(e->limit == p->version);
	return p->copy_state;
}

void sl_edge_acknowledge(struct sl_peer *p, struct sl_edge *e, uint32_t version)
{
	if (version > e->acknowledged && version <= p->version)
		e->acknowledged = version;
}
