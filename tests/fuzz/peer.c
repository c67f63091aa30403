/* Bytes drive one peer of a small run: how long to run, then messages in a neighbour's name, true headers in
 * front of anything, pieces of them replaced; crashes and cuts in between. Whatever comes, the peer keeps its
 * promises (the simulator's invariants of what one end can say of itself) and its model stays finite. */
#include "gossip/peer/state.h"
#include "sim/swarm.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

enum { VICTIM = 0, LIAR = 1, MESSAGE_MAX = 700 };

/* A greeting of 68 bytes or more gets rounds and keys as they should be: the run's, or others where the input
 * has bytes for them. */
static size_t add_keys(uint8_t *body, size_t length, const struct sl_plan *plan, uint8_t about)
{
	uint8_t tail[15 + 2 * SL_SHARED_MOST];
	struct sl_writer out = sl_writer(tail, sizeof tail);
	if (length < 68 || about & 64)
		return length;
	sl_write_u32(&out, plan->settings.rounds);
	sl_write_u32(&out, 0); /* stream */
	sl_write_u32(&out, 0); /* pace */
	sl_write_u8(&out, 0);
	sl_write_u8(&out, (uint8_t)plan->keys);
	for (unsigned i = 0; i < plan->keys; i++)
		sl_write_u16(&out, plan->key_digest[i]);
	sl_write_u8(&out, 0); /* tensors */
	size_t given = length - 68, size = sl_writer_length(&out);
	if (given < size)
		memcpy(body + length, tail + given, size - given);
	body[81] = (uint8_t)plan->keys;
	return 68 + size;
}

/* A header that passes the door, with fields from the input; then the input itself. */
static void lie(struct sl_sim *sim, const struct sl_swarm *w, struct sl_reader *r)
{
	uint8_t message[MESSAGE_MAX] = { 0 }, told[MESSAGE_MAX - SL_FRAME_HEADER] = { 0 };
	const struct sl_peer *p = sl_sim_peer(sim, VICTIM);
	const struct sl_edge *e = &p->edge[0];
	uint8_t kind = sl_read_u8(r), about = sl_read_u8(r);
	size_t length = sl_read_u8(r);
	length = length < sl_reader_left(r) ? length : sl_reader_left(r);
	struct sl_frame f = { .kind = kind % SL_FRAME_KINDS,
		              .channels = (uint8_t)w->plan.channels,
		              .tag = kind & 64,
		              .incarnation16 = (uint16_t)e->incarnation,
		              .epoch = e->their_epoch + (about & 1),
		              .version = e->their_version + (about >> 1 & 3) - 1,
		              .step = e->step + (about >> 3 & 3),
		              .round = sl_read_u8(r),
		              .durable = sl_read_u8(r),
		              .run = w->plan.run + (about == 127), /* another run's */
		              .digest = about & 128 ? e->their_digest : about };
	length = length < sl_reader_left(r) ? length : sl_reader_left(r);
	const uint8_t *body = sl_read_bytes(r, length);
	if (body)
		memcpy(told, body, length);
	if (f.kind == SL_FRAME_HELLO &&
	    length >= 44) { /* the right session, peers and lives, or nothing gets far */
		struct sl_writer out = sl_writer(told, 44);
		sl_write_u64(&out, w->plan.session);
		sl_write_u32(&out, w->plan.dimension);
		sl_write_u32(&out, LIAR);
		sl_write_u32(&out, VICTIM);
		sl_write_u32(&out, about & 63);
		sl_write_u64(&out, e->incarnation + (about >> 7));
		sl_write_u64(&out, p->incarnation);
		length = add_keys(told, length, &w->plan, about);
	}
	size_t header = sl_sim_header(sim, LIAR, VICTIM, &f, (uint32_t)length, message);
	memcpy(message + header, told, length);
	if (kind & 128) /* another header than it was, mostly one that refers to something else */
		message[sl_read_u8(r) % header] ^= sl_read_u8(r);
	sl_sim_inject(sim, LIAR, VICTIM, message, header + length);
}

static void drive(struct sl_sim *sim, const struct sl_swarm *w, struct sl_reader r)
{
	while (sl_reader_left(&r)) {
		uint8_t what = sl_read_u8(&r);
		for (unsigned n = what >> 2; n > 0; n--)
			if (!sl_sim_step(sim))
				break;
		if ((what & 3) < 3) {
			lie(sim, w, &r);
			sl_sim_step(sim);
		} else if (sl_sim_alive(sim, VICTIM)) {
			sl_sim_kill(sim, VICTIM);
			sl_sim_revive(sim, VICTIM, (enum sl_sim_disk)(sl_read_u8(&r) % 3));
		}
		const struct sl_peer *p = sl_sim_peer(sim, VICTIM);
		for (uint32_t k = 0; k < w->plan.dimension; k++)
			SL_CHECK(p->learner.x[k] - p->learner.x[k] == 0);
		SL_CHECK(p->round <= w->settings.rounds);
		for (uint32_t i = 0; i < p->degree; i++)
			SL_CHECK(p->edge[i].rx_held.used <= w->plan.held_bytes &&
			         p->edge[i].limit <= p->version);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct sl_reader r = sl_reader(bytes, length);
	struct sl_error error = { 0 };
	struct sl_swarm w;
	uint64_t seed = sl_read_u8(&r);
	if (length > 4096)
		return 0;
	SL_CHECK(sl_swarm_draw(&w, seed, &error) == SL_OK);
	struct sl_sim_setup setup = {
		.plan = &w.plan,
		.topology = &w.topology,
		.shards = w.shard,
		.network = w.network,
		.check = SL_SIM_CHECK_NONE
	}; /* between a liar and the others anything may be */
	struct sl_sim *sim = sl_sim_open(&setup, &error);
	SL_CHECK(sim);
	drive(sim, &w, r);
	sl_sim_close(sim);
	sl_swarm_free(&w);
	return 0;
}
