/* resend.c — whoever lacks something asks for it: the cursor says what to send again, and a snapshot replaces
 * frames that are gone or would cost more than the model.
 *
 * SNAPSHOT body: what u8 (1 or 2), offset u32, total u32 (bytes), then at most plan->snapshot_piece bytes of
 * the block. */
#include "gossip/peer/state.h"

#include "linalg/vector.h"

#include <string.h>

enum { SNAPSHOT_HEAD = 9, BURST = 32 };
/* A snapshot may take this long, plus one second per this many bytes. */
enum { WHOLE_US = 30000000, WHOLE_RATE = 512 };

/* The tag of a step; of an end that sends no frames also the one after it, which no frame brings. */
static void send_tags(struct sl_peer *p, struct sl_edge *e, uint32_t step, uint32_t received)
{
	if (!sl_stream_has_tag(p, e, step, received))
		sl_send_tag(p, e, step);
	if (e->tx_off && !sl_stream_has_tag(p, e, step + 1, received))
		sl_send_tag(p, e, step + 1);
}

/* One piece of a block from `offset` on. */
static void send_piece(struct sl_peer *p, struct sl_edge *e, uint8_t what, const uint8_t *copy_state,
                       uint32_t epoch, uint32_t version, uint64_t digest, uint32_t offset)
{
	uint32_t total = (uint32_t)p->plan->copy_bytes;
	if (offset >= total)
		offset = 0;
	uint32_t piece = sl_stream_piece_bytes(p, e);
	piece = total - offset < piece ? total - offset : piece;
	uint8_t body[SNAPSHOT_HEAD + 64 * 1024];
	SL_CHECK(SNAPSHOT_HEAD + piece <= sizeof body);
	struct sl_writer w = sl_writer(body, sizeof body);
	sl_write_u8(&w, what);
	sl_write_u32(&w, offset);
	sl_write_u32(&w, total);
	sl_write_bytes(&w, copy_state + offset, piece);
	struct sl_frame f = sl_peer_frame(p, e, SL_FRAME_SNAPSHOT);
	f.epoch = epoch;
	f.version = version;
	f.digest = digest;
	sl_peer_send(p, e, &f, body, sl_writer_length(&w));
	sl_guard_answered(p, e, piece + total / 16); /* its digest may have been computed for it */
}

/* A frame from the journal, or from what was put aside for a lagging edge. */
static bool find_frame(const struct sl_peer *p, const struct sl_edge *e, uint32_t version,
                       struct sl_journal_entry *entry, const uint8_t **body)
{
	const struct sl_journal_entry *kept = sl_journal_find(&p->journal, version, body);
	if (kept) {
		*entry = *kept;
		return true;
	}
	struct sl_reader r = sl_reader(e->tx_kept.bytes, e->mine_saved ? e->tx_kept.used : 0);
	while (sl_reader_left(&r)) {
		uint32_t length = sl_read_u32(&r), found = sl_read_u32(&r);
		*entry = (struct sl_journal_entry){ .round = sl_read_u32(&r), .length = length };
		entry->digest = sl_read_u64(&r);
		*body = sl_read_bytes(&r, length);
		if (found == version)
			return !r.failed;
	}
	return false;
}

/* The step that frame `version` leads to on this edge, and whether it is its tag. */
static uint32_t step_of(const struct sl_peer *p, const struct sl_edge *e, uint32_t version,
                        uint32_t after_step, bool *tag)
{
	uint32_t first = after_step + 1, at;
	if (e->tagged >= p->plan->tags && first < e->tagged - p->plan->tags + 1)
		first = e->tagged - p->plan->tags + 1;
	for (uint32_t s = first; s <= e->tagged; s++)
		if (sl_edge_tag_version(p, e, s, &at) && at >= version) {
			*tag = at == version;
			return s;
		}
	*tag = false;
	return after_step + 1;
}

/* Where a frame says all, only those with a tag are worth sending again. */
static bool is_superfluous(const struct sl_peer *p, const struct sl_edge *e, uint32_t version, uint32_t step)
{
	bool tag = true;
	if (p->plan->self_contained)
		step_of(p, e, version, step, &tag);
	return !tag;
}

