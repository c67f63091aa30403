#include "daemon/run/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* No core, and no other process of the same user reads this one's memory: secret keys are in it, those that libzmq
 * has copied included. The leak check of a sanitizer needs to. */
static void keep_secrets(void)
{
#if !defined __SANITIZE_ADDRESS__ && !defined SL_FUZZING
	prctl(PR_SET_DUMPABLE, 0);
#endif
}

void sl_process_start(void)
{
	keep_secrets();
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
