/* stream.c — connections to a neighbour. TCP loses nothing: what was handed to a connection arrives in order, or
 * the connection ends. So nobody has to ask for what is merely slow. A greeting is the first message of each
 * connection and names it; requests say how many messages of it have come, and this end does not send again
 * what it handed over after those. Timers are only a safety net, and wait several times as long as the
 * neighbour's tags take (smoothed as in RFC 6298). */
#include "gossip/peer/state.h"

#include <string.h>

enum {
	DATAGRAM_FIRST_US = 100000, /* where any message may be lost */
	DATAGRAM_MOST_US = 2000000,
	PATIENCE_LEAST_US = 1000000,
	PATIENCE_MOST_US = 60000000,
	SPREADS = 8,
	SILENCE_LEAST_US = 2000000,
	PIECE_FIRST = 8 << 10,
	PIECE_SLOW_US = 500000,
	PIECE_FAST_US = 125000,
	BURST_MOST = 16,
};

static void next_connection(const struct sl_peer *p, struct sl_stream *s, enum sl_again why)
{
	s->number++;
	s->began = why;
	s->handed = s->asked = s->piece = 0;
	s->busy = false;
	memset(s->frame, 0, p->plan->tags * sizeof *s->frame);
	memset(s->tag, 0, p->plan->tags * sizeof *s->tag);
}

bool sl_stream_change(struct sl_peer *p, struct sl_edge *e, enum sl_link_change change)
{
	struct sl_stream *s = &e->stream;
	switch (change) {
	case SL_LINK_UP:
		next_connection(p, s, SL_AGAIN_CONNECTION);
		s->up = true;
		s->full = false;
		e->asked_hello_at.us =
		    0; /* whatever was asked by the connection before this one may be lost */
		return true;
	case SL_LINK_DOWN:
		s->up = false;
		return false;
	case SL_LINK_FULL: /* what came after a dropped message counts from a greeting again */
		next_connection(p, s, SL_AGAIN_DROP);
		s->full = true;
		return false;
	case SL_LINK_ROOM:
		s->full = false;
		return s->up;
	case SL_LINK_MOVES:
		if (e->up)
			e->heard_at = p->now;
		struct sl_time later = sl_time_after(p->now, sl_stream_patience_us(e));
		if (sl_time_before(e->ask_at, later))
			e->ask_at = later;
		return false;
	case SL_LINK_BUSY:
		s->busy = s->was_busy = true;
		return false;
	case SL_LINK_IDLE:
		s->busy = false;
		return false;
	case SL_LINK_CHANGES:
		break;
	}
	return false;
}

bool sl_stream_takes(const struct sl_peer *p, const struct sl_edge *e, bool opens)
{
	const struct sl_stream *s = &e->stream;
	if (s->number == 0)
		return true;
	if (!s->up || s->full || s->busy)
		return false;
	uint32_t waiting = e->sent < p->version ? p->version - e->sent : 0;
	return opens || waiting + 1 < s->burst;
}

void sl_stream_completed(struct sl_edge *e)
{
	struct sl_stream *s = &e->stream;
	uint32_t burst = s->burst ? s->burst : 1;
	if (s->was_busy)
		s->burst = burst > 1 ? burst / 2 : 1;
	else
		s->burst = 2 * burst < BURST_MOST ? 2 * burst : BURST_MOST;
	s->was_busy = s->busy;
}

void sl_stream_handed(const struct sl_peer *p, struct sl_edge *e, const struct sl_frame *f)
{
	struct sl_stream *s = &e->stream;
	if (s->number == 0)
		return;
	s->handed++;
	if (f->kind == SL_FRAME_DIFFERENCE)
		s->frame[f->version & (p->plan->tags - 1)] = s->handed;
	if (f->tag)
		s->tag[f->step & (p->plan->tags - 1)] = s->handed;
	if (f->kind == SL_FRAME_SNAPSHOT) {
		s->piece = s->handed;
		s->piece_at = p->now;
	}
}

void sl_stream_received(struct sl_edge *e)
{
	e->stream.probes = 0;
	if (e->stream.their_number)
		e->stream.received++;
}

bool sl_stream_greeted(struct sl_edge *e, uint32_t number, bool new_incarnation)
{
	struct sl_stream *s = &e->stream;
	if (!new_incarnation && number <= s->their_number)
		return false; /* known, or one that is over and was overtaken */
	s->their_number = number;
	s->received = number ? 1 : 0;
	return number != 0;
}

bool sl_stream_premature(const struct sl_edge *e, uint32_t number)
{
	return e->stream.number && (number != e->stream.number || !e->stream.up || e->stream.full);
}

bool sl_stream_has_frame(const struct sl_peer *p, const struct sl_edge *e, uint32_t version,
                         uint32_t received)
{
	bool known = e->sent < version || e->sent - version < p->plan->tags;
	return e->stream.number && known && e->stream.frame[version & (p->plan->tags - 1)] > received;
}

