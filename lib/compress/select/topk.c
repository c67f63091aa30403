/* topk — the k coordinates of largest magnitude, exactly; among equals the lowest index. Linear time:
 * a sample of the vector gives a threshold that a little more than k coordinates will pass; one pass without
 * branches collects those that do; a radix selection among them finds the k-th. Should the sample have misled
 * (fewer than k passed), everything that is not zero is collected instead. Magnitudes are compared as bit
 * patterns: the order is the same, and integers vectorise. */
#include "compress/stage.h"

#include "linalg/mask.h"

#include <math.h>

struct topk {
	double keep; /* ≤ 1: fraction; above: count */
	uint32_t k;
};

#define AT(field) offsetof(struct topk, field)
static const struct sl_option topk_options[] = {
	{ "keep", "share of the coordinates (0.05), or how many (200)", SL_OPTION_REAL, AT(keep), 1e-9,
	  268435456, NULL, NULL, true },
	{ 0 },
};

enum {
	SAMPLES = 4096,
	FEW = 128,
	DIGIT = 10, /* bits of a lower radix pass */
	UPPER = 2 * DIGIT,
	BINS = 1 << (31 - UPPER),
};

struct topk_scratch {
	uint32_t histogram[2 * BINS];
	uint64_t *mask;
	uint32_t *candidate, *magnitude, *spare; /* coordinates, what stands there, and room */
};

static struct topk_scratch *scratch_layout(void *base, uint32_t dimension, size_t *size)
{
	struct sl_arena a = { .base = base, .capacity = SIZE_MAX };
	struct topk_scratch *s = sl_arena_take(&a, 1, sizeof *s);
	uint64_t *mask = sl_arena_take(&a, ((size_t)dimension + 63) / 64, sizeof *mask);
	uint32_t *candidate = sl_arena_take(&a, (size_t)dimension + 4, sizeof *candidate);
	uint32_t *magnitude = sl_arena_take(&a, (size_t)dimension + 1, sizeof *magnitude);
	uint32_t *spare = sl_arena_take(&a, (size_t)dimension + 1, sizeof *spare);
	*size = a.used;
	if (s) {
		s->mask = mask;
		s->candidate = candidate;
		s->magnitude = magnitude;
		s->spare = spare;
	}
	return s;
}

static uint32_t magnitude_of(float v)
{
	return sl_float_bits(v) & UINT32_C(0x7fffffff);
}

static enum sl_status topk_prepare(void *options, const struct sl_layout *layout, struct sl_error *error)
{
	struct topk *o = options;
	if (o->keep > 1 && o->keep != floor(o->keep))
		return sl_fail(error, SL_OUT_OF_RANGE,
		               "topk: keep = %g: must be a fraction above 0 and at most 1, or a whole number "
		               "of coordinates",
		               o->keep);
	double k = o->keep > 1 ? o->keep : floor(o->keep * layout->dimension + 0.5);
	o->k = k < 1 ? 1 : k > layout->dimension ? layout->dimension : (uint32_t)k;
	return SL_OK;
}

static uint32_t topk_most(const void *options, uint32_t dimension)
{
	const struct topk *o = options;
	return o->k < dimension ? o->k : dimension;
}

static size_t topk_scratch(const void *options, uint32_t dimension)
{
	(void)options;
	size_t size;
	scratch_layout(NULL, dimension, &size);
	return size;
}

/* Counts alternate between two tables, so that equal bins need not wait for each other; this adds them up. */
static void fold(uint32_t *histogram)
{
	for (uint32_t bin = 0; bin < BINS; bin++)
		histogram[bin] += histogram[BINS + bin];
}

/* The bin that holds the rank-th largest; *above: how many are in higher ones. */
static uint32_t bin_of_rank(const uint32_t *histogram, uint32_t rank, uint32_t *above)
{
	uint32_t bin = BINS - 1;
	*above = 0;
	while (*above + histogram[bin] < rank)
		*above += histogram[bin--];
	return bin;
}

/* The same for few of them, where clearing histograms would cost more: those so far, the largest first. */
static uint32_t nth_of_few(uint32_t count, const uint32_t *magnitude, uint32_t rank, uint32_t *spare,
                           uint32_t *above)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = i;
		for (; at > 0 && spare[at - 1] < magnitude[i]; at--)
			spare[at] = spare[at - 1];
		spare[at] = magnitude[i];
	}
	for (*above = 0; spare[*above] != spare[rank - 1];)
		++*above;
	return spare[rank - 1];
}

/* The rank-th largest (1 ≤ rank ≤ count) of magnitudes below 2^31, by radix: first all by their upper bits,
 * then those that share the upper bits of the one sought, moved to the front of spare[]. *above: how many are
 * larger than it. */
