/* collect.c — databases of other sites are merged into one, and none of them is believed about another site's peers. */
#include "history/internal.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- a database of somebody else ---- */

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

static void detach(struct sl_history *h)
{
	sqlite3_exec(h->db, "DETACH source", NULL, NULL, NULL);
}

/* What goes by the name of a table there may be a view, or a table with a program behind it. */
static enum sl_status check_tables(struct sl_history *h, const char *from, struct sl_error *error)
{
	static const char odd[] =
	    "SELECT name FROM (VALUES ('run'), ('peer'), ('round_data'), ('link_data'), ('sketch_data'), ('exact_data'), ('round_all_data'), "
	    "('metric'), ('event')) AS wanted LEFT JOIN source.sqlite_master AS there ON there.name = wanted.column1 COLLATE NOCASE "
	    "WHERE coalesce(type <> 'table' OR sql LIKE 'CREATE VIRTUAL%', 1)";
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(h->db, odd, -1, &s, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	enum sl_status status = code == SQLITE_DONE ? SL_OK
	                        : code == SQLITE_ROW
	                            ? sl_fail(error, SL_REFUSED, "its tables are not those of a history")
	                            : sl_history_fail(h, code, error);
	sqlite3_finalize(s);
	return status == SL_OK ? SL_OK : sl_wrap(error, "%s", from);
}

static enum sl_status open_source(struct sl_history *h, const char *from, struct sl_error *error)
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
	status = check_tables(h, from, error);
	if (status != SL_OK)
		detach(h);
	return status;
}

/* ---- who may speak of a peer ---- */

/* Every site knows its own peers. Its entry for one has the host, and the microsecond at which the peer was first
 * started, which no other site knows: databases that agree in both come from one site. `sure`: the caller has named
 * the database as that peer's. `source` is its place in the caller's list, −1 the database collected into. */
static const char begin_claims[] =
    "CREATE TEMP TABLE claim (run_id, peer, host, started_at, source, sure, PRIMARY KEY (run_id, peer, source));"
    "INSERT INTO claim SELECT run_id, peer, host, started_at, -1, 0 FROM main.peer;";
static const char end_claims[] = "DROP TABLE IF EXISTS temp.claim; DROP TABLE IF EXISTS temp.mine";

static enum sl_status claim_range(struct sl_history *h, unsigned source, bool sure, uint32_t first,
                                  uint32_t last, struct sl_error *error)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(h->db,
	                              "INSERT INTO claim SELECT run_id, peer, host, started_at, ?1, ?2 "
	                              "FROM source.peer WHERE peer BETWEEN ?3 AND ?4 ON CONFLICT DO NOTHING",
	                              -1, &s, NULL);
	if (code != SQLITE_OK)
		return sl_history_fail(h, code, error);
	sqlite3_bind_int64(s, 1, source);
	sqlite3_bind_int(s, 2, sure);
	sqlite3_bind_int64(s, 3, first);
	sqlite3_bind_int64(s, 4, last);
	code = sqlite3_step(s);
	enum sl_status status = code == SQLITE_DONE ? SL_OK : sl_history_fail(h, code, error);
	sqlite3_finalize(s);
	return status;
}

static enum sl_status claim(struct sl_history *h, const struct sl_history_source *from, unsigned at,
                            struct sl_error *error)
{
	enum sl_status status = open_source(h, from->path, error);
	if (status != SL_OK)
		return status;
	if (from->ranges == 0)
		status = claim_range(h, at, false, 0, UINT32_MAX, error);
	for (unsigned i = 0; i < from->ranges && status == SL_OK; i++)
		status = claim_range(h, at, true, from->range[i].first, from->range[i].last, error);
	detach(h);
	return status;
}

