/* topk — the k coordinates of largest magnitude, exactly; among equals the lowest index. Linear time:
 * a sample of the vector gives a threshold that a little more than k coordinates will pass; one pass without
 * branches collects those that do; a radix selection among them finds the k-th. Should the sample have misled
 * (fewer than k passed), everything that is not zero is collected instead. Magnitudes are compared as bit
 * patterns: the order is the same, and integers vectorise. */
#include "compress/stage.h"

#include "linalg/variants.h"

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
	DIGIT = 11, /* bits a radix pass */
	BINS = 1 << DIGIT,
	BLOCK = 64, /* elements a mask */
};

struct topk_scratch {
	uint32_t histogram[BINS];
	uint32_t sample[SAMPLES];
	uint32_t magnitude[]; /* of the candidates, in order of their index; behind them their indices */
};

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
	return sizeof(struct topk_scratch) + 2 * (size_t)dimension * sizeof(uint32_t);
}

/* The rank-th largest (rank ≥ 1, at most count) of magnitudes below 2^31: three passes, each over those that
 * share the digits found so far. *above: how many are larger than it. */
static uint32_t nth_largest(uint32_t count, const uint32_t *magnitude, uint32_t rank, uint32_t *histogram,
                            uint32_t *above)
{
	uint32_t prefix = 0, mask = 0;
	*above = 0;
	for (int shift = 2 * DIGIT; shift >= 0; shift -= DIGIT) {
		memset(histogram, 0, BINS * sizeof *histogram);
		for (uint32_t i = 0; i < count; i++)
			histogram[magnitude[i] >> shift & (BINS - 1)] += (magnitude[i] & mask) == prefix;
		uint32_t digit = BINS - 1;
		while (*above + histogram[digit] < rank)
			*above += histogram[digit--];
		prefix |= digit << shift;
		mask |= (uint32_t)(BINS - 1) << shift;
	}
	return prefix;
}

/* A magnitude that, going by a sample, somewhat more than k of the coordinates reach; 1 (the smallest that is
 * not zero) where no sample can tell. */
static uint32_t sampled_threshold(uint32_t dimension, const float *v, uint32_t k,
                                  struct topk_scratch *scratch)
{
	if (dimension < 4 * SAMPLES)
		return 1;
	uint32_t stride = dimension / SAMPLES;
	uint32_t step = 0;
	for (uint32_t i = 0; i < SAMPLES; i++) {
		/* One from each stretch, at a place that follows no column of a matrix (golden-ratio steps).
		 */
		step += UINT32_C(2654435769);
		scratch->sample[i] = magnitude_of(v[i * stride + (uint32_t)((uint64_t)step * stride >> 32)]);
	}
	double expected = (double)k * SAMPLES / dimension;
	double rank = expected + 3 * sqrt(expected) + 3; /* the count in a sample varies by about its root */
	if (rank >= SAMPLES)
		return 1;
	uint32_t above,
	    threshold = nth_largest(SAMPLES, scratch->sample, (uint32_t)rank, scratch->histogram, &above);
	return threshold ? threshold : 1;
}

/* Which of 64 elements reach the threshold, as bits. */
static inline uint64_t block_mask(const float *v, uint32_t threshold)
{
	uint8_t flag[BLOCK];
	for (int i = 0; i < BLOCK; i++)
		flag[i] = magnitude_of(v[i]) >= threshold;
	uint64_t mask = 0;
	for (int i = 0; i < BLOCK / 8; i++)
		mask |= (sl_load_u64(flag + 8 * i) * UINT64_C(0x0102040810204080) >> 56) << 8 * i;
	return mask;
}

/* Candidates: indices and magnitudes of all that reach the threshold; returns how many. */
SL_VARIANTS static uint32_t collect(uint32_t dimension, const float *v, uint32_t threshold, uint32_t *index,
                                    uint32_t *magnitude)
{
	uint32_t count = 0, at = 0;
	for (; at + BLOCK <= dimension; at += BLOCK)
		for (uint64_t mask = block_mask(v + at, threshold); mask; mask &= mask - 1) {
			uint32_t i = at + (uint32_t)__builtin_ctzll(mask);
			index[count] = i;
			magnitude[count++] = magnitude_of(v[i]);
		}
	for (; at < dimension; at++)
		if (magnitude_of(v[at]) >= threshold) {
			index[count] = at;
			magnitude[count++] = magnitude_of(v[at]);
		}
	return count;
}

static uint32_t topk_select(const void *options, const struct sl_message *m, const float *v, uint32_t *index,
                            void *memory)
{
	uint32_t dimension = m->layout->dimension, k = topk_most(options, dimension);
	struct topk_scratch *scratch = memory;
	uint32_t *magnitude = scratch->magnitude, *candidate = magnitude + dimension;
	uint32_t threshold = sampled_threshold(dimension, v, k, scratch);
	uint32_t count = collect(dimension, v, threshold, candidate, magnitude);
	if (count < k && threshold > 1)
		count = collect(dimension, v, 1, candidate, magnitude);
	if (count <= k) {
		memcpy(index, candidate, count * sizeof *index);
		return count;
	}
	uint32_t above, kth = nth_largest(count, magnitude, k, scratch->histogram, &above);
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
