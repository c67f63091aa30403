/* scenario.c — what a seed of the swarm stands for. */
#include "gossip/algorithm.h"
#include "gossip/reads.h"
#include "sim/swarm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 12 };

static const char *const graphs[] = { "ring:3",     "ring:4",     "ring:5",    "ring:8",
	                              "path:2",     "path:4",     "star:4",    "star:5",
	                              "complete:3", "complete:4", "torus:3x3", "hypercube:8" };
/* For a liar among them: it is nobody's only neighbour. */
static const char *const meshes[] = { "ring:3",     "ring:5",    "ring:8",     "complete:4",
	                              "complete:5", "torus:3x3", "hypercube:8" };
/* Those that change from round to round; the last have directions too, which asks for exact runs. */
static const char *const changing[] = {
	"one-peer-hypercube:4",   "one-peer-hypercube:8", "base:5,2", "base:6,3",
	"one-peer-exponential:5", "directed-ring:4"
};
enum { DIRECTED = 2 };
static const char *const pipelines[] = { "topk:0.2 | dither:16 | golomb", "topk:0.3 | float32 | raw",
	                                 "all | float32 | raw",           "all | dither:8 | golomb",
	                                 "topk:0.1 | dither:8 | elias",   "all | qsgd:4 | elias" };
static const char *const paces[] = { "lockstep", "staleness:1", "staleness:3", "free" };

#define PICK(g, list) (list)[sl_random_below(g, sizeof(list) / sizeof *(list))]

/* Algorithms whose duals must sum to zero cannot go on from the neighbours' copies: not for runs that lose
 * disks. */
static const char *draw_algorithm(enum sl_swarm_kind kind, struct sl_random *g)
{
	uint32_t algorithms = 0;
	while (sl_algorithms[algorithms])
		algorithms++;
	const struct sl_algorithm *a = sl_algorithms[sl_random_below(g, algorithms)];
	if (kind == SL_SWARM_MEAN || kind == SL_SWARM_HOSTILE ||
	    (kind == SL_SWARM_SURVIVE && a->irrecoverable))
		return "choco";
	return a->name;
}

static const char *draw_graph(uint64_t seed, enum sl_swarm_kind kind, const char *otherwise)
{
	struct sl_random g = sl_random_stream(seed, UINT32_MAX, "changing", 0);
	uint32_t count = sizeof changing / sizeof *changing - (kind == SL_SWARM_EXACT ? 0 : DIRECTED);
	return sl_random_below(&g, 4) ? otherwise : changing[sl_random_below(&g, count)];
}

/* All magnitudes from least to most alike. */
static int64_t draw_us(struct sl_random *g, double least, double most)
{
	return (int64_t)(least * pow(most / least, sl_random_unit_double(g)));
}

static void draw_settings(struct sl_swarm *w, struct sl_random *g)
{
	struct sl_settings *s = &w->settings;
	sl_settings_standard(s);
	s->seed = sl_random_u64(g) >> 33;
	s->evaluate = 1 + sl_random_below(g, 12);
	s->batch = 4;
	s->local_steps = 1 + sl_random_below(g, 2);
	s->gamma = 0.1 + 0.5 * sl_random_unit_double(g);
	s->gamma = s->gamma < 0.35 ? s->gamma : 0; /* auto: it follows the rosters */
	s->eta = 0.05;
	s->sketch = 0;
	s->momentum = sl_random_below(g, 3) ? 0 : 0.5;
	s->checkpoint_every = sl_random_below(g, 4) ? 1 + sl_random_below(g, 8) : 0;
	s->catch_up = sl_random_below(g, 2) ? 5 + sl_random_below(g, 100) : 1000000;
	s->link_timeout_us = draw_us(g, 300000, 10e6);
	snprintf(s->model, sizeof s->model, "%s", sl_random_below(g, 3) ? "softmax" : "mlp:3");
	snprintf(s->pipeline, sizeof s->pipeline, "%s", PICK(g, pipelines));
	snprintf(s->algorithm, sizeof s->algorithm, "%s", draw_algorithm(w->kind, g));
	s->round_timeout_us = INT64_MAX;
	if (w->kind == SL_SWARM_EXACT) {
		s->rounds = 5 + sl_random_below(g, 30);
		return;
	}
	const char *pace = PICK(g, paces);
	snprintf(s->pace_text, sizeof s->pace_text, "%s", pace);
	s->rounds = w->kind == SL_SWARM_MEAN ? 100 + sl_random_below(g, 100) : 40 + sl_random_below(g, 60);
	bool disk_lost = w->kind == SL_SWARM_SURVIVE || w->kind == SL_SWARM_HOSTILE; /* or a liar */
	if (strcmp(pace, "lockstep") != 0 || disk_lost || sl_random_below(g, 2))
		s->round_timeout_us = draw_us(g, 100000, 3e6);
	if (w->kind == SL_SWARM_MEAN)
		s->catch_up = 1000000; /* a skipped round is a skipped step of nobody; but the mean is
		                          watched, not the rounds */
}

