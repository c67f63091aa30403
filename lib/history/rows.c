/* rows.c — what is written: the run, its peers, and rows in transactions. */
#include "history/internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const sql[SL_HISTORY_STATEMENTS] = {
	/* IMMEDIATE: a reader that wants to become a writer on an old snapshot could not wait, and would
	   fail. */
	[SL_HISTORY_BEGIN] = "BEGIN IMMEDIATE",
	[SL_HISTORY_COMMIT] = "COMMIT",
	[SL_HISTORY_ROUND] =
	    "INSERT INTO round_data VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
	[SL_HISTORY_ROUND_ALL] =
	    "INSERT INTO round_all_data VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
	[SL_HISTORY_LINK] =
	    "INSERT INTO link_data VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
	[SL_HISTORY_SKETCH] = "INSERT INTO sketch_data VALUES (?,?,?,?) ON CONFLICT DO NOTHING",
	[SL_HISTORY_EVENT] = "INSERT INTO event VALUES (?,?,?,?,?,?,?)",
	[SL_HISTORY_BUDGET] = "INSERT INTO budget_data VALUES (?,?,?,?,?,?) ON CONFLICT DO NOTHING",
	[SL_HISTORY_METRIC] = "INSERT INTO metric VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING",
	[SL_HISTORY_EXACT] = "INSERT INTO exact_data VALUES (?,?,?) ON CONFLICT DO NOTHING",
};

static const char *const level_name[] = { "error", "warning", "notice", "info" };
_Static_assert(sizeof level_name / sizeof *level_name == SL_LEVEL_COUNT, "one name a level");

void sl_history_bind_real(sqlite3_stmt *s, int at, double value)
{
	if (isfinite(value))
		sqlite3_bind_double(s, at, value);
	else
		sqlite3_bind_null(s, at);
}

void sl_history_bind_count(sqlite3_stmt *s, int at, int64_t value)
{
	if (value >= 0)
		sqlite3_bind_int64(s, at, value);
	else
		sqlite3_bind_null(s, at);
}

void sl_history_bind_text(sqlite3_stmt *s, int at, const char *text)
{
	sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC); /* NULL binds NULL */
}

static enum sl_status prepare(struct sl_history *h, enum sl_history_statement which, struct sl_error *error)
{
	if (h->statement[which])
		return SL_OK;
	int code =
	    sqlite3_prepare_v3(h->db, sql[which], -1, SQLITE_PREPARE_PERSISTENT, &h->statement[which], NULL);
	return code == SQLITE_OK ? SL_OK : sl_history_fail(h, code, error);
}

/* Runs a prepared statement to its end and makes it ready for the next time. */
static enum sl_status run(struct sl_history *h, sqlite3_stmt *s, struct sl_error *error)
{
	int code = sqlite3_step(s);
	enum sl_status status = code == SQLITE_DONE ? SL_OK : sl_history_fail(h, code, error);
	sqlite3_reset(s);
	return status;
}

static enum sl_status begin(struct sl_history *h, struct sl_error *error)
{
	if (!sqlite3_get_autocommit(h->db))
		return SL_OK;
	enum sl_status status = sl_history_log_room(h, error);
	if (status == SL_OK)
		status = prepare(h, SL_HISTORY_BEGIN, error);
	return status == SL_OK ? run(h, h->statement[SL_HISTORY_BEGIN], error) : status;
}

enum sl_status sl_history_begin(struct sl_history *h, struct sl_error *error)
{
	return begin(h, error);
}

/* Inside a transaction, with the statement ready for its parameters. */
static enum sl_status ready(struct sl_history *h, enum sl_history_statement which, struct sl_error *error)
{
	SL_CHECK(h->run != 0); /* sl_history_register_run comes first */
	enum sl_status status = begin(h, error);
	return status == SL_OK ? prepare(h, which, error) : status;
}

/* For the few statements that run once: prepared, bound by the caller, run and gone. */
static enum sl_status once(struct sl_history *h, const char *text, sqlite3_stmt **out, struct sl_error *error)
{
	int code = sqlite3_prepare_v2(h->db, text, -1, out, NULL);
	return code == SQLITE_OK ? SL_OK : sl_history_fail(h, code, error);
}

static enum sl_status finish(struct sl_history *h, sqlite3_stmt *s, struct sl_error *error)
{
	enum sl_status status = run(h, s, error);
	sqlite3_finalize(s);
	return status;
}

static enum sl_status find_run(struct sl_history *h, const char *run_id, struct sl_error *error)
{
	sqlite3_stmt *s;
	enum sl_status status = once(h, "SELECT number FROM run WHERE run_id = ?", &s, error);
	if (status != SL_OK)
		return status;
	sl_history_bind_text(s, 1, run_id);
	int code = sqlite3_step(s);
	if (code == SQLITE_ROW)
		h->run = sqlite3_column_int64(s, 0);
	else
		status = sl_history_fail(h, code, error);
	sqlite3_finalize(s);
	return status;
}

