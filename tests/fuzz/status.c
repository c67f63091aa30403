/* Any bytes as the status line of a peer, which another user's process or a newer version may have written. */
#include "daemon/run/status_view.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static bool ends(const char *text, size_t size)
{
	return memchr(text, 0, size) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct sl_status_view v;
	char doing[256], *line = malloc(length + 1);
	SL_CHECK(line);
	memcpy(line, bytes, length);
	line[length] = '\0';
	bool good = sl_status_view_parse(&v, line);
	SL_CHECK(ends(v.phase, sizeof v.phase) && ends(v.waits_why, sizeof v.waits_why) &&
	         ends(v.why, sizeof v.why) && ends(v.history, sizeof v.history));
	SL_CHECK(good || v.phase[0] == '\0');
	sl_status_view_doing(&v, doing, sizeof doing);
	SL_CHECK(ends(doing, sizeof doing));
	free(line);
	return 0;
}
