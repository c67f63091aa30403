/* step.c — an edge has its own step counter m. Holding both tags of step m, an end adds c·(x̂_j[v_j] −
 * x̂_i[v_i]) once, and only then tags m+1: steps are postponed, never skipped, merged or repeated. */
#include "gossip/peer/state.h"

#include "linalg/vector.h"

#include <string.h>

enum { STASH_HEAD = 20 };

/* Bytes of the frames that a neighbour may still need to get from version `held` to `last`: where each says
 * all, those at the last tag and at `last`. SIZE_MAX: one of them is gone. */
static size_t span_of(const struct sl_peer *p, const struct sl_edge *e, uint32_t held, uint32_t last)
{
	if (!p->plan->self_contained)
		return sl_journal_span(&p->journal, held, last);
	size_t sum = 0;
	const uint8_t *body;
	const uint32_t need[] = { e->limit, last };
	for (unsigned i = 0; i < 2; i++) {
		if (need[i] <= held || (i && need[i] == need[0]))
			continue;
		const struct sl_journal_entry *entry = sl_journal_find(&p->journal, need[i], &body);
		if (!entry)
			return SIZE_MAX;
		sum += entry->length;
	}
	return sum;
}

/* Frames held + 1 … last are in the journal, cost less than a snapshot, and would fit the stash with `more` bytes. */
static bool servable_from(const struct sl_peer *p, const struct sl_edge *e, uint32_t held, uint32_t last,
                          size_t more)
{
	size_t span = span_of(p, e, held, last);
	size_t heads = (size_t)STASH_HEAD * (last > held ? last - held : 0);
	return span <= p->plan->resend_bytes &&
	       span + heads + more <= p->plan->resend_bytes + p->plan->body_bound;
}

static bool servable(const struct sl_peer *p, const struct sl_edge *e, uint32_t last, size_t more)
{
	return servable_from(p, e, e->acknowledged, last, more);
}

/* The copy is of the present journal, and no frame fits it. (That of a former one is replaced in the course of steps.) */
static bool is_wrong(const struct sl_edge *e)
{
	return e->diverged && e->their_epoch == e->known_epoch;
}

/* Opening step m+1 gives up the copy at step m's number, so the neighbour must hold that, or get it from
 * frames that will still be there. */
static bool may_open(const struct sl_peer *p, const struct sl_edge *e)
{
	if (!e->greeted || e->reset || e->mine_open || sl_edge_is_over(p, e))
		return false; /* a run has no more steps than rounds, however often somebody asks */
	if (is_wrong(e))
		return false; /* with my tag the neighbour would go on, and give up what is to replace it */
	if (e->acknowledged >= e->limit)
		return true;
	return servable(p, e, p->version, 0);
}

/* What was handed to the stream before this one may have been lost, and the neighbour has not said what it lacks: it would
 * not take frames that follow. */
static bool may_lack_former(const struct sl_peer *p, const struct sl_edge *e)
{
	return e->stream.number && e->stream.began == SL_AGAIN_DROP && e->stream.asked == 0 &&
	       e->acknowledged < e->sent && !sl_stream_has_frame(p, e, e->sent, 0);
}

/* Sends the journal from the newest number sent so far, the last frame tagged. More than a few frames: the
 * tag alone, and the neighbour asks for what it lacks, at its own speed. */
static void send_journal(struct sl_peer *p, struct sl_edge *e)
{
	enum { BURST = 16 };
	sl_guard_expect(p, e, SL_EXPECT_TAG);
	e->stream.waits = e->stream.number && e->stream.unsettled;
	if (e->stream.waits)
		return;
	uint32_t from = e->sent < p->version ? e->sent : p->version;
	if (p->plan->self_contained && from < p->version)
		from = p->version - 1;
	size_t span = sl_journal_span(&p->journal, from, p->version);
	if (e->tx_off || from == p->version || p->version - from > BURST || span > p->plan->resend_bytes ||
	    may_lack_former(p, e)) {
		sl_send_tag(p, e, e->tagged);
		return;
	}
	for (uint32_t n = from + 1; n <= p->version; n++) {
		const uint8_t *body;
		const struct sl_journal_entry *entry = sl_journal_find(&p->journal, n, &body);
		struct sl_frame f = sl_peer_frame(p, e, SL_FRAME_DIFFERENCE);
		f.version = n;
		f.round = entry->round;
		f.digest = entry->digest;
		f.step = e->tagged;
		f.tag = n == p->version;
		f.serial = e->tag_serial[e->tagged & (p->plan->tags - 1)];
		if (!sl_peer_send(p, e, &f, body, entry->length))
			return;
		sl_count_handed(p, e, SL_BRIEF_STEADY + entry->length);
		sl_guard_sent(p, e, entry->length);
		e->sent = n;
	}
}

/* The next step cannot be opened before the neighbour says what it holds: it is asked at once, and again by the
 * timer, which may be slow. */
