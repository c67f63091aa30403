/* The thread that steps the peer of a large model: the same actions in the same order as without it, performed by the loop's
 * thread; and when a step hangs. */
#include "support/swarm.h"

#include "daemon/peer/stepper.h"
#include "daemon/run/recording.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 20, QUEUE = 256 };

struct message {
	uint8_t *bytes;
	size_t length;
};

/* One of two peers, and what it was sent. */
struct end {
	struct pair *pair;
	unsigned number;
	struct sl_peer *peer;
	struct sl_stepper *stepper; /* NULL: stepped directly */
	void *memory;
	struct message queue[QUEUE];
	unsigned first, count;
	bool job;
	uint64_t digest; /* of all its actions */
	unsigned actions, prepared;
};

static struct pair {
	struct swarm w;
	struct sl_scratch scratch;
	void *memory;
	struct end end[2];
	struct sl_time now;
	pthread_t loop;
} t;

static void prepare(void *driver, const struct sl_action *a)
{
	struct end *e = driver;
	(void)a;
	e->prepared++;
	if (e->stepper && pthread_equal(pthread_self(), t.loop))
		fail_msg("prepared on the loop's thread");
}

static void act(void *driver, const struct sl_action *a)
{
	struct end *e = driver, *other = &t.end[1 - e->number];
	assert_true(pthread_equal(pthread_self(), t.loop));
	e->actions++;
	e->digest = sl_recording_digest_action(e->digest, a);
	e->job = e->job || a->kind == SL_ACTION_JOB;
	if (a->kind != SL_ACTION_SEND)
		return;
	assert_true(other->count < QUEUE);
	struct message *m = &other->queue[(other->first + other->count++) % QUEUE];
	m->length = a->header_length + a->body_length;
	m->bytes = malloc(m->length);
	assert_non_null(m->bytes);
	memcpy(m->bytes, a->header, a->header_length);
	if (a->body_length)
		memcpy(m->bytes + a->header_length, a->body, a->body_length);
}

static void direct(void *driver, const struct sl_action *a)
{
	prepare(driver, a);
	act(driver, a);
}

static void step(struct end *e, struct sl_event event)
{
	event.now = t.now;
	t.now.us += 100;
	if (!e->stepper) {
		sl_peer_step(e->peer, &event, &t.scratch, direct, e);
		return;
	}
	sl_stepper_begin(e->stepper, &event, 1, t.now);
	bool ended = false;
	while (!ended) {
		struct pollfd item = { .fd = sl_stepper_descriptor(e->stepper), .events = POLLIN };
		assert_int_equal(poll(&item, 1, -1), 1);
		ended = sl_stepper_turn(e->stepper);
	}
}

static void add_peer(unsigned i, bool stepped)
{
	static struct sl_peer_neighbour neighbours[2][SL_DEGREE_MAX];
	struct sl_error error;
	struct end *e = &t.end[i];
	struct sl_peer_setup setup = { .plan = &t.w.plan,
		                       .peer = i,
		                       .neighbours = neighbours[i],
		                       .degree = sl_peer_neighbours(&t.w.topology, i, neighbours[i]),
		                       .data = &t.w.shard[i] };
	size_t size = sl_peer_size(&setup);
	e->number = i;
	e->memory = calloc(size + 64, 1);
	assert_non_null(e->memory);
	struct sl_arena arena = { (uint8_t *)e->memory + (64 - (uintptr_t)e->memory % 64) % 64, size, 0 };
	e->peer = sl_peer_make(&setup, &arena);
	if (stepped)
		assert_non_null(
		    e->stepper = sl_stepper_start(e->peer, &t.w.plan, &t.scratch, prepare, act, e, &error));
}

static void serve(struct end *e)
{
	if (e->count > 0) {
		struct message m = e->queue[e->first];
		e->first = (e->first + 1) % QUEUE;
		e->count--;
		step(e, (struct sl_event){ .kind = SL_EVENT_RECEIVE, .bytes = m.bytes, .length = m.length });
		free(m.bytes);
	} else if (e->job) {
		e->job = false;
		sl_peer_run_job(e->peer, &t.scratch);
		step(e, (struct sl_event){ .kind = SL_EVENT_JOB_DONE });
	}
}

