/* Rosters that change while a run goes on: members leave, come, weights change, and what must hold meanwhile.
 */
#include "support/swarm.h"

#include "gossip/peer/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The complete graph's edges among `members` (a bit a peer), with these weights. */
static struct sl_topology graph(uint32_t peers, uint64_t members, double weight)
{
	struct sl_edge_pair pair[64];
	double weights[64];
	uint32_t edges = 0;
	struct sl_topology t;
	struct sl_error error;
	for (uint32_t a = 0; a < peers; a++)
		for (uint32_t b = a + 1; b < peers; b++)
			if (members >> a & members >> b & 1) {
				weights[edges] = weight;
				pair[edges++] = (struct sl_edge_pair){ a, b };
			}
	if (sl_topology_from_members(&t, "members", peers, pair, weights, edges, &error) != SL_OK)
		fail_msg("%s", error.text);
	return t;
}

static struct swarm *standard(const char *spec, uint32_t rounds)
{
	struct swarm *w = calloc(1, sizeof *w);
	assert_non_null(w);
	swarm_standard(w);
	w->settings.rounds = rounds;
	memcpy(w->topology_spec, spec, strlen(spec) + 1);
	return w;
}

static void finish(struct swarm *w)
{
	swarm_close(w);
	free(w);
}

static void tell_all(struct swarm *w, const struct sl_topology *t, uint32_t serial, int64_t apart_us)
{
	for (uint32_t i = 0; i < w->topology.peers; i++)
		sl_sim_roster(w->sim, i, t, serial, apart_us * i);
}

static void a_member_leaves(void **state)
{
	(void)state;
	struct swarm *w = standard("complete:5", 60);
	struct sl_topology rest = graph(5, 27, 0.25);
	swarm_open(w);
	swarm_run_to(w, 0, 20);
	tell_all(w, &rest, 2, 3000);
	swarm_run(w, 1000000);
	for (uint32_t i = 0; i < 5; i++) {
		const struct sl_peer *p = sl_sim_peer(w->sim, i);
		if (i == 2)
			continue;
		assert_int_equal(p->round, 60);
		assert_int_equal(p->degree, 3);
		assert_int_equal(sl_peer_serial(p), 2);
		for (uint32_t k = 0; k < 3; k++) {
			assert_int_not_equal(p->edge[k].neighbour, 2);
			assert_int_equal(p->edge[k].step, 60); /* nobody waited in vain, nobody skipped */
		}
		assert_true(w->last_accuracy[i] > 0.7);
	}
	assert_true(sl_peer_round(sl_sim_peer(w->sim, 2)) < 60);
	assert_int_equal(swarm_count(w, "roster-changed"), 4);
	assert_int_equal(swarm_count(w, "edge-late"), 0);
	sl_topology_free(&rest);
	finish(w);
}

static struct sl_topology without_4;

static void start_without_4(struct swarm *w)
{
	w->roster = &without_4;
}

/* It begins in the neighbours' round, near their models, and ends as everybody. */
static void a_member_comes(void **state)
{
	(void)state;
	struct swarm *w = standard("complete:5", 120);
	without_4 = graph(5, 15, 0.2);
	w->choose = start_without_4;
	swarm_open(w);
	assert_true(sl_sim_absent(w->sim, 4));
	swarm_run_to(w, 0, 50);
	const float *x = sl_peer_model(sl_sim_peer(w->sim, 4)), *y = sl_peer_model(sl_sim_peer(w->sim, 0));
	double before = 0, after = 0, spread = 0;
	for (uint32_t k = 0; k < w->plan.dimension; k++)
		before += pow((double)x[k] - (double)y[k], 2);
	tell_all(w, &w->topology, 2, 1000);
	const struct sl_peer *joiner = sl_sim_peer(w->sim, 4);
	while (joiner->phase <= SL_PHASE_RECOVERING)
		assert_true(sl_sim_step(w->sim));
	assert_in_range(joiner->round, 50, 52);
	x = sl_peer_model(joiner);
	for (uint32_t k = 0; k < w->plan.dimension; k++) {
		after += pow((double)x[k] - (double)y[k], 2);
		spread += pow((double)y[k] - (double)sl_peer_model(sl_sim_peer(w->sim, 1))[k], 2);
	}
	assert_true(after < 0.05 * before && after < 4 * spread + 1e-3);
	swarm_run(w, 1000000);
	assert_int_equal(swarm_count(w, "joined-late"), 1);
	for (uint32_t i = 0; i < 5; i++) {
		assert_int_equal(sl_sim_peer(w->sim, i)->round, 120);
		assert_int_equal(sl_sim_peer(w->sim, i)->degree, 4);
		assert_true(w->last_accuracy[i] > 0.8);
	}
	/* Once there, it is waited for as everybody: no step is missing on its edges. */
	assert_int_equal(joiner->edge[0].step, 120 - (120 - sl_sim_peer(w->sim, 0)->edge[3].step));
	assert_true(joiner->edge[0].step >= 120 - 53);
	finish(w);
	sl_topology_free(&without_4);
}

