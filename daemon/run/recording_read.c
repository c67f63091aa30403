/* recording_read.c — parses a recording: every length and number is checked before it is used. */
#include "daemon/run/recording.h"
#include "daemon/run/recording_format.h"

#include <math.h>
#include <string.h>

enum { NUMBER_AT = 13 }; /* of the format, in the magic */
const char sl_recording_magic[SL_RECORDING_MAGIC_BYTES] = "starling-fed 3\n";

/* Reads the next record; false at the end, also if that is within a record. A damaged length gives an undefined kind. */
static bool next_record(struct sl_recording_reader *f, uint8_t *kind, struct sl_reader *out)
{
	struct sl_reader at = f->in;
	*kind = sl_read_u8(&at);
	uint32_t length = sl_read_u32(&at), check = sl_read_u32(&at);
	bool damaged = !at.failed && check != sl_recording_check(*kind, length);
	if (damaged)
		*kind = SL_RECORDING_KINDS;
	*out = sl_read_part(&at, at.failed || damaged ? 0 : length);
	if (at.failed) {
		f->cut = sl_reader_left(&f->in) > 0;
		f->ended = true;
		return false;
	}
	f->in = at;
	return true;
}

/* Serials must descend. */
static bool read_weights(struct sl_reader *r, struct sl_weight *weight, unsigned *count)
{
	*count = sl_read_u8(r);
	if (r->failed || *count > SL_EDGE_WEIGHTS)
		return false;
	for (unsigned k = 0; k < *count; k++) {
		weight[k].since = sl_read_u32(r);
		uint64_t bits = sl_read_u64(r);
		memcpy(&weight[k].value, &bits, sizeof bits);
		if (!isfinite(weight[k].value) || !(weight[k].value > 0 && weight[k].value <= 1) ||
		    (k > 0 && weight[k].since >= weight[k - 1].since))
			return false;
	}
	return !r->failed;
}

/* Numbers must ascend, and not contain the peer's own. */
static bool read_neighbours(struct sl_reader *r, uint32_t peer, uint32_t capacity, struct sl_peer_roster *out,
                            struct sl_peer_neighbour *room)
{
	out->neighbours = room;
	if (!read_weights(r, out->gammas.of, &out->gammas.count))
		return false;
	out->degree = sl_read_u32(r);
	if (r->failed || out->degree > SL_DEGREE_MAX || out->degree > capacity)
		return false;
	for (uint32_t i = 0; i < out->degree; i++) {
		struct sl_peer_neighbour *n = &room[i];
		memset(n, 0, sizeof *n);
		n->peer = sl_read_u32(r);
		n->added = sl_read_u32(r);
		if (!read_weights(r, n->weight, &n->weights) || n->weights == 0 || n->peer == peer ||
		    n->peer >= SL_PEERS_MAX || (i > 0 && n->peer <= room[i - 1].peer))
			return false;
	}
	return !r->failed;
}

static bool read_head(struct sl_recording_reader *f, struct sl_reader r)
{
	struct sl_recording_head *h = &f->head;
	h->run = sl_read_u64(&r);
	h->session = sl_read_u64(&r);
	h->peer = sl_read_u32(&r);
	h->roster.serial = sl_read_u32(&r);
	h->capacity = sl_read_u32(&r);
	uint8_t joining = sl_read_u8(&r);
	h->joining = joining == 1;
	if (r.failed || joining > 1 || h->peer >= SL_PEERS_MAX || h->capacity > SL_DEGREE_MAX ||
	    !read_neighbours(&r, h->peer, h->capacity, &h->roster, f->neighbours))
		return false;
	f->configuration_length = sl_read_u32(&r);
	h->configuration = (const char *)sl_read_bytes(&r, f->configuration_length);
	h->state_length = sl_read_u32(&r);
	h->state = sl_read_bytes(&r, h->state_length);
	return sl_reader_done(&r) && h->state_length <= SL_RECORDING_STATE_MAX;
}

enum sl_status sl_recording_read(struct sl_recording_reader *f, const uint8_t *bytes, size_t length,
                                 struct sl_error *error)
{
	uint8_t kind;
	struct sl_reader r;
	memset(f, 0, sizeof *f);
	f->in = sl_reader(bytes, length);
	const uint8_t *magic = sl_read_bytes(&f->in, SL_RECORDING_MAGIC_BYTES);
	if (!magic || memcmp(magic, sl_recording_magic, NUMBER_AT) != 0)
		return sl_fail(error, SL_MALFORMED, "is not a recording");
	if (memcmp(magic, sl_recording_magic, SL_RECORDING_MAGIC_BYTES) != 0)
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "is a recording of format %c, and this starling replays format %c: replay it with the version that made it",
		    magic[NUMBER_AT] >= '0' && magic[NUMBER_AT] <= '9' ? magic[NUMBER_AT] : '?',
		    sl_recording_magic[NUMBER_AT]);
	if (!next_record(f, &kind, &r) || kind != SL_RECORDING_HEAD || !read_head(f, r))
		return sl_fail(error, SL_MALFORMED, "its header is truncated or damaged");
	return SL_OK;
}

static bool read_event(const struct sl_recording_reader *f, struct sl_reader r, struct sl_event *e,
                       uint64_t *digest, struct sl_peer_roster *roster, struct sl_peer_neighbour *neighbours)
{
	uint8_t kind = sl_read_u8(&r);
	*e = (struct sl_event){ .kind = kind, .now = { (int64_t)sl_read_u64(&r) }, .edge = sl_read_u32(&r) };
	uint8_t how = sl_read_u8(&r);
	e->ok = how == 1 && kind != SL_EVENT_LINK;
	e->link = kind == SL_EVENT_LINK ? how : SL_LINK_UP;
	*digest = sl_read_u64(&r);
	if (r.failed || kind >= SL_EVENT_KINDS || how > (kind == SL_EVENT_LINK ? SL_LINK_CHANGES - 1 : 1) ||
	    e->now.us < 0 || e->now.us > INT64_MAX / 4)
		return false;
	if (kind == SL_EVENT_RECEIVE) {
		e->length = sl_reader_left(&r);
		e->bytes = sl_read_bytes(&r, e->length);
		return e->edge < f->head.capacity && e->length <= SL_RECORDING_MESSAGE_MAX;
	}
	if (kind == SL_EVENT_LINK && e->edge >= f->head.capacity)
		return false;
	if (kind == SL_EVENT_ROSTER) {
		roster->serial = sl_read_u32(&r);
		e->roster = roster;
		if (!read_neighbours(&r, f->head.peer, f->head.capacity, roster, neighbours))
			return false;
	}
	return sl_reader_done(&r);
}

bool sl_recording_next(struct sl_recording_reader *f, struct sl_event *e, uint64_t *digest,
                       struct sl_peer_roster *roster, struct sl_peer_neighbour *neighbours,
                       struct sl_error *error)
{
	uint8_t kind;
	struct sl_reader r;
	*error = (struct sl_error){ 0 };
	if (f->ended || !next_record(f, &kind, &r))
		return false;
	if (kind == SL_RECORDING_EVENT_RECORD && !f->has_end &&
	    read_event(f, r, e, digest, roster, neighbours))
		return true;
	f->ended = true;
	if (kind == SL_RECORDING_END && !f->has_end) {
		f->last_round = sl_read_u32(&r);
		f->last_model = sl_read_u64(&r);
		f->has_end = sl_reader_done(&r) && sl_reader_left(&f->in) == 0;
	}
	if (!f->has_end)
		sl_fail(error, SL_MALFORMED, "one of its records is malformed");
	return false;
}
