/* swarm.c — runs a seed, and judges. */
#include "sim/swarm.h"

#include "gossip/algorithm.h"
#include "gossip/inspect.h"
#include "linalg/vector.h"
#include "sim/closing.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EVENTS_MOST = 300000 };

enum row_state { ROW_NONE, ROW_WRITTEN };

/* One run, disturbed or not, and the history that it leaves. */
struct run {
	const struct sl_swarm *swarm;
	struct sl_sim *sim;
	struct sl_faults faults;
	struct sl_closing closing;
	struct sl_adversary adversary;
	uint32_t ahead;      /* of all honest peers' rounds the latest, before the event in hand */
	uint32_t shifts[64]; /* epochs that a peer has started */
	uint32_t unheard;    /* times that a peer left without having heard of all neighbours */
	bool disturbed;
	bool diverged;            /* a peer saw the run diverge: what it ends with is promised no more */
	struct sl_round_row *row; /* peers × rounds */
	uint8_t *state;
	uint64_t digest[64];
	double spread, mean, most; /* mean, most: of the probe */
	struct sl_random random;   /* which rows a crash takes along */
	void (*event)(void *, const struct sl_event_row *);
	void *context;
	char *trouble;
	size_t trouble_size;
};

__attribute__((format(printf, 2, 3))) static void wrong(struct run *r, const char *format, ...)
{
	if (r->trouble[0] || r->diverged)
		return;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(r->trouble, r->trouble_size, format, arguments);
	va_end(arguments);
}

static bool same_double(double a, double b)
{
	return a == b || (isnan(a) && isnan(b));
}

/* The first column in which two rows of a round differ, or NULL. */
static const char *differs(const struct sl_round_row *a, const struct sl_round_row *b)
{
	return !same_double(a->train_loss, b->train_loss)         ? "train_loss"
	       : !same_double(a->test_loss, b->test_loss)         ? "test_loss"
	       : !same_double(a->test_accuracy, b->test_accuracy) ? "test_accuracy"
	       : a->nonzero != b->nonzero                         ? "nonzero"
	       : !same_double(a->disagreement, b->disagreement)   ? "disagreement"
	       : !same_double(a->penalty, b->penalty)             ? "penalty"
	       : a->payload_tx != b->payload_tx                   ? "payload_tx"
	       : a->payload_rx != b->payload_rx                   ? "payload_rx"
	                                                          : NULL;
}

static void on_round(void *context, const struct sl_round_row *row)
{
	struct run *r = context;
	size_t at = (size_t)row->peer * r->swarm->settings.rounds + row->round;
	const char *column = r->state[at] == ROW_WRITTEN ? differs(&r->row[at], row) : NULL;
	if (column && r->swarm->kind == SL_SWARM_EXACT)
		wrong(r, "peer %u reported round %u twice, with another %s", row->peer, row->round, column);
	if (r->state[at] == ROW_NONE)
		r->row[at] = *row;
	r->state[at] = ROW_WRITTEN;
}

static void on_event(void *context, const struct sl_event_row *row)
{
	struct run *r = context;
	r->shifts[row->peer] += strcmp(row->kind, "mean-shift") == 0;
	r->unheard += strcmp(row->kind, "left-unheard") == 0;
	if (strcmp(row->kind, "backlog-dropped") == 0 && r->swarm->kind == SL_SWARM_EXACT)
		wrong(r, "peer %u dropped what a neighbour needs: %s", row->peer, row->detail);
	bool tight = r->swarm->settings.limit_refusals < 64; /* lives that fork send a few that do not fit */
	if (strcmp(row->kind, "quarantine") == 0 && !tight && !r->adversary.sim &&
	    !r->faults.happened[SL_FAULT_GARBAGE])
		wrong(r, "peer %u quarantined a correct neighbour: %s", row->peer, row->detail);
	if (r->event)
		r->event(r->context, row);
}

/* Rows before a durable checkpoint are durable; of the others a crash leaves the first few. */
static void on_kill(void *context, uint32_t peer)
{
	struct run *r = context;
	uint32_t rounds = r->swarm->settings.rounds, durable = sl_sim_durable_rounds(r->sim, peer);
	uint32_t left = durable + sl_random_below(&r->random, rounds - durable + 1);
	memset(r->state + (size_t)peer * rounds + left, ROW_NONE, rounds - left);
}

