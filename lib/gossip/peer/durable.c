/* durable.c — what is kept for the checkpoints of neighbours, and what own checkpoints hold.
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

/* What this end would lack of the neighbour's journal after a restart, whichever checkpoint it finds. */
uint32_t sl_edge_durable(const struct sl_peer *p, const struct sl_edge *e)
{
	uint32_t least =
	    e->checkpoint_older < e->checkpoint_newest ? e->checkpoint_older : e->checkpoint_newest;
	if (!p->plan->settings.checkpoint_every)
		return UINT32_MAX;
	return p->checkpointing && e->checkpoint_pending < least ? e->checkpoint_pending : least;
}

bool sl_is_final(const struct sl_peer *p)
{
	if (p->phase != SL_PHASE_SERVING)
		return false;
	uint32_t rounds = p->plan->settings.rounds;
	return !p->plan->settings.checkpoint_every || p->final_given_up ||
	       (p->saved_newest == rounds && (p->saved_older == rounds || p->save_failed));
}
