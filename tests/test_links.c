/* Links of the simulator that have a rate: who counts as down, how long a round waits, and what their rows say. */
#include "tests/support/swarm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

enum { EVENTS = 3000000, SECOND = 1000000 };

/* Frames of a few hundred bytes over links of that rate. */
static void thin(struct swarm *w, uint64_t rate)
{
	swarm_standard(w);
	w->network.rate = rate;
	w->network.queue = 64000;
	w->network.latency_us = 5000;
	w->settings.rounds = 60;
	w->features = 64;
	w->classes = 8;
}

static void totals_of(const struct swarm *w, uint32_t peer, struct sl_link_row *sum)
{
	struct sl_peer_edge_status e;
	struct sl_peer_status s;
	*sum = (struct sl_link_row){ 0 };
	sl_peer_status(sl_sim_peer(w->sim, peer), &s);
	for (uint32_t i = 0; i < s.degree; i++) {
		sl_peer_edge_status(sl_sim_peer(w->sim, peer), i, &e);
		sum->payload_tx += e.totals.payload_tx;
		sum->resent += e.totals.resent;
		sum->frames_tx += e.totals.frames_tx;
		sum->repeated += e.totals.repeated;
		sum->refused += e.totals.refused;
		sum->snapshots += e.totals.snapshots;
		for (unsigned k = 0; k < SL_AGAIN_KINDS; k++)
			sum->again[k] += e.totals.again[k];
	}
}

/* Links that went down, and neighbours that were late, before the end: whoever has finished may leave. */
static unsigned disturbances(const struct swarm *w)
{
	unsigned count = 0;
	for (uint32_t i = 0; i < w->events; i++) {
		const struct sl_event_row *r = &w->event[i];
		bool what = strcmp(r->kind, "link-down") == 0 || strcmp(r->kind, "edge-late") == 0;
		count += what && r->round < w->settings.rounds;
	}
	return count;
}

static void no_link_goes_down_while_its_bytes_move(void **state)
{
	(void)state;
	struct swarm w;
	thin(&w, 1000); /* a frame takes seconds */
	w.settings.link_timeout_us = SECOND;
	w.settings.round_timeout_us = INT64_MAX;
	w.settings.rounds = 20;
	swarm_open(&w);
	swarm_run(&w, EVENTS);
	assert_int_equal(disturbances(&w), 0);
	for (uint32_t i = 0; i < w.topology.peers; i++) {
		struct sl_link_row sum;
		totals_of(&w, i, &sum);
		assert_int_equal(sum.resent, 0);
	}
	swarm_close(&w);
}

/* Virtual seconds from a death until peer `witness` goes on, with a round_timeout of an hour. */
static double until_given_up(uint64_t rate)
{
	struct swarm w;
	struct sl_sim_totals before, after;
	thin(&w, rate);
	w.settings.round_timeout_us = INT64_C(3600) * SECOND;
	w.settings.link_timeout_us = INT64_C(600) * SECOND;
	w.settings.rounds = 300;
	w.unchecked = true;
	swarm_open(&w);
	swarm_run_to(&w, 2, 40);
	sl_sim_kill(w.sim, 3);
	uint32_t round = sl_peer_round(sl_sim_peer(w.sim, 2));
	sl_sim_totals(w.sim, &before);
	swarm_run_to(&w, 2, round + 3);
	sl_sim_totals(w.sim, &after);
	assert_true(swarm_count(&w, "edge-late") > 0);
	swarm_close(&w);
	return 1e-6 * (double)(after.now.us - before.now.us);
}

static void a_dead_neighbour_is_given_up_as_its_rounds_were_long(void **state)
{
	(void)state;
	double fast = until_given_up(1000000), slow = until_given_up(1500);
	print_message("given up after %.1f s on a fast link, %.1f s on a slow one\n", fast, slow);
	assert_true(fast < 10);
	assert_true(slow > 2 * fast && slow < 300);
}

