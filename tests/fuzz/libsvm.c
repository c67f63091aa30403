/* The first three bytes choose the features asked for, how labels count and the list of classes, and the size
 * of chunks; the rest is the text. */
#include "tests/support/format.h"

#include <stdlib.h>
#include <string.h>

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
	struct sl_error error = { 0 };
	if (text)
		SL_CHECK(sl_classes_parse(&list, text, strlen(text), items, &error) == SL_OK);
	struct sl_dataset data;
	uint8_t *block;
	const struct format_input in = { .options = options,
		                         .bytes = bytes + 3,
		                         .end = { length - 3 },
		                         .chunk = 1 + bytes[2],
		                         .features = bytes[0],
		                         .classes = text ? &list : NULL };
	if (format_read(format, &in, 1, &data, &block)) {
		SL_CHECK(!text || data.classes == list.count);
		SL_CHECK(data.names && (!text || (data.names_length == list.length &&
		                                  memcmp(data.names, text, list.length) == 0)));
	}
	free(block);
	return 0;
}
