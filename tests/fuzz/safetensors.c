/* A file of tensors: what is taken tiles its numbers, is walked the same way again, and fits its own layout. */
#include "learn/safetensors.h"

#include "linalg/vector.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* Into a model of our own; whatever is taken is finite. */
static void load(const struct sl_safetensors *file)
{
	struct sl_layout layout = { 0 };
	struct sl_error error = { 0 };
	float x[8];
	SL_CHECK(sl_layout_add(&layout, "w1", 2, 3, false) && sl_layout_add(&layout, "b1", 2, 1, true));
	if (sl_safetensors_load(file, &layout, x, &error) == SL_OK)
		SL_CHECK(sl_vector_finite(8, x));
	else
		SL_CHECK(error.text[0] && !memchr(error.text, '\n', strlen(error.text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct sl_safetensors file;
	struct sl_error error = { 0 };
	uint8_t *copy = malloc(length ? length : 1); /* exactly as long, so that reading beyond shows */
	memcpy(copy, bytes, length);
	if (sl_safetensors_open(&file, copy, length, &error) == SL_OK) {
		struct sl_stored_tensor t = { 0 };
		uint32_t tensors = 0;
		const uint8_t *at = file.data;
		for (size_t cursor = 0; sl_safetensors_next(&file, &cursor, &t); tensors++) {
			SL_CHECK(t.bytes == at && t.name_length > 0);
			at += t.length;
		}
		SL_CHECK(tensors == file.tensors && at == file.data + file.data_length);
		char text[64];
		if (sl_safetensors_text(&file, "model", text, sizeof text))
			SL_CHECK(strlen(text) < sizeof text);
		load(&file);
	} else {
		SL_CHECK(error.text[0]);
	}
	free(copy);
	return 0;
}
