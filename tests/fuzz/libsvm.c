/* The first three bytes choose the features and classes asked for and the size of chunks; the rest is the
 * text. */
#include "learn/dataset.h"

#include <stdlib.h>

extern const struct sl_data_format sl_data_format_libsvm;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	if (length < 3)
		return 0;
	const struct sl_data_format *format = &sl_data_format_libsvm;
	uint64_t options[4] = { 0 };
	static const char *const labels[] = { "sorted", "zero", "one" };
	SL_CHECK(sl_spec_arguments(format->options, options, "libsvm", labels[bytes[1] / 3 % 3], NULL) ==
	         SL_OK);
	uint32_t features = bytes[0], classes = bytes[1] % 3 ? bytes[1] % 5 + 2 : 0;
	size_t chunk = 1 + bytes[2];
	struct sl_error error = { 0 };
	struct sl_data_reader *reader = format->open(options, 0, true, &error);
	enum sl_status status = SL_OK;
	for (size_t at = 3, n; at < length && status == SL_OK; at += n) {
		n = chunk < length - at ? chunk : length - at;
		status = format->push(reader, 0, bytes + at, n, "input", &error);
	}
	uint8_t *block = NULL;
	size_t size = 0;
	if (status == SL_OK)
		status = format->finish(reader, features, classes, &block, &size, &error);
	else
		format->abandon(reader);
	struct sl_dataset data;
	if (status == SL_OK) {
		SL_CHECK(sl_dataset_open(&data, block, size, &error) == SL_OK);
		SL_CHECK((!features || data.features == features) && (!classes || data.classes == classes));
	} else {
		SL_CHECK(error.text[0] && !memchr(error.text, '\n', strlen(error.text)));
	}
	free(block);
	return 0;
}
