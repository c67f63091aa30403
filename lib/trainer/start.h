/* start.h — what a trainer brings: its tensors, in order, and the start of those that are learnt, as bytes
 * (PROTOCOL.md). The same bytes come with HELLO and are the file RUN/start. */
#ifndef SL_TRAINER_START_H
#define SL_TRAINER_START_H

#include "base/bytes.h"
#include "learn/layout.h"

enum { SL_START_VERSION = 1, SL_START_HEAD = 32, SL_START_ALIGNED = 64, SL_START_DIGEST = 16 };

/* Points into the bytes and into the room that it was read with. */
struct sl_start {
	uint32_t tensors, vector; /* in the list; of these, in the vector (not frozen) */
	uint32_t dimension;
	struct sl_layout layout; /* of those in the vector; more: the room */
	const float *start;      /* dimension floats */
	struct sl_reader list;   /* of all tensors, for sl_start_next */
};

/* One entry of the list. */
struct sl_start_tensor {
	struct sl_tensor tensor; /* offset, rows and columns are not set */
	const uint8_t *digest;   /* of a frozen tensor's contents, SL_START_DIGEST bytes */
};
/* The next entry; false: the list ends, or (r->failed) is malformed. */
bool sl_start_next(struct sl_reader *r, struct sl_start_tensor *out);

/* Checks all of it: sizes, names, shapes, and that the start is finite. The bytes are aligned to 64. room NULL: the
 * layout is left empty, and out->vector says how much room is needed. */
enum sl_status sl_start_read(struct sl_start *out, const uint8_t *bytes, size_t length,
                             struct sl_tensor *room, uint32_t rooms, struct sl_error *error);

/* Whether a trainer with the layout `theirs` may serve a run with the layout `ours`: names, shapes, types, roles and
 * the contents of what is frozen. The start itself may be another: the run has its own. False: `text` names the first
 * tensor that differs, and how. */
bool sl_start_fits(const struct sl_start *ours, const struct sl_start *theirs, char *text, size_t size);

#endif
