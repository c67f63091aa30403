/* safetensors.h — models as files that others read: 8 bytes with the length of a header, the header, the numbers. The
 * header is JSON: {"__metadata__": {key: text, …}, name: {"dtype": …, "shape": […], "data_offsets": [begin, end]}, …}.
 *
 * The reader takes foreign bytes: everything is checked before anything is used. It is stricter than the format: tensors lie
 * in the header's order, without gaps (as its reference library writes them), and names have no escapes. */
#ifndef SL_LEARN_SAFETENSORS_H
#define SL_LEARN_SAFETENSORS_H

#include "learn/model.h"

enum { SL_SAFETENSORS_HEADER_MAX = 1 << 26 };

/* Those that have floats as their values are in front. */
enum sl_stored_type { SL_STORED_F32, SL_STORED_F64, SL_STORED_F16, SL_STORED_BF16, SL_STORED_OTHER };

/* A tensor of a file; everything is borrowed from the file's bytes. */
struct sl_stored_tensor {
	const char *name;
	size_t name_length;
	enum sl_stored_type type;
	uint32_t rank;
	uint64_t shape[SL_RANK_MAX];
	const uint8_t *bytes; /* little-endian, row-major, not aligned */
	size_t length;
};

struct sl_safetensors {
	const char *header;
	size_t header_length;
	const uint8_t *data;
	size_t data_length;
	uint32_t tensors;
};

/* Checks a whole file; `out` borrows from it. The error says at which byte of the header, what was found, what would be
 * right. */
enum sl_status sl_safetensors_open(struct sl_safetensors *out, const uint8_t *bytes, size_t length,
                                   struct sl_error *error);

/* The next tensor; *cursor is 0 at first. False behind the last. */
bool sl_safetensors_next(const struct sl_safetensors *, size_t *cursor, struct sl_stored_tensor *out);

/* A text of the metadata, NUL-terminated; false: there is none, it holds a NUL, or has no room. */
bool sl_safetensors_text(const struct sl_safetensors *, const char *key, char *out, size_t size);

/* Fills the vector of a model from the tensors of the same names. Refuses, by name, a tensor that either side lacks, another
 * shape, values that are not floats or not finite. F64, F16 and BF16 become float32; −0 becomes 0. */
enum sl_status sl_safetensors_load(const struct sl_safetensors *, const struct sl_layout *, float *x,
                                   struct sl_error *error);

/* Writes what precedes the numbers of a layout: length and header, padded so that they begin at a multiple of 8. `text` has
 * pairs of key and value, ended by NULL; values are UTF-8. Returns the length; out NULL: only measures. */
size_t sl_safetensors_begin(const struct sl_layout *, const char *const *text, uint8_t *out);

#endif