/* A peer that is slow, and whose link works, is waited for: once everybody's rounds took milliseconds. */
static void a_slow_neighbour_is_waited_for(void **state)
{
	(void)state;
	struct swarm w;
	thin(&w, 2000000);
	w.settings.round_timeout_us = INT64_C(3600) * SECOND;
	w.network.compute_us = 2000;
	swarm_open(&w);
	swarm_run_to(&w, 2, 30);
	sl_sim_slow(w.sim, 3, 20000); /* 40 s a round */
	swarm_run(&w, EVENTS);
	assert_int_equal(disturbances(&w), 0);
	swarm_close(&w);
}

static void payload_counts_once_a_link_takes_it(void **state)
{
	(void)state;
	struct swarm w;
	thin(&w, 20000);
	strcpy(w.settings.pace_text, "free");
	w.settings.rounds = 1000;
	swarm_open(&w);
	swarm_run_to(&w, 0, w.settings.rounds);
	for (uint32_t i = 0; i < w.topology.peers; i++) {
		struct sl_link_row sum;
		struct sl_peer_status s;
		totals_of(&w, i, &sum);
		sl_peer_status(sl_sim_peer(w.sim, i), &s);
		assert_int_equal(s.payload_tx, sum.payload_tx);
	}
	/* Most rounds were over before a link could carry a frame of theirs. */
	assert_true(w.payload_tx[0] > 0);
	int64_t all = w.payload_tx[0];
	swarm_close(&w);
	thin(&w, 20000);
	swarm_open(&w);
	swarm_run(&w, EVENTS);
	print_message("bytes at the last round: %lld in free pace, %lld in lockstep\n", (long long)all,
	              (long long)w.payload_tx[0]);
	assert_true(all < 1000 / (int64_t)w.settings.rounds * w.payload_tx[0] / 4);
	swarm_close(&w);
}

static void rows_say_what_a_link_carries(void **state)
{
	(void)state;
	struct swarm w;
	const uint64_t rate = 20000;
	thin(&w, rate);
	swarm_open(&w);
	swarm_run(&w, EVENTS);
	for (uint32_t i = 0; i < w.topology.peers; i++) {
		const struct sl_link_row *l = &w.link[i];
		assert_true(l->wire_tx > l->payload_tx && l->wire_resent == 0);
		assert_true(l->throughput > 0 && l->throughput <= (int64_t)rate / 8);
		assert_true(l->srtt_us > 2 * w.network.latency_us && l->queue_us >= 0);
		/* The second of two frames of a round waits for the first. */
		assert_true(l->queue_us < l->srtt_us);
	}
	swarm_close(&w);
	swarm_standard(&w); /* datagrams: nobody knows */
	swarm_open(&w);
	swarm_run(&w, EVENTS);
	assert_int_equal(w.link[0].wire_tx, -1);
	assert_int_equal(w.link[0].srtt_us, -1);
	assert_int_equal(w.link[0].again[SL_AGAIN_DROP], -1);
	swarm_close(&w);
}

/* Frames that were sent again, by reason. */
static void run_with(struct swarm *w, void (*disturb)(struct swarm *), struct sl_link_row *sum)
{
	w->settings.rounds = 40;
	swarm_open(w);
	*sum = (struct sl_link_row){ 0 };
	for (uint32_t r = 4; r < 36; r += 4) {
		swarm_run_to(w, 2, r);
		if (disturb)
			disturb(w);
	}
	swarm_run(w, EVENTS);
	for (uint32_t i = 0; i < w->topology.peers; i++) {
		struct sl_link_row one;
		totals_of(w, i, &one);
		sum->resent += one.resent;
		for (unsigned k = 0; k < SL_AGAIN_KINDS; k++)
			sum->again[k] += one.again[k];
	}
	swarm_close(w);
}

static void cut_for_a_moment(struct swarm *w)
{
	sl_sim_cut(w->sim, 1, 2, true);
	swarm_run_to(w, 5, sl_peer_round(sl_sim_peer(w->sim, 5)) + 1);
	sl_sim_cut(w->sim, 1, 2, false);
}

