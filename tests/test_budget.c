/* The byte budget: what a bucket lets through in any window, which message leaves next, how the kernel's count corrects
 * estimates, that a pipeline keeps within its bytes, and what a simulated peer sends in any second. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/random.h"
#include "compress/stage.h"
#include "gossip/peer/state.h"
#include "gossip/outbox.h"
#include "tests/support/compress.h"
#include "tests/support/swarm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SENT_MOST = 20000, RUNS = 60, TURNS = 1500 };

struct sent {
	int64_t at_us, bytes;
};

/* No window holds more than burst + rate·time, its last message not counted. */
static void check_windows(const struct sent *sent, unsigned count, uint64_t rate, int64_t burst)
{
	for (unsigned first = 0; first < count; first++) {
		int64_t sum = 0;
		for (unsigned last = first; last < count && last < first + 400; last++) {
			double most = (double)burst +
			              (double)rate * (double)(sent[last].at_us - sent[first].at_us) / 8e6;
			if ((double)sum > most + 1)
				fail_msg("%lld bytes in %lld us, and %.0f are allowed", (long long)sum,
				         (long long)(sent[last].at_us - sent[first].at_us), most);
			sum += sent[last].bytes;
		}
	}
}

static void no_window_exceeds_the_bucket(void **state)
{
	static struct sent sent[TURNS];
	(void)state;
	for (uint64_t run = 0; run < RUNS; run++) {
		struct sl_random g = sl_random_stream(run, 0, "bucket", 0);
		uint64_t rate = UINT64_C(1) << (4 + sl_random_below(&g, 24));
		int64_t burst = sl_random_below(&g, 20000);
		struct sl_time now = { (int64_t)sl_random_below(&g, 1000000) };
		struct sl_budget b;
		unsigned count = 0;
		sl_budget_begin(&b, rate, burst, burst, now);
		for (unsigned turn = 0; turn < TURNS; turn++) {
			uint32_t wait =
			    sl_random_below(&g, 3) ? sl_random_below(&g, 2000) : sl_random_below(&g, 5000000);
			struct sl_time due = sl_budget_opens(&b, 0);
			now.us += wait;
			assert_int_equal(sl_budget_is_open(&b, now, 0), !sl_time_before(now, due));
			if (!sl_budget_is_open(&b, now, 0))
				continue;
			sent[count] = (struct sent){ now.us, 1 + sl_random_below(&g, 9000) };
			sl_budget_charge(&b, now, sent[count++].bytes);
			assert_true(sl_budget_level(&b, now) <= burst);
		}
		check_windows(sent, count, rate, burst);
	}
}

static void a_bucket_loses_nothing_to_rounding(void **state)
{
	(void)state;
	struct sl_budget b;
	struct sl_time now = { 5 };
	sl_budget_begin(&b, 617, 1000000, 0, now);
	for (int i = 0; i < 100000; i++)
		sl_budget_level(&b, (struct sl_time){ now.us += 77 });
	assert_int_equal(sl_budget_level(&b, now), 617 * INT64_C(7700000) / 8000000);
	sl_budget_level(&b, (struct sl_time){ 0 }); /* a clock that goes back earns nothing */
	assert_int_equal(b.at.us, now.us);
	sl_budget_begin(&b, 0, 0, 0, now);
	sl_budget_charge(&b, now, 1000000);
	assert_true(sl_budget_is_open(&b, now, 0));
}

static struct sl_outbox_message *message(uint32_t edge, size_t length, bool control)
{
	struct sl_outbox_message *m = calloc(1, sizeof *m + sizeof(unsigned));
	assert_non_null(m);
	*m = (struct sl_outbox_message){ .edge = edge, .length = length, .control = control };
	return m;
}

/* Messages of random edges, taken when they are due: never earlier, never later, each edge's in their order, and in no
 * window too many. What is always full sends at the full rate. */
