/* arcs.c — topologies whose edges are active in some rounds of a period only, or have different weights per
 * direction. */
#include "topology/build.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum sl_status sl_arc_list_add(struct sl_arc_list *list, struct sl_arc_given arc, struct sl_error *error)
{
	if (list->count >= (size_t)SL_ARC_PEERS_MAX * SL_DEGREE_MAX)
		return sl_fail(error, SL_TOO_BIG,
		               "over %d arcs: more than %d peers with %d neighbours each can have",
		               SL_ARC_PEERS_MAX * SL_DEGREE_MAX, SL_ARC_PEERS_MAX, SL_DEGREE_MAX);
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 64;
		struct sl_arc_given *more = realloc(list->arc, capacity * sizeof *more);
		if (!more)
			return sl_fail(error, SL_NO_MEMORY, "no memory for %zu arcs", capacity);
		list->arc = more;
		list->capacity = capacity;
	}
	list->arc[list->count++] = arc;
	return SL_OK;
}

void sl_arc_list_free(struct sl_arc_list *list)
{
	free(list->arc);
	memset(list, 0, sizeof *list);
}

static enum sl_status wrong(enum sl_status status, const char *what, const struct sl_arc_given *g,
                            const char *why, struct sl_error *error)
{
	char at[300];
	if (g->line)
		snprintf(at, sizeof at, "%s:%u", what, (unsigned)g->line);
	else
		snprintf(at, sizeof at, "%s", what);
	return sl_fail(error, status, "%s: arc %u %u: %s", at, (unsigned)g->arc.from, (unsigned)g->arc.to,
	               why);
}

static enum sl_status check_arc(const char *what, uint32_t peers, const struct sl_arc_given *g, bool weighted,
                                struct sl_error *error)
{
	char why[120];
	const struct sl_arc *a = &g->arc;
	snprintf(why, sizeof why, "peers are numbered 0 to %u", (unsigned)peers - 1);
	if (a->from >= peers || a->to >= peers)
		return wrong(SL_OUT_OF_RANGE, what, g, why, error);
	if (a->from == a->to)
		return wrong(
		    SL_MALFORMED, what, g,
		    "a peer cannot be its own neighbour (its own weight is 1 minus the weights it gives)",
		    error);
	snprintf(why, sizeof why, "its weight %g must be over 0 and at most 1", a->weight);
	if (weighted && !(isfinite(a->weight) && a->weight > 0 && a->weight <= 1))
		return wrong(SL_OUT_OF_RANGE, what, g, why, error);
	snprintf(why, sizeof why, "phase %u: must be below %d", (unsigned)a->phase, SL_PERIOD_MAX);
	if (a->phase >= SL_PERIOD_MAX)
		return wrong(SL_OUT_OF_RANGE, what, g, why, error);
	return SL_OK;
}

static uint32_t low_end(const struct sl_arc *a)
{
	return a->from < a->to ? a->from : a->to;
}

static uint32_t high_end(const struct sl_arc *a)
{
	return a->from < a->to ? a->to : a->from;
}

/* Order: by edge, then phase, then direction. */
static int by_edge(const void *left, const void *right)
{
	const struct sl_arc *x = &((const struct sl_arc_given *)left)->arc,
	                    *y = &((const struct sl_arc_given *)right)->arc;
	uint32_t a[] = { low_end(x), high_end(x), x->phase, x->from };
	uint32_t b[] = { low_end(y), high_end(y), y->phase, y->from };
	for (unsigned k = 0; k < 4; k++)
		if (a[k] != b[k])
			return a[k] < b[k] ? -1 : 1;
	return 0;
}

static enum sl_status sort_arcs(const char *what, uint32_t peers, struct sl_arc_list *list,
                                struct sl_error *error)
{
	for (size_t i = 0; i < list->count; i++) {
		enum sl_status status = check_arc(what, peers, &list->arc[i], !list->unweighted, error);
		if (status != SL_OK)
			return status;
	}
	if (list->count)
		qsort(list->arc, list->count, sizeof *list->arc, by_edge);
	for (size_t i = 1; i < list->count; i++)
		if (by_edge(&list->arc[i - 1], &list->arc[i]) == 0)
			return wrong(SL_MALFORMED, what, &list->arc[i], "is given twice in its phase", error);
	return SL_OK;
}

