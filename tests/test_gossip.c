/* The peer, through the simulator: learning, exactness under every fault of the network, crashes, lies. */
#include "support/most.h"
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

static void digests(struct swarm *w, uint64_t *out)
{
	for (uint32_t i = 0; i < w->topology.peers; i++)
		out[i] = swarm_digest(w, i);
}

/* The models of an undisturbed run with the standard settings, after `change`. */
static void undisturbed(void (*change)(struct swarm *), uint64_t *out)
{
	struct swarm *w = calloc(1, sizeof *w);
	assert_non_null(w);
	swarm_standard(w);
	if (change)
		change(w);
	swarm_open(w);
	swarm_run(w, 1000000);
	digests(w, out);
	swarm_close(w);
	free(w);
}

/* Two connections for each edge whose ends both run: 567 bytes of the end that connects, 301 of the other. */
static void connections_have_handshakes(void **state)
{
	(void)state;
	struct swarm *w = calloc(1, sizeof *w);
	struct sl_sim_totals totals;
	const uint64_t edge = 2 * (567 + 301);
	assert_non_null(w);
	swarm_standard(w);
	snprintf(w->topology_spec, sizeof w->topology_spec, "star:5");
	swarm_open(w);
	sl_sim_totals(w->sim, &totals);
	assert_int_equal(totals.wire_bytes, 4 * edge);
	sl_sim_kill(w->sim, 0);
	sl_sim_kill(w->sim, 4);
	sl_sim_revive(w->sim, 4, SL_SIM_DISK_LOST); /* its only neighbour is down */
	sl_sim_totals(w->sim, &totals);
	assert_int_equal(totals.wire_bytes, 4 * edge);
	sl_sim_revive(w->sim, 0, SL_SIM_DISK_LOST);
	sl_sim_totals(w->sim, &totals);
	assert_int_equal(totals.wire_bytes, 8 * edge);
	swarm_close(w);
	free(w);
}

static void learns(void **state)
{
	(void)state;
	struct swarm *w = calloc(1, sizeof *w);
	swarm_standard(w);
	w->settings.rounds = 200;
	swarm_open(w);
	swarm_run(w, 1000000);
	for (uint32_t i = 0; i < 8; i++) {
		assert_true(w->last_accuracy[i] > 0.85);
		for (uint32_t k = 0; k < 2; k++)
			assert_int_equal(sl_sim_peer(w->sim, i)->edge[k].step,
			                 200); /* in lockstep m = round */
	}
	assert_int_equal(w->rows, 8 * 200);
	assert_int_equal(w->exact_rows, 20);
	assert_true(w->last_exact >= 0 && w->last_exact < 1);
	swarm_close(w);
	free(w);
}

/* (1/n) Σ‖x_i − x̄‖² of the models as they are, in two passes. */
static double consensus_error(const struct swarm *w)
{
	uint32_t peers = w->topology.peers;
	double sum = 0;
	for (uint32_t k = 0; k < w->plan.dimension; k++) {
		double mean = 0;
		for (uint32_t i = 0; i < peers; i++)
			mean += (double)sl_peer_model(sl_sim_peer(w->sim, i))[k] / peers;
		for (uint32_t i = 0; i < peers; i++) {
			double off = (double)sl_peer_model(sl_sim_peer(w->sim, i))[k] - mean;
			sum += off * off / peers;
		}
	}
	return sum;
}

/* Of models that agree up to rounding, as of others: no difference of large squares is left. Of 72 peers some share a part. */
static void the_consensus_error_is_that_of_the_models(void **state)
{
	(void)state;
	static const char *const graphs[] = { "ring:8", "torus:9x8" };
	for (int g = 0; g < 2; g++)
		for (uint32_t rounds = 20; rounds <= (g ? 20 : 400); rounds += 380) {
			struct swarm *w = calloc(1, sizeof *w);
			assert_non_null(w);
			swarm_standard(w);
			snprintf(w->topology_spec, sizeof w->topology_spec, "%s", graphs[g]);
			snprintf(w->settings.algorithm, sizeof w->settings.algorithm, "dpsgd");
			snprintf(w->settings.pipeline, sizeof w->settings.pipeline, "all | float32 | raw");
			w->settings.rounds = rounds;
			swarm_open_probed(w);
			swarm_run(w, 10000000);
			double error = consensus_error(w);
			assert_true(error > 0 && (error < 1e-10) == (rounds == 400));
			assert_true(fabs(w->last_exact - error) < 1e-6 * error);
			swarm_close(w);
			free(w);
		}
}

