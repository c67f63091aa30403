#include "sim/adversary.h"

#include "gossip/agree.h"
#include "gossip/inspect.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { REQUEST_BYTES = 17, SNAPSHOT_HEAD = 9 };

static const char *const attack_text[] = {
#define X(id, text) text,
	SL_ATTACKS(X)
#undef X
};

const char *sl_attack_text(enum sl_attack attack)
{
	return attack_text[attack];
}

static enum sl_sim_fate keep(void *context, struct sl_sim_message *m)
{
	struct sl_adversary *l = context;
	const struct sl_action *a = m->send;
	if (l->attack && (m->from == l->peer || m->to == l->peer))
		return sl_attack_hears(l, m);
	if (m->from != l->peer || a->header_length + a->body_length > SL_ADVERSARY_LONGEST)
		return SL_SIM_PASS;
	struct sl_adversary_frame *f = &l->kept[l->keeps++ % SL_ADVERSARY_KEPT];
	f->length = a->header_length + a->body_length;
	memcpy(f->bytes, a->header, a->header_length);
	if (a->body_length)
		memcpy(f->bytes + a->header_length, a->body, a->body_length);
	return SL_SIM_PASS;
}

void sl_adversary_start(struct sl_adversary *l, struct sl_sim *sim, const struct sl_plan *plan,
                        const struct sl_topology *t, uint64_t seed, enum sl_attack attack)
{
	memset(l, 0, sizeof *l);
	l->attack = attack;
	l->sim = sim;
	l->plan = plan;
	l->topology = t;
	l->random = sl_random_stream(seed, UINT32_MAX, "liar", 0);
	l->peer = sl_random_below(&l->random, t->peers);
	l->rate = 0.01 * pow(70, sl_random_unit_double(&l->random)); /* each is an event itself: below 1 */
	l->careful = sl_random_below(&l->random, 2);
	l->ghost = l->careful && sl_random_below(&l->random, 2);
	l->claim = 1 + sl_random_below(&l->random, plan->settings.rounds);
	l->fake = calloc(1, plan->copy_bytes);
	SL_CHECK(l->fake && t->peers <= SL_ADVERSARY_PEERS);
	float *x = (float *)(void *)l->fake;
	for (size_t k = 0; k < plan->copy_floats; k++)
		x[k] = SL_ATTACK_VALUE;
	sl_sim_distrust(sim, l->peer);
	sl_sim_watch(sim, &(struct sl_sim_watch){ .context = l, .sent = keep });
}

void sl_adversary_free(struct sl_adversary *l)
{
	free(l->fake);
	l->fake = NULL;
}

/* The truth, near it, far from it. */
static uint32_t near(struct sl_adversary *l, uint32_t truth, uint32_t most)
{
	struct sl_random *g = &l->random;
	switch (sl_random_below(g, l->careful ? 30 : 6)) {
	case 0:
		return sl_random_below(g, most + 1);
	case 1:
		return most;
	case 2:
		return truth < most || !l->careful ? truth + 1 : truth;
	case 3:
		if (l->careful)
			return truth;
		return (uint32_t)sl_random_u64(g);
	default:
		return truth;
	}
}

static uint32_t lie_about_epoch(struct sl_random *g, uint32_t truth)
{
	static const uint32_t ahead[] = { 0, 0, 1, 256, 60000 * 256, UINT32_MAX / 2 };
	return truth + ahead[sl_random_below(g, sizeof ahead / sizeof *ahead)];
}

static void send_noise(struct sl_adversary *l, uint32_t to)
{
	uint8_t bytes[200];
	size_t length = sl_random_below(&l->random, sizeof bytes);
	for (size_t k = 0; k < length; k++)
		bytes[k] = (uint8_t)sl_random_u64(&l->random);
	sl_sim_inject(l->sim, l->peer, to, bytes, length);
}

static void tell_again(struct sl_adversary *l, uint32_t to)
{
	uint32_t most = l->keeps < SL_ADVERSARY_KEPT ? l->keeps : SL_ADVERSARY_KEPT;
	if (most == 0)
		return;
	const struct sl_adversary_frame *f = &l->kept[sl_random_below(&l->random, most)];
	sl_sim_inject(l->sim, l->peer, to, f->bytes, f->length);
}

/* A greeting that is heard: the right session, size, numbers and lives, mostly. */
static void tell_greeting(struct sl_adversary *l, uint32_t to, struct sl_frame *f)
{
	struct sl_random *g = &l->random;
	struct sl_adversary_greeting h;
	uint32_t rounds = l->plan->settings.rounds;
	if (!sl_adversary_greeting(l, to, &h))
		return;
	f->kind = SL_FRAME_HELLO;
	f->step = 0;
	f->tag = false;
	f->epoch = l->careful ? f->epoch : lie_about_epoch(g, f->epoch);
	h.frame = *f;
	h.flags = sl_random_below(g, l->careful ? 2 : 256);
	h.incarnation += !l->careful && sl_random_below(g, 20) == 0;
	h.held_version = near(l, h.held_version, rounds);
	h.held_digest = sl_random_below(g, 2) ? h.held_digest : sl_random_u64(g);
	h.held_hash[0] ^= (uint8_t)sl_random_below(g, 2);
	h.step = near(l, h.step, rounds);
	h.oldest = near(l, 1, rounds);
	h.known_epoch = lie_about_epoch(g, h.known_epoch);
	h.stream = sl_random_below(g, 3); /* its connection */
	h.pace = l->careful ? 0 : sl_random_below(g, 2000);
	h.hops = (uint8_t)sl_random_below(g, 256);
	sl_adversary_greet(l, to, &h);
}

