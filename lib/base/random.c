#include "base/random.h"

#include <math.h>

static uint64_t hash_text(const char *text)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
	return h;
}

struct sl_random sl_random_stream(uint64_t seed, uint32_t peer, const char *purpose, uint64_t round)
{
	uint64_t key = sl_mix64(sl_mix64(seed) ^ hash_text(purpose));
	key = sl_mix64(key ^ sl_mix64(peer + UINT64_C(0x5bd1e995)));
	key = sl_mix64(key ^ sl_mix64(round));
	return (struct sl_random){ key, 0 };
}

double sl_random_normal(struct sl_random *g)
{
	double u = 1.0 - sl_random_unit_double(g); /* (0, 1]: the logarithm is finite */
	double v = sl_random_unit_double(g);
	return sqrt(-2.0 * log(u)) * cos(6.283185307179586476925 * v);
}

uint32_t sl_random_permutation(uint64_t key, uint32_t n, uint32_t at)
{
	if (n < 2)
		return 0;
	unsigned bits = 32 - (unsigned)__builtin_clz(n - 1);
	unsigned half = (bits + 1) / 2;
	uint32_t mask = (UINT32_C(1) << half) - 1;
	do {
		uint32_t left = at >> half, right = at & mask;
		for (uint64_t i = 0; i < 4; i++) {
			uint32_t next = left ^ ((uint32_t)sl_mix64(key ^ sl_mix64(i << 32 | right)) & mask);
			left = right;
			right = next;
		}
		at = left << half | right;
	} while (at >= n);
	return at;
}
