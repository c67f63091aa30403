/* What a neighbour with a good key can do to a peer: nothing that lasts, and nothing to the peer's other
 * edges. */
#include "support/forged.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIAR = 3, VICTIM = 4 };

static struct swarm *made(void)
{
	struct swarm *w = calloc(1, sizeof *w);
	assert_non_null(w);
	swarm_standard(w);
	return w;
}

static void done(struct swarm *w)
{
	swarm_close(w);
	free(w);
}

static void garbage(struct swarm *w, unsigned count)
{
	static const uint8_t noise[60] = { 1, 2, 3 };
	for (; count > 0; count--) {
		sl_sim_inject(w->sim, LIAR, VICTIM, noise, sizeof noise);
		sl_sim_step(w->sim);
	}
}

static uint32_t count_at(const struct swarm *w, uint32_t peer, const char *kind)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < w->events; i++)
		count += w->event[i].peer == peer && strcmp(w->event[i].kind, kind) == 0;
	return count;
}

/* So many are put up with; one more, and the edge is closed, for twice as long each time; then it heals, and
 * an exact run ends as if nothing had been. */
static void refusals_lead_to_quarantine(void **state)
{
	(void)state;
	uint64_t calm[8];
	struct swarm *w = made();
	swarm_open(w);
	swarm_run(w, 1000000);
	for (uint32_t i = 0; i < 8; i++)
		calm[i] = swarm_digest(w, i);
	done(w);

	w = made();
	w->settings.limit_refusals = 10;
	swarm_open(w);
	swarm_run_to(w, VICTIM, 5);
	struct sl_edge *e = forged_edge(w, VICTIM, LIAR);
	garbage(w, 10);
	assert_false(e->guard.closed);
	int64_t length = w->settings.quarantine_us;
	for (unsigned n = 0; n < 4; n++, length *= 2) {
		garbage(w, 11);
		assert_true(e->guard.closed);
		assert_int_equal(e->guard.length_us, length);
		struct sl_peer_edge_status status;
		sl_peer_edge_status(sl_sim_peer(w->sim, VICTIM), 0, &status);
		assert_true(status.quarantined);
		assert_string_equal(status.cause, sl_offence_name(SL_OFFENCE_SHAPE));
		int64_t refused = e->totals.refused;
		garbage(w, 100);
		assert_int_equal(e->totals.refused, refused); /* not even counted */
		while (e->guard.closed)
			assert_true(sl_sim_step(w->sim));
	}
	assert_int_equal(count_at(w, VICTIM, "quarantine"), 4);
	assert_int_equal(count_at(w, VICTIM, "quarantine-over"), 4);
	assert_true(count_at(w, VICTIM, "frame-refused") <= 8); /* one line a burst */
	swarm_run(w, 1000000);
	assert_int_equal(swarm_count(w, "quarantine"), 4);
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(swarm_digest(w, i), calm[i]);
	done(w);
}

/* Where rounds do not wait for ever they do not wait for who is in quarantine. */
static void nobody_waits_for_quarantine(void **state)
{
	(void)state;
	struct swarm *w = made();
	w->settings.round_timeout_us = 30000000;
	w->settings.limit_refusals = 10;
	w->settings.quarantine_us = 3600000000;
	swarm_open(w);
	swarm_run_to(w, VICTIM, 5);
	garbage(w, 11);
	swarm_run_to(w, VICTIM, 40);
	assert_true(forged_edge(w, VICTIM, LIAR)->late);
	assert_int_equal(forged_edge(w, VICTIM, LIAR)->late_for, 0);
	done(w);
}

/* Rounds, steps and versions that the run does not have are an offence, in a frame of any kind. */
static void nobody_is_beyond_the_end(void **state)
{
	static const enum sl_frame_kind kinds[] = { SL_FRAME_DIFFERENCE, SL_FRAME_TAG, SL_FRAME_REQUEST,
		                                    SL_FRAME_SNAPSHOT };
	static const uint8_t body[17] = { 0 };
	(void)state;
	struct swarm *w = made();
	swarm_open(w);
	swarm_run_to(w, VICTIM, 5);
	struct sl_edge *e = forged_edge(w, VICTIM, LIAR);
	const uint32_t beyond = w->settings.rounds + 100;
	int64_t count = 0, refused = e->totals.refused;
	for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)
		for (unsigned field = 0; field < 3; field++) {
			struct sl_frame f = forged_frame(w, LIAR, VICTIM, kinds[i]);
			bool steps = kinds[i] == SL_FRAME_DIFFERENCE || kinds[i] == SL_FRAME_TAG;
			f.tag = kinds[i] == SL_FRAME_TAG;
			f.step = field == 0 && kinds[i] != SL_FRAME_SNAPSHOT ? beyond
			         : steps                                     ? e->step + 1
			                                                     : 0;
			f.round = field == 1 ? beyond : f.round;
			f.version = field == 2 || kinds[i] == SL_FRAME_SNAPSHOT ? beyond : f.version;
			forged_send(w, LIAR, VICTIM, &f, body, f.tag ? 0 : sizeof body);
			assert_int_equal(e->guard.count[SL_OFFENCE_FUTURE], ++count);
			assert_int_equal(e->totals.refused, refused + count);
		}
	swarm_run(w, 1000000);
	done(w);
}

