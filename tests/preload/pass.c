/* pass.c — loaded in front of libm: a pass that does not end. While the file that PASS names exists, whoever computes a
 * logarithm waits, and makes the file PASS.reached. The coder of a large message does. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void wait_in_the_pass(void)
{
	char reached[4096];
	const char *path = getenv("PASS");
	if (!path || access(path, F_OK) != 0)
		return;
	snprintf(reached, sizeof reached, "%s.reached", path);
	int fd = open(reached, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	while (access(path, F_OK) == 0)
		usleep(10000);
}

double log2(double x)
{
	double (*right)(double);
	*(void **)&right = dlsym(RTLD_NEXT, "log2");
	wait_in_the_pass();
	return right(x);
}
