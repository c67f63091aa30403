/* slow.c — loaded in front of libc: a slow disk. Every fsync and fdatasync takes SLOW_FSYNC_US microseconds
 * longer. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static void wait_for_the_disk(void)
{
	const char *text = getenv("SLOW_FSYNC_US");
	long us = text ? atol(text) : 0;
	if (us > 0)
		usleep((useconds_t)us);
}

int fsync(int fd)
{
	wait_for_the_disk();
	return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	wait_for_the_disk();
	return (int)syscall(SYS_fdatasync, fd);
}