/* A row has lambda times the sum of its own weights' magnitudes, biases left out; 0 where the method has no penalty. */
static void the_penalty_is_a_row(void **state)
{
	(void)state;
	static const char *const algorithms[] = { "malcom", "choco" };
	for (int a = 0; a < 2; a++) {
		struct swarm *w = calloc(1, sizeof *w);
		swarm_standard(w);
		snprintf(w->settings.algorithm, sizeof w->settings.algorithm, "%s", algorithms[a]);
		w->settings.lambda = 0.01;
		swarm_open(w);
		swarm_run(w, 1000000);
		const struct sl_layout *layout = &w->plan.model.layout;
		for (uint32_t i = 0; i < 8; i++) {
			const float *x = sl_peer_model(sl_sim_peer(w->sim, i));
			double sum = 0;
			for (uint32_t t = 0; t < layout->tensors; t++)
				for (uint32_t k = 0; k < layout->own[t].rows * layout->own[t].columns; k++)
					sum += layout->own[t].bias
					           ? 0
					           : fabs((double)x[layout->own[t].offset + k]);
			assert_true(fabs(w->last_penalty[i] - (a == 0 ? 0.01 * sum : 0)) < 1e-12 && sum > 0);
		}
		swarm_close(w);
		free(w);
	}
}

static void repeats(void **state)
{
	(void)state;
	uint64_t a[8], b[8];
	undisturbed(NULL, a);
	undisturbed(NULL, b);
	assert_memory_equal(a, b, sizeof a);
}

static void other_seed(struct swarm *w)
{
	w->settings.seed = 2;
}

static void seed_matters(void **state)
{
	(void)state;
	uint64_t a[8], b[8];
	undisturbed(NULL, a);
	undisturbed(other_seed, b);
	for (int i = 0; i < 8; i++)
		assert_true(a[i] != b[i]);
}

static void bad_network(struct swarm *w)
{
	w->network.loss = 0.1;
	w->network.duplicate = 0.1;
	w->network.reorder = 0.1;
}

/* Lockstep without timeouts is a function of the seed: no fault of the network may change a bit. */
static void network_faults_change_nothing(void **state)
{
	(void)state;
	uint64_t a[8], b[8];
	undisturbed(NULL, a);
	undisturbed(bad_network, b);
	assert_memory_equal(a, b, sizeof a);
}

static void mean_stays(const char *pace, bool faults, int64_t timeout)
{
	struct swarm *w = calloc(1, sizeof *w);
	swarm_standard(w);
	snprintf(w->settings.pace_text, sizeof w->settings.pace_text, "%s", pace);
	w->settings.round_timeout_us = timeout;
	w->settings.rounds = strcmp(pace, "lockstep") == 0 ? 150 : 2000;
	w->settings.gamma = 0.2;
	w->settings.catch_up = 1000000;
	if (strcmp(pace, "lockstep") != 0)
		w->network.compute_us =
		    20000; /* a lost frame is asked for after 100 ms: some rounds, not hundreds */
	if (faults)
		bad_network(w);
	swarm_open_probed(w);
	double start = sl_sim_mean_probe(w->sim), most = 0;
	uint64_t events = 0;
	bool cut = false;
	while (sl_sim_step(w->sim) && events++ < 400000) {
		double moved = fabs(sl_sim_mean_probe(w->sim) - start);
		most = most_of(most, moved);
		if (faults && timeout != INT64_MAX && events == 2000) {
			sl_sim_cut(w->sim, 1, 2, true);
			sl_sim_cut(w->sim, 5, 4, true);
			cut = true;
		}
		if (cut && events == 6000) {
			sl_sim_cut(w->sim, 1, 2, false);
			sl_sim_cut(w->sim, 5, 4, false);
		}
	}
	swarm_run(w, 1000);
	/* 8 peers × 52 coordinates × 1e-5·max|x| ≈ 1e-2 in the worst case; measured below 1e-4 */
	if (!(most <= 1e-3) || events == 0)
		fail_msg("pace %s: the mean moved by %g", pace, most);
	double spread = 0; /* consensus closed: the models met at their common mean */
	for (uint32_t k = 0; k < w->plan.dimension; k++)
		for (uint32_t i = 1; i < 8; i++) {
			double gap = (double)(sl_sim_peer(w->sim, i)->learner.x[k] -
			                      sl_sim_peer(w->sim, 0)->learner.x[k]);
			spread = most_of(spread, fabs(gap));
		}
	if (!(spread < 0.5))
		fail_msg("pace %s: models still %g apart", pace, spread);
	swarm_close(w);
	free(w);
}

