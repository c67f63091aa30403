/* The first byte is the size of chunks, the second the features asked for, the third how many sixteenths of the rest are the
 * file of features; what remains are labels. */
#include "tests/support/format.h"

#include <stdlib.h>

extern const struct sl_data_format sl_data_format_npy;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	if (length < 3)
		return 0;
	struct sl_dataset data;
	uint8_t *block;
	const struct format_input in = { .bytes = bytes + 3,
		                         .end = { (length - 3) * (bytes[2] % 17) / 16, length - 3 },
		                         .chunk = 1 + bytes[0],
		                         .features = bytes[1] % 4 };
	if (format_read(&sl_data_format_npy, &in, 2, &data, &block))
		SL_CHECK(data.samples > 0);
	free(block);
	return 0;
}
