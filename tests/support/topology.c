#include "tests/support/topology.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

void topology_make(struct sl_topology *t, const char *spec, uint64_t seed)
{
	struct sl_error error;
	if (sl_topology_make(t, spec, seed, &error) != SL_OK)
		fail_msg("%s", error.text);
}

double topology_entry(const struct sl_topology *t, uint32_t i, uint32_t j)
{
	if (i == j)
		return t->self[i];
	for (uint32_t k = t->first[i]; k < t->first[i + 1]; k++)
		if (t->neighbour[k] == j)
			return t->weight[t->edge_of[k]];
	return 0;
}

/* Whatever a topology is made from, this holds. */
void topology_check_sound(const struct sl_topology *t)
{
	assert_in_range(t->peers, 2, SL_PEERS_MAX);
	assert_int_equal(t->first[0], 0);
	assert_int_equal(t->first[t->peers], 2 * t->edges);
	for (uint32_t e = 0; e < t->edges; e++) {
		struct sl_edge_pair at = t->edge[e];
		assert_true(at.a < at.b && at.b < t->peers);
		assert_true(t->weight[e] > 0 && t->weight[e] <= 1);
		if (e)
			assert_true(t->edge[e - 1].a < at.a ||
			            (t->edge[e - 1].a == at.a && t->edge[e - 1].b < at.b));
	}
	for (uint32_t i = 0; i < t->peers; i++) {
		double row = t->self[i];
		assert_true(t->self[i] >= 0);
		assert_in_range(sl_topology_degree(t, i), 1, SL_DEGREE_MAX);
		for (uint32_t k = t->first[i]; k < t->first[i + 1]; k++) {
			struct sl_edge_pair at = t->edge[t->edge_of[k]];
			uint32_t j = t->neighbour[k];
			assert_true((at.a == i && at.b == j) || (at.a == j && at.b == i));
			assert_true(k == t->first[i] || t->neighbour[k - 1] < j);
			row += t->weight[t->edge_of[k]];
		}
		assert_true(fabs(row - 1) < 1e-13);
	}
}

void topology_check_equal(const struct sl_topology *a, const struct sl_topology *b)
{
	assert_int_equal(a->peers, b->peers);
	assert_int_equal(a->edges, b->edges);
	assert_memory_equal(a->edge, b->edge, a->edges * sizeof *a->edge);
	assert_memory_equal(a->weight, b->weight, a->edges * sizeof *a->weight);
	assert_memory_equal(a->self, b->self, a->peers * sizeof *a->self);
	assert_memory_equal(a->neighbour, b->neighbour, 2 * a->edges * sizeof *a->neighbour);
}

void topology_near(const char *spec, const char *what, double found, double right)
{
	if (!(fabs(found - right) <= 1e-9 * fabs(right)))
		fail_msg("%s: %s is %.15g, not %.15g", spec, what, found, right);
}
