/* A neighbour with a good key that lies with an aim (lib/sim/attack.c), and forged frames that no checksum stops: what
 * honest peers still reach. */
#include "sim/adversary.h"
#include "support/forged.h"

#include "linalg/vector.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EVENTS_MOST = 3000000 };

static struct swarm *made(const char *topology)
{
	struct swarm *w = calloc(1, sizeof *w);
	assert_non_null(w);
	swarm_standard(w);
	snprintf(w->topology_spec, sizeof w->topology_spec, "%s", topology);
	w->settings.round_timeout_us = 1000000;
	w->unchecked = true;
	return w;
}

static void done(struct swarm *w)
{
	swarm_close(w);
	free(w);
}

static bool is_stolen(const struct swarm *w, uint32_t peer)
{
	const float *x = sl_peer_model(sl_sim_peer(w->sim, peer));
	uint32_t k = 0;
	while (k < w->plan.dimension && x[k] == SL_ATTACK_VALUE)
		k++;
	return k == w->plan.dimension;
}

static uint32_t count_at(const struct swarm *w, uint32_t peer, const char *kind)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < w->events; i++)
		count += w->event[i].peer == peer && strcmp(w->event[i].kind, kind) == 0;
	return count;
}

/* One event, and what the adversary makes of it; then no honest peer has a model that nobody had, or a round that no
 * other is near. */
static void step(struct swarm *w, struct sl_adversary *l)
{
	uint32_t peers = w->topology.peers, ahead = 0;
	for (uint32_t i = 0; i < peers; i++)
		if (i != l->peer && sl_peer_round(sl_sim_peer(w->sim, i)) > ahead)
			ahead = sl_peer_round(sl_sim_peer(w->sim, i));
	assert_true(sl_sim_step(w->sim));
	if (sl_sim_trouble(w->sim))
		fail_msg("%s", sl_sim_trouble(w->sim));
	sl_adversary_step(l);
	for (uint32_t i = 0; i < peers; i++) {
		uint32_t round = sl_peer_round(sl_sim_peer(w->sim, i));
		if (i != l->peer && is_stolen(w, i))
			fail_msg("peer %u has a model that nobody had", i);
		if (i != l->peer && round > ahead + 1)
			fail_msg("peer %u went to round %u; the others were at %u", i, round, ahead);
	}
}

static void run_to(struct swarm *w, struct sl_adversary *l, uint32_t peer, uint32_t round)
{
	for (uint64_t n = 0; sl_peer_round(sl_sim_peer(w->sim, peer)) < round; n++) {
		if (n > EVENTS_MOST)
			fail_msg("peer %u does not reach round %u", peer, round);
		step(w, l);
	}
}

/* A seed that makes this peer of six the adversary. */
static uint64_t seed_for(uint32_t peer)
{
	for (uint64_t seed = 1;; seed++) {
		struct sl_random g = sl_random_stream(seed, UINT32_MAX, "liar", 0);
		if (sl_random_below(&g, 6) == peer)
			return seed;
	}
}

/* At its first start nobody has held a copy of a peer; later five of six know better. */
static void a_thief_gives_nobody_a_model(void **state)
{
	(void)state;
	static const enum sl_attack attacks[] = { SL_ATTACK_THIEF, SL_ATTACK_CHANGELING, SL_ATTACK_WRAP,
		                                  SL_ATTACK_CHANGELING, SL_ATTACK_WRAP };
	for (unsigned k = 0; k < 15; k++) { /* it stands before, among and after the others */
		struct swarm *w = made("complete:6");
		struct sl_adversary l;
		snprintf(w->settings.robust, sizeof w->settings.robust, "trim:1");
		w->settings.rounds = 60;
		swarm_open(w);
		sl_adversary_start(&l, w->sim, &w->plan, &w->topology, seed_for(k / 5 * 2), attacks[k % 5]);
		l.claim = k % 5 < 3 ? 1 : 2; /* a changeling votes with the others first, or not */
		uint32_t victim = (l.peer + 1) % 6, other = (l.peer + 2) % 6;
		run_to(w, &l, other, 20);
		sl_sim_kill(w->sim, victim);
		run_to(w, &l, other, 25);
		sl_sim_revive(w->sim, victim, SL_SIM_DISK_LOST);
		run_to(w, &l, victim, 60);
		assert_true(count_at(w, victim, "recovered-from-neighbours") == 1);
		assert_true(sl_sim_peer(w->sim, victim)->epoch >> 8 < 8);
		assert_true(w->last_accuracy[victim] > 0.75);
		sl_adversary_free(&l);
		done(w);
	}
}

