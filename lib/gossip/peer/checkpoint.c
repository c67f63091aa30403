/* checkpoint.c — own checkpoints: when one is begun, what waits for it, and what follows when it is written.
 * Why rounds may have to wait for one: durable.c. */
#include "gossip/peer/state.h"

#include "linalg/blocks.h"

enum { RETRY_FIRST_US = 500000, RETRY_MOST_US = 30000000 };
/* A last checkpoint that cannot be written for so long is given up, or neighbours would wait for ever. */
enum { FINAL_PATIENCE_US = 600000000 };

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
		    "the last checkpoint could not be written for %d s: neighbours may finish without it; if killed now, this peer loses its last rounds",
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
	return !p->watch.diverging &&
	       sl_blocks_finite(p->scratch->parallel, p->plan->dimension, p->learner.x) &&
	       (double)sl_blocks_largest(p->scratch->parallel, p->plan->dimension, p->learner.x) <=
	           p->plan->settings.limit_value;
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
	        ? "the last good ones are kept; rounds wait for a newer one, because neighbours have no room for more frames"
	    : final
	        ? "retrying while neighbours wait: a peer has finished only once its last state is durable"
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
		    p->watch.diverging
		        ? "the run diverges, so no checkpoint is written: the last good one is kept"
		        : "the model is no longer finite, or beyond limits.value, so no checkpoint can be written: eta or gamma is too large for this problem");
		sl_watch_broken(p);
		return;
	}
	if (p->phase == SL_PHASE_SAVING)
		p->round_wished = true;
	sl_checkpoint_final(p);
	if (!was_final && sl_is_final(p))
		sl_greet_all(p, true);
}

void sl_checkpoint_check(struct sl_peer *p)
{
	if (p->phase == SL_PHASE_SAVING && !p->hold_said &&
	    !sl_time_before(p->now, sl_time_after(p->phase_since, p->plan->settings.link_timeout_us))) {
		p->hold_said = true;
		sl_peer_note(
		    p, SL_LEVEL_WARNING, "checkpoint-awaited",
		    "round %u waits for this peer's checkpoint, and the neighbours wait for this peer: they have no room for more frames until it is written",
		    p->round);
	}
	if (p->phase == SL_PHASE_SAVING)
		p->round_wished = true;
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