static void ask_what_it_holds(struct sl_peer *p, struct sl_edge *e)
{
	if (e->mine_open || !e->greeted)
		return;
	bool first = e->stream.number && e->asked_step != e->step + 1 && !e->reset && !sl_edge_is_over(p, e);
	if (!first && sl_time_before(p->now, e->ask_at))
		return;
	e->asked_step = e->step + 1;
	sl_greet(p, e, true);
}

void sl_edge_open(struct sl_peer *p, struct sl_edge *e)
{
	if (p->phase != SL_PHASE_SERVING && !sl_edge_active(p, e))
		return;
	if (!may_open(p, e)) {
		if (e->added) /* never heard: it will begin where I am then */
			e->limit = e->sent = p->version;
		ask_what_it_holds(p, e);
		return;
	}
	if (p->holds_frames && !e->is_full)
		return; /* steps without new frames mix copies that no longer show the models, and may diverge */
	if (e->up) {
		e->ask_every_us = 0;
		e->ask_at = sl_time_after(p->now, sl_stream_patience_us(e));
	}
	e->mine_open = true;
	e->mine_saved = false;
	e->tx_kept.used = 0;
	e->limit = e->tx_off ? 0 : p->version;
	e->opened_in = p->round;
	e->opened_at = p->now;
	e->stream.opened_on = e->stream.up ? e->stream.number : 0;
	e->tagged = e->step + 1;
	uint32_t gone = e->tag[e->tagged & (p->plan->tags - 1)];
	if (gone != UINT32_MAX && e->tagged > p->plan->tags)
		sl_durable_lost(p, e, gone);
	e->tag[e->tagged & (p->plan->tags - 1)] = e->limit;
	e->tag_digest[e->tagged & (p->plan->tags - 1)] = e->tx_off ? p->first_digest : p->digest;
	e->tag_serial[e->tagged & (p->plan->tags - 1)] = p->serial;
	send_journal(p, e);
	if (e->stream.number && !e->theirs_open && e->told_step >= e->tagged)
		sl_edge_ask(
		    p,
		    e); /* the neighbour is past this step: its tag was sent before, and is not on its way */
}

bool sl_edges_take(const struct sl_peer *p)
{
	for (uint32_t i = 0; i < p->degree; i++) {
		const struct sl_edge *e = &p->edge[i];
		if (e->greeted && !e->reset && !sl_edge_is_over(p, e) &&
		    sl_stream_takes(p, e, may_open(p, e)))
			return true;
	}
	return false;
}

/* One more frame, and the neighbour may need a snapshot for its next step. One that is merely not scheduled, or whose link is in use, is
 * waited for a little: or else frames for other neighbours fill the journal, also while that snapshot travels, and it needs the
 * next one. One that is slower for good costs this much per step. Journals of few frames are always full. */
static bool fills_up(struct sl_peer *p, struct sl_edge *e)
{
	enum { HOLD_US = 1000000, FRAMES_LEAST = 8 };
	size_t frame = STASH_HEAD + p->plan->body_bound;
	if (!e->stream.number || !e->stream.up || !e->greeted || e->reset || e->late || e->guard.closed ||
	    e->tx_off || sl_edge_is_over(p, e) || p->plan->resend_bytes < FRAMES_LEAST * frame)
		return false;
	uint32_t held = servable(p, e, e->limit, 0) ? e->acknowledged : e->limit;
	if (servable_from(p, e, held, p->version, 2 * frame))
		return false;
	if (e->full_step != e->step + 1) {
		e->full_step = e->step + 1;
		e->full_at = p->now;
	}
	return sl_time_before(p->now, sl_time_after(e->full_at, HOLD_US));
}

bool sl_edges_fill_up(struct sl_peer *p)
{
	bool any = false;
	for (uint32_t i = 0; i < p->degree; i++) {
		p->edge[i].is_full = fills_up(p, &p->edge[i]);
		any = any || p->edge[i].is_full;
	}
	return any;
}

static void stash_frames(struct sl_peer *p, struct sl_edge *e)
{
	e->tx_kept.used = 0;
	if (!servable(p, e, e->limit, 0))
		return; /* the neighbour holds the last step's number: a snapshot of `mine` serves it */
	for (uint32_t n = e->acknowledged + 1; n <= e->limit; n++) {
		const uint8_t *body;
		if (p->plan->self_contained && n != e->limit)
			continue;
		const struct sl_journal_entry *entry = sl_journal_find(&p->journal, n, &body);
		struct sl_writer w =
		    sl_writer(e->tx_kept.bytes + e->tx_kept.used, p->plan->held_bytes - e->tx_kept.used);
		sl_write_u32(&w, entry->length);
		sl_write_u32(&w, n);
		sl_write_u32(&w, entry->round);
		sl_write_u64(&w, entry->digest);
		sl_write_bytes(&w, body, entry->length);
		e->tx_kept.used += sl_writer_length(&w);
	}
}

