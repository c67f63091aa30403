#include "trial.h"

#include "gossip/peer/state.h"
#include "gossip/reads.h"
#include "linalg/vector.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void trial_standard(struct trial *t, const char *algorithm, const char *topology, const char *model,
                    const char *pipeline)
{
	memset(t, 0, sizeof *t);
	sl_settings_standard(&t->settings);
	struct sl_settings *s = &t->settings;
	snprintf(s->algorithm, sizeof s->algorithm, "%s", algorithm);
	snprintf(s->model, sizeof s->model, "%s", model);
	snprintf(s->pipeline, sizeof s->pipeline, "%s", pipeline);
	snprintf(t->topology_spec, sizeof t->topology_spec, "%s", topology);
	s->round_timeout_us = INT64_MAX;
	s->eta_schedule = SL_ETA_CONSTANT;
	s->lambda = 0;
	s->local_steps = 1;
	s->batch = 1000000;
	s->evaluate = 0;
	s->sketch = 0;
	s->rounds = 1000000;
}

void *trial_room(struct trial *t, size_t count, size_t size)
{
	SL_CHECK(t->blocks < sizeof t->owned / sizeof *t->owned);
	void *room = calloc(count ? count : 1, size);
	SL_CHECK(room);
	t->owned[t->blocks++] = room;
	return room;
}

float *trial_shard(struct trial *t, uint32_t peer, uint32_t samples)
{
	struct sl_dataset *d = &t->shard[peer];
	float *rows = trial_room(t, (size_t)samples * t->features, sizeof *rows);
	*d = (struct sl_dataset){ .kind = SL_FEATURES_FLOAT,
		                  .samples = samples,
		                  .features = t->features,
		                  .classes = t->classes,
		                  .scale = 1,
		                  .dense = rows };
	if (t->classes)
		d->label = trial_room(t, samples, sizeof *d->label);
	else
		d->target = trial_room(t, samples, sizeof *d->target);
	return rows;
}

bool trial_plan(struct trial *t, struct sl_error *error)
{
	char note[SL_TEXT_MAX];
	bool alone = strcmp(t->topology_spec, "complete:1") == 0; /* no topology, but the reference of many */
	if (alone)
		t->peers = 1;
	bool made = alone || t->topology.peers;
	bool arcs = strncmp(t->topology_spec, "peers", 5) == 0;
	if (!made && arcs &&
	    sl_topology_parse(&t->topology, t->topology_spec, strlen(t->topology_spec), "arcs", error) !=
	        SL_OK)
		return false;
	if (!made && !arcs &&
	    sl_topology_make(&t->topology, t->topology_spec, t->settings.seed, error) != SL_OK)
		return false;
	if (!made) {
		SL_CHECK(t->topology.peers <= TRIAL_PEERS_MAX);
		t->peers = t->topology.peers;
		sl_topology_spectrum(&t->topology, &t->spectrum);
	}
	uint32_t n = t->peers;
	t->settings.max_degree = SL_DEGREE_MAX;
	struct sl_plan_graph graph = { .peers = n, .complete = true };
	if (!alone)
		graph = sl_plan_graph_of(&t->topology, &t->spectrum);
	sl_settings_drop_unread(&t->settings); /* an experiment gives all methods the same settings */
	if (sl_settings_check(&t->settings, error) != SL_OK)
		return false;
	struct sl_run_settings all = sl_run_settings_of(&t->settings);
	return sl_plan_make(&t->plan, &all, &graph, t->features, t->classes, NULL, note, error) == SL_OK;
}

static struct sl_arena arena_of(void **block, size_t size)
{
	*block = calloc(size + 64, 1);
	SL_CHECK(*block);
	return (struct sl_arena){ (uint8_t *)*block + (64 - (uintptr_t)*block % 64) % 64, size, 0 };
}

void trial_open(struct trial *t)
{
	struct sl_error error = { 0 };
	if (!trial_plan(t, &error))
		sl_panic(__FILE__, __LINE__, error.text);
	struct sl_arena measure = { 0 };
	struct sl_scratch none = { 0 };
	sl_scratch_make(&none, &t->plan, &measure);
	struct sl_arena arena = arena_of(&t->scratch_block, measure.used);
	sl_scratch_make(&t->scratch, &t->plan, &arena);
	t->scratch.lists = true;
	for (uint32_t i = 0; i < t->peers; i++) {
		struct sl_peer_setup setup = { &t->plan, i, NULL, 0, &t->shard[i] };
		arena = arena_of(&t->block[i], sl_peer_size(&setup));
		t->peer[i] = sl_peer_make(&setup, &arena);
		if (t->shared_seed)
			t->peer[i]->id = 0;
	}
	t->body = calloc(t->plan.body_bound, 1);
	SL_CHECK(t->body);
}

void trial_close(struct trial *t)
{
	/* A healthy run raises no alarm: each experiment is one more that shows it. */
	if (t->alarms && !t->may_diverge && !t->shared_seed && !t->diverged)
		sl_panic(__FILE__, __LINE__, t->alarm);
	for (uint32_t i = 0; i < t->peers; i++)
		free(t->block[i]);
	for (uint32_t i = 0; i < t->blocks; i++)
		free(t->owned[i]);
	free(t->scratch_block);
	free(t->body);
	sl_topology_free(&t->topology);
}

