#include "base/chacha.h"

#include "base/bytes.h"

enum { DOUBLE_ROUNDS = 10 };

static uint32_t turned(uint32_t v, unsigned bits)
{
	return v << bits | v >> (32 - bits);
}

static void quarter(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
	*a += *b;
	*d = turned(*d ^ *a, 16);
	*c += *d;
	*b = turned(*b ^ *c, 12);
	*a += *b;
	*d = turned(*d ^ *a, 8);
	*c += *d;
	*b = turned(*b ^ *c, 7);
}

void sl_chacha_begin(struct sl_chacha *c, const uint8_t key[static SL_CHACHA_KEY], uint64_t number)
{
	*c = (struct sl_chacha){ .state = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 } };
	for (unsigned i = 0; i < 8; i++)
		c->state[4 + i] = sl_load_u32(key + (size_t)4 * i);
	c->state[14] = (uint32_t)number;
	c->state[15] = (uint32_t)(number >> 32);
}

void sl_chacha_block(struct sl_chacha *c, uint64_t out[static 8])
{
	uint32_t v[16];
	memcpy(v, c->state, sizeof v);
	for (unsigned r = 0; r < DOUBLE_ROUNDS; r++) {
		for (unsigned i = 0; i < 4; i++)
			quarter(&v[i], &v[4 + i], &v[8 + i], &v[12 + i]);
		for (unsigned i = 0; i < 4; i++)
			quarter(&v[i], &v[4 + (i + 1) % 4], &v[8 + (i + 2) % 4], &v[12 + (i + 3) % 4]);
	}
	for (unsigned i = 0; i < 16; i++)
		v[i] += c->state[i];
	for (unsigned i = 0; i < 8; i++)
		out[i] = (uint64_t)v[2 * i + 1] << 32 | v[2 * i];
	c->state[12]++;
	c->state[13] += c->state[12] == 0;
}
