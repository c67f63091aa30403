#include "daemon/cli/up/lock.h"

#include "daemon/run/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

int sl_up_lock(const char *run, struct sl_error *error)
{
	int lock = open(run, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock < 0) {
		sl_fail(error, SL_NOT_FOUND, "%s: %s (starling init creates a run)", run, strerror(errno));
		return -1;
	}
	if (flock(lock, LOCK_EX | LOCK_NB) == 0)
		return lock;
	sl_fail(error, SL_IO, "%s is already up (starling status %s)", run, run);
	close(lock);
	return -1;
}

static void path_of(const char *run, char out[static 4096 + 16])
{
	snprintf(out, 4096 + 16, "%.4095s/up.pid", run);
}

enum sl_status sl_up_announce(const char *run, struct sl_error *error)
{
	char path[4096 + 16], text[32];
	path_of(run, path);
	int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
	return sl_file_replace(path, text, (size_t)n, 0644, error);
}

void sl_up_withdraw(const char *run)
{
	char path[4096 + 16];
	path_of(run, path);
	unlink(path);
}

pid_t sl_up_process(const char *run)
{
	char path[4096 + 16];
	uint8_t *bytes;
	size_t length;
	struct sl_error error;
	int folder = open(run, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool held = folder >= 0 && flock(folder, LOCK_SH | LOCK_NB) != 0;
	if (folder >= 0)
		close(folder);
	path_of(run, path);
	if (!held || sl_file_read(path, 64, &bytes, &length, &error) != SL_OK)
		return 0;
	long number = strtol((char *)bytes, NULL, 10);
	free(bytes);
	return number > 1 && number < 1 << 30 ? (pid_t)number : 0;
}

static bool read_stat(pid_t process, char *line, size_t size)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%ld/stat", (long)process);
	FILE *f = fopen(path, "re");
	bool ok = f && fgets(line, (int)size, f);
	if (f)
		fclose(f);
	return ok;
}

pid_t sl_up_parent(pid_t process)
{
	char line[1024];
	if (!read_stat(process, line, sizeof line))
		return 0;
	const char *behind = strrchr(line, ')'); /* a name may hold anything; then state, parent */
	return behind && strlen(behind) > 4 ? (pid_t)strtol(behind + 4, NULL, 10) : 0;
}
