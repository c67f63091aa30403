/* stage.h — the contracts of the three registries that a pipeline composes.
 *
 *   v ──select──▶ coordinates ──quantise──▶ integer symbols + side information ──code──▶ bytes
 *
 * A body is the quantiser's side information (a fixed length) followed by the coded symbols. If no coordinate
 * remains, the body is empty. The sender computes its own update with the receiver's functions, so both ends
 * do the same arithmetic on the same numbers.
 *
 * Stages have no state except their options and a stream's memory, which is equal at both ends. `options` are
 * the parsed arguments, at most SL_STAGE_OPTIONS bytes, which `prepare` may complete; each stage's struct may
 * carry fields that no option sets. If a function pointer may be NULL, its comment gives the meaning. */
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

/* Select: chooses coordinates. */
struct sl_select {
	const char *name, *doc;
	const char *formula;  /* for `starling list compressors` */
	const char *examples; /* with arguments, separated by blanks; the contract tests run over them */
	const struct sl_option *options;
	/* Both ends derive the support from the message's address alone: indices cost no bytes. The receiver
	 * then calls select() with v NULL, and symbols are coded by position in the support, not by
	 * coordinate. */
	bool shared_support;
	/* Checks the options and fills in derived fields; NULL: all options are valid. */
	enum sl_status (*prepare)(void *options, const struct sl_layout *, struct sl_error *error);
	/* Largest number of selected coordinates. */
	uint32_t (*count_max)(const void *options, uint32_t dimension);
	/* Bytes of workspace, aligned to 64; NULL: none. */
	size_t (*scratch)(const void *options, uint32_t dimension);
	/* Bytes of state per stream, at message->memory of select and commit; NULL: none. */
	size_t (*memory)(const void *options);
	/* Writes the selected coordinates, ascending; returns their number. Coordinates that are exactly zero
	 * are never selected, unless the support is shared. */
	uint32_t (*select)(const void *options, const struct sl_message_context *, const float *v,
	                   uint32_t *index, void *scratch);
	/* The same for v = x − message->copy, without materialising v, and the values there; false if v is
	 * not finite. NULL: the pipeline materialises v. */
	bool (*difference)(const void *options, const struct sl_message_context *, const float *x,
	                   uint32_t *index, float *value, uint32_t *count, void *scratch);
	/* Updates the memory, at both ends, after each message including empty ones, given the number of
	 * symbols sent; NULL if there is no memory. */
	void (*commit)(const void *options, const struct sl_message_context *, uint32_t count);
	/* Factor for the selected values before they are quantised; NULL: 1. */
	double (*scale)(const void *options, uint32_t dimension);
	struct sl_guarantee (*guarantee)(const void *options, uint32_t dimension);
};

/* The values at the selected coordinates, or their symbols. */
struct sl_values {
	const struct sl_message_context *message;
	const uint32_t *index; /* coordinates, ascending */
	uint32_t count;
};

/* Quantise: values to symbols. Symbols are integers with |symbol| ≤ largest(); zeros are not coded. */
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
	/* value[i] from symbol[i] and the side information; false if that is impossible (side information out
	 * of range). A value may be zero, −0 or not finite: the pipeline drops or refuses those. */
	bool (*decode)(const void *options, const struct sl_values *, const int32_t *symbol,
	               const uint8_t *side, float *value);
	/* Its guarantee for vectors of at most `count_max` coordinates. */
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

/* Code: symbols to bytes. */
struct sl_code {
	const char *name, *doc;
	const char *examples;
	const struct sl_option *options;
	/* As for a select; may be NULL. */
	enum sl_status (*prepare)(void *options, const struct sl_layout *, struct sl_error *error);
	uint32_t symbol_max; /* largest |symbol| that it can code; 0: any, 32-bit patterns included */
	/* Bytes of the longest encoding of at most `count_max` symbols. */
	size_t (*bound)(const void *options, uint32_t domain, uint32_t count_max, uint32_t symbol_max);
	/* Bytes of workspace, aligned to 64; NULL: none. */
	size_t (*scratch)(const void *options, uint32_t domain, uint32_t count_max, uint32_t symbol_max);
	/* Bytes of state per stream; NULL: none. */
	size_t (*memory)(const void *options);
	/* count ≥ 1. Reads the stream's memory, does not change it. */
	void (*encode)(const void *options, const struct sl_symbols *, struct sl_writer *, void *scratch);
	/* Fills count ≥ 1, index and symbol; all bytes must be consumed. Refuses bytes that encode cannot
	 * write. Reads the stream's memory, does not change it. */
	bool (*decode)(const void *options, struct sl_symbols *, struct sl_reader, void *scratch);
	/* Updates the stream's memory, at both ends, once a message encoded or decoded with this scratch is
	 * accepted; NULL if there is no memory. */
	void (*commit)(const void *options, const struct sl_symbols *, void *scratch);
};

extern const struct sl_select *const sl_selects[];
extern const struct sl_quantise *const sl_quantisers[];
extern const struct sl_code *const sl_codes[];

#endif