static void the_outbox_is_never_early_and_never_idle(void **state)
{
	static struct sent sent[SENT_MOST];
	(void)state;
	for (uint64_t run = 0; run < RUNS / 3; run++) {
		struct sl_random g = sl_random_stream(run, 0, "outbox", 0);
		struct sl_settings s;
		struct sl_outbox o;
		sl_settings_standard(&s);
		s.limit_rate = 16000 << sl_random_below(&g, 6);
		struct sl_time now = { 1 }, start = now;
		sl_outbox_begin(&o, &s, 0, now);
		size_t next_length[4] = { 0 }, seen[4] = { 0 };
		unsigned count = 0;
		int64_t total = 0, largest = 0;
		for (unsigned turn = 0; turn < TURNS; turn++) {
			while (o.count < 6) { /* lengths rise along an edge, so that order shows */
				uint32_t edge = sl_random_below(&g, 4);
				struct sl_outbox_message *m =
				    message(edge, 100 + next_length[edge]++, sl_random_below(&g, 8) == 0);
				assert_true(sl_outbox_put(&o, m, now));
			}
			struct sl_time due = sl_outbox_due(&o);
			if (sl_time_before(now, due) && due.us > now.us + 1)
				assert_null(sl_outbox_take(&o, (struct sl_time){ due.us - 1 }));
			now = sl_time_before(now, due) ? due : now;
			struct sl_outbox_message *m = sl_outbox_take(&o, now);
			assert_non_null(m);
			assert_int_equal(m->length, 100 + seen[m->edge]++);
			sent[count] = (struct sent){ now.us, (int64_t)sl_budget_message(m->length) };
			total += sent[count].bytes;
			largest = sent[count].bytes > largest ? sent[count].bytes : largest;
			count++;
			free(m);
		}
		check_windows(sent, count, s.limit_rate, o.rate.burst + 600 + o.rate.burst);
		assert_true((double)(total + largest) >=
		            (double)s.limit_rate * (double)(now.us - start.us) / 8e6);
		assert_int_equal(sl_outbox_total(&o), total);
		for (uint32_t edge = 0; edge < 4; edge++)
			for (struct sl_outbox_message *m; (m = sl_outbox_discard(&o, edge, now));)
				free(m);
		assert_int_equal(o.count, 0);
		assert_int_equal(sl_outbox_due(&o).us, SL_TIME_NEVER.us);
	}
}

static void greetings_come_first(void **state)
{
	(void)state;
	struct sl_settings s;
	struct sl_outbox o;
	struct sl_time now = { 1 };
	sl_settings_standard(&s);
	s.limit_rate = 64000;
	sl_outbox_begin(&o, &s, 0, now);
	struct sl_outbox_message *frame = message(0, 5000, false), *other = message(1, 5000, false),
	                         *greeting = message(2, 200, true);
	sl_outbox_put(&o, frame, now);
	sl_outbox_put(&o, other, now);
	sl_outbox_put(&o, greeting, now);
	assert_ptr_equal(sl_outbox_take(&o, now), greeting);
	assert_ptr_equal(sl_outbox_take(&o, now), frame);
	assert_null(sl_outbox_take(&o, now));
	struct sl_outbox_message *later = message(2, 200, true);
	sl_outbox_put(&o, later, now);
	assert_null(sl_outbox_take(&o, now)); /* but its credit is small */
	now = sl_outbox_due(&o);
	assert_ptr_equal(sl_outbox_take(&o, now), later);
	assert_ptr_equal(sl_outbox_discard(&o, 1, now), other);
	free(frame), free(other), free(greeting), free(later);
}

static void what_the_kernel_counts_is_charged(void **state)
{
	(void)state;
	struct sl_settings s;
	struct sl_outbox o;
	struct sl_time now = { 1 };
	sl_settings_standard(&s);
	s.limit_rate = 8000000;
	sl_outbox_begin(&o, &s, 0, now);
	struct sl_outbox_message *m = message(0, 7000, false);
	int64_t estimate = (int64_t)sl_budget_message(7000);
	sl_outbox_put(&o, m, now);
	assert_ptr_equal(sl_outbox_take(&o, now), m);
	free(m);
	sl_outbox_settle(&o, estimate + 1234, now); /* acknowledgements, and what TCP sent again */
	assert_int_equal(sl_outbox_total(&o), estimate + 1234);
	sl_outbox_settle(&o, estimate + 1234, now);
	assert_int_equal(sl_outbox_total(&o), estimate + 1234);
	m = message(0, 7000, false);
	sl_outbox_put(&o, m, now);
	now = sl_outbox_due(&o);
	assert_ptr_equal(sl_outbox_take(&o, now), m);
	free(m);
	sl_outbox_settle(&o, estimate + 1234, now); /* none of it yet: it has not left */
	assert_int_equal(sl_outbox_total(&o), 2 * estimate - estimate / 8 + 1234);
	sl_outbox_settle(&o, 2 * estimate + 1234, now);
	assert_int_equal(sl_outbox_total(&o), 2 * estimate + 1234);
}

