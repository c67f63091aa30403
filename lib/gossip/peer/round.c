/* round.c — one round: local steps, compress, send, wait as the pace says, mix, proximal step, rows. */
#include "gossip/peer/state.h"

#include "gossip/outbox.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ALONE_DOUBLINGS = 4 };

static void emit_job(struct sl_peer *p, enum sl_job_kind job)
{
	p->phase = job == SL_JOB_STEPS ? SL_PHASE_COMPUTING : SL_PHASE_EVALUATING;
	p->job = job;
	p->phase_since = p->now;
	struct sl_action a = { .kind = SL_ACTION_JOB, .job = job };
	sl_peer_emit(p, &a);
}

/* A peer that returns far behind its neighbours continues in their round; the rounds in between are left out. */
static void skip_ahead(struct sl_peer *p)
{
	uint32_t ahead = sl_guard_round(p);
	if (sl_waits_forever(p))
		return;
	if (ahead > p->plan->settings.rounds)
		ahead = p->plan->settings.rounds;
	if (ahead < p->round || ahead - p->round <= p->plan->settings.catch_up)
		return;
	sl_peer_note(p, SL_LEVEL_WARNING, "skipped", "from round %u to %u, where the neighbours are",
	             p->round, ahead);
	p->round = p->learner.round = ahead;
}

static void begin_serving(struct sl_peer *p)
{
	p->phase = SL_PHASE_SERVING;
	p->phase_since = p->now;
	struct sl_action a = { .kind = SL_ACTION_FINISHED };
	sl_peer_emit(p, &a);
	sl_checkpoint_final(p);
	sl_greet_all(p, true);
	for (uint32_t i = 0; i < p->degree; i++)
		sl_serve(p, &p->edge[i]);
	sl_serve_check(p);
}

void sl_round_begin(struct sl_peer *p)
{
	skip_ahead(p);
	if (p->round >= p->plan->settings.rounds) {
		begin_serving(p);
		return;
	}
	if (sl_checkpoint_holds(p))
		return;
	p->disagreement = (double)NAN;
	p->test_loss = p->test_accuracy = (double)NAN;
	emit_job(p, SL_JOB_STEPS);
}

/* After a crash frames are computed again, byte for byte unless somebody did not wait: what neighbours hold
 * of the life before then is another copy under the same number. Nobody can hold what this life has not sent, so only
 * what a neighbour said when it first greeted this life counts. */
static void check_fork(struct sl_peer *p)
{
	for (uint32_t i = 0; i < p->degree; i++) {
		struct sl_edge *e = &p->edge[i];
		if (e->greeted && e->former_epoch == p->epoch && e->former_version == p->version &&
		    e->former_digest != p->digest && sl_guard_epoch(p, e)) {
			sl_start_epoch(p, 0, "recomputed rounds differ from the copies that neighbours hold");
			return;
		}
	}
}

/* Where a link is slower than rounds, and no method's state depends on it, a frame that would only wait is not made:
 * the next one says what it would have said. A byte budget has its own way to delay rounds, and a peer with noisy
 * gradients that loses its disk counts them by its frames. */
static bool frame_waits(struct sl_peer *p)
{
	const struct sl_algorithm *a = p->plan->algorithm;
	const struct sl_settings *s = &p->plan->settings;
	bool plain = a->outgoing == sl_part_send_model && a->mix == sl_part_mix && !a->rule &&
	             a->absorb == SL_ABSORB_ADD && !p->plan->directed;
	p->holds_frames = false;
	if (!plain || s->pace != SL_PACE_FREE || sl_outbox_is_needed(s) || p->learner.privacy.on ||
	    p->round + 1 >= s->rounds)
		return false;
	p->holds_frames = sl_edges_fill_up(p);
	return p->holds_frames || !sl_edges_take(p);
}