/* A frame of the journal, tagged if it is a step's. */
static bool send_frame(struct sl_peer *p, struct sl_edge *e, uint32_t version, uint32_t step)
{
	struct sl_journal_entry entry;
	const uint8_t *body;
	SL_CHECK(find_frame(p, e, version, &entry, &body));
	struct sl_frame f = sl_peer_frame(p, e, SL_FRAME_DIFFERENCE);
	f.version = version;
	f.round = entry.round;
	f.digest = entry.digest;
	f.step = step_of(p, e, version, step, &f.tag);
	if (f.tag)
		f.serial = e->tag_serial[f.step & (p->plan->tags - 1)];
	enum sl_again why = sl_stream_again(p, e, version);
	if (!sl_peer_send(p, e, &f, body, entry.length))
		return false;
	sl_guard_answered(p, e, entry.length);
	if (version > e->sent) { /* it was left for the neighbour to ask for */
		sl_count_handed(p, e, SL_BRIEF_STEADY + entry.length);
		e->sent = version;
	} else {
		e->totals.resent++;
		e->totals.again[why]++;
	}
	return true;
}

/* Several steps may stand at one version, whose frame has the tag of the first: the neighbour, which could not take the
 * others before that frame, needs them before any frame after it. */
static void send_further_tags(struct sl_peer *p, struct sl_edge *e, uint32_t version, uint32_t step,
                              uint32_t received)
{
	uint32_t at;
	bool tag = false;
	uint32_t first = e->stream.number ? step_of(p, e, version, step, &tag) : 0;
	for (uint32_t s = first + 1; tag && s <= e->tagged; s++)
		if (sl_edge_tag_version(p, e, s, &at) && at == version &&
		    !sl_stream_has_tag(p, e, s, received))
			sl_send_tag(p, e, s);
}

/* Frames after `cursor`, less those on their way. False: they are gone, or cost more than a snapshot. */
static bool send_frames(struct sl_peer *p, struct sl_edge *e, uint32_t cursor, uint32_t step,
                        uint32_t received)
{
	struct sl_journal_entry entry;
	const uint8_t *body;
	size_t bytes = 0;
	for (uint32_t n = cursor + 1; n <= e->limit; n++) {
		if (is_superfluous(p, e, n, step) || sl_stream_has_frame(p, e, n, received))
			continue;
		if (!find_frame(p, e, n, &entry, &body))
			return false;
		bytes += entry.length;
	}
	uint32_t next;
	bool must = sl_edge_tag_version(p, e, step + 1, &next) &&
	            next < e->limit; /* a snapshot would leap over a step */
	if (bytes > p->plan->resend_bytes && !must)
		return false;
	unsigned sent = 0;
	for (uint32_t n = cursor + 1; n <= e->limit; n++) {
		bool leaves = !is_superfluous(p, e, n, step) && !sl_stream_has_frame(p, e, n, received);
		if (leaves && ++sent > BURST) {
			if (e->stream.number) /* it says that there is more */
				sl_greet(p, e, false);
			return true;
		}
		if (leaves && !send_frame(p, e, n, step))
			return true;
		send_further_tags(p, e, n, step, received);
	}
	return true;
}

void sl_edge_settled(struct sl_peer *p, struct sl_edge *e)
{
	e->stream.waits = false;
	if (!e->mine_open)
		return;
	if (e->tx_off || e->acknowledged >= e->limit ||
	    !send_frames(p, e, e->acknowledged, e->step, e->stream.asked ? e->stream.asked : UINT32_MAX))
		sl_send_tag(p, e, e->tagged);
}

static uint64_t digest_at_limit(const struct sl_peer *p, const struct sl_edge *e)
{
	const float *mine = (const float *)(const void *)sl_edge_mine(p, e);
	return e->mine_saved ? sl_vector_digest(p->plan->copy_floats, 0, mine) : p->digest;
}

static void send_snapshot(struct sl_peer *p, struct sl_edge *e, uint32_t step, uint32_t version,
                          uint32_t offset)
{
	uint32_t next;
	bool leaps = sl_edge_tag_version(p, e, step + 1, &next) && next < e->limit;
	bool have = e->mine_saved || e->limit == p->version;
	if (leaps || !have || (step < e->step && !sl_edge_tag_version(p, e, step + 1, &next))) {
		sl_greet_cannot(p, e);
		return;
	}
	e->stream.piece_asked = offset;
	if (version != e->limit || offset == 0) {
		offset = 0;
		e->totals.snapshots++;
	}
	send_piece(p, e, SL_WANT_SNAPSHOT, sl_edge_mine(p, e), p->epoch, e->limit, digest_at_limit(p, e),
	           offset);
}