static uint32_t nth_largest(uint32_t count, const uint32_t *magnitude, uint32_t rank, uint32_t *histogram,
                            uint32_t *spare, uint32_t *above)
{
	uint32_t prefix = 0;
	if (count <= FEW)
		return nth_of_few(count, magnitude, rank, spare, above);
	*above = 0;
	for (int shift = UPPER; shift >= 0; shift -= DIGIT) {
		uint32_t higher, kept = 0;
		memset(histogram, 0, 2 * BINS * sizeof *histogram);
		for (uint32_t i = 0; i < count; i++)
			histogram[(i & 1) * BINS + (magnitude[i] >> shift & (BINS - 1))]++;
		fold(histogram);
		uint32_t digit = bin_of_rank(histogram, rank - *above, &higher);
		*above += higher;
		prefix |= digit << shift;
		for (uint32_t i = 0; i < count; i++) {
			spare[kept] = magnitude[i];
			kept += (magnitude[i] >> shift & (BINS - 1)) == digit;
		}
		magnitude = spare;
		count = kept;
	}
	return prefix;
}

/* A magnitude that, going by a sample, somewhat more than k of the coordinates reach; 1 (the smallest that is
 * not zero) where no sample can tell. One from each stretch of the vector, at a place that follows no column
 * of a matrix (golden-ratio steps); rounded down to the upper bits, an eighth of a power of two. */
static uint32_t sampled_threshold(uint32_t dimension, const float *v, uint32_t k, uint32_t *histogram)
{
	double expected = (double)k * SAMPLES / dimension;
	double rank = expected + 3 * sqrt(expected) + 3; /* the count in a sample varies by about its root */
	if (dimension < 4 * SAMPLES || rank >= SAMPLES)
		return 1;
	uint32_t stride = dimension / SAMPLES, step = 0, above;
	memset(histogram, 0, 2 * BINS * sizeof *histogram);
	for (uint32_t i = 0; i < SAMPLES; i++) {
		step += UINT32_C(2654435769);
		float sample = v[i * stride + (uint32_t)((uint64_t)step * stride >> 32)];
		histogram[(i & 1) * BINS + (magnitude_of(sample) >> UPPER)]++;
	}
	fold(histogram);
	uint32_t threshold = bin_of_rank(histogram, (uint32_t)rank, &above) << UPPER;
	return threshold ? threshold : 1;
}

/* Candidates: coordinates that reach the threshold, ascending; returns how many. */
static uint32_t collect(uint32_t dimension, const float *v, uint32_t threshold, struct topk_scratch *scratch)
{
	sl_mask_reach(dimension, v, threshold, scratch->mask);
	return sl_mask_positions((dimension + 63) / 64, scratch->mask, scratch->candidate);
}

static uint32_t topk_select(const void *options, const struct sl_message *m, const float *v, uint32_t *index,
                            void *memory)
{
	uint32_t dimension = m->layout->dimension, k = topk_most(options, dimension);
	size_t size;
	struct topk_scratch *scratch = scratch_layout(memory, dimension, &size);
	uint32_t *candidate = scratch->candidate, *magnitude = scratch->magnitude;
	uint32_t threshold = sampled_threshold(dimension, v, k, scratch->histogram);
	uint32_t count = collect(dimension, v, threshold, scratch);
	if (count < k && threshold > 1)
		count = collect(dimension, v, 1, scratch);
	if (count <= k) {
		memcpy(index, candidate, count * sizeof *index);
		return count;
	}
	for (uint32_t i = 0; i < count; i++)
		magnitude[i] = magnitude_of(v[candidate[i]]);
	uint32_t above, kth = nth_largest(count, magnitude, k, scratch->histogram, scratch->spare, &above);
	uint32_t kept = 0, equal = k - above;
	for (uint32_t i = 0; i < count; i++) {
		bool tie = magnitude[i] == kth, take = (magnitude[i] > kth) | (tie & (equal > 0));
		equal -= tie & take;
		candidate[kept] = candidate[i];
		kept += take;
	}
	memcpy(index, candidate, kept * sizeof *index);
	return kept;
}

static struct sl_promise topk_promise(const void *options, uint32_t dimension)
{
	return sl_promise_contractive((double)topk_most(options, dimension) / dimension);
}

const struct sl_select sl_select_topk = {
	.name = "topk",
	.doc = "the coordinates of largest magnitude, exactly; among equals the lowest index",
	.formula = "keep the k largest |v_i|",
	.examples = "topk:0.25 topk:3 topk:1",
	.options = topk_options,
	.prepare = topk_prepare,
	.most = topk_most,
	.scratch = topk_scratch,
	.select = topk_select,
	.promise = topk_promise,
};
