/* Exact runs whose disks are slow or full, kills in the last moments, and what becomes of a peer whose
 * checkpoint is too old for everyone. */
#include "gossip/peer/state.h"
#include "sim/sim_state.h"
#include "support/swarm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PEERS_MOST = 8, ROUNDS = 200, ROUND_US = 1100, EVENTS_MOST = 400000 };

static struct swarm *make(const char *topology, uint32_t every)
{
	struct swarm *w = calloc(1, sizeof *w);
	assert_non_null(w);
	swarm_standard(w);
	snprintf(w->topology_spec, sizeof w->topology_spec, "%s", topology);
	w->settings.rounds = ROUNDS;
	w->settings.evaluate = 50;
	w->settings.checkpoint_every = every;
	snprintf(w->settings.algorithm, sizeof w->settings.algorithm, "choco");
	swarm_open(w);
	return w;
}

static void done(struct swarm *w)
{
	swarm_close(w);
	free(w);
}

static void digests(const struct swarm *w, uint64_t out[PEERS_MOST])
{
	memset(out, 0, PEERS_MOST * sizeof *out);
	for (uint32_t i = 0; i < w->topology.peers; i++)
		out[i] = swarm_digest(w, i);
}

static void undisturbed(const char *topology, uint64_t out[PEERS_MOST])
{
	struct swarm *w = make(topology, 7);
	swarm_run(w, EVENTS_MOST);
	digests(w, out);
	assert_int_equal(swarm_count(w, "backlog-dropped"), 0);
	done(w);
}

static void ends_as(struct swarm *w, const uint64_t wanted[PEERS_MOST])
{
	uint64_t found[PEERS_MOST];
	swarm_run(w, EVENTS_MOST);
	digests(w, found);
	assert_memory_equal(wanted, found, sizeof found);
	assert_int_equal(swarm_count(w, "mean-shift") + swarm_count(w, "backlog-dropped"), 0);
	done(w);
}

/* Checkpoints take some, and then hundreds of rounds; a kill comes when two are durable, one, or none. */
static void slow_disks_cost_nothing(void **state)
{
	(void)state;
	static const char *const shapes[] = { "ring:3", "directed-ring:4", "base:5,2" };
	uint64_t calm[PEERS_MOST];
	for (unsigned t = 0; t < 3; t++) {
		undisturbed(shapes[t], calm);
		for (int64_t rounds = 3; rounds < 300; rounds *= 3)
			for (uint32_t at = 12; at < ROUNDS; at += 60) {
				struct swarm *w = make(shapes[t], 7);
				sl_sim_disk_speed(w->sim, 1, rounds * ROUND_US);
				swarm_run_to(w, 1, at);
				sl_sim_kill(w->sim, 1);
				for (int n = 0; n < 50; n++)
					sl_sim_step(w->sim);
				sl_sim_revive(w->sim, 1, at % 24 ? SL_SIM_DISK_NEWEST : SL_SIM_DISK_OLDER);
				ends_as(w, calm);
			}
	}
}

/* Killed before its first checkpoint, on a directed graph. A neighbour that sends it no frames has trimmed its journal
 * long ago, for others; those that do send have all of theirs, and nothing else is needed. */
static void without_a_checkpoint_only_senders_need_their_journals(void **state)
{
	(void)state;
	static const char *const shapes[] = { "directed-exponential:4", "directed-exponential:8" };
	uint64_t calm[PEERS_MOST];
	for (unsigned t = 0; t < 2; t++) {
		undisturbed(shapes[t], calm);
		struct swarm *w = make(shapes[t], 3);
		sl_sim_disk_speed(w->sim, 1, ROUNDS * ROUND_US);
		swarm_run_to(w, 1, 40);
		uint32_t trimmed = 0;
		for (uint32_t i = 0; i < w->topology.peers; i++)
			trimmed += sl_sim_peer(w->sim, i)->journal.first > 1;
		assert_true(trimmed > 0);
		sl_sim_kill(w->sim, 1);
		sl_sim_revive(w->sim, 1, SL_SIM_DISK_NEWEST);
		ends_as(w, calm);
	}
}