static void tell_difference(struct sl_adversary *l, uint32_t to, struct sl_frame *f)
{
	uint8_t body[400];
	size_t length = sl_random_below(&l->random, sizeof body);
	for (size_t k = 0; k < length; k++)
		body[k] = (uint8_t)sl_random_u64(&l->random);
	f->kind = SL_FRAME_DIFFERENCE;
	if (length >= 4 && l->plan->channels > 1 && sl_random_below(&l->random, 2))
		body[0] = (uint8_t)(length - 1 < 0x7f ? length - 1 : 0x7f);
	sl_adversary_send(l, to, f, body, length);
}

static void tell_question(struct sl_adversary *l, uint32_t to, struct sl_frame *f)
{
	uint8_t body[REQUEST_BYTES];
	struct sl_random *g = &l->random;
	struct sl_writer w = sl_writer(body, sizeof body);
	struct sl_peer_view other;
	sl_peer_inspect(sl_sim_peer(l->sim, to), &other);
	f->kind = SL_FRAME_REQUEST;
	f->tag = false;
	f->epoch = other.epoch;
	sl_write_u8(&w, (uint8_t)sl_random_below(g, 4));
	sl_write_u32(&w, near(l, f->version, l->plan->settings.rounds));
	sl_write_u32(&w, sl_random_below(g, 2) ? 0 : sl_random_below(g, (uint32_t)l->plan->copy_bytes));
	sl_write_u32(&w, sl_random_below(g, 3));
	sl_write_u32(&w, (uint32_t)sl_random_below(g, 1000));
	sl_adversary_send(l, to, f, body, sizeof body);
}

static void tell_snapshot(struct sl_adversary *l, uint32_t to, struct sl_frame *f)
{
	uint8_t body[SNAPSHOT_HEAD + 128] = { 0 };
	struct sl_random *g = &l->random;
	struct sl_writer w = sl_writer(body, SNAPSHOT_HEAD);
	uint32_t total = (uint32_t)l->plan->copy_bytes;
	f->kind = SL_FRAME_SNAPSHOT;
	f->step = 0;
	f->tag = false;
	sl_write_u8(&w, (uint8_t)(1 + sl_random_below(g, 2)));
	sl_write_u32(&w, sl_random_below(g, 2) ? 0 : sl_random_below(g, total));
	sl_write_u32(&w, total);
	for (size_t k = SNAPSHOT_HEAD; k < sizeof body; k++)
		body[k] = (uint8_t)sl_random_u64(g);
	sl_adversary_send(l, to, f, body, SNAPSHOT_HEAD + sl_random_below(g, sizeof body - SNAPSHOT_HEAD));
}

static void lie(struct sl_adversary *l)
{
	struct sl_random *g = &l->random;
	const struct sl_topology *t = l->topology;
	const struct sl_peer *p = sl_sim_peer(l->sim, l->peer);
	uint32_t to = t->neighbour[t->first[l->peer] + sl_random_below(g, sl_topology_degree(t, l->peer))],
	         rounds = l->plan->settings.rounds;
	uint32_t edge = sl_peer_edge_to(p, to);
	if (edge == SL_NO_EDGE)
		return; /* not to one that a roster has taken away */
	struct sl_peer_view v;
	struct sl_edge_view mine;
	sl_peer_inspect(p, &v);
	sl_peer_inspect_edge(p, edge, &mine);
	struct sl_frame f = sl_peer_forge(p, edge, SL_FRAME_TAG);
	f.version = near(l, v.version, rounds);
	f.round = near(l, v.round, rounds);
	f.step = near(l, mine.step + 1, rounds);
	f.durable = near(l, mine.checkpoint_older, rounds);
	f.digest = sl_random_below(g, 2) ? v.digest : sl_random_u64(g);
	f.tag = sl_random_below(g, 2);
	l->told++;
	switch (l->careful ? 2 : sl_random_below(g, 7)) {
	case 0:
		send_noise(l, to);
		break;
	case 1:
		tell_again(l, to);
		break;
	case 2:
		tell_greeting(l, to, &f);
		break;
	case 3:
		tell_difference(l, to, &f);
		break;
	case 4:
		tell_question(l, to, &f);
		break;
	case 5:
		tell_snapshot(l, to, &f);
		break;
	default:
		f.tag = true;
		sl_adversary_send(l, to, &f, NULL, 0);
		break;
	}
}

void sl_adversary_step(struct sl_adversary *l)
{
	bool alive = sl_sim_alive(l->sim, l->peer);
	if (l->attack) {
		if (alive)
			sl_attack_step(l);
		return;
	}
	if (l->ghost && alive && sl_peer_round(sl_sim_peer(l->sim, l->peer)) > 5)
		sl_sim_kill(l->sim, l->peer);
	if ((alive || l->ghost) && sl_random_unit_double(&l->random) < l->rate)
		lie(l);
}