/* Disks and absences against which rings are short: drawn beside the rest, which does not move by it. */
static void draw_disks(struct sl_swarm *w)
{
	struct sl_random g = sl_random_stream(w->seed, UINT32_MAX, "disks", 0);
	struct sl_settings *s = &w->settings;
	bool longer = sl_random_below(&g, 3) == 0;
	if (!longer || (w->kind != SL_SWARM_EXACT && w->kind != SL_SWARM_SURVIVE))
		return;
	s->rounds = 80 + sl_random_below(&g, 160);
	for (uint32_t i = 0; i < w->topology.peers && s->checkpoint_every; i++)
		if (sl_random_below(&g, 3) == 0)
			w->disk[i] = 0.3 * pow(300, sl_random_unit_double(&g));
}

/* Where nobody waits for the absent, a round must be long against a lost frame, or all rounds are over before
 * it is asked for. */
static void draw_network(struct sl_swarm *w, struct sl_random *g)
{
	bool waits = w->settings.round_timeout_us == INT64_MAX && w->settings.pace == SL_PACE_LOCKSTEP;
	w->network.latency_us = draw_us(g, 50, 20000);
	w->network.jitter_us = sl_random_below(g, 2) ? w->network.latency_us / 2 : 0;
	w->network.compute_us = waits ? draw_us(g, 100, 20000) : draw_us(g, 50000, 500000);
	if (sl_random_below(g, 2)) {
		w->network.loss = 0.1 * sl_random_unit_double(g);
		w->network.duplicate = 0.1 * sl_random_unit_double(g);
		w->network.reorder = 0.1 * sl_random_unit_double(g);
	}
}

/* One seed in four has links that are connections, some of them so thin that a frame takes longer than a timeout: drawn
 * beside the rest, which does not move by it. */
static void draw_links(struct sl_swarm *w)
{
	enum { SEEDS_A_LINK = 4 };
	struct sl_random g = sl_random_stream(w->seed, UINT32_MAX, "links", 0);
	struct sl_sim_network *n = &w->network;
	if (sl_random_below(&g, SEEDS_A_LINK))
		return;
	n->bottleneck = sl_random_below(&g, 3) == 0;
	n->rate = (uint64_t)draw_us(&g, 32e3, 10e6) * (n->bottleneck ? w->topology.edges : 1);
	n->queue = (uint64_t)draw_us(&g, 1e3, 256e3);
	n->jitter_us = 0;
	n->loss = n->duplicate = n->reorder = 0;
}

/* Half of the Byzantine peers lie at random: drawn beside the rest, which does not move by it. */
static void draw_attack(struct sl_swarm *w)
{
	struct sl_random g = sl_random_stream(w->seed, UINT32_MAX, "attack", 0);
	if (w->kind == SL_SWARM_HOSTILE && sl_random_below(&g, 2))
		w->attack = (enum sl_attack)(1 + sl_random_below(&g, SL_ATTACK_COUNT - 1));
}

static bool is_at_starts(enum sl_attack a)
{
	return a == SL_ATTACK_THIEF || a == SL_ATTACK_CHANGELING || a == SL_ATTACK_WRAP;
}

