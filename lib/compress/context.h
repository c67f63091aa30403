/* context.h — the model behind the coder `context`: how likely each coordinate is to be sent, which sign,
 * which size.
 *
 * Where nonzeros fall is modelled as a point process whose intensity at row r, column c of a tensor is a
 * product: rate(past of the coordinate) · row factor · column factor. The gradient of a layer is a sum of few
 * outer products, so that factors of row and column fit it well; and error feedback empties what was just
 * sent, so that the age of a coordinate's last symbol, the interval before it and its size say when it is due
 * again. The factors and rates are fitted as messages pass, by the ratio of what was observed to what was
 * expected. Signs and sizes are few, and coded by logistic mixing. All in integers. */
#ifndef SL_COMPRESS_CONTEXT_H
#define SL_COMPRESS_CONTEXT_H

#include "compress/mixer.h"
#include "compress/stage.h"

enum {
	SL_CONTEXT_AGES = 16,
	SL_CONTEXT_STATES = SL_CONTEXT_AGES * 64, /* age, interval, size */
	SL_CONTEXT_BINS = 76,
	SL_CONTEXT_LEANS = 16, /* of the signs in a column */
	SL_CONTEXT_STEPS = 16, /* binary decisions about a size */
	SL_CONTEXT_USUAL = 16, /* mean sizes of a message, quarter octaves */
	SL_FACTOR_BITS = 12,   /* factors are in units of 2^-12 */
	SL_RATE_BITS = 14,     /* intensities in units of 2^-14 nats */
	SL_FACTOR_ONE = 1 << SL_FACTOR_BITS,
	SL_FACTOR_MIN = SL_FACTOR_ONE / 256,
	SL_FACTOR_MAX = UINT16_MAX,
};

/* What a stream remembers, besides the factors and two bytes a coordinate. */
struct sl_context_tables {
	uint32_t messages, latest; /* so far; symbols in the last one */
	uint32_t first;            /* symbols in the first one: rates are for as many */
	uint8_t column_haste, row_haste,
	    unused[2];                    /* 2^-haste is how far a symbol moves a factor within a message */
	uint16_t rate[SL_CONTEXT_STATES]; /* of a coordinate with factors 1 */
	uint32_t seen[SL_CONTEXT_STATES],
	    room[SL_CONTEXT_STATES]; /* symbols in 2^-8, coordinates in 2^-4, fading */
	uint16_t quiet[2]
	              [SL_CONTEXT_BINS]; /* that nothing falls in a stretch: as it begins, after a symbol */
	sl_chance sign_own[SL_CONTEXT_AGES * 64], sign_column[SL_CONTEXT_LEANS * 8 * SL_CONTEXT_AGES],
	    sign_trail[64], sign_interval[8 * SL_CONTEXT_AGES * 8];
	sl_chance size_own[SL_CONTEXT_AGES * 8 * SL_CONTEXT_STEPS],
	    size_usual[SL_CONTEXT_USUAL * 16 * SL_CONTEXT_STEPS];
	int32_t sign_weight[SL_CONTEXT_AGES][4], size_weight[SL_CONTEXT_STEPS][2];
};

/* A tensor as rows of columns; one of a single column is taken as a single row. */
struct sl_context_view {
	uint32_t offset, rows, columns;
	uint32_t row_factor, column_factor; /* where its factors begin */
};

struct sl_context_shape {
	uint32_t dimension, row_factors, column_factors, views;
};

/* Everything that changes while a message passes; in scratch memory. */
struct sl_context {
	struct sl_mixer mixing;
	struct sl_context_tables tables;
	struct sl_context_shape shape;
	struct sl_context_view *view;
	uint32_t views;
	bool alone;                  /* positions are not coordinates (shared support): no factors */
	uint32_t skipped;            /* of each so many rows and one more, one teaches the rates */
	bool learnt;                 /* the tables went through this message */
	const uint8_t *youth, *past; /* of each coordinate, in the stream's memory */
	const uint32_t *coordinate;
	uint16_t *state, *rate; /* of each position */
	uint16_t *row_factor, *column_factor;
	/* of each column of the tensor at hand */
	uint32_t *column_now, *column_expected, *intensity;
	uint32_t *column_seen;
	int16_t *lean;                      /* of its signs so far */
	uint8_t *trail;                     /* the last three signs */
	uint16_t *usual;                    /* size, in sixteenths */
	uint16_t scaled[SL_CONTEXT_STATES]; /* rates for as many symbols as this message has */
	/* How many bits (2^-8) the moving factors have saved over the kept ones, so far in this message:
	 * logarithms of their ratios where symbols fell, and what they expected more. */
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

/* How a layout is cut into shape->views views (view NULL: only counts them). A layout whose tensors do not tile the
 * vector is one row. */
void sl_context_views(const struct sl_layout *, struct sl_context_view *, struct sl_context_shape *);
size_t sl_context_memory(const struct sl_context_shape *);
struct sl_context *sl_context_layout(void *base, const struct sl_context_shape *, uint32_t domain,
                                     size_t *size);

/* Takes the stream's memory over (without changing it) for a message of `count` symbols. */
void sl_context_begin(struct sl_context *, const struct sl_symbols *, uint32_t count);
void sl_context_begin_view(struct sl_context *, const struct sl_context_view *);
/* The intensities of one row, as things stand. */
void sl_context_row(struct sl_context *, const struct sl_context_view *, uint32_t row);
/* Whether a row is one of those from which the rates by state are learnt: adding up expectations by state
 * costs a step a coordinate, and one row in four will do, or in two where there are many symbols. */
static inline bool sl_context_counts(const struct sl_context *c, const struct sl_context_view *v,
                                     uint32_t row)
{
	return v->rows <= 4 || ((row + c->tables.messages) & c->skipped) == 0;
}
/* Learns from a row: how many symbols it had, and the sum of its intensities. */
void sl_context_end_row(struct sl_context *, const struct sl_context_view *, uint32_t row, uint32_t seen,
                        uint64_t sum);
void sl_context_end_view(struct sl_context *, const struct sl_context_view *);
/* Learns from the message as a whole. */
void sl_context_end(struct sl_context *, uint32_t count);
/* Writes the stream's memory: what was learnt, and which coordinates were sent. */
void sl_context_store(struct sl_context *, const struct sl_symbols *, unsigned shift);

#endif
