#include "linalg/vector.h"

#include "base/bytes.h"
#include "base/random.h"
#include "linalg/variants.h"

#include <math.h>

/* Reductions run in LANES partial sums: lane l takes elements l, l + LANES, …; the lanes are then added
 * pairwise in a fixed order. Sixteen doubles are two AVX-512 or four AVX2 registers: enough to hide the
 * latency of an addition. */
enum { LANES = SL_LANES };

static inline double lanes_sum(const double lane[LANES])
{
	double half[LANES];
	for (int l = 0; l < LANES; l++)
		half[l] = lane[l];
	for (int width = LANES / 2; width > 0; width /= 2)
		for (int l = 0; l < width; l++)
			half[l] += half[l + width];
	return half[0];
}

SL_VARIANTS void sl_vector_axpy(size_t n, float a, const float *restrict x, float *restrict y)
{
	for (size_t k = 0; k < n; k++)
		y[k] += a * x[k];
}

SL_VARIANTS void sl_vector_subtract(size_t n, const float *a, const float *b, float *out)
{
	for (size_t k = 0; k < n; k++)
		out[k] = a[k] - b[k];
}

SL_VARIANTS bool sl_vector_difference(size_t n, const float *restrict a, const float *restrict b,
                                      float *restrict out)
{
	uint32_t bad = 0;
	for (size_t k = 0; k < n; k++) {
		float difference = a[k] - b[k];
		out[k] = difference;
		bad |= (sl_float_bits(difference) & UINT32_C(0x7f800000)) == UINT32_C(0x7f800000);
	}
	return !bad;
}

SL_VARIANTS void sl_vector_scale(size_t n, float a, float *x)
{
	for (size_t k = 0; k < n; k++)
		x[k] *= a;
}

/* The product of two floats is exact in double, so only the additions round. */
SL_VARIANTS double sl_vector_dot(size_t n, const float *x, const float *y)
{
	double lane[LANES] = { 0 };
	size_t k = 0;
	for (; k + LANES <= n; k += LANES)
		for (int l = 0; l < LANES; l++)
			lane[l] += (double)x[k + l] * (double)y[k + l];
	for (int l = 0; k + l < n; l++)
		lane[l] += (double)x[k + l] * (double)y[k + l];
	return lanes_sum(lane);
}

double sl_vector_square(size_t n, const float *x)
{
	return sl_vector_dot(n, x, x);
}

SL_VARIANTS double sl_vector_distance(size_t n, const float *a, const float *b)
{
	double lane[LANES] = { 0 };
	size_t k = 0;
	for (; k + LANES <= n; k += LANES)
		for (int l = 0; l < LANES; l++) {
			float difference = a[k + l] - b[k + l];
			lane[l] += (double)difference * (double)difference;
		}
	for (int l = 0; k + l < n; l++) {
		float difference = a[k + l] - b[k + l];
		lane[l] += (double)difference * (double)difference;
	}
	return lanes_sum(lane);
}

SL_VARIANTS double sl_vector_absolute(size_t n, const float *x)
{
	double lane[LANES] = { 0 };
	size_t k = 0;
	for (; k + LANES <= n; k += LANES)
		for (int l = 0; l < LANES; l++)
			lane[l] += (double)fabsf(x[k + l]);
	for (int l = 0; k + l < n; l++)
		lane[l] += (double)fabsf(x[k + l]);
	return lanes_sum(lane);
}

/* Absolute values of floats have the order of their bit patterns, and integer comparisons vectorise. */
SL_VARIANTS float sl_vector_largest(size_t n, const float *x)
{
	uint32_t lane[4 * LANES] = { 0 }, most = 0;
	size_t k = 0;
	for (; k + 4 * LANES <= n; k += 4 * LANES)
		for (int l = 0; l < 4 * LANES; l++) {
			uint32_t bits = sl_float_bits(x[k + l]) & UINT32_C(0x7fffffff);
			lane[l] = bits > lane[l] ? bits : lane[l];
		}
	for (int l = 0; k + l < n; l++) {
		uint32_t bits = sl_float_bits(x[k + l]) & UINT32_C(0x7fffffff);
		lane[l] = bits > lane[l] ? bits : lane[l];
	}
	for (int l = 0; l < 4 * LANES; l++)
		most = lane[l] > most ? lane[l] : most;
	return sl_float_from_bits(most);
}

