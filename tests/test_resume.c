/* test_resume.c — a run that is resumed with other settings: what was computed is computed again as it was,
 * and what may differ between neighbours does no harm. */
#include "gossip/peer/state.h"
#include "tests/support/forged.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct state {
	uint8_t *bytes;
	size_t length;
};

static struct swarm *swarm_of(const char *topology, uint32_t rounds)
{
	struct swarm *w = calloc(1, sizeof *w);
	assert_non_null(w);
	swarm_standard(w);
	snprintf(w->topology_spec, sizeof w->topology_spec, "%s", topology);
	w->settings.rounds = rounds;
	w->settings.eta_schedule = SL_ETA_CONSTANT;
	w->settings.checkpoint_every = 5;
	return w;
}

static void done(struct swarm *w)
{
	swarm_close(w);
	free(w);
}

static struct state saved(struct swarm *w, uint32_t peer)
{
	struct state s;
	s.length = sl_peer_save(sl_sim_peer(w->sim, peer), NULL, NULL);
	s.bytes = malloc(s.length);
	assert_non_null(s.bytes);
	sl_peer_save(sl_sim_peer(w->sim, peer), s.bytes, NULL);
	return s;
}

/* Peer `at` of a swarm that has not begun becomes what was saved. */
static void restore(struct swarm *w, uint32_t at, struct state s)
{
	struct sl_error error = { 0 };
	if (sl_peer_load(sl_sim_peer(w->sim, at), s.bytes, s.length, &error) != SL_OK)
		fail_msg("%s", error.text);
	free(s.bytes);
}

/* The states of all peers when each has done about so many rounds: they stop where the others let them. */
static void states_at(struct swarm *w, const uint32_t *round, struct state *out)
{
	for (uint32_t i = 0; i < w->topology.peers; i++) {
		swarm_run_to(w, i, round[i]);
		while (sl_sim_peer(w->sim, i)->version != sl_peer_round(sl_sim_peer(w->sim, i)))
			assert_true(sl_sim_step(w->sim)); /* as checkpoints: between two rounds */
		out[i] = saved(w, i);
	}
}

static void assert_equal_runs(struct swarm *a, struct swarm *b)
{
	for (uint32_t i = 0; i < a->topology.peers; i++)
		assert_true(swarm_digest(a, i) == swarm_digest(b, i));
}

/* Also of a run that was finished: what it would have been with so many rounds from the start. */
static void more_rounds_are_as_if_from_the_start(void **state)
{
	(void)state;
	struct swarm *first = swarm_of("ring:5", 20), *more = swarm_of("ring:5", 45),
	             *whole = swarm_of("ring:5", 45);
	struct state s[5];
	uint32_t all[5] = { 20, 20, 20, 20, 20 };
	swarm_open(first);
	swarm_open(more);
	swarm_open(whole);
	states_at(first, all, s);
	for (uint32_t i = 0; i < 5; i++)
		restore(more, i, s[i]);
	swarm_run(more, 1000000);
	swarm_run(whole, 1000000);
	assert_equal_runs(more, whole);
	assert_int_equal(swarm_count(more, "mean-shift"), 0);
	assert_int_equal(swarm_count(more, "step-size-changed"), 0);
	done(first);
	done(more);
	done(whole);
}

static void fewer_rounds_than_done_are_refused(void **state)
{
	(void)state;
	struct swarm *first = swarm_of("ring:4", 20), *less = swarm_of("ring:4", 9);
	struct sl_error error = { 0 };
	swarm_open(first);
	swarm_open(less);
	swarm_run_to(first, 0, 10);
	struct state s = saved(first, 0);
	uint64_t before = swarm_digest(less, 0);
	assert_int_equal(sl_peer_load(sl_sim_peer(less->sim, 0), s.bytes, s.length, &error), SL_REFUSED);
	assert_string_equal(error.text, "it has done 10 rounds, and the run is to have 9 only");
	assert_true(swarm_digest(less, 0) == before);
	free(s.bytes);
	done(first);
	done(less);
}

