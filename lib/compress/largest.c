#include "compress/largest.h"

#include "base/arena.h"
#include "base/bytes.h"
#include "linalg/blocks.h"
#include "linalg/mask.h"
#include "linalg/variants.h"

#include <math.h>
#include <string.h>

enum {
	SAMPLES = 4096,
	FEW = 128,
	MANY = 1 << 15, /* from here on, counting once into bins is the cheaper way */
	DIGIT = 10,     /* bits of a lower radix pass */
	UPPER = 2 * DIGIT,
	BINS = 1 << (31 - UPPER),
	FINE = 14,        /* bits of a magnitude that a bin just above the guess spans */
	MARGIN = 3 << 18, /* from the k-th magnitude down to the next guess: 3/32 of a power of two */
	PART = 128,
	STREAMS = 1024,   /* of which a guess is remembered */
	GUESS_WITHIN = 4, /* times k, or the guess was too low to be worth it */
};

struct scratch {
	uint32_t guess[STREAMS]; /* threshold derived from the last vector; 0: none */
	uint32_t stream;
	uint32_t histogram[2 * BINS];
	uint32_t *candidate, *bits, *spare; /* coordinates, their bit patterns, and free space */
};

static struct scratch *scratch_layout(void *base, uint32_t dimension, size_t *size)
{
	struct sl_arena a = { .base = base, .capacity = SIZE_MAX };
	struct scratch *s = sl_arena_take(&a, 1, sizeof *s);
	uint32_t *candidate = sl_arena_take(&a, (size_t)dimension + 16, sizeof *candidate);
	uint32_t *bits = sl_arena_take(&a, (size_t)dimension + 16, sizeof *bits);
	uint32_t *spare = sl_arena_take(&a, (size_t)dimension + 1, sizeof *spare);
	*size = a.used;
	if (s) {
		s->candidate = candidate;
		s->bits = bits;
		s->spare = spare;
	}
	return s;
}

/* Scratch need not start as zeros: any guess is as good as none, if it is one of them. */
static uint32_t *guess_of(struct scratch *s)
{
	return &s->guess[s->stream % STREAMS];
}

enum { MAGNITUDE = 0x7fffffff };

size_t sl_largest_scratch(uint32_t dimension)
{
	size_t size;
	scratch_layout(NULL, dimension, &size);
	return size;
}

/* Counts alternate between two tables, so that equal bins do not depend on each other; this adds the tables. */
static void fold(uint32_t *histogram)
{
	for (uint32_t bin = 0; bin < BINS; bin++)
		histogram[bin] += histogram[BINS + bin];
}

/* The bin that contains the rank-th largest; *above: number of elements in higher bins. */
static uint32_t bin_of_rank(const uint32_t *histogram, uint32_t rank, uint32_t *above)
{
	uint32_t bin = BINS - 1;
	*above = 0;
	while (*above + histogram[bin] < rank)
		*above += histogram[bin--];
	return bin;
}

/* The same for few elements, by insertion sort in descending order: cheaper than clearing histograms. */
static uint32_t nth_of_few(uint32_t count, const uint32_t *magnitude, uint32_t rank, uint32_t *spare,
                           uint32_t *above)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = i, here = magnitude[i];
		for (; at > 0 && spare[at - 1] < here; at--)
			spare[at] = spare[at - 1];
		spare[at] = here;
	}
	for (*above = 0; spare[*above] != spare[rank - 1];)
		++*above;
	return spare[rank - 1];
}

/* The rank-th largest (1 ≤ rank ≤ count) of magnitudes below 2^31, by radix selection: first by the upper bits of
 * all, then among those that share the upper bits of the result. These are moved to the front of spare[], which
 * may be magnitude[]. *above: number of larger magnitudes. */
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

/* Estimates from a sample a threshold that somewhat more than k coordinates reach; 1 (the smallest magnitude above
 * zero) if a sample is not enough. The sample has one element per stretch of the vector, at golden-ratio steps so
 * that it does not align with the columns of a matrix. Rounded down to an eighth of a power of two. */
