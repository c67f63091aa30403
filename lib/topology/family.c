#include "topology/family.h"

#include <stdlib.h>

enum sl_status sl_family_peers(const char *name, const char *arguments, uint32_t most, uint32_t *peers,
                               struct sl_error *error)
{
	const struct sl_option options[] = {
		{ .name = "peers", .doc = "number of peers", .type = SL_OPTION_U32, .min = 2, .max = most },
		{ 0 },
	};
	return sl_spec_arguments(options, peers, name, arguments, error);
}

enum sl_status sl_family_circulant(uint32_t peers, const uint32_t *distance, uint32_t distances,
                                   sl_add_edge *add, void *context, struct sl_error *error)
{
	for (uint32_t k = 0; k < distances; k++) {
		bool half_way =
		    2 * distance[k] == peers; /* i and i + n/2 are the same pair twice: half as many edges */
		for (uint32_t i = 0; i < (half_way ? peers / 2 : peers); i++) {
			enum sl_status status = add(context, i, (i + distance[k]) % peers, error);
			if (status != SL_OK)
				return status;
		}
	}
	return SL_OK;
}

enum sl_status sl_components_start(struct sl_components *c, uint32_t peers, struct sl_error *error)
{
	c->parent = malloc(peers * sizeof *c->parent);
	if (!c->parent)
		return sl_fail(error, SL_NO_MEMORY, "no memory for a graph of %u peers", (unsigned)peers);
	sl_components_reset(c, peers);
	return SL_OK;
}

void sl_components_reset(struct sl_components *c, uint32_t peers)
{
	for (uint32_t i = 0; i < peers; i++)
		c->parent[i] = i;
	c->count = peers;
}

static uint32_t root_of(uint32_t *parent, uint32_t i)
{
	while (parent[i] != i)
		i = parent[i] = parent[parent[i]];
	return i;
}

void sl_components_join(struct sl_components *c, uint32_t a, uint32_t b)
{
	a = root_of(c->parent, a);
	b = root_of(c->parent, b);
	if (a == b)
		return;
	c->parent[a < b ? b : a] = a < b ? a : b;
	c->count--;
}

enum sl_status sl_family_pair(sl_add_arc *add, void *context, uint32_t phase, uint32_t a, uint32_t b,
                              double weight, struct sl_error *error)
{
	enum sl_status status = add(context, (struct sl_arc){ a, b, phase, weight }, error);
	return status == SL_OK ? add(context, (struct sl_arc){ b, a, phase, weight }, error) : status;
}
