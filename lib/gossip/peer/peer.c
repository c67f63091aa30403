/* peer.c — a peer's memory, its door, its clockless timers. */
#include "gossip/peer/state.h"

#include "linalg/vector.h"

#include <math.h>
#include <string.h>

enum { ASK_FIRST_US = 100000, PROBE_LEAST_US = 500000 };

static const char *const phase_name[] = { "greeting", "recovering", "saving",  "computing",
	                                  "waiting",  "evaluating", "serving", "halted" };
_Static_assert(sizeof phase_name / sizeof *phase_name == SL_PHASES, "one name a phase");

/* What every step touches a little of: side by side, so that edges share pages. */
static void lay_out_rings(struct sl_edge *e, const struct sl_plan *plan, struct sl_arena *arena)
{
	struct sl_edge room = { .theirs = e ? e->theirs : NULL };
	room.tag = sl_arena_take(arena, plan->tags, sizeof *room.tag);
	room.tag_digest = sl_arena_take(arena, plan->tags, sizeof *room.tag_digest);
	room.tag_serial = sl_arena_take(arena, plan->tags, sizeof *room.tag_serial);
	room.stream.frame = sl_arena_take(arena, plan->tags, sizeof *room.stream.frame);
	room.stream.tag = sl_arena_take(arena, plan->tags, sizeof *room.stream.tag);
	room.detector.memory = sl_arena_take(arena, sl_detect_memory(plan), 1);
	if (e)
		*e = room;
}

/* What frames that came early need, and then what only an edge that lags needs. */
static void lay_out_reserve(struct sl_edge *edge, uint32_t capacity, const struct sl_plan *plan,
                            struct sl_arena *arena)
{
	for (uint32_t i = 0; i < capacity; i++) {
		uint8_t *held = sl_arena_take(arena, plan->held_bytes, 1);
		if (edge)
			edge[i].rx_held.bytes = held;
	}
	for (uint32_t i = 0; i < capacity; i++) {
		uint8_t *mine = sl_arena_take(arena, plan->copy_bytes, 1);
		uint8_t *kept = sl_arena_take(arena, plan->held_bytes, 1);
		if (edge) {
			edge[i].mine = mine;
			edge[i].tx_kept.bytes = kept;
		}
	}
}

/* The same code measures (arena without memory, p NULL) and lays out. What every round goes through stands in
 * front; *busy: its bytes. */
static struct sl_peer *lay_out(const struct sl_peer_setup *setup, struct sl_arena *arena, size_t *busy)
{
	const struct sl_plan *plan = setup->plan;
	struct sl_peer *p = sl_arena_take(arena, 1, sizeof *p), none = { 0 };
	struct sl_peer *at = p ? p : &none;
	uint32_t capacity = setup->capacity > setup->degree ? setup->capacity : setup->degree;
	at->edge = sl_arena_take(arena, capacity, sizeof *at->edge);
	at->learner.x = sl_arena_take(arena, plan->dimension, sizeof(float));
	for (unsigned v = 0; v < plan->algorithm->vectors; v++)
		at->learner.vector[v] = sl_arena_take(arena, plan->dimension, sizeof(float));
	at->copy_state = sl_arena_take(arena, plan->copy_bytes, 1);
	*busy = arena->used;
	for (uint32_t i = 0; i < capacity; i++) {
		uint8_t *theirs = sl_arena_take(arena, plan->copy_bytes, 1);
		if (p)
			p->edge[i].theirs = theirs;
		if (i < setup->degree)
			*busy = arena->used;
	}
	size_t table = sl_part_table_size(plan, setup->data);
	at->learner.table = table ? sl_arena_take(arena, table, sizeof(float)) : NULL;
	for (uint32_t i = 0; i < capacity; i++)
		lay_out_rings(p ? &p->edge[i] : NULL, plan, arena);
	sl_journal_make(&at->journal, arena, plan->journal_bytes, plan->journal_frames);
	lay_out_reserve(p ? p->edge : NULL, capacity, plan, arena);
	at->capacity = capacity;
	return p;
}

size_t sl_peer_size(const struct sl_peer_setup *setup)
{
	struct sl_arena measure = { 0 };
	size_t busy;
	lay_out(setup, &measure, &busy);
	return measure.used;
}

size_t sl_peer_busy(const struct sl_peer_setup *setup)
{
	struct sl_arena measure = { 0 };
	size_t busy;
	lay_out(setup, &measure, &busy);
	return busy;
}

