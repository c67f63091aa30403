#include "tests/support/folder.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char made[256];

const char *folder_make(void)
{
	const char *base = getenv("TMPDIR");
	snprintf(made, sizeof made, "%s/starling-test-XXXXXX", base ? base : "/tmp");
	if (!mkdtemp(made)) {
		perror(made);
		abort();
	}
	return made;
}

const char *folder_path(const char *name)
{
	static char path[8][512];
	static unsigned turn;
	char *out = path[turn++ % 8];
	snprintf(out, sizeof path[0], "%s/%s", made, name);
	return out;
}

const char *folder_write(const char *name, const void *bytes, size_t length)
{
	const char *path = folder_path(name);
	FILE *f = fopen(path, "wb");
	if (!f || fwrite(bytes, 1, length, f) != length || fclose(f) != 0) {
		perror(path);
		abort();
	}
	return path;
}

const char *folder_text(const char *name, const char *text)
{
	return folder_write(name, text, strlen(text));
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *walk)
{
	(void)about;
	(void)kind;
	(void)walk;
	return remove(path);
}

void folder_remove(void)
{
	nftw(made, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
