/* links.c — links that are connections over a wire of a certain rate: nothing on them is lost, repeated or overtaken.
 *
 * A message waits for the wire, occupies it for as long as its bytes take, and arrives after the latency. Each peer has
 * a wire of its own, by which all that it sends leaves; or one wire is shared by all. What is on its way is lost only
 * with its connection: when the link is cut, an end is killed, or an end drops the edge. A message for which there is no
 * room is dropped, and the sender hears so (FULL), and again when half of the queue has left (ROOM).
 *
 * A message of n bytes is w = n + 33 + (2 if n + 33 ≤ 255, else 9) bytes of TCP payload (CURVE in ZMTP: sl_sim_on_wire).
 * It occupies the wire of its sender for w + 66·⌈w / 1448⌉ bytes, and that of its receiver, for the acknowledgement, for
 * 66 when it arrives. Handshakes and heartbeats occupy none.
 *
 * In a window a peer changes its own end of a link and nothing of the other: links open and end when the window does. */
#include "sim/sim_state.h"

#include <stdlib.h>
#include <string.h>

enum {
	MOVES_EVERY_US = 250000,
	CONNECT_MOST_US = 20000, /* beside three times the latency: drawn for each connection */
	NOTICE_MOST_US = 50000,  /* until the sender hears that its connection has ended; drawn too */
	ROOM_LEAST = 4,       /* messages that always have room: a greeting, a request, a tag and its frame */
	SEGMENT_BYTES = 1448, /* of a TCP segment at an MTU of 1500, with timestamps */
	SEGMENT_HEAD = 66,    /* Ethernet, IPv4, TCP with timestamps */
};

/* What a message is on a TCP connection of ZeroMQ with CURVE (ZMTP 3.1, RFC 23 and 26): a MESSAGE command of 8 bytes of
 * name, 8 of nonce, 16 of authentication and one of flags around it, in a ZMTP frame with a size of one byte or eight.
 * There are no heartbeats. */
size_t sl_sim_on_wire(size_t message)
{
	return sl_budget_sealed(message);
}

size_t sl_sim_occupies(size_t message)
{
	return sl_budget_message(message);
}

static bool has_started(const struct sl_sim *s, uint32_t peer)
{
	struct sl_peer_view p;
	const struct sl_sim_node *n = &s->node[peer];
	sl_peer_inspect(n->peer, &p);
	return n->alive && !n->halted && p.incarnation != 0;
}

/* Whether both ends want the connection, and it can be. */
static bool is_possible(const struct sl_sim *s, uint32_t from, uint32_t link)
{
	uint32_t to = s->setup.topology->neighbour[link], back = s->link[link].reverse;
	return !s->link[link].cut && !s->link[back].cut && has_started(s, from) && has_started(s, to) &&
	       sl_sim_edge(s, from, link) != SL_NO_EDGE && sl_sim_edge(s, to, back) != SL_NO_EDGE;
}

static int64_t draw_us(const struct sl_sim *s, uint32_t link, const char *what, uint32_t most)
{
	const struct sl_sim_link *l = &s->link[link];
	struct sl_random g = sl_random_stream(s->setup.plan->settings.seed, link, what, l->connection);
	return sl_random_below(&g, 2) ? (int64_t)sl_random_below(&g, most) : 0;
}

/* The peer hears of its end of a link; `source` causes it. */
static void tell_at(struct sl_sim *s, uint32_t source, uint32_t peer, uint32_t link,
                    enum sl_link_change change, struct sl_time at)
{
	sl_sim_push(s, source,
	            (struct sl_sim_event){ .at = at,
	                                   .what = SL_HAPPENS_LINK,
	                                   .peer = peer,
	                                   .link = link,
	                                   .starts = s->node[peer].starts,
	                                   .connection = s->link[link].connection,
	                                   .change = change });
}

static void tell(struct sl_sim *s, uint32_t peer, uint32_t link, enum sl_link_change change, int64_t after_us)
{
	tell_at(s, peer, peer, link, change, sl_time_after(sl_sim_now_of(s, peer), after_us));
}

void sl_sim_disturb(struct sl_sim *s, uint32_t link)
{
	if (!s->setup.network.rate)
		return; /* nothing was asked of it */
	s->link[link].disturbed = true;
}

static void connect_link(struct sl_sim *s, uint32_t from, uint32_t link)
{
	struct sl_sim_link *l = &s->link[link];
	const struct sl_sim_network *n = &s->setup.network;
	l->state = SL_SIM_CONNECTING;
	l->connection++;
	sl_sim_count_handshake(s, from, s->setup.topology->neighbour[link]);
	tell(s, from, link, SL_LINK_UP, 3 * n->latency_us + draw_us(s, link, "connect", CONNECT_MOST_US));
}

