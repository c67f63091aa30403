/* paced.c — the byte budget of a peer ([limits] rate and volume): what it sends waits in an outbox, as in the daemon.
 * A message is charged when it leaves (sl_budget_message); acknowledgements and handshakes are charged when they happen. */
#include "sim/sim_state.h"

#include <stdlib.h>
#include <string.h>

struct waiting {                       /* allocated as a whole */
	struct sl_outbox_message head; /* first; edge: index of the link among the peer's */
	struct sl_frame frame;
	size_t header_length;
	uint8_t bytes[];
};

static void release(struct sl_sim *s, uint32_t peer, struct sl_outbox_message *m)
{
	struct waiting *w = (struct waiting *)(void *)m;
	struct sl_action a = { .kind = SL_ACTION_SEND,
		               .header = w->bytes,
		               .header_length = w->header_length,
		               .body = w->bytes + w->header_length,
		               .body_length = m->length - w->header_length,
		               .frame = &w->frame };
	sl_sim_send(s, s->setup.topology->first[peer] + m->edge, peer, &a);
	free(w);
}

void sl_sim_pace_turn(struct sl_sim *s, uint32_t peer)
{
	struct sl_sim_node *n = &s->node[peer];
	struct sl_outbox_message *m;
	if (!n->outbox)
		return;
	while ((m = sl_outbox_take(n->outbox, sl_sim_now_of(s, peer))))
		release(s, peer, m);
	struct sl_time due = sl_outbox_due(n->outbox);
	if (!sl_time_before(due, n->paced_at))
		return;
	n->paced_at = due;
	sl_sim_push(
	    s, peer,
	    (struct sl_sim_event){ .at = due, .what = SL_HAPPENS_PACED, .peer = peer, .starts = n->starts });
}

void sl_sim_paced(struct sl_sim *s, const struct sl_sim_event *e)
{
	struct sl_sim_node *n = &s->node[e->peer];
	if (e->at.us != n->paced_at.us || e->starts != n->starts)
		return;
	n->paced_at = SL_TIME_NEVER;
	sl_sim_pace_turn(s, e->peer);
}

bool sl_sim_pace_takes(struct sl_sim *s, uint32_t peer, uint32_t link, const struct sl_action *a)
{
	struct sl_sim_node *n = &s->node[peer];
	if (!n->outbox)
		return false;
	if (s->setup.network.rate && s->link[link].state != SL_SIM_UP)
		return false; /* it is lost at once */
	size_t length = a->header_length + a->body_length;
	struct waiting *w = malloc(sizeof *w + length);
	SL_CHECK(w);
	w->head = (struct sl_outbox_message){ .edge = link - s->setup.topology->first[peer],
		                              .length = length,
		                              .control = a->frame->kind == SL_FRAME_HELLO ||
		                                         a->frame->kind == SL_FRAME_REQUEST };
	w->frame = *a->frame;
	w->header_length = a->header_length;
	memcpy(w->bytes, a->header, a->header_length);
	if (a->body_length)
		memcpy(w->bytes + a->header_length, a->body, a->body_length);
	if (!sl_outbox_put(n->outbox, &w->head, sl_sim_now_of(s, peer))) {
		free(w);
		sl_sim_link_overflows(s, link, peer);
	}
	return true;
}

void sl_sim_pace_end(struct sl_sim *s, uint32_t peer)
{
	const struct sl_topology *t = s->setup.topology;
	struct sl_sim_node *n = &s->node[peer];
	struct sl_outbox_message *m;
	for (uint32_t l = t->first[peer]; n->outbox && l < t->first[peer + 1]; l++)
		while ((m = sl_outbox_discard(n->outbox, l - t->first[peer], sl_sim_now_of(s, peer))))
			if (m->control)
				release(s, peer, m);
			else
				free(m);
}
