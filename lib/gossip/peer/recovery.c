/* recovery.c — once the neighbours have greeted: a peer goes on from its checkpoint or from their copies of
 * it, joins them, or begins. */
#include "gossip/peer/state.h"

/* The copy of me to go on from: the highest number of the newest epoch; of two that differ there, the one
 * that most hold. NULL with *tie: nobody can tell. */
static struct sl_edge *best_copy(struct sl_peer *p, bool *tie)
{
	struct sl_edge *best = NULL;
	unsigned best_votes = 0;
	bool differ = false;
	*tie = false;
	for (uint32_t i = 0; i < p->degree; i++) {
		struct sl_edge *e = &p->edge[i];
		if (!e->greeted || e->holds_me_version == 0)
			continue;
		unsigned votes = 0;
		for (uint32_t j = 0; j < p->degree; j++)
			votes += p->edge[j].greeted && p->edge[j].holds_me_epoch == e->holds_me_epoch &&
			         p->edge[j].holds_me_version == e->holds_me_version &&
			         p->edge[j].holds_me_digest == e->holds_me_digest;
		bool higher = !best || e->holds_me_epoch > best->holds_me_epoch ||
		              (e->holds_me_epoch == best->holds_me_epoch &&
		               e->holds_me_version > best->holds_me_version);
		bool same = best && e->holds_me_epoch == best->holds_me_epoch &&
		            e->holds_me_version == best->holds_me_version;
		bool other = same && e->holds_me_digest != best->holds_me_digest;
		differ = higher ? false : differ || other;
		*tie = higher ? false
		              : (other && votes == best_votes) || (*tie && !(other && votes > best_votes));
		if (higher || (other && votes > best_votes)) {
			best = e;
			best_votes = votes;
		}
	}
	if (best && differ)
		sl_peer_note(p, SL_LEVEL_WARNING, "copies-differ",
		             "neighbours hold different copies of this peer at version %u",
		             best->holds_me_version);
	return *tie ? NULL : best;
}

enum { RECOVER_EVERY_US = 300000, RECOVER_TRIES = 10 };

static void fetch_copy(struct sl_peer *p, struct sl_edge *from)
{
	if (!p->staging_self || p->staging_edge != from)
		p->staging_edge = NULL;
	p->recover_at = sl_time_after(p->now, sl_stream_patient_us(from, RECOVER_EVERY_US));
	sl_ask_self(p, from);
}

/* Asks again; a neighbour that stays silent is passed over for the next best. */
void sl_recovery_check(struct sl_peer *p)
{
	if (p->joining) {
		sl_join_check(p);
		return;
	}
	if (sl_time_before(p->now, p->recover_at))
		return;
	bool tie;
	struct sl_edge *best = best_copy(p, &tie);
	if (best && ++p->recover_tries > RECOVER_TRIES) {
		best->holds_me_version = 0;
		p->recover_tries = 0;
		best = best_copy(p, &tie);
	}
	if (best) {
		fetch_copy(p, best);
	} else {
		p->phase = SL_PHASE_GREETING;
		sl_greeting_check(p);
	}
}

/* In lockstep, neighbours that still keep their whole journals let a peer that lost everything compute it all
 * again, bit for bit: a crash before the first checkpoint costs nothing. Of one from which it takes nothing
 * it needs tags only, which such an end has for every step. */
static bool can_recompute(const struct sl_peer *p)
{
	if (p->plan->settings.pace != SL_PACE_LOCKSTEP)
		return false;
	for (uint32_t i = 0; i < p->degree; i++) {
		const struct sl_edge *e = &p->edge[i];
		if (!e->greeted || (e->oldest != 1 && !e->rx_off) || e->holds_me_epoch != 0 ||
		    e->their_epoch != 0)
			return false;
	}
	return true;
}

/* Every neighbour has answered, or had its time. */
void sl_greeting_check(struct sl_peer *p)
{
	if (p->phase != SL_PHASE_GREETING)
		return;
	bool done =
	    p->was_final && p->plan->settings.pace == SL_PACE_LOCKSTEP; /* with nothing to settle first */
	for (uint32_t i = 0; i < p->degree && !done; i++)
		if (!p->edge[i].greeted && sl_time_before(p->now, p->greet_until))
			return;
	if (p->resumed) {
		p->phase = SL_PHASE_COMPUTING; /* greetings from here on may settle the edges */
		sl_rates_settle(p);
		if (sl_epoch_newest(p, 0) > p->epoch)
			sl_start_epoch(p, 0, "resumed from a checkpoint of an earlier epoch");
		else if (p->plan->settings.pace != SL_PACE_LOCKSTEP || p->was_free)
			sl_start_epoch(
			    p, 0, "resumed from a checkpoint with a pace that does not recompute rounds");
		p->round_wished = true;
		return;
	}
	bool tie = false;
	struct sl_edge *best = !p->joining && can_recompute(p) ? NULL : best_copy(p, &tie);
	if (tie) {
		sl_peer_halt(
		    p, false,
		    "neighbours hold different copies of this peer, and no majority; restore a checkpoint");
	} else if (best && (p->plan->algorithm->irrecoverable || p->plan->directed)) {
		sl_peer_halt(
		    p, false,
		    "this peer's state is lost, and its algorithm cannot continue from the neighbours' copies; restore a checkpoint");
	} else if (best) {
		p->joining = false;
		p->phase = SL_PHASE_RECOVERING;
		p->phase_since = p->now;
		fetch_copy(p, best);
	} else if (!best && p->joining && sl_join_begin(p)) {
		return;
	} else {
		p->joining = false;
		sl_peer_note(p, SL_LEVEL_INFO, "fresh-start",
		             "no neighbour holds a copy of this peer: seeded start");
		for (uint32_t i = 0; i < p->degree; i++)
			p->edge[i].reset = p->edge[i].greeted ? false : p->edge[i].reset;
		if (sl_epoch_newest(p, 0) > 0) {
			p->phase = SL_PHASE_COMPUTING;
			sl_start_epoch(p, 0, "neighbours know an earlier start of this peer");
		}
		p->round_wished = true;
	}
}