/* A copy that a fault of the memory has changed fits no frame any more, however often one comes: after a few it is asked
 * for whole, and nobody is blamed. Also where both ends of an edge have such a copy. */
static void a_copy_that_no_frame_fits_is_replaced(void **state)
{
	static const uint32_t ends[2] = { VICTIM, LIAR };
	(void)state;
	for (unsigned both = 0; both < 2; both++) {
		struct swarm *w = made();
		w->unchecked = true; /* copies are compared with their owner's */
		swarm_open(w);
		swarm_run_to(w, VICTIM, 5);
		for (unsigned k = 0; k <= both; k++)
			forged_edge(w, ends[k], ends[1 - k])->their_digest ^= 1;
		swarm_run(w, 1000000);
		for (unsigned k = 0; k <= both; k++) {
			const struct sl_edge *e = forged_edge(w, ends[k], ends[1 - k]);
			assert_in_range(e->guard.count[SL_OFFENCE_MISFIT], 2, 16);
			assert_int_equal(count_at(w, ends[k], "copy-diverged"), 1);
			assert_int_equal(count_at(w, ends[k], "snapshot"), 1);
			assert_false(e->diverged);
		}
		assert_int_equal(swarm_count(w, "quarantine"), 0);
		assert_in_range(swarm_count(w, "mean-shift"), 0,
		                1); /* the neighbour may have gone on already */
		done(w);
	}
}

static void a_flood_leads_to_quarantine(void **state)
{
	(void)state;
	struct swarm *w = made();
	swarm_open(w);
	swarm_run_to(w, VICTIM, 5);
	struct sl_edge *e = forged_edge(w, VICTIM, LIAR);
	struct sl_sim_totals before, after;
	sl_sim_totals(w->sim, &before);
	for (unsigned n = 0; n < 20000 && !e->guard.closed; n++) {
		struct sl_frame f = forged_frame(w, LIAR, VICTIM, SL_FRAME_HELLO);
		struct forged_hello h = forged_greeting(w, LIAR, VICTIM);
		h.flags = 1; /* please answer */
		forged_greet(w, LIAR, VICTIM, &f, &h);
	}
	assert_true(e->guard.closed);
	assert_int_equal(e->guard.cause, SL_OFFENCE_FLOOD);
	sl_sim_totals(w->sim, &after);
	assert_true(after.messages - before.messages < 8000);
	swarm_run(w, 1000000);
	done(w);
}

/* A question that is answered has been paid for: it is no part of a flood. */
static void answered_questions_are_no_flood(void **state)
{
	static const uint8_t body[17] = { SL_WANT_FRAMES };
	(void)state;
	struct swarm *w = made();
	swarm_open(w);
	swarm_run_to(w, VICTIM, 5);
	struct sl_edge *e = forged_edge(w, VICTIM, LIAR);
	for (unsigned answered = 2; answered-- > 0;) {
		struct sl_frame f = forged_frame(w, LIAR, VICTIM, SL_FRAME_REQUEST);
		int64_t level = e->guard.frames.level /= 2, unanswered = e->guard.unanswered;
		e->guard.answers.level = answered ? e->guard.answers.level : INT64_MIN / 2;
		f.version = 0;
		forged_send(w, LIAR, VICTIM, &f, body, sizeof body);
		assert_int_equal(e->guard.unanswered, unanswered + !answered);
		assert_int_equal(e->guard.frames.level >= level, answered);
	}
	done(w);
}

