/* request.c — asking a neighbour for what is missing: frames, a snapshot of its copy, or its copy of me.
 *
 * REQUEST: the header says what is held. Body: what u8 (0 frames, 1 snapshot, 2 your copy of me), number u32
 * (after which frames are wanted: some may be held back beyond a tag; of the snapshot), offset u32 (bytes),
 * stream u32 (the receiver's connection, as its greeting says), received u32 (messages that came by it). */
#include "gossip/peer/state.h"

enum { REQUEST_BYTES = 17, ASK_LEAST_US = 4000 };

void sl_request(struct sl_peer *p, struct sl_edge *e, uint8_t what, uint32_t version, uint32_t offset)
{
	uint8_t body[REQUEST_BYTES];
	struct sl_writer w = sl_writer(body, sizeof body);
	sl_write_u8(&w, what);
	sl_write_u32(&w, version);
	sl_write_u32(&w, offset);
	sl_write_u32(&w, e->stream.their_number);
	sl_write_u32(&w, e->stream.received);
	struct sl_frame f = sl_peer_frame(p, e, SL_FRAME_REQUEST);
	f.epoch = e->known_epoch;
	f.version = e->their_version;
	f.step = e->step;
	f.digest = e->their_digest;
	sl_peer_send(p, e, &f, body, sizeof body);
	sl_guard_expect(p, e, SL_EXPECT_REQUEST);
	e->asked_at = p->now;
	int64_t first = sl_stream_patience_us(e), most = sl_stream_patience_most_us(e);
	e->ask_every_us = e->ask_every_us < first ? first : e->ask_every_us * 2;
	if (e->ask_every_us > most)
		e->ask_every_us = most;
	e->ask_at = sl_time_after(p->now, e->ask_every_us);
}

/* Before this end knows where it stands it would drop them. A late joiner is sent a snapshot instead. */
static bool takes_frames(const struct sl_peer *p, const struct sl_edge *e)
{
	return sl_peer_is_settled(p, e) || (p->phase == SL_PHASE_RECOVERING && p->joining);
}

void sl_edge_ask(struct sl_peer *p, struct sl_edge *e)
{
	e->stream.ask_soon =
	    e->stream.number && p->now.us < e->asked_at.us + ASK_LEAST_US && e->asked_at.us > 0;
	if (p->now.us < e->asked_at.us + ASK_LEAST_US && e->asked_at.us > 0)
		return;
	if (!e->greeted) {
		e->asked_at = p->now;
		sl_greet(p, e, true);
	} else if (e->staging.open && !e->staging.self) {
		sl_request(p, e, SL_WANT_SNAPSHOT, e->staging.version, e->staging.at);
	} else if (!e->diverged && !takes_frames(p, e)) {
		e->stream.ask_settled = true;
	} else if (!e->diverged) {
		sl_request(p, e, SL_WANT_FRAMES, e->rx_held.used ? e->rx_held.last : e->their_version, 0);
	} else {
		sl_request(p, e, SL_WANT_SNAPSHOT, 0, 0);
	}
}

struct sl_time sl_edge_asks_soon(const struct sl_edge *e)
{
	return e->stream.ask_soon ? sl_time_after(e->asked_at, ASK_LEAST_US) : SL_TIME_NEVER;
}

void sl_ask_self(struct sl_peer *p, struct sl_edge *e)
{
	const struct sl_staging *s = &e->staging;
	bool going_on = s->open && s->self;
	sl_request(p, e, SL_WANT_SELF, going_on ? s->version : 0, going_on ? s->at : 0);
}