static bool is_saving(struct swarm *w, uint32_t peer)
{
	struct sl_peer_status status;
	sl_peer_status(sl_sim_peer(w->sim, peer), &status);
	return strcmp(status.phase, "saving") == 0;
}

/* A full disk stops an exact run when there is no room left, not before; everybody can tell whose it is; and
 * it goes on. */
static void a_full_disk_is_waited_for(void **state)
{
	(void)state;
	uint64_t calm[PEERS_MOST];
	undisturbed("ring:5", calm);
	struct swarm *w = make("ring:5", 7);
	swarm_run_to(w, 2, 20);
	sl_sim_disk(w->sim, 2, true, 0);
	for (int n = 0; n < 60000 && !swarm_count(w, "checkpoint-awaited"); n++)
		sl_sim_step(w->sim);
	uint32_t round = sl_peer_round(sl_sim_peer(w->sim, 2));
	assert_true(round > 50 && round < 90 && is_saving(w, 2));
	assert_int_equal(swarm_count(w, "checkpoint-awaited"), 1);
	struct sl_peer_edge_status edge;
	sl_peer_edge_status(sl_sim_peer(w->sim, 3), 0, &edge);
	assert_true(edge.waited_for && edge.saves);
	assert_string_equal(edge.why, "it must write a checkpoint first");
	sl_sim_disk(w->sim, 2, false, 0);
	ends_as(w, calm);
}

/* Killed after the last round: whoever has left is not needed, and whoever comes back done says so. */
static void the_last_moments_are_covered(void **state)
{
	(void)state;
	uint64_t calm[PEERS_MOST];
	undisturbed("ring:3", calm);
	for (int later = 0; later < 60; later++)
		for (int older = 0; older < 2; older++) {
			struct swarm *w = make("ring:3", 7);
			sl_sim_disk_speed(w->sim, 1, 5 * ROUND_US);
			swarm_run_to(w, 1, ROUNDS);
			for (int n = 0; n < later; n++)
				sl_sim_step(w->sim);
			sl_sim_kill(w->sim, 1);
			for (int n = 0; n < 2000; n++)
				sl_sim_step(w->sim);
			sl_sim_revive(w->sim, 1, older ? SL_SIM_DISK_OLDER : SL_SIM_DISK_NEWEST);
			ends_as(w, calm);
		}
}

/* One that is started again when everybody has left knows that they had finished, and leaves too. */
static void whoever_comes_last_leaves_at_once(void **state)
{
	(void)state;
	struct swarm *w = make("ring:3", 7);
	uint64_t calm[PEERS_MOST];
	swarm_run(w, EVENTS_MOST);
	digests(w, calm);
	int64_t ended = sl_sim_now(w->sim).us;
	sl_sim_kill(w->sim, 1);
	sl_sim_revive(w->sim, 1, SL_SIM_DISK_NEWEST);
	swarm_run(w, EVENTS_MOST);
	assert_true(sl_sim_now(w->sim).us < ended + w->settings.link_timeout_us);
	assert_int_equal(swarm_count(w, "left-unheard"), 0);
	ends_as(w, calm);
}

/* Done, durable, and started again: it serves a neighbour whose last checkpoint is not written yet, however long that
 * takes, since that one may come back from an older one. */
static void whoever_is_done_serves_those_that_are_not(void **state)
{
	(void)state;
	uint64_t calm[PEERS_MOST];
	undisturbed("ring:3", calm);
	struct swarm *w = make("ring:3", 7);
	swarm_run_to(w, 0, ROUNDS - 2);
	sl_sim_disk(w->sim, 0, true, 0);
	while (sl_sim_durable_rounds(w->sim, 1) < ROUNDS)
		assert_true(sl_sim_step(w->sim));
	for (int n = 0; n < 50; n++)
		sl_sim_step(w->sim);
	sl_sim_kill(w->sim, 1);
	sl_sim_revive(w->sim, 1, SL_SIM_DISK_NEWEST);
	struct sl_time until = sl_time_after(sl_sim_now(w->sim), 25 * w->settings.link_timeout_us);
	assert_true(until.us < 500000000); /* before a last checkpoint is given up */
	while (sl_time_before(sl_sim_now(w->sim), until))
		assert_true(sl_sim_step(w->sim));
	assert_false(sl_sim_halted(w->sim, 1));
	sl_sim_kill(w->sim, 0);
	sl_sim_disk(w->sim, 0, false, 0);
	sl_sim_revive(w->sim, 0, SL_SIM_DISK_OLDER);
	ends_as(w, calm);
}