/* Whatever was saved up: in no time of the volume's length more than the volume. */
static void a_volume_is_kept_in_any_such_time(void **state)
{
	(void)state;
	struct sl_settings s;
	struct sl_outbox o;
	sl_settings_standard(&s);
	s.limit_volume = (struct sl_volume){ 2000000, 3600 };
	struct sl_time now = { 1 };
	sl_outbox_begin(&o, &s, INT64_MAX, now);
	int64_t total = 0;
	struct sl_time end = { now.us + 3600 * INT64_C(1000000) };
	for (;;) {
		struct sl_outbox_message *m = message(0, 1000, false);
		sl_outbox_put(&o, m, now);
		now = sl_time_before(now, sl_outbox_due(&o)) ? sl_outbox_due(&o) : now;
		if (sl_time_before(end, now)) {
			free(sl_outbox_discard(&o, 0, now));
			break;
		}
		assert_ptr_equal(sl_outbox_take(&o, now), m);
		total += (int64_t)sl_budget_message(1000);
		free(m);
	}
	assert_true(total <= 2000000 + (int64_t)sl_budget_message(1000));
	assert_true(total > 1990000);
	sl_outbox_begin(&o, &s, 0, now); /* nothing is known of what is left: nothing is taken to be */
	assert_int_equal(sl_budget_level(&o.volume, now), 0);
}

/* ---- a pipeline that keeps within its bytes ---- */

static void a_fitted_pipeline_fits(void **state)
{
	(void)state;
	static const char *const texts[] = { "topk:0.25 | dither:16 | golomb",
		                             "topk:0.5 | rounding:2 | context", "topk:0.3 | float32 | raw",
		                             "all | qsgd:4 | golomb" };
	unsigned shrunk = 0;
	for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
		for (unsigned kind = 0; kind < SAMPLE_KINDS; kind++) {
			struct sample sample = sample_make(kind, 7);
			struct sl_error error;
			struct sl_pipeline p;
			if (sl_pipeline_parse(&p, texts[t], &sample.layout, &error) != SL_OK ||
			    sl_pipeline_fit(&p, sl_pipeline_bound(&p) / 3, sl_pipeline_bound(&p) / 4,
			                    &error) != SL_OK) {
				sample_free(&sample);
				continue;
			}
			struct sl_arena size = { 0 };
			sl_workspace_make(&p, &size);
			struct sl_arena arena = { aligned_alloc(64, (size.used + 127) / 64 * 64), size.used,
				                  0 },
			                twin = arena;
			twin.base = aligned_alloc(64, (size.used + 127) / 64 * 64);
			memset(arena.base, 0, size.used);
			memset(twin.base, 0, size.used);
			struct sl_workspace *send = sl_workspace_make(&p, &arena),
			                    *receive = sl_workspace_make(&p, &twin);
			size_t room = sl_pipeline_bound(&p), remembered = sl_pipeline_memory(&p);
			uint8_t *body = malloc(room),
			        *memory[2] = { calloc(1, remembered + 1), calloc(1, remembered + 1) };
			for (uint32_t version = 1; version < 4; version++) {
				struct sl_message_context m = { .seed = 3,
					                        .peer = 1,
					                        .version = version,
					                        .layout = &sample.layout,
					                        .copy = sample.copy };
				struct sl_update sent, got;
				struct sl_writer w = sl_writer(body, room);
				m.memory = remembered ? memory[0] : NULL;
				sl_pipeline_encode(&p, &m, sample.v, &w, &sent, send);
				size_t length = sl_writer_length(&w);
				assert_true(length <= p.budget);
				m.memory = remembered ? memory[1] : NULL;
				assert_true(
				    sl_pipeline_decode(&p, &m, sl_reader(body, length), &got, receive));
				assert_int_equal(got.count, sent.count);
				for (uint32_t i = 0; i < got.count; i++) {
					assert_int_equal(got.index[i], sent.index[i]);
					assert_true(got.value[i] == sent.value[i]);
					assert_true(!strstr(texts[t], "float32") ||
					            got.value[i] == sample.v[got.index[i]]);
				}
				assert_memory_equal(memory[0], memory[1], remembered);
				shrunk += sent.count > p.least && length > p.budget * 4 / 5;
			}
			free(arena.base), free(twin.base), free(body), free(memory[0]), free(memory[1]);
			sample_free(&sample);
		}
	assert_true(shrunk > 10);
}

