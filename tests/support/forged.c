#include "forged.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

enum { FRAME_MAX = 70000 };

struct sl_edge *forged_edge(struct swarm *w, uint32_t at, uint32_t neighbour)
{
	struct sl_peer *p = sl_sim_peer(w->sim, at);
	for (uint32_t i = 0; i < p->degree; i++)
		if (p->edge[i].neighbour == neighbour)
			return &p->edge[i];
	fail_msg("%u is no neighbour of %u", neighbour, at);
	return NULL;
}

struct sl_frame forged_frame(struct swarm *w, uint32_t from, uint32_t to, enum sl_frame_kind kind)
{
	struct sl_frame f = sl_peer_frame(sl_sim_peer(w->sim, from), forged_edge(w, from, to), kind);
	f.version = sl_sim_peer(w->sim, from)->version;
	f.digest = sl_sim_peer(w->sim, from)->digest;
	return f;
}

struct forged_hello forged_greeting(struct swarm *w, uint32_t from, uint32_t to)
{
	const struct sl_edge *e = forged_edge(w, from, to);
	return (struct forged_hello){ .held_epoch = e->their_epoch,
		                      .held_version = e->their_version,
		                      .held_digest = e->their_digest,
		                      .step = e->step,
		                      .oldest = 1,
		                      .known_epoch = e->known_epoch,
		                      .incarnation = sl_sim_peer(w->sim, from)->incarnation,
		                      .echo = sl_sim_peer(w->sim, to)->incarnation };
}

void forged_send(struct swarm *w, uint32_t from, uint32_t to, const struct sl_frame *f, const uint8_t *body,
                 size_t length)
{
	uint8_t bytes[FRAME_MAX];
	assert_true(SL_FRAME_HEADER + length <= sizeof bytes);
	size_t header = sl_sim_header(w->sim, from, to, f, (uint32_t)length, bytes);
	if (length)
		memcpy(bytes + header, body, length);
	sl_sim_inject(w->sim, from, to, bytes, header + length);
	sl_sim_step(w->sim);
}

void forged_greet(struct swarm *w, uint32_t from, uint32_t to, const struct sl_frame *f,
                  const struct forged_hello *h)
{
	uint8_t body[115 + 2 * SL_SHARED_MOST];
	struct sl_writer out = sl_writer(body, sizeof body);
	sl_write_u64(&out, w->plan.session);
	sl_write_u32(&out, w->plan.dimension);
	sl_write_u32(&out, from);
	sl_write_u32(&out, to);
	sl_write_u32(&out, h->flags);
	sl_write_u64(&out, h->incarnation);
	sl_write_u64(&out, h->echo);
	sl_write_u32(&out, h->held_epoch);
	sl_write_u32(&out, h->held_version);
	sl_write_u64(&out, h->held_digest);
	sl_write_u32(&out, h->step);
	sl_write_u32(&out, h->oldest);
	sl_write_u32(&out, h->known_epoch);
	sl_write_u32(&out, h->rounds ? h->rounds : w->plan.settings.rounds);
	sl_write_u32(&out, 0); /* connections are not reported */
	sl_write_u32(&out, 0); /* no byte budget */
	sl_write_u8(&out, 0);
	sl_write_u8(&out, (uint8_t)w->plan.keys);
	for (unsigned i = 0; i < w->plan.keys; i++)
		sl_write_u16(&out, w->plan.key_digest[i] ^ (uint16_t)(h->other_keys >> i & 1));
	sl_write_u8(&out, 0); /* no tensor has a given start */
	if (h->held_hash)
		sl_write_bytes(&out, h->held_hash, SL_HASH_BYTES);
	forged_send(w, from, to, f, body, sl_writer_length(&out));
}
