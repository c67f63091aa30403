#include "topology/family.h"

static enum sl_status make(const char *arguments, uint64_t seed, uint32_t *peers, sl_add_edge *add,
                           void *context, struct sl_error *error)
{
	(void)seed;
	enum sl_status status = sl_family_peers("complete", arguments, SL_PEERS_MAX, peers, error);
	if (status == SL_OK && *peers - 1 > SL_DEGREE_MAX)
		return sl_fail(
		    error, SL_TOO_BIG,
		    "complete:%u: every peer would have %u neighbours, at most %d are possible (N = %d)",
		    (unsigned)*peers, (unsigned)*peers - 1, SL_DEGREE_MAX, SL_DEGREE_MAX + 1);
	for (uint32_t a = 0; status == SL_OK && a < *peers; a++)
		for (uint32_t b = a + 1; status == SL_OK && b < *peers; b++)
			status = add(context, a, b, error);
	return status;
}

const struct sl_graph sl_graph_complete = {
	.name = "complete",
	.doc = "every peer is a neighbour of every other peer",
	.usage = "complete:N",
	.make = make,
};