/* Sending fewer coordinates keeps the promise of those stages only that choose the largest. */
static void what_does_not_choose_by_size_is_not_fitted(void **state)
{
	(void)state;
	static const char *const texts[] = { "threshold:0.01 | float32 | raw",
		                             "threshold-auto:0.1 | float32 | raw",
		                             "randk:0.1 | float32 | raw", "bernoulli:0.1 | float32 | raw" };
	struct sl_layout layout;
	layout_fill(&layout, 10000, 100);
	for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
		struct sl_pipeline p;
		struct sl_error error;
		assert_int_equal(sl_pipeline_parse(&p, texts[t], &layout, &error), SL_OK);
		assert_int_equal(sl_pipeline_fit(&p, 4000, 4000, &error), SL_UNSUPPORTED);
	}
}

static void a_fitted_guarantee_is_the_floors(void **state)
{
	(void)state;
	struct sl_layout layout;
	struct sl_pipeline p, all;
	struct sl_error error;
	layout_fill(&layout, 100000, 100);
	assert_int_equal(sl_pipeline_parse(&p, "topk:0.05 | float32 | raw", &layout, &error), SL_OK);
	all = p;
	assert_int_equal(sl_pipeline_fit(&p, 4000, 4000, &error), SL_OK);
	assert_true(p.least > 100 && p.least < 1000);
	assert_true(fabs(sl_pipeline_guarantee(&p).delta - p.least / 1e5) < 1e-12);
	assert_true(sl_pipeline_gain(&p, &layout) < sl_pipeline_gain(&all, &layout) / 3);
	all = p;
	assert_int_equal(sl_pipeline_fit(&p, 10, 10, &error), SL_OUT_OF_RANGE);
	assert_int_equal(sl_pipeline_parse(&p, "randk:0.05 | float32 | raw", &layout, &error), SL_OK);
	assert_int_equal(sl_pipeline_fit(&p, 4000, 4000, &error), SL_UNSUPPORTED);
}

/* ---- peers under a budget ---- */

static struct {
	struct swarm *w;
	struct sent sent[SENT_MOST];
	unsigned count, snapshots;
} seen;

static enum sl_sim_fate note_sent(void *context, struct sl_sim_message *m)
{
	(void)context;
	struct sl_peer *p = sl_sim_peer(seen.w->sim, m->from);
	uint32_t edge = sl_peer_edge_to(p, m->to);
	if (sl_sim_halted(seen.w->sim, 1)) /* its last greetings wait for nothing */
		return SL_SIM_PASS;
	if (edge != SL_NO_EDGE && !p->edge[edge].stream.up) /* there is no connection: nothing leaves */
		return SL_SIM_PASS;
	if (m->from == 1 && seen.count < SENT_MOST)
		seen.sent[seen.count++] = (struct sent){ sl_sim_now(seen.w->sim).us,
			                                 (int64_t)sl_budget_message(m->send->header_length +
			                                                            m->send->body_length) };
	seen.snapshots += m->from == 1 && m->send->frame->kind == SL_FRAME_SNAPSHOT;
	return SL_SIM_PASS;
}

/* latency_us 0: the standard's. */
static void paced(struct swarm *w, const char *pace, uint64_t rate, uint32_t rounds, int64_t latency_us)
{
	static const struct sl_sim_watch watch = { .sent = note_sent };
	swarm_standard(w);
	snprintf(w->settings.pace_text, sizeof w->settings.pace_text, "%s", pace);
	w->settings.rounds = rounds;
	w->settings.round_timeout_us = 1000000;
	w->settings.link_timeout_us = 500000;
	w->settings.limit_rate = rate;
	w->network.rate = 1000000000;
	w->network.queue = 1000000;
	snprintf(w->topology_spec, sizeof w->topology_spec, "ring:4");
	w->network.latency_us = latency_us ? latency_us : w->network.latency_us;
	swarm_open(w);
	memset(&seen, 0, sizeof seen);
	seen.w = w;
	sl_sim_watch(w->sim, &watch);
}

