/* parts.c — the peers in parts: heaps of what is to happen, in order of time, and the first thing that went wrong. */
#include "sim/sim_state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- one heap ---- */

static bool before(const struct sl_sim_event *a, const struct sl_sim_event *b)
{
	return a->at.us != b->at.us     ? a->at.us < b->at.us
	       : a->source != b->source ? a->source < b->source
	                                : a->number < b->number;
}

static void make_room(struct sl_sim_heap *h)
{
	if (h->length < h->capacity)
		return;
	h->capacity = h->capacity ? 2 * h->capacity : 64;
	h->event = realloc(h->event, h->capacity * sizeof *h->event);
	SL_CHECK(h->event);
}

static void insert(struct sl_sim_heap *h, const struct sl_sim_event *event)
{
	make_room(h);
	size_t at = h->length++;
	for (; at > 0 && before(event, &h->event[(at - 1) / 2]); at = (at - 1) / 2)
		h->event[at] = h->event[(at - 1) / 2];
	h->event[at] = *event;
}

static void take_first(struct sl_sim_heap *h, struct sl_sim_event *out)
{
	*out = h->event[0];
	const struct sl_sim_event *last = &h->event[--h->length];
	size_t at = 0;
	for (;;) {
		size_t child = 2 * at + 1;
		if (child >= h->length)
			break;
		if (child + 1 < h->length && before(&h->event[child + 1], &h->event[child]))
			child++;
		if (!before(&h->event[child], last))
			break;
		h->event[at] = h->event[child];
		at = child;
	}
	if (h->length > 0)
		h->event[at] = *last;
}

static void drop(struct sl_sim_heap *h)
{
	for (size_t i = 0; i < h->length; i++)
		free(h->event[i].bytes);
	free(h->event);
}

/* ---- parts ---- */

/* So many that threads find work until the end of a window, and so few that each can have sums of models (struct sl_sim_sum). */
static uint32_t count_parts(const struct sl_sim *s)
{
	enum { SUMS_BYTES = 64 << 20, LEAST = 8 };
	uint32_t peers = s->setup.topology->peers;
	size_t most = SUMS_BYTES / ((sizeof(double) + sizeof(float)) * s->setup.plan->dimension);
	most = most < LEAST ? LEAST : most < SL_SIM_PARTS_MAX ? most : SL_SIM_PARTS_MAX;
	return peers < most ? peers : (uint32_t)most;
}

void sl_sim_parts_make(struct sl_sim *s)
{
	uint64_t peers = s->setup.topology->peers;
	s->parts = count_parts(s);
	s->part = calloc(s->parts, sizeof *s->part);
	SL_CHECK(s->part);
	for (uint32_t k = 0; k < s->parts; k++) {
		struct sl_sim_part *p = &s->part[k];
		p->index = k;
		p->first = (uint32_t)(peers * k / s->parts);
		p->end = (uint32_t)(peers * (k + 1) / s->parts);
		p->touched = calloc(p->end - p->first, sizeof *p->touched);
		SL_CHECK(p->touched);
		for (uint32_t i = p->first; i < p->end; i++)
			s->node[i].part = k;
	}
}

void sl_sim_parts_free(struct sl_sim *s)
{
	for (uint32_t k = 0; s->part && k < s->parts; k++) {
		struct sl_sim_part *p = &s->part[k];
		drop(&p->heap);
		for (uint32_t from = 0; from < s->parts; from++) {
			drop(&p->box[0][from]);
			drop(&p->box[1][from]);
		}
		for (size_t i = 0; i < p->sums_length; i++) {
			free(p->sums[i].origin);
			free(p->sums[i].sum);
		}
		free(p->sums);
		free(p->rows);
		free(p->touched);
		free(p->resent);
	}
	free(s->part);
}

struct sl_sim_totals *sl_sim_totals_of(struct sl_sim *s, uint32_t peer)
{
	return &s->part[s->node[peer].part].totals;
}

struct sl_time sl_sim_now_of(const struct sl_sim *s, uint32_t peer)
{
	return s->parallel ? s->part[s->node[peer].part].now : s->now;
}

