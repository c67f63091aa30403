#include "topology/family.h"

static enum sl_status make(const char *arguments, uint64_t seed, uint32_t *peers, sl_add_edge *add,
                           void *context, struct sl_error *error)
{
	(void)seed;
	enum sl_status status = sl_family_peers("path", arguments, SL_PEERS_MAX, peers, error);
	for (uint32_t i = 1; status == SL_OK && i < *peers; i++)
		status = add(context, i - 1, i, error);
	return status;
}

const struct sl_graph sl_graph_path = {
	.name = "path",
	.doc = "a ring cut open: the two ends have one neighbour",
	.usage = "path:N",
	.make = make,
};
