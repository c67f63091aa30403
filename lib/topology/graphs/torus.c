#include "topology/family.h"

#include <stdlib.h>

/* Parses a whole number, digits only, at most SL_PEERS_MAX; 0: there is none. */
static uint32_t side(const char *text, char **end)
{
	*end = (char *)text;
	if (*text < '0' || *text > '9')
		return 0;
	unsigned long v = strtoul(text, end, 10);
	return v <= SL_PEERS_MAX ? (uint32_t)v : SL_PEERS_MAX + 1;
}

static enum sl_status sides(const char *arguments, uint32_t *rows, uint32_t *columns, struct sl_error *error)
{
	char *end;
	*rows = side(arguments, &end);
	if (*end == 'x')
		*columns = side(end + 1, &end);
	else
		*columns = 0;
	if (*end || !*rows || !*columns)
		return sl_fail(error, SL_MALFORMED, "torus:%s: needs rows x columns, as in torus:4x4",
		               arguments);
	uint64_t peers = (uint64_t)*rows * *columns;
	if (peers < 2 || *rows > SL_PEERS_MAX || *columns > SL_PEERS_MAX || peers > SL_PEERS_MAX)
		return sl_fail(error, SL_OUT_OF_RANGE,
		               "torus:%s: rows x columns must be between 2 and %d peers", arguments,
		               SL_PEERS_MAX);
	return SL_OK;
}

/* A side of two peers has one edge, not two, and a side of one peer has none. */
static enum sl_status make(const char *arguments, uint64_t seed, uint32_t *peers, sl_add_edge *add,
                           void *context, struct sl_error *error)
{
	(void)seed;
	uint32_t rows, columns;
	enum sl_status status = sides(arguments, &rows, &columns, error);
	if (status != SL_OK)
		return status;
	*peers = rows * columns;
	for (uint32_t i = 0; status == SL_OK && i < *peers; i++) {
		uint32_t r = i / columns, c = i % columns;
		if (c + 1 < columns || columns > 2)
			status = add(context, i, r * columns + (c + 1) % columns, error);
		if (status == SL_OK && (r + 1 < rows || rows > 2))
			status = add(context, i, (r + 1) % rows * columns + c, error);
	}
	return status;
}

const struct sl_graph sl_graph_torus = {
	.name = "torus",
	.doc = "a grid of R rows and C columns that wraps around: four neighbours per peer",
	.usage = "torus:RxC",
	.make = make,
};
