#include "topology/family.h"

static enum sl_status make(const char *arguments, uint64_t seed, uint32_t *peers, sl_add_edge *add,
                           void *context, struct sl_error *error)
{
	(void)seed;
	enum sl_status status = sl_family_peers("ring", arguments, SL_PEERS_MAX, peers, error);
	if (status != SL_OK)
		return status;
	return sl_family_circulant(*peers, (const uint32_t[]){ 1 }, 1, add, context, error);
}

const struct sl_graph sl_graph_ring = {
	.name = "ring",
	.doc = "every peer has two neighbours, in a circle",
	.usage = "ring:N",
	.make = make,
};
