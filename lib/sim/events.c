/* events.c — the heap of what is to happen, in order of time, and the first thing that went wrong. */
#include "sim/sim_state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

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

void sl_sim_broken(struct sl_sim *s, const char *format, ...)
{
	if (s->trouble[0])
		return;
	int n = snprintf(s->trouble, sizeof s->trouble,
	                 "after event %llu: ", (unsigned long long)s->totals.events);
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(s->trouble + n, sizeof s->trouble - (size_t)n, format, arguments);
	va_end(arguments);
}
