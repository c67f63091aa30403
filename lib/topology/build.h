/* build.h — makes a checked topology from a list of edges. Private to lib/topology. */
#ifndef SL_TOPOLOGY_BUILD_H
#define SL_TOPOLOGY_BUILD_H

#include "topology/topology.h"

struct sl_edge_given {
	uint32_t a, b; /* in any order */
	uint32_t line; /* of the file, for error texts; 0: none */
	double weight;
};

/* Weights of a row that are written with few digits may add up to a little over 1. */
#define SL_ROW_SLACK 1e-9

struct sl_edge_list {
	struct sl_edge_given *edge; /* owned: sl_edge_list_free */
	size_t count, capacity;
	bool weighted; /* else the weights are Metropolis–Hastings */
	bool gaps;     /* peers without an edge are not members: the others must be connected */
};

enum sl_status sl_edge_list_add(struct sl_edge_list *, struct sl_edge_given, struct sl_error *error);
void sl_edge_list_free(struct sl_edge_list *);

/* Checks everything and fills `out`, which is zero after a failure; sorts the list. `what` begins error
 * texts. */
enum sl_status sl_topology_build(struct sl_topology *out, const char *spec, const char *what, uint32_t peers,
                                 struct sl_edge_list *list, struct sl_error *error);
/* Peers, edges and rows only, from a list that sl_edge_list_sort has put in order. */
enum sl_status sl_topology_frame(struct sl_topology *out, const char *spec, const char *what, uint32_t peers,
                                 const struct sl_edge_list *list, struct sl_error *error);
enum sl_status sl_edge_list_sort(const char *what, uint32_t peers, struct sl_edge_list *,
                                 struct sl_error *error);

struct sl_arc_given {
	struct sl_arc arc;
	uint32_t line; /* of the file, for error texts; 0: none */
};

struct sl_arc_list {
	struct sl_arc_given *arc; /* owned: sl_arc_list_free */
	size_t count, capacity;
	bool unweighted; /* a peer gives each of d that it feeds in a phase, and itself, 1/(d + 1) */
};
enum sl_status sl_arc_list_add(struct sl_arc_list *, struct sl_arc_given, struct sl_error *error);
void sl_arc_list_free(struct sl_arc_list *);
/* As sl_topology_build, of arcs. */
enum sl_status sl_topology_build_arcs(struct sl_topology *out, const char *spec, const char *what,
                                      uint32_t peers, struct sl_arc_list *list, struct sl_error *error);
/* sl_topology_spectrum for a topology with activity. */
void sl_topology_contraction(const struct sl_topology *, struct sl_spectrum *out);

#endif