/* False: the peer has halted. */
static bool make_frame(struct sl_peer *p)
{
	const struct sl_plan *plan = p->plan;
	struct sl_absorption a;
	sl_edges_keep(p);
	sl_peer_mark(p, 0);
	struct sl_writer w = sl_writer(sl_durable_room(p), plan->body_bound);
	if (!sl_absorb_encode(p, &w, &a)) {
		sl_watch_broken(p);
		sl_peer_halt(
		    p, false,
		    "the model is no longer finite, or beyond limits.value: eta or gamma is too large for this problem");
		return false;
	}
	sl_absorb_apply(p, &a, p->copy_state, false);
	sl_peer_mark(p, 1);
	p->digest = a.digest;
	p->version = sl_journal_append(&p->journal, (uint32_t)sl_writer_length(&w), p->round, p->digest);
	check_fork(p);
	if (p->phase == SL_PHASE_HALTED)
		return false;
	sl_pace_encoded(p, sl_writer_length(&w));
	sl_count_payload(p, SL_BRIEF_STEADY + sl_writer_length(&w));
	return true;
}

void sl_round_exchange(struct sl_peer *p)
{
	p->train_loss = p->learner.loss;
	sl_count_private(p);
	if (!frame_waits(p) && !make_frame(p))
		return;
	p->phase = SL_PHASE_WAITING;
	p->phase_since = p->now;
	for (uint32_t i = 0; i < p->degree; i++) {
		sl_edge_open(p, &p->edge[i]);
		sl_edge_watch_lag(p, &p->edge[i]);
	}
	sl_durable_trim(p);
	sl_peer_mark(p, 2);
	sl_round_check(p);
}

/* Whether this edge holds up the round, by the pace. */
static bool awaited(const struct sl_peer *p, const struct sl_edge *e)
{
	if (e->late || (e->finished && !e->up && !sl_waits_forever(p)) ||
	    sl_edge_is_over(p, e)) /* its steps are done: a new epoch took over the neighbour's */
		return false;
	switch (p->plan->settings.pace) {
	case SL_PACE_LOCKSTEP:
		return sl_edge_active(p, e) && !sl_edge_can_complete(e);
	case SL_PACE_STALENESS:
		return e->mine_open && !e->theirs_open &&
		       p->round - e->opened_in > p->plan->settings.staleness;
	case SL_PACE_FREE:
		break;
	}
	return false;
}

bool sl_edge_awaited(const struct sl_peer *p, const struct sl_edge *e)
{
	return p->phase == SL_PHASE_WAITING && awaited(p, e);
}

/* Whether anything came of it in the round in hand; of one that is waited for, lately. */
static bool is_heard(const struct sl_peer *p, const struct sl_edge *e)
{
	return e->up && !e->guard.closed && !(e->late && sl_time_before(e->heard_at, p->phase_since));
}

/* It may come back, and is not heard. */
static bool missed(const struct sl_peer *p, const struct sl_edge *e)
{
	return !is_heard(p, e) && !e->added && !e->finished && !e->guard.closed && !sl_edge_is_over(p, e);
}

bool sl_edge_missed(const struct sl_peer *p, const struct sl_edge *e)
{
	return p->alone && p->phase == SL_PHASE_WAITING && missed(p, e);
}

static bool is_alone(const struct sl_peer *p)
{
	bool late = false;
	if (p->plan->settings.pace == SL_PACE_FREE || sl_waits_forever(p))
		return false;
	for (uint32_t i = 0; i < p->degree; i++) {
		const struct sl_edge *e = &p->edge[i];
		if (is_heard(p, e))
			return false;
		late = late || (e->late && missed(p, e));
	}
	return late;
}

struct sl_time sl_alone_ends(const struct sl_peer *p)
{
	uint32_t doublings = p->alone < ALONE_DOUBLINGS ? p->alone : ALONE_DOUBLINGS;
	return p->alone && p->phase == SL_PHASE_WAITING
	           ? sl_time_after(p->phase_since, sl_round_timeout_us(p) << doublings)
	           : SL_TIME_NEVER;
}

