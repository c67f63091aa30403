#include "swarm.h"

#include "gossip/peer/state.h"
#include "gossip/reads.h"
#include "linalg/vector.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void swarm_standard(struct swarm *w)
{
	memset(w, 0, sizeof *w);
	sl_settings_standard(&w->settings);
	w->settings.rounds = 40;
	w->settings.round_timeout_us = INT64_MAX;
	w->settings.evaluate = 10;
	w->settings.batch = 8;
	w->settings.local_steps = 1;
	snprintf(w->settings.model, sizeof w->settings.model, "softmax");
	snprintf(w->settings.pipeline, sizeof w->settings.pipeline, "topk:0.2 | dither:16 | golomb");
	snprintf(w->topology_spec, sizeof w->topology_spec, "ring:8");
	w->network = (struct sl_sim_network){ .latency_us = 100, .jitter_us = 50, .compute_us = 1000 };
	w->samples = 60;
	w->features = 12;
	w->classes = 4;
}

static void make_data(struct swarm *w)
{
	uint32_t peers = w->topology.peers, total = (peers + 1) * w->samples;
	w->numbers = calloc((size_t)total * w->features, sizeof *w->numbers);
	w->labels = calloc(total, sizeof *w->labels);
	assert_non_null(w->numbers);
	assert_non_null(w->labels);
	struct sl_random centre = sl_random_stream(7, 0, "centres", 0),
	                 g = sl_random_stream(7, 0, "samples", 0);
	float middle[8][64];
	for (uint32_t c = 0; c < w->classes; c++)
		for (uint32_t f = 0; f < w->features; f++)
			middle[c][f] = (float)sl_random_normal(&centre);
	for (uint32_t s = 0; s < total; s++) {
		uint32_t label = sl_random_below(&g, w->classes);
		w->labels[s] = (uint16_t)label;
		for (uint32_t f = 0; f < w->features; f++)
			w->numbers[(size_t)s * w->features + f] =
			    middle[label][f] + 0.7f * (float)sl_random_normal(&g);
	}
	for (uint32_t i = 0; i <= peers; i++) {
		struct sl_dataset *d = i < peers ? &w->shard[i] : &w->test;
		*d = (struct sl_dataset){ .kind = SL_FEATURES_FLOAT,
			                  .samples = w->samples,
			                  .features = w->features,
			                  .classes = w->classes,
			                  .dense = w->numbers + (size_t)i * w->samples * w->features,
			                  .label = w->labels + i * w->samples };
	}
}

static void on_round(void *context, const struct sl_round_row *row)
{
	struct swarm *w = context;
	w->rows++;
	w->last_penalty[row->peer] = row->penalty;
	w->payload_tx[row->peer] = row->payload_tx;
	if (!isnan(row->test_accuracy))
		w->last_accuracy[row->peer] = row->test_accuracy;
}

static void on_link(void *context, const struct sl_link_row *row)
{
	struct swarm *w = context;
	w->link[row->peer] = *row;
}

static void on_event(void *context, const struct sl_event_row *row)
{
	struct swarm *w = context;
	if (getenv("SWARM_VERBOSE"))
		fprintf(stderr, "%8lld peer %u round %u %s: %s\n", (long long)row->at_us, row->peer,
		        row->round, row->kind, row->detail);
	if (w->events < SWARM_EVENTS_MAX)
		w->event[w->events++] = *row;
}

static void on_exact(void *context, uint32_t round, double error)
{
	struct swarm *w = context;
	(void)round;
	w->exact_rows++;
	w->last_exact = error;
}

static void make_plan(struct swarm *w)
{
	struct sl_error error = { 0 };
	char note[SL_TEXT_MAX];
	if (sl_topology_make(&w->topology, w->topology_spec, w->settings.seed, &error) != SL_OK)
		fail_msg("%s", error.text);
	assert_true(w->topology.peers <= SWARM_PEERS_MAX);
	make_data(w);
	sl_settings_drop_unread(&w->settings);
	if (sl_settings_check(&w->settings, &error) != SL_OK)
		fail_msg("%s", error.text);
	struct sl_spectrum spectrum;
	sl_topology_spectrum(&w->topology, &spectrum);
	struct sl_plan_graph graph = sl_plan_graph_of(&w->topology, &spectrum);
	struct sl_run_settings all = sl_run_settings_of(&w->settings);
	if (sl_plan_make(&w->plan, &all, &graph, w->features, w->classes, &w->test, note, &error) != SL_OK)
		fail_msg("%s", error.text);
	sl_plan_make_room(&w->plan, w->room);
	w->plan.run = 77;
	w->plan.session = 99;
}

static void open_sim(struct swarm *w)
{
	struct sl_error error = { 0 };
	if (w->choose)
		w->choose(w);
	struct sl_sim_setup setup = {
		&w->plan,
		&w->topology,
		w->shard,
		w->network,
		w->unchecked ? SL_SIM_CHECK_NONE : SL_SIM_CHECK_COPIES,
		{ .context = w, .round = on_round, .link = on_link, .event = on_event, .exact = on_exact },
		.roster = w->roster
	};
	w->sim = sl_sim_open(&setup, &error);
	assert_non_null(w->sim);
}

void swarm_open(struct swarm *w)
{
	make_plan(w);
	open_sim(w);
}

void swarm_open_probed(struct swarm *w)
{
	w->settings.lambda = 0;
	make_plan(w);
	w->plan.settings.eta = w->plan.settings.eta_end = 0;
	w->plan.settings.eta_schedule = SL_ETA_CONSTANT;
	w->probe = calloc(w->plan.dimension, sizeof *w->probe);
	assert_non_null(w->probe);
	struct sl_random g = sl_random_stream(3, 0, "probe", 0);
	for (uint32_t k = 0; k < w->plan.dimension; k++)
		w->probe[k] = sl_random_u64(&g) & 1 ? 1.0f : -1.0f;
	w->plan.probe = w->probe;
	open_sim(w);
	for (uint32_t i = 0; i < w->topology.peers; i++)
		for (uint32_t k = 0; k < w->plan.dimension; k++)
			sl_sim_peer(w->sim, i)->learner.x[k] += (float)sl_random_normal(&g);
}

void swarm_close(struct swarm *w)
{
	sl_sim_close(w->sim);
	sl_topology_free(&w->topology);
	free(w->numbers);
	free(w->labels);
	free(w->probe);
}

void swarm_run(struct swarm *w, uint64_t events_most)
{
	if (!sl_sim_run(w->sim, events_most))
		fail_msg("%s", sl_sim_trouble(w->sim));
}

void swarm_run_to(struct swarm *w, uint32_t peer, uint32_t round)
{
	for (uint64_t n = 0; sl_peer_round(sl_sim_peer(w->sim, peer)) < round; n++) {
		if (n > 5000000 || !sl_sim_step(w->sim))
			fail_msg("peer %u never reached round %u: %s", peer, round,
			         sl_sim_trouble(w->sim) ? sl_sim_trouble(w->sim) : "it takes too long");
	}
}

uint64_t swarm_digest(const struct swarm *w, uint32_t peer)
{
	return sl_vector_digest(w->plan.dimension, 0, sl_peer_model(sl_sim_peer(w->sim, peer)));
}

uint32_t swarm_count(const struct swarm *w, const char *kind)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < w->events; i++)
		count += strcmp(w->event[i].kind, kind) == 0;
	return count;
}