static double spread(const struct run *r)
{
	return sl_closing_spread(r->sim, &r->swarm->topology, r->swarm->plan.dimension);
}

static bool open_run(struct run *r, struct sl_error *error)
{
	const struct sl_swarm *w = r->swarm;
	size_t rows = (size_t)w->topology.peers * w->settings.rounds;
	struct sl_sim_setup setup = { &w->plan,
		                      &w->topology,
		                      w->shard,
		                      w->network,
		                      w->kind == SL_SWARM_EXACT ? SL_SIM_CHECK_EXACT : SL_SIM_CHECK_COPIES,
		                      { .context = r, .round = on_round, .event = on_event } };
	if (r->disturbed) {
		sl_faults_draw(&r->faults, w->seed, &w->topology, w->part, w->settings.rounds, w->allowed);
		setup.roster = sl_faults_first_roster(&r->faults, w->allowed);
	}
	if (!r->disturbed)
		setup.network.loss = setup.network.duplicate = setup.network.reorder = 0;
	r->row = calloc(rows, sizeof *r->row);
	r->state = calloc(rows, 1);
	r->sim = sl_sim_open(&setup, error);
	if (!r->sim || !r->row || !r->state)
		return false;
	int64_t round_us = w->network.compute_us + w->network.latency_us;
	for (uint32_t i = 0; i < w->topology.peers && r->disturbed; i++)
		sl_sim_disk_speed(r->sim, i, (int64_t)(w->disk[i] * (double)round_us));
	r->random = sl_random_stream(w->seed, UINT32_MAX, "rows", 0);
	if (r->disturbed) {
		r->faults.run = w->plan.run;
		r->faults.calm = w->network;
		r->faults.killed = on_kill;
		r->faults.context = r;
		if (w->kind == SL_SWARM_HOSTILE)
			sl_adversary_start(&r->adversary, r->sim, &w->plan, &w->topology, w->seed, w->attack);
		r->faults.keep = w->settings.checkpoint_every == 0 || w->kind == SL_SWARM_MEAN ||
		                 w->kind == SL_SWARM_HOSTILE;
	}
	return true;
}

/* At η = 0 models differ from the start on, and only mixing moves them. */
static void start_mean(struct run *r)
{
	const struct sl_swarm *w = r->swarm;
	struct sl_random g = sl_random_stream(w->seed, 0, "apart", 0);
	for (uint32_t i = 0; i < w->topology.peers; i++) {
		float *x = sl_peer_poison(sl_sim_peer(r->sim, i));
		for (uint32_t k = 0; k < w->plan.dimension; k++)
			x[k] += (float)sl_random_normal(&g);
	}
	r->mean = sl_sim_mean_probe(r->sim);
	r->spread = spread(r);
}

/* 1e-5·max|x| a coordinate (the invariant), over all coordinates with the probe's signs. */
static void check_mean(struct run *r)
{
	double moved = fabs(sl_sim_mean_probe(r->sim) - r->mean);
	r->most = fmax(r->most, moved);
	if (!(moved <= 5e-5 * r->swarm->plan.dimension))
		wrong(r, "the mean of the models has moved by %g", moved);
}

/* Where everybody stands: "0 waiting at 14 for 5; 3 halted …" */
static void did_not_end(struct run *r)
{
	char text[300];
	size_t n = 0;
	text[0] = '\0';
	for (uint32_t i = 0; i < r->swarm->topology.peers && n < sizeof text; i++) {
		struct sl_peer_status status;
		const struct sl_peer *p = sl_sim_peer(r->sim, i);
		sl_peer_status(p, &status);
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%u %s at %u", i ? "; " : "", i,
		                      status.phase, status.round);
		const char *join = " for ";
		for (uint32_t k = 0; k < status.degree && n < sizeof text; k++) {
			struct sl_peer_edge_status e;
			sl_peer_edge_status(p, k, &e);
			bool held_up = status.round == r->swarm->settings.rounds ? !e.finished
			                                                         : e.waited_for || !e.greeted;
			if (!held_up)
				continue;
			n += (size_t)snprintf(text + n, sizeof text - n, "%s%u%s%s", join, e.neighbour,
			                      e.greeted ? "" : " (not greeted)", e.up ? "" : " (down)");
			join = ",";
		}
	}
	wrong(r, "the run did not end within %u events: %s", (unsigned)EVENTS_MOST, text);
}

