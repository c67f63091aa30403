#include "history/sweep.h"

#include "history/internal.h"

#include <math.h>
#include <stdio.h>

static const char table[] = "CREATE TABLE IF NOT EXISTS sweep_point ("
                            "  point TEXT NOT NULL PRIMARY KEY,"
                            "  stage TEXT NOT NULL,"
                            "  axes TEXT NOT NULL,"
                            "  state TEXT NOT NULL,"
                            "  run_id TEXT,"
                            "  seconds REAL,"
                            "  detail TEXT,"
                            "  at_us INTEGER"
                            ") STRICT";

enum sl_status sl_sweep_begin(struct sl_history *h, struct sl_error *error)
{
	return sl_history_run_sql(h, table, error);
}

enum sl_status sl_sweep_put(struct sl_history *h, const struct sl_sweep_row *row, struct sl_error *error)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(
	    h->db, "INSERT OR REPLACE INTO sweep_point VALUES (?, ?, ?, ?, ?, ?, ?, ?)", -1, &s, NULL);
	if (code == SQLITE_OK) {
		const char *const text[] = { row->point, row->stage, row->axes, row->state, row->run_id };
		for (int i = 0; i < 5; i++)
			sl_history_bind_text(s, i + 1, text[i]);
		sl_history_bind_real(s, 6, row->seconds);
		sl_history_bind_text(s, 7, row->detail);
		sl_history_bind_count(s, 8, row->at_us);
		code = sqlite3_step(s);
	}
	enum sl_status status = code == SQLITE_DONE ? SL_OK : sl_history_fail(h, code, error);
	sqlite3_finalize(s);
	return status;
}

enum sl_status sl_sweep_settle(struct sl_history *h, const char *point, struct sl_error *error)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(
	    h->db, "UPDATE sweep_point SET state = iif(detail IS NULL, 'done', 'failed') WHERE point = ?", -1,
	    &s, NULL);
	if (code == SQLITE_OK) {
		sl_history_bind_text(s, 1, point);
		code = sqlite3_step(s);
	}
	enum sl_status status = code == SQLITE_DONE ? SL_OK : sl_history_fail(h, code, error);
	sqlite3_finalize(s);
	return status;
}

static void text_of(sqlite3_stmt *s, int at, char *out, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(s, at);
	snprintf(out, size, "%s", text ? text : "");
}

static double real_of(sqlite3_stmt *s, int at)
{
	return sqlite3_column_type(s, at) == SQLITE_NULL ? (double)NAN : sqlite3_column_double(s, at);
}

static int64_t count_of(sqlite3_stmt *s, int at)
{
	return sqlite3_column_type(s, at) == SQLITE_NULL ? -1 : sqlite3_column_int64(s, at);
}

/* The mean accuracy of a round counts where all peers have one. */
static const char query[] =
    "WITH reached AS MATERIALIZED (SELECT run_id, round, payload, row_number() OVER (PARTITION BY run_id ORDER BY round) AS nth"
    "  FROM (SELECT run.run_id AS run_id, d.round AS round, sum(d.payload_tx) AS payload"
    "        FROM sweep_point JOIN run USING (run_id) JOIN round_data AS d ON d.run = run.number"
    "        WHERE d.test_accuracy IS NOT NULL AND ?1 > 0 GROUP BY run.number, d.round"
    "        HAVING count(*) = run.peers AND avg(d.test_accuracy) >= ?1))"
    "SELECT point, stage, state, detail, sweep_point.seconds, test_accuracy, worst_accuracy, consensus_error, payload_bytes,"
    "  wire_bytes, rounds, reached.round, reached.payload "
    "FROM sweep_point LEFT JOIN summary USING (run_id) LEFT JOIN reached ON reached.run_id = sweep_point.run_id AND nth = 1 "
    "ORDER BY at_us, point";

enum sl_status sl_sweep_each(struct sl_history *h, double target,
                             void (*each)(void *context, const struct sl_sweep_result *), void *context,
                             struct sl_error *error)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(h->db, query, -1, &s, NULL);
	if (code == SQLITE_OK)
		sqlite3_bind_double(s, 1, target);
	while (code == SQLITE_OK && (code = sqlite3_step(s)) == SQLITE_ROW) {
		struct sl_sweep_result r = { .seconds = real_of(s, 4),
			                     .accuracy = real_of(s, 5),
			                     .worst = real_of(s, 6),
			                     .consensus_error = real_of(s, 7),
			                     .payload_bytes = count_of(s, 8),
			                     .wire_bytes = count_of(s, 9),
			                     .rounds = count_of(s, 10),
			                     .target_round = count_of(s, 11),
			                     .target_bytes = count_of(s, 12) };
		text_of(s, 0, r.point, sizeof r.point);
		text_of(s, 1, r.stage, sizeof r.stage);
		text_of(s, 2, r.state, sizeof r.state);
		text_of(s, 3, r.detail, sizeof r.detail);
		each(context, &r);
		code = SQLITE_OK;
	}
	enum sl_status status = code == SQLITE_DONE ? SL_OK : sl_history_fail(h, code, error);
	sqlite3_finalize(s);
	return status;
}
