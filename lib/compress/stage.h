/* stage.h — the contracts of the three registries that a pipeline composes.
 *
 *   v ──select──▶ coordinates ──quantise──▶ integer symbols + side information ──code──▶ bytes
 *
 * A body is the quantiser's side information (a fixed length) followed by the coded symbols. A vector of
 * which nothing is left is the empty body. The sender takes its own update from the receiver's half of these
 * functions, so both ends do the same arithmetic on the same numbers.
 *
 * Stages have no state but their options and, in a stream's memory, what both ends have seen. `options` are
 * the parsed arguments, at most SL_STAGE_OPTIONS bytes, which `prepare` may complete; each stage's struct may
 * carry fields that no option sets. Where a function pointer may be NULL, its comment says what that means.
 */
#ifndef SL_COMPRESS_STAGE_H
#define SL_COMPRESS_STAGE_H

#include "compress/pipeline.h"

#include <math.h>

static inline struct sl_guarantee sl_guarantee_identity(void)
{
	return (struct sl_guarantee){ SL_CLASS_IDENTITY, 0, 1 };
}

static inline struct sl_guarantee sl_guarantee_unbiased(double omega)
{
	return (struct sl_guarantee){ SL_CLASS_UNBIASED, omega, (double)NAN };
}

static inline struct sl_guarantee sl_guarantee_contractive(double delta)
{
	return (struct sl_guarantee){ SL_CLASS_CONTRACTIVE, (double)NAN, delta };
}

/* Unbiased with that omega, or divided by 1 + omega. */
static inline struct sl_guarantee sl_guarantee_scaled(double omega, bool contractive)
{
	return contractive ? sl_guarantee_contractive(1 / (1 + omega)) : sl_guarantee_unbiased(omega);
}

/* SL_CLASS_ABSOLUTE or SL_CLASS_NONE. */
static inline struct sl_guarantee sl_guarantee_other(enum sl_compressor_class kind)
{
	return (struct sl_guarantee){ kind, (double)NAN, (double)NAN };
}

/* Which coordinates. */
struct sl_select {
	const char *name, *doc;
	const char *formula;  /* for `starling list compressors` */
	const char *examples; /* with arguments, separated by blanks; the contract tests run over them */
	const struct sl_option *options;
	/* Both ends know the support from the message's address alone: indices cost no bytes. select() is
	 * then called with v NULL at the receiver, and symbols are coded by position in the support instead
	 * of by coordinate. */
	bool shared_support;
	/* Checks the options and fills in derived fields; NULL: any are fine. */
	enum sl_status (*prepare)(void *options, const struct sl_layout *, struct sl_error *error);
	/* The most coordinates that can be selected. */
	uint32_t (*count_max)(const void *options, uint32_t dimension);
	/* Bytes of workspace, aligned to 64; NULL: none. */
	size_t (*scratch)(const void *options, uint32_t dimension);
	/* Bytes that a stream remembers, in select's and commit's message->memory; NULL: none. */
	size_t (*memory)(const void *options);
	/* Selected coordinates, ascending; returns how many. Coordinates that are exactly zero are never
	 * selected, unless the support is shared. */
	uint32_t (*select)(const void *options, const struct sl_message_context *, const float *v,
	                   uint32_t *index, void *scratch);
	/* The same for v = x − message->copy, without making it a vector, and the values there; false where v
	 * is not finite. NULL: the pipeline makes it one. */
	bool (*difference)(const void *options, const struct sl_message_context *, const float *x,
	                   uint32_t *index, float *value, uint32_t *count, void *scratch);
	/* Brings the memory up to date, at both ends, after each message, the empty ones included, from the
	 * number of symbols that were sent; NULL where there is no memory. */
	void (*commit)(const void *options, const struct sl_message_context *, uint32_t count);
	/* What the selected values are multiplied with before they are quantised; NULL: 1. */
	double (*scale)(const void *options, uint32_t dimension);
	struct sl_guarantee (*guarantee)(const void *options, uint32_t dimension);
};

/* The values at the selected coordinates, or their symbols. */
struct sl_values {
	const struct sl_message_context *message;
	const uint32_t *index; /* coordinates, ascending */
	uint32_t count;
};

/* What values. Symbols are integers with |symbol| ≤ largest(); those that are zero are not coded. */
struct sl_quantise {
	const char *name, *doc;
	const char *formula, *bytes; /* for `starling list compressors` */
	const char *examples;
	const struct sl_option *options;
	enum sl_status (*prepare)(void *options, const struct sl_layout *,
	                          struct sl_error *error); /* may be NULL */
	/* Largest |symbol|; 0: symbols are arbitrary 32-bit patterns, which only code raw carries. NULL: 0.
	 */
	uint32_t (*symbol_max)(const void *options);
	/* Bytes of side information; NULL: none. */
	size_t (*side)(const void *options);
	/* Fills symbol[i] and the side information; value[] is finite. May leave all symbols zero. */
	void (*encode)(const void *options, const struct sl_values *, const float *value, int32_t *symbol,
	               uint8_t *side);
	/* value[i] from symbol[i] and the side information; false where that is impossible (side information
	 * out of range). A value may come out as zero, −0 or not finite: the pipeline drops or refuses those.
	 */
	bool (*decode)(const void *options, const struct sl_values *, const int32_t *symbol,
	               const uint8_t *side, float *value);
	/* What it promises on vectors of at most `count_max` coordinates. */
	struct sl_guarantee (*guarantee)(const void *options, uint32_t count_max);
};

/* A sparse list of symbols over positions 0 … domain−1. */
struct sl_symbols {
	const struct sl_message_context *message;
	uint32_t domain;
	uint32_t count_max;         /* capacity of index[] and symbol[]; at most `domain` */
	uint32_t symbol_max;        /* 0: 32-bit patterns */
	const uint32_t *coordinate; /* of each position; NULL: position p is coordinate p */
	uint32_t count;             /* out, when decoding */
	uint32_t *index;            /* positions, ascending, distinct */
	int32_t *symbol;            /* not zero */
};

/* What bytes. */
struct sl_code {
	const char *name, *doc;
	const char *examples;
	const struct sl_option *options;
	/* As of a select; may be NULL. */
	enum sl_status (*prepare)(void *options, const struct sl_layout *, struct sl_error *error);
	uint32_t symbol_max; /* the largest |symbol| it carries; 0: anything, 32-bit patterns included */
	/* Bytes of the longest encoding of at most `count_max` symbols. */
	size_t (*bound)(const void *options, uint32_t domain, uint32_t count_max, uint32_t symbol_max);
	/* Bytes of workspace, aligned to 64; NULL: none. */
	size_t (*scratch)(const void *options, uint32_t domain, uint32_t count_max, uint32_t symbol_max);
	/* Bytes that a stream remembers; NULL: none. */
	size_t (*memory)(const void *options);
	/* count ≥ 1. Reads the stream's memory, does not change it. */
	void (*encode)(const void *options, const struct sl_symbols *, struct sl_writer *, void *scratch);
	/* Fills count ≥ 1, index and symbol from bytes that must be used up; refuses whatever encode cannot
	 * have written. Reads the stream's memory, does not change it. */
	bool (*decode)(const void *options, struct sl_symbols *, struct sl_reader, void *scratch);
	/* Brings the stream's memory up to date, at both ends, once a message that was encoded or decoded
	 * with this scratch has proved good; NULL where there is no memory. */
	void (*commit)(const void *options, const struct sl_symbols *, void *scratch);
};

extern const struct sl_select *const sl_selects[];
extern const struct sl_quantise *const sl_quantisers[];
extern const struct sl_code *const sl_codes[];

#endif