static void mean_stays_in_every_pace(void **state)
{
	(void)state;
	mean_stays("lockstep", false, INT64_MAX);
	mean_stays("lockstep", true, INT64_MAX);
	mean_stays("lockstep", true, 200000);
	mean_stays("staleness:3", true, 200000);
	mean_stays("free", true, 200000);
}

static void with_checkpoints(struct swarm *w)
{
	w->settings.checkpoint_every = 5;
}

/* kill -9 of a peer, or of all, then restart from the newest checkpoint: not a bit changes. */
static void crashes_with_checkpoints_change_nothing(void **state)
{
	(void)state;
	uint64_t a[8], b[8];
	undisturbed(NULL, a);
	undisturbed(with_checkpoints, b);
	assert_memory_equal(a, b, sizeof a);
	for (uint32_t round = 1; round < 40; round += 6) {
		struct swarm *w = calloc(1, sizeof *w);
		swarm_standard(w);
		with_checkpoints(w);
		if (round % 2)
			bad_network(w);
		swarm_open(w);
		swarm_run_to(w, 3, round);
		uint32_t last = round % 12 == 1 ? 8 : 4;
		for (uint32_t i = 3; i < last; i++)
			sl_sim_kill(w->sim, i);
		for (int n = 0; n < 50; n++)
			sl_sim_step(w->sim);
		for (uint32_t i = 3; i < last; i++)
			sl_sim_revive(w->sim, i, true);
		swarm_run(w, 1000000);
		digests(w, b);
		assert_memory_equal(a, b, sizeof a);
		swarm_close(w);
		free(w);
	}
}

/* The second that dies with peer 5 may be its neighbour: then one word alone is left for each, which is not believed. Nor
 * is it where frames are slower than rounds, and only one neighbour holds something yet. */
static void recovers_from_neighbours(const char *pace, bool faults, uint32_t second, uint32_t least)
{
	struct swarm *w = calloc(1, sizeof *w);
	swarm_standard(w);
	snprintf(w->settings.pace_text, sizeof w->settings.pace_text, "%s", pace);
	w->settings.rounds = 120;
	if (faults)
		bad_network(w);
	swarm_open(w);
	swarm_run_to(w, 3, 20);
	sl_sim_kill(w->sim, 3);
	for (int n = 0; n < 200; n++)
		sl_sim_step(w->sim);
	sl_sim_revive(w->sim, 3, false);
	swarm_run_to(w, 5, 60);
	sl_sim_kill(w->sim, 5);
	sl_sim_kill(w->sim, second);
	sl_sim_revive(w->sim, 5, false);
	sl_sim_revive(w->sim, second, false);
	swarm_run(w, 2000000);
	assert_true(swarm_count(w, "recovered-from-neighbours") >= least);
	for (uint32_t i = 0; i < 8; i++)
		assert_true(w->last_accuracy[i] > 0.75);
	swarm_close(w);
	free(w);
}

static void a_lost_disk_is_survived(void **state)
{
	(void)state;
	recovers_from_neighbours("lockstep", false, 7, 3);
	recovers_from_neighbours("lockstep", false, 6, 1);
	recovers_from_neighbours("lockstep", true, 7, 3);
	recovers_from_neighbours("staleness:2", true, 7, 3);
	recovers_from_neighbours("free", true, 7, 0);
}

