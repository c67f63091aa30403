/* sim.c — drives peers from a heap of events. */
#include "sim/sim_state.h"

#include "linalg/vector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void file_timer(struct sl_sim *s, uint32_t peer)
{
	struct sl_sim_node *n = &s->node[peer];
	struct sl_time due = sl_peer_deadline(n->peer);
	if (n->halted || due.us == SL_TIME_NEVER.us)
		return;
	due = sl_time_after(due, -n->skew_us);
	if (!sl_time_before(due, n->timer))
		return;
	n->timer = sl_time_before(due, s->now) ? s->now : due;
	sl_sim_push(s, (struct sl_sim_event){
	                   .at = n->timer, .what = SL_HAPPENS_TIMER, .peer = peer, .starts = n->starts });
}

/* The consensus error of rounds as they are completed: (1/n) Σ‖x_i − x̄‖² = (1/n) Σ‖x_i‖² − ‖x̄‖², in double.
 */
static void add_to_sum(struct sl_sim *s, uint32_t round, const float *x)
{
	uint32_t d = s->setup.plan->dimension, peers = 0;
	size_t at = 0;
	for (uint32_t i = 0; i < s->setup.topology->peers; i++)
		peers += sl_sim_honest(s, i);
	while (at < s->sums_length && s->sums[at].round != round)
		at++;
	if (at == s->sums_length) {
		s->sums = realloc(s->sums, ++s->sums_length * sizeof *s->sums);
		SL_CHECK(s->sums);
		s->sums[at] = (struct sl_sim_sum){ .round = round, .sum = calloc(d, sizeof(double)) };
		SL_CHECK(s->sums[at].sum);
	}
	struct sl_sim_sum *m = &s->sums[at];
	for (uint32_t k = 0; k < d; k++)
		m->sum[k] += (double)x[k];
	m->square += sl_vector_square(d, x);
	if (++m->peers < peers)
		return;
	double mean = 0;
	for (uint32_t k = 0; k < d; k++)
		mean += m->sum[k] / peers * (m->sum[k] / peers);
	s->setup.rows.exact(s->setup.rows.context, round, m->square / peers - mean);
	free(m->sum);
	s->sums[at] = s->sums[--s->sums_length];
}

static void on_sketch(struct sl_sim *s, const struct sl_sketch_row *row)
{
	if (s->setup.rows.sketch)
		s->setup.rows.sketch(s->setup.rows.context, row);
}

static void on_round(struct sl_sim *s, struct sl_round_row *row)
{
	const struct sl_settings *set = &s->setup.plan->settings;
	row->at_us = s->now.us;
	row->wire_tx = (int64_t)s->node[s->acting].wire_tx;
	row->wire_rx = (int64_t)s->node[s->acting].wire_rx;
	row->wire_resent = s->setup.network.rate ? 0 : -1;
	if (s->node[s->acting].outbox) {
		row->budget_rate = (int64_t)sl_outbox_rate(set);
		row->budget_tx = sl_outbox_total(s->node[s->acting].outbox);
		row->budget_us = sl_outbox_waited_us(s->node[s->acting].outbox, s->now);
	}
	bool evaluated =
	    row->round + 1 == set->rounds || (set->evaluate && (row->round + 1) % set->evaluate == 0);
	if (s->setup.rows.round)
		s->setup.rows.round(s->setup.rows.context, row);
	if (evaluated && s->setup.rows.exact && sl_sim_honest(s, row->peer))
		add_to_sum(s, row->round, sl_peer_model(s->node[s->acting].peer));
}

/* As the daemon does: what could not be loaded again is no checkpoint, and the peer learns that next. */
static void take_checkpoint(struct sl_sim *s)
{
	struct sl_sim_node *n = &s->node[s->acting];
	struct sl_error error = { 0 };
	free(n->pending);
	n->pending = sl_sim_save(n->peer, &n->pending_length, &error);
	n->pending_round = sl_peer_round(n->peer);
	if (!n->pending)
		sl_sim_note(s, SL_LEVEL_ERROR, "checkpoint-unsound", error.text);
	if (!n->pending && error.status != SL_OUT_OF_RANGE)
		sl_sim_broken(s, "peer %u: %s", s->acting, error.text);
	sl_sim_holds_note(s, s->acting);
	int64_t takes_us = s->setup.network.compute_us + n->disk_us + n->disk_base_us;
	sl_sim_push(s, (struct sl_sim_event){ .at = sl_time_after(s->now, takes_us),
	                                      .what = SL_HAPPENS_CHECKPOINTED,
	                                      .peer = s->acting,
	                                      .starts = n->starts });
}

