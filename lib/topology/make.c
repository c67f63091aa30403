/* make.c — a topology from its spec ("ring:8"), or from a list of edges or arcs. */
#include "topology/build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Receives the edges of a family, which sets `peers` before the first one. */
struct collected {
	struct sl_edge_list list;
	uint32_t peers;
};

static enum sl_status collect(void *context, uint32_t a, uint32_t b, struct sl_error *error)
{
	return sl_edge_list_add(&((struct collected *)context)->list,
	                        (struct sl_edge_given){ .a = a, .b = b }, error);
}

static enum sl_status collect_arc(void *context, struct sl_arc arc, struct sl_error *error)
{
	return sl_arc_list_add(context, (struct sl_arc_given){ .arc = arc }, error);
}

static enum sl_status make_arcs(struct sl_topology *out, const struct sl_graph *g, const char *arguments,
                                const char *spec, struct sl_error *error)
{
	struct sl_arc_list list = { 0 };
	uint32_t peers = 0;
	enum sl_status status = g->arcs(arguments, &peers, collect_arc, &list, error);
	if (status == SL_OK)
		status = sl_topology_build_arcs(out, spec, spec, peers, &list, error);
	sl_arc_list_free(&list);
	return status;
}

static enum sl_status unknown(const char *spec, const char *name, struct sl_error *error)
{
	const char *names[64];
	char all[400] = "";
	size_t count = 0, used = 0;
	for (const struct sl_graph *const *g = sl_graphs; *g && count < sizeof names / sizeof *names; g++) {
		names[count++] = (*g)->name;
		if (used < sizeof all)
			used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", used ? ", " : "",
			                         (*g)->usage);
	}
	const char *nearest = sl_nearest(name, names, count);
	if (nearest)
		return sl_fail(error, SL_NOT_FOUND, "unknown topology '%s'; did you mean %s?", spec, nearest);
	return sl_fail(error, SL_NOT_FOUND, "unknown topology '%s'; there are %s and file:PATH", spec, all);
}

enum sl_status sl_topology_make(struct sl_topology *out, const char *spec, uint64_t seed,
                                struct sl_error *error)
{
	memset(out, 0, sizeof *out);
	char name[SL_TEXT_MAX];
	if (strlen(spec) >= sizeof name)
		return sl_fail(error, SL_TOO_BIG, "a topology's name has at most %d bytes, not %zu",
		               SL_TEXT_MAX - 1, strlen(spec));
	for (const char *c = spec; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			return sl_fail(error, SL_MALFORMED,
			               "a topology's name holds a control character (0x%02x)",
			               (unsigned)(unsigned char)*c);
	const char *arguments = sl_spec_name(spec, name, sizeof name);
	if (strcmp(name, "file") == 0)
		return sl_fail(error, SL_UNSUPPORTED, "topology '%s': a file cannot be read here", spec);
	const struct sl_graph *const *g = sl_graphs;
	while (*g && strcmp((*g)->name, name) != 0)
		g++;
	if (!*g)
		return unknown(spec, name, error);
	if ((*g)->arcs)
		return make_arcs(out, *g, arguments, spec, error);
	struct collected found = { 0 };
	enum sl_status status = (*g)->make(arguments, seed, &found.peers, collect, &found, error);
	if (status == SL_OK)
		status = sl_topology_build(out, spec, spec, found.peers, &found.list, error);
	sl_edge_list_free(&found.list);
	return status;
}

static enum sl_status from_edges(struct sl_topology *out, const char *spec, uint32_t peers,
                                 const struct sl_edge_pair *edge, const double *weight, uint32_t edges,
                                 bool gaps, struct sl_error *error)
{
	memset(out, 0, sizeof *out);
	struct sl_edge_list list = { .weighted = weight, .gaps = gaps };
	enum sl_status status = SL_OK;
	for (uint32_t e = 0; status == SL_OK && e < edges; e++)
		status =
		    sl_edge_list_add(&list,
		                     (struct sl_edge_given){
		                         .a = edge[e].a, .b = edge[e].b, .weight = weight ? weight[e] : 0 },
		                     error);
	if (status == SL_OK)
		status = sl_topology_build(out, spec, spec, peers, &list, error);
	sl_edge_list_free(&list);
	return status;
}

enum sl_status sl_topology_from_edges(struct sl_topology *out, const char *spec, uint32_t peers,
                                      const struct sl_edge_pair *edge, const double *weight, uint32_t edges,
                                      struct sl_error *error)
{
	return from_edges(out, spec, peers, edge, weight, edges, false, error);
}

enum sl_status sl_topology_from_members(struct sl_topology *out, const char *spec, uint32_t peers,
                                        const struct sl_edge_pair *edge, const double *weight, uint32_t edges,
                                        struct sl_error *error)
{
	return from_edges(out, spec, peers, edge, weight, edges, true, error);
}

enum sl_status sl_topology_from_arcs(struct sl_topology *out, const char *spec, uint32_t peers,
                                     const struct sl_arc *arc, uint32_t arcs, struct sl_error *error)
{
	memset(out, 0, sizeof *out);
	struct sl_arc_list list = { 0 };
	enum sl_status status = SL_OK;
	for (uint32_t i = 0; status == SL_OK && i < arcs; i++)
		status = collect_arc(&list, arc[i], error);
	if (status == SL_OK)
		status = sl_topology_build_arcs(out, spec, spec, peers, &list, error);
	sl_arc_list_free(&list);
	return status;
}

enum sl_status sl_topology_members(struct sl_topology *out, const struct sl_topology *t,
                                   struct sl_error *error)
{
	uint32_t *number = calloc(t->peers, sizeof *number), members = 0;
	struct sl_edge_pair *edge = calloc(t->edges + 1, sizeof *edge);
	enum sl_status status = SL_OK;
	memset(out, 0, sizeof *out);
	if (!number || !edge)
		status = sl_fail(error, SL_NO_MEMORY, "no memory for a graph of %u peers", t->peers);
	for (uint32_t i = 0; i < t->peers && status == SL_OK; i++)
		number[i] = sl_topology_degree(t, i) > 0 ? members++ : 0;
	for (uint32_t e = 0; e < t->edges && status == SL_OK; e++)
		edge[e] = (struct sl_edge_pair){ number[t->edge[e].a], number[t->edge[e].b] };
	if (status == SL_OK)
		status = sl_topology_from_edges(out, t->spec, members, edge, t->weight, t->edges, error);
	free(number);
	free(edge);
	return status;
}
