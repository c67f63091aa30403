/* adversary_say.c — how an adversary speaks: frames and greetings of its own making, under the key that it has. */
#include "sim/adversary.h"

#include "gossip/inspect.h"

#include <string.h>

enum { HELLO_MOST = 115 + 2 * SL_SHARED_MOST };

void sl_adversary_send(struct sl_adversary *l, uint32_t to, const struct sl_frame *f, const uint8_t *body,
                       size_t length)
{
	uint8_t bytes[SL_ADVERSARY_LONGEST];
	SL_CHECK(SL_FRAME_HEADER + length <= sizeof bytes);
	size_t header = sl_sim_header(l->sim, l->peer, to, f, (uint32_t)length, bytes);
	if (length)
		memcpy(bytes + header, body, length);
	sl_sim_inject(l->sim, l->peer, to, bytes, header + length);
}

bool sl_adversary_greeting(struct sl_adversary *l, uint32_t to, struct sl_adversary_greeting *out)
{
	const struct sl_peer *p = sl_sim_peer(l->sim, l->peer);
	uint32_t edge = sl_peer_edge_to(p, to);
	struct sl_peer_view v, other;
	struct sl_edge_view mine;
	if (edge == SL_NO_EDGE)
		return false;
	sl_peer_inspect(p, &v);
	sl_peer_inspect(sl_sim_peer(l->sim, to), &other);
	sl_peer_inspect_edge(p, edge, &mine);
	*out = (struct sl_adversary_greeting){ .frame = sl_peer_forge(p, edge, SL_FRAME_HELLO),
		                               .held_epoch = mine.their_epoch,
		                               .held_version = mine.their_version,
		                               .held_digest = mine.their_digest,
		                               .step = mine.step,
		                               .oldest = 1,
		                               .known_epoch = mine.known_epoch,
		                               .rounds = l->plan->settings.rounds,
		                               .incarnation = v.incarnation,
		                               .echo = other.incarnation };
	sl_hash(out->held_hash, mine.theirs, 4 * l->plan->copy_floats);
	out->frame.version = v.version;
	out->frame.digest = v.digest;
	return true;
}

void sl_adversary_greet(struct sl_adversary *l, uint32_t to, const struct sl_adversary_greeting *h)
{
	uint8_t body[HELLO_MOST];
	struct sl_writer w = sl_writer(body, sizeof body);
	sl_write_u64(&w, l->plan->session);
	sl_write_u32(&w, l->plan->dimension);
	sl_write_u32(&w, l->peer);
	sl_write_u32(&w, to);
	sl_write_u32(&w, h->flags);
	sl_write_u64(&w, h->incarnation);
	sl_write_u64(&w, h->echo);
	sl_write_u32(&w, h->held_epoch);
	sl_write_u32(&w, h->held_version);
	sl_write_u64(&w, h->held_digest);
	sl_write_u32(&w, h->step);
	sl_write_u32(&w, h->oldest);
	sl_write_u32(&w, h->known_epoch);
	sl_write_u32(&w, h->rounds);
	sl_write_u32(&w, h->stream);
	sl_write_u32(&w, h->pace);
	sl_write_u8(&w, h->hops);
	sl_write_u8(&w, (uint8_t)l->plan->keys);
	for (unsigned i = 0; i < l->plan->keys; i++)
		sl_write_u16(&w, l->plan->key_digest[i]);
	sl_write_u8(&w, 0); /* tensors */
	sl_write_bytes(&w, h->held_hash, sizeof h->held_hash);
	sl_adversary_send(l, to, &h->frame, body, sl_writer_length(&w));
}