static void frames_sent_again_say_why(void **state)
{
	(void)state;
	struct swarm w;
	struct sl_link_row sum;
	thin(&w, 100000);
	run_with(&w, NULL, &sum);
	assert_int_equal(sum.resent, 0);
	thin(&w, 100000);
	run_with(&w, cut_for_a_moment, &sum);
	assert_true(sum.again[SL_AGAIN_CONNECTION] > 0);
	assert_int_equal(sum.again[SL_AGAIN_CONNECTION], sum.resent);
	thin(&w, 100000);
	w.network.queue = 1; /* four messages at a time */
	strcpy(w.settings.pace_text, "staleness:4");
	run_with(&w, NULL, &sum);
	print_message("%lld frames sent again, %lld of them after a drop\n", (long long)sum.resent,
	              (long long)sum.again[SL_AGAIN_DROP]);
	assert_true(sum.again[SL_AGAIN_DROP] > 0);
	assert_int_equal(sum.again[SL_AGAIN_CONNECTION], 0);
}

/* Free peers hand over more than their links take, and drop what has no room. That is sent once there is room; but nothing
 * that was handed over after it comes too early, and so crosses the link twice. */
static void what_follows_a_drop_is_not_sent_twice(void **state)
{
	(void)state;
	int64_t drops = 0;
	for (uint64_t rate = 500000; rate <= 4000000; rate *= 2) {
		struct swarm w;
		thin(&w, rate);
		w.network.queue = 2000;
		w.network.latency_us = 1000;
		w.settings.pace = SL_PACE_FREE;
		snprintf(w.settings.pace_text, sizeof w.settings.pace_text, "free");
		w.settings.rounds = 400;
		swarm_open(&w);
		swarm_run(&w, EVENTS);
		for (uint32_t i = 0; i < w.topology.peers; i++) {
			struct sl_link_row sum;
			totals_of(&w, i, &sum);
			drops += sum.again[SL_AGAIN_DROP];
			assert_int_equal(sum.again[SL_AGAIN_REFUSAL], 0);
		}
		swarm_close(&w);
	}
	assert_true(drops > 0);
}

struct carried {
	int64_t payload, wire, frames, twice; /* twice: sent again, dropped, refused, or as whole copies */
	double seconds, queue_s; /* queue_s: the longest mean time that a link's messages waited */
};

static void carry(struct swarm *w, struct carried *c)
{
	struct sl_sim_totals t;
	*c = (struct carried){ 0 };
	snprintf(w->settings.pace_text, sizeof w->settings.pace_text, "free");
	snprintf(w->settings.model, sizeof w->settings.model, "mlp:64");
	w->network.compute_us = 2000;
	swarm_open(w);
	swarm_run_to(w, 0, w->settings.rounds - 1);
	sl_sim_totals(w->sim, &t);
	c->wire = (int64_t)t.wire_bytes;
	c->seconds = 1e-6 * (double)t.now.us;
	for (uint32_t i = 0; i < w->topology.peers; i++) {
		struct sl_link_row sum;
		totals_of(w, i, &sum);
		c->payload += sum.payload_tx;
		c->frames += sum.frames_tx;
	}
	swarm_run(w, EVENTS);
	for (uint32_t i = 0; i < w->topology.peers; i++) {
		struct sl_link_row sum;
		double waited_s = 1e-6 * (double)w->link[i].queue_us;
		totals_of(w, i, &sum);
		c->twice += sum.resent + sum.repeated + sum.refused + sum.snapshots;
		c->queue_s = waited_s > c->queue_s ? waited_s : c->queue_s;
	}
	assert_int_equal(disturbances(w), 0);
	swarm_close(w);
}

/* Rounds of 2 ms over a wire that takes 50 ms a frame, each peer's own or shared by all. What goes with a frame: ZeroMQ and CURVE;
 * the heads of its segment and of the acknowledgement. */
static void free_peers_keep_a_slow_link_busy_with_frames(void **state)
{
	enum { SEALED = 44, HEADS = 2 * 66, START = 10000 }; /* START: greetings, of all links */
	(void)state;
	for (unsigned shared = 0; shared < 2; shared++) {
		struct swarm w;
		struct carried c;
		thin(&w, shared ? 800000 : 100000);
		w.network.bottleneck = shared;
		w.settings.rounds = 3000;
		carry(&w, &c);
		double used = 8 * ((double)c.wire + HEADS * (double)c.frames) / c.seconds / 800000;
		print_message(
		    "%lld bytes for %lld of payload in %lld messages, %.2f of the rate, %.2f s in queues\n",
		    (long long)c.wire, (long long)c.payload, (long long)c.frames, used, c.queue_s);
		assert_int_equal(c.twice, 0);
		assert_true((double)c.wire < 1.05 * (double)c.payload + SEALED * (double)c.frames + START);
		assert_true(used > 0.9);
		assert_true(c.queue_s < 0.5);
	}
}

