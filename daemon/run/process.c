#include "daemon/run/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void sl_process_start(void)
{
	/* Read-only: output to a standard descriptor that was closed still fails. */
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			(void)!open("/dev/null", O_RDONLY);
	/* Shards, histories, recordings and logs all reveal something about the data. */
	mode_t mask = umask(0077);
	umask(mask | 0007);
}

int sl_process_end(const char *program, int code)
{
	errno = 0;
	bool written = fflush(stdout) == 0;
	if (written && !ferror(stdout))
		return code;
	fprintf(stderr, "%s: standard output: %s\n", program,
	        errno ? strerror(errno) : "the output is incomplete");
	return code == 0 ? 1 : code;
}
