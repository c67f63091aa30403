/* The watch on divergence: what it sees, and what it does not; that no checkpoint of a diverging run replaces a good
 * one; run.on_divergence. */
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

/* A run whose gamma is far too large for its compressor and graph, or right. */
static struct swarm *run_of(double gamma, uint32_t rounds)
{
	struct swarm *w = calloc(1, sizeof *w);
	assert_non_null(w);
	swarm_standard(w);
	snprintf(w->topology_spec, sizeof w->topology_spec, "complete:6");
	snprintf(w->settings.pipeline, sizeof w->settings.pipeline, "topk:0.05 | float32 | raw");
	snprintf(w->settings.algorithm, sizeof w->settings.algorithm, "choco");
	w->features = 24;
	w->settings.gamma = gamma;
	w->settings.rounds = rounds;
	return w;
}

static void finish(struct swarm *w)
{
	swarm_close(w);
	free(w);
}

static const char *detail_of(const struct swarm *w, const char *kind)
{
	for (uint32_t i = 0; i < w->events; i++)
		if (strcmp(w->event[i].kind, kind) == 0)
			return w->event[i].detail;
	return "";
}

static bool diverging(const struct swarm *w, uint32_t peer)
{
	struct sl_peer_status s;
	sl_peer_status(sl_sim_peer(w->sim, peer), &s);
	return s.diverging;
}

static void every_peer_sees_it(void **state)
{
	(void)state;
	struct swarm *bad = run_of(0.9, 300), *good = run_of(0, 300);
	swarm_open(bad);
	swarm_open(good);
	swarm_run(bad, 10000000);
	swarm_run(good, 10000000);
	for (uint32_t i = 0; i < 6; i++)
		assert_true(diverging(bad, i) && !diverging(good, i));
	assert_int_equal(swarm_count(bad, "diverging"), 6);
	assert_int_equal(swarm_count(good, "diverging"), 0);
	assert_true(good->last_exact < 1 && bad->last_exact > 100);
	finish(bad);
	finish(good);
}

/* Drives the watch of a peer by hand: a look of eight rounds. */
static void look(struct sl_peer *p, double loss, double apart)
{
	for (int i = 0; i < 8; i++) {
		p->train_loss = loss;
		p->disagreement = apart;
		sl_watch_round(p);
	}
}

static void ignore(void *driver, const struct sl_action *a)
{
	uint32_t *count = driver;
	*count += a->kind == SL_ACTION_EVENT_ROW;
}

static struct sl_peer *bare_peer(struct swarm *w, uint32_t *count)
{
	swarm_open(w);
	struct sl_peer *p = sl_sim_peer(w->sim, 0);
	p->act = ignore;
	static const struct sl_scratch none;
	p->scratch = &none;
	p->driver = count;
	for (uint32_t k = 0; k < w->plan.dimension; k++)
		p->learner.x[k] = 0.1f;
	return p;
}

/* Noise, a jump, a slow rise, an overfitted loss: none of them is divergence. */
static void what_is_no_divergence(void **state)
{
	(void)state;
	uint32_t count = 0;
	struct swarm *w = run_of(0.1, 10);
	struct sl_peer *p = bare_peer(w, &count);
	for (int i = 0; i < 10; i++) /* as it begins: apart at first, then closer */
		look(p, 2.3 / (1 + i), 0.5 / (1 + i));
	for (int i = 0; i < 20; i++) /* noise around its end */
		look(p, i % 3 ? 1e-5 : 2e-3, i % 2 ? 1e-6 : 1e-5);
	look(p, 0.5, 3); /* a partition has ended */
	look(p, 0.1, 1);
	for (int i = 0; i < 12; i++) /* small, and rising for long */
		look(p, 1e-3 * (1 + i), 1e-4 * (1 + i));
	assert_int_equal(count, 0);
	look(p, (double)NAN, (double)NAN);
	assert_false(p->watch.diverging);
	finish(w);
}

