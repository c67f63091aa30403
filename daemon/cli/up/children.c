/* children.c — processes of peers on this machine. */
#include "daemon/cli/up/children.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* As systemd's StartLimit: this many starts in that time, then it stays down. */
enum { BURST = 5, BURST_US = 10000000, REST_US = 100000, MISCONFIGURED = 2, DIVERGED = 3 };

enum sl_status sl_children_find(char program[static 4096], struct sl_error *error)
{
	static const char *const beside[] = { "starlingd", "../sbin/starlingd" };
	char own[2048];
	ssize_t n = readlink("/proc/self/exe", own, sizeof own - 1);
	own[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(own, '/');
	for (unsigned i = 0; slash && i < 2; i++) {
		slash[1] = '\0';
		snprintf(program, 4096, "%s%s", own, beside[i]);
		if (access(program, X_OK) == 0)
			return SL_OK;
	}
	const char *path = getenv("PATH");
	for (const char *p = path ? path : ""; *p;) {
		size_t length = strcspn(p, ":");
		snprintf(program, 4096, "%.*s/starlingd", (int)length, p);
		if (access(program, X_OK) == 0)
			return SL_OK;
		p += length + (p[length] == ':');
	}
	return sl_fail(error, SL_IO,
	               "starlingd not found in the folder of this program, in ../sbin or in PATH");
}

/* In the child: nothing here returns. */
static void become_peer(const struct sl_children *c, uint32_t k, int log, pid_t parent, char **argv)
{
	sigset_t early; /* a SIGHUP must not end it before it handles signals */
	sigemptyset(&early);
	sigaddset(&early, SIGHUP);
	sigprocmask(SIG_SETMASK, &early, NULL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1); /* it died before the line above */
	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
		_exit(1);
	execv(c->program, argv);
	dprintf(2, "peer %u: cannot run %s: %s\n", k, c->program, strerror(errno));
	_exit(127);
}

/* "starlingd -r CONF -p K --set …", for free(). */
static char **arguments(const struct sl_children *c, char *number)
{
	size_t count = 0, at = 0;
	while (c->set && c->set[count])
		count++;
	char **argv = calloc(2 * count + 6, sizeof *argv);
	if (!argv)
		return NULL;
	/* execv takes char * and changes nothing. */
	const char *fixed[] = { c->program, "-r", c->conf, "-p", number };
	for (; at < 5; at++)
		argv[at] = (char *)(uintptr_t)fixed[at];
	for (size_t i = 0; i < count; i++) {
		argv[at++] = (char *)(uintptr_t) "--set";
		argv[at++] = c->set[i];
	}
	return argv;
}

static enum sl_status start(struct sl_children *c, uint32_t k, bool append, struct sl_time now,
                            struct sl_error *error)
{
	char path[4096 + 32], number[16];
	struct sl_child *child = &c->child[k];
	snprintf(path, sizeof path, "%s/%u.log", c->log, k);
	snprintf(number, sizeof number, "%u", k);
	int log = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND | (append ? 0 : O_TRUNC), 0666);
	if (log < 0)
		return sl_fail(error, SL_IO, "cannot write %s: %s", path, strerror(errno));
	char **argv = arguments(c, number);
	pid_t parent = getpid(), pid = argv ? fork() : -1;
	if (pid == 0)
		become_peer(c, k, log, parent, argv);
	free(argv);
	close(log);
	if (pid < 0)
		return sl_fail(error, SL_IO, "cannot start peer %u: %s", k, strerror(errno));
	child->pid = pid;
	child->state = SL_CHILD_RUNNING;
	child->start[child->starts++ % 8] = now;
	return SL_OK;
}

enum sl_status sl_children_start(struct sl_children *c, struct sl_time now, struct sl_error *error)
{
	/* These are for this process, not for the peers. */
	static const char *const foreign[] = { "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
		                               "CREDENTIALS_DIRECTORY" };
	for (unsigned i = 0; i < sizeof foreign / sizeof *foreign; i++)
		unsetenv(foreign[i]);
	if (mkdir(c->log, 0777) != 0 && errno != EEXIST)
		return sl_fail(error, SL_IO, "cannot create %s: %s", c->log, strerror(errno));
	for (uint32_t k = 0; k < c->count; k++) {
		if (c->child[k].absent) {
			c->child[k].state = SL_CHILD_ENDED;
			continue;
		}
		enum sl_status status = start(c, k, c->append, now, error);
		if (status == SL_OK)
			continue;
		c->count = k;
		sl_children_signal(c, SIGKILL);
		while (wait(NULL) > 0 || errno == EINTR)
			;
		return status;
	}
	return SL_OK;
}