/* Budgets so small that every timer would fire; nobody takes the waiting for a dead neighbour, and a snapshot for one
 * that has lost its disk pays as well. */
static void rounds_keep_to_the_budget(void **state)
{
	(void)state;
	static const char *const paces[] = { "lockstep", "staleness:2", "free" };
	static struct swarm w;
	for (int i = 0; i < 3; i++) {
		uint64_t rate = 4000;
		paced(&w, paces[i], rate, 40, 0);
		if (i == 2) {
			swarm_run_to(&w, 2, 20);
			sl_sim_kill(w.sim, 2);
			sl_sim_revive(w.sim, 2, SL_SIM_DISK_LOST);
		}
		swarm_run(&w, 1000000);
		assert_true(seen.count > 50);
		if (i == 2)
			assert_true(seen.snapshots > 0);
		/* credit and burst */
		check_windows(seen.sent, seen.count, rate, 600 + (int64_t)rate / 24);
		if (i < 2)
			assert_int_equal(swarm_count(&w, "edge-late") + swarm_count(&w, "link-down"), 0);
		swarm_close(&w);
	}
}

/* Steps of free peers rarely miss the end of a round, after which there would be nothing to send, even where a message takes
 * longer than a round. */
static void free_rounds_use_the_budget(void **state)
{
	(void)state;
	enum { SECONDS = 140, FIRST = 20 };
	static const struct {
		int64_t rate, latency_us, per_mille;
	} of[] = { { 4000, 100, 955 }, { 64000, 100000, 880 } };
	static struct swarm w;
	for (int i = 0; i < 2; i++) {
		paced(&w, "free", (uint64_t)of[i].rate, 100000, of[i].latency_us);
		while (sl_sim_now(w.sim).us < SECONDS * 1000000ll)
			assert_true(sl_sim_step(w.sim));
		int64_t bytes = 0;
		for (unsigned k = 0; k < seen.count; k++) /* each is acknowledged */
			if (seen.sent[k].at_us > FIRST * 1000000ll)
				bytes += seen.sent[k].bytes + SL_BUDGET_HEAD;
		print_message("%lld of 1000\n", (long long)(8000 * bytes / of[i].rate / (SECONDS - FIRST)));
		assert_true(8000 * bytes >= of[i].per_mille * of[i].rate * (SECONDS - FIRST));
		swarm_close(&w);
	}
}

/* In lockstep only time differs. */
static void a_budget_changes_no_bit(void **state)
{
	(void)state;
	static struct swarm w;
	uint64_t digest[2][4];
	int64_t us[2];
	for (int i = 0; i < 2; i++) {
		paced(&w, "lockstep", i ? 8000 : 0, 20, 0);
		swarm_run(&w, 1000000);
		us[i] = sl_sim_now(w.sim).us;
		for (uint32_t k = 0; k < 4; k++)
			digest[i][k] = swarm_digest(&w, k);
		swarm_close(&w);
	}
	for (uint32_t k = 0; k < 4; k++)
		assert_true(digest[0][k] == digest[1][k]);
	assert_true(us[1] > 10 * us[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_window_exceeds_the_bucket),
		cmocka_unit_test(a_bucket_loses_nothing_to_rounding),
		cmocka_unit_test(the_outbox_is_never_early_and_never_idle),
		cmocka_unit_test(greetings_come_first),
		cmocka_unit_test(what_the_kernel_counts_is_charged),
		cmocka_unit_test(a_volume_is_kept_in_any_such_time),
		cmocka_unit_test(a_fitted_pipeline_fits),
		cmocka_unit_test(what_does_not_choose_by_size_is_not_fitted),
		cmocka_unit_test(a_fitted_guarantee_is_the_floors),
		cmocka_unit_test(rounds_keep_to_the_budget),
		cmocka_unit_test(free_rounds_use_the_budget),
		cmocka_unit_test(a_budget_changes_no_bit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