enum sl_status sl_history_register_run(struct sl_history *h, const struct sl_history_run *r,
                                       struct sl_error *error)
{
	sqlite3_stmt *s;
	char seed[24];
	snprintf(seed, sizeof seed, "%llu", (unsigned long long)r->seed);
	char *run_id = strdup(r->run_id);
	if (!run_id)
		return sl_fail(error, SL_NO_MEMORY, "%s: out of memory", h->path);
	free(h->run_id);
	h->run_id = run_id;
	enum sl_status status =
	    once(h,
	         "INSERT INTO run (run_id, name, driver, version, topology, algorithm, compress, model, "
	         "dataset, fingerprint, config, seed, peers, dim, started_at) "
	         "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (run_id) DO NOTHING",
	         &s, error);
	if (status != SL_OK)
		return status;
	const char *const text[] = { r->run_id,   r->name,        r->driver,   r->version,
		                     r->topology, r->algorithm,   r->compress, r->model,
		                     r->dataset,  r->fingerprint, r->config,   seed };
	int at = 1;
	for (size_t i = 0; i < sizeof text / sizeof *text; i++)
		sl_history_bind_text(s, at++, text[i]);
	sqlite3_bind_int64(s, at++, r->peers);
	sqlite3_bind_int64(s, at++, r->dimension);
	sl_history_bind_count(s, at, r->started_at_us);
	status = finish(h, s, error);
	return status == SL_OK ? find_run(h, r->run_id, error) : status;
}

enum sl_status sl_history_peer(struct sl_history *h, const struct sl_history_peer *p, struct sl_error *error)
{
	SL_CHECK(h->run != 0);
	sqlite3_stmt *s;
	enum sl_status status = once(
	    h,
	    "INSERT INTO peer (run_id, peer, name, public_key, endpoint, host, pid, started_at, degree) "
	    "VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT (run_id, peer) DO UPDATE SET name = excluded.name, "
	    "public_key = excluded.public_key, endpoint = excluded.endpoint, host = excluded.host, pid = excluded.pid, degree = excluded.degree, stopped_at = NULL, exit = NULL, model_digest = NULL",
	    &s, error);
	if (status != SL_OK)
		return status;
	sl_history_bind_text(s, 1, h->run_id);
	sqlite3_bind_int64(s, 2, p->peer);
	sl_history_bind_text(s, 3, p->name);
	sl_history_bind_text(s, 4, p->public_key);
	sl_history_bind_text(s, 5, p->endpoint);
	sl_history_bind_text(s, 6, p->host);
	sl_history_bind_count(s, 7, p->pid);
	sl_history_bind_count(s, 8, p->started_at_us);
	sqlite3_bind_int64(s, 9, p->degree);
	return finish(h, s, error);
}

enum sl_status sl_history_peer_stopped(struct sl_history *h, uint32_t peer, int64_t stopped_at_us,
                                       int exit_code, const char *model_digest, struct sl_error *error)
{
	SL_CHECK(h->run != 0);
	sqlite3_stmt *s;
	enum sl_status status = once(
	    h, "UPDATE peer SET stopped_at = ?, exit = ?, model_digest = ? WHERE run_id = ? AND peer = ?", &s,
	    error);
	if (status != SL_OK)
		return status;
	sl_history_bind_count(s, 1, stopped_at_us);
	sqlite3_bind_int(s, 2, exit_code);
	sl_history_bind_text(s, 3, model_digest);
	sl_history_bind_text(s, 4, h->run_id);
	sqlite3_bind_int64(s, 5, peer);
	return finish(h, s, error);
}

static enum sl_status budget(struct sl_history *h, const struct sl_round_row *r, struct sl_error *error)
{
	enum sl_status status = ready(h, SL_HISTORY_BUDGET, error);
	if (status != SL_OK)
		return status;
	sqlite3_stmt *s = h->statement[SL_HISTORY_BUDGET];
	const int64_t value[] = { h->run, r->peer, r->round, r->budget_rate, r->budget_tx, r->budget_us };
	for (int i = 0; i < (int)(sizeof value / sizeof *value); i++)
		sl_history_bind_count(s, 1 + i, value[i]);
	return run(h, s, error);
}