/* Whoever leaves because all is done can be killed ever after. */
static void check_durable(struct sl_sim *s, const struct sl_action *a)
{
	const struct sl_sim_node *n = &s->node[s->acting];
	struct sl_peer_status status; /* tests give peers plans of their own */
	sl_peer_status(n->peer, &status);
	if (s->setup.check != SL_SIM_CHECK_NONE && s->setup.plan->settings.checkpoint_every && a->ok &&
	    n->checkpoint_round[0] != status.rounds)
		sl_sim_broken(s, "peer %u has finished, and its newest checkpoint is of round %u", s->acting,
		              n->checkpoint_round[0]);
}

/* A peer that sees the run diverge, and says so, keeps its promises; whether it is right is another test's concern. */
static bool has_diverged(const struct sl_sim_node *n)
{
	struct sl_peer_status status;
	sl_peer_status(n->peer, &status);
	return status.diverging;
}

static void act(void *context, const struct sl_action *a)
{
	struct sl_sim *s = context;
	struct sl_sim_node *n = &s->node[s->acting];
	uint32_t link;
	switch (a->kind) {
	case SL_ACTION_SEND:
		link = sl_sim_link_to(s, s->acting, sl_peer_edge_neighbour(n->peer, a->edge));
		if (!sl_sim_pace_takes(s, s->acting, link, a))
			sl_sim_send(s, link, s->acting, a);
		break;
	case SL_ACTION_JOB:
		sl_sim_push(s, (struct sl_sim_event){
		                   .at = sl_time_after(s->now, s->setup.network.compute_us * n->slow),
		                   .what = SL_HAPPENS_JOB_DONE,
		                   .peer = s->acting,
		                   .starts = n->starts });
		break;
	case SL_ACTION_ROUND_ROW:
		on_round(s, a->round);
		break;
	case SL_ACTION_LINK_ROW:
		sl_sim_link_measure(s, sl_sim_link_to(s, s->acting, a->link->neighbour), a->link);
		if (s->setup.rows.link)
			s->setup.rows.link(s->setup.rows.context, a->link);
		break;
	case SL_ACTION_SKETCH_ROW:
		on_sketch(s, a->sketch);
		break;
	case SL_ACTION_EVENT_ROW:
		a->event->at_us = s->now.us;
		if (s->setup.rows.event)
			s->setup.rows.event(s->setup.rows.context, a->event);
		break;
	case SL_ACTION_METRIC_ROW:
		if (s->setup.rows.metric)
			s->setup.rows.metric(s->setup.rows.context, a->metric);
		break;
	case SL_ACTION_CHECKPOINT:
		take_checkpoint(s);
		break;
	case SL_ACTION_HALT:
		n->halted = true;
		n->ok = a->ok;
		s->totals.halted++;
		sl_sim_pace_end(s, s->acting);
		sl_sim_links_review(s, s->acting);
		check_durable(s, a);
		if (!a->ok && !n->distrusted && !has_diverged(n))
			sl_sim_broken(s, "peer %u: %s", s->acting, a->detail);
		break;
	case SL_ACTION_QUARANTINE:
		sl_sim_disturb(s, sl_sim_link_to(s, s->acting, sl_peer_edge_neighbour(n->peer, a->edge)));
		break;
	case SL_ACTION_MARK:
	case SL_ACTION_FINISHED:
	case SL_ACTION_KINDS:
		break;
	}
}

static void find_reverse(struct sl_sim *s)
{
	const struct sl_topology *t = s->setup.topology;
	for (uint32_t i = 0; i < t->peers; i++)
		for (uint32_t l = t->first[i]; l < t->first[i + 1]; l++) {
			uint32_t j = t->neighbour[l];
			for (uint32_t m = t->first[j]; m < t->first[j + 1]; m++)
				if (t->neighbour[m] == i)
					s->link[l].reverse = m;
		}
}