/* Number 0 of every journal is the seeded start, which all peers know: nobody needs to send it. */
static void seed_block(struct sl_peer *p)
{
	const struct sl_plan *plan = p->plan;
	sl_model_start(&plan->model, plan->settings.seed, p->learner.x);
	if (!plan->algorithm->from_zero) /* other channels start at 0 */
		memcpy(p->copy_state, p->learner.x, plan->dimension * sizeof(float));
	p->digest = p->first_digest =
	    sl_vector_digest(plan->copy_floats, 0, sl_copy_state_floats(p->copy_state));
}

struct sl_peer *sl_peer_make(const struct sl_peer_setup *setup, struct sl_arena *arena)
{
	size_t busy;
	struct sl_peer *p = lay_out(setup, arena, &busy);
	const struct sl_plan *plan = setup->plan;
	p->plan = plan;
	p->rounds_most = plan->settings.rounds;
	p->id = setup->peer;
	p->degree = setup->degree;
	p->serial = setup->serial;
	p->gammas = setup->gammas;
	p->joining = setup->joining;
	p->train_loss = p->test_loss = p->test_accuracy = p->last_accuracy = (double)NAN;
	p->learner.plan = plan;
	p->learner.data = setup->data;
	p->learner.share =
	    plan->settings.weigh == SL_WEIGH_SAMPLES ? setup->data->samples / plan->settings.mean_samples : 1;
	p->learner.peer = setup->peer;
	p->learner.dimension = plan->dimension;
	p->learner.copy = sl_copy_state_floats(p->copy_state);
	sl_privacy_begin(&p->learner.privacy, plan, p->id, setup->data, setup->secret);
	seed_block(p);
	for (uint32_t i = 0; i < p->degree; i++)
		sl_edge_begin(p, &p->edge[i], &setup->neighbours[i]);
	if (plan->algorithm->start)
		plan->algorithm->start(&p->learner);
	return p;
}

/* Beginning a round calls almost everything else, so the files that find that it can begin only set
 * round_wished. It begins here as soon as they return, before anything else that the event leads to. */
static void begin_wished(struct sl_peer *p)
{
	if (!p->round_wished || p->phase == SL_PHASE_HALTED)
		return;
	p->round_wished = false;
	sl_round_begin(p);
}

static void on_start(struct sl_peer *p)
{
	p->incarnation = sl_mix64((uint64_t)p->now.us ^ sl_mix64(p->id)) | 1;
	p->phase = SL_PHASE_GREETING;
	sl_pace_start(p);
	p->epsilon = p->learner.privacy.on ? sl_private_epsilon(&p->learner) : 0;
	p->phase_since = p->now;
	p->greet_until =
	    sl_waits_forever(p) && (!p->resumed || p->rates_changed)
	        ? SL_TIME_NEVER /* only all neighbours together can tell how an exact run goes on */
	        : sl_time_after(p->now, sl_link_timeout_us(p));
	for (uint32_t i = 0; i < p->degree; i++) {
		if (p->resumed)
			sl_edge_checkpointed(&p->edge[i]); /* its state was made before it was the newest */
		p->edge[i].heard_at = p->now;
		p->edge[i].ask_every_us = ASK_FIRST_US;
		sl_guard_start(p, &p->edge[i]);
	}
	if (p->plan->gamma_follows)
		sl_peer_note(p, SL_LEVEL_NOTICE, "gamma", "auto takes %g under roster %u",
		             sl_peer_gamma(p, p->serial), p->serial);
	sl_greet_all(p, true);
	sl_greeting_check(p);
	begin_wished(p);
}

/* Whether this end has reason to ask the neighbour for what it did not get. */
static bool lacks_something(const struct sl_peer *p, const struct sl_edge *e)
{
	return e->diverged || sl_edge_awaited(p, e) ||
	       (e->mine_open && !e->theirs_open && !sl_edge_is_over(p, e)) ||
	       (e->rx_held.overflow && !e->theirs_open);
}

/* A greeting that a connection has taken arrives, and is answered. */
static bool greeting_under_way(const struct sl_edge *e)
{
	return e->stream.number && e->stream.up && e->asked_hello_at.us > 0;
}

/* When a neighbour that is silent, and asked for nothing, is asked whether it is there. Its answer may be stuck behind a
 * packet that was lost: that further greetings are acknowledged shows that the way there works. Only a few count, since
 * a machine also acknowledges what a process that hangs does not read. */