/* Where somebody is sure, the others are not asked. Else all have to agree. */
static enum sl_status judge(struct sl_history *h, const struct sl_history_source *from,
                            struct sl_error *error)
{
	static const char disagreement[] =
	    "SELECT a.run_id, a.peer, a.source, b.source FROM claim AS a JOIN claim AS b USING (run_id, peer) "
	    "WHERE a.source < b.source AND (a.host IS NOT b.host OR a.started_at IS NOT b.started_at) LIMIT 1";
	sqlite3_stmt *s = NULL;
	enum sl_status status = sl_history_run_sql(
	    h,
	    "DELETE FROM claim WHERE NOT sure AND (run_id, peer) IN (SELECT run_id, peer FROM claim WHERE sure)",
	    error);
	if (status != SL_OK)
		return status;
	int code = sqlite3_prepare_v2(h->db, disagreement, -1, &s, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	if (code == SQLITE_ROW) {
		int one = sqlite3_column_int(s, 2), other = sqlite3_column_int(s, 3);
		long long peer = sqlite3_column_int64(s, 1);
		status = sl_fail(
		    error, SL_REFUSED,
		    "%s and %s contradict each other about peer %lld: they name another host or start of it. "
		    "Say which database is the peer's own: %lld=DB",
		    one < 0 ? h->path : from[one].path, from[other].path, peer, peer);
	} else if (code != SQLITE_DONE) {
		status = sl_history_fail(h, code, error);
	}
	sqlite3_finalize(s);
	return status;
}

/* ---- merging ---- */

/* What is there is kept; what is unknown there is filled in, so that a run may be collected again when it has
 * gone on. Run numbers are each file's own and are translated. Events have no key: a row counts as there when
 * an equal one is. Only rows of peers in `mine` are taken; exact errors, which are of all peers, only where all
 * peers of the run are. */
static const char merge[] =
    "INSERT INTO run (run_id, name, driver, started_at, version, topology, peers, dim, algorithm, compress, "
    "model, dataset, seed, fingerprint, config) "
    "SELECT run_id, name, driver, started_at, version, topology, peers, dim, algorithm, compress, model, "
    "dataset, seed, "
    "  fingerprint, config FROM source.run WHERE run_id IN (SELECT run_id FROM mine) "
    "  OR run_id NOT IN (SELECT run_id FROM source.peer) ORDER BY number "
    "ON CONFLICT (run_id) DO UPDATE SET started_at = min(coalesce(started_at, excluded.started_at), "
    "  coalesce(excluded.started_at, started_at));"
    "INSERT INTO peer SELECT * FROM source.peer WHERE (run_id, peer) IN mine "
    "ON CONFLICT (run_id, peer) DO UPDATE SET public_key = excluded.public_key, "
    "  stopped_at = coalesce(stopped_at, excluded.stopped_at), "
    "  exit = coalesce(exit, excluded.exit), model_digest = coalesce(model_digest, excluded.model_digest), "
    "  degree = coalesce(degree, excluded.degree);"
    "CREATE TEMP TABLE same AS SELECT theirs.number AS theirs, ours.number AS ours "
    "  FROM source.run AS theirs JOIN main.run AS ours USING (run_id) WHERE run_id IN (SELECT run_id FROM mine);"
    "CREATE TEMP TABLE own AS SELECT number AS ours, peer FROM mine JOIN main.run USING (run_id);"
    "INSERT INTO round_data SELECT ours, peer, round, at_us, train_loss, test_loss, test_accuracy, nonzero, "
    "  disagreement, payload_tx, payload_rx, wire_tx, wire_rx, compute_us, compress_us, wait_us, penalty, wire_resent "
    "FROM same CROSS JOIN source.round_data ON run = theirs "
    "WHERE (ours, peer) IN own ON CONFLICT DO NOTHING;"
    "INSERT INTO link_data SELECT ours, peer, neighbour, round, payload_tx, payload_rx, frames_tx, "
    "frames_rx, resent, repeated, refused, snapshots, rtt_us, wire_tx, wire_resent, throughput, queue_us, "
    "srtt_us, again_connection, again_drop, again_refusal, again_digest "
    "FROM same CROSS JOIN source.link_data ON run = theirs "
    "WHERE (ours, peer) IN own ON CONFLICT DO NOTHING;"
    "INSERT INTO sketch_data SELECT ours, round, peer, bucket "
    "FROM same CROSS JOIN source.sketch_data ON run = theirs "
    "WHERE (ours, peer) IN own ON CONFLICT DO NOTHING;"
    "INSERT INTO budget_data SELECT ours, peer, round, rate, tx, waited_us "
    "FROM same CROSS JOIN source.budget_data ON run = theirs WHERE true ON CONFLICT DO NOTHING;"
    "INSERT INTO exact_data SELECT ours, round, error "
    "FROM same CROSS JOIN source.exact_data ON run = theirs "
    "WHERE NOT EXISTS (SELECT 1 FROM main.peer AS p JOIN main.run AS r USING (run_id) WHERE r.number = ours "
    "  AND (p.run_id, p.peer) NOT IN mine) ON CONFLICT DO NOTHING;"
    "INSERT INTO round_all_data SELECT ours, theirs.round, theirs.peers, tested, at_us, payload_tx, wire_tx, "
    "  test_accuracy, test_accuracy_min, test_accuracy_max, test_loss, test_loss_min, test_loss_max, train_loss, "
    "  train_loss_min, train_loss_max, nonzero, nonzero_min, nonzero_max, objective, disagreement "
    "FROM same CROSS JOIN source.round_all_data AS theirs ON run = same.theirs "
    "WHERE NOT EXISTS (SELECT 1 FROM main.peer AS p JOIN main.run AS r USING (run_id) WHERE r.number = ours "
    "  AND (p.run_id, p.peer) NOT IN mine) ON CONFLICT DO NOTHING;"
    "INSERT INTO metric SELECT * FROM source.metric WHERE (run_id, peer) IN mine ON CONFLICT DO NOTHING;"
    "INSERT INTO event SELECT * FROM source.event AS theirs WHERE (run_id, peer) IN mine AND NOT EXISTS ("
    "  SELECT 1 FROM main.event AS ours WHERE ours.run_id = theirs.run_id AND ours.peer = theirs.peer "
    "  AND ours.at_us IS theirs.at_us AND ours.round IS theirs.round AND ours.level = theirs.level "
    "  AND ours.kind = theirs.kind AND ours.detail IS theirs.detail) ORDER BY rowid;"
    "DROP TABLE same; DROP TABLE own;";

/* The rows of a peer that came from a database which is not the peer's own. */
static const char forget[] =
    "CREATE TEMP TABLE wrong AS SELECT run_id, peer, number FROM main.peer JOIN mine USING (run_id, peer) "
    "  JOIN source.peer AS theirs USING (run_id, peer) JOIN main.run USING (run_id) "
    "  WHERE main.peer.host IS NOT theirs.host OR main.peer.started_at IS NOT theirs.started_at;"
    "DELETE FROM main.round_data WHERE (run, peer) IN (SELECT number, peer FROM wrong);"
    "DELETE FROM main.link_data WHERE (run, peer) IN (SELECT number, peer FROM wrong);"
    "DELETE FROM main.metric WHERE (run_id, peer) IN (SELECT run_id, peer FROM wrong);"
    "DELETE FROM main.sketch_data WHERE (run, peer) IN (SELECT number, peer FROM wrong);"
    "DELETE FROM main.event WHERE (run_id, peer) IN (SELECT run_id, peer FROM wrong);"
    "DELETE FROM main.peer WHERE (run_id, peer) IN (SELECT run_id, peer FROM wrong);"
    "DROP TABLE wrong;";

static enum sl_status count_rows(struct sl_history *h, const char *sql, unsigned at, int64_t *out,
                                 struct sl_error *error)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(h->db, sql, -1, &s, NULL);
	if (code == SQLITE_OK) {
		sqlite3_bind_int64(s, 1, at);
		code = sqlite3_step(s);
	}
	*out = code == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
	enum sl_status status =
	    code == SQLITE_ROW || code == SQLITE_DONE ? SL_OK : sl_history_fail(h, code, error);
	sqlite3_finalize(s);
	return status;
}