/* Capacities follow the interval of checkpoints, and a state brings along what it needs. */
static void checkpoints_may_become_more_or_less_frequent(void **state)
{
	static const uint32_t every[][2] = { { 100, 1 }, { 1, 100 }, { 40, 0 } };
	(void)state;
	for (size_t k = 0; k < sizeof every / sizeof *every; k++) {
		struct swarm *a = swarm_of("ring:4", 60), *b = swarm_of("ring:4", 60),
		             *whole = swarm_of("ring:4", 60);
		struct state s[4];
		uint32_t all[4] = { 33, 33, 33, 33 };
		a->settings.checkpoint_every = every[k][0];
		b->settings.checkpoint_every = every[k][1];
		swarm_open(a);
		states_at(a, all, s);
		uint32_t room = sl_peer_saved_for(s[0].bytes, s[0].length);
		assert_int_equal(room, every[k][0]);
		b->room = room;
		swarm_open(b);
		swarm_open(whole);
		for (uint32_t i = 0; i < 4; i++)
			restore(b, i, s[i]);
		swarm_run(b, 1000000);
		swarm_run(whole, 1000000);
		assert_equal_runs(b, whole);
		assert_int_equal(swarm_count(b, "mean-shift"), 0);
		done(a);
		done(b);
		done(whole);
	}
}

/* Peers that stopped in different rounds: what neighbours hold of the later ones is computed again as it was,
 * and only then do the new step sizes hold. The third start changes them while that is still under way. */
static void step_sizes_change_behind_what_is_known(void **state)
{
	static const double eta[] = { 0.05, 0.01, 0.03 };
	static const uint32_t at[][5] = { { 10, 10, 11, 10, 12 }, { 11, 12, 13, 14, 15 } };
	(void)state;
	struct swarm *w[3];
	struct state s[5];
	for (unsigned k = 0; k < 3; k++) {
		w[k] = swarm_of("ring:5", 40);
		snprintf(w[k]->settings.algorithm, sizeof w[k]->settings.algorithm, "prox-lead");
		w[k]->settings.gamma = 0.25;
		w[k]->settings.eta = eta[k];
		w[k]->unchecked = k > 0;
		swarm_open(w[k]);
		for (uint32_t i = 0; k > 0 && i < 5; i++)
			restore(w[k], i, s[i]);
		if (k < 2)
			states_at(w[k], at[k], s);
	}
	swarm_run(w[2], 1000000);
	for (unsigned k = 1; k < 3; k++) {
		assert_int_equal(swarm_count(w[k], "step-size-changed"), 5);
		assert_int_equal(swarm_count(w[k], "mean-shift"), 0);
		assert_int_equal(swarm_count(w[k], "copy-diverged"), 0);
		assert_int_equal(swarm_count(w[k], "frame-refused"), 0);
	}
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(sl_peer_round(sl_sim_peer(w[2]->sim, i)), 40);
	for (unsigned k = 0; k < 3; k++)
		done(w[k]);
}

/* A free run that becomes a lockstep one cannot compute its rounds again. */
static void another_pace_starts_a_new_epoch(void **state)
{
	(void)state;
	struct swarm *a = swarm_of("ring:4", 30), *b = swarm_of("ring:4", 40);
	struct state s[4];
	uint32_t all[4] = { 30, 30, 30, 30 };
	snprintf(a->settings.pace_text, sizeof a->settings.pace_text, "free");
	swarm_open(a);
	swarm_open(b);
	states_at(a, all, s);
	for (uint32_t i = 0; i < 4; i++)
		restore(b, i, s[i]);
	swarm_run(b, 1000000);
	assert_true(swarm_count(b, "mean-shift") >= 4);
	done(a);
	done(b);
}