enum sl_status sl_history_round(struct sl_history *h, const struct sl_round_row *r, struct sl_error *error)
{
	enum sl_status status = ready(h, SL_HISTORY_ROUND, error);
	if (status != SL_OK)
		return status;
	sqlite3_stmt *s = h->statement[SL_HISTORY_ROUND];
	sqlite3_bind_int64(s, 1, h->run);
	sqlite3_bind_int64(s, 2, r->peer);
	sqlite3_bind_int64(s, 3, r->round);
	sl_history_bind_count(s, 4, r->at_us);
	sl_history_bind_real(s, 5, r->train_loss);
	sl_history_bind_real(s, 6, r->test_loss);
	sl_history_bind_real(s, 7, r->test_accuracy);
	sl_history_bind_count(s, 8, r->nonzero);
	sl_history_bind_real(s, 9, r->disagreement);
	const int64_t count[] = { r->payload_tx, r->payload_rx,  r->wire_tx, r->wire_rx,
		                  r->compute_us, r->compress_us, r->wait_us };
	for (int i = 0; i < (int)(sizeof count / sizeof *count); i++)
		sl_history_bind_count(s, 10 + i, count[i]);
	sl_history_bind_real(s, 17, r->penalty);
	sl_history_bind_count(s, 18, r->wire_resent);
	status = run(h, s, error);
	return status == SL_OK && r->budget_rate ? budget(h, r, error) : status;
}

enum sl_status sl_history_round_all(struct sl_history *h, const struct sl_round_all_row *r,
                                    struct sl_error *error)
{
	enum sl_status status = ready(h, SL_HISTORY_ROUND_ALL, error);
	if (status != SL_OK)
		return status;
	sqlite3_stmt *s = h->statement[SL_HISTORY_ROUND_ALL];
	const int64_t count[] = {
		h->run, r->round, r->peers, r->tested, r->at_us, r->payload_tx, r->wire_tx
	};
	const struct sl_round_range *range[] = { &r->test_accuracy, &r->test_loss, &r->train_loss };
	int at = 1;
	for (unsigned i = 0; i < sizeof count / sizeof *count; i++)
		sl_history_bind_count(s, at++, count[i]);
	for (unsigned i = 0; i < sizeof range / sizeof *range; i++) {
		sl_history_bind_real(s, at++, range[i]->mean);
		sl_history_bind_real(s, at++, range[i]->least);
		sl_history_bind_real(s, at++, range[i]->most);
	}
	sl_history_bind_real(s, at++, r->nonzero);
	sl_history_bind_count(s, at++, r->nonzero_min);
	sl_history_bind_count(s, at++, r->nonzero_max);
	sl_history_bind_real(s, at++, r->objective);
	sl_history_bind_real(s, at, r->disagreement);
	return run(h, s, error);
}

enum sl_status sl_history_link(struct sl_history *h, const struct sl_link_row *r, struct sl_error *error)
{
	enum sl_status status = ready(h, SL_HISTORY_LINK, error);
	if (status != SL_OK)
		return status;
	sqlite3_stmt *s = h->statement[SL_HISTORY_LINK];
	const int64_t value[] = { h->run,        r->peer,      r->neighbour, r->round,   r->payload_tx,
		                  r->payload_rx, r->frames_tx, r->frames_rx, r->resent,  r->repeated,
		                  r->refused,    r->snapshots, r->rtt_us,    r->wire_tx, r->wire_resent,
		                  r->throughput, r->queue_us,  r->srtt_us };
	for (int i = 0; i < (int)(sizeof value / sizeof *value); i++)
		sl_history_bind_count(s, 1 + i, value[i]);
	for (int i = 0; i < SL_AGAIN_KINDS; i++)
		sl_history_bind_count(s, 1 + (int)(sizeof value / sizeof *value) + i, r->again[i]);
	return run(h, s, error);
}

enum sl_status sl_history_sketch(struct sl_history *h, const struct sl_sketch_row *r, struct sl_error *error)
{
	SL_CHECK(r->count <= SL_SKETCH_MAX);
	enum sl_status status = ready(h, SL_HISTORY_SKETCH, error);
	if (status != SL_OK)
		return status;
	/* Nine digits give a float back exactly: "-1.23456789e-38," is 16 characters. */
	char json[SL_SKETCH_MAX * 16 + 3], *at = json;
	*at++ = '[';
	for (uint32_t k = 0; k < r->count; k++) {
		if (k)
			*at++ = ',';
		at += isfinite(r->value[k]) ? sprintf(at, "%.9g", (double)r->value[k]) : sprintf(at, "null");
	}
	*at++ = ']';
	sqlite3_stmt *s = h->statement[SL_HISTORY_SKETCH];
	sqlite3_bind_int64(s, 1, h->run);
	sqlite3_bind_int64(s, 2, r->round);
	sqlite3_bind_int64(s, 3, r->peer);
	sqlite3_bind_text(s, 4, json, (int)(at - json), SQLITE_STATIC);
	status = run(h, s, error);
	sqlite3_clear_bindings(s);
	return status;
}

