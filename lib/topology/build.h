/* build.h — from a list of edges, wherever it came from, to a checked topology. Private to lib/topology. */
#ifndef SL_TOPOLOGY_BUILD_H
#define SL_TOPOLOGY_BUILD_H

#include "topology/topology.h"

struct sl_edge_given {
	uint32_t a, b; /* in any order */
	uint32_t line; /* of the file, for error texts; 0: none */
	double weight;
};

struct sl_edge_list {
	struct sl_edge_given *edge; /* owned: sl_edge_list_free */
	size_t count, capacity;
	bool weighted; /* else the weights are Metropolis–Hastings */
	bool gaps;     /* peers without an edge are none: the others must be connected */
};

enum sl_status sl_edge_list_add(struct sl_edge_list *, struct sl_edge_given, struct sl_error *error);
void sl_edge_list_free(struct sl_edge_list *);

/* Checks everything and fills `out`, which is zero after a failure; sorts the list. `what` begins error
 * texts. */
enum sl_status sl_topology_build(struct sl_topology *out, const char *spec, const char *what, uint32_t peers,
                                 struct sl_edge_list *list, struct sl_error *error);

#endif