static bool all_done(const struct run *r)
{
	for (uint32_t i = 0; i < r->swarm->topology.peers; i++)
		if (!sl_sim_absent(r->sim, i) &&
		    sl_peer_round(sl_sim_peer(r->sim, i)) < r->swarm->settings.rounds)
			return false;
	return true;
}

static bool is_adversary(const struct run *r, uint32_t peer)
{
	return r->adversary.sim && r->adversary.peer == peer;
}

/* A model that an attack made up, taken for one's own. */
static bool is_stolen(const struct run *r, uint32_t peer)
{
	const float *x = sl_peer_model(sl_sim_peer(r->sim, peer));
	uint32_t k = 0;
	while (k < r->swarm->plan.dimension && x[k] == SL_ATTACK_VALUE)
		k++;
	return k == r->swarm->plan.dimension;
}

static uint32_t epoch_count(const struct run *r, uint32_t peer)
{
	struct sl_peer_view p;
	sl_peer_inspect(sl_sim_peer(r->sim, peer), &p);
	return p.epoch >> 8;
}

/* What lies may not do: take honest peers to rounds where none of them is, give them another model, and start epochs
 * without end. */
static void check_honest(struct run *r)
{
	enum { EPOCHS_MOST = (1 << 23) + 64 };
	enum { SHIFTS_MOST = 40 }; /* sixteen on a liar's word, the others in their own right */
	uint32_t ahead = 0, peers = r->swarm->topology.peers;
	for (uint32_t i = 0; i < peers; i++) {
		uint32_t round = is_adversary(r, i) ? 0 : sl_peer_round(sl_sim_peer(r->sim, i));
		if (round > r->ahead + 1)
			wrong(r, "peer %u went to round %u, where no honest peer is", i, round);
		ahead = round > ahead ? round : ahead;
		if (r->swarm->attack && !is_adversary(r, i) && is_stolen(r, i))
			wrong(r, "peer %u took over a model that nobody had", i);
		if (!is_adversary(r, i) && epoch_count(r, i) > EPOCHS_MOST)
			wrong(r, "peer %u went to epoch %u", i, epoch_count(r, i));
		if (!is_adversary(r, i) && r->shifts[i] > SHIFTS_MOST)
			wrong(r, "peer %u started %u epochs", i, r->shifts[i]);
	}
	r->ahead = ahead;
}

static bool honest_halted(const struct run *r)
{
	for (uint32_t i = 0; i < r->swarm->topology.peers; i++)
		if (!is_adversary(r, i) && !sl_sim_halted(r->sim, i))
			return false;
	return true;
}

static void step_faults(struct run *r)
{
	sl_faults_step(&r->faults, r->sim);
	if (!r->closing.healed && sl_faults_over(&r->faults))
		sl_closing_healed(&r->closing, r->sim, &r->swarm->topology, r->swarm->plan.dimension);
}

static void run_to_the_end(struct run *r)
{
	const struct sl_swarm *w = r->swarm;
	struct sl_sim_totals totals = { 0 };
	bool mean = w->kind == SL_SWARM_MEAN;
	while (!sl_sim_trouble(r->sim) && !r->trouble[0]) {
		bool more = sl_sim_step(r->sim);
		if (mean)
			check_mean(r);
		if (r->disturbed)
			step_faults(r);
		sl_sim_totals(r->sim, &totals);
		if (r->adversary.sim) {
			check_honest(r);
			sl_adversary_step(&r->adversary);
		}
		if (totals.halted == w->topology.peers || (r->adversary.sim && honest_halted(r)))
			return;
		if (totals.events > EVENTS_MOST) {
			did_not_end(r);
		} else if (r->faults.resumed && r->faults.keep && all_done(r)) {
			return; /* only the last farewell was lost, and whoever is started again would start
			           from nothing, or where the mean was another */
		} else if (!more && !(r->disturbed && sl_faults_skip(&r->faults, r->sim))) {
			wrong(r, "nothing is left to happen, yet peers have not finished");
		}
	}
	if (sl_sim_trouble(r->sim))
		wrong(r, "%s", sl_sim_trouble(r->sim));
}

