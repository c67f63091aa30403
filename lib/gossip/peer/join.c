/* join.c — a peer that was added to a run under way starts from the mean of its neighbours' copies. */
#include "gossip/peer/state.h"

#include "linalg/vector.h"

#include <string.h>

enum { JOIN_EVERY_US = 300000 };

static bool is_ahead(const struct sl_edge *e)
{
	return e->greeted && e->their_round > 0 && (e->their_version > 0 || e->diverged);
}

bool sl_join_begin(struct sl_peer *p)
{
	bool any = false;
	if (sl_guard_round(p) == 0)
		return false; /* too few have been heard, or the run has not begun */
	for (uint32_t i = 0; i < p->degree; i++) {
		struct sl_edge *e = &p->edge[i];
		if (!e->greeted || e->their_round == 0)
			continue;
		e->diverged = true; /* what they hold is wanted whole: frames would come after it */
		any = true;
	}
	if (!any)
		return false;
	p->phase = SL_PHASE_RECOVERING;
	p->phase_since = p->now;
	p->recover_at = p->now;
	sl_join_check(p);
	return true;
}

/* x, and with it the public copy, is the mean of the copies that are here, or what robust mixing makes of them; other
 * channels are zero. */
static void take_mean(struct sl_peer *p)
{
	const struct sl_plan *plan = p->plan;
	float *copy = sl_copy_state_floats(p->copy_state);
	uint32_t count = 0;
	for (uint32_t i = 0; i < p->degree; i++)
		count += is_ahead(&p->edge[i]) && !p->edge[i].diverged;
	memset(p->copy_state, 0, plan->copy_bytes);
	for (uint32_t k = 0; k < plan->dimension && count; k++) {
		float value[SL_DEGREE_MAX];
		uint32_t n = 0;
		for (uint32_t i = 0; i < p->degree; i++)
			if (is_ahead(&p->edge[i]) && !p->edge[i].diverged)
				value[n++] = sl_copy_state_floats(p->edge[i].theirs)[k];
		float mean = sl_robust_mean(p, value, n);
		copy[k] = mean == 0 ? 0 : mean;
	}
	memcpy(p->learner.x, copy, plan->dimension * sizeof *copy);
	p->digest = sl_vector_digest(plan->copy_floats, 0, copy);
}

static void join(struct sl_peer *p, uint32_t copies)
{
	uint32_t round = sl_guard_round(p); /* one that lies does not decide */
	take_mean(p);
	if (round > p->plan->settings.rounds)
		round = p->plan->settings.rounds;
	p->round = p->learner.round = p->version = round;
	if (p->plan->algorithm->start)
		p->plan->algorithm->start(&p->learner);
	p->joining = false;
	for (uint32_t i = 0; i < p->degree; i++)
		p->edge[i].staging.open = false;
	sl_peer_note(p, SL_LEVEL_NOTICE, "joined-late", "in round %u, from the mean of %u neighbours' models",
	             round, copies);
	p->phase = SL_PHASE_COMPUTING;
	sl_start_epoch(p, 0, "joined a run under way");
	p->round_wished = true;
}

/* Goes on once all copies are here, or, after link_timeout, with those that are. */
void sl_join_check(struct sl_peer *p)
{
	uint32_t copies = 0, missing = 0;
	for (uint32_t i = 0; i < p->degree; i++) {
		copies += is_ahead(&p->edge[i]) && !p->edge[i].diverged;
		missing += is_ahead(&p->edge[i]) && p->edge[i].diverged;
	}
	bool patient = sl_time_before(p->now, sl_time_after(p->phase_since, sl_link_timeout_us(p)));
	if (copies && (!missing || !patient)) {
		join(p, copies);
		return;
	}
	if (sl_time_before(p->now, p->recover_at))
		return;
	p->recover_at = sl_time_after(p->now, JOIN_EVERY_US);
	for (uint32_t i = 0; i < p->degree; i++)
		if (is_ahead(&p->edge[i]) && p->edge[i].diverged)
			sl_edge_ask(p, &p->edge[i]);
}
