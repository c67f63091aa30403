#include "base/hash.h"

#include "base/bytes.h"

#include <string.h>

enum { BLOCK = 128, ROUNDS = 12 };

static const uint64_t start[8] = { 0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
	                           0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f,
	                           0x1f83d9abfb41bd6b, 0x5be0cd19137e2179 };

/* Rounds 10 and 11 take the order of 0 and 1. */
static const uint8_t order[10][16] = {
	{ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
	{ 14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3 },
	{ 11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4 },
	{ 7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8 },
	{ 9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13 },
	{ 2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9 },
	{ 12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11 },
	{ 13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10 },
	{ 6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5 },
	{ 10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0 },
};

static uint64_t turned(uint64_t v, unsigned bits)
{
	return v >> bits | v << (64 - bits);
}

static void mix(uint64_t *a, uint64_t *b, uint64_t *c, uint64_t *d, uint64_t x, uint64_t y)
{
	*a += *b + x;
	*d = turned(*d ^ *a, 32);
	*c += *d;
	*b = turned(*b ^ *c, 24);
	*a += *b + y;
	*d = turned(*d ^ *a, 16);
	*c += *d;
	*b = turned(*b ^ *c, 63);
}

/* `so_far`: bytes up to the end of this block. */
static void compress(uint64_t h[static 8], const uint8_t block[static BLOCK], uint64_t so_far, bool last)
{
	uint64_t v[16], m[16];
	for (unsigned i = 0; i < 16; i++) {
		v[i] = i < 8 ? h[i] : start[i - 8];
		m[i] = sl_load_u64(block + (size_t)8 * i);
	}
	v[12] ^= so_far;
	v[14] = last ? ~v[14] : v[14];
	for (unsigned r = 0; r < ROUNDS; r++) {
		const uint8_t *s = order[r % 10];
		for (unsigned i = 0; i < 4; i++)
			mix(&v[i], &v[4 + i], &v[8 + i], &v[12 + i], m[s[2 * i]], m[s[2 * i + 1]]);
		for (unsigned i = 0; i < 4; i++)
			mix(&v[i], &v[4 + (i + 1) % 4], &v[8 + (i + 2) % 4], &v[12 + (i + 3) % 4],
			    m[s[8 + 2 * i]], m[s[9 + 2 * i]]);
	}
	for (unsigned i = 0; i < 8; i++)
		h[i] ^= v[i] ^ v[8 + i];
}

void sl_hash(uint8_t out[static SL_HASH_BYTES], const void *bytes, size_t length)
{
	const uint8_t *at = bytes;
	uint64_t h[8], done = 0;
	uint8_t end[BLOCK] = { 0 };
	memcpy(h, start, sizeof h);
	h[0] ^= 0x01010000 ^ SL_HASH_BYTES;
	for (; length - done > BLOCK; done += BLOCK)
		compress(h, at + done, done + BLOCK, false);
	if (length > done)
		memcpy(end, at + done, length - done);
	compress(h, end, length, true);
	for (unsigned i = 0; i < SL_HASH_BYTES / 8; i++)
		sl_store_u64(out + (size_t)8 * i, h[i]);
}
