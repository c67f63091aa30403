#include "daemon/run/aside.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* age 0: STEM.G; else STEM.old-AGE.G */
static enum sl_status name_of(char out[static PATH_MAX], const char *stem, unsigned age, unsigned generation,
                              struct sl_error *error)
{
	int n = age ? snprintf(out, PATH_MAX, "%s.old-%u.%u", stem, age, generation)
	            : snprintf(out, PATH_MAX, "%s.%u", stem, generation);
	return n > 0 && n < PATH_MAX ? SL_OK : sl_fail(error, SL_TOO_BIG, "%s: path too long", stem);
}

static enum sl_status move(const char *stem, unsigned age, unsigned generation, struct sl_error *error)
{
	char from[PATH_MAX], to[PATH_MAX];
	if (name_of(from, stem, age, generation, error) != SL_OK ||
	    name_of(to, stem, age + 1, generation, error) != SL_OK)
		return error->status;
	if (rename(from, to) == 0)
		return SL_OK;
	if (errno != ENOENT)
		return sl_fail(error, SL_IO, "%s: cannot be renamed to %s: %s", from, to, strerror(errno));
	/* Beside the other generation there would be one of another time. */
	if (unlink(to) == 0 || errno == ENOENT)
		return SL_OK;
	return sl_fail(error, SL_IO, "%s: %s", to, strerror(errno));
}

enum sl_status sl_aside(const char *stem, bool *kept, struct sl_error *error)
{
	char path[PATH_MAX];
	bool there = false;
	for (unsigned g = 0; g < 2; g++) {
		if (name_of(path, stem, 0, g, error) != SL_OK)
			return error->status;
		there = there || access(path, F_OK) == 0;
	}
	if (kept)
		*kept = there;
	for (unsigned age = SL_ASIDE_MOST; there && age-- > 0;)
		for (unsigned g = 0; g < 2; g++)
			if (move(stem, age, g, error) != SL_OK)
				return error->status;
	return SL_OK;
}
