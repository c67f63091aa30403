#include "base/random.h"
#include "topology/family.h"

#include <stddef.h>
#include <stdlib.h>

enum { TRIES = 100 };

struct settings {
	uint32_t peers;
	double p;
};

static const struct sl_option options[] = {
	{ .name = "peers",
	  .doc = "number of peers",
	  .type = SL_OPTION_U32,
	  .offset = offsetof(struct settings, peers),
	  .min = 2,
	  .max = SL_PEERS_MAX },
	{ .name = "p",
	  .doc = "probability of an edge",
	  .type = SL_OPTION_REAL,
	  .offset = offsetof(struct settings, p),
	  .min = 1e-9,
	  .max = 1 },
	{ 0 },
};

/* Number of consecutive pairs without an edge: geometric, P(gap ≥ g) = q^g with q = 1 − p. Its binary digits are
 * independent; digit i is 1 with probability q^(2^i)/(1 + q^(2^i)). This needs no logarithm, so every machine gets
 * the same graph. */
struct gaps {
	double one[36]; /* per digit, probability of a 1; 2^35 exceeds the number of pairs */
	unsigned digits;
};

static void gaps_start(struct gaps *g, double p)
{
	double power = 1 - p;
	for (g->digits = 0; g->digits < 36 && power > 0x1p-60; g->digits++, power *= power)
		g->one[g->digits] = power / (1 + power);
}

static uint64_t next_gap(const struct gaps *g, struct sl_random *random)
{
	uint64_t gap = 0;
	for (unsigned i = 0; i < g->digits; i++)
		gap |= (uint64_t)(sl_random_unit_double(random) < g->one[i]) << i;
	return gap;
}

/* Visits the pairs (a, b), a < b, in order and calls `add` for those with an edge. The same attempt gives the same
 * edges, so a first pass can check whether they connect all peers, and a second one pass them on. */
static enum sl_status walk(const struct settings *s, const struct gaps *g, uint64_t seed, uint32_t attempt,
                           sl_add_edge *add, void *context, struct sl_error *error)
{
	struct sl_random random = sl_random_stream(seed, UINT32_MAX, "erdos-renyi", attempt);
	uint64_t b = 1, a = 0;
	for (;;) {
		a += next_gap(g, &random);
		while (b < s->peers && a >= b)
			a -= b++;
		if (b >= s->peers)
			return SL_OK;
		enum sl_status status = add(context, (uint32_t)a, (uint32_t)b, error);
		if (status != SL_OK)
			return status;
		a++;
	}
}

static enum sl_status join(void *context, uint32_t a, uint32_t b, struct sl_error *error)
{
	(void)error;
	sl_components_join(context, a, b);
	return SL_OK;
}

static enum sl_status make(const char *arguments, uint64_t seed, uint32_t *peers, sl_add_edge *add,
                           void *context, struct sl_error *error)
{
	struct settings s;
	enum sl_status status = sl_spec_arguments(options, &s, "erdos-renyi", arguments, error);
	if (status != SL_OK)
		return status;
	*peers = s.peers;
	if (s.p * (s.peers - 1) > SL_DEGREE_MAX)
		return sl_fail(
		    error, SL_TOO_BIG,
		    "erdos-renyi:%s: a peer would have about %.0f neighbours, at most %d are possible",
		    arguments, s.p * (s.peers - 1), SL_DEGREE_MAX);
	struct gaps gaps;
	gaps_start(&gaps, s.p);
	struct sl_components components;
	status = sl_components_start(&components, s.peers, error);
	if (status != SL_OK)
		return status;
	uint32_t attempt = 0;
	for (; attempt < TRIES; attempt++) {
		sl_components_reset(&components, s.peers);
		(void)walk(&s, &gaps, seed, attempt, join, &components, error);
		if (components.count == 1)
			break;
	}
	free(components.parent);
	if (attempt == TRIES) {
		double enough =
		    1; /* 2 ln n / n, well above the threshold ln n / n of connectedness; with ln 2
		                      times the binary digits of n for ln n */
		for (uint32_t n = s.peers; n > 1; n /= 2)
			enough++;
		enough = 2 * 0.693 * enough / s.peers;
		return sl_fail(
		    error, SL_REFUSED,
		    "erdos-renyi:%s: not connected in %d tries; with P = %.2g or more, %u peers usually are",
		    arguments, TRIES, enough < 1 ? enough : 1, (unsigned)s.peers);
	}
	return walk(&s, &gaps, seed, attempt, add, context, error);
}

const struct sl_graph sl_graph_erdos_renyi = {
	.name = "erdos-renyi",
	.doc = "every pair has an edge with probability P; drawn from the seed until connected",
	.usage = "erdos-renyi:N,P",
	.make = make,
};