/* Peers of one swarm with plans of their own. */
static void give_plan(struct swarm *w, uint32_t peer, struct sl_plan *plan)
{
	struct sl_peer *p = sl_sim_peer(w->sim, peer);
	struct sl_run_settings all = sl_run_settings_of(&plan->settings);
	plan->keys = sl_shared_digests(&all, plan->key_digest);
	p->plan = p->learner.plan = plan;
	p->rounds_most = plan->settings.rounds;
}

static bool says(const struct swarm *w, uint32_t peer, const char *kind, const char *detail)
{
	for (uint32_t i = 0; i < w->events; i++)
		if (w->event[i].peer == peer && strcmp(w->event[i].kind, kind) == 0 &&
		    strstr(w->event[i].detail, detail))
			return true;
	return false;
}

static void an_edge_ends_with_the_lower_number_of_rounds(void **state)
{
	static struct sl_plan plan;
	(void)state;
	struct swarm *w = swarm_of("ring:5", 40);
	swarm_open(w);
	plan = w->plan;
	plan.settings.rounds = 17;
	give_plan(w, 2, &plan);
	swarm_run(w, 1000000);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(sl_peer_round(sl_sim_peer(w->sim, i)), i == 2 ? 17 : 40);
	assert_int_equal(forged_edge(w, 1, 2)->step, 17);
	assert_int_equal(forged_edge(w, 1, 0)->step, 40);
	assert_true(
	    says(w, 1, "settings-differ", "peer 2 has another run.rounds; the edge ends after 17 rounds"));
	assert_true(
	    says(w, 2, "settings-differ", "peer 3 has another run.rounds; the edge ends after 17 rounds"));
	assert_int_equal(swarm_count(w, "frame-refused"), 0);
	assert_int_equal(swarm_count(w, "mean-shift"), 0);
	done(w);
}

/* Both ends name the key, or what else differs; nothing of the other is taken. */
static void another_configuration_is_named(void **state)
{
	static const char *const text[] = {
		"has another configuration: run.seed, algorithm.lambda differ; it is refused",
		"has another model or start: tensor '",
		"has another configuration: all keys match, but the model's shape, the classes or the version",
	};
	static struct sl_plan plan;
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct swarm *w = swarm_of("ring:5", 10);
		w->settings.round_timeout_us = 1000000;
		swarm_open(w);
		plan = w->plan;
		plan.settings.lambda = i == 0 ? 0.5 : plan.settings.lambda;
		plan.settings.seed = i == 0 ? 9 : plan.settings.seed;
		plan.tensors.count = i == 1;
		plan.run++;
		give_plan(w, 2, &plan);
		swarm_run(w, 1000000);
		assert_true(says(w, 1, "frame-refused", text[i]) && says(w, 2, "frame-refused", text[i]));
		assert_int_equal(forged_edge(w, 1, 2)->totals.payload_rx, 0);
		done(w);
	}
}

/* Counts that are not this version's, fewer bytes than they say, no rounds: malformed, as any greeting. */
static void greetings_with_other_keys_are_bounded(void **state)
{
	(void)state;
	struct swarm *w = swarm_of("ring:4", 30);
	swarm_open(w);
	swarm_run_to(w, 1, 5);
	struct sl_edge *e = forged_edge(w, 0, 1);
	struct sl_frame f = forged_frame(w, 1, 0, SL_FRAME_HELLO);
	struct forged_hello h = forged_greeting(w, 1, 0);
	unsigned keys = w->plan.keys;
	uint8_t body[83 + 2 * SL_SHARED_MOST] = { 0 };
	int64_t refused = e->totals.refused;
	body[68] = 30;
	body[81] = (uint8_t)(keys - 1);
	forged_send(w, 1, 0, &f, body, 83 + 2 * (keys - 1));
	body[81] = 255;
	forged_send(w, 1, 0, &f, body, sizeof body);
	body[81] = (uint8_t)keys;
	forged_send(w, 1, 0, &f, body, 83 + 2 * keys - 1);
	body[68] = 0;
	forged_send(w, 1, 0, &f, body, 83 + 2 * keys);
	assert_int_equal(e->totals.refused, refused + 4);
	f.run++;
	forged_send(w, 1, 0, &f, body, 83 + 2 * keys); /* of another run, and malformed too */
	assert_int_equal(e->totals.refused, refused + 5);
	assert_true(e->differs == 0);
	f.run--;
	h.rounds = 31;
	h.other_keys = UINT64_MAX;
	forged_greet(w, 1, 0, &f, &h);
	assert_int_equal(e->totals.refused, refused + 5);
	assert_int_equal(e->their_rounds, 31);
	done(w);
}