static uint32_t count_about(const struct swarm *w, const char *kind, const char *whom)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < w->events; i++)
		count += strcmp(w->event[i].kind, kind) == 0 &&
		         strncmp(w->event[i].detail, whom, strlen(whom)) == 0;
	return count;
}

/* A dead neighbour costs one round_timeout, once; the others finish, and it does when it is back. */
static void the_dead_are_not_awaited(void **state)
{
	(void)state;
	struct swarm *w = calloc(1, sizeof *w);
	swarm_standard(w);
	w->settings.round_timeout_us = 500000;
	w->settings.rounds = 60;
	swarm_open(w);
	swarm_run_to(w, 3, 20);
	sl_sim_kill(w->sim, 3);
	swarm_run_to(w, 2, 40);
	assert_int_equal(count_about(w, "edge-late", "peer 3 "),
	                 2); /* those that wait for the waiting may be late too */
	sl_sim_revive(w->sim, 3, false);
	swarm_run(w, 1000000);
	assert_int_equal(count_about(w, "edge-late", "peer 3 "),
	                 2); /* those that wait for the waiting may be late too */
	assert_int_equal(count_about(w, "edge-back", "peer 3 "), 2);
	swarm_close(w);
	free(w);
}

/* Who hears nobody does not run through its rounds alone: it waits for the first one that is heard, and goes on slowly. */
static void who_hears_nobody_waits(void **state)
{
	(void)state;
	static const char *const pace[] = { "lockstep", "staleness:2" };
	for (size_t i = 0; i < sizeof pace / sizeof *pace; i++) {
		struct swarm *w = calloc(1, sizeof *w);
		swarm_standard(w);
		strcpy(w->topology_spec, "path:2");
		strcpy(w->settings.pace_text, pace[i]);
		w->settings.round_timeout_us = 500000;
		w->settings.rounds = 300;
		swarm_open(w);
		swarm_run_to(w, 0, 20);
		sl_sim_cut(w->sim, 0, 1, true);
		sl_sim_cut(w->sim, 1, 0, true);
		struct sl_time until = sl_time_after(sl_sim_now(w->sim), INT64_C(100000000));
		while (sl_time_before(sl_sim_now(w->sim), until))
			if (!sl_sim_step(w->sim))
				fail_msg("pace %s: %s", pace[i],
				         sl_sim_trouble(w->sim) ? sl_sim_trouble(w->sim)
				                                : "no event is pending");
		for (uint32_t k = 0; k < 2; k++) /* 1, 2, 4, then 8 s each */
			assert_in_range(sl_peer_round(sl_sim_peer(w->sim, k)), 20 + 10, 20 + 20);
		assert_int_equal(swarm_count(w, "alone"), 2);
		sl_sim_cut(w->sim, 0, 1, false);
		sl_sim_cut(w->sim, 1, 0, false);
		int64_t back = sl_sim_now(w->sim).us;
		swarm_run(w, 1000000);
		assert_true(sl_sim_now(w->sim).us < back + 20000000);
		swarm_close(w);
		free(w);
	}
}

/* Bytes from a neighbour that are no frame, or lie, change nothing. */
static void garbage_changes_nothing(void **state)
{
	(void)state;
	uint64_t a[8], b[8];
	undisturbed(NULL, a);
	struct swarm *w = calloc(1, sizeof *w);
	swarm_standard(w);
	swarm_open(w);
	struct sl_random g = sl_random_stream(5, 0, "garbage", 0);
	swarm_run_to(w, 0, 5);
	for (int n = 0; n < 3000; n++) {
		uint8_t bytes[400];
		uint32_t length = sl_random_below(&g, sizeof bytes), from = sl_random_below(&g, 8);
		for (uint32_t k = 0; k < length; k++)
			bytes[k] = (uint8_t)sl_random_u64(&g);
		if (n % 2 && length >= SL_FRAME_HEADER) { /* a true header of this run in front of nonsense */
			struct sl_frame f = { .kind = (uint8_t)sl_random_below(&g, SL_FRAME_KINDS),
				              .channels = 1,
				              .incarnation16 = sl_sim_incarnation16(w->sim, from),
				              .epoch = sl_random_below(&g, 2),
				              .version = sl_random_below(&g, 60),
				              .round = 0,
				              .durable = UINT32_MAX,
				              .run = 77 };
			if (f.kind == SL_FRAME_DIFFERENCE) {
				f.step = 1 + sl_random_below(&g, 60);
				f.tag = n % 4 == 1;
			}
			uint32_t body = length - SL_FRAME_HEADER;
			uint8_t header[SL_FRAME_HEADER];
			size_t written = sl_sim_header(w->sim, from, (from + 1) % 8, &f, body, header);
			memcpy(bytes, header, written);
			length = (uint32_t)written + body;
		}
		sl_sim_inject(w->sim, from, (from + 1) % 8, bytes, length);
		for (int k = 0; k < 1; k++)
			sl_sim_step(w->sim);
	}
	swarm_run(w, 1000000);
	digests(w, b);
	assert_memory_equal(a, b, sizeof a);
	assert_true(swarm_count(w, "frame-refused") > 0);
	swarm_close(w);
	free(w);
}

