#include "daemon/cli/common/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *set(const char *name)
{
	const char *value = getenv(name);
	return value && value[0] ? value : NULL;
}

bool sl_terminal_draws(int fd)
{
	const char *term = set("TERM");
	return isatty(fd) && term && strcmp(term, "dumb") != 0;
}

bool sl_terminal_colour(void)
{
	return !set("NO_COLOR");
}

bool sl_terminal_utf8(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *value = set(names[i]);
		if (value)
			return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
	}
	return false;
}
