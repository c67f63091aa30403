/* gaps.h — form 11 of the coder golomb: gaps between nonzeros in a prefix code (tokens.h), magnitudes by tabled
 * asymmetric numeral systems (tans.h), and signs. A few nanoseconds per nonzero, independent of the dimension.
 * code/golomb.c documents the layout and decides when to use it. */
#ifndef SL_COMPRESS_GAPS_H
#define SL_COMPRESS_GAPS_H

#include "compress/stage.h"
#include "compress/tans.h"

enum { SL_GAP_PRECISION = 2, SL_LEVEL_PRECISION = 3 };

struct sl_gaps_plan {
	uint32_t least;    /* smallest magnitude */
	uint32_t negative; /* number of negative symbols */
	struct sl_token_code gap;
	struct sl_tans level;
	uint32_t gaps[SL_TOKENS], levels[SL_TOKENS]; /* count of each token */
	uint32_t gap_bytes[2];                       /* bytes of streams 2 and 3 (halves of the gaps) */
	uint8_t *stream, *stream_end;                /* encoded levels */
	uint64_t bits; /* of the whole message, without the two that choose this form */
};
size_t sl_gaps_room(uint32_t most); /* bytes that the levels of `most` nonzeros need */
/* Computes codes and length; count ≥ 1. */
void sl_gaps_plan(const struct sl_symbols *, uint8_t *room, struct sl_gaps_plan *);
/* Writes the message. The writer needs room for the plan's bits plus SL_BITS_SLACK + 1 bytes. */
void sl_gaps_put(const struct sl_symbols *, const struct sl_gaps_plan *, struct sl_bit_writer *);

/* Bits that the gaps take, about: by a count of half of them; count ≥ 1. */
double sl_gaps_estimate(const struct sl_symbols *);
/* Stream 1; returns its end. */
uint8_t *sl_signs_put(uint32_t n, const int32_t *symbol, uint8_t *at);

struct sl_gaps_scratch {
	struct sl_token_entry gap[1 << SL_TOKEN_LIMIT];
	struct sl_tans_entry level[SL_TANS_STATES];
};
/* Reads count, positions and symbols from the rest of the reader; false if the bytes are not such a message. */
bool sl_gaps_get(struct sl_symbols *, struct sl_bit_reader *, struct sl_gaps_scratch *);

#endif
