/* A peer's state as bytes: whatever a run can reach is saved and loaded again, and what cannot be is refused
 * with the reason. */
#include "gossip/generations.h"
#include "gossip/peer/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/support/swarm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bytes {
	uint8_t *at;
	size_t length;
};

static struct bytes save(const struct sl_peer *p)
{
	struct sl_error error;
	struct bytes b = { .length = sl_peer_save(p, NULL, NULL) };
	b.at = malloc(b.length + 1);
	assert_non_null(b.at);
	if (sl_peer_save(p, b.at, &error) != b.length)
		fail_msg("%s", error.text);
	return b;
}

/* Peer 0 as it comes back without its disk. */
static struct sl_peer *fresh_peer(struct swarm *w)
{
	sl_sim_kill(w->sim, 0);
	sl_sim_revive(w->sim, 0, SL_SIM_DISK_LOST);
	return sl_sim_peer(w->sim, 0);
}

static struct swarm *open_ring(uint32_t every)
{
	struct swarm *w = calloc(1, sizeof *w);
	assert_non_null(w);
	swarm_standard(w);
	snprintf(w->topology_spec, sizeof w->topology_spec, "ring:3");
	w->settings.rounds = 100000;
	w->settings.round_timeout_us = 50000;
	w->settings.checkpoint_every = every;
	swarm_open(w);
	return w;
}

static void close_ring(struct swarm *w)
{
	swarm_close(w);
	free(w);
}

static bool is_full(const struct sl_journal *j, const struct sl_plan *plan)
{
	return j->end - j->start > j->capacity - plan->body_bound;
}

/* A neighbour stays away until the journal holds all that it can: in its last room, and between two frames
 * that are dropped. */
static void a_full_journal_is_saved(void **state)
{
	(void)state;
	struct swarm *w = open_ring(50);
	swarm_run_to(w, 0, 120);
	sl_sim_kill(w->sim, 2);
	const struct sl_peer *p = sl_sim_peer(w->sim, 0);
	for (unsigned n = 0; !is_full(&p->journal, &w->plan) || p->journal.first < 1000; n++)
		assert_true(n < 200000 && sl_sim_step(w->sim));
	for (int moments = 0; moments < 50; moments++) {
		struct bytes b = save(p);
		free(b.at);
		swarm_run_to(w, 0, p->round + 1);
	}
	uint32_t round = p->round, first = p->journal.first;
	struct bytes b = save(p), again;
	struct sl_peer *fresh = fresh_peer(w);
	assert_int_equal(sl_peer_load(fresh, b.at, b.length, NULL), SL_OK);
	assert_int_equal(sl_peer_round(fresh), round);
	assert_int_equal(fresh->journal.first, first);
	again = save(fresh);
	assert_int_equal(again.length, b.length);
	assert_memory_equal(again.at, b.at, b.length);
	free(b.at);
	free(again.at);
	close_ring(w);
}

/* Both survivors stop and come back, as after a reboot, while the third is away. */
static void nobody_begins_anew_because_one_is_away(void **state)
{
	(void)state;
	struct swarm *w = open_ring(50);
	swarm_run_to(w, 0, 120);
	sl_sim_kill(w->sim, 2);
	swarm_run_to(w, 0, 2000);
	for (uint32_t i = 0; i < 2; i++)
		sl_sim_kill(w->sim, i);
	for (uint32_t i = 0; i < 2; i++) {
		sl_sim_revive(w->sim, i, SL_SIM_DISK_NEWEST);
		assert_in_range(sl_peer_round(sl_sim_peer(w->sim, i)), 1900, 2001);
	}
	assert_int_equal(swarm_count(w, "resumed-from-checkpoint"), 2);
	assert_int_equal(swarm_count(w, "checkpoint-refused"), 0);
	swarm_run_to(w, 1, 2100);
	assert_null(sl_sim_trouble(w->sim));
	close_ring(w);
}

/* How often checkpoints are made is each peer's own; journals and rings of tags follow it. */
static void another_interval_is_no_other_run(void **state)
{
	(void)state;
	static const uint32_t every[][2] = { { 50, 5 }, { 5, 50 }, { 200, 1 } };
	for (size_t i = 0; i < sizeof every / sizeof *every; i++) {
		struct swarm *a = open_ring(every[i][0]), *b = open_ring(every[i][1]);
		swarm_run_to(a, 0, 120);
		sl_sim_kill(a->sim, 2);
		swarm_run_to(a, 0, 1500);
		struct bytes bytes = save(sl_sim_peer(a->sim, 0));
		struct sl_peer *p = fresh_peer(b);
		struct sl_error error = { 0 };
		if (sl_peer_load(p, bytes.at, bytes.length, &error) != SL_OK)
			fail_msg("from every %u to %u: %s", every[i][0], every[i][1], error.text);
		assert_int_equal(sl_peer_round(p), 1500);
		assert_int_equal(p->journal.first + p->journal.count, p->version + 1);
		assert_true(p->journal.count > 20);
		free(bytes.at);
		bytes = save(p);
		free(bytes.at);
		close_ring(a);
		close_ring(b);
	}
}