static void break_link(struct sl_sim *s, uint32_t from, uint32_t link)
{
	struct sl_sim_link *l = &s->link[link];
	if (l->state == SL_SIM_UP)
		sl_sim_disturb(s, link);
	if (l->told_up && s->node[from].alive && !s->node[from].halted)
		tell(s, from, link, SL_LINK_DOWN, draw_us(s, link, "notice", NOTICE_MOST_US));
	l->state = SL_SIM_CLOSED;
	l->connection++; /* what is on its way belongs to none now */
	l->queued = l->handed = s->link[l->reverse].arrived = 0;
	l->waiting = 0;
	l->moving = false;
	l->full = l->told_full = l->told_busy = false;
}

static void review(struct sl_sim *s, uint32_t from, uint32_t link)
{
	bool possible = is_possible(s, from, link);
	if (possible && s->link[link].state == SL_SIM_CLOSED)
		connect_link(s, from, link);
	else if (!possible && s->link[link].state != SL_SIM_CLOSED &&
	         !(s->node[from].alive && s->node[from].halted))
		break_link(s, from, link); /* but what one that has ended handed over arrives */
}

static void review_all(struct sl_sim *s, uint32_t peer)
{
	const struct sl_topology *t = s->setup.topology;
	for (uint32_t l = t->first[peer]; l < t->first[peer + 1]; l++) {
		review(s, peer, l);
		review(s, t->neighbour[l], s->link[l].reverse);
	}
}

void sl_sim_links_review(struct sl_sim *s, uint32_t peer)
{
	if (!s->setup.network.rate)
		return;
	if (s->windowed)
		s->node[peer].opens_or_ends = s->part[s->node[peer].part].opens_or_ends = true;
	else
		review_all(s, peer);
}

void sl_sim_links_follow(struct sl_sim *s)
{
	for (uint32_t k = 0; k < s->parts; k++) {
		struct sl_sim_part *p = &s->part[k];
		for (uint32_t i = p->first; p->opens_or_ends && i < p->end; i++) {
			if (!s->node[i].opens_or_ends)
				continue;
			s->now = s->until;
			s->node[i].opens_or_ends = false;
			review_all(s, i);
		}
		p->opens_or_ends = false;
	}
}

bool sl_sim_link_hears(struct sl_sim *s, const struct sl_sim_event *e)
{
	struct sl_sim_link *l = &s->link[e->link];
	bool current = e->connection == l->connection;
	switch (e->change) {
	case SL_LINK_UP:
		if (!current)
			return false;
		l->state = SL_SIM_UP;
		l->told_up = true;
		l->told_busy = false;
		return true;
	case SL_LINK_DOWN:
		if (l->state == SL_SIM_UP || !l->told_up)
			return false; /* there is another already */
		l->told_up = false;
		return true;
	case SL_LINK_FULL:
		l->told_full = current;
		if (current)
			sl_sim_link_drained(s, &(struct sl_sim_event){ .link = e->link,
			                                               .peer = e->peer,
			                                               .connection = e->connection });
		return current;
	case SL_LINK_ROOM:
		if (current)
			l->full = l->told_full = false;
		return current;
	case SL_LINK_MOVES:
		return l->told_up;
	case SL_LINK_BUSY: /* not by events of their own */
	case SL_LINK_IDLE:
	case SL_LINK_CHANGES:
		break;
	}
	return false;
}

bool sl_sim_link_waits(struct sl_sim *s, uint32_t link, uint32_t from, enum sl_link_change *change)
{
	struct sl_sim_link *l = &s->link[link];
	struct sl_time then = sl_time_after(sl_sim_now_of(s, from), SL_LINK_BUSY_US);
	bool busy = l->state == SL_SIM_UP && l->waiting && sl_time_before(then, l->moves_until);
	if (!s->setup.network.rate || !l->told_up || busy == l->told_busy)
		return false;
	l->told_busy = busy;
	*change = busy ? SL_LINK_BUSY : SL_LINK_IDLE;
	return true;
}

void sl_sim_link_drained(struct sl_sim *s, const struct sl_sim_event *e)
{
	struct sl_sim_link *l = &s->link[e->link];
	if (e->connection != l->connection)
		return;
	l->queued -= e->length;
	l->waiting -= e->length > 0;
	if (l->told_full && 2 * l->queued <= s->setup.network.queue) {
		l->told_full = false;
		tell(s, e->peer, e->link, SL_LINK_ROOM, 0);
	}
}