/* A peer that hears none of its neighbours learns from its own data alone. In paces that wait at all it does so slowly, or it
 * would have done its rounds when they are back: it waits for the first that is heard, in each round twice as long as in the
 * one before. It does go on, for they may have finished without its knowledge. */
static bool waits_alone(struct sl_peer *p)
{
	if (!is_alone(p)) {
		p->alone = 0;
		return false;
	}
	if (p->alone == 0) {
		p->alone = 1;
		sl_peer_note(p, SL_LEVEL_WARNING, "alone",
		             "no neighbour is heard: rounds wait for the first one, up to %.3g s each",
		             1e-6 * (double)(sl_round_timeout_us(p) << ALONE_DOUBLINGS));
	}
	if (sl_time_before(p->now, sl_alone_ends(p)))
		return true;
	p->alone++;
	return false;
}

/* Lockstep waits, but not for the dead: up to round_timeout, and less for a neighbour of which nothing moves for
 * longer than its tags take. */
static void give_up_late(struct sl_peer *p)
{
	if (sl_waits_forever(p))
		return;
	for (uint32_t i = 0; i < p->degree; i++) {
		struct sl_edge *e = &p->edge[i];
		if (!awaited(p, e) || sl_time_before(p->now, sl_stream_round_ends(p, e)))
			continue;
		e->late = true;
		e->late_again = e->late_for == e->step + 1;
		e->late_for = e->step + 1;
		sl_peer_note(p, SL_LEVEL_WARNING, "edge-late",
		             "peer %u did not answer for step %u within %.3g s; continuing without it",
		             e->neighbour, e->step + 1, (double)(p->now.us - p->phase_since.us) * 1e-6);
	}
}

static bool evaluation_due(const struct sl_peer *p)
{
	const struct sl_settings *s = &p->plan->settings;
	return p->round + 1 == s->rounds || (s->evaluate && (p->round + 1) % s->evaluate == 0);
}

/* The copies of all peers at this round, in ascending number, go to a method that averages over all. False: a
 * neighbour has gone for good before it gave its part. */
static bool aggregate(struct sl_peer *p)
{
	struct sl_contribution all[SL_DEGREE_MAX + 1];
	struct sl_contribution own = { p->id, sl_copy_state_floats(p->copy_state) };
	uint32_t count = 0;
	for (uint32_t i = 0; i < p->degree; i++) {
		const struct sl_edge *e = &p->edge[i];
		if (!sl_edge_can_complete(e) || e->limit != p->version)
			return false;
		if (count == i && e->neighbour > p->id)
			all[count++] = own;
		all[count++] = (struct sl_contribution){ e->neighbour, sl_copy_state_floats(e->theirs) };
	}
	if (count == p->degree)
		all[count++] = own;
	p->plan->algorithm->aggregate(&p->learner, all, count);
	return true;
}

/* Whether a neighbour is to complete a step that this peer has opened. */
static bool awaits_step(const struct sl_peer *p)
{
	for (uint32_t i = 0; i < p->degree; i++) {
		const struct sl_edge *e = &p->edge[i];
		if (e->up && !e->late && !e->finished && !e->guard.closed && !sl_edge_is_over(p, e) &&
		    sl_edge_active(p, e) && e->mine_open && !sl_edge_can_complete(e))
			return true;
	}
	return false;
}

/* What the budget must hold before the round ends. A step that just misses that end would leave its link idle for a round, and
 * have two frames to send after it. So the round waits for it while what gathers can still be made up for; that a neighbour
 * is slower for good costs this wait once. */
static int64_t round_end_level(const struct sl_peer *p)
{
	return awaits_step(p) ? p->pacing.burst / 2 : 0;
}

/* Whether the end of the round has to wait for the budget. The other paces wait for neighbours, and so for the frames that they
 * exchange. While a round waits, tags arrive: steps are complete when it ends. */
static bool budget_holds(struct sl_peer *p)
{
	return p->plan->settings.pace == SL_PACE_FREE &&
	       !sl_budget_is_open(&p->pacing, p->now, -round_end_level(p));
}

