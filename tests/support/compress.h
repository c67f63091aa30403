/* Samples and a rig for tests of the compression pipeline. */
#ifndef TESTS_SUPPORT_COMPRESS_H
#define TESTS_SUPPORT_COMPRESS_H

#include "compress/stage.h"

/* Vectors that compressors stumble over, cut into a matrix and biases. */
enum { SAMPLE_KINDS = 10 };
struct sample {
	struct sl_layout layout;
	float *v;
	float *copy; /* a public copy to go with it */
	const char *kind;
};
struct sample sample_make(unsigned kind, uint64_t seed);
void sample_free(struct sample *);

/* A layout of one matrix with `columns` columns and one bias tensor. */
void layout_fill(struct sl_layout *, uint32_t dimension, uint32_t columns);

/* A pipeline with all that it needs to run. */
struct rig {
	struct sl_pipeline pipeline;
	struct sl_workspace *send, *receive;
	uint8_t *block[2], *body, *memory[2]; /* memory: of the stream at either end */
	size_t bound, remembered;
	uint32_t count; /* copies of the last update */
	uint32_t *index;
	float *value;
};
/* False where the stages do not fit each other (message in *error). */
bool rig_make(struct rig *, const char *text, const struct sl_layout *, struct sl_error *error);
void rig_free(struct rig *);
/* Encodes, keeps a copy of the sender's update, returns the length of the body. */
size_t rig_encode(struct rig *, const struct sample *, uint32_t number);
/* Decodes `length` bytes of the body into *update. */
bool rig_decode(struct rig *, const struct sample *, uint32_t number, const uint8_t *body, size_t length,
                struct sl_update *update);

/* Whether the stages must fit each other: the code takes all symbols that the quantiser gives. The select and the
 * quantiser must be valid. */
bool stages_fit(const char *text, const struct sl_layout *);
/* Calls `test` with the text of every combination of the registries' examples. */
void for_each_pipeline(void (*test)(const char *text, void *context), void *context);

#endif
