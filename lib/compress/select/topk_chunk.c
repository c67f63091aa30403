/* topk-chunk — the same share of every stretch of `chunk` coordinates, its largest: a position is short to name, and no
 * part of the vector goes unheard. SparseLoCo (Sarfi et al. 2025) keeps 64 of 4096. */
#include "compress/stage.h"

#include "compress/largest.h"

#include <math.h>

struct topk_chunk {
	double keep;
	uint32_t chunk;
};

static const struct sl_option topk_chunk_options[] = {
	{ "keep", "share of each chunk's coordinates, at least one", SL_OPTION_REAL,
	  offsetof(struct topk_chunk, keep), 1e-9, 1, "0.015625", NULL, true },
	{ "chunk", "coordinates of a chunk", SL_OPTION_U32, offsetof(struct topk_chunk, chunk), 1, 1 << 24,
	  "4096", NULL, true },
	{ 0 },
};

static uint32_t kept(const struct topk_chunk *o, uint32_t size)
{
	return (uint32_t)fmin(fmax(floor(o->keep * size + 0.5), 1), size);
}

static uint32_t count_max(const void *options, uint32_t dimension)
{
	const struct topk_chunk *o = options;
	uint32_t rest = dimension % o->chunk;
	return dimension / o->chunk * kept(o, o->chunk) + (rest ? kept(o, rest) : 0);
}

static size_t scratch_size(const void *options, uint32_t dimension)
{
	const struct topk_chunk *o = options;
	return sl_largest_scratch(o->chunk < dimension ? o->chunk : dimension);
}

static uint32_t select_large(const void *options, const struct sl_message_context *m, const float *v,
                             uint32_t *index, void *scratch)
{
	const struct topk_chunk *o = options;
	uint32_t d = m->layout->dimension, count = 0, found;
	for (uint32_t at = 0, size; at < d; at += size) {
		size = o->chunk < d - at ? o->chunk : d - at;
		SL_CHECK(sl_largest(NULL, kept(o, size), size, v + at, NULL, index + count, NULL, &found,
		                    scratch));
		for (uint32_t i = count; i < count + found; i++)
			index[i] += at;
		count += found;
	}
	return count;
}

/* Σ (1 − k_c/n_c)|v_c|² */
static struct sl_guarantee guarantee(const void *options, uint32_t dimension)
{
	const struct topk_chunk *o = options;
	uint32_t whole = o->chunk < dimension ? o->chunk : dimension, rest = dimension % whole;
	double delta = (double)kept(o, whole) / whole;
	return sl_guarantee_contractive(rest ? fmin(delta, (double)kept(o, rest) / rest) : delta);
}

const struct sl_select sl_select_topk_chunk = {
	.name = "topk-chunk",
	.doc = "the coordinates of largest magnitude of each chunk, the same share of every chunk",
	.formula = "keep the k_c largest |v_i| of chunk c, k_c = keep·n_c",
	.examples = "topk-chunk:0.25,8 topk-chunk",
	.options = topk_chunk_options,
	.count_max = count_max,
	.scratch = scratch_size,
	.select = select_large,
	.guarantee = guarantee,
};