static void refused(struct sl_peer *p, const struct bytes *b, size_t length, enum sl_status status,
                    const char *words)
{
	struct sl_error error = { 0 };
	assert_int_equal(sl_peer_load(p, b->at, length, &error), status);
	if (!strstr(error.text, words))
		fail_msg("'%s' lacks '%s'", error.text, words);
}

static void the_reason_is_told(void **state)
{
	(void)state;
	struct swarm *w = open_ring(5);
	swarm_run_to(w, 0, 12);
	struct bytes b = save(sl_sim_peer(w->sim, 0)), other = save(sl_sim_peer(w->sim, 1));
	struct sl_peer *p = fresh_peer(w);
	struct {
		size_t at;
		const char *words;
	} foreign[] = {
		{ 0, ", and this starling reads version " },
		{ 8, "belongs to another run, or to shared settings that have changed since" },
		{ 16, "belongs to another session of this run" },
		{ 24, "belongs to peer 1" },
	};
	refused(p, &other, other.length, SL_UNSUPPORTED, "belongs to peer 1");
	for (size_t i = 0; i < 4; i++) {
		b.at[foreign[i].at] ^= 1;
		refused(p, &b, b.length, SL_UNSUPPORTED, foreign[i].words);
		b.at[foreign[i].at] ^= 1;
	}
	b.at[7] ^= 1;
	refused(p, &b, b.length, SL_MALFORMED, "is not the state of a peer");
	b.at[7] ^= 1;
	for (size_t cut = 0; cut < b.length; cut++)
		refused(p, &b, cut, SL_MALFORMED, "is truncated");
	b.at[b.length] = 0;
	refused(p, &b, b.length + 1, SL_MALFORMED, "is damaged: something follows its end");
	b.at[36] = 200; /* neighbours */
	refused(p, &b, b.length, SL_TOO_BIG, "has 200 neighbours, and there is room for 2 (run.max_degree)");
	b.at[36] = 2;
	assert_int_equal(sl_peer_load(p, b.at, b.length, NULL), SL_OK);
	free(b.at);
	free(other.at);
	close_ring(w);
}

static void values_that_are_of_no_use(void **state)
{
	(void)state;
	struct swarm *w = open_ring(5);
	swarm_run_to(w, 0, 12);
	struct sl_peer *p = sl_sim_peer(w->sim, 0);
	float *x = p->learner.x, was = x[3];
	static const struct {
		double value;
		const char *words;
	} bad[] = {
		{ (double)NAN, "nan in its model" },
		{ -(double)INFINITY, "inf in its model" },
		{ 1.5e9, "holds 1.5e+09 in its model, over limits.value" },
		{ -2e30, "over limits.value" },
	};
	uint8_t *room = malloc(sl_peer_save(p, NULL, NULL));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct sl_error error = { 0 };
		x[3] = (float)bad[i].value;
		assert_int_equal(sl_peer_save(p, room, &error), 0);
		assert_int_equal(error.status, SL_OUT_OF_RANGE);
		if (!strstr(error.text, bad[i].words))
			fail_msg("'%s' lacks '%s'", error.text, bad[i].words);
	}
	x[3] = was;
	static const unsigned weights[] = { 0, SL_EDGE_WEIGHTS + 1 };
	for (size_t i = 0; i < 2; i++) {
		struct sl_error error = { 0 };
		unsigned good = p->edge[0].weights;
		p->edge[0].weights = weights[i];
		assert_int_equal(sl_peer_save(p, room, &error), 0);
		assert_non_null(strstr(error.text, "an edge has no neighbour"));
		p->edge[0].weights = good;
	}
	assert_true(sl_peer_save(p, room, NULL) > 0);
	free(room);
	close_ring(w);
}

/* The model leaves its bounds just before a checkpoint is due: the one before stays, and is what a new life
 * goes on from. */
static void a_diverged_model_replaces_no_checkpoint(void **state)
{
	(void)state;
	struct swarm *w = open_ring(5);
	const struct sl_peer *p = sl_sim_peer(w->sim, 0);
	swarm_run_to(w, 0, 9);
	while (p->phase != SL_PHASE_WAITING)
		assert_true(sl_sim_step(w->sim));
	p->learner.x[3] = 1e12f;
	while (swarm_count(w, "checkpoint-failed") == 0)
		assert_true(sl_sim_step(w->sim));
	assert_int_equal(swarm_count(w, "checkpoint-unsound"), 1);
	assert_int_equal(sl_sim_durable_rounds(w->sim, 0), 5);
	sl_sim_kill(w->sim, 0);
	sl_sim_revive(w->sim, 0, SL_SIM_DISK_NEWEST);
	assert_int_equal(sl_peer_round(sl_sim_peer(w->sim, 0)), 5);
	close_ring(w);
}

struct told {
	char text[4][400];
	unsigned count;
};

static void on_told(void *context, enum sl_level level, const char *kind, const char *detail)
{
	struct told *t = context;
	(void)level;
	assert_true(t->count < 4);
	snprintf(t->text[t->count++], sizeof t->text[0], "%s: %s", kind, detail);
}