/* Small questions with large answers: what they make a peer send is bounded by the model's size and time. */
static void questions_are_not_answered_for_ever(void **state)
{
	(void)state;
	struct swarm *w = made();
	w->settings.limit_frames = 0; /* the other budget alone */
	swarm_open(w);
	swarm_run_to(w, VICTIM, 5);
	struct sl_edge *e = forged_edge(w, VICTIM, LIAR);
	struct sl_time began = sl_sim_now(w->sim);
	int64_t sent = e->totals.frames_tx;
	for (unsigned n = 0; n < 50000; n++) {
		uint8_t body[17] = { 2 }; /* your copy of me */
		struct sl_frame f = forged_frame(w, LIAR, VICTIM, SL_FRAME_REQUEST);
		forged_send(w, LIAR, VICTIM, &f, body, sizeof body);
	}
	double seconds = 1e-6 * (double)(sl_sim_now(w->sim).us - began.us),
	       answered = (double)(e->totals.frames_tx - sent);
	assert_true(e->guard.unanswered > 40000);
	assert_true(answered > 100);
	assert_true(answered * 1024 < 8e6 + seconds * 1e4);
	swarm_run(w, 1000000);
	done(w);
}

/* Half-way through a run one neighbour says that it is a thousand rounds ahead. */
static void one_liar_moves_no_round(void **state)
{
	(void)state;
	struct swarm *w = made();
	w->settings.round_timeout_us = 1000000;
	w->settings.rounds = 2000;
	w->settings.catch_up = 20;
	swarm_open(w);
	swarm_run_to(w, VICTIM, 5);
	for (unsigned n = 0; n < 40; n++) {
		struct sl_frame f = forged_frame(w, LIAR, VICTIM, SL_FRAME_HELLO);
		struct forged_hello h = forged_greeting(w, LIAR, VICTIM);
		f.round = n % 2 ? 1999 : 1000;
		forged_greet(w, LIAR, VICTIM, &f, &h);
		for (unsigned k = 0; k < 20; k++)
			sl_sim_step(w->sim);
	}
	assert_int_equal(swarm_count(w, "skipped"), 0);
	assert_true(sl_peer_round(sl_sim_peer(w->sim, VICTIM)) < 200);
	int64_t refused = forged_edge(w, VICTIM, LIAR)->totals.refused;
	struct sl_frame f = forged_frame(w, LIAR, VICTIM, SL_FRAME_HELLO);
	struct forged_hello h = forged_greeting(w, LIAR, VICTIM);
	f.round = 1000000000; /* not a round of this run */
	forged_greet(w, LIAR, VICTIM, &f, &h);
	assert_int_equal(forged_edge(w, VICTIM, LIAR)->totals.refused, refused + 1);
	done(w);
}

/* … and two that do not lie are believed: a peer that was away skips to where they are. */
static void a_majority_is_believed(void **state)
{
	(void)state;
	struct swarm *w = made();
	w->settings.round_timeout_us = 100000;
	w->settings.rounds = 300;
	w->settings.catch_up = 20;
	w->settings.checkpoint_every = 5;
	swarm_open(w);
	swarm_run_to(w, VICTIM, 20);
	sl_sim_kill(w->sim, VICTIM);
	swarm_run_to(w, VICTIM + 1, 150);
	sl_sim_revive(w->sim, VICTIM, SL_SIM_DISK_NEWEST);
	swarm_run(w, 2000000);
	assert_in_range(count_at(w, VICTIM, "skipped"), 1, 3);
	done(w);
}

/* "I have heard of a later life of yours": each costs every edge a snapshot. */
static void lies_about_lives_run_out(void **state)
{
	(void)state;
	struct swarm *w = made();
	w->settings.round_timeout_us = 1000000;
	w->settings.rounds = 400;
	swarm_open(w);
	swarm_run_to(w, VICTIM, 5);
	for (unsigned n = 0; n < 200; n++) {
		struct sl_frame f = forged_frame(w, LIAR, VICTIM, SL_FRAME_HELLO);
		struct forged_hello h = forged_greeting(w, LIAR, VICTIM);
		h.known_epoch = sl_sim_peer(w->sim, VICTIM)->epoch + 60000 * 256;
		forged_greet(w, LIAR, VICTIM, &f, &h);
		for (unsigned k = 0; k < 20; k++)
			sl_sim_step(w->sim);
	}
	assert_in_range(count_at(w, VICTIM, "mean-shift"), 1, 16);
	assert_true(forged_edge(w, VICTIM, LIAR)->guard.count[SL_OFFENCE_EPOCH] > 0);
	assert_true(sl_sim_peer(w->sim, VICTIM)->epoch < UINT32_C(0xc0000000));
	w->settings.rounds = 400;
	swarm_run(w, 4000000);
	done(w);
}

