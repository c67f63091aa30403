/* random.h — addressed random numbers: value = f(seed, peer, purpose, round, counter).
 *
 * An additional draw does not shift other numbers, and order of execution does not matter, so a restarted
 * peer draws exactly the same numbers again. */
#ifndef SL_BASE_RANDOM_H
#define SL_BASE_RANDOM_H

#include <stdint.h>

struct sl_random {
	uint64_t key, counter;
};

/* A bijective mixer of 64 bits (the finaliser of splitmix64, Steele et al. 2014). */
static inline uint64_t sl_mix64(uint64_t z)
{
	z += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* The stream for one purpose ("batch", "dither", "init" …) of one peer in one round. Use peer UINT32_MAX for
 * what all peers share, and round 0 where there is none. */
struct sl_random sl_random_stream(uint64_t seed, uint32_t peer, const char *purpose, uint64_t round);

/* The next 64 bits of the stream. */
static inline uint64_t sl_random_u64(struct sl_random *g)
{
	return sl_mix64(g->key + ++g->counter * UINT64_C(0xd1342543de82ef95));
}

/* The value at position `at` of the stream, without moving it: for kernels that work on lanes. */
static inline uint64_t sl_random_at(const struct sl_random *g, uint64_t at)
{
	return sl_mix64(g->key + (at + 1) * UINT64_C(0xd1342543de82ef95));
}

/* Uniform in [0, 1), a multiple of 2^-24: exact in a float. */
static inline float sl_random_unit(struct sl_random *g)
{
	return (float)(sl_random_u64(g) >> 40) * 0x1p-24f;
}

/* Uniform in [0, 1), a multiple of 2^-53. */
static inline double sl_random_unit_double(struct sl_random *g)
{
	return (double)(sl_random_u64(g) >> 11) * 0x1p-53;
}

/* Uniform in 0 … n-1, n ≥ 1, without bias beyond 2^-32 (multiply and shift). */
static inline uint32_t sl_random_below(struct sl_random *g, uint32_t n)
{
	return (uint32_t)(((sl_random_u64(g) >> 32) * n) >> 32);
}

/* Standard normal (Box–Muller; libm, so for data and initial models, never for what both ends must agree on).
 */
double sl_random_normal(struct sl_random *g);

/* A pseudo-random permutation of 0 … n-1, evaluated at one point: random reshuffling without a stored order
 * (four Feistel rounds on the smallest even power of two ≥ n, walked until it lands below n). 1 ≤ n ≤ 2^31,
 * at < n. */
uint32_t sl_random_permutation(uint64_t key, uint32_t n, uint32_t at);

#endif