struct sl_time sl_round_held_until(const struct sl_peer *p)
{
	bool holds = p->phase == SL_PHASE_WAITING && p->plan->settings.pace == SL_PACE_FREE;
	return holds ? sl_budget_opens(&p->pacing, -round_end_level(p)) : SL_TIME_NEVER;
}

void sl_round_check(struct sl_peer *p)
{
	if (p->phase != SL_PHASE_WAITING)
		return;
	give_up_late(p);
	for (uint32_t i = 0; i < p->degree; i++)
		if (awaited(p, &p->edge[i]))
			return;
	if (waits_alone(p) || budget_holds(p))
		return;
	sl_peer_mark(p, 3);
	if (p->plan->algorithm->aggregate && !aggregate(p)) {
		sl_peer_halt(
		    p, false,
		    "a neighbour is gone, or ends after fewer rounds, and this algorithm's average needs every peer: resume all, with the same run.rounds");
		return;
	}
	sl_edges_complete(p);
	bool can = p->plan->model.guest || (p->plan->test && p->plan->test->samples);
	if (evaluation_due(p) && can)
		emit_job(p, SL_JOB_EVALUATION);
	else
		sl_round_evaluated(p);
}

/* Count sketch (Charikar, Chen & Farach-Colton 2002) with hash and sign from the seed, the same at all peers.
 * Then Σ_b (sketch_b(x) − sketch_b(y))² has mean ‖x − y‖² and relative variance 2/buckets. */
static void emit_sketch(struct sl_peer *p)
{
	struct sl_sketch_row row = { .peer = p->id, .round = p->round, .count = p->plan->settings.sketch };
	double sum[SL_SKETCH_MAX] = { 0 };
	struct sl_random g = sl_random_stream(p->plan->settings.seed, UINT32_MAX, "sketch", 0);
	for (uint32_t k = 0; k < p->plan->dimension; k++) {
		uint64_t h = sl_random_at(&g, k);
		double v = (double)p->learner.x[k];
		sum[((h >> 32) * row.count) >> 32] += h & 1 ? -v : v;
	}
	for (uint32_t b = 0; b < row.count; b++)
		row.value[b] = (float)sum[b];
	struct sl_action a = { .kind = SL_ACTION_SKETCH_ROW, .sketch = &row };
	sl_peer_emit(p, &a);
}

/* Bytes belong to the round of their frame, whenever they came: a row does not tell who was faster. */
static int64_t early_bytes(const struct sl_peer *p)
{
	int64_t sum = 0;
	for (uint32_t i = 0; i < p->degree; i++)
		sum += p->edge[i].early;
	return sum;
}

static void emit_links(struct sl_peer *p)
{
	for (uint32_t i = 0; i < p->degree; i++) {
		struct sl_link_row row = p->edge[i].totals;
		row.payload_rx -= p->edge[i].early;
		row.peer = p->id;
		row.neighbour = p->edge[i].neighbour;
		row.round = p->round;
		row.wire_tx = row.wire_resent = row.throughput = row.queue_us = row.srtt_us = -1;
		for (unsigned k = 0; k < SL_AGAIN_KINDS && p->edge[i].stream.number == 0; k++)
			row.again[k] = -1;
		struct sl_action a = { .kind = SL_ACTION_LINK_ROW, .edge = i, .link = &row };
		sl_peer_emit(p, &a);
	}
}

static void emit_round(struct sl_peer *p)
{
	struct sl_round_row row = { .peer = p->id,
		                    .round = p->round,
		                    .train_loss = p->train_loss,
		                    .test_loss = p->test_loss,
		                    .test_accuracy = p->test_accuracy,
		                    .nonzero = p->nonzero,
		                    .disagreement = p->disagreement,
		                    .payload_tx = p->payload_tx,
		                    .payload_rx = p->payload_rx - early_bytes(p),
		                    .payload_anew = p->recovered,
		                    .wire_tx = -1,
		                    .wire_rx = -1,
		                    .wire_resent = -1,
		                    .compute_us = -1,
		                    .compress_us = -1,
		                    .wait_us = -1,
		                    .penalty = p->penalty };
	struct sl_action a = { .kind = SL_ACTION_ROUND_ROW, .round = &row };
	sl_peer_emit(p, &a);
}

