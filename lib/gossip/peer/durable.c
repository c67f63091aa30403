/* durable.c — own checkpoints, and what is kept for those of the neighbours.
 *
 * `durable` in a frame is the number of the receiver's journal from which on its sender may come back: that
 * in the older of its two checkpoints. Frames and tags after it are kept. A run that is not exact goes on
 * when they no longer fit, and says what is lost. In an exact run they must fit, however slow a disk is. An
 * end that will soon have no room says so in its tag. No round is completed without the tags of all
 * neighbours, so whoever makes checkpoints knows it at the end of that very round. There it waits
 * (SL_PHASE_SAVING) until both of its checkpoints are of this round, and tries again for as long as its disk
 * fails. Its neighbours wait for its next tag, as for any other, and nothing has to leave their rings.
 *
 * So nobody waits for more than a disk; event rows and status name the peer and the reason. */
#include "gossip/peer/state.h"

#include "linalg/vector.h"

enum { RETRY_FIRST_US = 500000, RETRY_MOST_US = 30000000 };
/* A last checkpoint that cannot be written for so long is given up, or neighbours would wait for ever. */
enum { FINAL_PATIENCE_US = 600000000 };

/* ---- what is kept for the neighbours ---- */

/* It has done its rounds, fewer than this end has, and asks for nothing of later ones. */
static bool is_done(const struct sl_peer *p, const struct sl_edge *e)
{
	return e->finished && e->their_rounds < p->plan->settings.rounds && sl_edge_is_over(p, e);
}

/* Whether something must be kept for a checkpoint of that neighbour. */
static bool keeps_for(const struct sl_peer *p, const struct sl_edge *e)
{
	return e->durable != UINT32_MAX && e->greeted && !e->tx_off && !e->added && !e->reset &&
	       !is_done(p, e);
}

static size_t kept_bytes(const struct sl_peer *p, const struct sl_edge *e)
{
	size_t span = sl_journal_span(&p->journal, e->durable, p->version);
	return span == SIZE_MAX ? p->journal.end - p->journal.start : span;
}

bool sl_edge_wants_checkpoint(const struct sl_peer *p, const struct sl_edge *e)
{
	const struct sl_plan *plan = p->plan;
	if (!sl_waits_forever(p) || !keeps_for(p, e) || e->durable >= p->version)
		return false;
	return p->version - e->durable + plan->spare >= plan->tags ||
	       kept_bytes(p, e) + (plan->spare + 1) * plan->body_bound > plan->journal_bytes;
}

void sl_durable_trim(struct sl_peer *p)
{
	uint32_t least = UINT32_MAX;
	for (uint32_t i = 0; i < p->degree; i++) {
		const struct sl_edge *e = &p->edge[i];
		uint32_t held = e->acknowledged < e->durable ? e->acknowledged : e->durable;
		if (!e->added && !e->tx_off &&
		    !is_done(p, e)) /* one that was never heard will get a snapshot */
			least = held < least ? held : least;
	}
	if (least != UINT32_MAX)
		sl_journal_trim(&p->journal, least);
}

/* Only a run in lockstep computes again what was lost with a life; elsewhere a new epoch needs none of it. */
void sl_durable_lost(struct sl_peer *p, struct sl_edge *e, uint32_t version)
{
	uint32_t behind = p->version - (e->durable < p->version ? e->durable : p->version);
	if (e->lost && behind < p->plan->tags / 2)
		e->lost = false;
	if (e->lost || !keeps_for(p, e) || version <= e->durable ||
	    p->plan->settings.pace != SL_PACE_LOCKSTEP)
		return;
	e->lost = true;
	sl_peer_note(
	    p, SL_LEVEL_WARNING, "backlog-dropped",
	    "frame %u, and peer %u's older checkpoint is at %u: if it restarts from there, it starts a new epoch (mean-shift)",
	    version, e->neighbour, e->durable);
}

