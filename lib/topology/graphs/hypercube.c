#include "topology/family.h"

static enum sl_status make(const char *arguments, uint64_t seed, uint32_t *peers, sl_add_edge *add,
                           void *context, struct sl_error *error)
{
	(void)seed;
	enum sl_status status = sl_family_peers("hypercube", arguments, SL_PEERS_MAX, peers, error);
	if (status != SL_OK)
		return status;
	uint32_t n = *peers, below = 2;
	while (2 * below <= n)
		below *= 2;
	if (below != n) {
		uint32_t nearest = n - below < 2 * below - n ? below : 2 * below;
		return sl_fail(error, SL_OUT_OF_RANGE,
		               "hypercube:%u: N must be a power of two, and the nearest is %u", (unsigned)n,
		               (unsigned)nearest);
	}
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t bit = 1; status == SL_OK && bit < n; bit *= 2)
			if (!(i & bit))
				status = add(context, i, i | bit, error);
	return status;
}

const struct sl_graph sl_graph_hypercube = {
	.name = "hypercube",
	.doc = "neighbours differ in one binary digit of their numbers; N is a power of two",
	.usage = "hypercube:N",
	.make = make,
};
