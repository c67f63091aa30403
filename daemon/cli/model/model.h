/* model.h — models of a run taken out of it: which, and in which format. Private to this folder. */
#ifndef SL_DAEMON_CLI_MODEL_MODEL_H
#define SL_DAEMON_CLI_MODEL_MODEL_H

#include "daemon/run/model_file.h"

/* A model with everything that its file says. Owned; sl_model_taken_free. */
struct sl_model_taken {
	struct sl_model_about about;
	struct sl_model_instance model;
	float *x;
	struct sl_run *run; /* of a model outside of this program, whose layout it has; else NULL */
};
void sl_model_taken_free(struct sl_model_taken *);

/* That of a peer of a run (RUN/model/K.safetensors), or where `mean` that of all peers that have a file: the mean of each
 * parameter. `note` (SL_TEXT_MAX bytes) says where peers lack a file or are in unlike rounds; may be empty. */
enum sl_status sl_model_take(struct sl_model_taken *out, const char *run, uint32_t peer, bool mean,
                             char *note, struct sl_error *error);

/* A file's bytes while they are being made. Without memory `failed` is set, and nothing is added any more. */
struct sl_bytes {
	uint8_t *bytes;
	size_t used, capacity;
	bool failed;
};
void sl_bytes_add(struct sl_bytes *, const void *bytes, size_t length);

/* numpy's archive of arrays: tensors by name, the metadata as texts. */
void sl_model_npz(struct sl_bytes *out, const struct sl_model_taken *);
/* ONNX of a built-in network: "samples" (as the model sees them: bytes times their scale) → "logits", "probabilities". */
enum sl_status sl_model_onnx(struct sl_bytes *out, const struct sl_model_taken *, struct sl_error *error);

#endif
