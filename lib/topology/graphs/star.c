#include "topology/family.h"

static enum sl_status make(const char *arguments, uint64_t seed, uint32_t *peers, sl_add_edge *add,
                           void *context, struct sl_error *error)
{
	(void)seed;
	enum sl_status status = sl_family_peers("star", arguments, SL_PEERS_MAX, peers, error);
	if (status == SL_OK && *peers - 1 > SL_DEGREE_MAX)
		return sl_fail(error, SL_TOO_BIG,
		               "star:%u: peer 0 would have %u neighbours, at most %d are possible (N = %d)",
		               (unsigned)*peers, (unsigned)*peers - 1, SL_DEGREE_MAX, SL_DEGREE_MAX + 1);
	for (uint32_t i = 1; status == SL_OK && i < *peers; i++)
		status = add(context, 0, i, error);
	return status;
}

const struct sl_graph sl_graph_star = {
	.name = "star",
	.doc = "peer 0 is the only neighbour of every other peer",
	.usage = "star:N",
	.make = make,
};
