/* child.c — a point of a sweep as processes: starling sim, or starling init and then starling up. */
#include "daemon/cli/sweep/sweep.h"

#include "daemon/run/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGUMENTS = 4 * SL_SWEEP_SETS, TEXT = 64 * 1024 };

struct arguments {
	char *argv[ARGUMENTS + 1];
	unsigned count;
	char text[TEXT]; /* holds them */
	size_t used;
	const char *topology;
	const struct sl_sweep *sweep;
};

__attribute__((format(printf, 2, 3))) static void add(struct arguments *a, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	int n = vsnprintf(a->text + a->used, sizeof a->text - a->used, format, list);
	va_end(list);
	SL_CHECK(n >= 0 && (size_t)n < sizeof a->text - a->used && a->count < ARGUMENTS);
	a->argv[a->count++] = a->text + a->used;
	a->used += (size_t)n + 1;
}

static void add_setting(void *context, const char *key, const char *value)
{
	struct arguments *a = context;
	if (strcmp(key, "topology") == 0) {
		a->topology = value;
		return;
	}
	add(a, "--set");
	add(a, "%s=%s", key, value);
}

static void add_settings(struct arguments *a, const struct sl_sweep *s, const struct sl_sweep_point *point)
{
	sl_sweep_point_each(&s->plan, point, add_setting, a);
	add(a, "--set");
	add(a, "run.name=%s%s", s->plan.name, point->tune ? "-tune" : "");
	add(a, "--topology");
	add(a, "%s", a->topology);
}

static void add_sim(struct arguments *a, const struct sl_sweep *s, const struct sl_sweep_point *point)
{
	char database[4096 + 64];
	sl_sweep_path(s, point, ".db", database);
	add(a, "sim");
	add_settings(a, s, point);
	add(a, "--history");
	add(a, "%s", database);
	if (s->plan.target > 0) {
		add(a, "--until");
		add(a, "%.17g", s->plan.target);
	}
	for (unsigned i = 0; i < s->plan.options; i++) {
		add(a, "--%s", s->plan.option[i].key);
		if (strcmp(s->plan.option[i].key, "bottleneck") != 0)
			add(a, "%s", s->plan.option[i].value);
	}
}

static void add_init(struct arguments *a, const struct sl_sweep *s, const struct sl_sweep_point *point)
{
	char folder[4096 + 64];
	sl_sweep_path(s, point, ".run", folder);
	add(a, "init");
	add(a, "%s", folder);
	add_settings(a, s, point);
}

static void add_up(struct arguments *a, const struct sl_sweep *s, const struct sl_sweep_point *point)
{
	char folder[4096 + 64];
	sl_sweep_path(s, point, ".run", folder);
	add(a, "up");
	add(a, "%s", folder);
	add(a, "--plain");
	if (s->plan.target > 0) {
		add(a, "--until");
		add(a, "%.17g", s->plan.target);
	}
}

/* In the child: nothing here returns. */
static void become(const struct sl_sweep *s, const char *log, pid_t parent, char **argv)
{
	sigset_t none;
	sigemptyset(&none);
	setpgid(0, 0); /* a terminal's ^C is for the sweep, which ends its children */
	prctl(PR_SET_PDEATHSIG, s->plan.daemons ? SIGTERM : SIGKILL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (getppid() != parent || in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 ||
	    dup2(out, 2) < 0)
		_exit(127);
	setenv("TMPDIR", s->work, 1); /* what a killed child leaves is removed with the rest */
	execv(s->program, argv);
	_exit(127);
}

static enum sl_status spawn(struct sl_sweep *s, struct sl_sweep_job *job, struct arguments *a,
                            struct sl_error *error)
{
	char log[4096 + 64];
	sl_sweep_path(s, job->point, ".log", log);
	pid_t parent = getpid(), pid = fork();
	if (pid == 0)
		become(s, log, parent, a->argv);
	if (pid < 0)
		return sl_fail(error, SL_IO, "cannot start a process: %s", strerror(errno));
	setpgid(pid, pid);
	job->pid = pid;
	return SL_OK;
}

static enum sl_status run(struct sl_sweep *s, struct sl_sweep_job *job,
                          void (*add_what)(struct arguments *, const struct sl_sweep *,
                                           const struct sl_sweep_point *),
                          struct sl_error *error)
{
	struct arguments *a = calloc(1, sizeof *a);
	if (!a)
		return sl_fail(error, SL_NO_MEMORY, "no memory for a command line");
	add(a, "starling");
	add_what(a, s, job->point);
	enum sl_status status = spawn(s, job, a, error);
	free(a);
	return status;
}

enum sl_status sl_sweep_start(struct sl_sweep *s, struct sl_sweep_job *job, struct sl_sweep_point *point,
                              struct sl_error *error)
{
	*job = (struct sl_sweep_job){ .point = point, .began = sl_clock(), .preparing = s->plan.daemons };
	return run(s, job, s->plan.daemons ? add_init : add_sim, error);
}

enum sl_status sl_sweep_go_on(struct sl_sweep *s, struct sl_sweep_job *job, struct sl_error *error)
{
	job->preparing = false;
	job->pid = 0;
	return run(s, job, add_up, error);
}

void sl_sweep_kill(const struct sl_sweep *s)
{
	for (unsigned i = 0; i < s->jobs; i++)
		if (s->job[i].pid > 0)
			kill(s->job[i].pid, s->plan.daemons ? SIGTERM : SIGKILL);
	for (unsigned i = 0; i < s->jobs; i++)
		while (s->job[i].pid > 0 && waitpid(s->job[i].pid, NULL, 0) < 0 && errno == EINTR)
			;
}

void sl_sweep_failure(const struct sl_sweep *s, const struct sl_sweep_point *point, int wait_status,
                      char *text, size_t size)
{
	char path[4096 + 64], tail[2048] = "";
	sl_sweep_path(s, point, ".log", path);
	FILE *log = fopen(path, "re");
	if (log) {
		if (fseek(log, -(long)(sizeof tail - 1), SEEK_END) != 0)
			rewind(log);
		tail[fread(tail, 1, sizeof tail - 1, log)] = '\0';
		fclose(log);
	}
	const char *last = "";
	for (char *save = NULL, *line = strtok_r(tail, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (strncmp(line, "starling ", 9) == 0 || !last[0])
			last = line;
	char end[64];
	if (WIFSIGNALED(wait_status))
		snprintf(end, sizeof end, "killed by signal %d", WTERMSIG(wait_status));
	else
		snprintf(end, sizeof end, "exit code %d", WEXITSTATUS(wait_status));
	snprintf(text, size, "%s%s%s", end, last[0] ? ": " : "", last);
}