/* Of the complete graph of four, without the edge 0–1 or with it. */
static struct sl_topology four(bool with)
{
	struct sl_edge_pair pair[] = { { 0, 2 }, { 0, 3 }, { 1, 2 }, { 1, 3 }, { 2, 3 }, { 0, 1 } };
	double weights[] = { 0.2, 0.2, 0.2, 0.2, 0.2, 0.2 };
	struct sl_topology t;
	struct sl_error error;
	if (sl_topology_from_members(&t, "four", 4, pair, weights, with ? 6 : 5, &error) != SL_OK)
		fail_msg("%s", error.text);
	return t;
}

/* Nobody saw the roster in between: the edge begins anew, over the connection that it had, and what is on its way
 * still counts. */
static void an_edge_that_begins_anew_keeps_its_connection(void **state)
{
	(void)state;
	struct swarm *w = standard("complete:4", 60);
	struct sl_topology without = four(false), with = four(true);
	w->network.rate = 200000;
	w->network.queue = 64000;
	swarm_open(w);
	swarm_run_to(w, 0, 20);
	uint32_t before = sl_peer_edge(sl_sim_peer(w->sim, 0), 1)->stream.number,
	         other = sl_peer_edge(sl_sim_peer(w->sim, 0), 2)->stream.number;
	for (uint32_t serial = 2; serial <= 3; serial++)
		tell_all(w, serial == 2 ? &without : &with, serial, 700);
	swarm_run(w, 2000000);
	for (uint32_t i = 0; i < 2; i++) {
		const struct sl_edge *e = sl_peer_edge(sl_sim_peer(w->sim, i), 1 - i);
		assert_int_equal(e->since, 3);
		assert_true(e->step > 20 && e->stream.number > before);
		assert_true(e->stream.their_number > 0);
	}
	/* To one that goes on nothing has happened. */
	assert_int_equal(sl_peer_edge(sl_sim_peer(w->sim, 0), 2)->stream.number, other);
	finish(w);
	sl_topology_free(&without);
	sl_topology_free(&with);
}

/* One that was added and is not there yet holds up nobody. */
static void the_absent_are_not_waited_for(void **state)
{
	(void)state;
	struct swarm *w = standard("complete:5", 40);
	without_4 = graph(5, 15, 0.2);
	w->choose = start_without_4;
	swarm_open(w);
	swarm_run_to(w, 0, 10);
	for (uint32_t i = 0; i < 4; i++)
		sl_sim_roster(w->sim, i, &w->topology, 2, 1000);
	for (uint32_t i = 0; i < 4; i++)
		swarm_run_to(w, i, 40);
	assert_int_equal(swarm_count(w, "edge-late"), 0);
	assert_int_equal(swarm_count(w, "edge-new"), 0);
	finish(w);
	sl_topology_free(&without_4);
}

/* At η = 0 the mean never moves, whoever knows of the new weights when, and whoever was told of some only. */
static void weights_change_at_both_ends(void **state)
{
	(void)state;
	static const char *const paces[] = { "lockstep", "staleness:2", "free" };
	for (int pace = 0; pace < 3; pace++) {
		struct swarm *w = standard("complete:5", 80);
		struct sl_topology light = graph(5, 31, 0.05), heavy = graph(5, 31, 0.19);
		snprintf(w->settings.pace_text, sizeof w->settings.pace_text, "%s", paces[pace]);
		w->network.loss = 0.05;
		w->network.jitter_us = 300;
		swarm_open_probed(w);
		double mean = sl_sim_mean_probe(w->sim);
		for (uint32_t n = 0, serial = 2; sl_sim_step(w->sim) && !sl_sim_trouble(w->sim); n++) {
			if (n % 150 == 149) {
				const struct sl_topology *t = serial % 2 ? &light : &heavy;
				for (uint32_t i = 0; i < 5; i++)
					if ((i + serial) % 3) /* the others learn of it with the next */
						sl_sim_roster(w->sim, i, t, serial, 700 * ((i * 3) % 5));
				serial++;
			}
			assert_true(fabs(sl_sim_mean_probe(w->sim) - mean) < 5e-5 * w->plan.dimension);
		}
		assert_null(sl_sim_trouble(w->sim));
		assert_true(swarm_count(w, "roster-changed") > 8);
		sl_topology_free(&light);
		sl_topology_free(&heavy);
		finish(w);
	}
}

