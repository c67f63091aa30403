#include "gossip/inspect.h"

#include "gossip/peer/state.h"

#include <string.h>

/* It had to drop a frame for the newest one, or may for the next. */
static bool is_full(const struct sl_peer *p)
{
	const struct sl_journal *j = &p->journal;
	return j->count == j->entries || j->end - j->start + p->plan->body_bound > j->capacity;
}

void sl_peer_inspect(const struct sl_peer *p, struct sl_peer_view *out)
{
	*out = (struct sl_peer_view){ .plan = p->plan,
		                      .phase = p->phase,
		                      .round = p->round,
		                      .degree = p->degree,
		                      .capacity = p->capacity,
		                      .incarnation = p->incarnation,
		                      .model = p->learner.x,
		                      .epoch = p->epoch,
		                      .version = p->version,
		                      .digest = p->digest,
		                      .copy = p->copy_state,
		                      .oldest = p->journal.first,
		                      .full = is_full(p) };
}

void sl_peer_inspect_edge(const struct sl_peer *p, uint32_t edge, struct sl_edge_view *out)
{
	SL_CHECK(edge < p->degree);
	const struct sl_edge *e = &p->edge[edge];
	*out = (struct sl_edge_view){ .neighbour = e->neighbour,
		                      .since = e->since,
		                      .greeted = e->greeted,
		                      .reset = e->reset,
		                      .up = e->up,
		                      .late = e->late,
		                      .finished = e->finished,
		                      .knows_finished = e->knows_finished,
		                      .tx_off = e->tx_off,
		                      .step = e->step,
		                      .tagged = e->tagged,
		                      .mine_open = e->mine_open,
		                      .theirs_open = e->theirs_open,
		                      .limit = e->limit,
		                      .mine_saved = e->mine_saved,
		                      .term_probe = e->term_probe,
		                      .their_epoch = e->their_epoch,
		                      .their_version = e->their_version,
		                      .known_epoch = e->known_epoch,
		                      .their_digest = e->their_digest,
		                      .theirs = e->theirs,
		                      .diverged = e->diverged,
		                      .rx_held = e->rx_held.used,
		                      .acknowledged = e->acknowledged,
		                      .sent = e->sent,
		                      .tx_kept = e->tx_kept.used,
		                      .checkpoint_older = e->checkpoint_older,
		                      .quarantined = e->guard.closed,
		                      .refused = e->totals.refused,
		                      .repeated = e->totals.repeated };
}

bool sl_peer_knows_tag(const struct sl_peer *p, uint32_t edge, uint32_t step)
{
	uint32_t version;
	SL_CHECK(edge < p->degree);
	return sl_edge_tag_version(p, &p->edge[edge], step, &version);
}

void sl_peer_setup_now(const struct sl_peer *p, struct sl_peer_setup *out,
                       struct sl_peer_neighbour *neighbours)
{
	for (uint32_t i = 0; i < p->degree; i++) {
		const struct sl_edge *e = &p->edge[i];
		neighbours[i] = (struct sl_peer_neighbour){ .peer = e->neighbour,
			                                    .weights = e->weights,
			                                    .added = e->since,
			                                    .activity = e->activity,
			                                    .activities = e->activities };
		memcpy(neighbours[i].weight, e->weight, sizeof e->weight);
	}
	*out = (struct sl_peer_setup){ .plan = p->plan,
		                       .peer = p->id,
		                       .neighbours = neighbours,
		                       .degree = p->degree,
		                       .data = p->learner.data,
		                       .serial = p->serial,
		                       .capacity = p->capacity,
		                       .secret = p->learner.privacy.on ? p->learner.privacy.secret : NULL };
}

float *sl_peer_poison(struct sl_peer *p)
{
	return p->learner.x;
}

struct sl_frame sl_peer_forge(const struct sl_peer *p, uint32_t edge, enum sl_frame_kind kind)
{
	SL_CHECK(edge < p->degree);
	return sl_peer_frame(p, &p->edge[edge], kind);
}

size_t sl_peer_whole_header(const struct sl_peer *p, uint32_t neighbour, const struct sl_frame *f,
                            uint32_t length, uint8_t out[static SL_FRAME_HEADER])
{
	uint32_t edge = sl_peer_edge_to(p, neighbour);
	return edge == SL_NO_EDGE ? 0 : sl_terms_whole(p, &p->edge[edge], f, length, out);
}