void sl_round_evaluated(struct sl_peer *p)
{
	const struct sl_settings *s = &p->plan->settings;
	bool evaluated = evaluation_due(p);
	if (evaluated)
		p->last_accuracy = p->test_accuracy;
	if (evaluated || p->round % s->history_every == 0)
		emit_round(p);
	if (evaluated) {
		if (s->sketch)
			emit_sketch(p);
		emit_links(p);
		sl_emit_private(p);
	}
	sl_watch_round(p);
	if (p->phase == SL_PHASE_HALTED)
		return;
	p->round++;
	p->learner.round = p->round;
	for (uint32_t i = 0; i < p->degree; i++)
		if (p->edge[i].early_round <= p->round)
			p->edge[i].early = 0;
	sl_checkpoint_if_due(p);
	sl_round_begin(p);
}

/* All own rounds done: complete what a neighbour still tags, without new frames. */
void sl_serve(struct sl_peer *p, struct sl_edge *e)
{
	if (p->phase != SL_PHASE_SERVING)
		return;
	while (e->theirs_open && e->greeted) {
		sl_edge_open(p, e);
		if (!sl_edge_can_complete(e))
			return;
		sl_robust_prepare(p);
		sl_edge_complete(p, e);
	}
}

enum { PATIENCE = 20 };

static struct sl_time patience_ends(const struct sl_peer *p, const struct sl_edge *e)
{
	struct sl_time since = sl_time_before(p->phase_since, e->news_at) ? e->news_at : p->phase_since;
	return sl_time_after(sl_time_after(since, PATIENCE * sl_link_timeout_us(p)), sl_round_timeout_us(p));
}

/* Whether the neighbour may still want something of this end. One that is down is given up after
 * link_timeout, one that talks and makes no frame after some time; in an exact run neither before it has
 * finished, and then late: it may not have heard yet that this end has. */
static bool still_wanted(const struct sl_peer *p, const struct sl_edge *e)
{
	int64_t timeout = sl_link_timeout_us(p);
	if (e->finished && e->knows_finished)
		return false;
	/* It had finished too and left, as far as can be known; one that is heard is only about to greet. */
	if (p->was_final && !e->greeted && !e->up)
		return sl_time_before(p->now, sl_time_after(p->phase_since, PATIENCE * timeout));
	if (e->up && (sl_waits_forever(p) || sl_time_before(p->now, patience_ends(p, e))))
		return true;
	if (e->up)
		return false;
	if (!sl_waits_forever(p) || e->added) /* added, and never there */
		return sl_time_before(p->now, sl_time_after(p->phase_since, timeout));
	return !e->finished || sl_time_before(p->now, sl_time_after(e->heard_at, PATIENCE * timeout));
}

static void note_unheard(struct sl_peer *p)
{
	for (uint32_t i = 0; i < p->degree; i++)
		if (p->was_final && !p->edge[i].greeted && !p->edge[i].knows_finished)
			sl_peer_note(
			    p, SL_LEVEL_NOTICE, "left-unheard",
			    "peer %u has sent nothing since this peer's restart: if it misses the last rounds, start this peer again",
			    p->edge[i].neighbour);
}

void sl_serve_check(struct sl_peer *p)
{
	sl_checkpoint_final(p);
	if (!sl_may_leave(p))
		return;
	for (uint32_t i = 0; i < p->degree; i++)
		if (still_wanted(p, &p->edge[i]))
			return;
	note_unheard(p);
	sl_greet_all(p, false); /* farewell: whoever missed the last word hears it once more */
	sl_peer_halt(p, true, "all rounds done");
}
