/* store.c — results of a sweep: from a file per run into the one database, so that a kill at any moment loses no
 * finished run and counts none twice.
 *
 * A row "collecting" is written before the rows of a run are copied, and replaced after; copying again changes
 * nothing. Only then is the run's own file removed. */
#include "daemon/cli/sweep/sweep.h"

#include "daemon/cli/common/command_line.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

void sl_sweep_path(const struct sl_sweep *s, const struct sl_sweep_point *point, const char *ending,
                   char out[static 4096 + 64])
{
	snprintf(out, 4096 + 64, "%.4100s/%s%s", s->work, point->id, ending);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
	(void)info;
	(void)kind;
	(void)at;
	return remove(path);
}

static void remove_tree(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void remove_files(const struct sl_sweep *s, const struct sl_sweep_point *point, bool log)
{
	static const char *const endings[] = { ".db", ".db-wal", ".db-shm", ".log" };
	char path[4096 + 64];
	for (size_t i = 0; i < sizeof endings / sizeof *endings - !log; i++) {
		sl_sweep_path(s, point, endings[i], path);
		unlink(path);
	}
	sl_sweep_path(s, point, ".run", path);
	remove_tree(path);
}

/* ---- reading ---- */

struct reading {
	struct sl_sweep *sweep;
	struct sl_sweep_point *point;
	size_t points;
	size_t *sorted; /* numbers of points, by id */
};

/* The sorting function has no context. */
static const struct sl_sweep_point *sorted_points;

static int by_id(const void *a, const void *b)
{
	return strcmp(sorted_points[*(const size_t *)a].id, sorted_points[*(const size_t *)b].id);
}

static struct sl_sweep_point *find(const struct reading *r, const char *id)
{
	size_t first = 0, end = r->points;
	while (first < end) {
		size_t middle = first + (end - first) / 2;
		int order = strcmp(id, r->point[r->sorted[middle]].id);
		if (order == 0)
			return &r->point[r->sorted[middle]];
		if (order < 0)
			end = middle;
		else
			first = middle + 1;
	}
	return NULL;
}

static void read_one(void *context, const struct sl_sweep_result *row)
{
	const struct reading *r = context;
	struct sl_sweep_point *p = find(r, row->point);
	if (!p || strcmp(row->state, "collecting") == 0)
		return;
	p->done = strcmp(row->state, "done") == 0;
	p->failed = !p->done;
	p->seconds = row->seconds;
	p->accuracy = row->accuracy;
	p->worst = row->worst;
	p->consensus_error = row->consensus_error;
	p->payload_bytes = row->payload_bytes;
	p->wire_bytes = row->wire_bytes;
	p->rounds = row->rounds;
	p->target_round = row->target_round;
	p->target_bytes = row->target_bytes;
}

enum sl_status sl_sweep_load(struct sl_sweep *s, struct sl_sweep_point *points, size_t count,
                             struct sl_error *error)
{
	struct reading r = { s, points, count, calloc(count + 1, sizeof *r.sorted) };
	if (!r.sorted)
		return sl_fail(error, SL_NO_MEMORY, "no memory for %zu points", count);
	for (size_t i = 0; i < count; i++)
		r.sorted[i] = i;
	sorted_points = points;
	qsort(r.sorted, count, sizeof *r.sorted, by_id);
	enum sl_status status = sl_sweep_each(s->history, s->plan.target, read_one, &r, error);
	free(r.sorted);
	return status;
}

/* ---- writing ---- */

static bool take_first(void *context, const struct sl_history_summary *summary)
{
	struct sl_history_summary *out = context;
	*out = *summary;
	return false;
}

/* The run in a point's own database; false: there is none. */
static bool look_at_run(const struct sl_sweep *s, const struct sl_sweep_point *point,
                        char database[static 4096 + 64], struct sl_history_summary *out)
{
	struct sl_error error;
	struct stat about;
	sl_sweep_path(s, point, s->plan.daemons ? ".run/history.db" : ".db", database);
	out->run_id[0] = '\0';
	if (stat(database, &about) != 0)
		return false;
	struct sl_history *h = sl_history_open(database, SL_HISTORY_READ, &error);
	if (!h)
		return false;
	sl_history_summaries(h, NULL, take_first, out, &error);
	sl_history_close(h);
	return out->run_id[0];
}

static enum sl_status put(struct sl_sweep *s, const struct sl_sweep_point *point, const char *state,
                          const char *run_id, const char *failure, struct sl_error *error)
{
	struct timeval now;
	char *axes = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&axes, &length);
	if (!out)
		return sl_fail(error, SL_NO_MEMORY, "out of memory");
	sl_sweep_point_axes(&s->plan, point, out);
	fclose(out);
	gettimeofday(&now, NULL);
	struct sl_sweep_row row = { .point = point->id,
		                    .stage = point->tune ? "tune" : "run",
		                    .axes = axes,
		                    .state = state,
		                    .run_id = run_id,
		                    .detail = failure,
		                    .seconds = point->seconds,
		                    .at_us = (int64_t)now.tv_sec * 1000000 + now.tv_usec };
	enum sl_status status = sl_sweep_put(s->history, &row, error);
	free(axes);
	return status;
}

