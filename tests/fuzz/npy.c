/* The first byte is the size of chunks, the second the features asked for, the third how many sixteenths of the rest are the
 * file of features; what remains are labels. */
#include "learn/dataset.h"

#include <stdlib.h>

extern const struct sl_data_format sl_data_format_npy;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	if (length < 3)
		return 0;
	const struct sl_data_format *format = &sl_data_format_npy;
	size_t chunk = 1 + bytes[0], end[2] = { 3 + (length - 3) * (bytes[2] % 17) / 16, length }, at = 3;
	struct sl_error error = { 0 };
	struct sl_data_reader *reader = format->open(NULL, 0, true, &error);
	enum sl_status status = SL_OK;
	for (unsigned stream = 0; stream < 2; stream++)
		for (size_t n; at < end[stream] && status == SL_OK; at += n) {
			n = chunk < end[stream] - at ? chunk : end[stream] - at;
			status = format->push(reader, stream, bytes + at, n, "input", &error);
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
