#include "topology/family.h"

static enum sl_status arcs(const char *arguments, uint32_t *peers, sl_add_arc *add, void *context,
                           struct sl_error *error)
{
	enum sl_status status = sl_family_peers("directed-ring", arguments, SL_ARC_PEERS_MAX, peers, error);
	for (uint32_t i = 0; status == SL_OK && i < *peers; i++)
		status = add(context, (struct sl_arc){ i, (i + 1) % *peers, 0, 0.5 }, error);
	return status;
}

const struct sl_graph sl_graph_directed_ring = {
	.name = "directed-ring",
	.doc = "every peer sends only to the next one, in a circle",
	.usage = "directed-ring:N",
	.arcs = arcs,
};