/* What the database says of peers that are not its own, and what it says otherwise than rows that are kept. */
static enum sl_status look_for_conflicts(struct sl_history *h, unsigned at, struct sl_history_conflicts *out,
                                         struct sl_error *error)
{
	static const char strange[] =
	    "SELECT count(*) FROM source.peer WHERE (run_id, peer) NOT IN mine AND ?1 >= 0";
	static const char differs[] =
	    "SELECT count(*) FROM mine JOIN main.run AS ours USING (run_id) JOIN source.run AS theirs USING (run_id) "
	    "JOIN main.round_data AS a ON a.run = ours.number AND a.peer = mine.peer JOIN source.round_data AS b "
	    "ON b.run = theirs.number AND b.peer = a.peer AND b.round = a.round "
	    "WHERE (a.train_loss IS NOT b.train_loss OR a.payload_tx IS NOT b.payload_tx) AND ?1 >= 0";
	static const char runs[] =
	    "SELECT count(*) FROM main.run AS a JOIN source.run AS b USING (run_id) WHERE ?1 >= 0 AND "
	    "(a.fingerprint IS NOT b.fingerprint OR a.peers <> b.peers OR a.dim <> b.dim OR a.algorithm IS NOT b.algorithm)";
	enum sl_status status = count_rows(h, strange, at, &out->peers, error);
	if (status == SL_OK)
		status = count_rows(h, differs, at, &out->rounds, error);
	return status == SL_OK ? count_rows(h, runs, at, &out->runs, error) : status;
}

