#include "topology/family.h"

/* Ying, Yuan, Chen, Hu, Pan & Yin, NeurIPS 2021: in phase k peer i receives from i + 2^k (mod N), one message per peer
 * and round; the exact average after log₂ N rounds if N is a power of two. */
static enum sl_status arcs(const char *arguments, uint32_t *peers, sl_add_arc *add, void *context,
                           struct sl_error *error)
{
	enum sl_status status =
	    sl_family_peers("one-peer-exponential", arguments, SL_ARC_PEERS_MAX, peers, error);
	if (status != SL_OK)
		return status;
	uint32_t n = *peers, phase = 0;
	for (uint32_t step = 1; step < n; step *= 2, phase++)
		for (uint32_t i = 0; status == SL_OK && i < n; i++)
			status = add(context, (struct sl_arc){ (i + step) % n, i, phase, 0.5 }, error);
	return status;
}

const struct sl_graph sl_graph_one_peer_exponential = {
	.name = "one-peer-exponential",
	.doc = "in round k peer i receives from i + 2^(k mod log2 N) (mod N): one message per peer and round",
	.usage = "one-peer-exponential:N",
	.arcs = arcs,
};
