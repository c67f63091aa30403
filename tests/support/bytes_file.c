#include "tests/support/bytes_file.h"

#include "base/error.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

const char *bytes_file(const void *bytes, size_t length)
{
	static char path[32];
	static int fd = -1;
	if (fd < 0) {
		fd = memfd_create("bytes", MFD_CLOEXEC);
		SL_CHECK(fd >= 0 && fchmod(fd, 0600) == 0);
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	}
	SL_CHECK(ftruncate(fd, 0) == 0 && pwrite(fd, bytes, length, 0) == (ssize_t)length);
	return path;
}
