/* The first byte tells the size of chunks, the next two how much of the rest is images; what follows is
 * labels. */
#include "learn/dataset.h"

#include <stdlib.h>

extern const struct sl_data_format sl_data_format_idx;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static enum sl_status push_all(struct sl_data_reader *reader, unsigned stream, const uint8_t *bytes,
                               size_t length, size_t chunk, struct sl_error *error)
{
	enum sl_status status = SL_OK;
	for (size_t at = 0, n; at < length && status == SL_OK; at += n) {
		n = chunk < length - at ? chunk : length - at;
		status = sl_data_format_idx.push(reader, stream, bytes + at, n, stream ? "labels" : "images",
		                                 error);
	}
	return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	if (length < 3)
		return 0;
	size_t chunk = 1 + bytes[0], images = sl_load_u16(bytes + 1);
	bytes += 3;
	length -= 3;
	images = images < length ? images : length;
	struct sl_error error = { 0 };
	struct sl_data_reader *reader = sl_data_format_idx.open(NULL, 0, true, &error);
	enum sl_status status = push_all(reader, 0, bytes, images, chunk, &error);
	if (status == SL_OK)
		status = push_all(reader, 1, bytes + images, length - images, chunk, &error);
	uint8_t *block = NULL;
	size_t size = 0;
	if (status == SL_OK)
		status = sl_data_format_idx.finish(reader, 0, NULL, &block, &size, &error);
	else
		sl_data_format_idx.abandon(reader);
	struct sl_dataset data;
	if (status == SL_OK)
		SL_CHECK(sl_dataset_open(&data, block, size, &error) == SL_OK);
	else
		SL_CHECK(error.text[0] && !memchr(error.text, '\n', strlen(error.text)));
	free(block);
	return 0;
}
