/* drive.c — one event of one peer, and all that it leads to at once. */
#include "sim/sim_state.h"

#include <stddef.h>
#include <stdlib.h>

static void file_timer(struct sl_sim *s, uint32_t peer)
{
	struct sl_sim_node *n = &s->node[peer];
	struct sl_time due = sl_peer_deadline(n->peer);
	if (n->halted || due.us == SL_TIME_NEVER.us)
		return;
	struct sl_time now = sl_sim_now_of(s, peer);
	due = sl_time_after(due, -n->skew_us);
	if (!sl_time_before(due, n->timer))
		return;
	n->timer = sl_time_before(due, now) ? now : due;
	sl_sim_push(s, peer,
	            (struct sl_sim_event){
	                .at = n->timer, .what = SL_HAPPENS_TIMER, .peer = peer, .starts = n->starts });
}

static void on_round(struct sl_sim *s, uint32_t peer, struct sl_round_row *row)
{
	const struct sl_settings *set = &s->setup.plan->settings;
	const struct sl_sim_node *n = &s->node[peer];
	struct sl_time now = sl_sim_now_of(s, peer);
	row->at_us = now.us;
	row->wire_tx = (int64_t)n->wire_tx;
	row->wire_rx = (int64_t)n->wire_rx;
	row->wire_resent = s->setup.network.rate ? 0 : -1;
	if (n->outbox) {
		row->budget_rate = (int64_t)sl_outbox_rate(set);
		row->budget_tx = sl_outbox_total(n->outbox);
		row->budget_us = sl_outbox_waited_us(n->outbox, now);
	}
	bool evaluated =
	    row->round + 1 == set->rounds || (set->evaluate && (row->round + 1) % set->evaluate == 0);
	if (s->setup.rows.round)
		sl_sim_row(s, peer, SL_SIM_ROUND_ROW, row, sizeof *row);
	if (evaluated && s->setup.rows.exact && sl_sim_honest(s, peer))
		sl_sim_sum(s, peer, row->round);
}

static void on_link(struct sl_sim *s, uint32_t peer, struct sl_link_row *row)
{
	sl_sim_link_measure(s, sl_sim_link_to(s, peer, row->neighbour), row);
	if (s->setup.rows.link)
		sl_sim_row(s, peer, SL_SIM_LINK_ROW, row, sizeof *row);
}

static void on_sketch(struct sl_sim *s, uint32_t peer, const struct sl_sketch_row *row)
{
	if (s->setup.rows.sketch)
		sl_sim_row(s, peer, SL_SIM_SKETCH_ROW, row,
		           offsetof(struct sl_sketch_row, value) + row->count * sizeof *row->value);
}

static void on_event(struct sl_sim *s, uint32_t peer, struct sl_event_row *row)
{
	row->at_us = sl_sim_now_of(s, peer).us;
	if (s->setup.rows.event)
		sl_sim_row(s, peer, SL_SIM_EVENT_ROW, row, sizeof *row);
}

/* As the daemon does: what could not be loaded again is no checkpoint, and the peer learns that next. */
static void take_checkpoint(struct sl_sim *s, uint32_t peer)
{
	struct sl_sim_node *n = &s->node[peer];
	struct sl_error error = { 0 };
	free(n->pending);
	n->pending = sl_sim_save(n->peer, &n->pending_length, &error);
	n->pending_round = sl_peer_round(n->peer);
	if (!n->pending)
		sl_sim_note(&(struct sl_sim_acting){ s, peer }, SL_LEVEL_ERROR, "checkpoint-unsound",
		            error.text);
	if (!n->pending && error.status != SL_OUT_OF_RANGE)
		sl_sim_broken(s, peer, "peer %u: %s", peer, error.text);
	sl_sim_holds_note(s, peer);
	int64_t takes_us = s->setup.network.compute_us + n->disk_us + n->disk_base_us;
	sl_sim_push(s, peer,
	            (struct sl_sim_event){ .at = sl_time_after(sl_sim_now_of(s, peer), takes_us),
	                                   .what = SL_HAPPENS_CHECKPOINTED,
	                                   .peer = peer,
	                                   .starts = n->starts });
}