/* A checkpoint is taken over whole or not at all: every truncation and every flipped header byte is refused.
 */
static void damaged_checkpoints_are_refused(void **state)
{
	(void)state;
	struct swarm *w = calloc(1, sizeof *w);
	swarm_standard(w);
	swarm_open(w);
	swarm_run_to(w, 2, 7);
	const struct sl_peer *p = sl_sim_peer(w->sim, 2);
	size_t length = sl_peer_save(p, NULL, NULL), size;
	uint8_t *bytes = malloc(length), *again = malloc(length);
	assert_int_equal(sl_peer_save(p, bytes, NULL), length);
	sl_sim_kill(w->sim, 4);
	sl_sim_kill(w->sim, 2);
	sl_sim_revive(w->sim, 2, false);
	struct sl_peer *fresh = sl_sim_peer(w->sim, 2);
	uint64_t before = swarm_digest(w, 2);
	for (size_t n = 0; n < length; n++)
		assert_int_not_equal(sl_peer_load(fresh, bytes, n, NULL), SL_OK);
	for (size_t n = 0; n < 48; n++) {
		bytes[n] ^= 0x10;
		assert_int_not_equal(sl_peer_load(fresh, bytes, length, NULL), SL_OK);
		bytes[n] ^= 0x10;
	}
	assert_int_equal(swarm_digest(w, 2), before);
	assert_int_equal(sl_peer_load(fresh, bytes, length, NULL), SL_OK);
	size = sl_peer_save(fresh, again, NULL);
	assert_int_equal(size, length);
	free(bytes);
	free(again);
	swarm_close(w);
	free(w);
}

static void torus(struct swarm *w)
{
	snprintf(w->topology_spec, sizeof w->topology_spec, "torus:3x3");
	w->settings.rounds = 60;
}

static void other_graphs_and_algorithms(void **state)
{
	(void)state;
	static const char *const algorithms[] = { "malcom", "choco", "dpsgd" };
	for (int a = 0; a < 3; a++) {
		struct swarm *w = calloc(1, sizeof *w);
		swarm_standard(w);
		torus(w);
		snprintf(w->settings.algorithm, sizeof w->settings.algorithm, "%s", algorithms[a]);
		snprintf(w->settings.model, sizeof w->settings.model, a == 1 ? "mlp:10" : "softmax");
		swarm_open(w);
		swarm_run(w, 1000000);
		for (uint32_t i = 0; i < 9; i++)
			assert_true(w->last_accuracy[i] > 0.8);
		swarm_close(w);
		free(w);
	}
}

static void within(const struct sl_peer *p, size_t busy, const void *vector, size_t bytes)
{
	const uint8_t *base = (const uint8_t *)p, *at = vector;
	assert_true(at > base && at + bytes <= base + busy);
}