enum sl_status sl_sweep_finish(struct sl_sweep *s, struct sl_sweep_point *point, const char *failure,
                               struct sl_error *error)
{
	char database[4096 + 64];
	struct sl_history_summary summary;
	bool run = look_at_run(s, point, database, &summary);
	const char *state = failure ? "failed" : "done", *run_id = run ? summary.run_id : NULL;
	if (!run && !failure)
		failure = "it has left no history";
	enum sl_status status = run ? put(s, point, "collecting", run_id, failure, error) : SL_OK;
	if (status == SL_OK && run) {
		struct sl_history_source source = { .path = database };
		status = sl_history_collect(s->history, &source, 1, error);
	}
	if (status == SL_OK)
		status = put(s, point, run ? state : "failed", run_id, failure, error);
	if (status != SL_OK)
		return sl_wrap(error, "%s", s->database);
	point->done = run && !failure;
	point->failed = !point->done;
	if (run) {
		point->accuracy = summary.test_accuracy;
		point->payload_bytes = summary.payload_bytes;
	}
	remove_files(s, point, point->done);
	return SL_OK;
}

/* ---- opening ---- */

static enum sl_status lock(struct sl_sweep *s, struct sl_error *error)
{
	char path[4096 + 64];
	if (mkdir(s->work, 0777) != 0 && errno != EEXIST)
		return sl_fail(error, SL_IO, "%s: %s", s->work, strerror(errno));
	snprintf(path, sizeof path, "%.4100s/lock", s->work);
	s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (s->lock < 0)
		return sl_fail(error, SL_IO, "%s: %s", path, strerror(errno));
	if (flock(s->lock, LOCK_EX | LOCK_NB) == 0)
		return SL_OK;
	return sl_fail(error, SL_REFUSED, "%s: another starling sweep works on this database", s->database);
}

/* Files of runs that were under way when an earlier start ended. Rows "collecting" are settled by running the point
 * again: what was copied of it so far is one run more, unless its own file is whole, in which case it is copied again. */
static void clean(struct sl_sweep *s)
{
	char path[4096 + 320];
	DIR *folder = opendir(s->work);
	for (struct dirent *e; folder && (e = readdir(folder));) {
		if (e->d_name[0] == '.' || strcmp(e->d_name, "lock") == 0)
			continue;
		snprintf(path, sizeof path, "%.4100s/%s", s->work, e->d_name);
		remove_tree(path);
	}
	if (folder)
		closedir(folder);
}

struct unsettled {
	struct sl_sweep *sweep;
	struct sl_sweep_result row[64]; /* as many as there are jobs, at most */
	unsigned count;
};

static void note_unsettled(void *context, const struct sl_sweep_result *row)
{
	struct unsettled *u = context;
	if (strcmp(row->state, "collecting") == 0 && u->count < 64)
		u->row[u->count++] = *row;
}

/* Copies again what an earlier start was copying when it was killed. */
static enum sl_status settle(struct sl_sweep *s, struct sl_error *error)
{
	struct unsettled *u = calloc(1, sizeof *u);
	enum sl_status status = u ? SL_OK : sl_fail(error, SL_NO_MEMORY, "out of memory");
	if (u)
		status = sl_sweep_each(s->history, 0, note_unsettled, u, error);
	for (unsigned i = 0; u && i < u->count && status == SL_OK; i++) {
		struct sl_sweep_point point = { 0 };
		char database[4096 + 64];
		struct sl_history_summary summary;
		memcpy(point.id, u->row[i].point, sizeof point.id);
		struct sl_history_source source = { .path = database };
		if (!look_at_run(s, &point, database, &summary))
			continue;
		status = sl_history_collect(s->history, &source, 1, error);
		if (status == SL_OK)
			status = sl_sweep_settle(s->history, point.id, error);
	}
	free(u);
	return status;
}

enum sl_status sl_sweep_open(struct sl_sweep *s, struct sl_error *error)
{
	snprintf(s->work, sizeof s->work, "%s.work", s->database);
	ssize_t n = readlink("/proc/self/exe", s->program, sizeof s->program - 1);
	if (n <= 0)
		return sl_fail(error, SL_IO, "/proc/self/exe: %s", strerror(errno));
	s->program[n] = '\0';
	enum sl_status status = lock(s, error);
	if (status != SL_OK)
		return status;
	s->history = sl_history_open(s->database, SL_HISTORY_WRITE, error);
	if (!s->history)
		return error->status;
	status = sl_sweep_begin(s->history, error);
	if (status == SL_OK)
		status = settle(s, error);
	if (status == SL_OK)
		clean(s);
	return status;
}

void sl_sweep_close(struct sl_sweep *s)
{
	char path[4096 + 64];
	sl_history_close(s->history);
	if (s->lock >= 0) {
		snprintf(path, sizeof path, "%.4100s/lock", s->work);
		unlink(path);
		rmdir(s->work); /* unless logs of failures are in it */
		close(s->lock);
	}
	free(s->job);
	sl_sweep_plan_free(&s->plan);
}
