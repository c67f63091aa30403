/* The first three bytes choose the features asked for, how labels count and the list of classes, and the size
 * of chunks; the rest is the text. */
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
	static const char *const lists[] = { NULL, "-1,1", "0..5", "a,b,c", "3,-2,x,1" };
	const char *text = lists[bytes[1] / 9 % 5];
	struct sl_class_item items[8];
	struct sl_classes list;
	uint32_t features = bytes[0];
	size_t chunk = 1 + bytes[2];
	struct sl_error error = { 0 };
	if (text)
		SL_CHECK(sl_classes_parse(&list, text, strlen(text), items, &error) == SL_OK);
	struct sl_data_reader *reader = format->open(options, 0, true, &error);
	enum sl_status status = SL_OK;
	for (size_t at = 3, n; at < length && status == SL_OK; at += n) {
		n = chunk < length - at ? chunk : length - at;
		status = format->push(reader, 0, bytes + at, n, "input", &error);
	}
	uint8_t *block = NULL;
	size_t size = 0;
	if (status == SL_OK)
		status = format->finish(reader, features, text ? &list : NULL, &block, &size, &error);
	else
		format->abandon(reader);
	struct sl_dataset data;
	if (status == SL_OK) {
		SL_CHECK(sl_dataset_open(&data, block, size, &error) == SL_OK);
		SL_CHECK((!features || data.features == features) && (!text || data.classes == list.count));
		SL_CHECK(data.names && (!text || (data.names_length == list.length &&
		                                  memcmp(data.names, text, list.length) == 0)));
	} else {
		SL_CHECK(error.text[0] && !memchr(error.text, '\n', strlen(error.text)));
	}
	free(block);
	return 0;
}