static uint64_t bytes_of_run(enum sl_attack attack, uint32_t *epochs)
{
	struct swarm *w = made("ring:8");
	struct sl_adversary l = { 0 };
	struct sl_sim_totals totals;
	w->settings.rounds = 384;
	w->settings.limit_refusals = 0;
	swarm_open(w);
	if (attack)
		sl_adversary_start(&l, w->sim, &w->plan, &w->topology, 1, attack);
	uint32_t victim = (l.peer + 1) % 8;
	for (uint64_t n = 0; sl_peer_round(sl_sim_peer(w->sim, victim)) < 384; n++) {
		assert_true(n < EVENTS_MOST);
		assert_true(sl_sim_step(w->sim));
		if (attack)
			sl_adversary_step(&l);
	}
	*epochs = count_at(w, victim, "mean-shift");
	sl_sim_totals(w->sim, &totals);
	if (attack)
		sl_adversary_free(&l);
	done(w);
	return totals.wire_bytes;
}

/* "I hold your next version, with another digest", in every round. */
static void forks_are_not_made_up(void **state)
{
	(void)state;
	uint32_t epochs;
	uint64_t calm = bytes_of_run(SL_ATTACK_NONE, &epochs), forked = bytes_of_run(SL_ATTACK_FORK, &epochs);
	print_message("384 rounds: %u epochs, wire × %.2f\n", epochs, (double)forked / (double)calm);
	assert_true(epochs <= 2);
	assert_true((double)forked < 1.1 * (double)calm);
}

/* A neighbour that sends its copy byte by byte, while an honest edge needs a snapshot. */
static void a_slow_snapshot_holds_up_no_other(void **state)
{
	(void)state;
	struct swarm *w = made("ring:8");
	struct sl_adversary l;
	snprintf(w->settings.pace_text, sizeof w->settings.pace_text, "free");
	w->network.compute_us = 50000;
	w->settings.rounds = 3000;
	swarm_open(w);
	sl_adversary_start(&l, w->sim, &w->plan, &w->topology, 1, SL_ATTACK_DRIP);
	uint32_t victim = (l.peer + 1) % 8, honest = (l.peer + 2) % 8;
	run_to(w, &l, victim, 20);
	sl_sim_cut(w->sim, victim, honest, true);
	sl_sim_cut(w->sim, honest, victim, true);
	run_to(w, &l, victim, 1500); /* longer than any journal */
	assert_true(forged_edge(w, victim, l.peer)->diverged || forged_edge(w, victim, l.peer)->guard.closed);
	sl_sim_cut(w->sim, victim, honest, false);
	sl_sim_cut(w->sim, honest, victim, false);
	uint32_t before = forged_edge(w, victim, honest)->step;
	run_to(w, &l, victim, 2500);
	print_message("%u steps of the honest edge in 1000 rounds\n",
	              forged_edge(w, victim, honest)->step - before);
	assert_true(forged_edge(w, victim, honest)->step > before + 500);
	assert_true(forged_edge(w, victim, honest)->totals.snapshots > 0);
	sl_adversary_free(&l);
	done(w);
}

enum { LIAR = 3, VICTIM = 4 };

/* A small question may draw a model, and then no more than a trickle. */
static void answers_end_when_the_budget_does(void **state)
{
	(void)state;
	struct swarm *w = made("ring:8");
	w->settings.limit_frames = 0;
	w->features = 64;
	snprintf(w->settings.model, sizeof w->settings.model, "mlp:128");
	swarm_open(w);
	swarm_run_to(w, VICTIM, 5);
	struct sl_edge *e = forged_edge(w, VICTIM, LIAR);
	for (uint32_t i = 0; i < 8; i++)
		if (i != VICTIM)
			sl_sim_kill(w->sim, i); /* what the victim sends from here on answers the questions */
	uint64_t bytes[2];
	for (unsigned k = 0; k < 2; k++) {
		struct sl_sim_totals before, after;
		sl_sim_totals(w->sim, &before);
		for (unsigned n = 0; n < 60000; n++) {
			uint8_t body[17] = { 2 }; /* your copy of me */
			struct sl_frame f = forged_frame(w, LIAR, VICTIM, SL_FRAME_REQUEST);
			forged_send(w, LIAR, VICTIM, &f, body, sizeof body);
			sl_sim_wait(w->sim, 10000);
		}
		sl_sim_totals(w->sim, &after);
		bytes[k] = after.wire_bytes - before.wire_bytes;
		double seconds = 1e-6 * (double)(after.now.us - before.now.us);
		print_message("%.0f kB in %.0f s\n", 1e-3 * (double)bytes[k], seconds);
		if (k == 1)
			assert_true((double)bytes[k] < 16e3 * seconds);
	}
	assert_true(bytes[0] > 8 * w->plan.copy_bytes);
	assert_true(e->guard.unanswered > 10000);
	done(w);
}

