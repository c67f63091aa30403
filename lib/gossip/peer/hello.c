/* hello.c — the greeting: its bytes, and how it is sent. What follows from one is in greeting.c.
 *
 * HELLO body, little-endian: session u64, dimension u32, sender u32, receiver u32, flags u32, incarnation
 * u64, echo u64, held epoch u32, held number u32, held digest u64, step u32, oldest u32 (of the frames still
 * in the journal), known epoch u32 (the newest of yours that I have heard of), rounds u32 (run.rounds), stream
 * u32 (the connection it leaves by; 0: none is known), pace u32 (ms) and hops u8 (pace.c), keys u8, then for each shared key of run.conf, in table order, a
 * digest u16 of its value, then tensors u8 and a digest u16 for each of these,
 * then, where it was asked for, the hash of the copy held (32 bytes). */
#include "gossip/peer/state.h"

#include <string.h>

enum { HELLO_MOST = 115 + 2 * SL_SHARED_MOST + 2 * SL_TENSOR_DIGESTS };
enum { GREET_EVERY_US = 100000, SERVING_EVERY_US = 500000 };

/* The hash of the copy of the neighbour, computed once for each copy. */
static const uint8_t *hash_of(const struct sl_peer *p, struct sl_edge *e)
{
	bool known = e->hashed && e->hashed_epoch == e->their_epoch &&
	             e->hashed_version == e->their_version && e->hashed_digest == e->their_digest;
	if (!known)
		sl_hash(e->hash, e->theirs, 4 * p->plan->copy_floats);
	e->hashed = true;
	e->hashed_epoch = e->their_epoch;
	e->hashed_version = e->their_version;
	e->hashed_digest = e->their_digest;
	return e->hash;
}

/* It is only a peer without a checkpoint that has to know what its neighbours hold of it. */
static bool asks_for_hash(const struct sl_peer *p)
{
	return (p->phase == SL_PHASE_GREETING || p->phase == SL_PHASE_RECOVERING) && !p->resumed;
}

void sl_hello_send(struct sl_peer *p, struct sl_edge *e, unsigned flags)
{
	uint8_t body[HELLO_MOST];
	struct sl_writer w = sl_writer(body, sizeof body);
	if (e->reset)
		flags |= SL_HELLO_RESET;
	e->stream.said_unsettled = !sl_peer_is_settled(p, e);
	if (e->stream.said_unsettled)
		flags |= SL_HELLO_UNSETTLED;
	if (asks_for_hash(p))
		flags |= SL_HELLO_HASH;
	if (sl_is_final(p))
		flags |= SL_HELLO_FINISHED;
	if (e->finished)
		flags |= SL_HELLO_KNOWS_FINISHED;
	sl_write_u64(&w, p->plan->session);
	sl_write_u32(&w, p->plan->dimension);
	sl_write_u32(&w, p->id);
	sl_write_u32(&w, e->neighbour);
	sl_write_u32(&w, flags);
	sl_write_u64(&w, p->incarnation);
	sl_write_u64(&w, e->incarnation);
	sl_write_u32(&w, e->their_epoch);
	sl_write_u32(&w, e->their_version);
	sl_write_u64(&w, e->their_digest);
	sl_write_u32(&w, e->step);
	sl_write_u32(&w, p->journal.first);
	sl_write_u32(&w, e->known_epoch);
	sl_write_u32(&w, p->plan->settings.rounds);
	sl_write_u32(&w, e->stream.number);
	e->said_pace = sl_pace_announced(p, e);
	sl_write_u32(&w, e->said_pace.ms);
	sl_write_u8(&w, e->said_pace.hops);
	sl_write_u8(&w, (uint8_t)p->plan->keys);
	for (unsigned i = 0; i < p->plan->keys; i++)
		sl_write_u16(&w, p->plan->key_digest[i]);
	sl_write_u8(&w, p->plan->tensors.count);
	for (unsigned i = 0; i < p->plan->tensors.count; i++)
		sl_write_u16(&w, p->plan->tensors.of[i]);
	if (e->wants_hash)
		sl_write_bytes(&w, hash_of(p, e), SL_HASH_BYTES);
	struct sl_frame f = sl_peer_frame(p, e, SL_FRAME_HELLO);
	f.version = p->version;
	f.digest = p->digest;
	sl_peer_send(p, e, &f, body, sl_writer_length(&w));
}

void sl_greet_cannot(struct sl_peer *p, struct sl_edge *e)
{
	sl_hello_send(p, e, SL_HELLO_CANNOT);
}

void sl_greet_nothing(struct sl_peer *p, struct sl_edge *e)
{
	sl_hello_send(p, e, SL_HELLO_NOTHING);
}

void sl_greet(struct sl_peer *p, struct sl_edge *e, bool answer)
{
	if (answer) {
		int64_t least = p->phase == SL_PHASE_SERVING ? SERVING_EVERY_US : GREET_EVERY_US;
		if (e->stream.number && least < sl_stream_patience_us(e))
			least = sl_stream_patience_us(e);
		e->asked_hello_at = p->now;
		e->ask_at = sl_time_after(p->now, e->ask_every_us > least ? e->ask_every_us : least);
		sl_guard_expect(p, e, SL_EXPECT_GREETING);
	}
	sl_hello_send(p, e, answer ? SL_HELLO_ANSWER : 0);
}

void sl_greet_all(struct sl_peer *p, bool answer)
{
	for (uint32_t i = 0; i < p->degree; i++)
		sl_greet(p, &p->edge[i], answer);
}

bool sl_hello_parse(const struct sl_plan *plan, struct sl_hello *h, struct sl_reader r)
{
	h->session = sl_read_u64(&r);
	h->dimension = sl_read_u32(&r);
	h->sender = sl_read_u32(&r);
	h->receiver = sl_read_u32(&r);
	h->flags = sl_read_u32(&r);
	h->incarnation = sl_read_u64(&r);
	h->echo = sl_read_u64(&r);
	h->held_epoch = sl_read_u32(&r);
	h->held_version = sl_read_u32(&r);
	h->held_digest = sl_read_u64(&r);
	h->step = sl_read_u32(&r);
	h->oldest = sl_read_u32(&r);
	h->known_epoch = sl_read_u32(&r);
	h->rounds = sl_read_u32(&r);
	h->stream = sl_read_u32(&r);
	h->pace.ms = sl_read_u32(&r);
	h->pace.hops = sl_read_u8(&r);
	h->differs = 0;
	unsigned keys = sl_read_u8(&r);
	for (unsigned i = 0; i < keys && keys == plan->keys; i++)
		h->differs |= (uint64_t)(sl_read_u16(&r) != plan->key_digest[i]) << i;
	struct sl_tensor_digests tensors = { .count = sl_read_u8(&r) };
	for (unsigned i = 0; i < tensors.count; i++)
		tensors.of[i] = sl_read_u16(&r);
	h->tensor = sl_tensors_differ(&plan->tensors, &tensors);
	const uint8_t *hash = sl_reader_left(&r) ? sl_read_bytes(&r, SL_HASH_BYTES) : NULL;
	memset(h->held_hash, 0, SL_HASH_BYTES);
	if (hash)
		memcpy(h->held_hash, hash, SL_HASH_BYTES);
	return keys == plan->keys && h->rounds > 0 && sl_reader_done(&r) &&
	       !(h->flags & ~(unsigned)SL_HELLO_FLAGS);
}