static void finish_run(struct run *r)
{
	const struct sl_swarm *w = r->swarm;
	for (uint32_t i = 0; i < w->topology.peers; i++) {
		struct sl_peer_status status;
		sl_peer_status(sl_sim_peer(r->sim, i), &status);
		r->diverged = r->diverged || status.diverging;
	}
	for (uint32_t i = 0; i < w->topology.peers; i++) {
		const float *x = sl_peer_model(sl_sim_peer(r->sim, i));
		r->digest[i] = sl_vector_digest(w->plan.dimension, 0, x);
		uint32_t round = sl_peer_round(sl_sim_peer(r->sim, i));
		if (round != w->settings.rounds && !is_adversary(r, i) && !sl_sim_absent(r->sim, i))
			wrong(r, "peer %u ended after round %u", i, round);
	}
}

/* Whoever lacks something asks a few times a second, not all the time: 8 messages a round and 25 a second on
 * each link. */
static void check_volume(struct run *r)
{
	const struct sl_swarm *w = r->swarm;
	struct sl_sim_totals totals;
	sl_sim_totals(r->sim, &totals);
	double links = 2.0 * w->topology.edges, seconds = 1e-6 * (double)totals.now.us,
	       most = links * (8.0 * w->settings.rounds + 25 * seconds) + 2000;
	if ((double)totals.messages > most)
		wrong(r, "%llu messages in %.1f s on %.0f links: a storm",
		      (unsigned long long)totals.messages, seconds, links);
}

/* Where nothing is lost, nobody restarts and nobody lies, both ends of an edge know the same. */
static void check_headers(struct run *r)
{
	for (uint32_t i = 0; i < r->swarm->topology.peers && !r->disturbed; i++) {
		const struct sl_peer *p = sl_sim_peer(r->sim, i);
		struct sl_peer_status status;
		sl_peer_status(p, &status);
		for (uint32_t k = 0; k < status.degree && !r->trouble[0]; k++) {
			struct sl_peer_edge_status edge;
			sl_peer_edge_status(p, k, &edge);
			if (edge.unknown)
				wrong(r,
				      "undisturbed, %u frames of peer %u refer to what peer %u does not know",
				      edge.unknown, edge.neighbour, i);
		}
	}
}

static void close_run(struct run *r)
{
	sl_sim_close(r->sim);
	sl_adversary_free(&r->adversary);
	sl_faults_free(&r->faults);
	free(r->row);
	free(r->state);
}

static bool run_one(struct run *r, struct sl_swarm_result *out)
{
	struct sl_error error = { 0 };
	r->trouble = out->trouble;
	r->trouble_size = sizeof out->trouble;
	if (!open_run(r, &error)) {
		wrong(r, "%s", error.text);
		return false;
	}
	if (r->swarm->kind == SL_SWARM_MEAN)
		start_mean(r);
	out->spread_before = r->spread;
	run_to_the_end(r);
	if (!r->trouble[0])
		finish_run(r);
	if (!r->trouble[0])
		check_volume(r);
	if (!r->trouble[0])
		check_headers(r);
	r->spread = spread(r);
	struct sl_sim_totals totals;
	sl_sim_totals(r->sim, &totals);
	out->events += totals.events;
	out->virtual_seconds += 1e-6 * (double)totals.now.us;
	return !r->trouble[0];
}

static void compare(struct run *calm, struct run *r)
{
	const struct sl_swarm *w = r->swarm;
	r->diverged = r->diverged || calm->diverged;
	if (r->faults.resumed && w->settings.checkpoint_every && !r->unheard)
		wrong(r, "a peer had left and was needed again");
	SL_CHECK(calm->state && r->state);
	for (uint32_t k = 0; k < w->settings.rounds; k++) /* the earliest difference first */
		for (uint32_t i = 0; i < w->topology.peers; i++) {
			size_t at = (size_t)i * w->settings.rounds + k;
			const char *column =
			    calm->state[at] && r->state[at] ? differs(&calm->row[at], &r->row[at]) : NULL;
			if (calm->state[at] != r->state[at])
				wrong(r, "the row of peer %u, round %u is %s", i, k,
				      r->state[at] ? "one too many" : "missing");
			else if (column)
				wrong(
				    r,
				    "the row of peer %u, round %u has another %s than the undisturbed run's",
				    i, k, column);
		}
	for (uint32_t i = 0; i < w->topology.peers; i++)
		if (calm->digest[i] != r->digest[i])
			wrong(r, "peer %u ended with another model than in the undisturbed run", i);
}

