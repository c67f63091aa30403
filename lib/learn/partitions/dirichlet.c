/* Hsu et al. 2019: each class is split among the peers by proportions from a symmetric Dirichlet
 * distribution; a small alpha gives a class to few peers, a large one gives every peer the same mixture.
 * As in most later work, proportions are drawn per class (rather than per peer), so that every sample has one owner. */
#include "learn/deal.h"

#include "learn/portable.h"

#include <math.h>

struct dirichlet_options {
	double alpha;
};

static const struct sl_option options_table[] = {
	{ "alpha", "concentration: 0.1 is very uneven, 100 nearly even", SL_OPTION_REAL,
	  offsetof(struct dirichlet_options, alpha), 1e-3, 1e6, "0.5", NULL, true },
	{ 0 },
};

/* The logarithm of a gamma variate of shape alpha (Marsaglia and Tsang 2000, with their §6 for shapes below
 * one, in logarithms because U^(1/alpha) underflows). */
static double log_gamma_variate(double alpha, struct sl_random *g)
{
	double boost = 0;
	if (alpha < 1) {
		boost = sl_portable_log(1 - sl_random_unit_double(g)) / alpha;
		alpha += 1;
	}
	double d = alpha - 1.0 / 3, c = 1 / sqrt(9 * d);
	for (;;) {
		double x = sl_portable_normal(g), root = 1 + c * x;
		if (root <= 0)
			continue;
		double v = root * root * root, u = 1 - sl_random_unit_double(g);
		if (sl_portable_log(u) < 0.5 * x * x + d - d * v + d * sl_portable_log(v))
			return sl_portable_log(d * v) + boost;
	}
}

/* cut[p] … cut[p + 1] − 1 become peer p's places among the `size` samples of a class. Draws are addressed by
 * class and peer, so they are drawn again rather than stored: for the largest, for the sum, for the cuts. */
static void cut_class(double alpha, uint64_t seed, uint32_t c, uint32_t peers, uint32_t size, uint32_t *cut)
{
	double most = -HUGE_VAL, sum = 0, below = 0;
	for (int stage = 0; stage < 3; stage++)
		for (uint32_t p = 0; p < peers; p++) {
			struct sl_random g = sl_random_stream(seed, p, "partition dirichlet", c);
			double drawn = log_gamma_variate(alpha, &g);
			double weight = stage > 0 ? sl_portable_exp(drawn - most) : 0;
			if (stage == 0)
				most = drawn > most ? drawn : most;
			else if (stage == 1)
				sum += weight;
			else {
				cut[p] = (uint32_t)(below / sum * size + 0.5);
				below += weight;
			}
		}
	cut[peers] = size;
}

/* The peer whose places hold `place`: the largest p with cut[p] ≤ place (peers without places have equal
 * cuts). */
static uint32_t peer_of(const uint32_t *cut, uint32_t peers, uint32_t place)
{
	uint32_t low = 0, high = peers;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		if (cut[middle] <= place)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* Moves a sample to each peer without any, from peers that have more than one, in a random but repeatable order. */
static void feed_the_empty(const struct sl_dataset *data, uint32_t peers, uint64_t key, uint32_t *owner)
{
	uint32_t have[SL_PEERS_MAX] = { 0 }, at = 0;
	for (uint32_t s = 0; s < data->samples; s++)
		have[owner[s]]++;
	for (uint32_t p = 0; p < peers; p++) {
		while (have[p] == 0) {
			SL_CHECK(at < data->samples);
			uint32_t s = sl_random_permutation(key, data->samples, at++);
			if (have[owner[s]] < 2)
				continue;
			have[owner[s]]--;
			owner[s] = p;
			have[p]++;
		}
	}
}

static enum sl_status assign(const void *options, const struct sl_dataset *data, uint32_t peers,
                             uint64_t seed, uint32_t *owner, struct sl_error *error)
{
	double alpha = ((const struct dirichlet_options *)options)->alpha;
	enum sl_status status = sl_deal_check("dirichlet", data, peers, true, error);
	if (status != SL_OK)
		return status;
	uint32_t first[SL_CLASSES_MAX + 1], cut[SL_PEERS_MAX + 1];
	sl_deal_classes(data, first);
	uint64_t key = sl_random_stream(seed, UINT32_MAX, "partition dirichlet", 0).key;
	for (uint32_t c = 0; c < data->classes; c++) {
		uint32_t size = first[c + 1] - first[c], seen = 0;
		if (size > 0)
			cut_class(alpha, seed, c, peers, size, cut);
		for (uint32_t s = 0; seen < size; s++)
			if (data->label[s] == c)
				owner[s] = peer_of(cut, peers,
				                   sl_random_permutation(sl_mix64(key + c), size, seen++));
	}
	feed_the_empty(data, peers, ~key, owner);
	return SL_OK;
}

const struct sl_partition sl_partition_dirichlet = {
	.name = "dirichlet",
	.doc = "each class is split by Dirichlet proportions: the smaller alpha, the more uneven",
	.options = options_table,
	.options_size = sizeof(struct dirichlet_options),
	.assign = assign,
};
