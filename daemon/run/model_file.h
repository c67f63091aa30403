/* model_file.h — models as safetensors files (learn/safetensors.h): of the peers of a run, and of others.
 *
 * A peer's model lies in RUN/model/K.safetensors: of its newest checkpoint, and of the end. The metadata says what it is
 * (model, features, classes), and from where (run, peer, round, and the digest that the history has). */
#ifndef SL_DAEMON_RUN_MODEL_FILE_H
#define SL_DAEMON_RUN_MODEL_FILE_H

#include "daemon/run/run.h"
#include "learn/safetensors.h"

/* What the metadata says; texts are NUL-terminated and, but for classes, cut to their room. */
struct sl_model_about {
	char model[SL_TEXT_MAX]; /* as in [model] name; empty: unknown */
	uint32_t features;
	char run[SL_TEXT_MAX + 32], peer[32], digest[65];
	uint32_t round;
	char *classes; /* canonical list, owned; NULL: none */
};
void sl_model_about_free(struct sl_model_about *);

/* The folder RUN/model, and a peer's file in it. */
void sl_model_folder(const struct sl_config *, char out[static 4096]);
void sl_model_path(const struct sl_config *, uint32_t peer, char out[static 4096]);

/* Header and numbers as one block, which the caller frees. NULL: no memory. */
uint8_t *sl_model_file_make(const struct sl_layout *, const struct sl_model_about *, const float *x,
                            size_t *length);

/* Describes the model of a peer of a run after `round`; `peer` is a number, or "mean". The digest stays open:
 * as many zeros. */
enum sl_status sl_model_describe(struct sl_model_about *out, const struct sl_run *, const char *peer,
                                 uint32_t round, struct sl_error *error);

/* The file of a peer of a run, as one block, but for its digest, which takes longer than all else; NULL and an error: no
 * memory. */
uint8_t *sl_model_file_bytes(const struct sl_run *, uint32_t peer, uint32_t round, const float *x,
                             size_t *length, struct sl_error *error);

/* Writes the digest of the numbers into the header of such a block. */
void sl_model_file_seal(uint8_t *bytes, size_t length);

/* Writes RUN/model/K.safetensors; makes the folder where it is missing. */
enum sl_status sl_model_file_write(const struct sl_run *, uint32_t peer, uint32_t round, const float *x,
                                   struct sl_error *error);

/* Reads a file that says what it is: makes its model and fills *x, which the caller frees, as *about. A model outside of
 * this program cannot be made: `outside` is the run's own, and *model a copy of it; else NULL. */
enum sl_status sl_model_file_read(const char *path, const struct sl_model_instance *outside,
                                  struct sl_model_about *about, struct sl_model_instance *model, float **x,
                                  struct sl_error *error);

/* Reads tensors alone, for a layout that is given; *x is freed by the caller. */
enum sl_status sl_model_start_read(const char *path, const struct sl_layout *, float **x,
                                   struct sl_error *error);

#endif