void sl_edges_keep(struct sl_peer *p)
{
	for (uint32_t i = 0; i < p->degree; i++) {
		struct sl_edge *e = &p->edge[i];
		if (e->tx_off)
			continue;
		/* A completed step's number that the neighbour may still lack is served by the journal if the
		 * next step can be opened at once, which is the rule; else it is kept here too. Where both ends'
		 * copies are wrong, each gets the other's from what is kept. */
		bool opens = e->greeted && !e->reset && !is_wrong(e) &&
		             servable(p, e, p->version, STASH_HEAD + p->plan->body_bound);
		bool lacks = e->acknowledged < e->limit || is_wrong(e);
		bool needed = e->mine_open || (lacks && !opens && !e->added);
		if (!needed || e->mine_saved || e->limit != p->version)
			continue;
		memcpy(e->mine, p->copy_state, p->plan->copy_bytes);
		e->mine_saved = true;
		stash_frames(p, e);
	}
}

bool sl_edge_can_complete(const struct sl_edge *e)
{
	return e->mine_open && e->theirs_open && !e->reset;
}

static double probe_term(const struct sl_peer *p, const struct sl_mixing *m)
{
	double sum = 0;
	for (uint32_t k = 0; k < p->plan->dimension; k++) {
		float term = m->coefficient * (m->theirs[k] - m->mine[k]);
		sum += (double)p->plan->probe[k] * (double)term;
	}
	return sum;
}

static struct sl_mixing mixing_of(const struct sl_peer *p, struct sl_edge *e)
{
	uint32_t *serial = &e->tag_serial[e->tagged & (p->plan->tags - 1)];
	if (e->their_serial < *serial)
		*serial = e->their_serial; /* also in tags that are sent again */
	struct sl_mixing m = sl_edge_mixing(p, e, e->step + 1, *serial);
	m.mine = (const float *)(const void *)sl_edge_mine(p, e);
	m.theirs = sl_robust_view(p, m.mine, (const float *)(const void *)e->theirs);
	if (p->plan->probe)
		e->term_probe = probe_term(p, &m);
	return m;
}

/* The term was added. */
static void completed(struct sl_peer *p, struct sl_edge *e, double disagreement)
{
	p->disagreement = p->disagreement != p->disagreement ? disagreement : p->disagreement + disagreement;
	e->step++;
	e->mine_open = e->theirs_open = false;
	sl_stream_completed(e);
	if (e->mine_saved && e->acknowledged >= e->limit)
		e->mine_saved = false;
	sl_edge_drain(p, e);
}

void sl_edge_complete(struct sl_peer *p, struct sl_edge *e)
{
	struct sl_mixing m = mixing_of(p, e);
	const struct sl_algorithm *a = p->plan->algorithm;
	completed(p, e, a->mix ? a->mix(&p->learner, &m) : 0); /* with a server's method models are equal */
}

/* Where mixing is the plain sum, several edges share a pass over the model. */
struct together {
	unsigned count;
	struct sl_edge *edge[SL_MIX_TERMS];
	struct sl_mixing mixing[SL_MIX_TERMS];
	double disagreement[SL_MIX_TERMS];
};

/* The next of them from edge i on, or completes each by itself; returns the edge to go on with. */
static uint32_t take_together(struct sl_peer *p, uint32_t i, bool plain, struct together *g)
{
	g->count = 0;
	for (; i < p->degree && g->count < SL_MIX_TERMS; i++) {
		if (!sl_edge_can_complete(&p->edge[i]))
			continue;
		if (plain)
			g->edge[g->count++] = &p->edge[i];
		else
			sl_edge_complete(p, &p->edge[i]);
	}
	for (unsigned k = 0; k < g->count; k++)
		g->mixing[k] = mixing_of(p, g->edge[k]);
	return i;
}

/* The last edges, the proximal step and the counts for the row share one as well. */
void sl_edges_complete(struct sl_peer *p)
{
	const struct sl_algorithm *a = p->plan->algorithm;
	struct sl_part_census census;
	struct together g;
	uint32_t i = 0;
	bool plain = a->mix == sl_part_mix && !p->plan->directed && p->plan->robust.kind == SL_ROBUST_NONE;
	bool prox = a->finish == sl_part_prox, closes = prox || !a->finish;
	sl_robust_prepare(p);
	do {
		i = take_together(p, i, plain, &g);
		if (closes && i == p->degree)
			sl_part_close(&p->learner, g.mixing, g.count, prox, g.disagreement, &census);
		else if (g.count > 0)
			sl_part_mix_all(&p->learner, g.mixing, g.count, g.disagreement);
		for (unsigned k = 0; k < g.count; k++)
			completed(p, g.edge[k], g.disagreement[k]);
	} while (i < p->degree);
	if (!closes) {
		a->finish(&p->learner);
		sl_part_close(&p->learner, NULL, 0, false, NULL, &census);
	}
	p->nonzero = (int64_t)census.nonzero;
	p->penalty = census.penalty;
}
