/* query.c — what the commands ask, and how databases are merged. */
#include "history/internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

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
	text_of(s, 23, out->kernel, sizeof out->kernel);
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
	    "CASE WHEN instr(config, '# blas = ') THEN rtrim(substr(config, instr(config, '# blas = ') + 9), char(10)) END "
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

/* What is there is kept; what is unknown there is filled in, so that a run may be collected again when it has
 * gone on. Run numbers are each file's own and are translated. Events have no key: a row counts as there when
 * an equal one is. */
static const char merge[] =
    "INSERT INTO run (run_id, name, driver, started_at, version, topology, peers, dim, algorithm, compress, "
    "model,   dataset, seed, fingerprint, config) "
    "SELECT run_id, name, driver, started_at, version, topology, peers, dim, algorithm, compress, model, "
    "dataset, seed, "
    "  fingerprint, config FROM source.run WHERE true ORDER BY number "
    "ON CONFLICT (run_id) DO UPDATE SET started_at = min(coalesce(started_at, excluded.started_at), "
    "  coalesce(excluded.started_at, started_at));"
    "INSERT INTO peer SELECT * FROM source.peer WHERE true "
    "ON CONFLICT (run_id, peer) DO UPDATE SET stopped_at = coalesce(stopped_at, excluded.stopped_at), "
    "  exit = coalesce(exit, excluded.exit), model_digest = coalesce(model_digest, excluded.model_digest),   degree = coalesce(degree, excluded.degree);"
    "CREATE TEMP TABLE same AS SELECT theirs.number AS theirs, ours.number AS ours "
    "  FROM source.run AS theirs JOIN main.run AS ours USING (run_id);"
    "INSERT INTO round_data SELECT ours, peer, round, at_us, train_loss, test_loss, test_accuracy, nonzero, "
    "  disagreement, payload_tx, payload_rx, wire_tx, wire_rx, compute_us, compress_us, wait_us, penalty, wire_resent "
    "FROM same CROSS JOIN source.round_data ON run = theirs WHERE true ON CONFLICT DO NOTHING;"
    "INSERT INTO link_data SELECT ours, peer, neighbour, round, payload_tx, payload_rx, frames_tx, "
    "frames_rx, resent,   repeated, refused, snapshots, rtt_us, wire_tx, wire_resent, throughput, queue_us, "
    "srtt_us, again_connection, again_drop, again_refusal, again_digest "
    "FROM same CROSS JOIN source.link_data ON run = theirs WHERE true ON CONFLICT DO NOTHING;"
    "INSERT INTO sketch_data SELECT ours, round, peer, bucket "
    "FROM same CROSS JOIN source.sketch_data ON run = theirs WHERE true ON CONFLICT DO NOTHING;"
    "INSERT INTO exact_data SELECT ours, round, error "
    "FROM same CROSS JOIN source.exact_data ON run = theirs WHERE true ON CONFLICT DO NOTHING;"
    "INSERT INTO event SELECT * FROM source.event AS theirs WHERE NOT EXISTS ("
    "  SELECT 1 FROM main.event AS ours WHERE ours.run_id = theirs.run_id AND ours.peer = theirs.peer "
    "  AND ours.at_us IS theirs.at_us AND ours.round IS theirs.round AND ours.level = theirs.level "
    "  AND ours.kind = theirs.kind AND ours.detail IS theirs.detail) ORDER BY rowid;"
    "DROP TABLE same;";

static enum sl_status attach(struct sl_history *h, const char *from, bool immutable, struct sl_error *error)
{
	sqlite3_stmt *s = NULL;
	char *uri = sl_history_uri(from, immutable ? "mode=ro&immutable=1" : "mode=ro");
	if (!uri)
		return sl_fail(error, SL_NO_MEMORY, "%s: out of memory", from);
	int code = sqlite3_prepare_v2(h->db, "ATTACH ? AS source", -1, &s, NULL);
	if (code == SQLITE_OK) {
		sl_history_bind_text(s, 1, uri);
		code = sqlite3_step(s);
	}
	enum sl_status status = code == SQLITE_DONE ? SL_OK : sl_history_fail(h, code, error);
	sqlite3_finalize(s);
	free(uri);
	return status;
}

enum sl_status sl_history_collect(struct sl_history *h, const char *from, struct sl_error *error)
{
	/* Opening it for itself says what is wrong with it in its own name, and brings an older one to this
	 * schema. */
	struct sl_history *source = sl_history_open(from, SL_HISTORY_READ, error);
	if (!source)
		return error ? error->status : SL_IO;
	bool immutable = source->immutable;
	sl_history_close(source);
	enum sl_status status = attach(h, from, immutable, error);
	if (status != SL_OK)
		return sl_wrap(error, "%s", from);
	status = sl_history_run_sql(h, "BEGIN IMMEDIATE", error);
	if (status == SL_OK)
		status = sl_history_run_sql(h, merge, error);
	if (status == SL_OK)
		status = sl_history_commit(h, true, error);
	if (status != SL_OK) {
		sl_history_rollback(h);
		sl_wrap(error, "%s", from);
	}
	sqlite3_exec(h->db, "DETACH source", NULL, NULL, NULL);
	return status;
}