struct sl_sim *sl_sim_open(const struct sl_sim_setup *setup, struct sl_error *error)
{
	struct sl_sim *s = calloc(1, sizeof *s);
	const struct sl_topology *t = setup->topology;
	struct sl_arena measure = { 0 };
	struct sl_scratch none = { 0 };
	sl_scratch_make(&none, setup->plan, &measure);
	if (s) {
		s->setup = *setup;
		s->node = calloc(t->peers, sizeof *s->node);
		s->link = calloc(t->first[t->peers] + 1, sizeof *s->link);
		s->scratch_block = calloc(measure.used + 64, 1);
	}
	if (!s || !s->node || !s->link || !s->scratch_block) {
		sl_sim_close(s);
		sl_fail(error, SL_NO_MEMORY, "no memory for %u peers", t->peers);
		return NULL;
	}
	struct sl_arena arena = { s->scratch_block + (64 - (uintptr_t)s->scratch_block % 64) % 64,
		                  measure.used, 0 };
	sl_scratch_make(&s->scratch, setup->plan, &arena);
	s->scratch.capture = setup->capture;
	find_reverse(s);
	sl_sim_keep_roster(s, setup->roster ? setup->roster : t, 1);
	for (uint32_t i = 0; i < t->peers; i++) {
		s->node[i].roster = setup->roster ? setup->roster : t;
		s->node[i].serial = 1;
		sl_sim_make_peer(s, i);
		sl_sim_holds_make(s, i);
		s->node[i].absent = sl_topology_degree(s->node[i].roster, i) == 0;
		s->node[i].alive = !s->node[i].absent;
		s->totals.halted += s->node[i].absent;
		if (!s->node[i].absent)
			sl_sim_start_peer(s, i);
	}
	return s;
}

void sl_sim_close(struct sl_sim *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; s->node && i < s->setup.topology->peers; i++) {
		free(s->node[i].block);
		sl_sim_pace_clear(s, i);
		free(s->node[i].outbox);
		free(s->node[i].checkpoint[0]);
		free(s->node[i].checkpoint[1]);
		free(s->node[i].pending);
		free(s->node[i].digest);
		for (unsigned g = 0; g < SL_SIM_HOLDS; g++)
			free(s->node[i].holds[g]);
	}
	for (size_t i = 0; i < s->heap_length; i++)
		free(s->heap[i].bytes);
	for (size_t i = 0; i < s->sums_length; i++)
		free(s->sums[i].sum);
	free(s->sums);
	free(s->roster);
	free(s->heap);
	free(s->node);
	free(s->link);
	free(s->scratch_block);
	free(s);
}

static void step_peer(struct sl_sim *s, const struct sl_sim_event *e, const struct sl_event *event)
{
	static const enum sl_sim_step_kind kind[] = { SL_SIM_STARTS,    SL_SIM_TIMER, SL_SIM_RECEIVES,
		                                      SL_SIM_JOB_DONE,  SL_SIM_SAVED, SL_SIM_HEARS_ROSTER,
		                                      SL_SIM_HEARS_LINK };
	bool received = e->what == SL_HAPPENS_RECEIVE || e->what == SL_HAPPENS_LINK;
	struct sl_sim_step step = { .kind = event->ok ? kind[e->what] : SL_SIM_SAVE_FAILED,
		                    .peer = e->peer,
		                    .from = received ? s->setup.topology->neighbour[e->link] : e->peer,
		                    .message = e->message,
		                    .link = event->link };
	s->acting = e->peer;
	if (s->watch.before)
		s->watch.before(s->watch.context, &step);
	sl_peer_step(s->node[e->peer].peer, event, &s->scratch, act, s);
	sl_sim_pace_turn(s, e->peer);
	if (s->watch.after)
		s->watch.after(s->watch.context, &step);
	file_timer(s, e->peer);
}