/* A question or a snapshot of a start that is over is not looked at. */
static void frames_of_a_former_start_are_dropped(void **state)
{
	(void)state;
	struct swarm *w = made("ring:8");
	swarm_open(w);
	swarm_run_to(w, VICTIM, 5);
	struct sl_edge *e = forged_edge(w, VICTIM, LIAR);
	uint8_t body[17] = { 2 };
	struct sl_frame f = forged_frame(w, LIAR, VICTIM, SL_FRAME_REQUEST);
	int64_t repeated = e->totals.repeated, level = e->guard.answers.level;
	f.incarnation16 ^= 1;
	forged_send(w, LIAR, VICTIM, &f, body, sizeof body);
	assert_int_equal(e->totals.repeated, repeated + 1);
	assert_true(e->guard.answers.level >= level);
	done(w);
}

/* A whole snapshot of the liar's own copy, as it likes it; whether it was taken. */
static bool takes_snapshot(struct swarm *w, float *copy, uint64_t digest_more)
{
	struct sl_edge *e = forged_edge(w, VICTIM, LIAR);
	uint8_t body[9 + 4096];
	e->diverged = true;
	e->theirs_open = false;
	e->rx_held.used = 0;
	struct sl_frame f = forged_frame(w, LIAR, VICTIM, SL_FRAME_SNAPSHOT);
	f.epoch = e->known_epoch;
	f.version = e->their_version;
	f.digest = sl_vector_digest(w->plan.copy_floats, 0, copy) + digest_more;
	struct sl_writer out = sl_writer(body, sizeof body);
	sl_write_u8(&out, 1);
	sl_write_u32(&out, 0);
	sl_write_u32(&out, (uint32_t)w->plan.copy_bytes);
	sl_write_bytes(&out, copy, 4 * w->plan.copy_floats);
	assert_int_equal(w->plan.copy_bytes, 4 * w->plan.copy_floats);
	forged_send(w, LIAR, VICTIM, &f, body, sl_writer_length(&out));
	return !e->diverged;
}

static void snapshots_are_examined(void **state)
{
	(void)state;
	struct swarm *w = made("ring:8");
	w->settings.limit_refusals = 0;
	snprintf(w->settings.pipeline, sizeof w->settings.pipeline, "all | float32 | raw");
	swarm_open(w);
	swarm_run_to(w, VICTIM, 5);
	struct sl_edge *e = forged_edge(w, VICTIM, LIAR);
	float *copy = calloc(w->plan.copy_floats, sizeof *copy);
	assert_non_null(copy);
	assert_true(takes_snapshot(w, copy, 0));
	copy[3] = NAN;
	assert_false(takes_snapshot(w, copy, 0));
	copy[3] = -0.0f;
	assert_false(takes_snapshot(w, copy, 0));
	copy[3] = (float)w->plan.settings.limit_value * 2;
	assert_false(takes_snapshot(w, copy, 0));
	copy[3] = 1;
	assert_false(takes_snapshot(w, copy, 1));
	assert_int_equal(e->guard.count[SL_OFFENCE_DIGEST], 4);
	assert_true(takes_snapshot(w, copy, 0));
	free(copy);
	done(w);
}