static struct sl_time probes_at(const struct sl_peer *p, const struct sl_edge *e)
{
	enum { AGAIN_MOST = 3 };
	bool probes = e->stream.number && e->stream.up && e->greeted, again = e->asked_hello_at.us > 0;
	if (!probes || (again && (!e->up || e->stream.probes >= AGAIN_MOST)))
		return SL_TIME_NEVER;
	int64_t after_us = sl_stream_silence_us(p, e) / 2;
	after_us = after_us < PROBE_LEAST_US ? PROBE_LEAST_US : after_us;
	bool later = again && sl_time_before(e->heard_at, e->asked_hello_at);
	return sl_time_after(later ? e->asked_hello_at : e->heard_at, after_us);
}

static void watch_link(struct sl_peer *p, struct sl_edge *e)
{
	int64_t timeout = sl_stream_silence_us(p, e);
	if (sl_guard_watch(p, e))
		sl_greet(p, e, true);
	if (e->guard.closed)
		return;
	sl_edge_watch_roster(p, e);
	if (e->up && !sl_time_before(p->now, sl_time_after(e->heard_at, timeout))) {
		e->up = false;
		p->edges_up--;
		sl_peer_note(p, SL_LEVEL_NOTICE, "link-down",
		             "no message from peer %u for %.3g s, and no byte", e->neighbour,
		             (double)timeout * 1e-6);
	}
	bool silent = !sl_time_before(p->now, sl_time_after(e->heard_at, timeout / 2));
	if (!sl_time_before(p->now, sl_edge_asks_soon(e))) {
		e->stream.ask_soon = false;
		if (e->greeted && lacks_something(p, e))
			sl_edge_ask(p, e);
	}
	if (!sl_time_before(p->now, probes_at(p, e))) {
		struct sl_time ask_at = e->ask_at;
		e->stream.probes += e->asked_hello_at.us > 0;
		sl_greet(p, e, true);
		e->ask_at = ask_at; /* what is lacking is asked for when it was to be */
	}
	bool unsettled = p->phase == SL_PHASE_SERVING && !(e->finished && e->knows_finished);
	if (sl_time_before(p->now, e->ask_at))
		return;
	if (!e->greeted || silent || unsettled) {
		e->ask_every_us = e->ask_every_us < sl_stream_patience_us(e) ? sl_stream_patience_us(e)
		                                                             : e->ask_every_us * 3 / 2;
		int64_t most_us = greeting_under_way(e) ? sl_stream_patience_most_us(e) : timeout / 2;
		if (e->ask_every_us > most_us)
			e->ask_every_us = most_us;
		sl_greet(p, e, true);
		if (e->greeted && e->stream.number && lacks_something(p, e))
			sl_edge_ask(p, e); /* patience may be longer than link_timeout */
	} else if (lacks_something(p, e)) {
		if (!e->mine_open && p->phase == SL_PHASE_WAITING)
			sl_edge_open(p, e);
		sl_edge_ask(p, e);
		if (!sl_time_before(p->now, e->ask_at)) /* it asked a moment ago */
			e->ask_at = sl_time_after(p->now, ASK_FIRST_US);
	}
}

static void on_timer(struct sl_peer *p)
{
	for (uint32_t i = 0; i < p->degree && p->phase != SL_PHASE_HALTED; i++)
		watch_link(p, &p->edge[i]);
	if (p->phase == SL_PHASE_GREETING)
		sl_greeting_check(p);
	else if (p->phase == SL_PHASE_RECOVERING)
		sl_recovery_check(p);
	else if (p->phase == SL_PHASE_WAITING)
		sl_round_check(p);
	begin_wished(p);
	sl_checkpoint_check(p);
	begin_wished(p);
	sl_serve_check(p);
}

static void on_receive(struct sl_peer *p, const struct sl_event *event)
{
	SL_CHECK(event->edge < p->degree);
	struct sl_edge *e = &p->edge[event->edge];
	sl_receive(p, e, event->bytes, event->length);
	if (e->stream.waits && !e->stream.unsettled)
		sl_edge_settled(p, e);
	sl_greeting_check(p);
	begin_wished(p);
	if (p->phase == SL_PHASE_RECOVERING && p->joining)
		sl_join_check(p);
	begin_wished(p);
	if (p->phase == SL_PHASE_WAITING && !e->mine_open)
		sl_edge_open(p, e);
	sl_serve(p, e);
	sl_round_check(p);
	sl_serve_check(p);
}

static void on_link(struct sl_peer *p, const struct sl_event *event)
{
	SL_CHECK(event->edge < p->degree);
	struct sl_edge *e = &p->edge[event->edge];
	if (!sl_stream_change(p, e, event->link))
		return;
	sl_greet(p, e, !e->greeted);
	e->asked_at.us = 0; /* by the connection before this one, if at all */
	if (e->greeted && e->stream.their_number && lacks_something(p, e))
		sl_edge_ask(p, e);
}

