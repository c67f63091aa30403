/* The first byte is the size of chunks, the second the features asked for, the third whether the file is one of test data;
 * the rest is the archive. Deflated bytes are checked by zlib alone, so stored members reach the reader of arrays sooner. */
#include "learn/dataset.h"

#include <stdlib.h>

extern const struct sl_data_format sl_data_format_npz;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	if (length < 3)
		return 0;
	const struct sl_data_format *format = &sl_data_format_npz;
	size_t chunk = 1 + bytes[0];
	struct sl_error error = { 0 };
	struct sl_data_reader *reader = format->open(NULL, 0, bytes[2] % 2 == 0, &error);
	enum sl_status status = format->push(reader, 0, bytes, 0, "input", &error);
	for (size_t at = 3, n; at < length && status == SL_OK; at += n) {
		n = chunk < length - at ? chunk : length - at;
		status = format->push(reader, 0, bytes + at, n, "input", &error);
	}
	uint8_t *block = NULL;
	size_t size = 0;
	if (status == SL_OK)
		status = format->finish(reader, bytes[1] % 4, NULL, &block, &size, &error);
	else
		format->abandon(reader);
	struct sl_dataset data;
	if (status == SL_OK)
		SL_CHECK(sl_dataset_open(&data, block, size, &error) == SL_OK && data.samples > 0);
	else
		SL_CHECK(error.text[0] && !memchr(error.text, '\n', strlen(error.text)));
	free(block);
	return 0;
}
