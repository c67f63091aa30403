/* The first byte tells the size of chunks, the next two how much of the rest is images; what follows is
 * labels. */
#include "tests/support/format.h"

#include <stdlib.h>

extern const struct sl_data_format sl_data_format_idx;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	if (length < 3)
		return 0;
	size_t images = sl_load_u16(bytes + 1);
	struct sl_dataset data;
	uint8_t *block;
	const struct format_input in = { .bytes = bytes + 3,
		                         .end = { images < length - 3 ? images : length - 3, length - 3 },
		                         .chunk = 1 + bytes[0] };
	format_read(&sl_data_format_idx, &in, 2, &data, &block);
	free(block);
	return 0;
}
