/* The first three bytes choose the features asked for, the options and the list of classes, and the size of chunks; the rest
 * is the table. */
#include "learn/dataset.h"

#include <stdlib.h>

extern const struct sl_data_format sl_data_format_csv;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	if (length < 3)
		return 0;
	const struct sl_data_format *format = &sl_data_format_csv;
	static const char *const arguments[] = { "", "2", "1,header=no", "label,number",
		                                 "3,part=semicolon,header=no,target=number" };
	static const char *const lists[] = { NULL, "-1,1", "x,y", "0..5,cat" };
	_Alignas(8) uint8_t options[512] = { 0 };
	SL_CHECK(format->options_size <= sizeof options &&
	         sl_spec_arguments(format->options, options, "csv", arguments[bytes[1] % 5], NULL) == SL_OK);
	const char *text = lists[bytes[1] / 5 % 4];
	struct sl_class_item items[8];
	struct sl_classes list;
	struct sl_error error = { 0 };
	if (text)
		SL_CHECK(sl_classes_parse(&list, text, strlen(text), items, &error) == SL_OK);
	struct sl_data_reader *reader = format->open(options, 0, true, &error);
	enum sl_status status = SL_OK;
	size_t chunk = 1 + bytes[2];
	for (size_t at = 3, n; at < length && status == SL_OK; at += n) {
		n = chunk < length - at ? chunk : length - at;
		status = format->push(reader, 0, bytes + at, n, "input", &error);
	}
	uint8_t *block = NULL;
	size_t size = 0;
	if (status == SL_OK)
		status = format->finish(reader, bytes[0] % 8, text ? &list : NULL, &block, &size, &error);
	else
		format->abandon(reader);
	struct sl_dataset data;
	if (status == SL_OK) {
		SL_CHECK(sl_dataset_open(&data, block, size, &error) == SL_OK && data.samples > 0);
		SL_CHECK(bytes[0] % 8 == 0 || data.features == bytes[0] % 8);
	} else {
		SL_CHECK(error.text[0] && !memchr(error.text, '\n', strlen(error.text)));
	}
	free(block);
	return 0;
}
