/* outbox.c — the outbox of a peer with a byte budget (paced.c): how it begins, and what is dropped from it. */
#include "sim/sim_state.h"

#include <stdlib.h>

void sl_sim_pace_begin(struct sl_sim *s, uint32_t peer)
{
	struct sl_sim_node *n = &s->node[peer];
	const struct sl_settings *set = &s->setup.plan->settings;
	if (!sl_outbox_is_needed(set))
		return;
	if (!n->outbox)
		n->outbox = malloc(sizeof *n->outbox);
	SL_CHECK(n->outbox);
	sl_outbox_begin(n->outbox, set, 0, sl_sim_now_of(s, peer));
	n->paced_at = SL_TIME_NEVER;
}

void sl_sim_pace_drop(struct sl_sim *s, uint32_t peer, uint32_t link)
{
	struct sl_sim_node *n = &s->node[peer];
	struct sl_outbox_message *m;
	struct sl_time now = sl_sim_now_of(s, peer);
	while (n->outbox && (m = sl_outbox_discard(n->outbox, link - s->setup.topology->first[peer], now)))
		free(m);
}

void sl_sim_pace_clear(struct sl_sim *s, uint32_t peer)
{
	const struct sl_topology *t = s->setup.topology;
	for (uint32_t l = t->first[peer]; l < t->first[peer + 1]; l++)
		sl_sim_pace_drop(s, peer, l);
}

void sl_sim_pace_charge(struct sl_sim *s, uint32_t peer, int64_t bytes)
{
	if (s->node[peer].outbox)
		sl_outbox_charge(s->node[peer].outbox, bytes, sl_sim_now_of(s, peer));
}
