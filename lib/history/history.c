/* history.c — opening a database: whose file it is, which schema it has, and the way from an older one. */
#include "history/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The schema that this program reads and writes, in PRAGMA user_version. */
#define SL_SCHEMA_VERSION 6
/* PRAGMA application_id: "Murm". Tells a history from any other SQLite file. */
#define SL_APPLICATION_ID 0x4d75726d
/* A WAL is cut to this size when it is reset (its ordinary size is 1000 pages of 4 KiB). */
#define SL_WAL_LIMIT "4194304"

static const char schema[] =
#include "schema.inc"
    ;

/* step[v] brings the tables of version v to v + 1. Indices and views need none: the schema itself, run behind
 * the last step, makes what is missing. */
static const char *const step[SL_SCHEMA_VERSION] = {
	[1] = "ALTER TABLE peer ADD COLUMN degree INTEGER",
	[2] = "", /* the view summary */
	[3] = "ALTER TABLE round_data ADD COLUMN penalty REAL",
	[4] = "ALTER TABLE round_data ADD COLUMN wire_resent INTEGER;"
	      "ALTER TABLE link_data ADD COLUMN wire_tx INTEGER;"
	      "ALTER TABLE link_data ADD COLUMN wire_resent INTEGER;"
	      "ALTER TABLE link_data ADD COLUMN throughput INTEGER;"
	      "ALTER TABLE link_data ADD COLUMN queue_us INTEGER;"
	      "ALTER TABLE link_data ADD COLUMN srtt_us INTEGER;"
	      "ALTER TABLE link_data ADD COLUMN again_connection INTEGER;"
	      "ALTER TABLE link_data ADD COLUMN again_drop INTEGER;"
	      "ALTER TABLE link_data ADD COLUMN again_refusal INTEGER;"
	      "ALTER TABLE link_data ADD COLUMN again_digest INTEGER",
	[5] = "", /* the views curve, peer_curve, link_curve and peer_time */
};

void sl_history_busy_timeout(struct sl_history *h, int milliseconds)
{
	atomic_store(&h->patience_ms, milliseconds);
}

/* SQLite's own busy timeout cannot be cut short. Waits 1, 2, … 20 ms between tries. */
static int wait_for_others(void *context, int tries)
{
	struct sl_history *h = context;
	int waited = tries < 20 ? tries * (tries + 1) / 2 : 210 + (tries - 20) * 20;
	if (waited >= atomic_load(&h->patience_ms))
		return 0;
	sqlite3_sleep(tries < 20 ? tries + 1 : 20);
	return 1;
}

/* The integer that a query begins with. */
static enum sl_status ask(struct sl_history *h, const char *sql, int64_t *out, struct sl_error *error)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(h->db, sql, -1, &s, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	*out = code == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
	enum sl_status status =
	    code == SQLITE_ROW || code == SQLITE_DONE ? SL_OK : sl_history_fail(h, code, error);
	sqlite3_finalize(s);
	return status;
}

/* Whose file it is and which schema it has: 0 for an empty one. Changes nothing. */
static enum sl_status look(struct sl_history *h, int64_t *version, struct sl_error *error)
{
	int64_t application, things;
	/* One moment: between two questions another peer may make the schema. */
	bool alone = sqlite3_get_autocommit(h->db);
	enum sl_status status = alone ? sl_history_run_sql(h, "BEGIN", error) : SL_OK;
	if (status == SL_OK)
		status = ask(h, "PRAGMA user_version", version, error);
	if (status == SL_OK)
		status = ask(h, "PRAGMA application_id", &application, error);
	if (status == SL_OK)
		status = ask(h, "SELECT count(*) FROM sqlite_master", &things, error);
	if (alone)
		sl_history_rollback(h);
	if (status != SL_OK)
		return status;
	if (application != SL_APPLICATION_ID && (things > 0 || application != 0 || *version != 0))
		return sl_fail(error, SL_REFUSED,
		               "%s: an SQLite database of another program, not a history of starling",
		               h->path);
	if (*version > SL_SCHEMA_VERSION)
		return sl_fail(
		    error, SL_REFUSED,
		    "%s: has schema %lld, and this program knows schemas up to %d: use a newer starling",
		    h->path, (long long)*version, SL_SCHEMA_VERSION);
	return SL_OK;
}