/* A checkpoint from before a change is good after it; one from under a later roster is refused. */
static void checkpoints_outlive_rosters(void **state)
{
	(void)state;
	struct swarm *w = standard("complete:5", 60);
	struct sl_topology rest = graph(5, 27, 0.25);
	struct sl_error error;
	w->settings.checkpoint_every = 5;
	swarm_open(w);
	swarm_run_to(w, 0, 12);
	uint8_t *old = malloc(sl_peer_save(sl_sim_peer(w->sim, 0), NULL, NULL));
	size_t length = sl_peer_save(sl_sim_peer(w->sim, 0), old, NULL);
	sl_sim_kill(w->sim, 0);
	tell_all(w, &rest, 2, 0);
	sl_sim_revive(w->sim, 0, SL_SIM_DISK_NEWEST);
	const struct sl_peer *p = sl_sim_peer(w->sim, 0);
	assert_int_equal(p->round, 10);
	assert_int_equal(p->degree, 3);
	assert_int_equal(sl_peer_serial(p), 2);
	swarm_run(w, 1000000);
	for (uint32_t i = 0; i < 5; i++)
		assert_true(i == 2 || sl_sim_peer(w->sim, i)->round == 60);
	uint8_t *later = malloc(sl_peer_save(p, NULL, NULL));
	size_t later_length = sl_peer_save(p, later, NULL);
	struct swarm *v = standard("complete:5", 60);
	v->settings.checkpoint_every = 5;
	swarm_open(v);
	assert_int_equal(sl_peer_load(sl_sim_peer(v->sim, 0), old, length, &error), SL_OK);
	assert_int_equal(sl_peer_load(sl_sim_peer(v->sim, 0), later, later_length, &error), SL_REFUSED);
	assert_non_null(strstr(error.text, "serial"));
	free(old);
	free(later);
	finish(v);
	finish(w);
	sl_topology_free(&rest);
}

/* A row when an edge falls behind for good, one when it is in step again, however often it is looked at. */
static void an_edge_behind_is_told_once(void **state)
{
	(void)state;
	struct swarm *w = standard("ring:4", 400);
	snprintf(w->settings.pace_text, sizeof w->settings.pace_text, "free");
	w->settings.link_timeout_us = 100000;
	w->network.compute_us = 5000;
	swarm_open(w);
	swarm_run_to(w, 0, 50);
	sl_sim_cut(w->sim, 0, 1, true);
	sl_sim_cut(w->sim, 1, 0, true);
	swarm_run_to(w, 0, 150);
	struct sl_peer_edge_status e;
	sl_peer_edge_status(sl_sim_peer(w->sim, 0), 0, &e);
	assert_int_equal(e.neighbour, 1);
	assert_in_range(e.behind, 90, 101);
	assert_string_equal(e.why, "no messages from it");
	assert_true(sl_sim_now(w->sim).us - e.opened_at.us > 90 * 5000);
	sl_sim_cut(w->sim, 0, 1, false);
	sl_sim_cut(w->sim, 1, 0, false);
	swarm_run(w, 10000000);
	assert_int_equal(swarm_count(w, "edge-behind"), 2);
	assert_int_equal(swarm_count(w, "edge-in-step"), 2);
	assert_int_equal(swarm_count(w, "link-down"), 2);
	assert_int_equal(swarm_count(w, "link-up"), 2);
	finish(w);
}

/* A peer whose roster is older than that of all its neighbours says so, once for each; they do not. */
static void an_older_roster_is_objected_to(void **state)
{
	(void)state;
	struct swarm *w = standard("complete:4", 100000);
	struct sl_topology next = graph(4, 15, 0.2);
	snprintf(w->settings.pace_text, sizeof w->settings.pace_text, "free");
	w->network.compute_us = 100000;
	swarm_open(w);
	swarm_run_to(w, 0, 12);
	for (uint32_t i = 1; i < 4; i++)
		sl_sim_roster(w->sim, i, &next, 2, 0);
	sl_sim_kill(w->sim, 0);
	sl_sim_revive(w->sim, 0, SL_SIM_DISK_LOST);
	int64_t since = sl_sim_now(w->sim).us;
	while (sl_sim_now(w->sim).us < since + 8000000 && sl_sim_step(w->sim))
		;
	assert_int_equal(swarm_count(w, "roster-behind"), 0); /* they come at different times */
	while (sl_sim_now(w->sim).us < since + 60000000 && sl_sim_step(w->sim))
		;
	assert_int_equal(swarm_count(w, "roster-behind"), 3);
	sl_sim_roster(w->sim, 0, &next, 2, 0);
	while (sl_sim_now(w->sim).us < since + 90000000 && sl_sim_step(w->sim))
		;
	assert_int_equal(swarm_count(w, "roster-behind"), 3);
	finish(w);
	sl_topology_free(&next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_member_leaves),
		cmocka_unit_test(a_member_comes),
		cmocka_unit_test(an_edge_that_begins_anew_keeps_its_connection),
		cmocka_unit_test(the_absent_are_not_waited_for),
		cmocka_unit_test(weights_change_at_both_ends),
		cmocka_unit_test(checkpoints_outlive_rosters),
		cmocka_unit_test(an_edge_behind_is_told_once),
		cmocka_unit_test(an_older_roster_is_objected_to),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
