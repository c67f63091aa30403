/* privacy.c — local differential privacy as a peer counts and reports it. */
#include "gossip/peer/state.h"

#include "gossip/reads.h"

#include <stdio.h>

/* At most; a tracker's first round takes one more. */
static uint64_t gradients_a_round(const struct sl_peer *p)
{
	bool many = sl_algorithm_reads(p->plan->algorithm, "local_steps");
	return many ? p->plan->settings.local_steps : 1;
}

void sl_count_private(struct sl_peer *p)
{
	const struct sl_settings *s = &p->plan->settings;
	if (!p->learner.privacy.on)
		return;
	p->epsilon = sl_private_epsilon(&p->learner);
	if (p->spent || !sl_private_spent(&p->learner))
		return;
	p->spent = true;
	sl_peer_note(
	    p, SL_LEVEL_NOTICE, "privacy-budget-spent",
	    "epsilon = %.4g of %g at delta = %g after %llu gradients: this peer no longer learns, and continues to mix",
	    p->epsilon, s->epsilon, s->delta, (unsigned long long)sl_private_releases(&p->learner));
}

static void emit_metric(struct sl_peer *p, const char *name, double value)
{
	struct sl_metric_row row = { .peer = p->id, .round = p->round, .value = value };
	snprintf(row.name, sizeof row.name, "%s", name);
	struct sl_action a = { .kind = SL_ACTION_METRIC_ROW, .metric = &row };
	sl_peer_emit(p, &a);
}

void sl_emit_private(struct sl_peer *p)
{
	if (!p->learner.privacy.on)
		return;
	emit_metric(p, "epsilon", p->epsilon);
	emit_metric(p, "delta", p->plan->settings.delta);
}

void sl_recover_private(struct sl_peer *p)
{
	uint64_t gradients = p->round * gradients_a_round(p) + 1;
	if (gradients > sl_private_releases(&p->learner))
		sl_private_recovered(&p->learner, gradients);
}

void sl_peer_private(const struct sl_peer *p, struct sl_peer_private *out)
{
	*out = (struct sl_peer_private){ .on = p->learner.privacy.on,
		                         .count = sl_private_releases(&p->learner),
		                         .a_round = gradients_a_round(p) + (p->round == 0) };
}

void sl_peer_private_raise(struct sl_peer *p, uint64_t count)
{
	if (count > sl_private_releases(&p->learner))
		sl_private_recovered(&p->learner, count);
}

void sl_peer_private_hold(struct sl_peer *p, bool held)
{
	p->learner.privacy.held = held;
}
