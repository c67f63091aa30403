/* stripe — one of F stretches of the vector in each message, all of them once in every F: the peak of bytes falls F times,
 * and no index costs any. All peers send the same stretch in the same round. Streaming DiLoCo (Douillard et al. 2025) does
 * this with whole layers, in a fixed order; here a cycle's order is drawn, so that every stretch is as likely in any message.
 */
#include "compress/stage.h"

struct stripe {
	uint32_t stripes;
};

static const struct sl_option stripe_options[] = {
	{ "stripes", "stretches that the vector is cut into; a message carries one", SL_OPTION_U32,
	  offsetof(struct stripe, stripes), 1, 65536, NULL, NULL, true },
	{ 0 },
};

/* No more than there are coordinates. */
static uint32_t stripes_of(const void *options, uint32_t dimension)
{
	uint32_t n = ((const struct stripe *)options)->stripes;
	return n < dimension ? n : dimension;
}

static uint32_t count_max(const void *options, uint32_t dimension)
{
	return (dimension - 1) / stripes_of(options, dimension) + 1;
}

static uint32_t select_stripe(const void *options, const struct sl_message_context *m, const float *v,
                              uint32_t *index, void *scratch)
{
	uint32_t d = m->layout->dimension, n = stripes_of(options, d), count = 0;
	(void)v, (void)scratch;
	uint64_t key = sl_random_stream(m->seed, UINT32_MAX, "stripe", m->version / n).key;
	uint32_t stripe = sl_random_permutation(key, n, m->version % n);
	uint32_t from = (uint32_t)((uint64_t)d * stripe / n), to = (uint32_t)((uint64_t)d * (stripe + 1) / n);
	for (uint32_t k = from; k < to; k++)
		index[count++] = k;
	return count;
}

/* Over the draw of the order, each coordinate is kept with chance 1/F. */
static struct sl_guarantee guarantee(const void *options, uint32_t dimension)
{
	uint32_t n = stripes_of(options, dimension);
	return n == 1 ? sl_guarantee_identity() : sl_guarantee_contractive(1.0 / n);
}

const struct sl_select sl_select_stripe = {
	.name = "stripe",
	.doc = "one of F stretches of the vector, each once in F messages; no index is sent",
	.formula = "keep v_i of stretch pi(version mod F), pi drawn anew for each F messages",
	.examples = "stripe:4 stripe:1",
	.options = stripe_options,
	.shared_support = true,
	.count_max = count_max,
	.select = select_stripe,
	.guarantee = guarantee,
};
