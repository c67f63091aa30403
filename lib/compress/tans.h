/* tans.h — tabled asymmetric numeral systems (Duda 2009, 2013) for tokens (tokens.h): fractions of a bit a
 * token, at the cost of one look-up. Two states take turns.
 *
 * Each token that occurs has a share of the SL_TANS_STATES states: places 0, 323, 2·323, … mod 512 are given
 * to the tokens in rising order, to each as many as its share. The r-th place of a token with share q, in
 * rising order of places and counting from 0, stands for x = q + r; reading there takes b = 9 − ⌊log2 x⌋
 * bits, and x·2^b − 512 plus these bits is the state after it. */
#ifndef SL_COMPRESS_TANS_H
#define SL_COMPRESS_TANS_H

#include "compress/tokens.h"

enum { SL_TANS_BITS = 9, SL_TANS_STATES = 1 << SL_TANS_BITS };

/* share: in sum SL_TANS_STATES */
struct sl_tans {
	uint32_t tokens; /* the highest that occurs + 1 */
	uint16_t share[SL_TOKENS];
};

/* Shares by counts that are not all zero and below 2^31 in sum. */
void sl_tans_make(struct sl_tans *, const uint32_t count[static SL_TOKENS]);

/* On the wire: each token's share, in as many bits as the remainder of SL_TANS_STATES has, until the
 * remainder is 0. */
unsigned sl_tans_bits(const struct sl_tans *);
void sl_tans_put(const struct sl_tans *, struct sl_bit_writer *);
/* False where there are none, or a token above `last`. */
bool sl_tans_get(struct sl_tans *, uint32_t last, struct sl_bit_reader *);

/* For writing, which goes from the last number to the first. */
struct sl_tans_writer {
	struct {
		uint32_t bits; /* (x + bits) >> 16 bits of the state x, which is 512 … 1023, are written … */
		int32_t next; /* … and state[(x >> these) + next] is the one before */
	} token[SL_TOKENS];
	uint16_t state[SL_TANS_STATES];
};
void sl_tans_writer(const struct sl_tans *, struct sl_tans_writer *);

/* For decoding: the meaning of a state. */
struct sl_tans_entry {
	uint16_t base;            /* of the token's numbers, below 2^16 */
	uint16_t next;            /* state, before its bits */
	uint8_t bits, total;      /* of the state; of it and of the number's low bits, which follow */
	uint8_t spare, spare_low; /* 63 − bits; 63 − low bits */
};
/* The same for tokens without low bits, which are all that a table needs then: bits | token << 8 | next << 16. */
void sl_tans_states(const struct sl_tans *, uint32_t table[static SL_TANS_STATES]);
void sl_tans_table(const struct sl_tans *, unsigned m, struct sl_tans_entry table[static SL_TANS_STATES]);

#endif