/* Finite, well formed, and absurd. */
static void absurd_values_are_refused(void **state)
{
	(void)state;
	struct swarm *w = made();
	snprintf(w->settings.pipeline, sizeof w->settings.pipeline, "all | float32 | raw");
	w->settings.limit_value = 1000;
	swarm_open(w);
	swarm_run_to(w, VICTIM, 5);
	struct sl_edge *e = forged_edge(w, VICTIM, LIAR);
	while (e->theirs_open)
		sl_sim_step(w->sim);
	struct sl_arena measure = { 0 };
	sl_workspace_make(&w->plan.pipeline, &measure);
	uint8_t *memory = calloc(1, measure.used + 64), body[4096];
	struct sl_arena arena = { memory + (64 - (uintptr_t)memory % 64) % 64, measure.used, 0 };
	struct sl_workspace *workspace = sl_workspace_make(&w->plan.pipeline, &arena);
	float v[256] = { 0 };
	v[7] = 1e6f;
	struct sl_frame f = forged_frame(w, LIAR, VICTIM, SL_FRAME_DIFFERENCE);
	f.version = e->their_version + 1;
	f.step = e->step + 1;
	f.tag = true;
	struct sl_message_context m = { w->settings.seed,
		                        LIAR,
		                        f.version,
		                        0,
		                        &w->plan.model.layout,
		                        sl_copy_state_floats(e->theirs),
		                        NULL };
	struct sl_writer out = sl_writer(body, sizeof body);
	struct sl_update update;
	sl_pipeline_encode(&w->plan.pipeline, &m, v, &out, &update, workspace);
	uint64_t digest = e->their_digest;
	forged_send(w, LIAR, VICTIM, &f, body, sl_writer_length(&out));
	assert_int_equal(e->guard.count[SL_OFFENCE_VALUE], 1);
	assert_int_equal(e->their_digest, digest);
	free(memory);
	swarm_run(w, 1000000);
	done(w);
}

/* A neighbour that talks, and never does its part, costs two timeouts, not one a round. */
static void talk_alone_is_not_waited_for(void **state)
{
	(void)state;
	struct swarm *w = made();
	w->settings.round_timeout_us = 1000000;
	swarm_open(w);
	swarm_run_to(w, VICTIM, 5);
	struct sl_frame f = forged_frame(w, LIAR, VICTIM, SL_FRAME_HELLO);
	struct forged_hello h = forged_greeting(w, LIAR, VICTIM), other = forged_greeting(w, LIAR, 2);
	sl_sim_kill(w->sim, LIAR);
	struct sl_time began = sl_sim_now(w->sim);
	for (unsigned n = 0; sl_peer_round(sl_sim_peer(w->sim, VICTIM)) < 40; n++) {
		forged_greet(w, LIAR, VICTIM, &f, &h);
		forged_greet(w, LIAR, 2, &f, &other);
		for (unsigned k = 0; k < 4; k++)
			sl_sim_step(w->sim);
		assert_true(n < 100000);
	}
	double seconds = 1e-6 * (double)(sl_sim_now(w->sim).us - began.us);
	if (!(seconds <= 8))
		fail_msg("35 rounds took %g s", seconds);
	for (unsigned n = 0; !sl_sim_halted(w->sim, VICTIM); n++) { /* nor served for ever */
		forged_greet(w, LIAR, VICTIM, &f, &h);
		forged_greet(w, LIAR, 2, &f, &other);
		for (unsigned k = 0; k < 4; k++)
			sl_sim_step(w->sim);
		assert_true(n < 20000);
	}
	done(w);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals_lead_to_quarantine),
		cmocka_unit_test(nobody_waits_for_quarantine),
		cmocka_unit_test(nobody_is_beyond_the_end),
		cmocka_unit_test(a_copy_that_no_frame_fits_is_replaced),
		cmocka_unit_test(a_flood_leads_to_quarantine),
		cmocka_unit_test(answered_questions_are_no_flood),
		cmocka_unit_test(questions_are_not_answered_for_ever),
		cmocka_unit_test(one_liar_moves_no_round),
		cmocka_unit_test(a_majority_is_believed),
		cmocka_unit_test(lies_about_lives_run_out),
		cmocka_unit_test(absurd_values_are_refused),
		cmocka_unit_test(talk_alone_is_not_waited_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
