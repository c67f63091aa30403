/* A list of columns from anywhere: what is accepted is printed, and the print is accepted and prints the same. */
#include "daemon/run/columns.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct sl_columns columns, again;
	struct sl_error error = { 0 };
	char *text, *same;
	size_t size, same_size;
	if (sl_columns_parse(&columns, (const char *)bytes, length, "columns", &error) != SL_OK) {
		SL_CHECK(error.text[0] && !columns.text);
		return 0;
	}
	SL_CHECK(columns.count > 0 && sl_columns_print(&columns, &text, &size, &error) == SL_OK);
	SL_CHECK(sl_columns_parse(&again, text, size, "again", &error) == SL_OK);
	SL_CHECK(again.count == columns.count &&
	         sl_columns_print(&again, &same, &same_size, &error) == SL_OK);
	SL_CHECK(same_size == size && memcmp(same, text, size) == 0);
	free(text);
	free(same);
	sl_columns_free(&columns);
	sl_columns_free(&again);
	return 0;
}
