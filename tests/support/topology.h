/* topology.h — making and judging topologies in tests. All of them fail the running test. */
#ifndef SL_TESTS_TOPOLOGY_H
#define SL_TESTS_TOPOLOGY_H

#include "topology/topology.h"

void topology_make(struct sl_topology *t, const char *spec, uint64_t seed);
/* w_ij, 0 where there is no edge. */
double topology_entry(const struct sl_topology *t, uint32_t i, uint32_t j);
/* What holds of every topology: order, degrees, rows that add up to one. */
void topology_check_sound(const struct sl_topology *t);
/* The same graph with the same weights, bit for bit. */
void topology_check_equal(const struct sl_topology *a, const struct sl_topology *b);
/* found is right to nine digits. */
void topology_near(const char *spec, const char *what, double found, double right);

#endif