static struct sl_closing_bound closing_bound(const struct run *r, double calm)
{
	enum { ASK_MOST_US = 2000000 };
	const struct sl_swarm *w = r->swarm;
	int64_t deaf_us = 2 * ASK_MOST_US + w->settings.link_timeout_us;
	return (struct sl_closing_bound){ w->settings.rounds, w->plan.period,
		                          (uint32_t)(deaf_us / w->network.compute_us), calm,
		                          r->faults.rosters > 0 };
}

/* Whatever the adversary does to its own edges, the others go on; where disks were lost they may begin again. */
static void check_honest_edges(struct run *r)
{
	const struct sl_swarm *w = r->swarm;
	struct sl_closing_bound bound = closing_bound(r, 0);
	uint32_t least;
	if (r->closing.healed && w->attack && !r->faults.happened[SL_FAULT_DISK_LOST])
		sl_closing_steps(&r->closing, &bound, r->sim, &w->topology, r->adversary.peer, &least,
		                 r->trouble, r->trouble_size);
}

static void check_closing(const struct run *calm, struct run *r, double before)
{
	const struct sl_swarm *w = r->swarm;
	struct sl_closing_bound bound = closing_bound(r, calm->spread / before);
	sl_closing_check(&r->closing, &bound, r->sim, &w->topology, w->plan.dimension, r->trouble,
	                 r->trouble_size);
}

static void describe(const struct sl_swarm *w, struct sl_swarm_result *out)
{
	static const char *const kind[] = { "exact", "mean", "survive", "hostile" };
	const struct sl_settings *s = &w->settings;
	char timeout[32] = "never";
	if (s->round_timeout_us != INT64_MAX)
		snprintf(timeout, sizeof timeout, "%.3fs", 1e-6 * (double)s->round_timeout_us);
	snprintf(
	    out->scenario, sizeof out->scenario,
	    "%s: %s, %s, %s, %s, %s, %u rounds, checkpoint every %u, round_timeout %s, link_timeout %.3fs",
	    kind[w->kind], w->topology.spec, s->pace_text, s->algorithm, s->pipeline, s->model, s->rounds,
	    s->checkpoint_every, timeout, 1e-6 * (double)s->link_timeout_us);
	size_t used = strlen(out->scenario);
	if (w->attack)
		used += (size_t)snprintf(out->scenario + used, sizeof out->scenario - used,
		                         ", a peer that %s", sl_attack_text(w->attack));
	if (w->network.rate)
		snprintf(out->scenario + used, sizeof out->scenario - used,
		         ", links of %.0f kbit/s%s with queues of %.1f kB", 1e-3 * (double)w->network.rate,
		         w->network.bottleneck ? " for all" : "", 1e-3 * (double)w->network.queue);
}

bool sl_swarm_run(uint64_t seed, struct sl_swarm_result *out,
                  void (*event)(void *context, const struct sl_event_row *), void *context)
{
	struct sl_swarm w;
	struct sl_error error = { 0 };
	memset(out, 0, sizeof *out);
	if (sl_swarm_draw(&w, seed, &error) != SL_OK)
		snprintf(out->trouble, sizeof out->trouble, "%s", error.text);
	describe(&w, out);
	struct run calm = { .swarm = &w },
	           r = { .swarm = &w, .disturbed = true, .event = event, .context = context };
	if (!out->trouble[0] && (w.kind == SL_SWARM_EXACT || w.kind == SL_SWARM_MEAN))
		run_one(&calm, out);
	if (!out->trouble[0])
		run_one(&r, out);
	if (!out->trouble[0] && w.kind == SL_SWARM_HOSTILE)
		check_honest_edges(&r);
	if (!out->trouble[0] && w.kind == SL_SWARM_EXACT)
		compare(&calm, &r);
	if (!out->trouble[0] && w.kind == SL_SWARM_MEAN)
		check_closing(&calm, &r, out->spread_before);
	memcpy(out->happened, r.faults.happened, sizeof out->happened);
	out->resumed = r.faults.resumed;
	out->spread_after = r.spread;
	close_run(&calm);
	close_run(&r);
	sl_swarm_free(&w);
	return !out->trouble[0];
}
