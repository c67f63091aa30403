/* markov — k random coordinates among those that were not sent recently: a coordinate that was sent is excluded until
 * all others have been sent. This is BanLast of Veprikov et al., "Markovian compression" (UAI 2026), with the
 * longest ban, d/k − 1 messages: a random permutation of all coordinates, split into messages, then another one.
 * Both ends derive it from the message's address, so indices cost no bytes, and a lost message has no effect on
 * later ones. */
#include "compress/stage.h"

#include "compress/keep.h"

#include <string.h>

struct markov {
	struct sl_keep keep;
};

static const struct sl_option options[] = {
	SL_KEEP_OPTION(struct markov, keep, SL_KEEP_WHAT),
	{ 0 },
};

static enum sl_status prepare(void *o, const struct sl_layout *layout, struct sl_error *error)
{
	return sl_keep_prepare(&((struct markov *)o)->keep, "markov", layout->dimension, error);
}

static uint32_t count_max(const void *o, uint32_t dimension)
{
	return sl_keep_most(&((const struct markov *)o)->keep, dimension);
}

static size_t scratch_size(const void *o, uint32_t dimension)
{
	(void)o;
	return ((size_t)dimension + 63) / 64 * sizeof(uint64_t);
}

static uint32_t select_next(const void *o, const struct sl_message_context *m, const float *v,
                            uint32_t *index, void *scratch)
{
	uint32_t d = m->layout->dimension, k = count_max(o, d), messages = d / k, count = 0;
	uint32_t permutation = m->version / messages, from = m->version % messages * k;
	uint64_t *taken = scratch;
	(void)v;
	memset(taken, 0, scratch_size(o, d));
	uint64_t key =
	    sl_random_stream(m->seed, m->peer, "markov", (uint64_t)permutation << 8 | m->channel).key;
	for (uint32_t i = 0; i < k; i++) {
		uint32_t at = sl_random_permutation(key, d, from + i);
		taken[at / 64] |= UINT64_C(1) << at % 64;
	}
	for (uint32_t w = 0; w < (d + 63) / 64; w++)
		for (uint64_t bits = taken[w]; bits; bits &= bits - 1)
			index[count++] = 64 * w + (uint32_t)__builtin_ctzll(bits);
	return count;
}

/* Each message has k random coordinates of d; consecutive messages are not independent. */
static struct sl_guarantee guarantee(const void *o, uint32_t dimension)
{
	return sl_guarantee_contractive((double)count_max(o, dimension) / dimension);
}

const struct sl_select sl_select_markov = {
	.name = "markov",
	.doc =
	    "random coordinates, those not sent recently first; drawn identically at both ends: no indices are sent",
	.formula = "keep the next k of a random order",
	.examples = "markov:0.25 markov:3",
	.options = options,
	.shared_support = true,
	.prepare = prepare,
	.count_max = count_max,
	.scratch = scratch_size,
	.select = select_next,
	.guarantee = guarantee,
};
