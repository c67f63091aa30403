/* Prepared data: whatever is accepted can be used, and prepared again gives the same bytes. */
#include "learn/dataset.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	uint8_t *block = malloc(length + 1); /* aligned, unlike the input */
	memcpy(block, bytes, length);
	struct sl_dataset data;
	struct sl_error error = { 0 };
	if (sl_dataset_open(&data, block, length, &error) == SL_OK) {
		SL_CHECK(sl_dataset_prepared_size(&data, NULL, 0) == length);
		uint8_t *again = malloc(length);
		sl_dataset_prepare(&data, NULL, 0, again);
		SL_CHECK(memcmp(block, again, length) == 0);
		free(again);
		float *row = data.features < 1 << 20 ? malloc(data.features * sizeof *row) : NULL;
		for (uint32_t s = 0; row && s < data.samples; s += 1 + data.samples / 16)
			sl_dataset_gather(&data, &s, 1, row);
		free(row);
	} else {
		SL_CHECK(error.text[0] && !memchr(error.text, '\n', strlen(error.text)));
	}
	free(block);
	return 0;
}
