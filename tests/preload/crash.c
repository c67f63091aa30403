/* crash.c — loaded in front of libc: the process is killed (SIGKILL) at its CRASH_AT-th call that changes a
 * file: every write, sync, rename, cut and removal of our own code and of SQLite. Odd ones kill before the
 * call; at even ones half of a write has reached the file. Without CRASH_AT the calls are only counted, into
 * the file CRASH_COUNT. */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long calls;

static long point(void)
{
	static atomic_long at = -1;
	long wanted = atomic_load(&at);
	if (wanted < 0) {
		const char *text = getenv("CRASH_AT");
		wanted = text ? atol(text) : 0;
		atomic_store(&at, wanted);
	}
	return wanted;
}

static void die(void)
{
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

/* True: this is the call, and it is to be torn. */
static bool reached(void)
{
	long number = atomic_fetch_add(&calls, 1) + 1;
	if (number != point())
		return false;
	if (number % 2)
		die();
	return true;
}

static bool is_file(int fd)
{
	struct stat about;
	return fstat(fd, &about) == 0 && S_ISREG(about.st_mode) && fd > STDERR_FILENO;
}

ssize_t write(int fd, const void *bytes, size_t length)
{
	if (is_file(fd) && reached()) {
		syscall(SYS_write, fd, bytes, length / 2);
		die();
	}
	return syscall(SYS_write, fd, bytes, length);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	if (is_file(fd) && reached()) {
		syscall(SYS_write, fd, parts[0].iov_base, parts[0].iov_len);
		if (count > 1)
			syscall(SYS_write, fd, parts[1].iov_base, parts[1].iov_len / 2);
		die();
	}
	return syscall(SYS_writev, fd, parts, count);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t at)
{
	if (is_file(fd) && reached()) {
		syscall(SYS_pwrite64, fd, bytes, length / 2, at);
		die();
	}
	return syscall(SYS_pwrite64, fd, bytes, length, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at)
{
	return pwrite64(fd, bytes, length, at);
}

int fsync(int fd)
{
	if (reached())
		die();
	return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	if (reached())
		die();
	return (int)syscall(SYS_fdatasync, fd);
}

int rename(const char *from, const char *to)
{
	bool torn = reached();
	int result = (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
	if (torn)
		die();
	return result;
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
	bool torn = reached();
	int result = (int)syscall(SYS_renameat, from_folder, from, to_folder, to);
	if (torn)
		die();
	return result;
}

int unlink(const char *path)
{
	bool torn = reached();
	int result = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
	if (torn)
		die();
	return result;
}

int ftruncate64(int fd, off_t length)
{
	bool torn = reached();
	int result = (int)syscall(SYS_ftruncate, fd, length);
	if (torn)
		die();
	return result;
}

__attribute__((destructor)) static void write_count(void)
{
	const char *path = getenv("CRASH_COUNT");
	FILE *f = path ? fopen(path, "w") : NULL;
	if (!f)
		return;
	fprintf(f, "%ld\n", atomic_load(&calls));
	fclose(f);
}