enum sl_status sl_children_grow(struct sl_children *c, uint32_t count, struct sl_error *error)
{
	struct sl_child *child = realloc(c->child, count * sizeof *child);
	if (!child)
		return sl_fail(error, SL_NO_MEMORY, "no memory for %u peers", count);
	c->child = child;
	for (; c->count < count; c->count++)
		child[c->count] = (struct sl_child){ .absent = true, .state = SL_CHILD_ENDED };
	return SL_OK;
}

enum sl_status sl_children_add(struct sl_children *c, uint32_t k, struct sl_time now, struct sl_error *error)
{
	SL_CHECK(k < c->count && c->child[k].absent);
	enum sl_status status = start(c, k, c->append, now, error);
	c->child[k].absent = status != SL_OK;
	return status;
}

void sl_children_part(struct sl_children *c, uint32_t k)
{
	c->child[k].leaving = true;
	if (c->child[k].state == SL_CHILD_RESTING)
		c->child[k].state = SL_CHILD_ENDED;
}

/* Too many recent starts, or an error that a restart does not fix. */
static bool is_hopeless(const struct sl_child *child, struct sl_time now)
{
	if (WIFEXITED(child->wait_status) &&
	    (WEXITSTATUS(child->wait_status) == MISCONFIGURED || WEXITSTATUS(child->wait_status) == DIVERGED))
		return true;
	if (child->starts < BURST)
		return false;
	return now.us - child->start[(child->starts - BURST) % 8].us < BURST_US;
}

int64_t sl_children_reap(struct sl_children *c, struct sl_time now)
{
	/* By number: others are trainers, and their keepers wait for them. */
	for (uint32_t k = 0; k < c->count; k++) {
		struct sl_child *child = &c->child[k];
		if (child->state != SL_CHILD_RUNNING || child->absent ||
		    waitpid(child->pid, &child->wait_status, WNOHANG) <= 0)
			continue;
		if (WIFEXITED(child->wait_status) && WEXITSTATUS(child->wait_status) == 0) {
			child->state = SL_CHILD_ENDED;
			continue;
		}
		bool again = c->restart && !is_hopeless(child, now);
		child->state = child->leaving ? SL_CHILD_ENDED : again ? SL_CHILD_RESTING : SL_CHILD_FAILED;
		child->again_at = sl_time_after(now, REST_US);
		return k;
	}
	return -1;
}

int sl_children_revive(struct sl_children *c, struct sl_time now)
{
	int sleep_ms = -1;
	for (uint32_t k = 0; k < c->count; k++) {
		struct sl_error error;
		struct sl_child *child = &c->child[k];
		if (child->state != SL_CHILD_RESTING)
			continue;
		if (sl_time_before(now, child->again_at)) {
			int ms = (int)((child->again_at.us - now.us + 999) / 1000);
			sleep_ms = sleep_ms < 0 || ms < sleep_ms ? ms : sleep_ms;
		} else if (start(c, k, true, now, &error) != SL_OK) {
			child->state = SL_CHILD_FAILED;
		}
	}
	return sleep_ms;
}

void sl_children_signal(const struct sl_children *c, int number)
{
	for (uint32_t k = 0; k < c->count; k++)
		if (c->child[k].state == SL_CHILD_RUNNING)
			kill(c->child[k].pid, number);
}

uint32_t sl_children_alive(const struct sl_children *c)
{
	uint32_t alive = 0;
	for (uint32_t k = 0; k < c->count; k++)
		alive += c->child[k].state == SL_CHILD_RUNNING || c->child[k].state == SL_CHILD_RESTING;
	return alive;
}

void sl_child_end_text(int wait_status, char *text, size_t size)
{
	if (WIFSIGNALED(wait_status))
		snprintf(text, size, "was killed by signal %d (%s)", WTERMSIG(wait_status),
		         strsignal(WTERMSIG(wait_status)));
	else
		snprintf(text, size, "%s exit code %d",
		         WEXITSTATUS(wait_status) == DIVERGED ? "diverged and ended with" : "ended with",
		         WEXITSTATUS(wait_status));
}