void sl_receive_request(struct sl_peer *p, struct sl_edge *e, const struct sl_frame *f)
{
	struct sl_reader r = f->body;
	uint8_t what = sl_read_u8(&r);
	uint32_t version = sl_read_u32(&r), offset = sl_read_u32(&r);
	uint32_t stream = sl_read_u32(&r), received = sl_read_u32(&r);
	if (!sl_reader_done(&r) || what >= SL_WANTS || (what == SL_WANT_FRAMES && version < f->version)) {
		sl_edge_refuse(p, e, SL_OFFENCE_REQUEST);
		return;
	}
	if (!sl_guard_answers(p, e))
		return;
	sl_edge_believe(e, f);
	if (sl_stream_premature(e, stream))
		return; /* the greeting of the present connection is on its way */
	if (what != SL_WANT_FRAMES && sl_stream_has_piece(e, received) && offset == e->stream.piece_asked)
		return;
	if (what == SL_WANT_SELF) {
		/* Also a copy that is behind what its owner had last: whoever lost its disk has nothing
		 * better, and chose it by number and digest. */
		e->stream.piece_asked = offset;
		send_piece(p, e, SL_WANT_SELF, e->theirs, e->their_epoch, e->their_version, e->their_digest,
		           version == e->their_version ? offset : 0);
		return;
	}
	if (!e->greeted || e->reset || p->phase == SL_PHASE_GREETING || p->phase == SL_PHASE_RECOVERING ||
	    f->epoch > p->epoch) {
		sl_greet(p, e, false);
		return;
	}
	if (f->epoch <
	    p->epoch) { /* they learn of my epoch from the greeting, and ask for a snapshot of it */
		sl_greet(p, e, false);
		if (what == SL_WANT_FRAMES)
			return;
	} else if (f->step < e->seen_step) {
		return; /* overtaken by what came of it: what it asks for may be gone, rightly */
	} else if (what == SL_WANT_SNAPSHOT) {
		e->seen_version = 0; /* it may come to hold less than it did */
	} else {                     /* with a diverged copy they ask for a snapshot */
		if (f->version < e->seen_version)
			return;
		e->seen_version = f->version;
		e->seen_step = f->step;
		sl_edge_acknowledge(p, e, f->version);
	}
	if (!e->mine_open && p->phase == SL_PHASE_WAITING)
		sl_edge_open(p, e);
	if (p->phase == SL_PHASE_SERVING && !e->mine_open && f->step == e->step)
		sl_edge_open(p, e);
	e->stream.waits = false; /* what waited for the neighbour leaves now, with what it asks for */
	e->stream.asked = received;
	uint32_t next;
	if (what == SL_WANT_SNAPSHOT && offset == 0 && f->epoch == p->epoch)
		e->totals.again[SL_AGAIN_DIGEST]++;
	if (what == SL_WANT_SNAPSHOT)
		send_snapshot(p, e, f->step, version, offset);
	else if (f->step < e->tagged && !sl_edge_tag_version(p, e, f->step + 1, &next))
		sl_greet_cannot(p, e); /* without the tag, no frame after it may be taken */
	else if (sl_edge_tag_version(p, e, f->step + 1, &next) && next == version)
		send_tags(p, e, f->step + 1, received);
	else if (version >= e->limit)
		sl_greet_nothing(p, e);
	else if (!send_frames(p, e, version, f->step, received) && !sl_stream_has_piece(e, received))
		send_snapshot(p, e, f->step, version, offset);
}

/* A whole copy of the neighbour has arrived: it replaces journal frames, never a step. */
static void adopt_snapshot(struct sl_peer *p, struct sl_edge *e, const struct sl_frame *f)
{
	memcpy(e->theirs, e->rx_held.bytes, p->plan->copy_bytes);
	e->their_epoch = e->known_epoch = f->epoch;
	e->their_version = f->version;
	e->their_digest = f->digest;
	e->diverged = false;
	e->news_at = p->now;
	e->theirs_open = false;
	e->rx_held.used = 0;
	e->rx_held.last = f->version;
	e->totals.snapshots++;
	e->asked_at.us = 0;
	sl_peer_note(p, SL_LEVEL_INFO, "snapshot",
	             "peer %u's copy at version %u was replaced by a snapshot of %zu bytes", e->neighbour,
	             f->version, p->plan->copy_bytes);
	sl_request(p, e, SL_WANT_FRAMES, f->version, 0); /* says what I hold now, and asks for the tag */
}