/* Sums per peer and phase: outgoing weights, incoming weights, and number of receivers. */
struct sums {
	double *out, *in; /* peers × period */
	uint32_t *feeds;
};

static enum sl_status sum_up(const struct sl_topology *t, const char *what, struct sl_arc_list *list,
                             struct sums *s, struct sl_error *error)
{
	size_t n = (size_t)t->peers * t->period;
	s->out = calloc(n, sizeof *s->out);
	s->in = calloc(n, sizeof *s->in);
	s->feeds = calloc(n, sizeof *s->feeds);
	if (!s->out || !s->in || !s->feeds)
		return sl_fail(error, SL_NO_MEMORY, "no memory for %u peers", (unsigned)t->peers);
	for (size_t i = 0; i < list->count; i++)
		s->feeds[(size_t)list->arc[i].arc.from * t->period + list->arc[i].arc.phase]++;
	for (size_t i = 0; i < list->count; i++) {
		struct sl_arc *a = &list->arc[i].arc;
		size_t from = (size_t)a->from * t->period + a->phase,
		       to = (size_t)a->to * t->period + a->phase;
		if (list->unweighted)
			a->weight = 1.0 / (s->feeds[from] + 1);
		s->out[from] += a->weight;
		s->in[to] += a->weight;
		if (s->out[from] > 1 + SL_ROW_SLACK)
			return sl_fail(
			    error, SL_OUT_OF_RANGE,
			    "%s: the weights that peer %u gives in phase %u add up to %.12g, must be at most 1",
			    what, (unsigned)a->from, (unsigned)a->phase, s->out[from]);
	}
	return SL_OK;
}

static void settle_sums(struct sl_topology *t, const struct sums *s)
{
	for (uint32_t i = 0; i < t->peers; i++)
		for (uint32_t k = 0; k < t->period; k++) {
			double out = s->out[(size_t)i * t->period + k], in = s->in[(size_t)i * t->period + k];
			t->self[i] += (out < 1 ? 1 - out : 0) / t->period;
			t->balanced = t->balanced && fabs(out - in) <= SL_ROW_SLACK;
		}
}

/* Fills the activities of the rows; `first[e]` is the first arc of edge e in the sorted list. */
static enum sl_status fill_activity(struct sl_topology *t, const struct sl_arc_list *list,
                                    const size_t *first, struct sl_error *error)
{
	t->active_first = calloc(2 * (size_t)t->edges + 1, sizeof *t->active_first);
	t->activity = calloc(2 * list->count, sizeof *t->activity);
	if (!t->active_first || !t->activity)
		return sl_fail(error, SL_NO_MEMORY, "no memory for %zu arcs", list->count);
	uint32_t count = 0;
	for (uint32_t i = 0; i < t->peers; i++)
		for (uint32_t r = t->first[i]; r < t->first[i + 1]; r++) {
			uint32_t e = t->edge_of[r], begin = count;
			for (size_t k = first[e]; k < first[e + 1]; k++) {
				const struct sl_arc *a = &list->arc[k].arc;
				if (count == begin || t->activity[count - 1].phase != a->phase)
					t->activity[count++] = (struct sl_activity){ .phase = a->phase };
				if (a->to == i)
					t->activity[count - 1].in = a->weight;
				else
					t->activity[count - 1].out = a->weight;
				t->weight[e] +=
				    a->weight / (4 * t->period); /* each arc is counted at both ends */
			}
			for (uint32_t k = begin; k < count; k++)
				t->directed = t->directed || t->activity[k].in != t->activity[k].out;
			t->active_first[r + 1] = count;
		}
	return SL_OK;
}