static void note_error(struct trial *t, const struct sl_peer *p, const struct sl_update *u)
{
	const float *v = p->learner.vector[0]; /* of error feedback: what was to be sent */
	t->error += sl_vector_square(t->plan.dimension, v);
	for (uint32_t i = 0; i < u->count; i++) {
		double whole = (double)v[u->index[i]], left = whole - (double)u->value[i];
		t->error += left * left - whole * whole;
	}
}

static void publish(struct trial *t, struct sl_peer *p)
{
	struct sl_absorption a;
	struct sl_writer w = sl_writer(t->body, t->plan.body_bound);
	if (!sl_absorb_encode(p, &w, &a)) {
		t->diverged = true;
		return;
	}
	for (unsigned c = 0; c < t->plan.channels; c++)
		t->coordinates += a.update[c].count;
	if (t->measure_error)
		note_error(t, p, &a.update[0]);
	sl_absorb_apply(p, &a, p->copy_state, false);
	p->digest = a.digest;
	p->version++;
	t->bytes += sl_writer_length(&w);
	t->body_bytes[p->learner.peer] = sl_writer_length(&w);
}

static void mix_edges(struct trial *t, uint32_t i)
{
	struct sl_peer_neighbour neighbour[SL_DEGREE_MAX];
	uint32_t degree = sl_peer_neighbours(&t->topology, i, neighbour), period = t->plan.period;
	for (uint32_t l = 0; l < degree; l++) {
		struct sl_edge e = { .neighbour = neighbour[l].peer,
			             .weights = 1,
			             .weight = { neighbour[l].weight[0] } };
		sl_edge_schedule(&e, &neighbour[l]);
		uint32_t step = e.activities ? t->round / period * e.activities + 1 : t->round + 1;
		while (e.activities && sl_edge_round_of(t->peer[i], &e, step) < t->round)
			step++;
		if (sl_edge_round_of(t->peer[i], &e, step) != t->round)
			continue;
		struct sl_mixing m = sl_edge_mixing(t->peer[i], &e, step, 0);
		m.mine = sl_copy_state_floats(t->peer[i]->copy_state);
		m.theirs = sl_copy_state_floats(t->peer[e.neighbour]->copy_state);
		t->peer[i]->disagreement += t->plan.algorithm->mix(&t->peer[i]->learner, &m);
		t->unicast += e.tx_off ? 0 : t->body_bytes[i];
	}
}

static void count_alarm(void *context, const struct sl_action *a)
{
	struct trial *t = context;
	if (a->kind != SL_ACTION_EVENT_ROW || strcmp(a->event->kind, "diverging") != 0)
		return;
	if (t->alarms++ == 0)
		snprintf(t->alarm, sizeof t->alarm, "round %u: %.170s", t->round, a->event->detail);
}

/* What the peer's own watch says of the round. */
static void watch(struct trial *t, struct sl_peer *p)
{
	p->act = count_alarm;
	p->driver = t;
	p->train_loss = p->learner.loss;
	sl_watch_round(p);
	p->disagreement = 0;
}

void trial_round(struct trial *t)
{
	const struct sl_algorithm *a = t->plan.algorithm;
	struct sl_contribution all[TRIAL_PEERS_MAX];
	for (uint32_t i = 0; i < t->peers && !t->diverged; i++) {
		struct sl_peer *p = t->peer[i];
		p->scratch = p->learner.scratch = &t->scratch;
		a->local(&p->learner);
		publish(t, p);
		all[i] = (struct sl_contribution){ i, sl_copy_state_floats(p->copy_state) };
	}
	for (uint32_t i = 0; i < t->peers && !t->diverged; i++) {
		struct sl_learner *l = &t->peer[i]->learner;
		if (a->aggregate)
			a->aggregate(l, all, t->peers);
		else
			mix_edges(t, i);
		if (a->finish)
			a->finish(l);
		watch(t, t->peer[i]);
		l->round++;
	}
	t->round++;
}

void trial_run(struct trial *t, uint32_t rounds)
{
	for (uint32_t r = 0; r < rounds && !t->diverged; r++)
		trial_round(t);
}

struct sl_learner *trial_learner(const struct trial *t, uint32_t peer)
{
	return &t->peer[peer]->learner;
}

const float *trial_model(const struct trial *t, uint32_t peer)
{
	return t->peer[peer]->learner.x;
}

void trial_mean(const struct trial *t, double *out)
{
	for (uint32_t k = 0; k < t->plan.dimension; k++) {
		out[k] = 0;
		for (uint32_t i = 0; i < t->peers; i++)
			out[k] += (double)trial_model(t, i)[k] / t->peers;
	}
}

double trial_distance(const struct trial *t, const double *target)
{
	double sum = 0;
	for (uint32_t i = 0; i < t->peers; i++)
		for (uint32_t k = 0; k < t->plan.dimension; k++) {
			double left = (double)trial_model(t, i)[k] - target[k];
			sum += left * left;
		}
	return t->diverged || isnan(sum) ? (double)INFINITY : sum / t->peers;
}

double trial_consensus(const struct trial *t)
{
	double *mean = malloc(t->plan.dimension * sizeof *mean);
	SL_CHECK(mean);
	trial_mean(t, mean);
	double distance = trial_distance(t, mean);
	free(mean);
	return distance;
}
