/* randk — k random coordinates, drawn from the message's address: both ends draw the same ones, so indices cost no
 * bytes; every sender and message has its own. */
#include "compress/stage.h"

#include "compress/keep.h"

#include <string.h>

struct randk {
	struct sl_keep keep;
	uint32_t unbiased;
};

static const struct sl_option randk_options[] = {
	SL_KEEP_OPTION(struct randk, keep, SL_KEEP_WHAT),
	{ "scale", "d/k: unbiased; one: unscaled, contractive", SL_OPTION_CHOICE,
	  offsetof(struct randk, unbiased), 0, 0, "d/k", "one|d/k", true },
	{ 0 },
};

static enum sl_status prepare(void *options, const struct sl_layout *layout, struct sl_error *error)
{
	return sl_keep_prepare(&((struct randk *)options)->keep, "randk", layout->dimension, error);
}

static uint32_t count_max(const void *options, uint32_t dimension)
{
	return sl_keep_most(&((const struct randk *)options)->keep, dimension);
}

static size_t scratch_size(const void *options, uint32_t dimension)
{
	(void)options;
	return ((size_t)dimension + 63) / 64 * sizeof(uint64_t);
}

static uint32_t select_random(const void *options, const struct sl_message_context *m, const float *v,
                              uint32_t *index, void *scratch)
{
	uint32_t d = m->layout->dimension, k = count_max(options, d), count = 0;
	uint64_t *taken = scratch;
	(void)v;
	memset(taken, 0, scratch_size(options, d));
	uint64_t key =
	    sl_random_stream(m->seed, m->peer, "randk", (uint64_t)m->version << 8 | m->channel).key;
	for (uint32_t i = 0; i < k; i++) {
		uint32_t at = sl_random_permutation(key, d, i);
		taken[at / 64] |= UINT64_C(1) << at % 64;
	}
	for (uint32_t w = 0; w < (d + 63) / 64; w++)
		for (uint64_t bits = taken[w]; bits; bits &= bits - 1)
			index[count++] = 64 * w + (uint32_t)__builtin_ctzll(bits);
	return count;
}

static double scale(const void *options, uint32_t dimension)
{
	const struct randk *o = options;
	return o->unbiased ? (double)dimension / count_max(options, dimension) : 1;
}

static struct sl_guarantee guarantee(const void *options, uint32_t dimension)
{
	const struct randk *o = options;
	double share = (double)count_max(options, dimension) / dimension;
	return o->unbiased ? sl_guarantee_unbiased(1 / share - 1) : sl_guarantee_contractive(share);
}

const struct sl_select sl_select_randk = {
	.name = "randk",
	.doc = "random coordinates, drawn identically at both ends: no indices are sent",
	.formula = "keep k random v_i, times d/k",
	.examples = "randk:0.25 randk:3 randk:0.2,one",
	.options = randk_options,
	.shared_support = true,
	.prepare = prepare,
	.count_max = count_max,
	.scratch = scratch_size,
	.select = select_random,
	.scale = scale,
	.guarantee = guarantee,
};
