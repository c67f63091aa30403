/* capture.h — a file format for the messages that a run's compressors encoded, as input for other coders;
 * specified in compress/CAPTURE.md. Opens no files: bytes in, bytes out. */
#ifndef SL_COMPRESS_CAPTURE_H
#define SL_COMPRESS_CAPTURE_H

#include "compress/pipeline.h"

enum { SL_CAPTURE_VERSION = 1 };

/* One message. Arrays are borrowed. */
struct sl_captured {
	uint32_t peer, channel, version, round;
	float factor;    /* the public copy becomes copy + factor·update; 0: something else */
	uint32_t domain; /* of the coder: coordinates, or the shared support */
	uint32_t count;
	const uint32_t *position;
	const int32_t *symbol;
	const uint8_t *side;  /* sl_pipeline_side() bytes; NULL if count is 0 */
	const float *vector;  /* the compressed vector, dimension floats; NULL: not recorded */
	uint32_t body_length; /* of the sent message */
	uint64_t body_digest; /* sl_capture_digest(0, body, length) */
};

/* Called for every message that a peer encodes, with its address (`copy` is the copy before it), the vector,
 * the pipeline's output, and the factor with which the update is added to the copy. */
struct sl_capture_hook {
	void *context;
	void (*encoded)(void *context, const struct sl_message_context *, uint32_t round, float factor,
	                const float *vector, const struct sl_workspace *, const struct sl_update *,
	                const uint8_t *body, size_t length);
};

uint64_t sl_capture_digest(uint64_t so_far, const uint8_t *bytes, size_t length);

/* Writing: a header, then records, then the end. Each call appends one piece, for which the writer must have
 * sl_capture_bound bytes of room, and updates *digest, initially 0. */
size_t sl_capture_bound(const struct sl_pipeline *, const struct sl_layout *);
void sl_capture_begin(struct sl_writer *, const struct sl_pipeline *, const struct sl_layout *, uint64_t seed,
                      uint64_t *digest);
/* The present public copy of a stream: write it before the stream's first message, and whenever it is not the
 * previous copy plus the last update. */
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
	struct sl_reader rest;       /* the remaining records */
	uint64_t digest;
};

/* `room`: for `rooms` tensors, borrowed by the result; NULL: at most SL_TENSORS_OWN.
 * Reads the header and checks the file from end to end; after SL_OK no record can fail. Errors give the byte
 * offset, what was found and what is expected. */
enum sl_status sl_capture_open(struct sl_capture *out, const uint8_t *bytes, size_t length,
                               struct sl_tensor *room, uint32_t rooms, struct sl_error *error);

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

/* copy += factor·update, with the peers' arithmetic. */
void sl_capture_absorb(float factor, const struct sl_update *, float *copy);

#endif
