/* greeting.c — a neighbour's greeting: who is there, what it holds, and what follows for the edge. */
#include "gossip/peer/state.h"

#include <string.h>

/* Says once what makes a neighbour a stranger to this run. */
static bool belongs(struct sl_peer *p, struct sl_edge *e, const struct sl_hello *h)
{
	const char *what = h->session != p->plan->session       ? "another session of the run"
	                   : h->dimension != p->plan->dimension ? "a model of another size"
	                   : h->sender != e->neighbour          ? "another peer's number"
	                   : h->receiver != p->id               ? "a greeting addressed to another peer"
	                   : h->held_epoch > h->known_epoch || sl_epoch_is_made_up(p, h->known_epoch)
	                       ? "claims starts of this peer that cannot have happened"
	                       : NULL;
	if (!what)
		return true;
	e->totals.refused++;
	if (!e->refused)
		sl_peer_note(p, SL_LEVEL_ERROR, "neighbour-refused",
		             "peer %u has %s; it is refused until it agrees", e->neighbour, what);
	e->refused = true;
	return false;
}

/* Their journal as their greeting shows it: a newer epoch replaces what I hold of the old one. */
static void follow_epoch(struct sl_peer *p, struct sl_edge *e, const struct sl_frame *f, bool nothing)
{
	if (f->epoch < e->known_epoch)
		return; /* it will learn from my greeting that it is behind, and start a newer one */
	if (f->epoch > e->known_epoch) {
		e->known_epoch = f->epoch;
		sl_terms_drop(e);
		e->theirs_open = false; /* a tag of a lost life: the step will be tagged again */
		e->rx_held.used = 0;
		e->rx_held.overflow = false;
		if (f->version == e->their_version && f->digest == e->their_digest) {
			e->their_epoch = f->epoch;
			memset(e->theirs + 4 * p->plan->copy_floats, 0, p->plan->copy_memory);
		} else {
			e->diverged = true;
		}
	} else if (!e->diverged && f->version == e->their_version && f->digest != e->their_digest) {
		e->diverged = true;
		e->theirs_open = false;
		sl_peer_note(p, SL_LEVEL_WARNING, "copy-diverged",
		             "local copy of peer %u at version %u has diverged; a snapshot follows",
		             e->neighbour, e->their_version);
	}
	e->rx_held.last = e->rx_held.used ? e->rx_held.last : e->their_version;
	if (e->diverged ||
	    (f->version > e->their_version && !nothing && !e->rx_off && !sl_edge_is_over(p, e)))
		sl_edge_ask(p, e);
}

/* What they hold of my journal; what a new life says counts, also when it is less than before. A greeting of
 * the same life that says less was overtaken on its way. */
static void note_holding(struct sl_peer *p, struct sl_edge *e, const struct sl_hello *h)
{
	e->knows_me_epoch = h->known_epoch;
	e->holds_me_epoch = h->held_epoch;
	e->holds_me_version = h->held_version;
	e->holds_me_digest = h->held_digest;
	memcpy(e->holds_me_hash, h->held_hash, sizeof e->holds_me_hash);
	if (!e->met) {
		e->met = true;
		e->former_epoch = h->held_epoch;
		e->former_version = h->held_version;
		e->former_digest = h->held_digest;
	}
	e->oldest = h->oldest;
	e->told_step = h->step > e->told_step ? h->step : e->told_step;
	if (h->held_epoch == p->epoch && h->held_version >= e->seen_version) {
		e->seen_version =
		    h->held_version; /* more than I have: I am computing again what it knows already */
		e->acknowledged = h->held_version < p->version ? h->held_version : p->version;
	}
	if (h->flags & SL_HELLO_RESET)
		e->taken_over = e->step;
	bool started = p->phase != SL_PHASE_GREETING && p->phase != SL_PHASE_RECOVERING;
	if (e->reset && started &&
	    h->known_epoch == p->epoch) { /* no tag of my former epoch counts any more */
		e->reset = false;
		e->mine_saved = false;
		e->tx_kept.used = 0;
		e->step = e->tagged = h->flags & SL_HELLO_RESET ? 0 : h->step;
		e->seen_step = e->seen_step < e->step ? e->seen_step : e->step; /* they may begin again */
		e->limit = p->version;
		sl_terms_repeat(e);
	}
}

/* Whether what the neighbour cannot send is still wanted: it may have answered a request of long ago. */
static bool is_missing(const struct sl_edge *e, const struct sl_hello *h)
{
	enum { TAGS_LEAST = 64 }; /* it knows the tags of at least this many last steps */
	uint32_t newest = e->rx_held.used ? e->rx_held.last : e->their_version;
	return e->diverged || h->oldest > newest + 1 || h->step - e->step >= TAGS_LEAST;
}

