/* receive.c — a message from a neighbour: validated whole, then applied, held, ignored or refused. */
#include "gossip/peer/state.h"

/* Waited for twice, heard, and still without the tag: it may say what it likes, nobody waits for it before
 * the step is done. */
static bool talks_only(const struct sl_edge *e)
{
	return e->late_again && e->late_for == e->step + 1;
}

/* Asking slows down until there is news: a neighbour that only says that it is there may be busy for long. */
static void note_heard(struct sl_peer *p, struct sl_edge *e, bool news)
{
	e->heard_at = p->now;
	if (news)
		e->ask_every_us = 0;
	e->totals.frames_rx++;
	if (!e->up) {
		e->up = true;
		p->edges_up++;
		if (e->greeted)
			sl_peer_note(p, SL_LEVEL_NOTICE, "link-up", "peer %u sends again", e->neighbour);
	}
	if (e->added) {
		e->added = e->late = false;
		sl_peer_note(p, SL_LEVEL_NOTICE, "edge-new", "peer %u sent its first message", e->neighbour);
	} else if (e->late && !talks_only(e)) {
		e->late = false;
		sl_peer_note(p, SL_LEVEL_NOTICE, "edge-back", "peer %u sends again; step %u", e->neighbour,
		             e->step);
	}
}

/* Neither the steps nor the frames of a run exceed its number of rounds. A greeting may bring another
 * number of rounds, and is looked at once that is known. */
static bool is_from_nowhere(const struct sl_peer *p, const struct sl_edge *e, const struct sl_frame *f)
{
	uint32_t rounds = f->kind == SL_FRAME_HELLO ? UINT32_MAX : sl_edge_rounds_most(p, e);
	return f->round > rounds || f->step > rounds || f->version > rounds;
}

/* It refers to something that this end does not know: of another life, epoch or edge, or to what was said in a frame
 * that was lost. Asked, the neighbour says everything again. One that sends nothing else is no honest one. */
static void note_unknown(struct sl_peer *p, struct sl_edge *e)
{
	enum { UNKNOWN_MOST = 256 };
	bool settled = !e->reset && p->phase != SL_PHASE_GREETING && p->phase != SL_PHASE_RECOVERING;
	e->totals.repeated++;
	e->unknown_all++;
	if (e->unknown == UNKNOWN_MOST)
		sl_edge_refuse(p, e, SL_OFFENCE_HEADER);
	else
		e->unknown++;
	if (e->greeted && e->theirs_open)
		e->rx_held.overflow = true; /* there is no use for it before the step is completed */
	else if (!e->greeted || settled)
		sl_edge_ask(p, e);
}

/* False: there is nothing to look at in it. */
static bool read_header(struct sl_peer *p, struct sl_edge *e, const uint8_t *bytes, size_t length,
                        struct sl_frame *f)
{
	enum sl_brief found = SL_BRIEF_MALFORMED;
	unsigned version = sl_frame_version(bytes, length);
	if (length <= p->plan->frame_max && sl_is_brief(bytes, length))
		found = sl_terms_read(p, e, bytes, length, f);
	else if (length <= p->plan->frame_max && sl_frame_parse(f, bytes, length) &&
	         f->kind != SL_FRAME_DIFFERENCE && f->kind != SL_FRAME_TAG)
		found = SL_BRIEF_OK;
	if (found == SL_BRIEF_UNKNOWN) {
		note_unknown(p, e);
	} else if (version && version != SL_WIRE_VERSION) {
		e->wire_version = (uint8_t)version;
		sl_edge_refuse(p, e, SL_OFFENCE_VERSION);
	} else if (found == SL_BRIEF_MALFORMED) {
		sl_edge_refuse(p, e, SL_OFFENCE_SHAPE);
	}
	return found == SL_BRIEF_OK;
}

void sl_receive(struct sl_peer *p, struct sl_edge *e, const uint8_t *bytes, size_t length)
{
	struct sl_frame f;
	sl_stream_received(e);
	if (!sl_guard_admit(p, e) || !read_header(p, e, bytes, length, &f))
		return;
	if (f.run != p->plan->run) {
		if (f.kind == SL_FRAME_HELLO)
			sl_receive_stranger(p, e, &f);
		sl_edge_refuse(p, e, SL_OFFENCE_RUN);
		return;
	}
	bool steps =
	    f.kind == SL_FRAME_DIFFERENCE || f.kind == SL_FRAME_TAG; /* a REQUEST may have done none */
	if (f.channels != p->plan->channels ||
	    (steps ? f.step == 0 : f.step != 0 && f.kind != SL_FRAME_REQUEST) ||
	    ((f.tag || f.wants) && !steps) || (!f.tag && f.kind == SL_FRAME_TAG)) {
		sl_edge_refuse(p, e, SL_OFFENCE_HEADER);
		return;
	}
	if (is_from_nowhere(p, e, &f)) {
		sl_edge_refuse(p, e, SL_OFFENCE_FUTURE);
		return;
	}
	if (f.kind != SL_FRAME_HELLO && f.incarnation16 != (uint16_t)e->incarnation) {
		e->totals.repeated++; /* of a life that is over, or that has not greeted yet */
		if (!e->greeted)
			sl_edge_ask(p, e);
		return;
	}
	if (f.serial < e->since) {
		e->totals.repeated++; /* it means the edge that was there before this one */
		return;
	}
	if (f.kind == SL_FRAME_DIFFERENCE || f.kind == SL_FRAME_TAG)
		sl_terms_learn(e, &f);
	note_heard(p, e, f.kind != SL_FRAME_HELLO && f.kind != SL_FRAME_REQUEST);
	e->stream.unsettled = e->stream.unsettled && f.kind == SL_FRAME_HELLO;
	switch ((enum sl_frame_kind)f.kind) {
	case SL_FRAME_HELLO:
		sl_receive_hello(p, e, &f);
		break;
	case SL_FRAME_DIFFERENCE:
	case SL_FRAME_TAG:
		sl_receive_journal(p, e, &f);
		break;
	case SL_FRAME_SNAPSHOT:
		sl_receive_snapshot(p, e, &f);
		break;
	case SL_FRAME_REQUEST:
		sl_receive_request(p, e, &f);
		break;
	case SL_FRAME_KINDS:
		break;
	}
}
