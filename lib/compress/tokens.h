/* tokens.h — numbers as a token and the low bits behind it, and prefix codes (Huffman 1952) for tokens.
 *
 * Token of v with precision m: v itself below 2^(m+1); above, numbers of equal bit length and equal m bits
 * behind the first share one, and the rest of their bits, `extra` of them, follows the token's code as it is.
 * Codes are canonical: shorter before longer, among equals the lower token first, counting up from 0. */
#ifndef SL_COMPRESS_TOKENS_H
#define SL_COMPRESS_TOKENS_H

#include "compress/bits.h"

enum {
	SL_TOKENS = 128,    /* for numbers below 2^31 and m ≤ 2, or below 2^17 and m = 3 */
	SL_TOKEN_LIMIT = 10 /* bits of the longest code */
};

static inline unsigned sl_token_extra_of(uint32_t v, unsigned m)
{
	return sl_bit_length(v | UINT32_C(1) << m) - 1 - m;
}

static inline uint32_t sl_token_of(uint32_t v, unsigned m)
{
	unsigned extra = sl_token_extra_of(v, m);
	return (extra << m) + (v >> extra);
}

static inline unsigned sl_token_extra(uint32_t token, unsigned m)
{
	return token >> (m + 1) ? (token >> m) - 1 : 0;
}

/* The least number of a token. */
static inline uint32_t sl_token_base(uint32_t token, unsigned m)
{
	unsigned extra = sl_token_extra(token, m);
	return (token - (extra << m)) << extra;
}

/* tokens: the highest one in use + 1. A token that occurs has a length of at least 1 bit, unless it is the
 * only one; lengths fill up the code space. */
struct sl_token_code {
	uint32_t tokens, only; /* only: the token where there is one; else SL_TOKENS */
	uint8_t length[SL_TOKENS];
	uint16_t code[SL_TOKENS];
};

/* The best code, or nearly, for such counts, which are not all zero and below 2^31 in sum. */
void sl_token_code_make(struct sl_token_code *, const uint32_t count[static SL_TOKENS]);

/* On the wire: omega(tokens); if that is 1, omega(the only token + 1). Else for each token one of: 0, as long
 * as the one before that occurs (the first: 4 bits); 100, one bit longer; 101, one bit shorter; 110, does not
 * occur; 111 and four bits, that length. */
unsigned sl_token_code_bits(const struct sl_token_code *);
void sl_token_code_put(const struct sl_token_code *, struct sl_bit_writer *);
/* False: no code, one that does not fill up the code space, or with a token above `last`. */
bool sl_token_code_get(struct sl_token_code *, uint32_t last, struct sl_bit_reader *);

/* What begins with given SL_TOKEN_LIMIT bits. */
struct sl_token_entry {
	uint32_t base;
	uint8_t code, total; /* bits of the code; of it and the low bits */
	uint8_t spare;       /* 63 − low bits */
};
void sl_token_table(const struct sl_token_code *, unsigned m,
                    struct sl_token_entry table[static 1 << SL_TOKEN_LIMIT]);

#endif