uint8_t *sl_durable_room(struct sl_peer *p)
{
	uint32_t first = p->journal.first;
	uint8_t *room = sl_journal_room(&p->journal, p->plan->body_bound);
	for (uint32_t i = 0; i < p->degree && p->journal.first != first; i++)
		if (p->edge[i].durable + 1 >= first) /* what was gone already is not lost now */
			sl_durable_lost(p, &p->edge[i], p->journal.first - 1);
	return room;
}

/* ---- own checkpoints ---- */

/* What this end would lack of the neighbour's journal after a restart, whichever checkpoint it finds. */
uint32_t sl_edge_durable(const struct sl_peer *p, const struct sl_edge *e)
{
	uint32_t least =
	    e->checkpoint_older < e->checkpoint_newest ? e->checkpoint_older : e->checkpoint_newest;
	if (!p->plan->settings.checkpoint_every)
		return UINT32_MAX;
	return p->checkpointing && e->checkpoint_pending < least ? e->checkpoint_pending : least;
}

static bool all_settled(const struct sl_peer *p)
{
	for (uint32_t i = 0; i < p->degree; i++)
		if (!p->edge[i].finished || !p->edge[i].knows_finished)
			return false;
	return true;
}

void sl_checkpoint_now(struct sl_peer *p)
{
	p->saving_settled = all_settled(p);
	p->checkpointing = true;
	p->checkpoint_due = false;
	p->saving_round = p->round;
	for (uint32_t i = 0; i < p->degree; i++)
		p->edge[i].checkpoint_pending = p->edge[i].their_version;
	struct sl_action a = { .kind = SL_ACTION_CHECKPOINT };
	sl_peer_emit(p, &a);
}

void sl_checkpoint_if_due(struct sl_peer *p)
{
	uint32_t every = p->plan->settings.checkpoint_every;
	if (!every)
		return;
	p->checkpoint_due =
	    p->checkpoint_due || p->round % every == 0 || p->round == p->plan->settings.rounds;
	if (p->checkpoint_due && !p->checkpointing)
		sl_checkpoint_now(p);
}

/* Whether a neighbour has no room for more before it hears of newer checkpoints. */
static bool is_wanted(const struct sl_peer *p)
{
	if (!p->plan->settings.checkpoint_every || !sl_waits_forever(p) ||
	    p->saved_older + p->plan->spare >= p->round) /* said before it was heard of */
		return false;
	for (uint32_t i = 0; i < p->degree; i++)
		if (p->edge[i].wants)
			return true;
	return false;
}

bool sl_checkpoint_holds(struct sl_peer *p)
{
	if (p->phase == SL_PHASE_SAVING) {
		if (p->saved_older == p->round)
			return false;
	} else {
		if (!is_wanted(p))
			return false;
		p->phase = SL_PHASE_SAVING;
		p->phase_since = p->now;
		p->hold_said = false;
	}
	if (!p->checkpointing && !sl_time_before(p->now, p->save_at))
		sl_checkpoint_now(p);
	return true;
}

bool sl_is_final(const struct sl_peer *p)
{
	if (p->phase != SL_PHASE_SERVING)
		return false;
	uint32_t rounds = p->plan->settings.rounds;
	return !p->plan->settings.checkpoint_every || p->final_given_up ||
	       (p->saved_newest == rounds && (p->saved_older == rounds || p->save_failed));
}

bool sl_may_leave(const struct sl_peer *p)
{
	return sl_is_final(p) && (!p->plan->settings.checkpoint_every || p->save_failed ||
	                          p->final_given_up || p->saved_settled || !all_settled(p));
}

void sl_checkpoint_final(struct sl_peer *p)
{
	if (p->phase != SL_PHASE_SERVING || sl_may_leave(p))
		return;
	if (sl_is_final(p)) {
		if (!p->checkpointing)
			sl_checkpoint_now(p);
		return;
	}
	if (!sl_time_before(p->now, sl_time_after(p->phase_since, FINAL_PATIENCE_US))) {
		p->final_given_up = true;
		sl_peer_note(
		    p, SL_LEVEL_ERROR, "finished-not-durable",
		    "the last checkpoint could not be written for %d s: neighbours are let go without it; killed now, this peer would lack its last rounds",
		    FINAL_PATIENCE_US / 1000000);
		sl_greet_all(p, true);
		return;
	}
	if (!p->checkpointing && !sl_time_before(p->now, p->save_at))
		sl_checkpoint_now(p);
}