/* Bytes that could be a copy. */
static bool is_copy(const struct sl_plan *plan, const uint8_t *bytes)
{
	for (size_t k = 0; k < plan->copy_floats; k++)
		if (!sl_float_bits_ok(sl_load_u32(bytes + 4 * k)))
			return false;
	const float *copy = (const float *)(const void *)bytes;
	return (double)sl_vector_largest(plan->copy_floats, copy) <= plan->settings.limit_value;
}

/* A copy of the neighbour's own may be what it likes: its digest guards against accidents. Its copy of this peer has to
 * be the one that it, and others with it, had said that they hold. */
static bool staged_is_sound(const struct sl_peer *p, const struct sl_edge *e, const struct sl_frame *f)
{
	const float *copy = (const float *)(const void *)e->rx_held.bytes;
	uint8_t hash[SL_HASH_BYTES];
	if (!is_copy(p->plan, e->rx_held.bytes))
		return false;
	if (!e->staging.self)
		return sl_vector_digest(p->plan->copy_floats, 0, copy) == f->digest;
	sl_hash(hash, copy, 4 * p->plan->copy_floats);
	return f->version == e->holds_me_version && f->epoch == e->holds_me_epoch &&
	       memcmp(hash, e->holds_me_hash, sizeof hash) == 0;
}

/* Every piece but the last has the size of a piece, or all of it would take for ever. */
static bool is_piece(const struct sl_peer *p, size_t piece, uint32_t offset, uint32_t total)
{
	size_t most = p->plan->snapshot_piece, least = most < SL_PIECE_LEAST ? most : SL_PIECE_LEAST;
	return total == p->plan->copy_bytes && offset < total && piece > 0 && piece <= total - offset &&
	       piece <= most && (piece >= least || piece == total - offset);
}

static void begin_staging(struct sl_peer *p, struct sl_edge *e, const struct sl_frame *f, bool self)
{
	int64_t us = WHOLE_US + (int64_t)p->plan->copy_bytes * 1000000 / WHOLE_RATE;
	e->staging = (struct sl_staging){ .open = true,
		                          .self = self,
		                          .failed = e->staging.failed,
		                          .epoch = f->epoch,
		                          .version = f->version,
		                          .ends = sl_time_after(p->now, us) };
}

static void finish_staging(struct sl_peer *p, struct sl_edge *e, const struct sl_frame *f)
{
	e->staging.open = false;
	if (!staged_is_sound(p, e, f)) {
		e->staging.failed = e->staging.self;
		sl_edge_refuse(p, e, SL_OFFENCE_DIGEST);
	} else if (e->staging.self) {
		e->staging.whole = true;
		sl_recovery_received(p, e);
	} else {
		adopt_snapshot(p, e, f);
	}
}

void sl_receive_snapshot(struct sl_peer *p, struct sl_edge *e, const struct sl_frame *f)
{
	struct sl_reader r = f->body;
	struct sl_staging *s = &e->staging;
	uint8_t what = sl_read_u8(&r);
	uint32_t offset = sl_read_u32(&r), total = sl_read_u32(&r);
	size_t piece = sl_reader_left(&r);
	bool self = what == SL_WANT_SELF;
	if (r.failed || (what != SL_WANT_SNAPSHOT && !self) || !is_piece(p, piece, offset, total)) {
		sl_edge_refuse(p, e, SL_OFFENCE_SNAPSHOT);
		return;
	}
	bool wanted = self ? p->phase == SL_PHASE_RECOVERING && !p->joining && !s->whole
	                   : e->diverged || f->version > e->their_version;
	if (!wanted || !e->greeted || e->rx_held.used ||
	    (!self && (f->epoch < e->known_epoch || e->theirs_open)))
		return;
	bool same = s->open && s->self == self && s->version == f->version && s->epoch == f->epoch;
	if (!same && offset == 0) {
		begin_staging(p, e, f, self);
	} else if (!same || offset != s->at) {
		return; /* a repeated piece, or one of another snapshot */
	} else if (sl_time_before(s->ends, p->now)) {
		s->open = false;
		s->failed = s->failed || self;
		sl_edge_refuse(p, e, SL_OFFENCE_SNAPSHOT);
		return;
	}
	memcpy(e->rx_held.bytes + offset, sl_read_bytes(&r, piece), piece);
	s->at = offset + (uint32_t)piece;
	s->tries = 0;
	if (s->at < total)
		sl_request(p, e, self ? SL_WANT_SELF : SL_WANT_SNAPSHOT, f->version, s->at);
	else
		finish_staging(p, e, f);
}
