/* Connections between two peers that come, go, fill up and lose what they carry, at random: what is on its way is never
 * sent again, what was lost is, a request about a connection that is over counts for nothing, and every connection
 * begins with a greeting. */
#include "gossip/peer/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/support/swarm.h"

#include "linalg/vector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUEUE = 256, MESSAGE_MOST = 4096, RUNS = 300, TURNS = 3000, HELLO_STREAM = 72, REQUEST_STREAM = 9 };

struct message {
	struct sl_frame frame; /* without the body */
	uint32_t stream;       /* of its sender, when it was sent */
	size_t length;
	uint8_t bytes[MESSAGE_MOST];
};

/* From one end to the other: what is on its way by the present connection. */
struct connection {
	struct message *queue;
	unsigned first, last;
	bool up, full, told_full, fresh; /* fresh: nothing has been sent since the last event */
	uint32_t stream;                 /* the last greeting's */
};

struct end {
	struct sl_peer *peer;
	uint8_t *memory;
	bool job, halted, well;
	struct connection to;  /* the other end */
	unsigned greetings;    /* sent in the event in hand */
	unsigned again;        /* what was sent in the event in hand that had been sent before */
	uint32_t sent, tagged; /* newest version and step that were ever sent */
};

struct pair {
	struct swarm w;
	struct sl_scratch scratch;
	uint8_t *memory;
	struct end end[2];
	unsigned acting;
	struct sl_time now;
	struct sl_random random;
	bool timers;
	/* what the run has shown */
	unsigned resent, old_requests, fulls, lost, pieces;
};

static uint32_t number_at(const uint8_t *bytes)
{
	struct sl_reader r = sl_reader(bytes, 4);
	return sl_read_u32(&r);
}

/* ---- what the peer does ---- */

static bool is_under_way(const struct connection *c, const struct sl_frame *f)
{
	for (unsigned i = c->first; i != c->last; i++) {
		const struct sl_frame *m = &c->queue[i % QUEUE].frame;
		if (m->kind == f->kind && f->kind == SL_FRAME_DIFFERENCE && m->version == f->version)
			return true;
		if (f->kind == SL_FRAME_TAG && m->tag && m->step == f->step)
			return true;
		if (m->kind == f->kind && f->kind == SL_FRAME_SNAPSHOT)
			return true;
	}
	return false;
}

/* A connection begins with a greeting that names it: so does what follows a drop. */
static void look_at_first(struct end *e, const struct sl_action *a)
{
	bool hello = a->frame->kind == SL_FRAME_HELLO;
	e->greetings += hello;
	if (e->to.fresh)
		assert_true(hello);
	if (!hello || !e->to.up)
		return;
	uint32_t stream = number_at(a->body + HELLO_STREAM);
	if (e->to.fresh)
		assert_true(stream > e->to.stream);
	else
		assert_int_equal(stream, e->to.stream);
	e->to.stream = stream;
	e->to.fresh = false;
}

static void note_repeats(struct end *e, const struct sl_frame *f)
{
	if (f->kind == SL_FRAME_DIFFERENCE) {
		e->again += f->version <= e->sent;
		e->sent = f->version > e->sent ? f->version : e->sent;
	}
	if (f->kind == SL_FRAME_TAG)
		e->again += f->step <= e->tagged;
	if (f->tag)
		e->tagged = f->step > e->tagged ? f->step : e->tagged;
	e->again += f->kind == SL_FRAME_SNAPSHOT;
}

static void hand_over(struct pair *t, struct end *e, const struct sl_action *a)
{
	struct connection *c = &e->to;
	assert_false(c->told_full);
	if (a->frame->kind == SL_FRAME_REQUEST && a->body[0] == SL_WANT_FRAMES) /* who asks, takes them */
		assert_true(sl_peer_is_settled(e->peer, &e->peer->edge[0]));
	if (!c->up)
		return; /* there is none that could take it */
	look_at_first(e, a);
	assert_false(is_under_way(c, a->frame));
	note_repeats(e, a->frame);
	t->pieces += a->frame->kind == SL_FRAME_SNAPSHOT;
	if (c->full || c->last - c->first == QUEUE) {
		c->full = true;
		t->lost++;
		return;
	}
	struct message *m = &c->queue[c->last++ % QUEUE];
	m->frame = *a->frame;
	m->stream = c->stream;
	m->length = a->header_length + a->body_length;
	assert_true(m->length <= sizeof m->bytes);
	memcpy(m->bytes, a->header, a->header_length);
	if (a->body_length)
		memcpy(m->bytes + a->header_length, a->body, a->body_length);
}