static void on_job_done(struct sl_peer *p)
{
	if (p->phase == SL_PHASE_COMPUTING)
		sl_round_exchange(p);
	else if (p->phase == SL_PHASE_EVALUATING)
		sl_round_evaluated(p);
}

static void on_checkpointed(struct sl_peer *p, bool ok)
{
	sl_checkpointed(p, ok);
	begin_wished(p);
	sl_serve_check(p);
}

static void on_roster(struct sl_peer *p, const struct sl_peer_roster *roster)
{
	if (!sl_membership_change(p, roster))
		return;
	if (p->incarnation != 0)
		sl_greeting_check(p);
	begin_wished(p);
	sl_round_check(p);
	sl_serve_check(p);
}

/* Neighbours that hold back their frames hear that these are welcome now; and others, that a budget they may have to wait for
 * has changed. */
static void greet_with_news(struct sl_peer *p)
{
	for (uint32_t i = 0; i < p->degree && p->phase != SL_PHASE_HALTED; i++) {
		struct sl_edge *e = &p->edge[i];
		bool settled = e->stream.said_unsettled && e->stream.number && sl_peer_is_settled(p, e);
		if (settled || sl_pace_is_news(p, e))
			sl_greet(p, e, false);
		if (!e->stream.ask_settled || !sl_peer_is_settled(p, e))
			continue;
		e->stream.ask_settled = false;
		if (e->greeted && lacks_something(p, e))
			sl_edge_ask(p, e);
	}
}

void sl_peer_step(struct sl_peer *p, const struct sl_event *event, const struct sl_scratch *scratch,
                  sl_act *act, void *driver)
{
	p->now = event->now;
	p->scratch = scratch;
	bool lent = p->phase == SL_PHASE_COMPUTING || p->phase == SL_PHASE_EVALUATING;
	if (!lent || event->kind == SL_EVENT_JOB_DONE)
		p->learner.scratch = scratch; /* else a job on another thread may be using the learner */
	p->act = act;
	p->driver = driver;
	if (p->phase == SL_PHASE_HALTED ||
	    (p->incarnation == 0 && event->kind != SL_EVENT_START && event->kind != SL_EVENT_ROSTER))
		return; /* nothing else counts before the start */
	switch (event->kind) {
	case SL_EVENT_START:
		on_start(p);
		break;
	case SL_EVENT_TIMER:
		on_timer(p);
		break;
	case SL_EVENT_RECEIVE:
		on_receive(p, event);
		break;
	case SL_EVENT_JOB_DONE:
		on_job_done(p);
		break;
	case SL_EVENT_CHECKPOINTED:
		on_checkpointed(p, event->ok);
		break;
	case SL_EVENT_STOP:
		sl_peer_halt(p, true, "asked to stop");
		break;
	case SL_EVENT_ROSTER:
		on_roster(p, event->roster);
		break;
	case SL_EVENT_LINK:
		on_link(p, event);
		break;
	case SL_EVENT_KINDS:
		break;
	}
	greet_with_news(p);
}

static void evaluate_outside(struct sl_peer *p)
{
	const struct sl_guest *guest = p->plan->model.guest;
	struct sl_guest_task task = { .kind = SL_GUEST_EVALUATE,
		                      .peer = p->id,
		                      .round = p->round,
		                      .batch = SL_BATCH_WHOLE,
		                      .seed = p->plan->settings.seed };
	guest->call(guest->context, &task, p->learner.x, NULL);
	p->test_loss = task.loss;
	p->test_accuracy = task.accuracy;
}

void sl_peer_run_job(struct sl_peer *p, const struct sl_scratch *scratch)
{
	p->learner.scratch = scratch;
	if (p->job == SL_JOB_STEPS)
		p->plan->algorithm->local(&p->learner);
	else if (p->plan->model.guest)
		evaluate_outside(p);
	else
		p->test_loss = sl_model_evaluate_all(&p->plan->model, p->plan->test, p->learner.x,
		                                     &p->test_accuracy, scratch->learn);
}

