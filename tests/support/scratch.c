#include "tests/support/scratch.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

static char folder[64];

int test_folder_make(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/starling-test-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status, (void)type, (void)walk;
	return remove(path);
}

int test_folder_remove(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *test_path(const char *name)
{
	static char path[16][256];
	static unsigned turn;
	char *out = path[turn++ % 16];
	snprintf(out, sizeof path[0], "%s/%s", folder, name);
	return out;
}