static void act(void *context, const struct sl_action *a)
{
	struct pair *t = context;
	struct end *e = &t->end[t->acting];
	if (a->kind == SL_ACTION_SEND)
		hand_over(t, e, a);
	else if (a->kind == SL_ACTION_JOB)
		e->job = true;
	else if (a->kind == SL_ACTION_HALT) {
		e->halted = true;
		e->well = a->ok;
	}
}

/* ---- what happens to it ---- */

static void step(struct pair *t, unsigned i, struct sl_event event)
{
	struct end *e = &t->end[i];
	t->acting = i;
	t->now.us += 1 + sl_random_below(&t->random, 5000);
	event.now = t->now;
	e->greetings = e->again = 0;
	sl_peer_step(e->peer, &event, &t->scratch, act, t);
}

static void change(struct pair *t, unsigned i, enum sl_link_change link)
{
	step(t, i, (struct sl_event){ .kind = SL_EVENT_LINK, .link = link });
}

/* As a driver finds out: after the step in which a message had to be dropped. */
static void tell_full(struct pair *t, unsigned i)
{
	struct connection *c = &t->end[i].to;
	if (!c->full || c->told_full)
		return;
	c->fresh = c->told_full = true;
	t->fulls++;
	change(t, i, SL_LINK_FULL);
}

static void connect_anew(struct pair *t, unsigned i)
{
	struct end *e = &t->end[i];
	struct connection *c = &e->to;
	t->lost += c->last - c->first;
	c->first = c->last;
	c->up = c->fresh = true;
	c->full = c->told_full = false;
	change(t, i, SL_LINK_UP);
	if (!e->halted)
		assert_true(e->greetings > 0);
}

static void disconnect(struct pair *t, unsigned i)
{
	struct connection *c = &t->end[i].to;
	c->up = c->full = c->told_full = false;
	t->lost += c->last - c->first;
	c->first = c->last;
	change(t, i, SL_LINK_DOWN);
}

static void make_room(struct pair *t, unsigned i)
{
	struct end *e = &t->end[i];
	if (!e->to.told_full)
		return;
	e->to.full = e->to.told_full = false;
	change(t, i, SL_LINK_ROOM);
	if (!e->halted)
		assert_true(e->greetings > 0);
}

static void deliver(struct pair *t, unsigned i)
{
	struct connection *c = &t->end[i].to;
	struct end *other = &t->end[1 - i];
	if (c->first == c->last)
		return;
	struct message m = c->queue[c->first++ % QUEUE];
	const uint8_t *body = m.bytes + SL_FRAME_HEADER;
	bool request = m.frame.kind == SL_FRAME_REQUEST;
	bool old = request && number_at(body + REQUEST_STREAM) != other->to.stream;
	step(t, 1 - i, (struct sl_event){ .kind = SL_EVENT_RECEIVE, .bytes = m.bytes, .length = m.length });
	if (old)
		assert_int_equal(other->again, 0);
	t->old_requests += old;
	t->resent += t->w.choose ? 0 : other->again;
}

static void run_job(struct pair *t, unsigned i)
{
	struct end *e = &t->end[i];
	if (!e->job)
		return;
	e->job = false;
	sl_peer_run_job(e->peer, &t->scratch);
	step(t, i, (struct sl_event){ .kind = SL_EVENT_JOB_DONE });
}

/* As if much time had passed: requests that are only a safety net are made. */
static void run_timer(struct pair *t, unsigned i)
{
	int64_t due = sl_peer_deadline(t->end[i].peer).us;
	if (!t->timers || due == SL_TIME_NEVER.us)
		return;
	t->now.us = t->now.us < due ? due : t->now.us;
	step(t, i, (struct sl_event){ .kind = SL_EVENT_TIMER });
}

static void any_turn(struct pair *t)
{
	unsigned i = sl_random_below(&t->random, 2);
	struct connection *c = &t->end[i].to;
	uint32_t what = sl_random_below(&t->random, 100);
	if (what < 50)
		deliver(t, i);
	else if (what < 75)
		run_job(t, i);
	else if (what < 85)
		run_timer(t, i);
	else if (what < 88)
		c->full = c->up; /* for the next message */
	else if (what < 92)
		make_room(t, i);
	else if (what < 94 && c->up)
		disconnect(t, i);
	else if (what < 97 && (!c->up || what == 94))
		connect_anew(t, i);
	tell_full(t, 0);
	tell_full(t, 1);
}

