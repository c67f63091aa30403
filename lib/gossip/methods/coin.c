/* coin.c — pseudo-random coin flips that all peers derive alike. */
#include "gossip/algorithm.h"

bool sl_part_coin(const struct sl_plan *plan, const char *purpose, uint32_t peer, uint32_t version, double p)
{
	struct sl_random g = sl_random_stream(plan->settings.seed, peer, purpose, version);
	return sl_random_unit_double(&g) < p;
}
