/* pipeline.h — "select | quantise | code": encodes a vector as bytes, and decodes bytes to the same sparse
 * vector at both ends, bit for bit.
 *
 * A pipeline is immutable and shared by all peers of a process; mutable state is in a workspace (per thread)
 * and, for stateful stages, in a memory per stream. Decoding uses integers, +, −, ×, ldexp and constant
 * tables, never libm, so that both ends agree on different machines. */
#ifndef SL_COMPRESS_PIPELINE_H
#define SL_COMPRESS_PIPELINE_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/option.h"
#include "base/parallel.h"
#include "base/random.h"
#include "learn/model.h"

/* What both ends of a stream know about a message before its first byte. */
struct sl_message_context {
	uint64_t seed;                   /* of the run */
	uint32_t peer, version, channel; /* sender, version of the frame in its journal, exchanged vector */
	const struct sl_layout *layout;  /* tensors of the vector */
	const float *copy; /* the public copy before this difference, layout->dimension floats */
	void *memory;      /* of the stream: sl_pipeline_memory() bytes, or NULL if that is 0 */
	const struct sl_parallel *parallel; /* may share passes over the vector; NULL: none */
};

/* A sparse vector: value[i] at coordinate index[i], indices ascending and distinct, no value zero, none −0,
 * NaN or infinite. Arrays belong to the workspace and are valid until its next use. */
struct sl_update {
	uint32_t count;
	uint32_t *index;
	float *value;
};

/* What a stage or a pipeline guarantees about v → C(v). */
enum sl_compressor_class {
	SL_CLASS_IDENTITY,    /* exact */
	SL_CLASS_UNBIASED,    /* E C(v) = v, E|C(v) − v|² ≤ omega |v|² */
	SL_CLASS_CONTRACTIVE, /* E|C(v) − v|² ≤ (1 − delta) |v|² */
	SL_CLASS_ABSOLUTE,    /* E|C(v) − v|² ≤ kappa² */
	SL_CLASS_NONE,        /* none of these in general (a stage may still work in practice) */
};

struct sl_guarantee {
	enum sl_compressor_class kind;
	double omega, delta; /* for that kind; NaN if it depends on the data */
};

struct sl_select;
struct sl_quantise;
struct sl_code;
struct sl_symbols;

enum { SL_STAGE_OPTIONS = 128 }; /* bytes for the parsed options of a stage */

struct sl_pipeline {
	const struct sl_select *select;
	const struct sl_quantise *quantise;
	const struct sl_code *code;
	uint32_t dimension;
	/* sl_pipeline_fit: bytes of an encoded vector, 0: no limit; and the number of coordinates that always
	 * fit, 0: all that are selected. */
	uint64_t budget;
	uint32_t least;
	_Alignas(8) unsigned char select_options[SL_STAGE_OPTIONS];
	_Alignas(8) unsigned char quantise_options[SL_STAGE_OPTIONS];
	_Alignas(8) unsigned char code_options[SL_STAGE_OPTIONS];
};

/* Parses "topk:0.05 | dither:16 | golomb" for vectors of that layout. Errors name the stage, what was found
 * and what is expected, also for incompatible stages (golomb after float32). */
enum sl_status sl_pipeline_parse(struct sl_pipeline *out, const char *text, const struct sl_layout *layout,
                                 struct sl_error *error);
/* Limits encodings to `bytes` (0: no limit): of the coordinates that the pipeline selects, only as many of the largest are
 * sent as fit. The guarantee and the gain become those of the number that fits into `floor` bytes in the worst case; bytes
 * is at least floor, or 0. Decoding is the same with and without. SL_UNSUPPORTED: the select does not choose by size. */
enum sl_status sl_pipeline_fit(struct sl_pipeline *, uint64_t bytes, uint64_t floor, struct sl_error *error);
/* The text with every argument explicit; parses back to the same pipeline. */
void sl_pipeline_print(const struct sl_pipeline *, char *text, size_t size);
struct sl_guarantee sl_pipeline_guarantee(const struct sl_pipeline *);
/* Approximate typical case, where guarantees are worst cases: 1 − E|C(v) − v|²/|v|² for a vector v of
 * independent normal numbers. At most 0: the error is as large as v, and error feedback diverges. Otherwise,
 * in practice, consensus step sizes far above it diverge. NaN: it depends on the norm of v. */
double sl_pipeline_gain(const struct sl_pipeline *, const struct sl_layout *);
/* Of that, what the values which it selects lose: E|Q(s) - s|²/|s|², about; 0 where they are exact. */
double sl_pipeline_coarseness(const struct sl_pipeline *, const struct sl_layout *);
/* The most coordinates that a message has; with a budget those that always fit. */
uint32_t sl_pipeline_count(const struct sl_pipeline *);

/* The longest encoding of one vector, in bytes. */
size_t sl_pipeline_bound(const struct sl_pipeline *);
/* Bytes of state per stream between messages (0 for most); all zeros at version 0. Plain bytes without
 * pointers: checkpoints and snapshots contain them verbatim. */
size_t sl_pipeline_memory(const struct sl_pipeline *);

/* Scratch for encode and decode: one per thread. */
struct sl_workspace;
struct sl_workspace *sl_workspace_make(const struct sl_pipeline *, struct sl_arena *);

/* Encodes v (dimension floats, finite) and sets *update to exactly the update that a receiver will decode.
 * The writer must have room for sl_pipeline_bound. */
void sl_pipeline_encode(const struct sl_pipeline *, const struct sl_message_context *, const float *v,
                        struct sl_writer *, struct sl_update *update, struct sl_workspace *);

/* The same for the difference x − message->copy; false, and nothing written, if that is not finite. `room`:
 * dimension floats, for stages that need the difference as a vector. */
bool sl_pipeline_encode_difference(const struct sl_pipeline *, const struct sl_message_context *,
                                   const float *x, float *room, struct sl_writer *, struct sl_update *update,
                                   struct sl_workspace *);

/* The symbols of the last encode or decode with this workspace; count 0 for an empty body. Its message
 * pointer is not kept; the rest is valid until the next use. */
const struct sl_symbols *sl_workspace_symbols(const struct sl_workspace *);
/* Bytes of the quantiser's side information, at the start of every body that is not empty. */
size_t sl_pipeline_side(const struct sl_pipeline *);
/* Coding alone: symbols over `domain` positions (coordinates, or positions in a shared support) and side
 * information, taken from a message of another coder or a recording with the same select and quantise. False
 * if this select and quantise cannot have produced them; nothing has changed then. */
bool sl_pipeline_encode_symbols(const struct sl_pipeline *, const struct sl_message_context *, uint32_t count,
                                const uint32_t *position, const int32_t *symbol, const uint8_t *side,
                                struct sl_writer *, struct sl_update *update, struct sl_workspace *);

/* Decodes a body completely. Refuses bodies whose form encode cannot produce: truncations, trailing bytes,
 * indices out of order or beyond the dimension, non-finite values. Never reads or allocates beyond what
 * dimension and length allow. On false nothing has changed, message->memory included. */
bool sl_pipeline_decode(const struct sl_pipeline *, const struct sl_message_context *, struct sl_reader body,
                        struct sl_update *update, struct sl_workspace *);

#endif