void sl_sim_push(struct sl_sim *s, uint32_t source, struct sl_sim_event event)
{
	struct sl_sim_part *to = &s->part[s->node[event.peer].part], *from = &s->part[s->node[source].part];
	event.source = source;
	event.number = s->node[source].caused++;
	if (!s->parallel || from == to) {
		insert(&to->heap, &event);
		return;
	}
	SL_CHECK(!sl_time_before(event.at, s->until));
	struct sl_sim_heap *box = &to->box[s->turn][from->index];
	make_room(box);
	box->event[box->length++] = event;
	if (!from->posted || sl_time_before(event.at, from->posted_for))
		from->posted_for = event.at;
	from->posted |= UINT64_C(1) << to->index;
}

uint64_t sl_sim_turn(struct sl_sim *s)
{
	uint64_t posted = 0;
	for (uint32_t k = 0; k < s->parts; k++) {
		posted |= s->part[k].posted;
		s->part[k].posted = 0;
	}
	s->turn = 1 - s->turn;
	return posted;
}

void sl_sim_unpack(struct sl_sim *s, struct sl_sim_part *p)
{
	for (uint32_t from = 0; from < s->parts; from++) {
		struct sl_sim_heap *box = &p->box[1 - s->turn][from];
		for (size_t i = 0; i < box->length; i++)
			insert(&p->heap, &box->event[i]);
		box->length = 0;
	}
}

static struct sl_sim_heap *find_next(const struct sl_sim *s)
{
	struct sl_sim_heap *next = NULL;
	for (uint32_t k = 0; k < s->parts; k++) {
		struct sl_sim_heap *h = &s->part[k].heap;
		if (h->length > 0 && (!next || before(&h->event[0], &next->event[0])))
			next = h;
	}
	return next;
}

static bool has_posted(const struct sl_sim *s)
{
	for (uint32_t k = 0; k < s->parts; k++)
		if (s->part[k].posted)
			return true;
	return false;
}

bool sl_sim_pop(struct sl_sim *s, struct sl_sim_event *out)
{
	uint64_t posted = has_posted(s) ? sl_sim_turn(s) : 0;
	for (uint32_t k = 0; k < s->parts && posted; k++)
		if (posted >> k & 1)
			sl_sim_unpack(s, &s->part[k]);
	struct sl_sim_heap *next = find_next(s);
	if (next)
		take_first(next, out);
	return next != NULL;
}

bool sl_sim_pop_part(struct sl_sim *s, struct sl_sim_part *p, struct sl_sim_event *out)
{
	if (p->heap.length == 0 || !sl_time_before(p->heap.event[0].at, s->until))
		return false;
	take_first(&p->heap, out);
	return true;
}

struct sl_time sl_sim_next(const struct sl_sim *s)
{
	const struct sl_sim_heap *next = find_next(s);
	struct sl_time at = next ? next->event[0].at : SL_TIME_NEVER;
	for (uint32_t k = 0; k < s->parts; k++)
		if (s->part[k].posted)
			at = sl_time_earlier(at, s->part[k].posted_for);
	return at;
}

/* ---- trouble ---- */

void sl_sim_broken(struct sl_sim *s, uint32_t peer, const char *format, ...)
{
	struct sl_sim_trouble *t = s->parallel ? &s->part[s->node[peer].part].trouble : &s->trouble;
	if (t->text[0])
		return;
	t->at = sl_sim_now_of(s, peer);
	t->peer = peer;
	int n = snprintf(t->text, sizeof t->text, "at %.6f s: ", 1e-6 * (double)t->at.us);
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(t->text + n, sizeof t->text - (size_t)n, format, arguments);
	va_end(arguments);
}

void sl_sim_gather_trouble(struct sl_sim *s)
{
	for (uint32_t k = 0; k < s->parts && !s->trouble.text[0]; k++)
		s->trouble = s->part[k].trouble;
	for (uint32_t k = 0; k < s->parts; k++) {
		const struct sl_sim_trouble *t = &s->part[k].trouble;
		if (t->text[0] &&
		    (t->at.us != s->trouble.at.us ? t->at.us < s->trouble.at.us : t->peer < s->trouble.peer))
			s->trouble = *t;
	}
}
