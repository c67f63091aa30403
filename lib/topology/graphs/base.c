/* The Base-(k+1) graph of Takezawa, Sato, Bao, Niwa & Yamada (NeurIPS 2023): a schedule in which a peer has
 * at most k = B − 1 neighbours per round. It gives the exact average after O(log_B N) rounds for every N.
 *
 * Construction. A hyper-hypercube has n = f₁·f₂·… peers, all f ≤ B: in phase l, groups of peers whose numbers differ
 * only in digit l average. The simple graph is for any n = Σ_l a_l B^p_l: blocks of a_l·B^p_l peers first average
 * internally. Then block 1 is joined with all later ones, then block 2 with all later ones, and so on: each peer
 * of the later blocks has one neighbour in each of the a_l parts of the block, with weights such that it then holds
 * the mean of both. The parts now have this mean too, and average internally. The base graph has N = p·q peers:
 * groups of q average by the simple graph, then a hyper-hypercube averages across the groups; p is chosen so that
 * the number of rounds is smallest. */
#include "topology/family.h"

struct builder {
	uint32_t base, phases; /* phases: number of phases used */
	sl_add_arc *add;       /* NULL: only count the phases */
	void *context;
	enum sl_status status;
	struct sl_error *error;
};

/* Peers offset + stride·k for k below count. */
struct some {
	uint32_t offset, stride, count;
};

static void join(struct builder *b, uint32_t phase, uint32_t i, uint32_t j, double weight)
{
	if (phase >= b->phases)
		b->phases = phase + 1;
	if (b->add && b->status == SL_OK)
		b->status = sl_family_pair(b->add, b->context, phase, i, j, weight, b->error);
}

static uint32_t largest_factor(uint32_t n, uint32_t most)
{
	for (uint32_t f = most < n ? most : n; f > 1; f--)
		if (n % f == 0)
			return f;
	return 1;
}

static bool is_smooth(uint32_t n, uint32_t base)
{
	for (uint32_t f; n > 1; n /= f)
		if ((f = largest_factor(n, base)) == 1)
			return false;
	return true;
}

/* Adds arcs from `phase` on; returns the next free phase. */
static uint32_t hyper_hypercube(struct builder *b, uint32_t phase, struct some s)
{
	uint32_t inner = 1, f;
	for (uint32_t left = s.count; left > 1; left /= f, inner *= f, phase++) {
		f = largest_factor(left, b->base);
		SL_CHECK(inner > 0 && f > 1);
		for (uint32_t k = 0; k < s.count; k++)
			for (uint32_t other = k / inner % f + 1, i = k + inner; other < f;
			     other++, i += inner)
				join(b, phase, s.offset + s.stride * k, s.offset + s.stride * i, 1.0 / f);
	}
	return phase;
}

/* A block of the simple graph: parts·part peers, the first one at `offset`. */
struct block {
	uint32_t offset, parts, part;
};

/* Digits of n in the base, most significant first, without zeros. */
static uint32_t cut(uint32_t n, uint32_t base, uint32_t offset, struct block *out)
{
	uint32_t count = 0, part = 1;
	while (part <= n / base)
		part *= base;
	for (; part > 0; n %= part, part /= base)
		if (n >= part) {
			out[count] = (struct block){ offset, n / part, part };
			offset += out[count].parts * part;
			count++;
		}
	return count;
}

static void meet(struct builder *b, uint32_t phase, const struct block *block, uint32_t end)
{
	uint32_t rest = block->offset + block->parts * block->part;
	double weight = (double)block->part / (end - block->offset);
	for (uint32_t v = rest; v < end; v++)
		for (uint32_t part = 0; part < block->parts; part++)
			join(b, phase, block->offset + part * block->part + (v - rest), v, weight);
}

static void simple(struct builder *b, uint32_t offset, uint32_t n)
{
	struct block block[32];
	uint32_t blocks = cut(n, b->base, offset, block), within = 0;
	for (uint32_t l = 0; l < blocks; l++) {
		struct some all = { block[l].offset, 1, block[l].parts * block[l].part };
		uint32_t end = hyper_hypercube(b, 0, all);
		within = end > within ? end : within;
	}
	for (uint32_t l = 0; l + 1 < blocks; l++) {
		meet(b, within + l, &block[l], offset + n);
		for (uint32_t part = 0; part < block[l].parts; part++)
			hyper_hypercube(
			    b, within + l + 1,
			    (struct some){ block[l].offset + part * block[l].part, 1, block[l].part });
	}
}

static uint32_t build(struct builder *b, uint32_t n, uint32_t p)
{
	uint32_t q = n / p, phase;
	b->phases = 0;
	for (uint32_t group = 0; group < p; group++)
		simple(b, group * q, q);
	phase = b->phases;
	for (uint32_t k = 0; k < q; k++)
		hyper_hypercube(b, phase, (struct some){ k, q, p });
	return b->phases;
}

static enum sl_status arcs(const char *arguments, uint32_t *peers, sl_add_arc *add, void *context,
                           struct sl_error *error)
{
	struct {
		uint32_t peers, base;
	} given;
	const struct sl_option options[] = {
		{ .name = "peers",
		  .doc = "number of peers",
		  .type = SL_OPTION_U32,
		  .min = 2,
		  .max = SL_ARC_PEERS_MAX },
		{ .name = "base",
		  .doc = "largest number of neighbours per round, plus one",
		  .type = SL_OPTION_U32,
		  .offset = sizeof(uint32_t),
		  .min = 2,
		  .max = 64,
		  .standard = "2" },
		{ 0 },
	};
	enum sl_status status = sl_spec_arguments(options, &given, "base", arguments, error);
	if (status != SL_OK)
		return status;
	struct builder b = { .base = given.base };
	uint32_t n = *peers = given.peers, best = 1, fewest = UINT32_MAX;
	for (uint32_t p = 1; p <= n; p++)
		if (n % p == 0 && is_smooth(p, given.base) && build(&b, n, p) < fewest) {
			fewest = b.phases;
			best = p;
		}
	b.add = add;
	b.context = context;
	b.error = error;
	build(&b, n, best);
	return b.status;
}

const struct sl_graph sl_graph_base = {
	.name = "base",
	.doc =
	    "the Base-(k+1) graph, B = k + 1: at most B - 1 neighbours per round, and the exact average every few rounds for any N",
	.usage = "base:N,B",
	.arcs = arcs,
};
