/* network.c — the event heap and the virtual network. */
#include "sim/sim_state.h"

#include <stdlib.h>
#include <string.h>

static bool before(const struct sl_sim_event *a, const struct sl_sim_event *b)
{
	return a->at.us != b->at.us ? a->at.us < b->at.us : a->order < b->order;
}

void sl_sim_push(struct sl_sim *s, struct sl_sim_event event)
{
	if (s->heap_length == s->heap_capacity) {
		s->heap_capacity = s->heap_capacity ? 2 * s->heap_capacity : 1024;
		s->heap = realloc(s->heap, s->heap_capacity * sizeof *s->heap);
		SL_CHECK(s->heap);
	}
	event.order = s->order++;
	size_t at = s->heap_length++;
	for (; at > 0 && before(&event, &s->heap[(at - 1) / 2]); at = (at - 1) / 2)
		s->heap[at] = s->heap[(at - 1) / 2];
	s->heap[at] = event;
}

bool sl_sim_pop(struct sl_sim *s, struct sl_sim_event *out)
{
	if (s->heap_length == 0)
		return false;
	*out = s->heap[0];
	struct sl_sim_event last = s->heap[--s->heap_length];
	size_t at = 0;
	for (;;) {
		size_t child = 2 * at + 1;
		if (child >= s->heap_length)
			break;
		if (child + 1 < s->heap_length && before(&s->heap[child + 1], &s->heap[child]))
			child++;
		if (!before(&s->heap[child], &last))
			break;
		s->heap[at] = s->heap[child];
		at = child;
	}
	s->heap[at] = last;
	return true;
}

static void arrive(struct sl_sim *s, uint32_t link, const struct sl_action *m, struct sl_time at)
{
	const struct sl_topology *t = s->setup.topology;
	uint32_t to = t->neighbour[link], back = s->link[link].reverse;
	struct sl_sim_event e = { .at = at,
		                  .what = SL_HAPPENS_RECEIVE,
		                  .peer = to,
		                  .link = back,
		                  .starts = s->node[to].starts,
		                  .message = s->totals.messages,
		                  .connection = s->link[link].connection,
		                  .length = m->header_length + m->body_length };
	e.bytes = malloc(e.length);
	SL_CHECK(e.bytes);
	memcpy(e.bytes, m->header, m->header_length);
	if (m->body_length)
		memcpy(e.bytes + m->header_length, m->body, m->body_length);
	sl_sim_push(s, e);
}

/* What a message is on a TCP connection of ZeroMQ with CURVE (ZMTP 3.1, RFC 23 and 26): a MESSAGE command of 8 bytes of
 * name, 8 of nonce, 16 of authentication and one of flags around it, in a ZMTP frame with a size of one byte or eight.
 * Heartbeats (82 bytes per connection and 2 s) are not in it: virtual time is not the time of a real run. */
size_t sl_sim_on_wire(size_t message)
{
	size_t sealed = 33 + message;
	return sealed + (sealed > 255 ? 9 : 2);
}

/* To a connection; a message that a test takes away is lost without a word. */
static void hand_over(struct sl_sim *s, uint32_t link, uint32_t from, const struct sl_action *m, bool lose)
{
	size_t length = m->header_length + m->body_length;
	struct sl_time at;
	if (lose)
		sl_sim_disturb(s, link);
	sl_sim_check_sent(s, link, from, m);
	if (lose || !sl_sim_link_takes(s, link, from, length, &at)) {
		s->totals.lost++;
		return;
	}
	s->totals.wire_bytes += sl_sim_on_wire(length);
	s->node[from].wire_tx += sl_sim_on_wire(length);
	arrive(s, link, m, at);
}

void sl_sim_send(struct sl_sim *s, uint32_t link, uint32_t from, const struct sl_action *m)
{
	const struct sl_sim_network *n = &s->setup.network;
	struct sl_sim_link *l = &s->link[link];
	struct sl_random g = sl_random_stream(s->setup.plan->settings.seed, link, "network", l->messages++);
	s->totals.messages++;
	struct sl_sim_message sent = { s->totals.messages, from, s->setup.topology->neighbour[link], m, 0 };
	enum sl_sim_fate wanted = s->watch.sent ? s->watch.sent(s->watch.context, &sent) : SL_SIM_PASS;
	size_t bytes = sl_sim_on_wire(m->header_length + m->body_length);
	if (n->rate) {
		hand_over(s, link, from, m, wanted == SL_SIM_LOSE);
		return;
	}
	s->totals.wire_bytes += bytes;
	s->node[from].wire_tx += bytes;
	double fate = sl_random_unit_double(&g), twice = sl_random_unit_double(&g),
	       order = sl_random_unit_double(&g);
	int64_t delay = n->latency_us + (int64_t)(sl_random_unit_double(&g) * (double)n->jitter_us);
	if (wanted == SL_SIM_LOSE || l->cut || fate < n->loss ||
	    !s->node[s->setup.topology->neighbour[link]].alive) {
		s->totals.lost++;
		return;
	}
	struct sl_time at = sl_time_after(s->now, delay);
	if (wanted == SL_SIM_DELAY)
		at = sl_time_after(at, sent.delay_us);
	else if (order < n->reorder)
		at = sl_time_after(at, 3 * (n->latency_us + n->jitter_us) + 1); /* later ones overtake it */
	else
		at = l->last = sl_time_before(at, l->last) ? l->last : at;
	arrive(s, link, m, at);
	if (twice < n->duplicate) {
		s->totals.repeated++;
		arrive(s, link, m, sl_time_after(at, n->latency_us));
	}
}