/* From the version that is there to ours, in one transaction; several processes may try at the same time. */
static enum sl_status migrate(struct sl_history *h, struct sl_error *error)
{
	int64_t version = 0;
	char number[96];
	snprintf(number, sizeof number, "PRAGMA user_version = %d; PRAGMA application_id = %d",
	         SL_SCHEMA_VERSION, SL_APPLICATION_ID);
	enum sl_status status = sl_history_run_sql(h, "BEGIN IMMEDIATE", error);
	if (status != SL_OK)
		return status;
	status = look(h, &version, error); /* again, now that nobody else can change it */
	for (int64_t v = version; status == SL_OK && v > 0 && v < SL_SCHEMA_VERSION; v++)
		status = sl_history_run_sql(h, step[v], error);
	if (status == SL_OK && version < SL_SCHEMA_VERSION)
		status = sl_history_run_sql(h, schema, error);
	if (status == SL_OK && version < SL_SCHEMA_VERSION)
		status = sl_history_run_sql(h, number, error);
	if (status == SL_OK)
		status = sl_history_run_sql(h, "COMMIT", error);
	if (status != SL_OK)
		sl_history_rollback(h);
	return status;
}

/* Switching to WAL needs the file alone for a moment, and may fail at once where two switch at the same time:
 * wait here, not inside. */
