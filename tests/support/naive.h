/* naive.h — reads coded messages from their description, bit by bit: a second implementation for tests of coders. */
#ifndef SL_TESTS_NAIVE_H
#define SL_TESTS_NAIVE_H

#include <stddef.h>
#include <stdint.h>

struct naive {
	const uint8_t *bytes;
	size_t at;
};

static inline uint32_t bit(struct naive *n)
{
	uint32_t v = n->bytes[n->at / 8] >> (7 - n->at % 8) & 1;
	n->at++;
	return v;
}

static inline uint32_t bits(struct naive *n, unsigned count)
{
	uint32_t v = 0;
	while (count-- > 0)
		v = v << 1 | bit(n);
	return v;
}

static inline uint32_t omega(struct naive *n)
{
	uint32_t v = 1;
	while (bit(n)) {
		uint32_t next = 1;
		for (uint32_t i = 0; i < v; i++)
			next = next << 1 | bit(n);
		v = next;
	}
	return v;
}

struct place {
	uint32_t token, next;
	unsigned bits;
};

static inline void read_shares(struct naive *n, struct place place[512])
{
	uint32_t token_at[512] = { 0 }, share[128] = { 0 }, left = 512, at = 0;
	for (uint32_t t = 0; left > 0; t++) {
		unsigned width = 0;
		while (left >> width)
			width++;
		share[t] = bits(n, width);
		left -= share[t];
		for (uint32_t i = 0; i < share[t]; i++, at = (at + 323) % 512)
			token_at[at] = t;
	}
	for (uint32_t p = 0; p < 512; p++) {
		uint32_t x = share[token_at[p]]++;
		unsigned b = 0;
		while (x << b < 512)
			b++;
		place[p] = (struct place){ token_at[p], (x << b) - 512, b };
	}
}

#endif
