#include "daemon/run/trainer/keeper.h"

#include "daemon/run/clock.h"
#include "daemon/run/threads.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAUSE_FIRST_MS = 100, PAUSE_MOST_MS = 30000, LONG_LIFE_US = 10000000 };

struct sl_keeper {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool stopping, ended, once;
	int status;
	pid_t pid; /* 0: none runs */
	unsigned starts;
	char *command, *folder, *log;
	char **environment;
	char socket[4096 + 32], peer[48];
};

/* In the child, between fork and exec: nothing that takes a lock. */
static void become_trainer(const struct sl_keeper *k, int log, pid_t parent)
{
	char *const argv[] = { (char[]){ "sh" }, (char[]){ "-c" }, k->command, NULL };
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1); /* it died before the line above */
	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (nothing < 0 || dup2(nothing, 0) < 0 || (log >= 0 && dup2(log, 1) < 0) ||
	    dup2(log >= 0 ? log : 2, 2) < 0)
		_exit(1);
	if (k->folder[0] && chdir(k->folder) != 0) {
		dprintf(2, "%s: %s\n", k->folder, strerror(errno));
		_exit(127);
	}
	execve("/bin/sh", argv, k->environment);
	_exit(127);
}

static pid_t launch(const struct sl_keeper *k)
{
	int log = k->log ? open(k->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666) : -1;
	pid_t parent = getpid(), pid = fork();
	if (pid == 0)
		become_trainer(k, k->log ? log : 2, parent);
	if (log >= 0)
		close(log);
	return pid;
}

/* Until that much time has passed, or the keeper is stopped. Under the lock. */
static void rest(struct sl_keeper *k, int ms)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (!k->stopping && pthread_cond_timedwait(&k->changed, &k->lock, &until) != ETIMEDOUT)
		;
}

/* The process is a child of this thread, and dies with it: it stays as long as the keeper. */
static void *keep(void *context)
{
	struct sl_keeper *k = context;
	int pause_ms = PAUSE_FIRST_MS;
	pthread_mutex_lock(&k->lock);
	while (!k->stopping) {
		struct sl_time begin = sl_clock();
		pid_t pid = launch(k);
		k->pid = pid > 0 ? pid : 0;
		k->starts++;
		pthread_mutex_unlock(&k->lock);
		int status = 127 << 8;
		while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		pthread_mutex_lock(&k->lock);
		if (pid > 0)
			kill(-pid, SIGKILL); /* what it may have left behind */
		k->pid = 0;
		k->status = status;
		pthread_cond_broadcast(&k->changed);
		if (k->once)
			break;
		pause_ms = sl_clock().us - begin.us > LONG_LIFE_US ? PAUSE_FIRST_MS : pause_ms;
		rest(k, pause_ms);
		pause_ms = 2 * pause_ms < PAUSE_MOST_MS ? 2 * pause_ms : PAUSE_MOST_MS;
	}
	k->ended = true;
	pthread_cond_broadcast(&k->changed);
	pthread_mutex_unlock(&k->lock);
	return NULL;
}

/* A shell between us and the trainer would outlive it, or the trainer the shell. exec takes no assignments ("A=1 python3
 * train.py"): env(1), which becomes the command, does. */
static char *command_of(const char *command)
{
	bool simple = !strpbrk(command, ";&|()<>\n") && strncmp(command, "exec ", 5) != 0;
	const char *first = strcspn(command, "=") < strcspn(command, " '\"") ? "exec env " : "exec ";
	char *text = malloc(strlen(command) + 10);
	if (text)
		sprintf(text, "%s%s", simple ? first : "", command);
	return text;
}

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* That of this process, with two more; those for the manager of this process are not for trainers. */
static char **environment_of(struct sl_keeper *k)
{
	static const char *const ours[] = {
		"STARLING_TRAINER=", "STARLING_PEER=",         "NOTIFY_SOCKET=", "WATCHDOG_USEC=",
		"WATCHDOG_PID=",     "CREDENTIALS_DIRECTORY=", "LISTEN_FDS=",    "OPENBLAS_NUM_THREADS="
	};
	size_t count = 0, at = 0;
	while (environ[count])
		count++;
	char **list = calloc(count + 3, sizeof *list);
	for (size_t i = 0; list && i < count; i++) {
		bool foreign = false;
		for (unsigned n = 0; n < sizeof ours / sizeof *ours; n++)
			foreign = foreign || starts_with(environ[i], ours[n]);
		if (!foreign)
			list[at++] = environ[i];
	}
	if (list) {
		list[at++] = k->socket;
		list[at] = k->peer;
	}
	return list;
}

static void discard(struct sl_keeper *k)
{
	free(k->command);
	free(k->folder);
	free(k->log);
	free(k->environment);
	free(k);
}

struct sl_keeper *sl_keeper_start(const struct sl_keeper_setup *setup, struct sl_error *error)
{
	pthread_condattr_t attributes;
	struct sl_keeper *k = calloc(1, sizeof *k);
	if (!k) {
		sl_fail(error, SL_NO_MEMORY, "no memory for a trainer");
		return NULL;
	}
	k->once = setup->once;
	k->command = command_of(setup->command);
	k->folder = strdup(setup->folder ? setup->folder : "");
	k->log = setup->log ? strdup(setup->log) : NULL;
	snprintf(k->socket, sizeof k->socket, "STARLING_TRAINER=%.4096s", setup->socket);
	if (setup->peer == UINT32_MAX)
		snprintf(k->peer, sizeof k->peer, "STARLING_PEER=all");
	else
		snprintf(k->peer, sizeof k->peer, "STARLING_PEER=%u", setup->peer);
	k->environment = environment_of(k);
	pthread_mutex_init(&k->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&k->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	bool memory = k->command && k->folder && k->environment && (!setup->log || k->log);
	int failure = memory ? sl_thread_start(&k->thread, keep, k) : ENOMEM;
	if (!failure)
		return k;
	sl_fail(error, SL_IO, "cannot start a trainer: %s", strerror(failure));
	discard(k);
	return NULL;
}

bool sl_keeper_ended(struct sl_keeper *k, int *status)
{
	pthread_mutex_lock(&k->lock);
	bool ended = k->ended;
	*status = k->status;
	pthread_mutex_unlock(&k->lock);
	return ended;
}

unsigned sl_keeper_starts(struct sl_keeper *k)
{
	pthread_mutex_lock(&k->lock);
	unsigned starts = k->starts;
	pthread_mutex_unlock(&k->lock);
	return starts;
}

void sl_keeper_stop(struct sl_keeper *k, int patience_ms)
{
	if (!k)
		return;
	struct sl_time until = sl_time_after(sl_clock(), (int64_t)patience_ms * 1000);
	pthread_mutex_lock(&k->lock);
	k->stopping = true;
	pthread_cond_broadcast(&k->changed);
	if (k->pid)
		kill(-k->pid, SIGTERM);
	while (k->pid && sl_time_before(sl_clock(), until)) {
		struct timespec soon;
		clock_gettime(CLOCK_MONOTONIC, &soon);
		soon.tv_nsec += 20000000;
		soon.tv_sec += soon.tv_nsec / 1000000000;
		soon.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&k->changed, &k->lock, &soon);
	}
	if (k->pid)
		kill(-k->pid, SIGKILL);
	pthread_mutex_unlock(&k->lock);
	pthread_join(k->thread, NULL);
	pthread_cond_destroy(&k->changed);
	pthread_mutex_destroy(&k->lock);
	discard(k);
}