void sl_sim_link_moves(struct sl_sim *s, const struct sl_sim_event *e)
{
	struct sl_sim_link *l = &s->link[e->link];
	struct sl_sim_event next = *e;
	if (e->connection != l->connection)
		return;
	tell(s, e->peer, e->link, SL_LINK_MOVES, 0);
	tell_at(s, e->peer, s->setup.topology->neighbour[e->link], l->reverse, SL_LINK_MOVES,
	        sl_time_after(e->at, s->setup.network.latency_us)); /* as late as a message */
	next.at = sl_time_after(e->at, MOVES_EVERY_US);
	l->moving = sl_time_before(next.at, l->moves_until);
	if (l->moving)
		sl_sim_push(s, e->peer, next);
}

/* Bytes of a peer go through its wire as soon as it is free: from when until when. */
static struct sl_time occupy(struct sl_sim *s, uint32_t peer, size_t bytes, struct sl_time *done)
{
	struct sl_time *free_at = s->setup.network.bottleneck ? &s->free_at : &s->node[peer].free_at;
	struct sl_time now = sl_sim_now_of(s, peer), start = sl_time_before(*free_at, now) ? now : *free_at;
	uint64_t rate = s->setup.network.rate;
	*done = *free_at = sl_time_after(start, (int64_t)((8000000 * (uint64_t)bytes + rate - 1) / rate));
	return start;
}

static int64_t smooth(int64_t mean, int64_t value, bool first)
{
	return first ? value : mean + (value - mean) / 8;
}

static void measure(struct sl_sim *s, struct sl_sim_link *l, size_t message, struct sl_time now,
                    struct sl_time start, struct sl_time done)
{
	bool first = l->wire_tx == 0;
	struct sl_time since = sl_time_before(l->busy_until, now) ? now : l->busy_until;
	l->wire_tx += (int64_t)sl_sim_on_wire(message);
	l->busy_us += done.us - since.us;
	l->busy_until = done;
	l->queue_us = smooth(l->queue_us, start.us - now.us, first);
	l->srtt_us = smooth(l->srtt_us, done.us - now.us + 2 * s->setup.network.latency_us, first);
}

void sl_sim_link_measure(const struct sl_sim *s, uint32_t link, struct sl_link_row *row)
{
	const struct sl_sim_link *l = &s->link[link];
	if (!s->setup.network.rate || l->wire_tx == 0)
		return;
	row->wire_tx = l->wire_tx;
	row->wire_resent = 0;
	if (l->busy_us > 0)
		row->throughput = (int64_t)((double)l->wire_tx * 1e6 / (double)l->busy_us);
	row->queue_us = l->queue_us;
	row->srtt_us = l->srtt_us;
}

void sl_sim_link_overflows(struct sl_sim *s, uint32_t link, uint32_t from)
{
	struct sl_sim_link *l = &s->link[link];
	sl_sim_disturb(s, link);
	if (!l->full)
		tell(s, from, link, SL_LINK_FULL, 0);
	l->full = true;
}

bool sl_sim_link_takes(struct sl_sim *s, uint32_t link, uint32_t from, size_t message,
                       struct sl_time *arrives)
{
	struct sl_sim_link *l = &s->link[link];
	const struct sl_sim_network *n = &s->setup.network;
	size_t bytes = sl_sim_occupies(message);
	if (l->state != SL_SIM_UP)
		return false;
	if (l->full || (l->waiting >= ROOM_LEAST && l->queued + bytes > n->queue)) {
		sl_sim_link_overflows(s, link, from);
		return false;
	}
	struct sl_time now = sl_sim_now_of(s, from), done, start = occupy(s, from, bytes, &done);
	measure(s, l, message, now, start, done);
	l->queued += bytes;
	l->waiting++;
	l->handed++;
	struct sl_sim_event e = { .at = done,
		                  .what = SL_HAPPENS_DRAIN,
		                  .peer = from,
		                  .link = link,
		                  .length = bytes,
		                  .connection = l->connection };
	sl_sim_push(s, from, e);
	l->moves_until = done;
	e.what = SL_HAPPENS_MOVE;
	e.at = sl_time_after(now, MOVES_EVERY_US); /* packets of all connections take turns */
	if (!l->moving && sl_time_before(e.at, done)) {
		l->moving = true;
		sl_sim_push(s, from, e);
	}
	*arrives = sl_time_after(done, n->latency_us);
	return true;
}

/* One acknowledgement: the segments of a message arrive together. */
void sl_sim_link_arrives(struct sl_sim *s, const struct sl_sim_event *e)
{
	struct sl_time done;
	if (!e->connection)
		return;
	s->link[e->link].arrived++;
	occupy(s, e->peer, SL_BUDGET_HEAD, &done);
}

