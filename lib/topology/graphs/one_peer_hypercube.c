#include "topology/family.h"

/* In phase k each peer averages with the one whose number differs in binary digit k: the edges of the
 * hypercube one direction at a time, and the exact average after log₂ N rounds. */
static enum sl_status arcs(const char *arguments, uint32_t *peers, sl_add_arc *add, void *context,
                           struct sl_error *error)
{
	enum sl_status status =
	    sl_family_peers("one-peer-hypercube", arguments, SL_ARC_PEERS_MAX, peers, error);
	if (status != SL_OK)
		return status;
	uint32_t n = *peers, phase = 0;
	if (n & (n - 1))
		return sl_fail(error, SL_OUT_OF_RANGE,
		               "one-peer-hypercube:%u: N must be a power of two; base:%u,2 takes every N",
		               (unsigned)n, (unsigned)n);
	for (uint32_t bit = 1; bit < n; bit *= 2, phase++)
		for (uint32_t i = 0; status == SL_OK && i < n; i++)
			if (!(i & bit))
				status = sl_family_pair(add, context, phase, i, i | bit, 0.5, error);
	return status;
}

const struct sl_graph sl_graph_one_peer_hypercube = {
	.name = "one-peer-hypercube",
	.doc =
	    "one neighbour per round, whose number differs in one binary digit, each digit in turn: the exact average every log2 N rounds",
	.usage = "one-peer-hypercube:N",
	.arcs = arcs,
};