static void begin_job(struct sl_sim *s, uint32_t peer)
{
	const struct sl_sim_node *n = &s->node[peer];
	int64_t takes_us = s->setup.network.compute_us * n->slow;
	sl_sim_push(s, peer,
	            (struct sl_sim_event){ .at = sl_time_after(sl_sim_now_of(s, peer), takes_us),
	                                   .what = SL_HAPPENS_JOB_DONE,
	                                   .peer = peer,
	                                   .starts = n->starts });
}

/* Whoever leaves because all is done can be killed ever after. */
static void check_durable(struct sl_sim *s, uint32_t peer, const struct sl_action *a)
{
	const struct sl_sim_node *n = &s->node[peer];
	struct sl_peer_status status; /* tests give peers plans of their own */
	sl_peer_status(n->peer, &status);
	if (s->setup.check != SL_SIM_CHECK_NONE && s->setup.plan->settings.checkpoint_every && a->ok &&
	    n->checkpoint_round[0] != status.rounds)
		sl_sim_broken(s, peer, "peer %u has finished, and its newest checkpoint is of round %u", peer,
		              n->checkpoint_round[0]);
}

/* A peer that sees the run diverge, and says so, keeps its promises; whether it is right is another test's concern. */
static bool has_diverged(const struct sl_sim_node *n)
{
	struct sl_peer_status status;
	sl_peer_status(n->peer, &status);
	return status.diverging;
}

static void halt(struct sl_sim *s, uint32_t peer, const struct sl_action *a)
{
	struct sl_sim_node *n = &s->node[peer];
	n->halted = true;
	n->ok = a->ok;
	sl_sim_totals_of(s, peer)->halted++;
	sl_sim_pace_end(s, peer);
	sl_sim_links_review(s, peer);
	check_durable(s, peer, a);
	if (!a->ok && !n->distrusted && !has_diverged(n))
		sl_sim_broken(s, peer, "peer %u: %s", peer, a->detail);
}

static void act(void *context, const struct sl_action *a)
{
	const struct sl_sim_acting *acting = context;
	struct sl_sim *s = acting->sim;
	uint32_t peer = acting->peer, link;
	struct sl_sim_node *n = &s->node[peer];
	switch (a->kind) {
	case SL_ACTION_SEND:
		link = sl_sim_link_to(s, peer, sl_peer_edge_neighbour(n->peer, a->edge));
		if (!sl_sim_pace_takes(s, peer, link, a))
			sl_sim_send(s, link, peer, a);
		break;
	case SL_ACTION_JOB:
		begin_job(s, peer);
		break;
	case SL_ACTION_ROUND_ROW:
		on_round(s, peer, a->round);
		break;
	case SL_ACTION_LINK_ROW:
		on_link(s, peer, a->link);
		break;
	case SL_ACTION_SKETCH_ROW:
		on_sketch(s, peer, a->sketch);
		break;
	case SL_ACTION_EVENT_ROW:
		on_event(s, peer, a->event);
		break;
	case SL_ACTION_METRIC_ROW:
		if (s->setup.rows.metric)
			sl_sim_row(s, peer, SL_SIM_METRIC_ROW, a->metric, sizeof *a->metric);
		break;
	case SL_ACTION_CHECKPOINT:
		take_checkpoint(s, peer);
		break;
	case SL_ACTION_HALT:
		halt(s, peer, a);
		break;
	case SL_ACTION_QUARANTINE:
		sl_sim_disturb(s, sl_sim_link_to(s, peer, sl_peer_edge_neighbour(n->peer, a->edge)));
		break;
	case SL_ACTION_MARK:
	case SL_ACTION_FINISHED:
	case SL_ACTION_KINDS:
		break;
	}
}