/* ---- what must hold ---- */

static bool is_undisturbed(const struct sl_sim *s, uint32_t from, uint32_t link)
{
	uint32_t to = s->setup.topology->neighbour[link], back = s->link[link].reverse;
	struct sl_edge_view mine, theirs;
	if (s->link[link].disturbed || s->link[back].disturbed || s->node[from].distrusted ||
	    s->node[to].distrusted || !sl_sim_view(s, from, link, &mine) ||
	    !sl_sim_view(s, to, back, &theirs))
		return false;
	struct sl_peer_view a, b; /* whoever begins a new epoch may have dropped what it had taken */
	sl_peer_inspect(s->node[from].peer, &a);
	sl_peer_inspect(s->node[to].peer, &b);
	return mine.refused + theirs.refused == 0 && !a.epoch && !b.epoch;
}

/* Remembers that it was sent now; returns what is known of when it was sent before (message 0: nothing). */
static struct sl_sim_sent note_sent(struct sl_sim_sent ring[static SL_SIM_SENT], struct sl_sim_sent now)
{
	struct sl_sim_sent *at = &ring[now.number % SL_SIM_SENT], before = *at;
	*at = now;
	if (before.message && before.number == now.number)
		return before;
	return (struct sl_sim_sent){ 0 };
}

/* What the receiver has no use for when it comes, or no room, it asks for later; but nothing is sent again that is on its
 * way or was taken. */
static void judge(struct sl_sim *s, const struct sl_sim_resent *r)
{
	struct sl_sim_link *l = &s->link[r->link];
	uint32_t from = r->from, to = s->setup.topology->neighbour[r->link];
	struct sl_edge_view theirs;
	if (!is_undisturbed(s, from, r->link) || !sl_sim_view(s, to, l->reverse, &theirs))
		return;
	bool taken = theirs.their_epoch == r->epoch &&
	             (r->is_frame ? r->number <= theirs.their_version : r->number <= theirs.step);
	if (taken || r->on_its_way || r->before > s->link[l->reverse].arrived)
		sl_sim_broken(
		    s, from,
		    "peer %u sent %s %u to peer %u again, which %s, over a link that nothing disturbed", from,
		    r->is_frame ? "frame" : "the tag of step", r->number, to,
		    taken ? "has it" : "would have had it soon");
}

static void note_resent(struct sl_sim *s, const struct sl_sim_resent *r)
{
	struct sl_sim_part *p = &s->part[s->node[r->from].part];
	if (!s->windowed) {
		judge(s, r);
		return;
	}
	if (p->resents == p->resents_capacity) {
		p->resents_capacity = p->resents_capacity ? 2 * p->resents_capacity : 8;
		p->resent = realloc(p->resent, p->resents_capacity * sizeof *p->resent);
		SL_CHECK(p->resent);
	}
	p->resent[p->resents++] = *r;
}

void sl_sim_check_resent(struct sl_sim *s, struct sl_sim_part *p)
{
	for (size_t i = 0; i < p->resents; i++)
		judge(s, &p->resent[i]);
	p->resents = 0;
}

void sl_sim_check_sent(struct sl_sim *s, uint32_t link, uint32_t from, const struct sl_action *m,
                       struct sl_time arrives)
{
	struct sl_sim_link *l = &s->link[link];
	const struct sl_frame *f = m->frame;
	bool frame = f->kind == SL_FRAME_DIFFERENCE;
	if (s->setup.check == SL_SIM_CHECK_NONE || (!frame && f->kind != SL_FRAME_TAG))
		return;
	if (!l->sent)
		l->sent = calloc(1, sizeof *l->sent);
	SL_CHECK(l->sent);
	if (f->epoch != l->epoch) {
		memset(l->sent, 0, sizeof *l->sent);
		l->epoch = f->epoch;
	}
	struct sl_sim_sent none = { 0 }, now = { 0, l->handed, arrives };
	struct sl_sim_sent version = none, step = none;
	now.number = f->version;
	if (frame)
		version = note_sent(l->sent->frame, now);
	now.number = f->step;
	if (f->tag)
		step = note_sent(l->sent->tag, now);
	const struct sl_sim_sent *before = frame ? &version : &step;
	if (before->message)
		note_resent(s, &(struct sl_sim_resent){
		                   .link = link,
		                   .from = from,
		                   .epoch = f->epoch,
		                   .number = before->number,
		                   .is_frame = frame,
		                   .before = before->message,
		                   .on_its_way = sl_time_before(sl_sim_now_of(s, from), before->arrives) });
}
