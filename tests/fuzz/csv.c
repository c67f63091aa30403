/* The first three bytes choose the features asked for, the options and the list of classes, and the size of chunks; the rest
 * is the table. */
#include "tests/support/format.h"

#include <stdlib.h>
#include <string.h>

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
	struct sl_dataset data;
	uint8_t *block;
	const struct format_input in = { .options = options,
		                         .bytes = bytes + 3,
		                         .end = { length - 3 },
		                         .chunk = 1 + bytes[2],
		                         .features = bytes[0] % 8,
		                         .classes = text ? &list : NULL };
	if (format_read(format, &in, 1, &data, &block))
		SL_CHECK(data.samples > 0);
	free(block);
	return 0;
}
