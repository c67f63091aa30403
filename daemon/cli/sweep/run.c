/* run.c — the loop of a sweep: several runs at once, what came of each in a line, and the time that is left. */
#include "daemon/cli/sweep/sweep.h"

#include "daemon/cli/common/command_line.h"
#include "daemon/run/clock.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { TURN_MS = 500 };

static double since(struct sl_time t)
{
	return (double)(sl_clock().us - t.us) / 1e6;
}

/* ---- progress ---- */

/* Runs that are under way have taken part of their time already. */
static double time_left(const struct sl_sweep *s)
{
	double mean = s->taken_of ? s->taken / (double)s->taken_of : (double)NAN, left = 0;
	size_t waiting = 0;
	for (size_t i = s->next; i < s->points; i++)
		waiting += !s->point[i].done && (!s->point[i].failed || s->retry);
	for (unsigned i = 0; i < s->jobs; i++)
		if (s->job[i].pid > 0)
			left += fmax(mean - since(s->job[i].began), 0);
	return (left + mean * (double)waiting) / s->jobs;
}

static void show(const struct sl_sweep *s)
{
	char left[32];
	unsigned running = 0;
	for (unsigned i = 0; i < s->jobs; i++)
		running += s->job[i].pid > 0;
	sl_time_left_text(time_left(s), left, sizeof left);
	if (s->terminal && !s->quiet)
		fprintf(stderr, "\r%zu of %zu runs, %u under way, %zu failed, %s left\033[K",
		        s->done + s->failed, s->points, running, s->failed, left);
}

static void report(const struct sl_sweep *s, const struct sl_sweep_point *p, const char *failure)
{
	char label[1024], left[32], accuracy[32], bytes[32];
	if (s->quiet)
		return;
	sl_sweep_point_label(&s->plan, p, label, sizeof label);
	sl_time_left_text(time_left(s), left, sizeof left);
	fprintf(stderr, "%s[%zu/%zu] %s: ", s->terminal ? "\r\033[K" : "", s->done + s->failed, s->points,
	        label);
	if (failure) {
		fprintf(stderr, "failed: %s", failure);
	} else {
		snprintf(accuracy, sizeof accuracy, isfinite(p->accuracy) ? "%.4f" : "-", p->accuracy);
		sl_bytes_text(p->payload_bytes, bytes, sizeof bytes);
		fprintf(stderr, "accuracy %s, %s, %.1f s", accuracy, bytes, p->seconds);
	}
	fprintf(stderr, "; %s left\n", left);
}

/* ---- jobs ---- */

static enum sl_status ended(struct sl_sweep *s, struct sl_sweep_job *job, int wait_status,
                            struct sl_error *error)
{
	char failure[512];
	bool good = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0;
	if (good && job->preparing)
		return sl_sweep_go_on(s, job, error);
	struct sl_sweep_point *p = job->point;
	job->pid = 0;
	p->seconds = since(job->began);
	if (!good)
		sl_sweep_failure(s, p, wait_status, failure, sizeof failure);
	enum sl_status status = sl_sweep_finish(s, p, good ? NULL : failure, error);
	if (status != SL_OK)
		return status;
	s->done += p->done;
	s->failed += p->failed;
	s->ran += p->seconds;
	s->ran_of++;
	s->taken += p->done ? p->seconds : 0;
	s->taken_of += p->done;
	report(s, p, good ? p->failed ? "it has left no history" : NULL : failure);
	return SL_OK;
}

static enum sl_status reap(struct sl_sweep *s, struct sl_error *error)
{
	enum sl_status status = SL_OK;
	for (unsigned i = 0; i < s->jobs && status == SL_OK; i++) {
		int wait_status;
		if (s->job[i].pid > 0 && waitpid(s->job[i].pid, &wait_status, WNOHANG) > 0)
			status = ended(s, &s->job[i], wait_status, error);
	}
	return status;
}

/* Starts what there is room for; whether anything is under way. */
static enum sl_status fill(struct sl_sweep *s, bool *busy, struct sl_error *error)
{
	enum sl_status status = SL_OK;
	*busy = false;
	for (unsigned i = 0; i < s->jobs && status == SL_OK; i++) {
		while (s->next < s->points &&
		       (s->point[s->next].done || (s->point[s->next].failed && !s->retry)))
			s->next++;
		if (s->job[i].pid == 0 && s->next < s->points) {
			struct sl_sweep_point *p = &s->point[s->next++];
			s->failed -= p->failed;
			p->failed = false;
			status = sl_sweep_start(s, &s->job[i], p, error);
		}
		*busy |= s->job[i].pid > 0;
	}
	return status;
}

/* Waits for a child or a signal, at most half a second. */
static void pause_a_little(struct sl_sweep *s, const sigset_t *signals)
{
	struct timespec most = { 0, TURN_MS * 1000000L };
	siginfo_t info;
	int number = sigtimedwait(signals, &info, &most);
	s->interrupted |= number == SIGINT || number == SIGTERM || number == SIGHUP;
}

enum sl_status sl_sweep_run(struct sl_sweep *s, struct sl_sweep_point *points, size_t count,
                            struct sl_error *error)
{
	bool busy = true;
	sigset_t signals;
	struct sl_time began = sl_clock();
	s->point = points;
	s->points = count;
	s->next = s->done = s->failed = 0;
	for (size_t i = 0; i < count; i++)
		sl_sweep_point_identify(&s->plan, &points[i]);
	enum sl_status status = sl_sweep_load(s, points, count, error);
	for (size_t i = 0; i < count && status == SL_OK; i++) {
		s->done += points[i].done;
		s->failed += points[i].failed;
		s->taken += points[i].done ? points[i].seconds : 0;
		s->taken_of += points[i].done;
	}
	if (status == SL_OK && s->done + s->failed > 0 && !s->quiet)
		fprintf(stderr, "starling sweep: %zu of %zu runs are there from before\n",
		        s->done + s->failed, count);
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	while (status == SL_OK && !s->interrupted) {
		status = fill(s, &busy, error);
		if (status != SL_OK || !busy)
			break;
		show(s);
		pause_a_little(s, &signals);
		status = reap(s, error);
	}
	if (s->terminal && !s->quiet)
		fputs("\r\033[K", stderr);
	sl_sweep_kill(s);
	s->wall += since(began);
	return status == SL_OK ? sl_sweep_load(s, points, count, error) : status;
}
