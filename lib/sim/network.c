/* network.c — messages on their way between peers. */
#include "sim/sim_state.h"

#include <stdlib.h>
#include <string.h>

static void arrive(struct sl_sim *s, uint32_t link, uint32_t from, const struct sl_action *m, uint64_t number,
                   struct sl_time at)
{
	const struct sl_topology *t = s->setup.topology;
	uint32_t to = t->neighbour[link], back = s->link[link].reverse;
	struct sl_sim_event e = { .at = at,
		                  .what = SL_HAPPENS_RECEIVE,
		                  .peer = to,
		                  .link = back,
		                  .starts = s->node[to].starts,
		                  .message = number,
		                  .connection = s->link[link].connection,
		                  .length = m->header_length + m->body_length };
	e.bytes = malloc(e.length);
	SL_CHECK(e.bytes);
	memcpy(e.bytes, m->header, m->header_length);
	if (m->body_length)
		memcpy(e.bytes + m->header_length, m->body, m->body_length);
	sl_sim_push(s, from, e);
}

/* To a connection; a message that a test takes away is lost without a word. */
static void hand_over(struct sl_sim *s, uint32_t link, uint32_t from, const struct sl_action *m,
                      uint64_t number, bool lose)
{
	size_t length = m->header_length + m->body_length;
	struct sl_time at;
	if (lose)
		sl_sim_disturb(s, link);
	if (lose || !sl_sim_link_takes(s, link, from, length, &at)) {
		sl_sim_totals_of(s, from)->lost++;
		return;
	}
	sl_sim_check_sent(s, link, from, m, at);
	sl_sim_totals_of(s, from)->wire_bytes += sl_sim_on_wire(length);
	s->node[from].wire_tx += sl_sim_on_wire(length);
	arrive(s, link, from, m, number, at);
}

void sl_sim_send(struct sl_sim *s, uint32_t link, uint32_t from, const struct sl_action *m)
{
	const struct sl_sim_network *n = &s->setup.network;
	struct sl_sim_link *l = &s->link[link];
	struct sl_random g = sl_random_stream(s->setup.plan->settings.seed, link, "network", l->messages++);
	struct sl_sim_totals *totals = sl_sim_totals_of(s, from);
	uint64_t number = s->parallel ? 0 : ++s->messages;
	totals->messages++;
	struct sl_sim_message sent = { number, from, s->setup.topology->neighbour[link], m, 0 };
	enum sl_sim_fate wanted = s->watch.sent ? s->watch.sent(s->watch.context, &sent) : SL_SIM_PASS;
	size_t bytes = sl_sim_on_wire(m->header_length + m->body_length);
	if (n->rate) {
		hand_over(s, link, from, m, number, wanted == SL_SIM_LOSE);
		return;
	}
	totals->wire_bytes += bytes;
	s->node[from].wire_tx += bytes;
	double fate = sl_random_unit_double(&g), twice = sl_random_unit_double(&g),
	       order = sl_random_unit_double(&g);
	int64_t delay = n->latency_us + (int64_t)(sl_random_unit_double(&g) * (double)n->jitter_us);
	if (wanted == SL_SIM_LOSE || l->cut || fate < n->loss ||
	    !s->node[s->setup.topology->neighbour[link]].alive) {
		totals->lost++;
		return;
	}
	struct sl_time at = sl_time_after(sl_sim_now_of(s, from), delay);
	if (wanted == SL_SIM_DELAY)
		at = sl_time_after(at, sent.delay_us);
	else if (order < n->reorder)
		at = sl_time_after(at, 3 * (n->latency_us + n->jitter_us) + 1); /* later ones overtake it */
	else
		at = l->last = sl_time_before(at, l->last) ? l->last : at;
	arrive(s, link, from, m, number, at);
	if (twice < n->duplicate) {
		totals->repeated++;
		arrive(s, link, from, m, number, sl_time_after(at, n->latency_us));
	}
}