static uint32_t sampled_threshold(uint32_t dimension, const float *x, const float *y, uint32_t k,
                                  uint32_t *histogram)
{
	double expected = (double)k * SAMPLES / dimension;
	double rank = expected + 3 * sqrt(expected) +
	              3; /* the count in a sample has a standard deviation of about its square root */
	if (dimension < 4 * SAMPLES || rank >= SAMPLES)
		return 1;
	uint32_t stride = dimension / SAMPLES, step = 0, above;
	memset(histogram, 0, 2 * BINS * sizeof *histogram);
	for (uint32_t i = 0; i < SAMPLES; i++) {
		step += UINT32_C(2654435769);
		uint32_t at = i * stride + (uint32_t)((uint64_t)step * stride >> 32);
		float sample = y ? x[at] - y[at] : x[at];
		histogram[(i & 1) * BINS + ((sl_float_bits(sample) & MAGNITUDE) >> UPPER)]++;
	}
	fold(histogram);
	uint32_t threshold = bin_of_rank(histogram, (uint32_t)rank, &above) << UPPER;
	return threshold ? threshold : 1;
}

SL_VARIANTS static bool any_within(uint32_t n, const uint32_t *bits, uint32_t low, uint32_t width)
{
	uint32_t any = 0;
	for (uint32_t i = 0; i < n; i++)
		any |= (bits[i] & MAGNITUDE) - low < width;
	return any;
}

/* Copies the magnitudes from `low` to less than low + width; few parts contain one. */
static uint32_t take_within(uint32_t count, const uint32_t *restrict bits, uint32_t low, uint32_t width,
                            uint32_t *restrict out)
{
	uint32_t kept = 0;
	for (uint32_t at = 0; at < count; at += PART) {
		uint32_t end = count - at < PART ? count : at + PART;
		if (any_within(end - at, bits + at, low, width))
			for (uint32_t i = at; i < end; i++) {
				out[kept] = bits[i] & MAGNITUDE;
				kept += (bits[i] & MAGNITUDE) - low < width;
			}
	}
	return kept;
}

/* The k-th largest of candidates that all reach `least`, if they are many: counts them in fine bins from there up (the
 * last bin takes the rest), then selects within one bin. */
static uint32_t kth_of_many(uint32_t count, uint32_t k, uint32_t least, struct scratch *s, uint32_t *above)
{
	const uint32_t *restrict bits = s->bits;
	uint32_t *restrict histogram = s->histogram, bin = 0, higher;
	memset(histogram, 0, BINS * sizeof *histogram);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t to = ((bits[i] & MAGNITUDE) - least) >> FINE;
		histogram[to < BINS ? to : BINS - 1]++;
	}
	for (higher = count - histogram[0]; higher >= k; higher -= histogram[++bin])
		;
	uint32_t low = least + (bin << FINE), width = bin < BINS - 1 ? 1u << FINE : UINT32_MAX;
	uint32_t kept = take_within(count, bits, low, width, s->spare);
	uint32_t kth = nth_largest(kept, s->spare, k - higher, histogram, s->spare, above);
	*above += higher;
	return kth;
}

SL_KERNEL static uint32_t count_reaching(uint32_t n, const uint32_t *bits, uint32_t threshold)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < n; i++)
		count += (int32_t)(bits[i] & MAGNITUDE) >= (int32_t)threshold;
	return count;
}

/* Where between low and high the k-th is to be looked for: in the middle, or by turns where it would be if magnitudes were
 * evenly spread between the two. */
static uint32_t between(uint32_t low, uint32_t high, uint32_t reach_low, uint32_t reach_high, uint32_t k,
                        bool even)
{
	uint64_t width = high - low, part = width * (reach_low - k) / (reach_low - reach_high);
	part = even ? part : width / 2;
	return low + (uint32_t)(part < 1 ? 1 : part >= width ? width - 1 : part);
}

/* If they are fewer: cuts the interval of magnitudes that contains it. The guess makes it likely that it is not far
 * above `least`. */