struct sl_time sl_peer_deadline(const struct sl_peer *p)
{
	struct sl_time due = SL_TIME_NEVER;
	int64_t timeout = sl_link_timeout_us(p);
	if (p->phase == SL_PHASE_HALTED || p->incarnation == 0)
		return due;
	for (uint32_t i = 0; i < p->degree; i++) {
		const struct sl_edge *e = &p->edge[i];
		if (e->guard.closed) {
			due = sl_time_earlier(due, e->guard.until);
			continue;
		}
		due = sl_time_earlier(due, sl_edge_asks_soon(e));
		due = sl_time_earlier(due, probes_at(p, e));
		int64_t silence = sl_stream_silence_us(p, e);
		bool asking = !e->greeted || lacks_something(p, e) ||
		              (p->phase == SL_PHASE_SERVING && !(e->finished && e->knows_finished));
		struct sl_time silent = sl_time_after(e->heard_at, silence / 2);
		if (!asking)
			due = sl_time_earlier(due, sl_time_before(silent, e->ask_at) ? e->ask_at : silent);
		else
			due = sl_time_earlier(due, e->ask_at);
		if (e->up)
			due = sl_time_earlier(due, sl_time_after(e->heard_at, silence));
		if (sl_edge_awaited(p, e))
			due = sl_time_earlier(due, sl_stream_round_ends(p, e));
	}
	if (p->phase == SL_PHASE_GREETING)
		due = sl_time_earlier(due, p->greet_until);
	else if (p->phase == SL_PHASE_RECOVERING)
		due = sl_time_earlier(due, p->recover_at);
	due = sl_time_earlier(due, sl_alone_ends(p));
	due = sl_time_earlier(due, sl_time_earlier(sl_checkpoint_deadline(p), sl_round_held_until(p)));
	struct sl_time settled = sl_time_after(p->phase_since, timeout);
	if (p->phase == SL_PHASE_SERVING && sl_time_before(p->now, settled))
		due = sl_time_earlier(due, settled);
	return due;
}

void sl_peer_status(const struct sl_peer *p, struct sl_peer_status *out)
{
	bool saving = p->phase == SL_PHASE_SERVING && !sl_is_final(p);
	*out = (struct sl_peer_status){ .round = p->round,
		                        .rounds = p->plan->settings.rounds,
		                        .degree = p->degree,
		                        .edges_up = p->edges_up,
		                        .phase = phase_name[saving ? SL_PHASE_SAVING : p->phase],
		                        .save_failed = p->save_failed,
		                        .diverging = p->watch.diverging,
		                        .gamma = sl_peer_gamma(p, p->serial),
		                        .train_loss = p->train_loss,
		                        .test_accuracy = p->last_accuracy,
		                        .nonzero = p->nonzero,
		                        .payload_tx = p->payload_tx,
		                        .payload_rx = p->payload_rx,
		                        .epsilon = (double)NAN };
	if (!p->learner.privacy.on)
		return;
	out->epsilon = p->epsilon;
	out->delta = p->plan->settings.delta;
	out->budget = p->plan->settings.epsilon;
	out->spent = p->spent;
}

void sl_peer_edge_status(const struct sl_peer *p, uint32_t edge, struct sl_peer_edge_status *out)
{
	const struct sl_edge *e = &p->edge[edge];
	*out = (struct sl_peer_edge_status){ .neighbour = e->neighbour,
		                             .step = e->step,
		                             .behind = sl_edge_lag(p, e),
		                             .greeted = e->greeted,
		                             .up = e->up,
		                             .late = e->late,
		                             .waited_for = sl_edge_awaited(p, e) || sl_edge_missed(p, e),
		                             .finished = e->finished,
		                             .their_round = e->their_round,
		                             .their_roster = e->their_roster,
		                             .heard_at = e->heard_at,
		                             .totals = e->totals,
		                             .unknown = e->unknown_all,
		                             .why = sl_edge_why(p, e),
		                             .saves = sl_edge_wants_checkpoint(p, e),
		                             .quarantined = e->guard.closed,
		                             .quarantined_until = e->guard.until,
		                             .cause = sl_offence_name(e->guard.cause),
		                             .anomaly = e->detector.score };
	if (e->mine_open)
		out->opened_at = e->opened_at;
}

uint32_t sl_peer_edge_to(const struct sl_peer *p, uint32_t neighbour)
{
	uint32_t low = 0, high = p->degree; /* edges are in ascending order, and far apart in memory */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (p->edge[middle].neighbour < neighbour)
			low = middle + 1;
		else
			high = middle;
	}
	return low < p->degree && p->edge[low].neighbour == neighbour ? low : SL_NO_EDGE;
}

uint32_t sl_peer_edge_neighbour(const struct sl_peer *p, uint32_t edge)
{
	SL_CHECK(edge < p->degree);
	return p->edge[edge].neighbour;
}

const float *sl_peer_model(const struct sl_peer *p)
{
	return p->learner.x;
}

uint32_t sl_peer_round(const struct sl_peer *p)
{
	return p->round;
}

uint32_t sl_peer_serial(const struct sl_peer *p)
{
	return p->serial;
}