enum sl_status sl_history_metric(struct sl_history *h, const struct sl_metric_row *r, struct sl_error *error)
{
	enum sl_status status = ready(h, SL_HISTORY_METRIC, error);
	if (status != SL_OK)
		return status;
	sqlite3_stmt *s = h->statement[SL_HISTORY_METRIC];
	sl_history_bind_text(s, 1, h->run_id);
	sqlite3_bind_int64(s, 2, r->peer);
	sqlite3_bind_int64(s, 3, r->round);
	sl_history_bind_text(s, 4, r->name);
	sl_history_bind_real(s, 5, r->value);
	status = run(h, s, error);
	sqlite3_clear_bindings(s);
	return status;
}

enum sl_status sl_history_event(struct sl_history *h, const struct sl_event_row *r, struct sl_error *error)
{
	enum sl_status status = ready(h, SL_HISTORY_EVENT, error);
	if (status != SL_OK)
		return status;
	sqlite3_stmt *s = h->statement[SL_HISTORY_EVENT];
	sl_history_bind_text(s, 1, h->run_id);
	sqlite3_bind_int64(s, 2, r->peer);
	sl_history_bind_count(s, 3, r->at_us);
	sqlite3_bind_int64(s, 4, r->round);
	sl_history_bind_text(s, 5, (unsigned)r->level < SL_LEVEL_COUNT ? level_name[r->level] : "error");
	sqlite3_bind_text(s, 6, r->kind, (int)strnlen(r->kind, sizeof r->kind), SQLITE_STATIC);
	sqlite3_bind_text(s, 7, r->detail, (int)strnlen(r->detail, sizeof r->detail), SQLITE_STATIC);
	status = run(h, s, error);
	sqlite3_clear_bindings(s);
	return status;
}

enum sl_status sl_history_last_bytes(struct sl_history *h, uint32_t peer, struct sl_history_bytes *out,
                                     struct sl_error *error)
{
	static const char newest[] =
	    "SELECT payload_tx, payload_rx, wire_tx, wire_rx, round, wire_resent FROM round_data "
	    "WHERE run = ? AND peer = ? ORDER BY round DESC LIMIT 1";
	sqlite3_stmt *s;
	*out = (struct sl_history_bytes){ .round = -1 };
	SL_CHECK(h->run != 0);
	int code = sqlite3_prepare_v2(h->db, newest, -1, &s, NULL);
	if (code != SQLITE_OK)
		return sl_history_fail(h, code, error);
	sqlite3_bind_int64(s, 1, h->run);
	sqlite3_bind_int64(s, 2, peer);
	code = sqlite3_step(s);
	if (code == SQLITE_ROW)
		*out = (struct sl_history_bytes){ sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1),
			                          sqlite3_column_int64(s, 2), sqlite3_column_int64(s, 3),
			                          sqlite3_column_int64(s, 4), sqlite3_column_int64(s, 5) };
	sqlite3_finalize(s);
	return code == SQLITE_ROW || code == SQLITE_DONE ? SL_OK : sl_history_fail(h, code, error);
}

enum sl_status sl_history_exact(struct sl_history *h, uint32_t round, double error_value,
                                struct sl_error *error)
{
	enum sl_status status = ready(h, SL_HISTORY_EXACT, error);
	if (status != SL_OK)
		return status;
	sqlite3_stmt *s = h->statement[SL_HISTORY_EXACT];
	sqlite3_bind_int64(s, 1, h->run);
	sqlite3_bind_int64(s, 2, round);
	sl_history_bind_real(s, 3, error_value);
	return run(h, s, error);
}

/* What synchronous=FULL does behind each commit, for the one commit that asks for it: the log, with
 * everything that was committed to it before, goes to the disk. (The pragma itself cannot be changed inside a
 * transaction, and with it an empty transaction would leave the earlier ones unsynced.) */
static enum sl_status sync_log(struct sl_history *h, struct sl_error *error)
{
	sqlite3_file *log = NULL;
	int code = sqlite3_file_control(h->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
	if (code == SQLITE_OK && log && log->pMethods)
		code = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
	return code == SQLITE_OK ? SL_OK : sl_fail(error, SL_IO, "%s: %s", h->path, sqlite3_errstr(code));
}

enum sl_status sl_history_commit(struct sl_history *h, bool durable, struct sl_error *error)
{
	if (!sqlite3_get_autocommit(h->db)) {
		enum sl_status status = prepare(h, SL_HISTORY_COMMIT, error);
		if (status == SL_OK)
			status = run(h, h->statement[SL_HISTORY_COMMIT], error);
		if (status != SL_OK)
			return status;
	}
	return durable ? sync_log(h, error) : SL_OK;
}