/* The vectors of every round are in front of what is reserved, which would fill huge pages to no end. */
static void busy_vectors_stand_in_front(void **state)
{
	(void)state;
	struct swarm *w = calloc(1, sizeof *w);
	swarm_standard(w);
	snprintf(w->settings.algorithm, sizeof w->settings.algorithm, "beer");
	swarm_open(w);
	for (uint32_t i = 0; i < 8; i++) {
		const struct sl_peer *p = sl_sim_peer(w->sim, i);
		const struct sl_plan *plan = p->plan;
		struct sl_peer_setup setup = {
			.plan = plan, .degree = p->degree, .data = p->learner.data, .capacity = p->capacity
		};
		size_t busy = sl_peer_busy(&setup), vector = plan->dimension * sizeof(float);
		within(p, busy, p->learner.x, vector);
		for (unsigned v = 0; v < plan->algorithm->vectors; v++)
			within(p, busy, p->learner.vector[v], vector);
		within(p, busy, p->copy_state, plan->copy_bytes);
		for (uint32_t e = 0; e < p->degree; e++)
			within(p, busy, p->edge[e].theirs, plan->copy_bytes);
		assert_true(busy < sl_peer_size(&setup) && p->journal.bytes >= (const uint8_t *)p + busy);
	}
	swarm_close(w);
	free(w);
}

/* What a peer without neighbours asks for, step by step. */
struct jobs {
	bool out;
	enum sl_job_kind kind;
	unsigned asked[SL_JOB_KINDS];
};

static void on_action(void *context, const struct sl_action *a)
{
	struct jobs *j = context;
	if (a->kind != SL_ACTION_JOB)
		return;
	j->out = true;
	j->kind = a->job;
	j->asked[a->job]++;
}

/* The kind is in the action: a driver need not read the phase, which is text for people. */
static void a_job_says_what_it_is(void **state)
{
	(void)state;
	struct swarm *w = calloc(1, sizeof *w);
	swarm_standard(w);
	w->settings.rounds = 6;
	w->settings.evaluate = 3;
	swarm_open(w);
	struct sl_peer_setup setup = { .plan = &w->plan, .data = &w->shard[0] };
	struct sl_arena arena = { .capacity = sl_peer_size(&setup) + (1 << 24) };
	void *block = arena.base = calloc(1, arena.capacity);
	assert_non_null(block);
	struct sl_peer *p = sl_peer_make(&setup, &arena);
	struct sl_scratch scratch = { 0 };
	sl_scratch_make(&scratch, &w->plan, &arena);
	struct jobs jobs = { 0 };
	struct sl_event event = { .kind = SL_EVENT_START };
	sl_peer_step(p, &event, &scratch, on_action, &jobs);
	while (jobs.out) {
		struct sl_peer_status status;
		sl_peer_status(p, &status);
		assert_string_equal(status.phase,
		                    jobs.kind == SL_JOB_EVALUATION ? "evaluating" : "computing");
		jobs.out = false;
		sl_peer_run_job(p, &scratch);
		event = (struct sl_event){ .kind = SL_EVENT_JOB_DONE, .now = { event.now.us + 1000 } };
		sl_peer_step(p, &event, &scratch, on_action, &jobs);
	}
	assert_int_equal(sl_peer_round(p), 6);
	assert_int_equal(jobs.asked[SL_JOB_STEPS], 6);
	assert_int_equal(jobs.asked[SL_JOB_EVALUATION], 2);
	free(block);
	swarm_close(w);
	free(w);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(learns),
		cmocka_unit_test(connections_have_handshakes),
		cmocka_unit_test(the_consensus_error_is_that_of_the_models),
		cmocka_unit_test(the_penalty_is_a_row),
		cmocka_unit_test(repeats),
		cmocka_unit_test(seed_matters),
		cmocka_unit_test(network_faults_change_nothing),
		cmocka_unit_test(mean_stays_in_every_pace),
		cmocka_unit_test(crashes_with_checkpoints_change_nothing),
		cmocka_unit_test(a_lost_disk_is_survived),
		cmocka_unit_test(the_dead_are_not_awaited),
		cmocka_unit_test(who_hears_nobody_waits),
		cmocka_unit_test(garbage_changes_nothing),
		cmocka_unit_test(damaged_checkpoints_are_refused),
		cmocka_unit_test(other_graphs_and_algorithms),
		cmocka_unit_test(busy_vectors_stand_in_front),
		cmocka_unit_test(a_job_says_what_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
