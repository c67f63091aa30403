/* sweep.h — what the files of starling sweep share: the points to be run, the children that run them, the database. */
#ifndef SL_DAEMON_CLI_SWEEP_SWEEP_H
#define SL_DAEMON_CLI_SWEEP_SWEEP_H

#include "base/time.h"
#include "daemon/cli/sweep/plan.h"
#include "history/sweep.h"

#include <sys/types.h>

struct sl_sweep_job {
	pid_t pid;                    /* 0: the place is free */
	struct sl_sweep_point *point; /* borrowed */
	struct sl_time began;
	bool preparing; /* starling init, before starling up */
};

struct sl_sweep {
	struct sl_sweep_plan plan;
	char database[4096], work[4096 + 16], program[4096]; /* work: folder beside the database */
	unsigned jobs;
	bool retry, terminal, quiet; /* quiet: no progress */
	struct sl_history *history;
	int lock;
	struct sl_sweep_job *job; /* `jobs` of them; owned */
	bool interrupted;

	/* Of the points that are run now: a stage. */
	struct sl_sweep_point *point;
	size_t points, next, done, failed;
	/* For the time that is left, and what is said at the end. */
	double taken; /* seconds of finished runs, those of earlier starts included */
	size_t taken_of;
	double wall, ran; /* of this start: seconds that passed, and the sum of those of its runs */
	size_t ran_of;
};

/* Locks the database, opens it, and takes up what an earlier start left. */
enum sl_status sl_sweep_open(struct sl_sweep *, struct sl_error *error);
void sl_sweep_close(struct sl_sweep *);

/* Runs the points that no earlier start has finished; fills in what came of all. SL_OK, too, where some failed. An
 * interruption sets `interrupted`. */
enum sl_status sl_sweep_run(struct sl_sweep *, struct sl_sweep_point *points, size_t count,
                            struct sl_error *error);

/* sweep/store.c: results in the database. */
enum sl_status sl_sweep_load(struct sl_sweep *, struct sl_sweep_point *points, size_t count,
                             struct sl_error *error);
/* The run of a point has ended; `failure`: why it failed, or NULL. Copies its history, records the point, and removes its
 * files, except the log of one that failed. */
enum sl_status sl_sweep_finish(struct sl_sweep *, struct sl_sweep_point *, const char *failure,
                               struct sl_error *error);
void sl_sweep_path(const struct sl_sweep *, const struct sl_sweep_point *, const char *ending,
                   char out[static 4096 + 64]);

/* sweep/child.c: processes. */
enum sl_status sl_sweep_start(struct sl_sweep *, struct sl_sweep_job *, struct sl_sweep_point *,
                              struct sl_error *error);
/* The next step of a run of daemons. */
enum sl_status sl_sweep_go_on(struct sl_sweep *, struct sl_sweep_job *, struct sl_error *error);
void sl_sweep_kill(const struct sl_sweep *);
/* The last line of its log, or how it ended. */
void sl_sweep_failure(const struct sl_sweep *, const struct sl_sweep_point *, int wait_status, char *text,
                      size_t size);

/* sweep/table.c: results by axes. `tuning`: points of tuning, or NULL; `wide`: which of them was chosen. */
struct sl_sweep_tuning {
	struct sl_sweep_point *point;
	size_t points, candidates, failed; /* candidates per method */
	double seconds;
	int64_t bytes; /* of frames that these runs have sent */
};
void sl_sweep_table(const struct sl_sweep *, const struct sl_sweep_point *points, size_t count,
                    const struct sl_sweep_tuning *tuning, FILE *out);
void sl_sweep_json(const struct sl_sweep *, const struct sl_sweep_point *points, size_t count,
                   const struct sl_sweep_tuning *tuning, FILE *out);

#endif