static uint32_t kth_by_parts(uint32_t count, uint32_t k, uint32_t least, struct scratch *s, uint32_t *above)
{
	enum { SOME = 32 };
	uint32_t low = least, high = UINT32_C(1) << 31, reach_low = count, reach_high = 0;
	bool even = true;
	for (uint32_t step = MARGIN; high - low > 1 && reach_low - reach_high > SOME; even = !even) {
		uint32_t middle = between(low, high, reach_low, reach_high, k, even);
		if (reach_high == 0 && high == UINT32_C(1) << 31 && step < (high - low) / 2) {
			middle = low + step;
			step *= 2;
		}
		uint32_t reach = count_reaching(count, s->bits, middle);
		if (reach >= k) {
			low = middle;
			reach_low = reach;
		} else {
			high = middle;
			reach_high = reach;
		}
	}
	*above = reach_high;
	if (high - low == 1)
		return low;
	uint32_t higher, kept = take_within(count, s->bits, low, high - low, s->spare);
	uint32_t kth = nth_of_few(kept, s->spare, k - reach_high, s->spare, &higher);
	*above += higher;
	return kth;
}

/* Collects candidates of x − y, or of x: at least k coordinates, if that many are not zero. */
static uint32_t collect(const struct sl_parallel *parallel, uint32_t dimension, const float *x,
                        const float *y, uint32_t k, uint32_t *threshold, bool *finite, struct scratch *s)
{
	uint32_t count = 0;
	*threshold = *guess_of(s);
	*finite = true;
	if (*threshold)
		count =
		    sl_blocks_collect(parallel, dimension, x, y, *threshold, s->candidate, s->bits, finite);
	if (*finite && (count < k || count / GUESS_WITHIN > k)) {
		*threshold = sampled_threshold(dimension, x, y, k, s->histogram);
		count =
		    sl_blocks_collect(parallel, dimension, x, y, *threshold, s->candidate, s->bits, finite);
	}
	if (*finite && *threshold > 1 && count < k) {
		*threshold = 1;
		count = sl_blocks_collect(parallel, dimension, x, y, 1, s->candidate, s->bits, finite);
	}
	return count;
}

/* Moves the k largest to the front; returns their number. */
static uint32_t choose(uint32_t count, uint32_t k, uint32_t threshold, struct scratch *s)
{
	uint32_t above = 0, kth = (count < MANY ? kth_by_parts : kth_of_many)(count, k, threshold, s, &above);
	uint32_t equal = k - above, kept;
	uint32_t *restrict candidate = s->candidate, *restrict bits = s->bits;
	*guess_of(s) = kth > MARGIN ? kth - MARGIN : 0;
	kept = sl_mask_keep(count, kth, candidate, bits);
	if (kept == k)
		return k;
	uint32_t all = kept; /* there are more ties than needed */
	kept = 0;
	for (uint32_t i = 0; i < all; i++) {
		bool tie = (bits[i] & MAGNITUDE) == kth, take = !tie | (equal > 0);
		equal -= tie & take;
		candidate[kept] = candidate[i];
		bits[kept] = bits[i];
		kept += take;
	}
	return kept;
}

void sl_largest_recall(uint32_t stream, void *scratch)
{
	((struct scratch *)scratch)->stream = stream;
}

bool sl_largest(const struct sl_parallel *parallel, uint32_t k, uint32_t dimension, const float *x,
                const float *y, uint32_t *index, float *value, uint32_t *count, void *scratch)
{
	uint32_t threshold;
	bool finite;
	size_t size;
	struct scratch *s = scratch_layout(scratch, dimension, &size);
	*count = collect(parallel, dimension, x, y, k, &threshold, &finite, s);
	*guess_of(s) = 0;
	if (!finite)
		return false;
	if (*count > k)
		*count = choose(*count, k, threshold, s);
	memcpy(index, s->candidate, *count * sizeof *index);
	if (value)
		memcpy(value, s->bits, *count * sizeof *value);
	return true;
}
