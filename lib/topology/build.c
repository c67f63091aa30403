#include "topology/build.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum sl_status sl_edge_list_add(struct sl_edge_list *list, struct sl_edge_given edge, struct sl_error *error)
{
	if (list->count >= (size_t)SL_PEERS_MAX * SL_DEGREE_MAX / 2)
		return sl_fail(error, SL_TOO_BIG,
		               "over %d edges: more than %d peers with %d neighbours each can have",
		               SL_PEERS_MAX * SL_DEGREE_MAX / 2, SL_PEERS_MAX, SL_DEGREE_MAX);
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 64;
		struct sl_edge_given *more = realloc(list->edge, capacity * sizeof *more);
		if (!more)
			return sl_fail(error, SL_NO_MEMORY, "no memory for %zu edges", capacity);
		list->edge = more;
		list->capacity = capacity;
	}
	list->edge[list->count++] = edge;
	return SL_OK;
}

void sl_edge_list_free(struct sl_edge_list *list)
{
	free(list->edge);
	memset(list, 0, sizeof *list);
}

/* "FILE:12" for an edge of a file, else the name of the graph. */
static const char *place(char *text, size_t size, const char *what, uint32_t line)
{
	if (line)
		snprintf(text, size, "%s:%u", what, (unsigned)line);
	else
		snprintf(text, size, "%s", what);
	return text;
}

static enum sl_status check_edge(const char *what, uint32_t peers, const struct sl_edge_given *e,
                                 bool weighted, struct sl_error *error)
{
	char at[300];
	place(at, sizeof at, what, e->line);
	if (e->a >= peers || e->b >= peers)
		return sl_fail(error, SL_OUT_OF_RANGE, "%s: edge %u %u: peers are numbered 0 to %u", at,
		               (unsigned)e->a, (unsigned)e->b, (unsigned)peers - 1);
	if (e->a == e->b)
		return sl_fail(
		    error, SL_MALFORMED,
		    "%s: edge %u %u: a peer cannot be its own neighbour (its own weight is 1 minus those of its edges)",
		    at, (unsigned)e->a, (unsigned)e->b);
	if (weighted && !(isfinite(e->weight) && e->weight > 0 && e->weight <= 1))
		return sl_fail(error, SL_OUT_OF_RANGE,
		               "%s: edge %u %u: its weight %g must be over 0 and at most 1", at,
		               (unsigned)e->a, (unsigned)e->b, e->weight);
	return SL_OK;
}

static int by_ends(const void *left, const void *right)
{
	const struct sl_edge_given *x = left, *y = right;
	if (x->a != y->a)
		return x->a < y->a ? -1 : 1;
	if (x->b != y->b)
		return x->b < y->b ? -1 : 1;
	return x->line < y->line ? -1 : x->line > y->line;
}

/* Every edge once, with a < b, in order. */
enum sl_status sl_edge_list_sort(const char *what, uint32_t peers, struct sl_edge_list *list,
                                 struct sl_error *error)
{
	for (size_t i = 0; i < list->count; i++) {
		struct sl_edge_given *e = &list->edge[i];
		enum sl_status status = check_edge(what, peers, e, list->weighted, error);
		if (status != SL_OK)
			return status;
		if (e->a > e->b) {
			uint32_t a = e->a;
			e->a = e->b;
			e->b = a;
		}
	}
	if (list->count)
		qsort(list->edge, list->count, sizeof *list->edge, by_ends);
	for (size_t i = 1; i < list->count; i++) {
		const struct sl_edge_given *e = &list->edge[i], *before = e - 1;
		if (e->a != before->a || e->b != before->b)
			continue;
		char at[300];
		place(at, sizeof at, what, e->line);
		if (before->line)
			return sl_fail(error, SL_MALFORMED, "%s: edge %u %u was given in line %u already", at,
			               (unsigned)e->a, (unsigned)e->b, (unsigned)before->line);
		return sl_fail(error, SL_MALFORMED, "%s: edge %u %u is given twice", at, (unsigned)e->a,
		               (unsigned)e->b);
	}
	return SL_OK;
}

