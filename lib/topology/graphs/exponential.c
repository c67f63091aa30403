#include "topology/family.h"

/* The static exponential graph of Assran et al. 2019 (Stochastic Gradient Push) and Ying et al. 2021, with
 * both directions of each edge. */
static enum sl_status make(const char *arguments, uint64_t seed, uint32_t *peers, sl_add_edge *add,
                           void *context, struct sl_error *error)
{
	(void)seed;
	enum sl_status status = sl_family_peers("exponential", arguments, SL_PEERS_MAX, peers, error);
	if (status != SL_OK)
		return status;
	uint32_t n = *peers, distance[32], distances = 0;
	for (uint32_t step = 1; step < n; step *= 2) {
		uint32_t shorter = step < n - step ? step : n - step;
		bool known = false; /* as 2 and −1 are the same step among three peers */
		for (uint32_t k = 0; k < distances; k++)
			known |= distance[k] == shorter;
		if (!known)
			distance[distances++] = shorter;
	}
	return sl_family_circulant(n, distance, distances, add, context, error);
}

const struct sl_graph sl_graph_exponential = {
	.name = "exponential",
	.doc = "peer i has the neighbours i + 2^k and i - 2^k (mod N) for every 2^k < N",
	.usage = "exponential:N",
	.make = make,
};
