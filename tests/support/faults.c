#include "tests/support/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct test_fault test_fault_write, test_fault_sync, test_fault_rename;

void test_fault_set(struct test_fault *fault, int after, int times)
{
	atomic_store(&fault->times, 0);
	atomic_store(&fault->after, after);
	atomic_store(&fault->times, times);
}

static bool fails(struct test_fault *fault, int number)
{
	atomic_fetch_add(&fault->calls, 1);
	if (atomic_load(&fault->times) <= 0)
		return false;
	if (atomic_load(&fault->after) > 0) {
		atomic_fetch_sub(&fault->after, 1);
		return false;
	}
	atomic_fetch_sub(&fault->times, 1);
	errno = number;
	return true;
}

/* Only files run out of room: not eventfds, pipes and terminals. */
static bool is_file(int fd)
{
	struct stat status;
	return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

ssize_t write(int fd, const void *bytes, size_t length)
{
	if (fd > STDERR_FILENO && is_file(fd) && fails(&test_fault_write, ENOSPC))
		return -1;
	return syscall(SYS_write, fd, bytes, length);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t at)
{
	return fails(&test_fault_write, ENOSPC) ? -1 : syscall(SYS_pwrite64, fd, bytes, length, at);
}

/* Counted, but left out: no test outlives the machine, and hundreds of them take seconds on a busy disk. */
int fsync(int fd)
{
	(void)fd;
	return fails(&test_fault_sync, EIO) ? -1 : 0;
}

int fdatasync(int fd)
{
	return fsync(fd);
}

int rename(const char *from, const char *to)
{
	return fails(&test_fault_rename, EIO) ? -1 : renameat(AT_FDCWD, from, AT_FDCWD, to);
}
