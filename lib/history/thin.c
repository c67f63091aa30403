/* thin.c — keeps a database from growing for ever: of old rounds, one row in N is kept; rows are deleted in short transactions. */
#include "history/internal.h"

enum { DELETIONS = 5 };

/* What goes with the rounds ?3 … ?4 of peer ?2, but not with ?5. The neighbours are found one by one in the key of link_data:
 * a walk over all its rows would take longer with each of them. */
static const char *const deletions[DELETIONS] = {
	"DELETE FROM round_data WHERE run = ?1 AND peer = ?2 AND round BETWEEN ?3 AND ?4 AND round <> ?5",
	"WITH RECURSIVE n(x) AS (SELECT min(neighbour) FROM link_data WHERE run = ?1 AND peer = ?2 UNION ALL "
	"SELECT (SELECT min(neighbour) FROM link_data WHERE run = ?1 AND peer = ?2 AND neighbour > x) FROM n "
	"WHERE x IS NOT NULL) "
	"DELETE FROM link_data WHERE run = ?1 AND peer = ?2 AND neighbour IN (SELECT x FROM n WHERE x IS NOT NULL) "
	"AND round BETWEEN ?3 AND ?4 AND round <> ?5",
	"DELETE FROM sketch_data WHERE run = ?1 AND round BETWEEN ?3 AND ?4 AND round <> ?5 AND peer = ?2",
	"DELETE FROM budget_data WHERE run = ?1 AND peer = ?2 AND round BETWEEN ?3 AND ?4 AND round <> ?5",
	"DELETE FROM metric WHERE run_id = ?6 AND peer = ?2 AND round BETWEEN ?3 AND ?4 AND round <> ?5",
};
/* Events that are only information, until the time ?3. */
static const char events[] =
    "DELETE FROM event WHERE run_id = ?6 AND peer = ?2 AND at_us <= ?3 AND level = 'info'";
/* The kept row has the times of all. */
static const char times[] =
    "UPDATE round_data SET (compute_us, compress_us, wait_us) = (SELECT sum(compute_us), "
    "sum(compress_us), sum(wait_us) FROM round_data WHERE run = ?1 AND peer = ?2 AND round "
    "BETWEEN ?3 AND ?4) WHERE run = ?1 AND peer = ?2 AND round = ?5";

/* Rounds `first` to `last`, of which `kept` stays (−1: none). */
struct span {
	int64_t first, last, rows, kept, at_us;
};

static enum sl_status prepare(struct sl_history *h, const char *sql, sqlite3_stmt **out,
                              struct sl_error *error)
{
	int code = sqlite3_prepare_v2(h->db, sql, -1, out, NULL);
	return code == SQLITE_OK ? SL_OK : sl_history_fail(h, code, error);
}

/* ?1 run, ?2 peer, ?3 and ?4: numbers; fills `out` with the columns of the one row, NULL as −1. */
static enum sl_status ask(struct sl_history *h, const char *sql, const int64_t number[static 3], int64_t *out,
                          int columns, struct sl_error *error)
{
	sqlite3_stmt *s;
	enum sl_status status = prepare(h, sql, &s, error);
	if (status != SL_OK)
		return status;
	sqlite3_bind_int64(s, 1, h->run);
	for (int i = 0; i < 3 && i + 2 <= sqlite3_bind_parameter_count(s); i++)
		sqlite3_bind_int64(s, i + 2, number[i]);
	int code = sqlite3_step(s);
	for (int i = 0; i < columns; i++)
		out[i] = code == SQLITE_ROW && sqlite3_column_type(s, i) != SQLITE_NULL
		             ? sqlite3_column_int64(s, i)
		             : -1;
	sqlite3_finalize(s);
	return code == SQLITE_ROW || code == SQLITE_DONE ? SL_OK : sl_history_fail(h, code, error);
}

static enum sl_status change(struct sl_history *h, const char *sql, const struct sl_history_thin *how,
                             const struct span *span, struct sl_error *error)
{
	sqlite3_stmt *s;
	enum sl_status status = prepare(h, sql, &s, error);
	if (status != SL_OK)
		return status;
	int parameters = sqlite3_bind_parameter_count(s);
	const int64_t number[] = { h->run, how->peer, sql == events ? span->at_us : span->first, span->last,
		                   span->kept };
	for (int i = 0; i < 5 && i < parameters; i++)
		sqlite3_bind_int64(s, i + 1, number[i]);
	if (parameters == 6)
		sl_history_bind_text(s, 6, h->run_id);
	int code = sqlite3_step(s);
	sqlite3_finalize(s);
	return code == SQLITE_DONE ? SL_OK : sl_history_fail(h, code, error);
}

static enum sl_status thin_span(struct sl_history *h, const struct sl_history_thin *how,
                                const struct span *span, struct sl_error *error)
{
	enum sl_status status = sl_history_begin(h, error);
	if (status == SL_OK && span->kept >= 0)
		status = change(h, times, how, span, error);
	for (unsigned i = 0; i < DELETIONS && status == SL_OK; i++)
		status = change(h, deletions[i], how, span, error);
	if (status == SL_OK)
		status = change(h, events, how, span, error);
	if (status == SL_OK)
		status = sl_history_commit(h, false, error);
	if (status != SL_OK)
		sl_history_rollback(h);
	return status;
}

enum sl_status sl_history_thin(struct sl_history *h, const struct sl_history_thin *how, int64_t *next,
                               bool *more, struct sl_error *error)
{
	int64_t wide = how->one_in ? how->one_in : 100, first, newest, found[3];
	SL_CHECK(h->run != 0 && sqlite3_get_autocommit(h->db));
	*more = false;
	enum sl_status status =
	    ask(h, "SELECT min(round) FROM round_data WHERE run = ?1 AND peer = ?2 AND round >= ?3",
	        (int64_t[]){ how->peer, *next, 0 }, &first, 1, error);
	if (status == SL_OK)
		status = ask(h, "SELECT max(round) FROM round_data WHERE run = ?1 AND peer = ?2",
		             (int64_t[]){ how->peer, 0, 0 }, &newest, 1, error);
	if (status != SL_OK || first < 0)
		return status;
	struct span span = { .first = first, .last = first / wide * wide + wide - 1 };
	if (span.last > newest - how->spare)
		return SL_OK;
	status = ask(
	    h,
	    "SELECT count(*), max(round), max(at_us) FROM round_data WHERE run = ?1 AND peer = ?2 AND round "
	    "BETWEEN ?3 AND ?4",
	    (int64_t[]){ how->peer, span.first, span.last }, found, 3, error);
	if (status != SL_OK || found[2] >= how->before_us)
		return status;
	span.rows = found[0];
	span.kept = how->one_in ? found[1] : -1;
	span.at_us = found[2];
	if (span.rows > 1 || span.kept < 0)
		status = thin_span(h, how, &span, error);
	if (status == SL_OK)
		*next = span.last + 1;
	*more = status == SL_OK;
	return status;
}
