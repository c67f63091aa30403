/* send.c — frames to a neighbour: the header, the action, and a tag alone. */
#include "gossip/peer/state.h"

bool sl_peer_is_settled(const struct sl_peer *p, const struct sl_edge *e)
{
	return !e->reset && p->phase != SL_PHASE_GREETING && p->phase != SL_PHASE_RECOVERING;
}

struct sl_frame sl_peer_frame(const struct sl_peer *p, const struct sl_edge *e, enum sl_frame_kind kind)
{
	bool steps = kind == SL_FRAME_DIFFERENCE || kind == SL_FRAME_TAG;
	return (struct sl_frame){ .kind = (uint8_t)kind,
		                  .wants = steps && sl_edge_wants_checkpoint(p, e),
		                  .channels = (uint8_t)p->plan->channels,
		                  .incarnation16 = (uint16_t)p->incarnation,
		                  .epoch = p->epoch,
		                  .round = p->round,
		                  .durable = sl_edge_durable(p, e),
		                  .serial = p->serial,
		                  .run = p->plan->run };
}

bool sl_peer_send(struct sl_peer *p, struct sl_edge *e, const struct sl_frame *f, const uint8_t *body,
                  size_t length)
{
	uint8_t header[SL_FRAME_HEADER];
	if (e->guard.closed || (e->stream.number && e->stream.full))
		return false;
	size_t header_length = sl_terms_header(p, e, f, (uint32_t)length, header);
	struct sl_action a = { .kind = SL_ACTION_SEND,
		               .edge = (uint32_t)(e - p->edge),
		               .header = header,
		               .header_length = header_length,
		               .body = body,
		               .body_length = length,
		               .frame = f };
	bool leaves = e->stream.number == 0 || e->stream.up;
	e->totals.frames_tx += leaves;
	if (leaves)
		sl_stream_handed(p, e, f);
	sl_peer_emit(p, &a);
	return leaves;
}

void sl_send_tag(struct sl_peer *p, struct sl_edge *e, uint32_t step)
{
	struct sl_frame f = sl_peer_frame(p, e, SL_FRAME_TAG);
	if (!sl_edge_tag_version(p, e, step, &f.version))
		return;
	f.step = step;
	f.tag = true;
	f.digest = e->tx_off ? p->first_digest : e->tag_digest[step & (p->plan->tags - 1)];
	if (!e->tx_off)
		f.serial = e->tag_serial[step & (p->plan->tags - 1)];
	sl_peer_send(p, e, &f, NULL, 0);
}