/* Which of two is taken, and what is said, by what is wrong with each. */
static void the_newest_that_loads_is_taken(void **state)
{
	(void)state;
	struct swarm *w = open_ring(5);
	swarm_run_to(w, 0, 6);
	struct bytes old = save(sl_sim_peer(w->sim, 0));
	swarm_run_to(w, 0, 12);
	struct bytes new = save(sl_sim_peer(w->sim, 0)), other = save(sl_sim_peer(w->sim, 1));
	struct sl_generation none = { 0 }, cut = { true, 0, NULL, 0, "is truncated" },
	                     older = { true, 6, old.at, old.length, "" },
	                     newer = { true, 7, new.at, new.length, "" },
	                     foreign = { true, 8, other.at, other.length, "" },
	                     stranger = { true, 5, other.at, other.length, "" };
	const struct {
		struct sl_generation g[2];
		int taken;
		const char *text[3];
	} turn[] = {
		{ { none, none }, -1, { NULL } },
		{ { older, newer }, 1, { "resumed-from-checkpoint: generation 1, number 7, at round 12" } },
		{ { newer, older }, 0, { "resumed-from-checkpoint: generation 0, number 7, at round 12" } },
		{ { older, none }, 0, { "resumed-from-checkpoint: generation 0, number 6, at round 6" } },
		{ { cut, older },
		  1,
		  { "checkpoint-refused: generation 0: is truncated",
		    "resumed-from-checkpoint: generation 1, number 6, at round 6" } },
		{ { older, foreign },
		  0,
		  { "checkpoint-refused: generation 1, number 8: the state belongs to peer 1",
		    "resumed-from-checkpoint: generation 0, number 6, at round 6" } },
		/* Also where it is not the newest: the next checkpoint would take its place. */
		{ { stranger, newer },
		  1,
		  { "checkpoint-refused: generation 0, number 5: the state belongs to peer 1",
		    "resumed-from-checkpoint: generation 1, number 7, at round 12" } },
		{ { foreign, cut },
		  -1,
		  { "checkpoint-refused: generation 0, number 8: the state belongs to peer 1",
		    "checkpoint-refused: generation 1: is truncated" } },
	};
	for (size_t i = 0; i < sizeof turn / sizeof *turn; i++) {
		struct sl_generation g[2] = { turn[i].g[0], turn[i].g[1] };
		struct told told = { .count = 0 };
		struct sl_error error;
		assert_int_equal(sl_generations_load(fresh_peer(w), g, on_told, &told, &error),
		                 turn[i].taken);
		assert_int_equal(error.status, SL_OK);
		for (unsigned k = 0; k < told.count; k++)
			assert_string_equal(told.text[k], turn[i].text[k]);
		assert_null(turn[i].text[told.count]);
		for (int k = 0; k < 2; k++) /* what is to be kept under another name */
			assert_int_equal(g[k].wrong[0] != 0,
			                 g[k].state == other.at || turn[i].g[k].wrong[0] != 0);
	}
	free(old.at);
	free(new.at);
	free(other.at);
	close_ring(w);
}

/* Duals that nobody else holds: from the older generation all is computed again, bit for bit. */
static void the_older_generation_is_exact(void **state)
{
	(void)state;
	uint64_t digest[2][SWARM_PEERS_MAX];
	for (int disturbed = 0; disturbed < 2; disturbed++) {
		struct swarm *w = calloc(1, sizeof *w);
		swarm_standard(w);
		w->settings.checkpoint_every = 5;
		snprintf(w->settings.algorithm, sizeof w->settings.algorithm, "lead");
		snprintf(w->settings.pipeline, sizeof w->settings.pipeline, "all | dither:16 | golomb");
		swarm_open(w);
		swarm_run_to(w, 3, 23);
		if (disturbed) {
			sl_sim_kill(w->sim, 3);
			sl_sim_revive(w->sim, 3, SL_SIM_DISK_OLDER);
			assert_int_equal(sl_peer_round(sl_sim_peer(w->sim, 3)), 15);
			assert_int_equal(swarm_count(w, "checkpoint-refused"), 1);
		}
		swarm_run(w, 1000000);
		assert_int_equal(swarm_count(w, "mean-shift"), 0);
		for (uint32_t i = 0; i < w->topology.peers; i++)
			digest[disturbed][i] = swarm_digest(w, i);
		swarm_close(w);
		free(w);
	}
	assert_memory_equal(digest[0], digest[1], 8 * sizeof(uint64_t));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_journal_is_saved),
		cmocka_unit_test(nobody_begins_anew_because_one_is_away),
		cmocka_unit_test(another_interval_is_no_other_run),
		cmocka_unit_test(the_reason_is_told),
		cmocka_unit_test(values_that_are_of_no_use),
		cmocka_unit_test(a_diverged_model_replaces_no_checkpoint),
		cmocka_unit_test(the_newest_that_loads_is_taken),
		cmocka_unit_test(the_older_generation_is_exact),
	};
	return cmocka_run_group_tests_name("save", tests, NULL, NULL);
}
