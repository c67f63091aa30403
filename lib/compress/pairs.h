/* pairs.h — a form of the coder golomb for many nonzeros: the high part of a gap and the class of a magnitude are one token,
 * by tabled asymmetric numeral systems (tans.h); the low bits of gaps, which are nearly uniform, stand as they are. About half of
 * what gaps.h takes, for about half a percent more bytes. code/golomb.c documents the layout and decides when to use it. */
#ifndef SL_COMPRESS_PAIRS_H
#define SL_COMPRESS_PAIRS_H

#include "compress/stage.h"
#include "compress/tans.h"

enum {
	SL_PAIRS_LEAST = 2048,    /* nonzeros; fewer are not worth it */
	SL_PAIRS_ABOVE = 512,     /* any message of this form has more */
	SL_PAIRS_LEVEL_MOST = 31, /* the largest magnitude of pipelines that it is planned for */
	SL_PAIRS_LOW_MOST = 8,    /* low bits of a gap */
	SL_PAIRS_LEVELS = 3,      /* magnitudes with a class of their own; all others are of class 3 */
	SL_PAIRS_HIGH = 3,        /* high parts of gaps from here on continue in stream 3 */
	SL_PAIRS_TOKENS = 16      /* 4·high part + class */
};

struct sl_pairs_plan {
	unsigned low;                            /* bits */
	uint32_t level[SL_PAIRS_LEVELS];         /* the most frequent magnitudes, distinct */
	uint32_t count[SL_PAIRS_TOKENS];         /* of each token */
	uint8_t *token, *lows, *rest, *rest_end; /* a byte each; stream 3 */
	uint8_t *stream, *stream_end;            /* stream 4 */
	struct sl_tans code;
	uint64_t bits; /* of the whole message */
};
/* Bytes that planning `most` nonzeros needs. */
size_t sl_pairs_room(uint32_t most);
/* Plans the message, all but stream 4. False: too few nonzeros, too large magnitudes, or it would be more than 2 % longer than
 * an estimate of the other forms. */
bool sl_pairs_plan(const struct sl_symbols *, uint8_t *room, struct sl_pairs_plan *);
/* Makes stream 4; the plan's bits are known then. */
void sl_pairs_code(const struct sl_symbols *, struct sl_pairs_plan *);
/* Writes the message. The writer needs room for the plan's bits plus SL_BITS_SLACK + 1 bytes. */
void sl_pairs_put(const struct sl_symbols *, const struct sl_pairs_plan *, struct sl_bit_writer *);

struct sl_pairs_scratch {
	uint32_t state[SL_TANS_STATES]; /* sl_tans_states */
};
/* Reads positions and symbols from the rest of the reader, which stands behind `count`; false if the bytes are not such a
 * message. */
bool sl_pairs_get(struct sl_symbols *, uint32_t count, struct sl_bit_reader *, struct sl_pairs_scratch *);

#endif
