#include "base/random.h"
#include "topology/family.h"

#include <stddef.h>
#include <stdlib.h>

/* Average number of switches per edge until the graph counts as random (Milo et al. 2003: 100 is plenty, 10 is enough
 * in practice), and how often a graph that is not connected is shuffled again. */
enum { SWITCHES = 10, TRIES = 100 };

struct settings {
	uint32_t peers, degree;
};

static const struct sl_option options[] = {
	{ .name = "peers",
	  .doc = "number of peers",
	  .type = SL_OPTION_U32,
	  .offset = offsetof(struct settings, peers),
	  .min = 2,
	  .max = SL_PEERS_MAX },
	{ .name = "degree",
	  .doc = "neighbours per peer",
	  .type = SL_OPTION_U32,
	  .offset = offsetof(struct settings, degree),
	  .min = 1,
	  .max = SL_DEGREE_MAX },
	{ 0 },
};

/* The graph while it is being shuffled: edge e joins end[2e] and end[2e+1]; row i of `near` lists i's
 * neighbours. */
struct shuffle {
	uint32_t degree, edges;
	uint32_t *end, *near;
	uint32_t filled; /* edges entered so far */
};

static bool adjacent(const struct shuffle *s, uint32_t a, uint32_t b)
{
	const uint32_t *row = s->near + (size_t)a * s->degree;
	bool found = false;
	for (uint32_t k = 0; k < s->degree; k++)
		found |= row[k] == b;
	return found;
}

static void replace(struct shuffle *s, uint32_t a, uint32_t old, uint32_t new)
{
	uint32_t *row = s->near + (size_t)a * s->degree;
	while (*row != old)
		row++;
	*row = new;
}

/* Edges ab and cd become ad and cb, unless that would make a loop or a double edge. Degrees do not change. */
static void try_switch(struct shuffle *s, struct sl_random *random)
{
	uint32_t e = sl_random_below(random, 2 * s->edges), f = sl_random_below(random, 2 * s->edges);
	uint32_t a = s->end[e], b = s->end[e ^ 1], c = s->end[f], d = s->end[f ^ 1];
	if (a == c || a == d || b == c || b == d || adjacent(s, a, d) || adjacent(s, c, b))
		return;
	replace(s, a, b, d);
	replace(s, b, a, c);
	replace(s, c, d, b);
	replace(s, d, c, a);
	s->end[e ^ 1] = d;
	s->end[f ^ 1] = b;
}

static enum sl_status enter(void *context, uint32_t a, uint32_t b, struct sl_error *error)
{
	(void)error;
	struct shuffle *s = context;
	replace(s, a, UINT32_MAX, b);
	replace(s, b, UINT32_MAX, a);
	s->end[2 * s->filled] = a;
	s->end[2 * s->filled++ + 1] = b;
	return SL_OK;
}

/* Starts from i ~ i ± 1 … ± degree/2, and i + n/2 where the degree is odd: regular for every degree < n. */
static void enter_circulant(struct shuffle *s, uint32_t peers)
{
	uint32_t distance[SL_DEGREE_MAX], distances = 0;
	for (; distances < s->degree / 2; distances++)
		distance[distances] = distances + 1;
	if (s->degree % 2)
		distance[distances++] = peers / 2;
	for (size_t i = 0; i < (size_t)peers * s->degree; i++)
		s->near[i] = UINT32_MAX;
	(void)sl_family_circulant(peers, distance, distances, enter, s, NULL);
}

static bool shuffle_until_connected(struct shuffle *s, uint32_t peers, uint64_t seed,
                                    struct sl_components *components)
{
	struct sl_random random = sl_random_stream(seed, UINT32_MAX, "random-regular", 0);
	for (uint32_t attempt = 0; attempt < TRIES; attempt++) {
		for (uint64_t i = 0; i < (uint64_t)SWITCHES * s->edges; i++)
			try_switch(s, &random);
		sl_components_reset(components, peers);
		for (uint32_t e = 0; e < s->edges; e++)
			sl_components_join(components, s->end[2 * e], s->end[2 * e + 1]);
		if (components->count == 1)
			return true;
	}
	return false;
}

/* A connected graph of degree two is one cycle, which shuffling almost always splits. */
static enum sl_status random_circle(uint32_t peers, uint64_t seed, sl_add_edge *add, void *context,
                                    struct sl_error *error)
{
	uint64_t key = sl_random_stream(seed, UINT32_MAX, "random-regular", 0).key;
	enum sl_status status = SL_OK;
	for (uint32_t i = 0; status == SL_OK && i < peers; i++)
		status = add(context, sl_random_permutation(key, peers, i),
		             sl_random_permutation(key, peers, (i + 1) % peers), error);
	return status;
}

static enum sl_status random_graph(const struct settings *settings, uint64_t seed, sl_add_edge *add,
                                   void *context, struct sl_error *error)
{
	struct shuffle s = { .degree = settings->degree, .edges = settings->peers * settings->degree / 2 };
	struct sl_components components = { 0 };
	s.end = malloc((size_t)s.edges * 2 * sizeof *s.end);
	s.near = malloc((size_t)s.edges * 2 * sizeof *s.near);
	enum sl_status status = sl_components_start(&components, settings->peers, error);
	if (status == SL_OK && (!s.end || !s.near))
		status = sl_fail(error, SL_NO_MEMORY, "no memory for a graph of %u edges", (unsigned)s.edges);
	if (status == SL_OK) {
		enter_circulant(&s, settings->peers);
		if (!shuffle_until_connected(&s, settings->peers, seed, &components))
			status = sl_fail(error, SL_REFUSED,
			                 "random-regular:%u,%u: not connected in %d tries; try another seed",
			                 (unsigned)settings->peers, (unsigned)settings->degree, TRIES);
	}
	for (uint32_t e = 0; status == SL_OK && e < s.edges; e++)
		status = add(context, s.end[2 * e], s.end[2 * e + 1], error);
	free(components.parent);
	free(s.end);
	free(s.near);
	return status;
}

static enum sl_status make(const char *arguments, uint64_t seed, uint32_t *peers, sl_add_edge *add,
                           void *context, struct sl_error *error)
{
	struct settings s;
	enum sl_status status = sl_spec_arguments(options, &s, "random-regular", arguments, error);
	if (status != SL_OK)
		return status;
	*peers = s.peers;
	if (s.degree >= s.peers)
		return sl_fail(error, SL_OUT_OF_RANGE,
		               "random-regular:%s: %u peers can have at most %u neighbours each", arguments,
		               (unsigned)s.peers, (unsigned)s.peers - 1);
	if (s.degree % 2 && s.peers % 2)
		return sl_fail(error, SL_OUT_OF_RANGE,
		               "random-regular:%s: N or D must be even: each edge has two ends", arguments);
	if (s.degree == 1 && s.peers > 2)
		return sl_fail(error, SL_OUT_OF_RANGE,
		               "random-regular:%s: with one neighbour each, only two peers are connected",
		               arguments);
	if (s.degree == 2 && s.peers > 2)
		return random_circle(s.peers, seed, add, context, error);
	return random_graph(&s, seed, add, context, error);
}

const struct sl_graph sl_graph_random_regular = {
	.name = "random-regular",
	.doc = "every peer has D neighbours, drawn from the seed; connected",
	.usage = "random-regular:N,D",
	.make = make,
};
