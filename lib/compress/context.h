/* context.h — the probability model of the coder `context`: for each coordinate, how likely it is to be sent,
 * and with which sign and magnitude.
 *
 * The positions of nonzeros are modelled as a point process. Its intensity at row r, column c of a tensor is the
 * product rate(history of the coordinate) · row factor · column factor. The gradient of a layer is a sum of few
 * outer products, so factors per row and per column fit it well. Error feedback resets what was just sent, so
 * the age of a coordinate's last symbol, the interval before that and its magnitude predict when it is sent
 * again. Factors and rates are fitted after each message, by the ratio of observed to expected counts. Signs and
 * magnitudes are coded by logistic mixing. Everything is integer arithmetic. */
#ifndef SL_COMPRESS_CONTEXT_H
#define SL_COMPRESS_CONTEXT_H

#include "compress/mixer.h"
#include "compress/stage.h"

enum {
	SL_CONTEXT_AGES = 16,
	SL_CONTEXT_STATES = SL_CONTEXT_AGES * 64, /* age, interval, magnitude */
	SL_CONTEXT_BINS = 76,
	SL_CONTEXT_LEANS = 16, /* classes of the majority of signs in a column */
	SL_CONTEXT_STEPS = 16, /* binary decisions that code a magnitude */
	SL_CONTEXT_USUAL = 16, /* classes of the mean magnitude, a quarter octave each */
	SL_FACTOR_BITS = 12,   /* factors are in units of 2^-12 */
	SL_RATE_BITS = 14,     /* intensities in units of 2^-14 nats */
	SL_FACTOR_ONE = 1 << SL_FACTOR_BITS,
	SL_FACTOR_MIN = SL_FACTOR_ONE / 256,
	SL_FACTOR_MAX = UINT16_MAX,
};

/* Memory of a stream, in addition to the factors and two bytes per coordinate. */
struct sl_context_tables {
	uint32_t messages, latest; /* messages so far; symbols in the last one */
	uint32_t first;            /* symbols in the first one: rates are normalised to this number */
	uint8_t column_haste, row_haste,
	    unused[2]; /* a symbol moves a factor by a share of 2^-haste within a message */
	uint16_t rate[SL_CONTEXT_STATES]; /* of a coordinate whose factors are 1 */
	uint32_t seen[SL_CONTEXT_STATES],
	    room[SL_CONTEXT_STATES]; /* decaying counts: symbols in units of 2^-8, coordinates in 2^-4 */
	uint16_t
	    quiet[2][SL_CONTEXT_BINS]; /* probability of no symbol in a stretch: first one; after a symbol */
	sl_chance sign_own[SL_CONTEXT_AGES * 64], sign_column[SL_CONTEXT_LEANS * 8 * SL_CONTEXT_AGES],
	    sign_trail[64], sign_interval[8 * SL_CONTEXT_AGES * 8];
	sl_chance size_own[SL_CONTEXT_AGES * 8 * SL_CONTEXT_STEPS],
	    size_usual[SL_CONTEXT_USUAL * 16 * SL_CONTEXT_STEPS];
	int32_t sign_weight[SL_CONTEXT_AGES][4], size_weight[SL_CONTEXT_STEPS][2];
};

/* A tensor as rows and columns; a single column is treated as a single row. */
struct sl_context_view {
	uint32_t offset, rows, columns;
	uint32_t row_factor, column_factor; /* index of its first factor */
};

struct sl_context_shape {
	uint32_t dimension, row_factors, column_factors, views;
};

/* Working state while a message is encoded or decoded; in scratch memory. */
struct sl_context {
	struct sl_mixer mixing;
	struct sl_context_tables tables;
	struct sl_context_shape shape;
	struct sl_context_view *view;
	uint32_t views;
	bool alone;                  /* positions are not coordinates (shared support): no factors */
	uint32_t skipped;            /* one row in skipped + 1 updates the rates */
	bool learnt;                 /* the tables include this message */
	const uint8_t *youth, *past; /* age and history per coordinate, in the stream's memory */
	const uint32_t *coordinate;
	uint16_t *state, *rate; /* per position */
	uint16_t *row_factor, *column_factor;
	/* per column of the current tensor */
	uint32_t *column_now, *column_expected, *intensity;
	uint32_t *column_seen;
	int16_t *lean;                      /* positive minus negative signs so far */
	uint8_t *trail;                     /* the last three signs */
	uint16_t *usual;                    /* mean magnitude, in sixteenths */
	uint16_t scaled[SL_CONTEXT_STATES]; /* rates, scaled to the number of symbols of this message */
	/* Bits (in units of 2^-8) that the updated factors have saved against the stored ones so far in this
	 * message: gain is the sum of log ratios at symbols, excess the additional expected count. */
	int64_t column_gain, row_gain, column_excess, row_excess;
	uint32_t seen[SL_CONTEXT_STATES];
	uint64_t expected[SL_CONTEXT_STATES];
};

/* log2 of v ≥ 1 in units of 2^-8, within 0.01. */
static inline int32_t sl_log2_fixed(uint32_t v)
{
	unsigned octave = 31 - (unsigned)__builtin_clz(v);
	int32_t f = (int32_t)(((uint64_t)v << 8 >> octave) & 255); /* log2(1 + f) = f + 0.344 f(1 − f) */
	return (int32_t)(octave << 8) + f + (f * (256 - f) * 22 >> 14);
}

/* Splits a layout into shape->views views (view NULL: only counts them). A layout whose tensors do not tile the vector
 * is one row. */
void sl_context_views(const struct sl_layout *, struct sl_context_view *, struct sl_context_shape *);
size_t sl_context_memory(const struct sl_context_shape *);
struct sl_context *sl_context_layout(void *base, const struct sl_context_shape *, uint32_t domain,
                                     size_t *size);

/* Copies the stream's memory (without changing it) for a message of `count` symbols. */
void sl_context_begin(struct sl_context *, const struct sl_symbols *, uint32_t count);
void sl_context_begin_view(struct sl_context *, const struct sl_context_view *);
/* Computes the intensities of one row from the present factors and rates. */
void sl_context_row(struct sl_context *, const struct sl_context_view *, uint32_t row);
/* Whether the rates per state are updated from this row. Summing expectations per state costs one operation per
 * coordinate, so only one row in four is used, or one in two if there are many symbols. */
static inline bool sl_context_counts(const struct sl_context *c, const struct sl_context_view *v,
                                     uint32_t row)
{
	return v->rows <= 4 || ((row + c->tables.messages) & c->skipped) == 0;
}
/* Updates the factors after a row: the number of its symbols, and the sum of its intensities. */
void sl_context_end_row(struct sl_context *, const struct sl_context_view *, uint32_t row, uint32_t seen,
                        uint64_t sum);
void sl_context_end_view(struct sl_context *, const struct sl_context_view *);
/* Updates the rates after the whole message. */
void sl_context_end(struct sl_context *, uint32_t count);
/* Writes the stream's memory: tables, factors, and which coordinates were sent. */
void sl_context_store(struct sl_context *, const struct sl_symbols *, unsigned shift);

#endif