/* A run of two peers; returns the digest of the first one's actions. */
static uint64_t run(bool stepped, unsigned *actions)
{
	memset(&t, 0, sizeof t);
	t.loop = pthread_self();
	t.now.us = 1000000;
	swarm_standard(&t.w);
	strcpy(t.w.topology_spec, "path:2");
	t.w.settings.rounds = ROUNDS;
	swarm_open(&t.w);
	struct sl_arena measure = { 0 };
	sl_scratch_make(&t.scratch, &t.w.plan, &measure);
	t.memory = calloc(measure.used + 64, 1);
	assert_non_null(t.memory);
	struct sl_arena arena = { (uint8_t *)t.memory + (64 - (uintptr_t)t.memory % 64) % 64, measure.used,
		                  0 };
	sl_scratch_make(&t.scratch, &t.w.plan, &arena);
	for (unsigned i = 0; i < 2; i++)
		add_peer(i, stepped && i == 0);
	for (unsigned i = 0; i < 2; i++)
		step(&t.end[i], (struct sl_event){ .kind = SL_EVENT_START });
	for (unsigned turn = 0; sl_peer_round(t.end[0].peer) < ROUNDS || t.end[0].count; turn++) {
		assert_true(turn < 100000);
		serve(&t.end[turn % 2]);
	}
	sl_stepper_stop(t.end[0].stepper);
	uint64_t digest = t.end[0].digest;
	*actions = t.end[0].actions;
	assert_int_equal(t.end[0].prepared, t.end[0].actions);
	for (unsigned i = 0; i < 2; i++) {
		for (; t.end[i].count > 0; t.end[i].count--, t.end[i].first++)
			free(t.end[i].queue[t.end[i].first % QUEUE].bytes);
		free(t.end[i].memory);
	}
	free(t.memory);
	swarm_close(&t.w);
	return digest;
}

static void actions_are_the_same_with_the_thread(void **state)
{
	(void)state;
	unsigned without, with;
	uint64_t digest = run(false, &without);
	assert_true(run(true, &with) == digest);
	assert_int_equal(with, without);
	assert_true(with > 3 * ROUNDS);
}

/* Held in the middle of a step: its first action waits for the loop. */
static void a_step_that_does_not_end_hangs(void **state)
{
	(void)state;
	unsigned actions;
	run(false, &actions); /* leaves the plan's numbers */
	int64_t limit_us = sl_stepper_limit_us(t.w.plan.copy_floats, 1);
	assert_true(limit_us > 60000000);
	assert_int_equal(sl_stepper_limit_us(100000000, 1), 60000000 + 200000000);
	memset(&t, 0, sizeof t);
	t.loop = pthread_self();
	swarm_standard(&t.w);
	strcpy(t.w.topology_spec, "path:2");
	swarm_open(&t.w);
	add_peer(0, true);
	t.now.us = 1000000;
	struct sl_event event = { .kind = SL_EVENT_START, .now = t.now };
	sl_stepper_begin(t.end[0].stepper, &event, 1, t.now);
	assert_false(sl_stepper_hangs(t.end[0].stepper, sl_time_after(t.now, limit_us - 1)));
	assert_true(sl_stepper_hangs(t.end[0].stepper, sl_time_after(t.now, limit_us)));
	while (!sl_stepper_turn(t.end[0].stepper))
		;
	sl_stepper_stop(t.end[0].stepper);
	for (; t.end[1].count > 0; t.end[1].count--, t.end[1].first++)
		free(t.end[1].queue[t.end[1].first % QUEUE].bytes);
	free(t.end[0].memory);
	swarm_close(&t.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(actions_are_the_same_with_the_thread),
		cmocka_unit_test(a_step_that_does_not_end_hangs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
