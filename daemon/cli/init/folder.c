/* folder.c — a run's folder is filled under another name, then renamed, so that it is never incomplete. */
#include "daemon/cli/init/init.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

bool sl_init_interrupted(void)
{
	return interrupted != 0;
}

void sl_init_catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	interrupted = 0;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

static enum sl_status check_absent(const char *run, struct sl_error *error)
{
	struct stat info;
	if (lstat(run, &info) != 0)
		return errno == ENOENT ? SL_OK : sl_fail(error, SL_IO, "%s: %s", run, strerror(errno));
	if (!S_ISDIR(info.st_mode))
		return sl_fail(error, SL_REFUSED, "%s exists and is not a folder: choose another name", run);
	DIR *folder = opendir(run);
	if (!folder)
		return sl_fail(error, SL_IO, "%s: %s", run, strerror(errno));
	unsigned entries = 0;
	while (readdir(folder) && entries <= 2)
		entries++;
	closedir(folder);
	return entries <= 2
	           ? SL_OK
	           : sl_fail(error, SL_REFUSED, "%s exists and is not empty: choose another name", run);
}

enum sl_status sl_folder_begin(const char *run, char temporary[static 4096], struct sl_error *error)
{
	enum sl_status status = check_absent(run, error);
	if (status != SL_OK)
		return status;
	if (snprintf(temporary, 4096, "%s.new-XXXXXX", run) >= 4096 - 64)
		return sl_fail(error, SL_TOO_BIG, "%.100s…: the path is too long", run);
	if (!mkdtemp(temporary))
		return sl_fail(error, SL_IO, "cannot create %s: %s", run, strerror(errno));
	mode_t mask = umask(0);
	umask(mask);
	if (chmod(temporary, 0777 & ~mask) != 0) {
		sl_fail(error, SL_IO, "%s: %s", temporary, strerror(errno));
		rmdir(temporary);
		return SL_IO;
	}
	return SL_OK;
}

static void sync_parent(const char *path)
{
	char parent[4096];
	snprintf(parent, sizeof parent, "%s", path);
	char *slash = strrchr(parent, '/');
	if (slash)
		slash[slash == parent] = '\0';
	int fd = open(slash ? parent : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)!fsync(fd);
	close(fd);
}

enum sl_status sl_folder_finish(const char *temporary, const char *run, struct sl_error *error)
{
	if (rename(temporary, run) != 0)
		return sl_fail(error, SL_IO, "cannot rename %s to %s: %s", temporary, run, strerror(errno));
	sync_parent(run);
	return SL_OK;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
	(void)info;
	(void)kind;
	(void)at;
	return remove(path);
}

void sl_folder_abandon(const char *temporary)
{
	nftw(temporary, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