enum sl_again sl_stream_again(const struct sl_peer *p, const struct sl_edge *e, uint32_t version)
{
	return sl_stream_has_frame(p, e, version, 0) ? SL_AGAIN_REFUSAL : e->stream.began;
}

bool sl_stream_has_tag(const struct sl_peer *p, const struct sl_edge *e, uint32_t step, uint32_t received)
{
	bool known = e->tagged < step || e->tagged - step < p->plan->tags;
	return e->stream.number && known && e->stream.tag[step & (p->plan->tags - 1)] > received;
}

bool sl_stream_has_piece(const struct sl_edge *e, uint32_t received)
{
	return e->stream.number && e->stream.piece > received;
}

uint32_t sl_stream_piece_bytes(const struct sl_peer *p, struct sl_edge *e)
{
	struct sl_stream *s = &e->stream;
	uint32_t most = (uint32_t)p->plan->snapshot_piece;
	if (s->number == 0)
		return most;
	int64_t took_us = s->piece ? p->now.us - s->piece_at.us : (PIECE_SLOW_US + PIECE_FAST_US) / 2;
	if (s->piece_bytes == 0)
		s->piece_bytes = PIECE_FIRST;
	else if (took_us > PIECE_SLOW_US && s->piece_bytes > SL_PIECE_LEAST)
		s->piece_bytes /= 2;
	else if (took_us < PIECE_FAST_US && s->piece_bytes < most)
		s->piece_bytes *= 2;
	return s->piece_bytes < most ? s->piece_bytes : most;
}

void sl_stream_waited(const struct sl_peer *p, struct sl_edge *e)
{
	struct sl_stream *s = &e->stream;
	if (e->mine_open && s->opened_on != s->number)
		return; /* the connection ended in between: how long it was down says nothing of the neighbour */
	int64_t wait_us = e->mine_open && p->now.us > e->opened_at.us ? p->now.us - e->opened_at.us : 0;
	int64_t off_us = wait_us > s->wait_us ? wait_us - s->wait_us : s->wait_us - wait_us;
	s->spread_us += (off_us - s->spread_us) / 4;
	s->wait_us += (wait_us - s->wait_us) / 8;
	sl_window_add(&s->waits_of, wait_us);
}

/* A greeting goes out after half of it, unless a request is to go out before long; the answer takes as long as tags
 * do at the most. */
int64_t sl_stream_silence_us(const struct sl_peer *p, const struct sl_edge *e)
{
	int64_t given_us = p->plan->settings.link_timeout_us, most_us = sl_link_timeout_us(p);
	if (e->stream.number == 0)
		return most_us;
	int64_t half_us = sl_window_limit(&e->stream.waits_of, SILENCE_LEAST_US / 2, given_us / 2),
	        patience_us = sl_stream_patience_us(e);
	half_us = half_us > patience_us ? half_us : patience_us;
	int64_t silence_us = 2 * half_us < given_us ? 2 * half_us : given_us;
	return silence_us + (most_us - given_us); /* a byte budget may hold its answer back */
}

int64_t sl_stream_round_us(const struct sl_peer *p, const struct sl_edge *e)
{
	int64_t most_us = sl_round_timeout_us(p);
	if (e->stream.number == 0 || most_us == INT64_MAX)
		return most_us;
	return sl_window_limit(&e->stream.waits_of, sl_stream_silence_us(p, e), most_us);
}

struct sl_time sl_stream_round_ends(const struct sl_peer *p, const struct sl_edge *e)
{
	struct sl_time since = sl_time_before(p->phase_since, e->heard_at) ? e->heard_at : p->phase_since;
	return sl_time_earlier(sl_time_after(since, sl_stream_round_us(p, e)),
	                       sl_time_after(p->phase_since, sl_round_timeout_us(p)));
}

int64_t sl_stream_patience_us(const struct sl_edge *e)
{
	const struct sl_stream *s = &e->stream;
	if (s->number == 0)
		return DATAGRAM_FIRST_US;
	int64_t us = s->wait_us + SPREADS * s->spread_us, budget_us = 2 * 1000 * (int64_t)e->pace.ms;
	us = us < PATIENCE_LEAST_US ? PATIENCE_LEAST_US : us > PATIENCE_MOST_US ? PATIENCE_MOST_US : us;
	return us < budget_us ? budget_us : us;
}

int64_t sl_stream_patience_most_us(const struct sl_edge *e)
{
	int64_t least = sl_stream_patience_us(e), most = least > PATIENCE_MOST_US ? least : PATIENCE_MOST_US;
	return e->stream.number == 0 ? DATAGRAM_MOST_US : 8 * least < most ? 8 * least : most;
}

int64_t sl_stream_patient_us(const struct sl_edge *e, int64_t least_us)
{
	int64_t us = e->stream.number ? 2 * sl_stream_patience_us(e) : 0;
	return us > least_us ? us : least_us;
}
