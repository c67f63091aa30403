/* peers.c — the peers of a run as processes of this machine, started and waited for, nothing else:
 *
 *      peers STARLINGD RUN COUNT [--set SECTION.KEY=VALUE]...
 *
 * prints the wall clock (µs since 1970) before the first was started, then microseconds of CPU in user and in
 * system mode, voluntary and involuntary context switches, all peers together, and the largest resident set
 * (kB) of any. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static void be_peer(int argc, char **argv, unsigned number)
{
	char peer[16], conf[4096];
	char **line = calloc((size_t)argc + 4, sizeof *line);
	if (!line)
		_exit(1);
	snprintf(peer, sizeof peer, "%u", number);
	snprintf(conf, sizeof conf, "%s/run.conf", argv[2]);
	char run[] = "-r", which[] = "-p", *fixed[] = { argv[1], run, conf, which, peer };
	int at = 0;
	for (; at < 5; at++)
		line[at] = fixed[at];
	for (int i = 4; i < argc; i++)
		line[at++] = argv[i];
	if (!freopen("/dev/null", "w", stderr))
		_exit(1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execv(argv[1], line);
	_exit(127);
}

static double microseconds(struct timeval t)
{
	return (double)t.tv_sec * 1e6 + (double)t.tv_usec;
}

int main(int argc, char **argv)
{
	struct timeval begin;
	double user = 0, system = 0;
	long voluntary = 0, involuntary = 0, largest = 0;
	bool good = true;
	if (argc < 4) {
		fputs("usage: peers STARLINGD RUN COUNT [--set SECTION.KEY=VALUE]...\n", stderr);
		return 2;
	}
	unsigned count = (unsigned)strtoul(argv[3], NULL, 10);
	setenv("OPENBLAS_NUM_THREADS", "1", 1);
	gettimeofday(&begin, NULL);
	for (unsigned k = 0; k < count; k++)
		if (fork() == 0)
			be_peer(argc, argv, k);
	struct rusage usage;
	for (int status; wait4(-1, &status, 0, &usage) > 0;) {
		good = good && WIFEXITED(status) && WEXITSTATUS(status) == 0;
		user += microseconds(usage.ru_utime);
		system += microseconds(usage.ru_stime);
		voluntary += usage.ru_nvcsw;
		involuntary += usage.ru_nivcsw;
		largest = usage.ru_maxrss > largest ? usage.ru_maxrss : largest;
	}
	printf("%.0f %.0f %.0f %ld %ld %ld\n", microseconds(begin), user, system, voluntary, involuntary,
	       largest);
	if (!good)
		fputs("peers: a peer failed\n", stderr);
	return !good;
}
