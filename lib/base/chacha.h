/* chacha.h — ChaCha20 (RFC 8439) as a source of random numbers that nobody can tell without its key: for noise that
 * protects data. Numbers that need no secret are in random.h. */
#ifndef SL_BASE_CHACHA_H
#define SL_BASE_CHACHA_H

#include <stdint.h>

enum { SL_CHACHA_KEY = 32 };

/* A stream: 2^70 bytes for each key and number. */
struct sl_chacha {
	uint32_t state[16];
	uint64_t room[8];
	unsigned left; /* of room, from its end */
};

/* The stream of that number under the key. The block counter has 64 bits and the number is the rest of the nonce, as in
 * the first description of the cipher (Bernstein 2008). */
void sl_chacha_begin(struct sl_chacha *, const uint8_t key[static SL_CHACHA_KEY], uint64_t number);

/* The next block of 64 bytes, as eight little-endian numbers. */
void sl_chacha_block(struct sl_chacha *, uint64_t out[static 8]);

/* The next 64 bits. */
static inline uint64_t sl_chacha_u64(struct sl_chacha *c)
{
	if (c->left == 0) {
		sl_chacha_block(c, c->room);
		c->left = 8;
	}
	return c->room[8 - c->left--];
}

#endif
