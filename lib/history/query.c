/* query.c — what the commands ask. */
#include "history/internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void text_of(sqlite3_stmt *s, int at, char *out, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(s, at);
	snprintf(out, size, "%s", text ? text : "");
}

/* The same, up to the end of its first line. */
static void line_of(sqlite3_stmt *s, int at, char *out, size_t size)
{
	text_of(s, at, out, size);
	out[strcspn(out, "\n")] = '\0';
}

static double real_of(sqlite3_stmt *s, int at)
{
	return sqlite3_column_type(s, at) == SQLITE_NULL ? (double)NAN : sqlite3_column_double(s, at);
}

static int64_t count_of(sqlite3_stmt *s, int at)
{
	return sqlite3_column_type(s, at) == SQLITE_NULL ? -1 : sqlite3_column_int64(s, at);
}

static void read_summary(sqlite3_stmt *s, struct sl_history_summary *out)
{
	*out = (struct sl_history_summary){ 0 };
	text_of(s, 0, out->run_id, sizeof out->run_id);
	text_of(s, 1, out->name, sizeof out->name);
	text_of(s, 2, out->topology, sizeof out->topology);
	text_of(s, 3, out->algorithm, sizeof out->algorithm);
	text_of(s, 4, out->compress, sizeof out->compress);
	text_of(s, 5, out->model, sizeof out->model);
	text_of(s, 6, out->dataset, sizeof out->dataset);
	out->peers = (uint32_t)sqlite3_column_int64(s, 7);
	out->rounds = (uint32_t)sqlite3_column_int64(s, 8);
	out->dimension = (uint32_t)sqlite3_column_int64(s, 9);
	out->test_accuracy = real_of(s, 10);
	out->worst_accuracy = real_of(s, 11);
	out->consensus_error = real_of(s, 12);
	out->saved = real_of(s, 13);
	out->seconds = real_of(s, 14);
	out->payload_bytes = count_of(s, 15);
	out->wire_bytes = count_of(s, 16);
	out->present = (uint32_t)sqlite3_column_int64(s, 17);
	text_of(s, 18, out->seed, sizeof out->seed);
	out->penalty = real_of(s, 19);
	out->objective = real_of(s, 20);
	out->events = count_of(s, 21);
	out->diverging = (uint32_t)sqlite3_column_int64(s, 22);
	line_of(s, 23, out->kernel, sizeof out->kernel);
	line_of(s, 24, out->evaluated, sizeof out->evaluated);
}

enum sl_status sl_history_summaries(struct sl_history *h, const char *name,
                                    bool (*each)(void *, const struct sl_history_summary *), void *context,
                                    struct sl_error *error)
{
	sqlite3_stmt *s;
	int code = sqlite3_prepare_v2(
	    h->db,
	    "SELECT run_id, run.name, topology, algorithm, compress, model, dataset, run.peers, rounds, dim, "
	    "test_accuracy, worst_accuracy, consensus_error, saved, seconds, payload_bytes, wire_bytes, present, run.seed, "
	    "penalty, objective, "
	    "(SELECT count(*) FROM event WHERE event.run_id = run.run_id AND level IN ('error', 'warning')), "
	    "(SELECT count(*) FROM (SELECT kind, max(rowid) FROM event WHERE event.run_id = run.run_id AND kind IN "
	    "  ('diverging', 'settled') GROUP BY peer) WHERE kind = 'diverging'), "
	    "CASE WHEN instr(config, '# blas = ') THEN substr(config, instr(config, '# blas = ') + 9, 60) END, "
	    "CASE WHEN instr(config, '# evaluated on ') THEN substr(config, instr(config, '# evaluated on ') + 15, 60) END "
	    "FROM run JOIN summary USING (run_id) WHERE ?1 IS NULL OR run.name = ?1 OR run_id = ?1 "
	    "ORDER BY started_at, number",
	    -1, &s, NULL);
	if (code != SQLITE_OK)
		return sl_history_fail(h, code, error);
	sl_history_bind_text(s, 1, name);
	bool more = true;
	while (more && (code = sqlite3_step(s)) == SQLITE_ROW) {
		struct sl_history_summary summary;
		read_summary(s, &summary);
		more = each(context, &summary);
	}
	enum sl_status status = !more || code == SQLITE_DONE ? SL_OK : sl_history_fail(h, code, error);
	sqlite3_finalize(s);
	return status;
}