static enum sl_status take(struct sl_history *h, unsigned at, struct sl_history_conflicts *conflicts,
                           struct sl_error *error)
{
	char mine[160];
	snprintf(mine, sizeof mine,
	         "CREATE TEMP TABLE mine AS SELECT run_id, peer FROM claim WHERE source = %u", at);
	enum sl_status status = sl_history_run_sql(h, mine, error);
	if (status == SL_OK)
		status = sl_history_run_sql(h, forget, error);
	if (status == SL_OK)
		status = look_for_conflicts(h, at, conflicts, error);
	if (status == SL_OK)
		status = sl_history_run_sql(h, merge, error);
	return status == SL_OK ? sl_history_run_sql(h, "DROP TABLE mine", error) : status;
}

static enum sl_status collect_one(struct sl_history *h, struct sl_history_source *from, unsigned at,
                                  struct sl_error *error)
{
	enum sl_status status = open_source(h, from->path, error);
	if (status != SL_OK)
		return status;
	status = sl_history_run_sql(h, "BEGIN IMMEDIATE", error);
	if (status == SL_OK)
		status = take(h, at, &from->conflicts, error);
	if (status == SL_OK)
		status = sl_history_commit(h, true, error);
	if (status != SL_OK) {
		sl_history_rollback(h);
		sl_wrap(error, "%s", from->path);
	}
	detach(h);
	return status;
}

enum sl_status sl_history_collect(struct sl_history *h, struct sl_history_source *from, unsigned count,
                                  struct sl_error *error)
{
	enum sl_status status = sl_history_run_sql(h, begin_claims, error);
	for (unsigned i = 0; i < count && status == SL_OK; i++)
		status = claim(h, &from[i], i, error);
	if (status == SL_OK)
		status = judge(h, from, error);
	for (unsigned i = 0; i < count && status == SL_OK; i++)
		status = collect_one(h, &from[i], i, error);
	sqlite3_exec(h->db, end_claims, NULL, NULL, NULL);
	return status;
}
