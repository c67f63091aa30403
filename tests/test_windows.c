/* Windows of a simulation: what threads share out ends, says and counts as what one thread does, and as what is done event
 * by event. Settings and faults are those of the swarm. */
#include "base/random.h"
#include "daemon/run/threads.h"
#include "linalg/vector.h"
#include "sim/swarm.h"
#include "tests/support/swarm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

enum { RUNS = 20, RATED_LEAST = 5, WINDOWS_MOST = 300000, PEERS_MOST = 64 };

/* All that a run leaves. `rows`: of the history, in their order. */
struct result {
	uint64_t digest[PEERS_MOST], rows;
	struct sl_sim_totals totals;
	char trouble[256];
};

/* ---- rows as a number that depends on all of them and on their order ---- */

static void add(uint64_t *sum, uint64_t value)
{
	*sum = sl_mix64(*sum ^ value);
}

static void add_real(uint64_t *sum, double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof bits);
	add(sum, bits);
}

static void on_round(void *context, const struct sl_round_row *r)
{
	uint64_t *sum = context;
	const int64_t count[] = {
		r->at_us, r->nonzero, r->payload_tx, r->payload_rx, r->wire_tx, r->wire_rx
	};
	const double real[] = { r->train_loss, r->test_loss, r->test_accuracy, r->disagreement, r->penalty };
	add(sum, (uint64_t)r->peer << 32 | r->round);
	for (unsigned i = 0; i < sizeof count / sizeof *count; i++)
		add(sum, (uint64_t)count[i]);
	for (unsigned i = 0; i < sizeof real / sizeof *real; i++)
		add_real(sum, real[i]);
}

static void on_link(void *context, const struct sl_link_row *r)
{
	uint64_t *sum = context;
	const int64_t count[] = { r->neighbour, r->round,     r->payload_tx, r->payload_rx,
		                  r->frames_tx, r->frames_rx, r->resent,     r->repeated,
		                  r->refused,   r->snapshots, r->rtt_us };
	add(sum, r->peer);
	for (unsigned i = 0; i < sizeof count / sizeof *count; i++)
		add(sum, (uint64_t)count[i]);
}

static void on_sketch(void *context, const struct sl_sketch_row *r)
{
	uint64_t *sum = context;
	add(sum, (uint64_t)r->peer << 32 | r->round);
	for (uint32_t i = 0; i < r->count; i++)
		add_real(sum, (double)r->value[i]);
}

static void on_event(void *context, const struct sl_event_row *r)
{
	uint64_t *sum = context;
	add(sum, (uint64_t)r->peer << 32 | r->round);
	add(sum, (uint64_t)r->at_us);
	for (const char *c = r->kind; *c; c++)
		add(sum, (uint64_t)*c);
	for (const char *c = r->detail; *c; c++)
		add(sum, (uint64_t)*c);
}

static void on_exact(void *context, uint32_t round, double error)
{
	uint64_t *sum = context;
	add(sum, round);
	add_real(sum, error);
}

/* ---- runs ---- */

static void take_result(struct sl_sim *sim, uint32_t peers, uint32_t dimension, struct result *out)
{
	for (uint32_t i = 0; i < peers; i++)
		out->digest[i] = sl_vector_digest(dimension, 0, sl_peer_model(sl_sim_peer(sim, i)));
	sl_sim_totals(sim, &out->totals);
	if (sl_sim_trouble(sim))
		snprintf(out->trouble, sizeof out->trouble, "%s", sl_sim_trouble(sim));
}

static void run_to_the_end(struct sl_sim *sim, uint32_t peers, struct sl_faults *faults, bool steps,
                           struct result *out)
{
	for (uint32_t n = 0; out->totals.halted < peers && !sl_sim_trouble(sim); n++) {
		bool more = steps ? sl_sim_step(sim) : sl_sim_window(sim, SL_TIME_NEVER);
		if (faults)
			sl_faults_step(faults, sim);
		sl_sim_totals(sim, &out->totals);
		bool skipped = more || (faults && sl_faults_skip(faults, sim));
		if (n > WINDOWS_MOST || !skipped)
			fail_msg("the run does not end");
	}
}

static void look_on(void *context, const struct sl_sim_step *step)
{
	(void)context;
	(void)step;
}

/* A seed of the swarm on so many threads; 0: on one, in the order of events, as somebody looks on. */
static void run_seed(const struct sl_swarm *w, uint32_t count, struct result *out,
                     uint64_t happened[static SL_FAULT_COUNT])
{
	struct sl_error error = { 0 };
	struct sl_faults faults;
	struct sl_threads *threads = sl_threads_start(count ? count : 1, &error);
	assert_non_null(threads);
	memset(out, 0, sizeof *out);
	sl_faults_draw(&faults, w->seed, &w->topology, w->part, w->settings.rounds, w->allowed);
	struct sl_sim_setup setup = {
		.plan = &w->plan,
		.topology = &w->topology,
		.shards = w->shard,
		.network = w->network,
		.check = w->kind == SL_SWARM_EXACT ? SL_SIM_CHECK_EXACT : SL_SIM_CHECK_COPIES,
		.rows = { &out->rows, on_round, on_link, on_sketch, on_event, NULL, on_exact },
		.roster = sl_faults_first_roster(&faults, w->allowed),
		.threads = sl_threads_of(threads),
	};
	faults.run = w->plan.run;
	faults.calm = w->network;
	struct sl_sim *sim = sl_sim_open(&setup, &error);
	assert_non_null(sim);
	if (count == 0)
		sl_sim_watch(sim, &(struct sl_sim_watch){ .before = look_on });
	run_to_the_end(sim, w->topology.peers, &faults, false, out);
	take_result(sim, w->topology.peers, w->plan.dimension, out);
	for (unsigned k = 0; k < SL_FAULT_COUNT; k++)
		happened[k] += faults.happened[k];
	sl_sim_close(sim);
	sl_faults_free(&faults);
	sl_threads_stop(threads);
}