/* Pieces as no sender makes them, and one that comes when the time for the whole is over. */
static void snapshots_come_in_pieces_of_a_size(void **state)
{
	(void)state;
	struct swarm *w = made("ring:8");
	w->features = 64;
	snprintf(w->settings.model, sizeof w->settings.model, "mlp:16");
	w->settings.limit_refusals = 0;
	snprintf(w->settings.pipeline, sizeof w->settings.pipeline, "all | float32 | raw");
	swarm_open(w);
	swarm_run_to(w, VICTIM, 5);
	struct sl_edge *e = forged_edge(w, VICTIM, LIAR);
	uint8_t body[9 + SL_PIECE_LEAST] = { 1 };
	e->diverged = true;
	e->theirs_open = false;
	struct sl_frame f = forged_frame(w, LIAR, VICTIM, SL_FRAME_SNAPSHOT);
	f.epoch = e->known_epoch;
	sl_store_u32(body + 5, (uint32_t)w->plan.copy_bytes);
	forged_send(w, LIAR, VICTIM, &f, body, sizeof body - 1);
	assert_int_equal(e->guard.count[SL_OFFENCE_SNAPSHOT], 1);
	assert_false(e->staging.open);
	forged_send(w, LIAR, VICTIM, &f, body, sizeof body);
	assert_true(e->staging.open);
	assert_int_equal(e->staging.at, SL_PIECE_LEAST);
	e->staging.ends = (struct sl_time){ 1 }; /* long ago */
	sl_store_u32(body + 1, SL_PIECE_LEAST);
	forged_send(w, LIAR, VICTIM, &f, body, sizeof body);
	assert_false(e->staging.open);
	assert_int_equal(e->guard.count[SL_OFFENCE_SNAPSHOT], 2);
	done(w);
}

/* All but the snapshots of one peer pass; that peer's are forged. */
struct forger {
	uint32_t from;
	unsigned lost;
};

static enum sl_sim_fate take_away(void *context, struct sl_sim_message *m)
{
	struct forger *g = context;
	if (m->from != g->from || m->send->frame->kind != SL_FRAME_SNAPSHOT)
		return SL_SIM_PASS;
	g->lost++;
	return SL_SIM_LOSE;
}

/* All neighbours have voted for a copy; the one that is asked for it sends another one, with a digest that fits it. */
static void the_copy_is_the_one_voted_for(void **state)
{
	(void)state;
	struct swarm *w = made("complete:6");
	struct forger g = { 0 };
	w->settings.rounds = 60;
	w->settings.limit_refusals = 0;
	snprintf(w->settings.pipeline, sizeof w->settings.pipeline, "all | float32 | raw");
	swarm_open(w);
	swarm_run_to(w, 3, 30);
	sl_sim_kill(w->sim, VICTIM);
	swarm_run_to(w, 3, 33);
	sl_sim_watch(w->sim, &(struct sl_sim_watch){ .context = &g, .sent = take_away });
	sl_sim_revive(w->sim, VICTIM, SL_SIM_DISK_LOST);
	struct sl_edge *e = forged_edge(w, VICTIM, 0);
	for (uint64_t n = 0; g.lost == 0; n++) {
		assert_true(n < EVENTS_MOST);
		sl_sim_step(w->sim);
	}
	e = forged_edge(w, VICTIM, 0);
	assert_int_equal(sl_sim_peer(w->sim, VICTIM)->phase, SL_PHASE_RECOVERING);
	uint8_t body[9 + 4096] = { 2 };
	float *fake = calloc(w->plan.copy_floats, sizeof *fake);
	assert_non_null(fake);
	sl_store_u32(body + 5, (uint32_t)w->plan.copy_bytes);
	memcpy(body + 9, fake, 4 * w->plan.copy_floats);
	struct sl_frame f = forged_frame(w, 0, VICTIM, SL_FRAME_SNAPSHOT);
	f.epoch = e->holds_me_epoch;
	f.version = e->holds_me_version;
	f.digest = sl_vector_digest(w->plan.copy_floats, 0, fake);
	forged_send(w, 0, VICTIM, &f, body, 9 + w->plan.copy_bytes);
	free(fake);
	assert_int_equal(e->guard.count[SL_OFFENCE_DIGEST], 1);
	assert_true(e->staging.failed);
	swarm_run_to(w, VICTIM, 60);
	assert_true(count_at(w, VICTIM, "recovered-from-neighbours") == 1);
	done(w);
}

