/* rates.c — step sizes that have changed since the checkpoint was made: from which round on they hold.
 *
 * Neighbours may hold frames of rounds after the checkpoint. In lockstep these are computed again, and must
 * come out as they were: so the former step sizes hold until all neighbours' rounds have been passed. In
 * other paces a resumed peer starts a new epoch, and the change holds at once. */
#include "gossip/peer/state.h"

static uint32_t first_new_round(const struct sl_peer *p)
{
	uint32_t most = p->round;
	if (p->plan->settings.pace != SL_PACE_LOCKSTEP || p->was_free)
		return most;
	for (uint32_t i = 0; i < p->degree; i++) {
		const struct sl_edge *e = &p->edge[i];
		uint32_t ahead = e->holds_me_version > p->version ? e->holds_me_version - p->version : 0;
		if (!e->greeted)
			continue;
		most = e->their_round > most ? e->their_round : most;
		if (e->holds_me_epoch == p->epoch && p->round + ahead > most)
			most = p->round + ahead;
	}
	return most < p->rounds_most ? most + 1 : most; /* one more may be on its way */
}

void sl_rates_resume(struct sl_peer *p, const struct sl_rates *saved)
{
	struct sl_learner *l = &p->learner;
	struct sl_rates now = sl_settings_rates(&p->plan->settings);
	uint32_t kept = 0;
	for (uint32_t i = 0; i < l->formers; i++)
		if (l->former[i].until > p->round)
			l->former[kept++] = l->former[i];
	l->formers = kept;
	if (sl_rates_equal(saved, &now))
		return;
	if (l->formers < SL_FORMER_RATES)
		l->former[l->formers++].rates = *saved;
	p->rates_changed = true;
}

void sl_rates_settle(struct sl_peer *p)
{
	if (!p->rates_changed)
		return;
	struct sl_learner *l = &p->learner;
	struct sl_former_rates *last = &l->former[l->formers - 1];
	uint32_t from = first_new_round(p);
	if (l->formers > 1 && last[-1].until > from)
		from = last[-1].until;
	last->until = from;
	p->rates_changed = false;
	sl_peer_note(p, SL_LEVEL_NOTICE, "step-size-changed", "from round %u on it is %g, instead of %g",
	             from, sl_settings_eta(&p->plan->settings, from), sl_rates_eta(&last->rates, from));
	if (p->plan->settings.checkpoint_every && !p->checkpointing)
		sl_checkpoint_now(p); /* a start after this one must not choose another round */
}
