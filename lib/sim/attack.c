/* attack.c — lies with an aim. The adversary's own peer works on as an honest one; what would give it away to the
 * victim is kept back. */
#include "sim/adversary.h"

#include "gossip/inspect.h"
#include "linalg/vector.h"

#include <string.h>

enum { SNAPSHOT_HEAD = 9, WANT_SNAPSHOT = 1, WANT_SELF = 2, DRIP_US = 2000000 };

static bool is_starting(struct sl_adversary *l, uint32_t peer)
{
	struct sl_peer_view v;
	sl_peer_inspect(sl_sim_peer(l->sim, peer), &v);
	return v.phase == SL_PHASE_GREETING || v.phase == SL_PHASE_RECOVERING;
}

static bool steals(const struct sl_adversary *l)
{
	return l->attack == SL_ATTACK_THIEF || l->attack == SL_ATTACK_CHANGELING ||
	       l->attack == SL_ATTACK_WRAP;
}

/* A greeting of a peer that starts, and questions, are answered by sl_attack_step. */
static void note_heard(struct sl_adversary *l, const struct sl_sim_message *m)
{
	const struct sl_action *a = m->send;
	struct sl_adversary_victim *v = &l->victim[m->from];
	if (a->frame->kind == SL_FRAME_HELLO)
		v->greeted = true;
	if (a->frame->kind != SL_FRAME_REQUEST || a->body_length < SNAPSHOT_HEAD)
		return;
	v->what = a->body[0];
	v->offset = sl_load_u32(a->body + 5);
	if (v->what == (steals(l) ? WANT_SELF : WANT_SNAPSHOT))
		v->asked = true;
}

enum sl_sim_fate sl_attack_hears(struct sl_adversary *l, const struct sl_sim_message *m)
{
	uint8_t kind = m->send->frame->kind;
	if (m->to == l->peer) {
		note_heard(l, m);
		return SL_SIM_PASS;
	}
	bool gives_away = steals(l)
	                      ? is_starting(l, m->to) && (kind == SL_FRAME_HELLO || kind == SL_FRAME_SNAPSHOT)
	                      : l->attack == SL_ATTACK_DRIP && kind == SL_FRAME_SNAPSHOT;
	return gives_away ? SL_SIM_LOSE : SL_SIM_PASS;
}

/* The version and epoch that a stolen copy claims; a changeling's are those that others hold too. */
static void claim_numbers(const struct sl_adversary *l, uint32_t to, uint32_t *version, uint32_t *epoch)
{
	const struct sl_peer *p = sl_sim_peer(l->sim, l->peer);
	struct sl_edge_view mine;
	sl_peer_inspect_edge(p, sl_peer_edge_to(p, to), &mine);
	bool same = l->attack == SL_ATTACK_CHANGELING && mine.their_version > 0;
	*version = l->attack == SL_ATTACK_THIEF ? l->plan->settings.rounds : l->claim;
	*version = l->attack == SL_ATTACK_WRAP ? 1 : same ? mine.their_version : *version;
	*epoch = l->attack == SL_ATTACK_WRAP ? UINT32_C(0xfffffe42) : same ? mine.their_epoch : 0;
}

/* Votes with the others, and sends its own copy then. */
static bool is_turncoat(const struct sl_adversary *l)
{
	return l->attack == SL_ATTACK_CHANGELING && l->claim % 2 == 0;
}

/* "I hold your copy, and cannot help you to compute it again." */
static void claim_copy(struct sl_adversary *l, uint32_t to)
{
	struct sl_adversary_greeting h;
	if (!sl_adversary_greeting(l, to, &h))
		return;
	claim_numbers(l, to, &h.held_version, &h.held_epoch);
	if (l->attack == SL_ATTACK_WRAP && l->claim % 2 == 0)
		h.known_epoch = h.held_epoch;
	if (!is_turncoat(l)) {
		h.held_digest =
		    sl_vector_digest(l->plan->copy_floats, 0, (const float *)(const void *)l->fake);
		sl_hash(h.held_hash, l->fake, 4 * l->plan->copy_floats);
	}
	h.oldest = 2;
	h.frame.round = l->plan->settings.rounds;
	sl_adversary_greet(l, to, &h);
}