/* Whether every peer can be reached from peer 0 along arcs (forward), or against them. */
static enum sl_status check_ways(const struct sl_topology *t, const char *what, bool forward,
                                 struct sl_error *error)
{
	uint32_t *queue = calloc(2 * (size_t)t->peers, sizeof *queue), tail = 1;
	if (!queue)
		return sl_fail(error, SL_NO_MEMORY, "no memory for a graph of %u peers", (unsigned)t->peers);
	uint32_t *seen = queue + t->peers;
	seen[0] = 1;
	for (uint32_t head = 0; head < tail; head++)
		for (uint32_t r = t->first[queue[head]]; r < t->first[queue[head] + 1]; r++)
			for (uint32_t k = t->active_first[r]; k < t->active_first[r + 1]; k++) {
				bool way = (forward ? t->activity[k].out : t->activity[k].in) > 0;
				if (way && !seen[t->neighbour[r]]) {
					seen[t->neighbour[r]] = 1;
					queue[tail++] = t->neighbour[r];
				}
			}
	uint32_t lost = 0;
	while (lost < t->peers && seen[lost])
		lost++;
	free(queue);
	if (lost == t->peers)
		return SL_OK;
	return sl_fail(error, SL_REFUSED, "%s: no path of arcs leads from peer %u to peer %u", what,
	               forward ? 0 : (unsigned)lost, forward ? (unsigned)lost : 0);
}

static enum sl_status check_mixing(const struct sl_topology *t, const char *what, struct sl_error *error)
{
	enum sl_status status = check_ways(t, what, true, error);
	if (status == SL_OK)
		status = check_ways(t, what, false, error);
	double kept = 0;
	for (uint32_t i = 0; i < t->peers; i++)
		kept += t->self[i];
	if (status == SL_OK && !(kept > 0))
		status = sl_fail(
		    error, SL_REFUSED,
		    "%s: the weights never reach consensus (no peer keeps a weight of its own): let the weights of some peer add up to less than 1",
		    what);
	return status;
}

static enum sl_status fill(struct sl_topology *t, const char *what, struct sl_arc_list *list,
                           const size_t *first, struct sl_error *error)
{
	struct sums s = { 0 };
	for (size_t i = 0; i < list->count; i++)
		if (list->arc[i].arc.phase >= t->period)
			t->period = list->arc[i].arc.phase + 1;
	enum sl_status status = sum_up(t, what, list, &s, error);
	if (status == SL_OK)
		settle_sums(t, &s);
	free(s.out);
	free(s.in);
	free(s.feeds);
	if (status == SL_OK)
		status = fill_activity(t, list, first, error);
	return status == SL_OK ? check_mixing(t, what, error) : status;
}

enum sl_status sl_topology_build_arcs(struct sl_topology *out, const char *spec, const char *what,
                                      uint32_t peers, struct sl_arc_list *list, struct sl_error *error)
{
	memset(out, 0, sizeof *out);
	if (peers < 2 || peers > SL_ARC_PEERS_MAX)
		return sl_fail(error, SL_OUT_OF_RANGE,
		               "%s: %u peers: with arcs or phases between 2 and %d are possible", what,
		               (unsigned)peers, SL_ARC_PEERS_MAX);
	enum sl_status status = sort_arcs(what, peers, list, error);
	if (status != SL_OK)
		return status;
	struct sl_edge_list edges = { 0 };
	size_t *first = calloc(list->count + 1, sizeof *first);
	if (!first)
		return sl_fail(error, SL_NO_MEMORY, "no memory for %zu arcs", list->count);
	for (size_t i = 0; status == SL_OK && i < list->count; i++) {
		const struct sl_arc *a = &list->arc[i].arc, *before = a;
		if (i)
			before = &list->arc[i - 1].arc;
		if (i && low_end(a) == low_end(before) && high_end(a) == high_end(before))
			continue;
		first[edges.count] = i;
		status = sl_edge_list_add(&edges, (struct sl_edge_given){ .a = low_end(a), .b = high_end(a) },
		                          error);
	}
	first[edges.count] = list->count;
	if (status == SL_OK)
		status = sl_topology_frame(out, spec, what, peers, &edges, error);
	if (status == SL_OK)
		status = fill(out, what, list, first, error);
	if (status != SL_OK)
		sl_topology_free(out);
	sl_edge_list_free(&edges);
	free(first);
	return status;
}

void sl_topology_each_arc(const struct sl_topology *t, void (*each)(void *context, struct sl_arc),
                          void *context)
{
	for (uint32_t i = 0; i < t->peers; i++)
		for (uint32_t r = t->first[i]; r < t->first[i + 1]; r++)
			for (uint32_t k = t->active_first[r]; k < t->active_first[r + 1]; k++)
				if (t->activity[k].out > 0)
					each(context,
					     (struct sl_arc){ i, t->neighbour[r], t->activity[k].phase,
					                      t->activity[k].out });
}