/* The names of keys, and the sets of them. */
static void keys_are_counted_in_table_order(void **state)
{
	(void)state;
	static struct sl_run_settings a, b;
	char names[64];
	sl_run_settings_standard(&a);
	b = a;
	assert_int_equal(sl_shared_differ(&a, &b), 0);
	b.method.seed = 2;
	b.method.lambda = 0.5;
	b.method.evaluate = 3;
	sl_shared_names(sl_shared_differ(&a, &b), names, sizeof names);
	assert_string_equal(names, "run.seed, algorithm.lambda, history.evaluate");
	sl_shared_names(sl_shared_differ(&a, &b) & sl_shared_of(SL_SCOPE_LATER), names, sizeof names);
	assert_string_equal(names, "history.evaluate");
	sl_shared_names(UINT64_MAX, names, sizeof names);
	assert_true(strlen(names) < sizeof names && strstr(names, ", …"));
	uint16_t x[SL_SHARED_MOST], y[SL_SHARED_MOST];
	unsigned count = sl_shared_digests(&a, x), differ = 0;
	assert_int_equal(sl_shared_digests(&b, y), count);
	for (unsigned i = 0; i < count; i++)
		differ += x[i] != y[i];
	assert_int_equal(differ, 3);
	assert_int_equal(sl_shared_of(SL_SCOPE_RUN) & sl_shared_of(SL_SCOPE_LATER), 0);
	for (const struct sl_settings_section *s = sl_settings_sections; s->name; s++)
		for (const struct sl_option *o = s->options; o->name; o++)
			assert_int_not_equal(o->scope, SL_SCOPE_NONE);
}

/* Where the same average is computed by all, it must be of the same steps. */
static void a_server_methods_steps_change_at_the_end_only(void **state)
{
	(void)state;
	static struct sl_run_settings now, then;
	struct sl_error error = { 0 };
	const struct sl_algorithm *server = NULL, *gossip = NULL;
	for (const struct sl_algorithm *const *a = sl_algorithms; *a; a++) {
		server = strcmp((*a)->name, "ef21") == 0 ? *a : server;
		gossip = strcmp((*a)->name, "malcom") == 0 ? *a : gossip;
	}
	sl_run_settings_standard(&then);
	then.method.rounds = 100;
	now = then;
	now.method.eta = 0.07;
	assert_int_equal(sl_shared_resume(&now, &then, 50, gossip, &error), SL_OK);
	assert_int_equal(sl_shared_resume(&now, &then, 100, server, &error), SL_OK);
	assert_int_equal(sl_shared_resume(&now, &then, 50, server, &error), SL_REFUSED);
	assert_string_equal(
	    error.text,
	    "[algorithm] eta = 0.07: this run was started with 0.15, and step sizes of a method that averages over all peers can change only when all rounds are done");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(more_rounds_are_as_if_from_the_start),
		cmocka_unit_test(fewer_rounds_than_done_are_refused),
		cmocka_unit_test(checkpoints_may_become_more_or_less_frequent),
		cmocka_unit_test(step_sizes_change_behind_what_is_known),
		cmocka_unit_test(another_pace_starts_a_new_epoch),
		cmocka_unit_test(an_edge_ends_with_the_lower_number_of_rounds),
		cmocka_unit_test(another_configuration_is_named),
		cmocka_unit_test(greetings_with_other_keys_are_bounded),
		cmocka_unit_test(keys_are_counted_in_table_order),
		cmocka_unit_test(a_server_methods_steps_change_at_the_end_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