static void deliver(struct sl_sim *s, const struct sl_sim_event *e)
{
	struct sl_sim_node *n = &s->node[e->peer];
	struct sl_peer_neighbour neighbours[SL_DEGREE_MAX];
	struct sl_peer_roster roster;
	struct sl_event event = {
		.now = sl_time_after(s->now, n->skew_us), .bytes = e->bytes, .length = e->length, .ok = true
	};
	switch (e->what) {
	case SL_HAPPENS_START:
		event.kind = SL_EVENT_START;
		break;
	case SL_HAPPENS_TIMER:
		if (e->at.us != n->timer.us)
			return; /* replaced by an earlier one */
		n->timer = SL_TIME_NEVER;
		event.kind = SL_EVENT_TIMER;
		break;
	case SL_HAPPENS_RECEIVE:
		event.kind = SL_EVENT_RECEIVE;
		n->wire_rx += sl_sim_on_wire(e->length);
		sl_sim_pace_charge(s, e->peer, SL_BUDGET_HEAD); /* it is acknowledged */
		s->link[s->link[e->link].reverse].arrived += e->connection > 0;
		event.edge = sl_sim_edge(s, e->peer, e->link);
		if (event.edge == SL_NO_EDGE)
			return; /* its key counts no more */
		break;
	case SL_HAPPENS_JOB_DONE:
		sl_peer_run_job(n->peer, &s->scratch);
		if (n->poisoner.kind)
			sl_sim_lie(s, e->peer);
		event.kind = SL_EVENT_JOB_DONE;
		break;
	case SL_HAPPENS_CHECKPOINTED:
		event.ok = !n->disk_fails && n->pending;
		if (event.ok)
			sl_sim_keep_checkpoint(n);
		event.kind = SL_EVENT_CHECKPOINTED;
		break;
	case SL_HAPPENS_LINK:
		event.kind = SL_EVENT_LINK;
		event.edge = sl_sim_edge(s, e->peer, e->link);
		event.link = e->change;
		if (!sl_sim_link_hears(s, e) || event.edge == SL_NO_EDGE)
			return;
		if (e->change == SL_LINK_UP || e->change == SL_LINK_DOWN || e->change == SL_LINK_FULL)
			sl_sim_pace_drop(s, e->peer, e->link);
		break;
	case SL_HAPPENS_PACED:
	case SL_HAPPENS_DRAIN:
	case SL_HAPPENS_MOVE:
		return;
	case SL_HAPPENS_ROSTER:
		roster =
		    (struct sl_peer_roster){ n->serial, neighbours, sl_sim_listed(s, e->peer, neighbours),
			                     sl_sim_gammas(s, e->peer) };
		event.kind = SL_EVENT_ROSTER;
		event.roster = &roster;
		break;
	}
	step_peer(s, e, &event);
	if (e->what == SL_HAPPENS_START || e->what == SL_HAPPENS_ROSTER)
		sl_sim_links_review(s, e->peer);
}

/* What happens to messages and connections while peers see nothing of it. */
static bool happens_unseen(struct sl_sim *s, const struct sl_sim_event *e)
{
	if (e->what == SL_HAPPENS_DRAIN)
		sl_sim_link_drained(s, e);
	else if (e->what == SL_HAPPENS_MOVE)
		sl_sim_link_moves(s, e);
	else if (e->what == SL_HAPPENS_PACED)
		sl_sim_paced(s, e);
	else
		return e->what == SL_HAPPENS_RECEIVE && e->connection &&
		       e->connection != s->link[s->link[e->link].reverse].connection;
	return true;
}

bool sl_sim_step(struct sl_sim *s)
{
	struct sl_sim_event e;
	if (!sl_sim_pop(s, &e))
		return false;
	s->now = e.at;
	struct sl_sim_node *n = &s->node[e.peer];
	if (happens_unseen(s, &e)) {
		free(e.bytes);
		return true;
	}
	if (n->alive && !n->halted && e.starts == n->starts) {
		if (sl_time_before(s->now, n->paused_until)) {
			if (e.what == SL_HAPPENS_TIMER && e.at.us == n->timer.us)
				n->timer = n->paused_until;
			e.at = n->paused_until; /* in the order in which they came */
			sl_sim_push(s, e);
			return true;
		}
		s->totals.events++;
		deliver(s, &e);
		sl_sim_check_node(s, e.peer);
	}
	free(e.bytes);
	return true;
}

bool sl_sim_run(struct sl_sim *s, uint64_t events_most)
{
	uint64_t last = s->totals.events + events_most;
	while (s->totals.halted < s->setup.topology->peers && s->trouble[0] == '\0') {
		if (s->totals.events >= last)
			sl_sim_broken(s, "the run did not end within %llu events",
			              (unsigned long long)events_most);
		else if (!sl_sim_step(s))
			sl_sim_broken(s, "nothing is left to happen, yet peers have not finished");
	}
	return s->trouble[0] == '\0';
}

const char *sl_sim_trouble(const struct sl_sim *s)
{
	return s->trouble[0] ? s->trouble : NULL;
}

void sl_sim_totals(const struct sl_sim *s, struct sl_sim_totals *out)
{
	*out = s->totals;
	out->now = s->now;
	out->bytes_a_peer = s->peer_bytes / s->setup.topology->peers;
}

struct sl_peer *sl_sim_peer(struct sl_sim *s, uint32_t peer)
{
	return s->node[peer].peer;
}