/* What this end needs to go on from where it is, nobody has any more. */
static void left_behind(struct sl_peer *p, struct sl_edge *e)
{
	if (!sl_guard_epoch(p, e))
		return;
	if (sl_waits_forever(p) && (p->plan->algorithm->irrecoverable || p->plan->directed))
		sl_peer_halt(
		    p, false,
		    "a neighbour no longer holds the frames that this peer missed, and its algorithm cannot continue without them: restore a newer checkpoint, or start a new run");
	else
		sl_start_epoch(p, 0, "a neighbour no longer holds the frames that this peer missed");
}

void sl_receive_stranger(struct sl_peer *p, struct sl_edge *e, const struct sl_frame *f)
{
	struct sl_hello h;
	e->compared = sl_hello_parse(p->plan, &h, f->body);
	e->differs = e->compared ? h.differs : 0;
	e->tensor = e->compared ? h.tensor : SL_TENSOR_DIGESTS;
}

/* Whether it names a round, step or number that neither end's run has. */
static bool is_made_up_round(const struct sl_peer *p, const struct sl_edge *e, const struct sl_frame *f,
                             const struct sl_hello *h)
{
	uint32_t most = sl_edge_rounds_most(p, e);
	most = h->rounds > most ? h->rounds : most;
	return h->step > most || h->held_version > most || f->round > most || f->version > most ||
	       f->step > 0;
}

void sl_receive_hello(struct sl_peer *p, struct sl_edge *e, const struct sl_frame *f)
{
	struct sl_hello h;
	if (!sl_hello_parse(p->plan, &h, f->body)) {
		sl_edge_refuse(p, e, SL_OFFENCE_GREETING);
		return;
	}
	if (is_made_up_round(p, e, f, &h)) {
		sl_edge_refuse(p, e, SL_OFFENCE_FUTURE);
		return;
	}
	if (!belongs(p, e, &h))
		return;
	sl_edge_compare(p, e, h.rounds, h.differs);
	e->refused = false;
	sl_edge_believe(e, f);
	bool new_incarnation = h.incarnation != e->incarnation, knows_me = h.echo == p->incarnation;
	sl_pace_heard(e, h.pace);
	bool new_stream = sl_stream_greeted(e, h.stream, new_incarnation);
	if (new_stream)
		e->asked_at.us = 0; /* requests about the former one count for nothing */
	if (new_incarnation) {
		e->greeted = e->finished = e->knows_finished = e->wants = false;
		e->seen_version = e->seen_step = e->told_step = 0;
		e->met = false;
		sl_terms_drop(e);
		e->ask_every_us = 0;
	}
	e->incarnation = h.incarnation;
	e->wants_hash = h.flags & SL_HELLO_HASH;
	if (knows_me && e->asked_hello_at.us > 0 && !(h.flags & SL_HELLO_ANSWER)) {
		e->totals.rtt_us = p->now.us - e->asked_hello_at.us;
		e->asked_hello_at.us = 0;
	}
	if (knows_me) {
		e->greeted = true;
		note_holding(p, e, &h);
		/* Over a connection that goes on, what follows the open step comes by itself. */
		bool comes = e->stream.number && h.stream && !new_stream && e->theirs_open;
		follow_epoch(p, e, f, comes || h.flags & (SL_HELLO_NOTHING | SL_HELLO_CANNOT));
	}
	e->stream.unsettled = h.flags & SL_HELLO_UNSETTLED;
	bool told = e->finished;
	e->finished = told || h.flags & SL_HELLO_FINISHED; /* one that was overtaken may say less */
	e->knows_finished = e->knows_finished || (knows_me && h.flags & SL_HELLO_KNOWS_FINISHED);
	bool news = e->finished && !told;
	if (new_stream && e->greeted && e->mine_open && !e->theirs_open && !sl_edge_is_over(p, e))
		sl_edge_ask(p, e); /* what came before it by another connection may be lost */
	if (h.flags & SL_HELLO_ANSWER || !knows_me || news)
		sl_hello_send(p, e, knows_me ? 0 : SL_HELLO_ANSWER);
	bool started = p->phase != SL_PHASE_GREETING && p->phase != SL_PHASE_RECOVERING;
	if (started && e->greeted && e->knows_me_epoch > p->epoch) {
		if (sl_guard_epoch(p, e))
			sl_start_epoch(p, 0, "a neighbour knows a later epoch of this peer");
	} else if (started && e->greeted && !e->reset && !e->theirs_open && h.flags & SL_HELLO_CANNOT &&
	           h.step > e->step && is_missing(e, &h))
		left_behind(p, e);
}