/* ---- a run ---- */

static void add_peer(struct pair *t, unsigned i, struct sl_peer_neighbour *neighbour)
{
	struct end *e = &t->end[i];
	struct sl_peer_setup setup = { .plan = &t->w.plan,
		                       .peer = i,
		                       .neighbours = neighbour,
		                       .degree = sl_peer_neighbours(&t->w.topology, i, neighbour),
		                       .data = &t->w.shard[i] };
	size_t size = sl_peer_size(&setup);
	e->memory = calloc(size + 64, 1);
	e->to.queue = calloc(QUEUE, sizeof *e->to.queue);
	assert_non_null(e->memory);
	assert_non_null(e->to.queue);
	struct sl_arena arena = { e->memory + (64 - (uintptr_t)e->memory % 64) % 64, size, 0 };
	e->peer = sl_peer_make(&setup, &arena);
}

/* No frame is sent twice: whoever lacks one gets a snapshot, in several pieces. */
static void by_snapshots(struct swarm *w)
{
	w->plan.resend_bytes = 0;
	w->plan.snapshot_piece = 64;
}

static void open_pair(struct pair *t, uint64_t seed, struct sl_peer_neighbour neighbour[2][SL_DEGREE_MAX])
{
	memset(t, 0, sizeof *t);
	swarm_standard(&t->w);
	strcpy(t->w.topology_spec, "path:2");
	t->w.settings.rounds = 30;
	t->w.choose = seed % 3 == 0 ? by_snapshots : NULL;
	swarm_open(&t->w);
	struct sl_arena measure = { 0 };
	sl_scratch_make(&t->scratch, &t->w.plan, &measure);
	size_t size = measure.used;
	t->memory = calloc(size + 64, 1);
	assert_non_null(t->memory);
	struct sl_arena arena = { t->memory + (64 - (uintptr_t)t->memory % 64) % 64, size, 0 };
	sl_scratch_make(&t->scratch, &t->w.plan, &arena);
	t->random = sl_random_stream(seed, 0, "stream", 0);
	t->now.us = 1000000;
	for (unsigned i = 0; i < 2; i++)
		add_peer(t, i, neighbour[i]);
}

static void close_pair(struct pair *t)
{
	for (unsigned i = 0; i < 2; i++) {
		free(t->end[i].memory);
		free(t->end[i].to.queue);
	}
	free(t->memory);
	swarm_close(&t->w);
}

static bool both_halted(const struct pair *t)
{
	return t->end[0].halted && t->end[1].halted;
}

static bool is_idle(const struct end *e)
{
	return e->to.first == e->to.last && !e->job;
}

/* The links stay, and nobody looks at a clock: greetings alone have to say what was lost. Pieces of a snapshot may be asked
 * for by a timer, when nothing else happens. */
static void go_on_undisturbed(struct pair *t)
{
	for (unsigned i = 0; i < 2; i++) {
		make_room(t, i);
		if (!t->end[i].to.up)
			connect_anew(t, i);
	}
	for (unsigned n = 0; n < TURNS && !both_halted(t); n++) {
		bool idle = is_idle(&t->end[0]) && is_idle(&t->end[1]);
		for (unsigned i = 0; i < 2; i++) {
			deliver(t, i);
			run_job(t, i);
			if (t->w.choose && idle)
				run_timer(t, i);
		}
	}
}

struct shown {
	unsigned resent, old_requests, fulls, lost, pieces;
};

static void run_pair(uint64_t seed, bool timers, struct shown *shown)
{
	struct pair *t = malloc(sizeof *t);
	struct sl_peer_neighbour(*neighbour)[SL_DEGREE_MAX] = calloc(2, sizeof *neighbour);
	assert_non_null(t);
	assert_non_null(neighbour);
	open_pair(t, seed, neighbour);
	swarm_run(&t->w, 1000000); /* what an undisturbed run ends with */
	t->timers = timers || t->w.choose;
	for (unsigned i = 0; i < 2; i++)
		step(t, i, (struct sl_event){ .kind = SL_EVENT_START });
	unsigned turns = sl_random_below(&t->random, TURNS);
	for (unsigned n = 0; n < turns && !t->end[0].halted && !t->end[1].halted; n++)
		any_turn(t);
	if (!t->end[0].halted && !t->end[1].halted)
		go_on_undisturbed(t);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(sl_peer_round(t->end[i].peer), t->w.settings.rounds);
		assert_true(swarm_digest(&t->w, i) ==
		            sl_vector_digest(t->w.plan.dimension, 0, sl_peer_model(t->end[i].peer)));
	}
	shown->resent += t->resent;
	shown->old_requests += t->old_requests;
	shown->fulls += t->fulls;
	shown->lost += t->lost;
	shown->pieces += t->pieces;
	close_pair(t);
	free(neighbour);
	free(t);
}