/* … and where the way is only long, frames are made in every round, and go out together. */
static void long_links_take_a_frame_of_every_round(void **state)
{
	(void)state;
	struct swarm w;
	struct carried c;
	thin(&w, 100000000);
	w.network.latency_us = 10000;
	w.settings.rounds = 400;
	carry(&w, &c);
	int64_t most = (int64_t)w.settings.rounds * 16;
	print_message("%lld messages for %lld frames of rounds\n", (long long)c.frames, (long long)most);
	assert_int_equal(c.twice, 0);
	assert_true(c.frames > most * 9 / 10);
}

/* Free peers, one of which takes `slow` times as long for its rounds. */
static void run_with_a_slow_one(struct swarm *w, uint64_t rate, int64_t slow, uint32_t rounds)
{
	thin(w, rate);
	snprintf(w->settings.pace_text, sizeof w->settings.pace_text, "free");
	snprintf(w->settings.model, sizeof w->settings.model, "mlp:64");
	w->network.compute_us = 4000;
	w->settings.rounds = rounds + 100;
	swarm_open(w);
	swarm_run_to(w, 2, 10);
	sl_sim_slow(w->sim, 3, slow);
	swarm_run_to(w, 2, rounds);
}

/* A slow neighbour lags by more frames than go out at once, and asks for them. It can take whatever comes: no frame comes before
 * the tag of a step that it has not done. No frames are made for others meanwhile that would leave it with a whole copy. */
static void what_a_lagging_neighbour_asks_for_comes_once(void **state)
{
	(void)state;
	for (int64_t slow = 20; slow <= 40; slow += 5) {
		struct swarm w;
		run_with_a_slow_one(&w, 1000000, slow, 900);
		for (uint32_t i = 0; i < w.topology.peers; i++) {
			struct sl_link_row sum;
			totals_of(&w, i, &sum);
			assert_int_equal(sum.snapshots, 0);
			assert_int_equal(sum.resent, 0);
		}
		swarm_close(&w);
	}
}

/* … but not for long: one that takes seconds gets a whole copy, and the others exchange what they have. */
static void a_neighbour_that_is_slow_for_good_holds_nobody_up(void **state)
{
	(void)state;
	enum { ROUNDS = 2000, SLOW = 1000 };
	struct swarm w;
	struct sl_link_row sum;
	run_with_a_slow_one(&w, 20000000, SLOW, ROUNDS);
	totals_of(&w, 3, &sum);
	int64_t copies = sum.snapshots;
	totals_of(&w, 0, &sum);
	print_message("%lld whole copies, %lld frames in %d rounds\n", (long long)copies,
	              (long long)sum.frames_tx, ROUNDS);
	assert_true(copies > 0);
	assert_true(sum.frames_tx > ROUNDS / 2);
	swarm_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_link_goes_down_while_its_bytes_move),
		cmocka_unit_test(a_dead_neighbour_is_given_up_as_its_rounds_were_long),
		cmocka_unit_test(a_slow_neighbour_is_waited_for),
		cmocka_unit_test(payload_counts_once_a_link_takes_it),
		cmocka_unit_test(rows_say_what_a_link_carries),
		cmocka_unit_test(frames_sent_again_say_why),
		cmocka_unit_test(what_follows_a_drop_is_not_sent_twice),
		cmocka_unit_test(free_peers_keep_a_slow_link_busy_with_frames),
		cmocka_unit_test(long_links_take_a_frame_of_every_round),
		cmocka_unit_test(what_a_lagging_neighbour_asks_for_comes_once),
		cmocka_unit_test(a_neighbour_that_is_slow_for_good_holds_nobody_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
