#include "topology/family.h"

/* Assran, Loizou, Ballas & Rabbat, ICML 2019 (Stochastic Gradient Push). */
static enum sl_status arcs(const char *arguments, uint32_t *peers, sl_add_arc *add, void *context,
                           struct sl_error *error)
{
	enum sl_status status =
	    sl_family_peers("directed-exponential", arguments, SL_ARC_PEERS_MAX, peers, error);
	if (status != SL_OK)
		return status;
	uint32_t n = *peers, steps = 0;
	for (uint32_t step = 1; step < n; step *= 2)
		steps++;
	for (uint32_t step = 1; step < n; step *= 2)
		for (uint32_t i = 0; status == SL_OK && i < n; i++)
			status =
			    add(context, (struct sl_arc){ i, (i + step) % n, 0, 1.0 / (steps + 1) }, error);
	return status;
}

const struct sl_graph sl_graph_directed_exponential = {
	.name = "directed-exponential",
	.doc = "peer i sends to i + 2^k (mod N) for every 2^k < N",
	.usage = "directed-exponential:N",
	.arcs = arcs,
};
