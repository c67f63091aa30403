/* gaps.h — a sparse message as the gaps between its nonzeros in a prefix code (tokens.h), its magnitudes in a
 * numeral system (tans.h), and its signs: a few nanoseconds a nonzero, whatever the dimension. A form of the
 * coder golomb, which has the layout, and says when it is taken. */
#ifndef SL_COMPRESS_GAPS_H
#define SL_COMPRESS_GAPS_H

#include "compress/stage.h"
#include "compress/tans.h"

enum { SL_GAP_PRECISION = 2, SL_LEVEL_PRECISION = 3 };

struct sl_gaps_plan {
	uint32_t least;    /* magnitude */
	uint32_t negative; /* how many */
	struct sl_token_code gap;
	struct sl_tans level;
	uint32_t gaps[SL_TOKENS], levels[SL_TOKENS]; /* how many have which token */
	uint32_t gap_bytes[2];                       /* of either half */
	uint8_t *stream, *stream_end;                /* of the levels */
	uint64_t bits; /* of the whole message, behind two that chose this form */
};
size_t sl_gaps_room(uint32_t most); /* bytes, for the levels of most nonzeros */
/* count ≥ 1 */
void sl_gaps_plan(const struct sl_symbols *, uint8_t *room, struct sl_gaps_plan *);
/* Takes room for the plan's bits, and for SL_BITS_SLACK + 1 bytes more. */
void sl_gaps_put(const struct sl_symbols *, const struct sl_gaps_plan *, struct sl_bit_writer *);

struct sl_gaps_scratch {
	struct sl_token_entry gap[1 << SL_TOKEN_LIMIT];
	struct sl_tans_entry level[SL_TANS_STATES];
};
/* Count, positions and symbols from all that is left; refuses what is no such message. */
bool sl_gaps_get(struct sl_symbols *, struct sl_bit_reader *, struct sl_gaps_scratch *);

#endif
