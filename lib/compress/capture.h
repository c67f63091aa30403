/* capture.h — the messages of a run as its compressors saw them, in a file: what a coder needs to code them
 * again. The format is in compress/CAPTURE.md. Nothing here opens a file: bytes in, bytes out. */
#ifndef SL_COMPRESS_CAPTURE_H
#define SL_COMPRESS_CAPTURE_H

#include "compress/pipeline.h"

enum { SL_CAPTURE_VERSION = 1 };

/* One message. Arrays are borrowed. */
struct sl_captured {
	uint32_t peer, channel, version, round;
	float factor;    /* the public copy becomes copy + factor·update; 0: something else */
	uint32_t domain; /* of the coder: coordinates, or the support that both ends know */
	uint32_t count;
	const uint32_t *position;
	const int32_t *symbol;
	const uint8_t *side;  /* sl_pipeline_side() bytes; NULL where count is 0 */
	const float *vector;  /* what was compressed, dimension floats; NULL: not recorded */
	uint32_t body_length; /* of the message as it was sent */
	uint64_t body_digest; /* sl_capture_digest(0, body, length) */
};

/* Told of every message that a peer encodes: the address (its copy is the one before), the vector, what the
 * pipeline made of it, and the factor with which the copy takes it in. */
struct sl_capture_hook {
	void *context;
	void (*encoded)(void *context, const struct sl_message_context *, uint32_t round, float factor,
	                const float *vector, const struct sl_workspace *, const struct sl_update *,
	                const uint8_t *body, size_t length);
};

uint64_t sl_capture_digest(uint64_t so_far, const uint8_t *bytes, size_t length);

/* Writing: a header, then records, then the end. Each call appends one piece, for which the writer must have
 * room for the bound, and takes it into *digest, which starts from 0. */
size_t sl_capture_bound(const struct sl_pipeline *);
void sl_capture_begin(struct sl_writer *, const struct sl_pipeline *, const struct sl_layout *, uint64_t seed,
                      uint64_t *digest);
/* The public copy of a stream as it is now: before its first message, and wherever it is not the last one
 * plus the last update. */
void sl_capture_copy(struct sl_writer *, uint32_t peer, uint32_t channel, uint32_t dimension,
                     const float *copy, uint64_t *digest);
void sl_capture_message(struct sl_writer *, const struct sl_pipeline *, const struct sl_captured *,
                        uint64_t *digest);
void sl_capture_end(struct sl_writer *, uint64_t records, uint64_t digest);

/* Reading. The bytes of the file are borrowed. */
struct sl_capture {
	uint64_t seed, records;
	struct sl_layout layout;
	struct sl_pipeline pipeline; /* that of the run */
	char text[SL_TEXT_MAX * 2];  /* its text */
	struct sl_reader rest;       /* the records that are left */
	uint64_t digest;
};

/* Reads the header and checks the file from end to end; on SL_OK no record can fail any more. Errors say
 * where (byte offset), what was found, what would be right. */
enum sl_status sl_capture_open(struct sl_capture *out, const uint8_t *bytes, size_t length,
                               struct sl_error *error);

enum sl_capture_kind { SL_CAPTURE_END, SL_CAPTURE_COPY, SL_CAPTURE_MESSAGE };

/* Room for one record: `dimension` of each. */
struct sl_capture_room {
	uint32_t *position;
	int32_t *symbol;
	float *floats; /* a copy, or a vector */
};

/* The next record: of a COPY, peer, channel and room->floats are filled. */
enum sl_capture_kind sl_capture_next(struct sl_capture *, const struct sl_capture_room *,
                                     struct sl_captured *out);

/* copy += factor·update, as peers take it in. */
void sl_capture_absorb(float factor, const struct sl_update *, float *copy);

#endif