static void assert_same(const struct result *a, const struct result *b, uint32_t peers, uint64_t seed)
{
	if (strcmp(a->trouble, b->trouble) != 0)
		fail_msg("seed %llu: trouble %s | %s", (unsigned long long)seed, a->trouble, b->trouble);
	for (uint32_t i = 0; i < peers; i++)
		if (a->digest[i] != b->digest[i])
			fail_msg("seed %llu: peer %u has another model", (unsigned long long)seed, i);
	assert_memory_equal(&a->totals, &b->totals, sizeof a->totals);
	assert_int_equal(a->rows, b->rows);
}

static bool is_shared_out(const struct sl_swarm *w)
{
	return !w->network.bottleneck && w->kind != SL_SWARM_HOSTILE;
}

static void threads_change_nothing_whatever_happens(void **state)
{
	(void)state;
	uint64_t happened[SL_FAULT_COUNT] = { 0 };
	uint32_t runs = 0, rated = 0, kinds = 0;
	for (uint64_t seed = 1; runs < RUNS; seed++) {
		struct sl_swarm w;
		struct sl_error error = { 0 };
		struct result seen, one, two, three;
		assert_int_equal(sl_swarm_draw(&w, seed, &error), SL_OK);
		if (is_shared_out(&w)) {
			runs++;
			rated += w.network.rate > 0;
			run_seed(&w, 0, &seen, happened);
			run_seed(&w, 1, &one, happened);
			run_seed(&w, 2, &two, happened);
			run_seed(&w, 3, &three, happened);
			assert_string_equal(one.trouble, "");
			assert_true(one.totals.events > 100);
			assert_same(&one, &seen, w.topology.peers, seed);
			assert_same(&one, &two, w.topology.peers, seed);
			assert_same(&one, &three, w.topology.peers, seed);
		}
		sl_swarm_free(&w);
	}
	for (unsigned k = 0; k < SL_FAULT_COUNT; k++)
		kinds += happened[k] > 0;
	assert_int_equal(kinds, SL_FAULT_COUNT);
	assert_true(rated >= RATED_LEAST);
}

static void run_torus(uint32_t count, bool steps, struct result *out)
{
	struct swarm w;
	struct sl_error error = { 0 };
	struct sl_threads *threads = sl_threads_start(count, &error);
	assert_non_null(threads);
	swarm_standard(&w);
	snprintf(w.topology_spec, sizeof w.topology_spec, "torus:8x8");
	w.settings.rounds = 12;
	w.settings.evaluate = 3;
	w.network.loss = w.network.duplicate = w.network.reorder = 0.03;
	swarm_open(&w);
	sl_sim_close(w.sim);
	memset(out, 0, sizeof *out);
	struct sl_sim_setup setup = {
		.plan = &w.plan,
		.topology = &w.topology,
		.shards = w.shard,
		.network = w.network,
		.check = SL_SIM_CHECK_COPIES,
		.rows = { &out->rows, on_round, on_link, on_sketch, on_event, NULL, on_exact },
		.threads = sl_threads_of(threads),
	};
	w.sim = sl_sim_open(&setup, &error);
	assert_non_null(w.sim);
	run_to_the_end(w.sim, w.topology.peers, NULL, steps, out);
	take_result(w.sim, w.topology.peers, w.plan.dimension, out);
	swarm_close(&w);
	sl_threads_stop(threads);
}

static void windows_change_nothing_but_the_order_of_rows(void **state)
{
	(void)state;
	struct result stepped, one, four;
	run_torus(1, true, &stepped);
	run_torus(1, false, &one);
	run_torus(4, false, &four);
	assert_string_equal(one.trouble, "");
	assert_true(one.totals.lost > 0 && one.totals.repeated > 0);
	assert_same(&one, &four, 64, 0);
	stepped.rows = one.rows;
	assert_same(&one, &stepped, 64, 0);
}

/* Nothing at the end of a window or after it happens in it. */
static void a_window_ends_where_it_is_told_to(void **state)
{
	(void)state;
	struct swarm w;
	swarm_standard(&w);
	swarm_open(&w);
	for (int64_t until = 0; until < 20000; until += 37) {
		while (sl_sim_window(w.sim, (struct sl_time){ until }))
			assert_true(sl_sim_now(w.sim).us < until);
	}
	uint64_t before = sl_peer_round(sl_sim_peer(w.sim, 0));
	assert_true(before > 3);
	while (sl_sim_window(w.sim, SL_TIME_NEVER))
		;
	assert_null(sl_sim_trouble(w.sim));
	assert_int_equal(sl_peer_round(sl_sim_peer(w.sim, 0)), 40);
	swarm_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_change_nothing_whatever_happens),
		cmocka_unit_test(windows_change_nothing_but_the_order_of_rows),
		cmocka_unit_test(a_window_ends_where_it_is_told_to),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