static void what_is_lost_is_sent_again_and_nothing_else(void **state)
{
	(void)state;
	struct shown shown = { 0 };
	for (uint64_t seed = 0; seed < RUNS; seed++)
		run_pair(seed, seed & 1, &shown);
	print_message(
	    "%u messages lost, %u sent again, %u requests of old connections, %u full queues, %u pieces\n",
	    shown.lost, shown.resent, shown.old_requests, shown.fulls, shown.pieces);
	assert_true(shown.lost > 1000 && shown.resent > 100 && shown.pieces > 1000);
	assert_true(shown.old_requests > 20 && shown.fulls > 100);
}

/* ---- several peers, over connections of the simulator ---- */

static void small_pieces(struct swarm *w)
{
	w->plan.snapshot_piece = 32;
}

static void open_thin(struct swarm *w, const char *spec, const char *pace)
{
	swarm_standard(w);
	snprintf(w->topology_spec, sizeof w->topology_spec, "%s", spec);
	snprintf(w->settings.pace_text, sizeof w->settings.pace_text, "%s", pace);
	w->settings.rounds = 400;
	w->settings.checkpoint_every = 16;
	w->choose = small_pieces;
	w->network.rate = 10000000;
	w->network.queue = 64000;
	w->network.compute_us = 20000;
	w->network.latency_us = 9000;
	swarm_open(w);
}

/* Peer 1 is cut off for 300 rounds, in which nobody waits for it. In the 50 rounds after that its edges make 15 steps and
 * more, though it needs two snapshots at once, and no end knows at first what the other one holds. */
static void edges_resume_at_once_after_an_outage(void **state)
{
	(void)state;
	struct swarm *w = calloc(1, sizeof *w);
	assert_non_null(w);
	open_thin(w, "path:3", "free");
	swarm_run_to(w, 1, 20);
	for (int cut = 1; cut >= 0; cut--) {
		for (uint32_t i = 0; i <= 2; i += 2) {
			sl_sim_cut(w->sim, 1, i, cut);
			sl_sim_cut(w->sim, i, 1, cut);
		}
		if (cut)
			swarm_run_to(w, 1, 320);
	}
	const struct sl_peer *p = sl_sim_peer(w->sim, 1);
	const uint32_t before[2] = { p->edge[0].step, p->edge[1].step };
	for (uint32_t round = 321; round <= 370; round++) {
		swarm_run_to(w, 1, round);
		for (unsigned k = 0; k < 2; k++) /* the outage counts for nothing */
			assert_true(sl_stream_patience_us(&p->edge[k]) < 2000000);
	}
	for (unsigned k = 0; k < 2; k++) {
		assert_true(before[k] < 30);
		assert_in_range(p->edge[k].step - before[k], 15, 50);
	}
	swarm_close(w);
	free(w);
}

/* The successor of peer 0 on the ring sends it no frames, only tags: restarted with a checkpoint of many rounds ago, it
 * gets all of them without waiting for a timer. */
static void old_tags_come_at_once(void **state)
{
	(void)state;
	struct swarm *w = calloc(1, sizeof *w);
	assert_non_null(w);
	open_thin(w, "directed-ring:4", "lockstep");
	swarm_run_to(w, 0, 60);
	sl_sim_kill(w->sim, 0);
	sl_sim_revive(w->sim, 0, SL_SIM_DISK_OLDER);
	assert_true(sl_peer_round(sl_sim_peer(w->sim, 0)) < 50);
	int64_t before_us = sl_sim_now(w->sim).us;
	swarm_run_to(w, 0, 62);
	assert_in_range(sl_sim_now(w->sim).us - before_us, 20000, 3000000);
	swarm_run(w, 1000000);
	swarm_close(w);
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_lost_is_sent_again_and_nothing_else),
		cmocka_unit_test(edges_resume_at_once_after_an_outage),
		cmocka_unit_test(old_tags_come_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