static void draw_faults(struct sl_swarm *w)
{
	uint32_t crashes = 1u << SL_FAULT_CRASH | 1u << SL_FAULT_CRASH_ALL, lost = 1u << SL_FAULT_DISK_LOST;
	uint32_t weights = 1u << SL_FAULT_WEIGHTS, members = 1u << SL_FAULT_MEMBERS;
	w->allowed = (1u << SL_FAULT_COUNT) - 1;
	/* What a roster brings and when depends on time; and a lost member would leave a term at one end
	 * only. */
	if (w->kind == SL_SWARM_EXACT || w->plan.algorithm->irrecoverable || w->plan.algorithm->aggregate)
		w->allowed &= ~(weights | members);
	if (w->kind == SL_SWARM_MEAN)
		w->allowed &= ~members;
	w->part = w->kind == SL_SWARM_EXACT ? 0.95 : 0.5;
	if (w->kind == SL_SWARM_MEAN || w->kind == SL_SWARM_HOSTILE)
		w->allowed &= ~(crashes | (is_at_starts(w->attack) ? 0 : lost));
	if (w->kind == SL_SWARM_HOSTILE) /* all noise is the liar's */
		w->allowed &= ~(1u << SL_FAULT_GARBAGE | weights | members);
	if (w->kind == SL_SWARM_EXACT)
		w->allowed &= ~(lost | (w->settings.checkpoint_every ? 0 : crashes));
}

static enum sl_status make_data(struct sl_swarm *w, uint32_t features, uint32_t classes,
                                struct sl_error *error)
{
	uint32_t peers = w->topology.peers, total = (peers + 1) * SAMPLES;
	w->numbers = calloc((size_t)total * features, sizeof *w->numbers);
	w->labels = calloc(total, sizeof *w->labels);
	if (!w->numbers || !w->labels)
		return sl_fail(error, SL_NO_MEMORY, "no memory for the samples of %u peers", peers);
	struct sl_random g = sl_random_stream(w->seed, 0, "samples", 0);
	for (uint32_t s = 0; s < total; s++) {
		w->labels[s] = (uint16_t)sl_random_below(&g, classes);
		for (uint32_t f = 0; f < features; f++)
			w->numbers[(size_t)s * features + f] =
			    (f % classes == w->labels[s] ? 1.5f : 0) + 0.5f * (float)sl_random_normal(&g);
	}
	for (uint32_t i = 0; i <= peers; i++) {
		struct sl_dataset *d = i < peers ? &w->shard[i] : &w->test;
		*d = (struct sl_dataset){ .kind = SL_FEATURES_FLOAT,
			                  .samples = SAMPLES,
			                  .features = features,
			                  .classes = classes,
			                  .dense = w->numbers + (size_t)i * SAMPLES * features,
			                  .label = w->labels + i * SAMPLES };
	}
	return SL_OK;
}

/* What a neighbour may do, and how it is mixed with: drawn beside the rest, which does not move by it. */
static void draw_guard(struct sl_swarm *w)
{
	static const char *const mixing[] = { "clip:1", "trim:1", "clip-at:0.2" };
	struct sl_random g = sl_random_stream(w->seed, UINT32_MAX, "guard", 0);
	struct sl_settings *s = &w->settings;
	s->quarantine_us = draw_us(&g, 50000, 3e6);
	if (sl_random_below(&g, 2))
		s->limit_refusals = 2 + sl_random_below(&g, 20);
	s->detect_every = sl_random_below(&g, 4) ? 0 : 1 + sl_random_below(&g, 4);
	if (w->kind != SL_SWARM_MEAN && sl_random_below(&g, 4) == 0)
		snprintf(s->robust, sizeof s->robust, "%s", PICK(&g, mixing));
}

/* With gamma = auto instead of the number drawn: whether there is a gamma under which the run cannot diverge. */
static enum sl_status check_stable(const struct sl_swarm *w, const struct sl_plan_graph *graph,
                                   uint32_t features, uint32_t classes, struct sl_error *error)
{
	struct sl_settings settings = w->settings;
	struct sl_plan plan;
	char note[SL_TEXT_MAX];
	settings.gamma = 0;
	struct sl_run_settings all = sl_run_settings_of(&settings);
	return sl_plan_make(&plan, &all, graph, features, classes, &w->test, note, error);
}

/* Combinations that are refused, or diverge whatever gamma is, are run with plain mixing, or then with an algorithm
 * that takes all. */