/* calloc, but never of zero bytes. */
static void *zeros(size_t count, size_t size)
{
	return calloc(count ? count : 1, size);
}

static enum sl_status allocate(struct sl_topology *t, uint32_t peers, size_t edges, struct sl_error *error)
{
	t->peers = peers;
	t->edges = (uint32_t)edges;
	t->edge = zeros(edges, sizeof *t->edge);
	t->weight = zeros(edges, sizeof *t->weight);
	t->self = zeros(peers, sizeof *t->self);
	t->first = zeros((size_t)peers + 1, sizeof *t->first);
	t->neighbour = zeros(2 * edges, sizeof *t->neighbour);
	t->edge_of = zeros(2 * edges, sizeof *t->edge_of);
	if (!t->edge || !t->weight || !t->self || !t->first || !t->neighbour || !t->edge_of)
		return sl_fail(error, SL_NO_MEMORY, "no memory for a topology of %u peers and %zu edges",
		               (unsigned)peers, edges);
	return SL_OK;
}

/* Rows are ascending because the edges are sorted: the neighbours of i below i (as ends b) are visited before those
 * above i. */
static enum sl_status fill_rows(struct sl_topology *t, const char *what, struct sl_error *error)
{
	for (uint32_t e = 0; e < t->edges; e++) {
		t->first[t->edge[e].a + 1]++;
		t->first[t->edge[e].b + 1]++;
	}
	for (uint32_t i = 0; i < t->peers; i++) {
		if (t->first[i + 1] > SL_DEGREE_MAX)
			return sl_fail(error, SL_TOO_BIG,
			               "%s: peer %u has %u neighbours, at most %d are possible", what,
			               (unsigned)i, (unsigned)t->first[i + 1], SL_DEGREE_MAX);
		t->first[i + 1] += t->first[i];
	}
	for (uint32_t e = 0; e < t->edges; e++) { /* first[i] moves up to first[i+1] here … */
		uint32_t a = t->edge[e].a, b = t->edge[e].b;
		t->neighbour[t->first[a]] = b;
		t->edge_of[t->first[a]++] = e;
		t->neighbour[t->first[b]] = a;
		t->edge_of[t->first[b]++] = e;
	}
	memmove(t->first + 1, t->first, t->peers * sizeof *t->first); /* … and back here */
	t->first[0] = 0;
	return SL_OK;
}

/* The first peer that has an edge. */
static uint32_t first_member(const struct sl_topology *t)
{
	uint32_t i = 0;
	while (i + 1 < t->peers && sl_topology_degree(t, i) == 0)
		i++;
	return i;
}

/* Distances from the first peer, UINT32_MAX for peers that cannot be reached; NULL: no memory. The caller frees it. */
static uint32_t *distances(const struct sl_topology *t)
{
	SL_CHECK(t->peers > 0);
	uint32_t *distance = malloc(2 * (size_t)t->peers * sizeof *distance);
	if (!distance)
		return NULL;
	uint32_t *queue = distance + t->peers, head = 0, tail = 0, start = first_member(t);
	for (uint32_t i = 0; i < t->peers; i++)
		distance[i] = UINT32_MAX;
	distance[start] = 0;
	queue[tail++] = start;
	while (head < tail) {
		uint32_t i = queue[head++];
		for (uint32_t k = t->first[i]; k < t->first[i + 1]; k++) {
			uint32_t j = t->neighbour[k];
			if (distance[j] == UINT32_MAX) {
				distance[j] = distance[i] + 1;
				queue[tail++] = j;
			}
		}
	}
	return distance;
}

/* Checks that the graph is connected, and that W has no eigenvalue −1. It has one if the graph is bipartite and all
 * self-weights are zero: then two halves would swap their values for ever. */
