/* acceptance [-j JOBS] [NAME …] — runs the experiments, prints a table, exits 1 if a figure is out of its
 * range. */
#include "acceptance.h"

#include "linalg/vector.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static bool failed;

void figure(const char *what, double measured, double least, double most, const char *reference)
{
	bool pass = measured >= least && measured <= most;
	char range[64];
	if (least == -(double)INFINITY)
		snprintf(range, sizeof range, "<= %.4g", most);
	else if (most == (double)INFINITY)
		snprintf(range, sizeof range, ">= %.4g", least);
	else
		snprintf(range, sizeof range, "%.5g ... %.5g", least, most);
	printf("  %-66s %11.5g  %-20s %-26s %s\n", what, measured, range, reference, pass ? "pass" : "FAIL");
	failed = failed || !pass;
}

static bool wanted(const char *name, int count, char **names)
{
	for (int i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return count == 0;
}

static double seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* In a process of its own, its output in a file that is printed in turn. */
static pid_t launch(const struct experiment *e, FILE *out)
{
	fflush(stdout);
	pid_t child = fork();
	if (child != 0)
		return child;
	dup2(fileno(out), STDOUT_FILENO);
	double start = seconds();
	printf("%s  %s\n", e->name, e->title);
	e->run();
	printf("  (%.1f s)\n", seconds() - start);
	fflush(stdout);
	_exit(failed);
}

static bool finish(pid_t child, FILE *out)
{
	int status;
	char line[512];
	if (child < 0 || waitpid(child, &status, 0) != child)
		return false;
	rewind(out);
	while (fgets(line, sizeof line, out))
		fputs(line, stdout);
	fclose(out);
	if (!WIFEXITED(status))
		printf("  died of signal %d\n", WTERMSIG(status));
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(int count, char **names)
{
	enum { JOBS_MAX = 16 };
	unsigned jobs = 2, running = 0, first = 0;
	pid_t child[JOBS_MAX];
	FILE *out[JOBS_MAX];
	bool good = true;
	if (count > 2 && strcmp(names[1], "-j") == 0) {
		jobs = (unsigned)atoi(names[2]);
		jobs = jobs < 1 ? 1 : jobs > JOBS_MAX ? JOBS_MAX : jobs;
		names += 2;
		count -= 2;
	}
	sl_blas_start();
	printf("  %-66s %11s  %-20s %-26s\n", "figure", "measured", "passes", "reference");
	for (const struct experiment *e = experiments; e->name; e++) {
		if (!wanted(e->name, count - 1, names + 1))
			continue;
		if (running == jobs) {
			good = finish(child[first % jobs], out[first % jobs]) && good;
			first++;
			running--;
		}
		unsigned slot = (first + running) % jobs;
		out[slot] = tmpfile();
		child[slot] = out[slot] ? launch(e, out[slot]) : -1;
		running++;
	}
	for (; running > 0; running--, first++)
		good = finish(child[first % jobs], out[first % jobs]) && good;
	puts(good ? "every figure is in its range" : "NOT every figure is in its range");
	return good ? 0 : 1;
}