void sl_edge_checkpointed(struct sl_edge *e)
{
	e->checkpoint_older = e->checkpoint_newest;
	e->checkpoint_newest = e->checkpoint_pending;
}

/* A state that no checkpoint takes stays one: an exact run that waited for it would wait for ever. */
static bool is_sound(const struct sl_peer *p)
{
	return sl_vector_finite(p->plan->dimension, p->learner.x) &&
	       (double)sl_vector_largest(p->plan->dimension, p->learner.x) <= p->plan->settings.limit_value;
}

static void note_failure(struct sl_peer *p)
{
	p->save_failed = true;
	bool held = p->phase == SL_PHASE_SAVING, final = p->phase == SL_PHASE_SERVING && !sl_is_final(p);
	p->save_every_us = p->save_every_us ? 2 * p->save_every_us : RETRY_FIRST_US;
	p->save_every_us = p->save_every_us < RETRY_MOST_US ? p->save_every_us : RETRY_MOST_US;
	p->save_at = sl_time_after(p->now, p->save_every_us);
	sl_peer_note(
	    p, SL_LEVEL_WARNING, "checkpoint-failed", "%s",
	    held
	        ? "the last good ones are kept, and rounds wait: neighbours have no room for more frames before there is a newer one"
	    : final
	        ? "it is tried again, and neighbours wait: a peer has finished once its last state is durable"
	        : "the last good ones are kept");
}

static void note_success(struct sl_peer *p)
{
	p->save_failed = false;
	p->save_every_us = 0;
	p->save_at = (struct sl_time){ 0 };
	p->saved_older = p->saved_newest;
	p->saved_newest = p->saving_round;
	p->saved_settled = p->saving_settled;
	for (uint32_t i = 0; i < p->degree; i++)
		sl_edge_checkpointed(&p->edge[i]);
}

void sl_checkpointed(struct sl_peer *p, bool ok)
{
	bool was_final = sl_is_final(p);
	p->checkpointing = false;
	if (ok)
		note_success(p);
	else
		note_failure(p);
	if (!ok && !is_sound(p) && (p->phase == SL_PHASE_SAVING || p->phase == SL_PHASE_SERVING)) {
		sl_peer_halt(
		    p, false,
		    "the model is no longer finite, or beyond limits.value, so no checkpoint can be written: eta or gamma is too large for this problem");
		return;
	}
	if (p->phase == SL_PHASE_SAVING)
		sl_round_begin(p);
	sl_checkpoint_final(p);
	if (!was_final && sl_is_final(p))
		sl_greet_all(p, true);
	sl_serve_check(p);
}

void sl_checkpoint_check(struct sl_peer *p)
{
	if (p->phase == SL_PHASE_SAVING && !p->hold_said &&
	    !sl_time_before(p->now, sl_time_after(p->phase_since, p->plan->settings.link_timeout_us))) {
		p->hold_said = true;
		sl_peer_note(
		    p, SL_LEVEL_WARNING, "checkpoint-awaited",
		    "round %u waits for this peer's checkpoint, and the neighbours for this peer: they have no room for more frames before it is written",
		    p->round);
	}
	if (p->phase == SL_PHASE_SAVING)
		sl_round_begin(p);
	sl_checkpoint_final(p);
}

struct sl_time sl_checkpoint_deadline(const struct sl_peer *p)
{
	struct sl_time due = SL_TIME_NEVER;
	bool held = p->phase == SL_PHASE_SAVING, serving = p->phase == SL_PHASE_SERVING && !sl_is_final(p);
	if ((held || serving) && !p->checkpointing)
		due = p->save_at;
	if (held && !p->hold_said)
		due = sl_time_earlier(due, sl_time_after(p->phase_since, p->plan->settings.link_timeout_us));
	if (serving)
		due = sl_time_earlier(due, sl_time_after(p->phase_since, FINAL_PATIENCE_US));
	return due;
}