/* One whose last checkpoint cannot be written does not say that it has finished, and is let go at last. */
static void a_last_checkpoint_that_fails(void **state)
{
	(void)state;
	struct swarm *w = make("ring:3", 7);
	swarm_run_to(w, 1, ROUNDS - 2);
	sl_sim_disk(w->sim, 1, true, 0);
	for (int n = 0; n < 3000; n++)
		sl_sim_step(w->sim);
	assert_true(is_saving(w, 1));
	for (uint32_t i = 0; i < 3; i++)
		assert_false(sl_sim_halted(w->sim, i));
	assert_true(swarm_count(w, "checkpoint-failed") > 0);
	for (int n = 0; n < EVENTS_MOST && !swarm_count(w, "finished-not-durable"); n++)
		sl_sim_step(w->sim);
	assert_int_equal(swarm_count(w, "finished-not-durable"), 1);
	assert_true(sl_sim_now(w->sim).us < 700 * INT64_C(1000000));
	done(w);
}

/* A checkpoint from before everything that the neighbours keep, as after [checkpoint] every was 0 for a
 * while: they say that they cannot, and the peer goes on, or stops, in words. */
static void one_that_is_too_old_is_told(void **state)
{
	(void)state;
	static const char *const shapes[] = { "ring:3", "directed-ring:4" };
	for (unsigned t = 0; t < 2; t++) {
		struct swarm *w = make(shapes[t], 7);
		struct sl_sim_node *n = &w->sim->node[1];
		swarm_run_to(w, 1, 10);
		while (!n->checkpoint[0])
			sl_sim_step(w->sim);
		size_t length = n->checkpoint_length[0];
		uint8_t *old = malloc(length);
		assert_non_null(old);
		memcpy(old, n->checkpoint[0], length);
		swarm_run_to(w, 1, 150);
		sl_sim_kill(w->sim, 1);
		free(n->checkpoint[0]);
		n->checkpoint[0] = old;
		n->checkpoint_length[0] = length;
		n->checkpoint_round[0] = 7;
		sl_sim_revive(w->sim, 1, SL_SIM_DISK_NEWEST);
		bool ended = sl_sim_run(w->sim, EVENTS_MOST);
		const char *trouble = sl_sim_trouble(w->sim);
		assert_int_equal(swarm_count(w, "mean-shift") > 0, t == 0);
		assert_int_equal(ended, t == 0);
		assert_true(t == 0 || strstr(trouble, "no longer holds the frames that this peer missed"));
		done(w);
	}
}

/* A neighbour that holds what this peer is only about to compute again, after a restart from an older state, need not write
 * anything for it. */
static void what_is_held_already_wants_no_checkpoint(void **state)
{
	(void)state;
	struct swarm *w = make("ring:4", 7);
	swarm_run_to(w, 1, 30);
	struct sl_peer *p = sl_sim_peer(w->sim, 1);
	struct sl_edge *e = &p->edge[0];
	const uint32_t held = e->durable;
	assert_true(held < p->version);
	for (uint32_t more = 0; more < 40; more++) {
		e->durable = p->version + more;
		assert_false(sl_edge_wants_checkpoint(p, e));
	}
	e->durable = held;
	done(w);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_held_already_wants_no_checkpoint),
		cmocka_unit_test(slow_disks_cost_nothing),
		cmocka_unit_test(without_a_checkpoint_only_senders_need_their_journals),
		cmocka_unit_test(a_full_disk_is_waited_for),
		cmocka_unit_test(the_last_moments_are_covered),
		cmocka_unit_test(whoever_comes_last_leaves_at_once),
		cmocka_unit_test(whoever_is_done_serves_those_that_are_not),
		cmocka_unit_test(a_last_checkpoint_that_fails),
		cmocka_unit_test(one_that_is_too_old_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
