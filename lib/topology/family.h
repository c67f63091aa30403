/* family.h — shared by the families of graphs. Private to lib/topology. */
#ifndef SL_TOPOLOGY_FAMILY_H
#define SL_TOPOLOGY_FAMILY_H

#include "topology/topology.h"

typedef enum sl_status sl_add_edge(void *context, uint32_t a, uint32_t b, struct sl_error *);

typedef enum sl_status sl_add_arc(void *context, struct sl_arc, struct sl_error *);

/* Both arcs of an undirected edge that is active in that phase. */
enum sl_status sl_family_pair(sl_add_arc *add, void *context, uint32_t phase, uint32_t a, uint32_t b,
                              double weight, struct sl_error *error);

/* Parses "name:N" for a family with no other argument; N is at least 2, the fewest peers that can gossip. */
enum sl_status sl_family_peers(const char *name, const char *arguments, uint32_t most, uint32_t *peers,
                               struct sl_error *error);

/* The circulant graph: i and i + distance (mod peers) for every i. Distances are distinct, in 1 … peers/2, so
 * that no edge is given twice. */
enum sl_status sl_family_circulant(uint32_t peers, const uint32_t *distance, uint32_t distances,
                                   sl_add_edge *add, void *context, struct sl_error *error);

/* Sets of peers that edges have joined so far (union–find with path halving). */
struct sl_components {
	uint32_t *parent; /* peers of them; freed by the owner */
	uint32_t count;   /* of sets */
};
enum sl_status sl_components_start(struct sl_components *, uint32_t peers, struct sl_error *error);
void sl_components_reset(struct sl_components *, uint32_t peers);
void sl_components_join(struct sl_components *, uint32_t a, uint32_t b);

#endif