/* A start whose epoch is the last there is ends, and does not begin again at 0. */
static void epochs_never_wrap(void **state)
{
	(void)state;
	struct swarm *w = made("ring:8");
	swarm_open(w);
	swarm_run_to(w, VICTIM, 5);
	struct sl_peer *p = sl_sim_peer(w->sim, VICTIM);
	p->epoch = UINT32_C(0xffffff00);
	struct sl_edge *e = forged_edge(w, VICTIM, LIAR);
	e->former_epoch = p->epoch;
	e->former_version = p->version + 1;
	e->former_digest = 1;
	for (uint64_t n = 0; p->phase != SL_PHASE_HALTED; n++) {
		assert_true(n < 10000);
		sl_sim_step(w->sim);
	}
	assert_int_equal(p->epoch, UINT32_C(0xffffff00));
	assert_true(p->round < w->settings.rounds); /* it did not only come to its end */
	done(w);
}

/* The same at a start that would need another epoch: nothing begins after it. */
static void a_start_without_epochs_stays_halted(void **state)
{
	(void)state;
	struct swarm *w = made("ring:8");
	snprintf(w->settings.pace_text, sizeof w->settings.pace_text, "free");
	w->settings.checkpoint_every = 1;
	w->settings.rounds = 200;
	swarm_open(w);
	swarm_run_to(w, VICTIM, 5);
	sl_sim_peer(w->sim, VICTIM)->epoch = UINT32_C(0xffffff00);
	swarm_run_to(w, VICTIM, 10);
	sl_sim_kill(w->sim, VICTIM);
	sl_sim_revive(w->sim, VICTIM, SL_SIM_DISK_NEWEST);
	struct sl_peer *p = sl_sim_peer(w->sim, VICTIM);
	for (uint64_t n = 0; p->phase != SL_PHASE_HALTED; n++) {
		assert_true(n < 100000);
		sl_sim_step(w->sim);
	}
	assert_true(p->round < 100);
	for (int n = 0; n < 100; n++)
		sl_sim_step(w->sim);
	assert_true(p->phase == SL_PHASE_HALTED);
	done(w);
}

/* The epoch of a held copy is bounded as that of a known one is. */
static void held_epochs_have_bounds(void **state)
{
	(void)state;
	struct swarm *w = made("ring:8");
	swarm_open(w);
	swarm_run_to(w, VICTIM, 5);
	struct sl_edge *e = forged_edge(w, VICTIM, LIAR);
	struct sl_frame f = forged_frame(w, LIAR, VICTIM, SL_FRAME_HELLO);
	struct forged_hello h = forged_greeting(w, LIAR, VICTIM);
	h.held_epoch = UINT32_C(0xfffffe42);
	int64_t refused = e->totals.refused;
	forged_greet(w, LIAR, VICTIM, &f, &h);
	assert_int_equal(e->totals.refused, refused + 1);
	assert_int_not_equal(e->holds_me_epoch, h.held_epoch);
	done(w);
}

/* A median is no lie's, and a mean without the ends neither. */
static void means_leave_out_the_ends(void **state)
{
	(void)state;
	struct sl_plan plan = { .robust = { .kind = SL_ROBUST_TRIM, .byzantine = 1 } };
	struct sl_peer p = { .plan = &plan };
	float four[] = { 100, 1, 3, 2 }, two[] = { 4, 2 };
	assert_true(sl_robust_mean(&p, four, 4) == 2.5f);
	assert_true(sl_robust_mean(&p, two, 2) == 3);
	plan.robust.kind = SL_ROBUST_CLIP_AT;
	float three[] = { 5, -900, 4 };
	assert_true(sl_robust_mean(&p, three, 3) == 4);
	plan.robust.kind = SL_ROBUST_NONE;
	assert_true(sl_robust_mean(&p, four, 4) == 26.5f);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thief_gives_nobody_a_model),
		cmocka_unit_test(forks_are_not_made_up),
		cmocka_unit_test(a_slow_snapshot_holds_up_no_other),
		cmocka_unit_test(answers_end_when_the_budget_does),
		cmocka_unit_test(frames_of_a_former_start_are_dropped),
		cmocka_unit_test(snapshots_are_examined),
		cmocka_unit_test(snapshots_come_in_pieces_of_a_size),
		cmocka_unit_test(the_copy_is_the_one_voted_for),
		cmocka_unit_test(epochs_never_wrap),
		cmocka_unit_test(a_start_without_epochs_stays_halted),
		cmocka_unit_test(held_epochs_have_bounds),
		cmocka_unit_test(means_leave_out_the_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