static enum sl_status check_mixing(const struct sl_topology *t, const char *what, bool gaps,
                                   struct sl_error *error)
{
	uint32_t *distance = distances(t);
	if (!distance)
		return sl_fail(error, SL_NO_MEMORY, "no memory for a graph of %u peers", (unsigned)t->peers);
	enum sl_status status = SL_OK;
	for (uint32_t i = 0; status == SL_OK && i < t->peers; i++)
		if (distance[i] == UINT32_MAX && !(gaps && sl_topology_degree(t, i) == 0))
			status = sl_fail(error, SL_REFUSED,
			                 "%s: not connected: no path leads from peer %u to peer %u", what,
			                 (unsigned)first_member(t), (unsigned)i);
	bool swaps = status == SL_OK;
	for (uint32_t i = 0; swaps && i < t->peers; i++)
		swaps = t->self[i] == 0 || sl_topology_degree(t, i) == 0;
	for (uint32_t e = 0; swaps && e < t->edges; e++)
		swaps = (distance[t->edge[e].a] + distance[t->edge[e].b]) % 2 == 1;
	if (swaps)
		status = sl_fail(
		    error, SL_REFUSED,
		    "%s: the weights never reach consensus (two halves swap their values): let the weights of some peer add up to less than 1",
		    what);
	free(distance);
	return status;
}

/* w_ii = 1 − Σ_j w_ij, summed in ascending order, so that every machine gets the same bits. */
static enum sl_status fill_self(struct sl_topology *t, const char *what, struct sl_error *error)
{
	for (uint32_t i = 0; i < t->peers; i++) {
		double others = 0;
		for (uint32_t k = t->first[i]; k < t->first[i + 1]; k++)
			others += t->weight[t->edge_of[k]];
		if (others > 1 + SL_ROW_SLACK)
			return sl_fail(error, SL_OUT_OF_RANGE,
			               "%s: the weights of peer %u add up to %.12g, which must be at most 1",
			               what, (unsigned)i, others);
		t->self[i] = others < 1 ? 1 - others : 0;
	}
	return SL_OK;
}

static enum sl_status fill(struct sl_topology *t, const char *what, const struct sl_edge_list *list,
                           struct sl_error *error)
{
	for (uint32_t e = 0; e < t->edges; e++) {
		uint32_t a = sl_topology_degree(t, t->edge[e].a), b = sl_topology_degree(t, t->edge[e].b);
		t->weight[e] = list->weighted ? list->edge[e].weight : 1.0 / (1 + (a > b ? a : b));
	}
	enum sl_status status = fill_self(t, what, error);
	return status == SL_OK ? check_mixing(t, what, list->gaps, error) : status;
}

enum sl_status sl_topology_frame(struct sl_topology *out, const char *spec, const char *what, uint32_t peers,
                                 const struct sl_edge_list *list, struct sl_error *error)
{
	memset(out, 0, sizeof *out);
	if (strlen(spec) >= sizeof out->spec)
		return sl_fail(error, SL_TOO_BIG,
		               "%s: the name of the topology has %zu bytes, at most %d fit", what,
		               strlen(spec), SL_TEXT_MAX - 1);
	snprintf(out->spec, sizeof out->spec, "%s", spec);
	out->period = 1;
	out->balanced = true;
	enum sl_status status = allocate(out, peers, list->count, error);
	if (status != SL_OK)
		return status;
	for (uint32_t e = 0; e < out->edges; e++)
		out->edge[e] = (struct sl_edge_pair){ list->edge[e].a, list->edge[e].b };
	return fill_rows(out, what, error);
}

enum sl_status sl_topology_build(struct sl_topology *out, const char *spec, const char *what, uint32_t peers,
                                 struct sl_edge_list *list, struct sl_error *error)
{
	memset(out, 0, sizeof *out);
	if (peers < 2 || peers > SL_PEERS_MAX)
		return sl_fail(error, SL_OUT_OF_RANGE, "%s: %u peers: must be between 2 and %d", what,
		               (unsigned)peers, SL_PEERS_MAX);
	enum sl_status status = sl_edge_list_sort(what, peers, list, error);
	if (status == SL_OK)
		status = sl_topology_frame(out, spec, what, peers, list, error);
	if (status == SL_OK)
		status = fill(out, what, list, error);
	if (status != SL_OK)
		sl_topology_free(out);
	return status;
}