SL_VARIANTS size_t sl_vector_nonzero(size_t n, const float *x)
{
	size_t count = 0;
	while (n > 0) {
		uint32_t part = n < (1 << 20) ? (uint32_t)n : 1 << 20, here = 0;
		for (uint32_t k = 0; k < part; k++)
			here += x[k] != 0;
		count += here;
		x += part;
		n -= part;
	}
	return count;
}

SL_VARIANTS bool sl_vector_finite(size_t n, const float *x)
{
	uint32_t bad = 0;
	for (size_t k = 0; k < n; k++)
		bad |= (sl_float_bits(x[k]) & UINT32_C(0x7f800000)) == UINT32_C(0x7f800000);
	return !bad;
}

/* A whole number of LANES, or the end of the vector. */
__attribute__((always_inline)) static inline void mix_part(size_t n, float c, const float *restrict a,
                                                           const float *restrict b, float *restrict x,
                                                           double *restrict lane)
{
	size_t k = 0;
	for (; k + LANES <= n; k += LANES)
		for (int l = 0; l < LANES; l++) {
			float difference = b[k + l] - a[k + l];
			x[k + l] += c * difference;
			lane[l] += (double)difference * (double)difference;
		}
	for (int l = 0; k + l < n; l++) {
		float difference = b[k + l] - a[k + l];
		x[k + l] += c * difference;
		lane[l] += (double)difference * (double)difference;
	}
}

SL_VARIANTS double sl_vector_mix(size_t n, float c, const float *restrict a, const float *restrict b,
                                 float *restrict x)
{
	double lane[LANES] = { 0 };
	mix_part(n, c, a, b, x, lane);
	return lanes_sum(lane);
}

/* What will be read soon is rarely in a cache. Any address is harmless. */
static inline void fetch_ahead(const float *x)
{
	enum { AHEAD = 2048 };
	__builtin_prefetch((const void *)((uintptr_t)x + AHEAD));
}

/* Two terms in one pass: x is read and written once, and memory bandwidth is used better than in two passes. n is a
 * multiple of LANES. */
__attribute__((always_inline)) static inline void mix_both(size_t n, float c, const float *restrict a,
                                                           const float *restrict b, float c2,
                                                           const float *restrict a2, const float *restrict b2,
                                                           float *restrict x, double (*restrict lane)[LANES])
{
	double first[LANES], second[LANES]; /* in registers: their addresses go nowhere */
	for (int l = 0; l < LANES; l++) {
		first[l] = lane[0][l];
		second[l] = lane[1][l];
	}
	for (size_t k = 0; k < n; k += LANES) {
		fetch_ahead(a + k);
		fetch_ahead(b + k);
		fetch_ahead(b2 + k);
		fetch_ahead(x + k);
		for (int l = 0; l < LANES; l++) {
			float difference = b[k + l] - a[k + l], other = b2[k + l] - a2[k + l];
			float sum = x[k + l] + c * difference;
			x[k + l] = sum + c2 * other;
			first[l] += (double)difference * (double)difference;
			second[l] += (double)other * (double)other;
		}
	}
	for (int l = 0; l < LANES; l++) {
		lane[0][l] = first[l];
		lane[1][l] = second[l];
	}
}

SL_VARIANTS static void mix_two(size_t n, float c, const float *a, const float *b, float c2, const float *a2,
                                const float *b2, float *x, double (*lane)[LANES])
{
	mix_both(n, c, a, b, c2, a2, b2, x, lane);
}

/* Both edges are up to date, so that the own copy is one, and is read once. */
SL_VARIANTS static void mix_two_of_one(size_t n, float c, const float *a, const float *b, float c2,
                                       const float *b2, float *x, double (*lane)[LANES])
{
	mix_both(n, c, a, b, c2, a, b2, x, lane);
}

static void mix_pair(size_t n, size_t at, const struct sl_mix_term *term, float *x, double (*lane)[LANES])
{
	const float *a = term[0].a + at, *a2 = term[1].a + at, *b = term[0].b + at, *b2 = term[1].b + at;
	size_t whole = n - n % LANES;
	if (a == a2)
		mix_two_of_one(whole, term[0].c, a, b, term[1].c, b2, x, lane);
	else
		mix_two(whole, term[0].c, a, b, term[1].c, a2, b2, x, lane);
	mix_part(n - whole, term[0].c, a + whole, b + whole, x + whole, lane[0]);
	mix_part(n - whole, term[1].c, a2 + whole, b2 + whole, x + whole, lane[1]);
}

