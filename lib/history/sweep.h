/* sweep.h — the points of a sweep (starling sweep), in the table sweep_point of the database that its runs are in. */
#ifndef SL_HISTORY_SWEEP_H
#define SL_HISTORY_SWEEP_H

#include "history/history.h"

/* A row. States: "done", "failed", "collecting": the run's rows are being copied. Texts are borrowed. */
struct sl_sweep_row {
	const char *point; /* its identity: 32 hex digits over everything that makes the run */
	const char *stage; /* "run", or "tune": to choose step sizes */
	const char *axes;  /* JSON object: the value of each axis, as written in the plan */
	const char *state, *run_id, *detail; /* run_id, detail may be NULL; detail: why it failed */
	double seconds;                      /* that the run took */
	int64_t at_us;                       /* when it ended, since 1970 */
};

/* A row as read: what came of its run, too. Unknown numbers are NaN and −1. */
struct sl_sweep_result {
	char point[33], stage[8], state[16], detail[256];
	double seconds, accuracy, worst, consensus_error;
	int64_t payload_bytes, wire_bytes, rounds;
	/* The first round in which the mean accuracy is the target or more, and the bytes of frames until then. */
	int64_t target_round, target_bytes;
};

/* Makes the table where it is missing. */
enum sl_status sl_sweep_begin(struct sl_history *, struct sl_error *error);
/* Writes a row, over one of the same point. */
enum sl_status sl_sweep_put(struct sl_history *, const struct sl_sweep_row *, struct sl_error *error);
/* A row "collecting" becomes "done", or "failed" where it has a detail. */
enum sl_status sl_sweep_settle(struct sl_history *, const char *point, struct sl_error *error);
/* All rows, in the order of their ends. target 0: none. */
enum sl_status sl_sweep_each(struct sl_history *, double target,
                             void (*each)(void *context, const struct sl_sweep_result *), void *context,
                             struct sl_error *error);

#endif