static void it_ends_when_values_come_back(void **state)
{
	(void)state;
	uint32_t count = 0;
	struct swarm *w = run_of(0.1, 10);
	struct sl_peer *p = bare_peer(w, &count);
	for (int i = 0; i < 6; i++)
		look(p, 1, 0.01);
	for (int i = 0; i < 5; i++)
		look(p, 1, 2 + i);
	assert_false(p->watch.diverging); /* not yet: it has grown five times */
	look(p, 1, 8);
	assert_true(p->watch.diverging);
	look(p, 1, 0.5);
	assert_true(p->watch.diverging);
	look(p, 1, 0.01);
	assert_false(p->watch.diverging);
	assert_int_equal(count, 2);
	for (int i = 0; i < 6; i++)
		look(p, 2e5 + 1e4 * i, 0.01);
	assert_true(p->watch.diverging);
	finish(w);
}

/* The last good checkpoint stays, and a peer that would have to write another halts. */
static void no_checkpoint_replaces_a_good_one(void **state)
{
	(void)state;
	struct swarm *w = run_of(0.9, 300);
	w->settings.checkpoint_every = 10;
	swarm_open(w);
	for (int i = 0; swarm_count(w, "halted") == 0;
	     i++) /* neighbours have no room for more frames of its own */
		assert_true(i < 1000000 && sl_sim_step(w->sim));
	uint32_t halted = UINT32_MAX, found = 0;
	for (uint32_t k = 0; k < w->events; k++)
		halted = strcmp(w->event[k].kind, "halted") == 0 ? w->event[k].peer : halted;
	for (uint32_t k = 0; k < w->events; k++)
		if (w->event[k].peer == halted && strcmp(w->event[k].kind, "diverging") == 0)
			found = w->event[k].round;
	assert_non_null(strstr(detail_of(w, "halted"), "the last good one is kept"));
	assert_int_equal(sl_peer_save(sl_sim_peer(w->sim, halted), NULL, NULL), 0);
	uint32_t durable = sl_sim_durable_rounds(w->sim, halted);
	assert_true(durable > 0 && durable <= found);
	sl_sim_kill(w->sim, halted);
	sl_sim_revive(w->sim, halted, SL_SIM_DISK_NEWEST);
	assert_int_equal(sl_peer_round(sl_sim_peer(w->sim, halted)), durable);
	assert_false(diverging(w, halted));
	assert_true(
	    sl_sim_peer(w->sim, halted)->watch.apart.known); /* what it had seen is in the checkpoint */
	finish(w);
}

static void it_stops_where_asked_to(void **state)
{
	(void)state;
	struct swarm *w = run_of(0.9, 300);
	w->settings.on_divergence = SL_DIVERGENCE_STOP;
	swarm_open(w);
	while (swarm_count(w, "halted") == 0)
		assert_true(sl_sim_step(w->sim));
	assert_non_null(strstr(detail_of(w, "halted"), "on_divergence = stop"));
	finish(w);
}

static void it_halves_gamma_where_ends_may_differ(void **state)
{
	(void)state;
	struct sl_error error;
	struct swarm *w = run_of(0.9, 600);
	w->settings.on_divergence = SL_DIVERGENCE_HALVE;
	assert_int_equal(sl_settings_check(&w->settings, &error), SL_UNSUPPORTED);
	assert_non_null(strstr(error.text, "both ends of an edge must use the same gamma"));
	snprintf(w->settings.robust, sizeof w->settings.robust, "clip-at:1e6");
	swarm_open(w);
	swarm_run(w, 10000000);
	assert_true(swarm_count(w, "gamma") >= 6);
	for (uint32_t i = 0; i < 6; i++)
		assert_true(sl_peer_gamma(sl_sim_peer(w->sim, i), 1) <= 0.45);
	finish(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_peer_sees_it),
		cmocka_unit_test(what_is_no_divergence),
		cmocka_unit_test(it_ends_when_values_come_back),
		cmocka_unit_test(no_checkpoint_replaces_a_good_one),
		cmocka_unit_test(it_stops_where_asked_to),
		cmocka_unit_test(it_halves_gamma_where_ends_may_differ),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