static void step_peer(struct sl_sim *s, const struct sl_sim_event *e, const struct sl_event *event,
                      const struct sl_scratch *scratch)
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
	struct sl_sim_acting acting = { s, e->peer };
	if (s->watch.before)
		s->watch.before(s->watch.context, &step);
	sl_peer_step(s->node[e->peer].peer, event, scratch, act, &acting);
	sl_sim_pace_turn(s, e->peer);
	if (s->watch.after)
		s->watch.after(s->watch.context, &step);
	file_timer(s, e->peer);
}

/* A peer that is about to decide whether to make a frame hears which of its links are busy. */
static void tell_waits(struct sl_sim *s, const struct sl_sim_event *e, const struct sl_scratch *scratch)
{
	const struct sl_topology *t = s->setup.topology;
	struct sl_sim_event hears = { .at = e->at, .what = SL_HAPPENS_LINK, .peer = e->peer };
	struct sl_event event = { .kind = SL_EVENT_LINK,
		                  .now = sl_time_after(e->at, s->node[e->peer].skew_us),
		                  .ok = true };
	if (s->setup.plan->settings.pace != SL_PACE_FREE)
		return;
	for (hears.link = t->first[e->peer]; hears.link < t->first[e->peer + 1]; hears.link++) {
		event.edge = sl_sim_edge(s, e->peer, hears.link);
		if (event.edge != SL_NO_EDGE && sl_sim_link_waits(s, hears.link, e->peer, &event.link))
			step_peer(s, &hears, &event, scratch);
	}
}

static void deliver(struct sl_sim *s, const struct sl_sim_event *e, const struct sl_scratch *scratch)
{
	struct sl_sim_node *n = &s->node[e->peer];
	struct sl_peer_neighbour neighbours[SL_DEGREE_MAX];
	struct sl_peer_roster roster;
	struct sl_event event = {
		.now = sl_time_after(e->at, n->skew_us), .bytes = e->bytes, .length = e->length, .ok = true
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
		sl_sim_link_arrives(s, e);
		event.edge = sl_sim_edge(s, e->peer, e->link);
		if (event.edge == SL_NO_EDGE)
			return; /* its key counts no more */
		break;
	case SL_HAPPENS_JOB_DONE:
		sl_peer_run_job(n->peer, scratch);
		if (n->poisoner.kind)
			sl_sim_lie(s, e->peer);
		tell_waits(s, e, scratch);
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
	step_peer(s, e, &event, scratch);
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

static void check(struct sl_sim *s, uint32_t peer, bool full)
{
	struct sl_sim_node *n = &s->node[peer];
	struct sl_sim_part *p = &s->part[n->part];
	sl_sim_check_event(s, peer);
	if (full) {
		sl_sim_check_node(s, peer, false);
	} else if (!n->touched) {
		n->touched = true;
		p->touched[p->touches++] = peer;
	}
}

void sl_sim_process(struct sl_sim *s, struct sl_sim_event *e, const struct sl_scratch *scratch, bool full)
{
	struct sl_sim_node *n = &s->node[e->peer];
	bool seen = !happens_unseen(s, e) && n->alive && !n->halted && e->starts == n->starts;
	if (seen && sl_time_before(e->at, n->paused_until)) {
		if (e->what == SL_HAPPENS_TIMER && e->at.us == n->timer.us)
			n->timer = n->paused_until;
		e->at = n->paused_until; /* in the order in which they came */
		sl_sim_push(s, e->peer, *e);
		return;
	}
	if (seen) {
		n->events++;
		sl_sim_totals_of(s, e->peer)->events++;
		deliver(s, e, scratch);
		if (s->setup.check != SL_SIM_CHECK_NONE)
			check(s, e->peer, full);
	}
	free(e->bytes);
}