static enum sl_status use_wal(struct sl_history *h, struct sl_error *error)
{
	int code, tries = 0;
	sqlite3_busy_handler(h->db, NULL, NULL);
	do
		code = sqlite3_exec(h->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
	while ((code & 0xff) == SQLITE_BUSY && wait_for_others(h, tries++));
	sqlite3_busy_handler(h->db, wait_for_others, h);
	if (code != SQLITE_OK)
		return sl_history_fail(h, code, error);
	sl_history_watch_log(h);
	/* A power cut may take the last commits, never the file's soundness; a checkpoint asks for durable
	 * ones. A megabyte of page cache holds what one transaction touches. */
	return sl_history_run_sql(h,
	                          "PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = " SL_WAL_LIMIT
	                          "; PRAGMA cache_size = -1024",
	                          error);
}

char *sl_history_uri(const char *path, const char *option)
{
	char *uri = malloc(3 * strlen(path) + strlen(option) + sizeof "file://?");
	if (!uri)
		return NULL;
	char *at = stpcpy(uri, *path == '/' ? "file://" : "file:");
	for (const char *p = path; *p; p++) {
		if (strchr("%?#", *p)) {
			*at++ = '%';
			*at++ = "0123456789abcdef"[*p >> 4 & 15];
			*at++ = "0123456789abcdef"[*p & 15];
		} else {
			*at++ = *p;
		}
	}
	*at++ = '?';
	stpcpy(at, option);
	return uri;
}

static enum sl_status connect_to(struct sl_history *h, int flags, const char *option, struct sl_error *error)
{
	char *uri = sl_history_uri(h->path, option);
	if (!uri)
		return sl_fail(error, SL_NO_MEMORY, "%s: out of memory", h->path);
	sqlite3_close(h->db);
	h->db = NULL;
	h->failure = 0;
	h->writes = flags & SQLITE_OPEN_CREATE;
	/* One thread at a time uses a handle: no mutex. */
	int code = sqlite3_open_v2(uri, &h->db, flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
	free(uri);
	if (!h->db)
		return sl_fail(error, SL_NO_MEMORY, "%s: out of memory", h->path);
	/* The file may be another site's: what its schema says is data, no program, and nothing that it says gets at
	 * pages of the file. */
	if (code == SQLITE_OK)
		code = sqlite3_db_config(h->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_db_config(h->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_busy_handler(h->db, wait_for_others, h);
	return code == SQLITE_OK ? SL_OK : sl_history_fail(h, code, error);
}

static enum sl_status open_to_write(struct sl_history *h, struct sl_error *error)
{
	int64_t version = 0;
	enum sl_status status = connect_to(h, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "mode=rwc", error);
	if (status == SL_OK)
		status = look(h, &version, error);
	if (status == SL_OK)
		status = use_wal(h, error);
	if (status == SL_OK && version < SL_SCHEMA_VERSION)
		status = migrate(h, error);
	return status;
}

/* Whether the log that would be beside a database is there. */
static bool has_log(struct sl_history *h)
{
	char *log = NULL;
	if (asprintf(&log, "%s-wal", h->path) < 0)
		return true;
	bool found = access(log, F_OK) == 0;
	free(log);
	return found;
}

/* A folder without room for the shared memory of WAL, such as a read-only medium: where no log lies beside
 * the file that would be missed, it can be read as one that nobody changes. */
static enum sl_status look_at_immutable(struct sl_history *h, int64_t *version, struct sl_error *error)
{
	if (has_log(h))
		return sl_fail(
		    error, SL_IO,
		    "%s: its last rows are in %s-wal, and reading them needs a writable folder: copy both files to one",
		    h->path, h->path);
	enum sl_status status = connect_to(h, SQLITE_OPEN_READONLY, "mode=ro&immutable=1", error);
	h->immutable = true;
	return status == SL_OK ? look(h, version, error) : status;
}

static enum sl_status open_to_read(struct sl_history *h, struct sl_error *error)
{
	int64_t version = 0;
	enum sl_status status = connect_to(h, SQLITE_OPEN_READONLY, "mode=ro", error);
	h->immutable = false;
	bool opened = status == SL_OK; /* what is not there, or not ours to read, is not */
	if (status == SL_OK)
		status = look(h, &version, error);
	if (opened && status != SL_OK && (h->failure == SQLITE_CANTOPEN || h->failure == SQLITE_READONLY))
		status = look_at_immutable(h, &version, error);
	if (status != SL_OK)
		return status;
	if (version == 0)
		return sl_fail(error, SL_NOT_FOUND, "%s: empty, not a history of starling", h->path);
	if (version < SL_SCHEMA_VERSION) {
		status = open_to_write(h, error);
		if (status == SL_OK)
			return connect_to(h, SQLITE_OPEN_READONLY, "mode=ro", error);
		return sl_wrap(error, "schema %d must become %d before it can be read", (int)version,
		               SL_SCHEMA_VERSION);
	}
	return SL_OK;
}

struct sl_history *sl_history_make(const char *path, struct sl_error *error)
{
	struct sl_history *h = calloc(1, sizeof *h);
	if (!h || !(h->path = strdup(path))) {
		free(h);
		sl_fail(error, SL_NO_MEMORY, "%s: out of memory", path);
		return NULL;
	}
	h->log_most = SL_LOG_PAGES_MOST;
	atomic_init(&h->patience_ms, 10000);
	return h;
}

enum sl_status sl_history_connect(struct sl_history *h, enum sl_history_mode mode, struct sl_error *error)
{
	sl_history_disconnect(h);
	enum sl_status status = mode == SL_HISTORY_READ ? open_to_read(h, error) : open_to_write(h, error);
	if (status != SL_OK)
		sl_history_disconnect(h);
	return status;
}

static void rest(struct sl_history *h)
{
	for (int i = 0; i < SL_HISTORY_STATEMENTS; i++) {
		sqlite3_finalize(h->statement[i]);
		h->statement[i] = NULL;
	}
	if (h->db && !sqlite3_get_autocommit(h->db))
		sl_history_rollback(h);
}

static void let_go(struct sl_history *h)
{
	sqlite3_close(h->db);
	h->db = NULL;
	h->run = 0;
}

void sl_history_disconnect(struct sl_history *h)
{
	int keep = errno;
	rest(h);
	if (h->db && !sqlite3_db_readonly(h->db, "main")) {
		/* Leave a short WAL behind, but wait for nobody: the last one to close empties it anyway. */
		sqlite3_busy_handler(h->db, NULL, NULL);
		sqlite3_wal_checkpoint_v2(h->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	}
	let_go(h);
	errno = keep;
}

void sl_history_leave(struct sl_history *h)
{
	int keep = errno, persist = 1;
	rest(h);
	if (h->db) {
		sqlite3_db_config(h->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
		sqlite3_file_control(h->db, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
	}
	let_go(h);
	errno = keep;
}

const char *sl_history_file(const struct sl_history *h)
{
	return sqlite3_db_filename(h->db, "main");
}

static bool moved(struct sl_history *h)
{
	int yes = 0;
	return sqlite3_file_control(h->db, "main", SQLITE_FCNTL_HAS_MOVED, &yes) != SQLITE_OK || yes;
}

bool sl_history_is_locked(const struct sl_history *h)
{
	return h->failure == SQLITE_BUSY;
}

bool sl_history_needs_reconnect(struct sl_history *h)
{
	return (h->failure != SQLITE_BUSY && h->failure != SQLITE_FULL) || moved(h);
}

struct sl_history *sl_history_open(const char *path, enum sl_history_mode mode, struct sl_error *error)
{
	struct sl_history *h = sl_history_make(path, error);
	if (h && sl_history_connect(h, mode, error) != SL_OK) {
		sl_history_close(h);
		return NULL;
	}
	return h;
}

void sl_history_close(struct sl_history *h)
{
	if (!h)
		return;
	int keep = errno;
	sl_history_disconnect(h);
	free(h->path);
	free(h->run_id);
	free(h);
	errno = keep;
}