static void send_piece(struct sl_adversary *l, uint32_t to, struct sl_frame *f, uint8_t what, uint32_t offset,
                       size_t most)
{
	uint8_t body[SL_ADVERSARY_LONGEST - SL_FRAME_HEADER];
	struct sl_writer w = sl_writer(body, sizeof body);
	uint32_t total = (uint32_t)l->plan->copy_bytes;
	size_t room = sizeof body - SNAPSHOT_HEAD, piece = total - offset;
	piece = piece < most ? piece : most;
	piece = piece < room ? piece : room;
	f->kind = SL_FRAME_SNAPSHOT;
	f->digest = sl_vector_digest(l->plan->copy_floats, 0, (const float *)(const void *)l->fake);
	sl_write_u8(&w, what);
	sl_write_u32(&w, offset);
	sl_write_u32(&w, total);
	sl_write_bytes(&w, l->fake + offset, piece);
	sl_adversary_send(l, to, f, body, sl_writer_length(&w));
}

static void steal(struct sl_adversary *l, uint32_t to)
{
	struct sl_adversary_victim *v = &l->victim[to];
	struct sl_adversary_greeting h;
	if (v->greeted && is_starting(l, to))
		claim_copy(l, to);
	v->greeted = false;
	if (!v->asked || !sl_adversary_greeting(l, to, &h))
		return;
	v->asked = false;
	claim_numbers(l, to, &h.frame.version, &h.frame.epoch);
	send_piece(l, to, &h.frame, WANT_SELF, v->offset, l->plan->snapshot_piece);
}

/* "I hold what you will send next, and it is something else." */
static void fork_next(struct sl_adversary *l, uint32_t to)
{
	struct sl_peer_view v;
	struct sl_adversary_greeting h;
	sl_peer_inspect(sl_sim_peer(l->sim, to), &v);
	if (v.phase != SL_PHASE_COMPUTING || l->victim[to].told == v.version + 1 ||
	    !sl_adversary_greeting(l, to, &h))
		return;
	l->victim[to].told = v.version + 1;
	h.held_version = v.version + 1;
	h.held_epoch = h.known_epoch = v.epoch;
	h.held_digest = ~v.digest;
	sl_adversary_greet(l, to, &h);
}

/* It begins new epochs of its own journal, whose snapshot never comes to an end. */
static void drip(struct sl_adversary *l, uint32_t to)
{
	struct sl_adversary_victim *v = &l->victim[to];
	struct sl_adversary_greeting h;
	struct sl_edge_view theirs;
	const struct sl_peer *p = sl_sim_peer(l->sim, to);
	uint32_t back = sl_peer_edge_to(p, l->peer);
	if (back == SL_NO_EDGE || !sl_adversary_greeting(l, to, &h))
		return;
	sl_peer_inspect_edge(p, back, &theirs);
	if (sl_time_before(sl_sim_now(l->sim), v->due) || !theirs.greeted)
		return;
	v->due = sl_time_after(sl_sim_now(l->sim), DRIP_US);
	h.frame.epoch = theirs.known_epoch + (theirs.diverged ? 0 : 256);
	if (theirs.diverged && v->asked) {
		v->told = v->offset ? v->told : h.frame.version;
		h.frame.version = v->told; /* all pieces are of one version */
		send_piece(l, to, &h.frame, WANT_SNAPSHOT, v->offset, 1);
	} else if (!theirs.diverged) {
		h.frame.digest = ~h.frame.digest;
		sl_adversary_greet(l, to, &h);
	}
	v->asked = false;
}

void sl_attack_step(struct sl_adversary *l)
{
	const struct sl_topology *t = l->topology;
	for (uint32_t k = t->first[l->peer]; k < t->first[l->peer + 1]; k++) {
		uint32_t to = t->neighbour[k];
		struct sl_peer_view v;
		sl_peer_inspect(sl_sim_peer(l->sim, to), &v);
		if (!sl_sim_alive(l->sim, to) || sl_sim_halted(l->sim, to) || v.incarnation == 0)
			continue;
		if (steals(l))
			steal(l, to);
		else if (l->attack == SL_ATTACK_FORK)
			fork_next(l, to);
		else
			drip(l, to);
	}
}