SL_VARIANTS void sl_vector_mix_part(size_t n, size_t at, unsigned terms, const struct sl_mix_term *term,
                                    float *x, double (*lane)[LANES])
{
	unsigned t = 0;
	for (; t + 2 <= terms; t += 2)
		mix_pair(n, at, term + t, x + at, lane + t);
	if (t < terms)
		mix_part(n, term[t].c, term[t].a + at, term[t].b + at, x + at, lane[t]);
}

/* In parts that fit into the first-level cache. */
void sl_vector_mix_all(size_t n, unsigned terms, const struct sl_mix_term *term, float *x, double *square)
{
	enum { PART = 256 * LANES };
	double lane[SL_MIX_TERMS][LANES] = { { 0 } };
	for (size_t at = 0; at < n; at += PART)
		sl_vector_mix_part(n - at < PART ? n - at : PART, at, terms, term, x, lane);
	for (unsigned t = 0; t < terms; t++)
		square[t] = lanes_sum(lane[t]);
}

/* x − clamp(x, −t, t): no branch, and x − x is +0 (a −0 becomes −0 − −0 = +0). */
static inline float shrunk(float x, float t)
{
	float clamped = x < -t ? -t : x;
	clamped = clamped > t ? t : clamped;
	return x - clamped;
}

SL_VARIANTS void sl_vector_soft_threshold(size_t n, float t, float *x)
{
	for (size_t k = 0; k < n; k++)
		x[k] = shrunk(x[k], t);
}

/* n is a multiple of LANES, and below 2³². */
SL_VARIANTS static size_t shrink_lanes(size_t n, float t, float *restrict x, double *restrict lane)
{
	double sum[LANES];
	uint32_t some[LANES] = { 0 }, count = 0;
	for (int l = 0; l < LANES; l++)
		sum[l] = lane[l];
	for (size_t k = 0; k < n; k += LANES)
		for (int l = 0; l < LANES; l++) {
			float small = shrunk(x[k + l], t);
			x[k + l] = small;
			some[l] += small != 0;
			sum[l] += (double)fabsf(small);
		}
	for (int l = 0; l < LANES; l++) {
		lane[l] = sum[l];
		count += some[l];
	}
	return count;
}

SL_VARIANTS static size_t absolute_lanes(size_t n, const float *restrict x, double *restrict lane)
{
	double sum[LANES];
	uint32_t some[LANES] = { 0 }, count = 0;
	for (int l = 0; l < LANES; l++)
		sum[l] = lane[l];
	for (size_t k = 0; k < n; k += LANES)
		for (int l = 0; l < LANES; l++) {
			some[l] += x[k + l] != 0;
			sum[l] += (double)fabsf(x[k + l]);
		}
	for (int l = 0; l < LANES; l++) {
		lane[l] = sum[l];
		count += some[l];
	}
	return count;
}

static size_t shrink_few(size_t n, size_t at, float t, float *x, double *lane)
{
	size_t count = 0;
	for (size_t k = 0; k < n; k++) {
		x[k] = t > 0 ? shrunk(x[k], t) : x[k];
		count += x[k] != 0;
		lane[(at + k) % LANES] += (double)fabsf(x[k]);
	}
	return count;
}

/* Whole rows of lanes, between the ends of a row that began before and of one that ends later. */
size_t sl_vector_shrink_part(size_t n, size_t at, float t, float *x, double lane[static LANES])
{
	size_t head = (LANES - at % LANES) % LANES, whole, count;
	head = head < n ? head : n;
	whole = (n - head) / LANES * LANES;
	count = shrink_few(head, at, t, x, lane);
	count += t > 0 ? shrink_lanes(whole, t, x + head, lane) : absolute_lanes(whole, x + head, lane);
	return count + shrink_few(n - head - whole, at + head + whole, t, x + head + whole, lane);
}

double sl_vector_lanes(const double lane[static LANES])
{
	return lanes_sum(lane);
}

SL_VARIANTS uint64_t sl_vector_digest(size_t n, uint64_t offset, const float *x)
{
	uint64_t sum = 0;
	for (size_t k = 0; k < n; k++)
		sum += sl_mix64((offset + k) << 32 | sl_float_bits(x[k]));
	return sum;
}

uint64_t sl_digest_term(uint64_t k, float v)
{
	return sl_mix64(k << 32 | sl_float_bits(v));
}
