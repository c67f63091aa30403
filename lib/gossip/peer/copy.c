/* copy.c — what is held of a neighbour's journal: a frame of it is applied to the copy, held back beyond a tag,
 * ignored or asked for again. */
#include "gossip/peer/state.h"

#include <string.h>

/* What a header says beside its frame counts once the frame is known to be sound. */
void sl_edge_believe(struct sl_edge *e, const struct sl_frame *f)
{
	if (f->round > e->their_round || f->kind == SL_FRAME_HELLO)
		e->their_round = f->round;
	e->durable = f->durable;
	if (f->kind != SL_FRAME_HELLO && f->kind != SL_FRAME_REQUEST)
		return;
	e->their_roster = f->serial; /* that of a tag may be of a former one */
	sl_terms_repeat(e);
}

/* The tag says that the neighbour's step `f->step` stands at `f->number`, and implies that it has completed
 * the step before, so that it holds what I had tagged there. */
static void take_tag(struct sl_peer *p, struct sl_edge *e, const struct sl_frame *f)
{
	uint32_t version;
	bool present =
	    f->incarnation16 == (uint16_t)e->incarnation; /* held frames may be of a life that is over */
	if (present)
		sl_edge_believe(e, f);
	if (!f->tag || f->step <= e->step || e->reset)
		return;
	e->wants = f->wants;
	if (present && f->step - 1 > e->seen_step)
		e->seen_step = f->step - 1;
	if (present && f->step - 1 > e->taken_over && sl_edge_tag_version(p, e, f->step - 1, &version))
		sl_edge_acknowledge(p, e, version);
	if (f->step == e->step + 1 && f->version == e->their_version && sl_frame_fits(f, e->their_digest)) {
		e->theirs_open = true;
		e->their_serial = f->serial;
		sl_stream_waited(p, e);
	}
}

/* A copy that is not what its owner has at that number: what both tag would not be the same. */
static void note_diverged(struct sl_peer *p, struct sl_edge *e, uint32_t version)
{
	e->diverged = true;
	e->theirs_open = false;
	e->rx_held.used = 0;
	e->totals.refused++;
	sl_peer_note(p, SL_LEVEL_WARNING, "copy-diverged",
	             "local copy of peer %u at version %u has diverged; a snapshot follows", e->neighbour,
	             version);
	sl_edge_ask(p, e);
}

/* A frame was refused: it is requested again at once, since timers are slow where connections lose nothing. */
static void ask_again(struct sl_peer *p, struct sl_edge *e)
{
	if (!e->stream.number)
		return;
	e->asked_at.us = 0;
	sl_edge_ask(p, e);
}

/* The copy was right one frame ago: it is the frame that is wrong, and another of that number may not be. A
 * snapshot cannot always be had, since the neighbour counts on its journal. */
static void note_misfit(struct sl_peer *p, struct sl_edge *e, uint32_t version)
{
	enum { MISFITS_MOST = 16 };
	if (++e->misfits > MISFITS_MOST) {
		e->misfits = 0;
		note_diverged(p, e, version);
		return;
	}
	sl_edge_refuse(p, e, SL_OFFENCE_MISFIT);
	if (e->stream.number)
		ask_again(p, e);
	else
		sl_edge_ask(p, e);
}

/* It leads to a step after the next, so the tag of the next was lost: applying it would move the copy past
 * the number that this stood at. */
static bool leaps_over_a_tag(const struct sl_edge *e, const struct sl_frame *f)
{
	return f->step > e->step + 1;
}

/* Where a frame says all, the tagged one of the next step fits whatever was missed. */
static bool follows(const struct sl_peer *p, const struct sl_frame *f, uint32_t newest, uint32_t step)
{
	bool difference = f->kind == SL_FRAME_DIFFERENCE;
	return f->version <= newest + difference ||
	       (p->plan->self_contained && difference && f->tag && f->step == step + 1);
}

