/* internal.h — shared by the files of lib/history. */
#ifndef SL_HISTORY_INTERNAL_H
#define SL_HISTORY_INTERNAL_H

#include "history/history.h"

#include <sqlite3.h>
#include <stdatomic.h>

/* Statements that run for every row, prepared at their first use. */
enum sl_history_statement {
	SL_HISTORY_BEGIN,
	SL_HISTORY_COMMIT,
	SL_HISTORY_ROUND,
	SL_HISTORY_ROUND_ALL,
	SL_HISTORY_LINK,
	SL_HISTORY_SKETCH,
	SL_HISTORY_EVENT,
	SL_HISTORY_METRIC,
	SL_HISTORY_EXACT,
	SL_HISTORY_BUDGET,
	SL_HISTORY_STATEMENTS
};

struct sl_history {
	sqlite3 *db;
	sqlite3_stmt *statement[SL_HISTORY_STATEMENTS];
	char *path;   /* owned */
	int64_t run;  /* number of the run that rows belong to; 0 before sl_history_register_run */
	char *run_id; /* owned */
	atomic_int patience_ms;
	bool writes;                 /* opened, or tried to be opened, to be written */
	bool immutable;              /* opened as an immutable file */
	int failure;                 /* SQLite's code of the last one */
	int64_t log_pages, log_most; /* of the write-ahead log: now, and before nothing is added any more */
};

/* 256 MB. */
enum { SL_LOG_PAGES_MOST = 65536 };
/* Keeps the log short after each commit, as far as readers let it. */
void sl_history_watch_log(struct sl_history *);
/* Fails while the log is too long and cannot be emptied. */
enum sl_status sl_history_log_room(struct sl_history *, struct sl_error *error);

/* Fills `error` with "path: SQLite's message" and returns the status for its code. */
enum sl_status sl_history_fail(struct sl_history *, int code, struct sl_error *error);

/* Runs statements that return no rows. */
enum sl_status sl_history_run_sql(struct sl_history *, const char *sql, struct sl_error *error);

/* NULL where the value is not finite, or the count negative. */
void sl_history_bind_real(sqlite3_stmt *, int at, double value);
void sl_history_bind_count(sqlite3_stmt *, int at, int64_t value);
void sl_history_bind_text(sqlite3_stmt *, int at, const char *text);

/* "file:…?option" for a path with any character. The caller frees it; NULL: no memory. */
char *sl_history_uri(const char *path, const char *option);

#endif
