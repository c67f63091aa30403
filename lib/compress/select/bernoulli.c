/* bernoulli — the whole vector or nothing, by a coin flip that both ends derive from the message's address
 * (Rand-DIANA, Shulgin & Richtárik, UAI 2022, table 2). */
#include "compress/stage.h"

struct bernoulli {
	double p;
	uint32_t unbiased;
};

#define AT(field) offsetof(struct bernoulli, field)
static const struct sl_option bernoulli_options[] = {
	{ "p", "probability of a message", SL_OPTION_REAL, AT(p), 1e-6, 1, NULL, NULL, true },
	{ "scale", "1/p: unbiased; one: unscaled, contractive", SL_OPTION_CHOICE, AT(unbiased), 0, 0, "1/p",
	  "one|1/p", true },
	{ 0 },
};

static uint32_t count_max(const void *options, uint32_t dimension)
{
	(void)options;
	return dimension;
}

static uint32_t select_whole(const void *options, const struct sl_message_context *m, const float *v,
                             uint32_t *index, void *scratch)
{
	const struct bernoulli *o = options;
	struct sl_random g =
	    sl_random_stream(m->seed, m->peer, "bernoulli", (uint64_t)m->channel << 32 | m->version);
	uint32_t count = sl_random_unit_double(&g) < o->p ? m->layout->dimension : 0;
	(void)v, (void)scratch;
	for (uint32_t i = 0; i < count; i++)
		index[i] = i;
	return count;
}

static double scale(const void *options, uint32_t dimension)
{
	const struct bernoulli *o = options;
	(void)dimension;
	return o->unbiased ? 1 / o->p : 1;
}

static struct sl_guarantee guarantee(const void *options, uint32_t dimension)
{
	const struct bernoulli *o = options;
	(void)dimension;
	return o->unbiased ? sl_guarantee_unbiased(1 / o->p - 1) : sl_guarantee_contractive(o->p);
}

const struct sl_select sl_select_bernoulli = {
	.name = "bernoulli",
	.doc = "the whole vector with probability p, else nothing",
	.formula = "v/p with probability p, else 0",
	.examples = "bernoulli:0.3 bernoulli:0.7,one",
	.options = bernoulli_options,
	.shared_support = true,
	.count_max = count_max,
	.select = select_whole,
	.scale = scale,
	.guarantee = guarantee,
};