static enum sl_status make_plan(struct sl_swarm *w, uint32_t features, uint32_t classes,
                                struct sl_error *error)
{
	struct sl_spectrum spectrum;
	char note[SL_TEXT_MAX];
	const struct sl_topology *t = &w->topology;
	enum sl_status status = SL_OK;
	sl_topology_spectrum(t, &spectrum);
	struct sl_plan_graph graph = sl_plan_graph_of(t, &spectrum);
	for (int attempt = 0; attempt < 3; attempt++) {
		if (attempt == 1)
			snprintf(w->settings.robust, sizeof w->settings.robust, "none");
		if (attempt == 2)
			snprintf(w->settings.algorithm, sizeof w->settings.algorithm, "choco");
		sl_settings_drop_unread(&w->settings);
		status = sl_settings_check(&w->settings, error);
		struct sl_run_settings all = sl_run_settings_of(&w->settings);
		if (status == SL_OK)
			status = check_stable(w, &graph, features, classes, error);
		if (status == SL_OK)
			status =
			    sl_plan_make(&w->plan, &all, &graph, features, classes, &w->test, note, error);
		if (status == SL_OK)
			break;
	}
	return status;
}

static enum sl_status make_probe(struct sl_swarm *w, struct sl_error *error)
{
	w->plan.settings.eta = w->plan.settings.eta_end = w->plan.settings.lambda = 0;
	w->plan.settings.eta_schedule = SL_ETA_CONSTANT;
	w->probe = calloc(w->plan.dimension, sizeof *w->probe);
	if (!w->probe)
		return sl_fail(error, SL_NO_MEMORY, "no memory for a probe");
	struct sl_random g = sl_random_stream(w->seed, 0, "probe", 0);
	for (uint32_t k = 0; k < w->plan.dimension; k++)
		w->probe[k] = sl_random_u64(&g) & 1 ? 1.0f : -1.0f;
	w->plan.probe = w->probe;
	return SL_OK;
}

/* With models of a real size an absent neighbour's frames fill a journal in a minute; here runs are short,
 * and bodies far below their bound: some get the least that a plan can have for its frames. However long a
 * disk fails, those of exact runs reach back to what it holds: beyond that a crash cannot be exact. */
static void draw_journal(struct sl_swarm *w)
{
	struct sl_random g = sl_random_stream(w->seed, UINT32_MAX, "journal", 0);
	struct sl_plan *plan = &w->plan;
	size_t least = (2 * (size_t)plan->period + 1) * plan->body_bound,
	       small = plan->resend_bytes + 2 * plan->body_bound;
	if (w->kind == SL_SWARM_EXACT)
		return;
	if (sl_random_below(&g, 2))
		plan->journal_bytes = small > least ? small : least;
	if (sl_random_below(&g, 4) == 0)
		plan->journal_frames = 16 + 4 * plan->period;
}

enum sl_status sl_swarm_draw(struct sl_swarm *w, uint64_t seed, struct sl_error *error)
{
	struct sl_random g = sl_random_stream(seed, UINT32_MAX, "scenario", 0);
	static const enum sl_swarm_kind kinds[] = { SL_SWARM_EXACT, SL_SWARM_EXACT, SL_SWARM_MEAN,
		                                    SL_SWARM_SURVIVE, SL_SWARM_HOSTILE };
	memset(w, 0, sizeof *w);
	w->seed = seed;
	w->kind = PICK(&g, kinds);
	const char *graph =
	    w->kind == SL_SWARM_HOSTILE ? PICK(&g, meshes) : draw_graph(seed, w->kind, PICK(&g, graphs));
	uint32_t features = 4 + sl_random_below(&g, 5), classes = 3;
	draw_settings(w, &g);
	draw_guard(w);
	enum sl_status status = sl_topology_make(&w->topology, graph, seed, error);
	draw_disks(w);
	if (status == SL_OK)
		status = make_data(w, features, classes, error);
	if (status == SL_OK)
		status = make_plan(w, features, classes, error);
	if (status == SL_OK && w->kind == SL_SWARM_MEAN)
		status = make_probe(w, error);
	if (status == SL_OK)
		draw_journal(w);
	if (sl_random_below(&g, 2))
		w->plan.snapshot_piece = 64; /* several pieces, also of a small model */
	w->plan.run = 77;
	w->plan.session = 99;
	draw_network(w, &g);
	draw_links(w);
	draw_attack(w);
	draw_faults(w);
	return status;
}

void sl_swarm_free(struct sl_swarm *w)
{
	sl_topology_free(&w->topology);
	free(w->numbers);
	free(w->labels);
	free(w->probe);
}