/* The next frame of their journal. False: it does not fit my copy. */
static bool apply(struct sl_peer *p, struct sl_edge *e, const struct sl_frame *f)
{
	struct sl_absorption a;
	if (!sl_absorb_decode(p, e->neighbour, f->version, f->body, e->theirs, e->their_digest, &a)) {
		sl_edge_refuse(p, e, a.beyond ? SL_OFFENCE_VALUE : SL_OFFENCE_BODY);
		ask_again(p, e);
		return false;
	}
	if (!sl_frame_fits(f, a.digest)) {
		note_misfit(p, e, f->version);
		return false;
	}
	sl_detect(p, e, f->version, &a);
	sl_absorb_apply(p, &a, e->theirs, true);
	e->misfits = 0;
	e->news_at = p->now;
	e->their_version = f->version;
	e->their_digest = a.digest;
	uint32_t length = SL_BRIEF_STEADY + (uint32_t)sl_reader_left(&f->body);
	p->payload_rx += length;
	e->totals.payload_rx += length;
	uint32_t round = e->activities ? sl_edge_round_of(p, e, f->step) : f->round;
	if (round > p->round) {
		e->early += length;
		e->early_round = e->activities ? round : p->round + 1;
	}
	take_tag(p, e, f);
	return true;
}

/* With a fixed header: what a brief one leaves out may be something else when it is read again. */
static void hold(struct sl_peer *p, struct sl_edge *e, const struct sl_frame *f)
{
	struct sl_held *h = &e->rx_held;
	e->staging.open = false; /* the copy went on without it */
	size_t body = sl_reader_left(&f->body), length = SL_FRAME_HEADER + body;
	if (length + 4 > p->plan->held_bytes - h->used) {
		h->overflow = true;
		return;
	}
	sl_store_u32(h->bytes + h->used, (uint32_t)length);
	sl_frame_header(h->bytes + h->used + 4, f, (uint32_t)body);
	if (body)
		memcpy(h->bytes + h->used + 4 + SL_FRAME_HEADER, f->body.at, body);
	h->used += length + 4;
	h->last = f->version;
}

/* Frames held beyond a tag that has now been completed: applied up to the next tag. */
void sl_edge_drain(struct sl_peer *p, struct sl_edge *e)
{
	struct sl_held *h = &e->rx_held;
	size_t at = 0;
	while (!e->theirs_open && at < h->used) {
		uint32_t length = sl_load_u32(h->bytes + at);
		struct sl_frame f;
		SL_CHECK(sl_frame_parse(&f, h->bytes + at + 4, length));
		at += length + 4;
		if (f.kind == SL_FRAME_TAG || f.version <= e->their_version) {
			take_tag(p, e, &f);
		} else if (!follows(p, &f, e->their_version, e->step) || leaps_over_a_tag(e, &f) ||
		           !apply(p, e, &f)) {
			at = h->used; /* what follows does not fit either: it will be asked for again */
			h->overflow = true;
		}
	}
	memmove(h->bytes, h->bytes + at, h->used - at);
	h->used -= at;
	if (h->used == 0) {
		h->last = e->their_version;
		if (h->overflow && !e->theirs_open) {
			h->overflow = false;
			sl_edge_ask(p, e);
		}
	}
}

void sl_receive_journal(struct sl_peer *p, struct sl_edge *e, const struct sl_frame *f)
{
	bool difference = f->kind == SL_FRAME_DIFFERENCE;
	if (!e->greeted || f->epoch != e->their_epoch || e->diverged) {
		if (e->greeted && (e->diverged || f->epoch > e->known_epoch))
			sl_edge_ask(p, e);
		return;
	}
	if (e->reset || p->phase == SL_PHASE_GREETING || p->phase == SL_PHASE_RECOVERING)
		return; /* where the edge stands is not settled: a tag would be lost */
	uint32_t newest = e->rx_held.used ? e->rx_held.last : e->their_version;
	if (!follows(p, f, newest, e->step + e->theirs_open)) {
		if (e->theirs_open)
			e->rx_held.overflow = true; /* there is no use for it before the step is completed */
		else
			sl_edge_ask(p, e); /* something is missing in between */
	} else if (difference && f->version <= newest) {
		e->totals.repeated++;
		if (!e->rx_held.used && f->version == e->their_version && sl_frame_fits(f, e->their_digest))
			take_tag(p, e, f);
	} else if (!difference && f->version == e->their_version && !sl_frame_fits(f, e->their_digest)) {
		note_diverged(p, e, f->version);
	} else if (e->theirs_open) {
		if (difference || f->step > e->step + 1)
			hold(p, e, f);
	} else if (leaps_over_a_tag(e, f)) {
		sl_edge_ask(p, e);
	} else if (difference) {
		apply(p, e, f);
	} else {
		take_tag(p, e, f);
	}
}
