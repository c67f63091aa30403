/* log.c — the write-ahead log stays short. SQLite empties it whenever nobody reads an older state; a reader
 * that stays for long, or many that take turns, keep it from that, and it would grow without an end. */
#include "history/internal.h"

#include <stdio.h>

enum {
	PAGES_CHECKPOINT = 1000, /* as SQLite itself would */
	PAGES_RESTART = 4096,    /* then it waits for readers, a moment at a time */
	RESTART_MS = 20,
	SETTLE_MS = 200,
};

static int checkpoint(struct sl_history *h, int mode, int patience_ms, bool *whole)
{
	int before = atomic_exchange(&h->patience_ms, patience_ms), log = 0, done = 0;
	int code = sqlite3_wal_checkpoint_v2(h->db, "main", mode, &log, &done);
	int own = patience_ms; /* unless somebody has set another meanwhile */
	atomic_compare_exchange_strong(&h->patience_ms, &own, before);
	if (code == SQLITE_OK)
		h->log_pages = mode == SQLITE_CHECKPOINT_PASSIVE ? log : 0;
	if (whole)
		*whole = log == done;
	return code;
}

static int after_commit(void *context, sqlite3 *db, const char *name, int pages)
{
	struct sl_history *h = context;
	(void)db;
	(void)name;
	h->log_pages = pages;
	if (pages >= PAGES_RESTART)
		checkpoint(h, SQLITE_CHECKPOINT_RESTART, RESTART_MS, NULL);
	else if (pages >= PAGES_CHECKPOINT)
		checkpoint(h, SQLITE_CHECKPOINT_PASSIVE, RESTART_MS, NULL);
	return SQLITE_OK; /* what could not be done now is done after the next commit */
}

void sl_history_watch_log(struct sl_history *h)
{
	sqlite3_wal_hook(h->db, after_commit, h);
}

enum sl_status sl_history_log_room(struct sl_history *h, struct sl_error *error)
{
	if (h->log_pages < h->log_most ||
	    checkpoint(h, SQLITE_CHECKPOINT_RESTART, RESTART_MS, NULL) == SQLITE_OK)
		return SL_OK;
	h->failure = SQLITE_BUSY;
	return sl_fail(
	    error, SL_IO,
	    "%s-wal: holds %lld MB, because another program has kept a read transaction open; rows are held back until it ends",
	    h->path, (long long)h->log_pages * 4096 / 1000000);
}

void sl_history_truncate_wal(struct sl_history *h)
{
	checkpoint(h, SQLITE_CHECKPOINT_TRUNCATE, RESTART_MS, NULL);
}

enum sl_status sl_history_settle(struct sl_history *h, struct sl_error *error)
{
	bool whole = false;
	int code = checkpoint(h, SQLITE_CHECKPOINT_PASSIVE, SETTLE_MS, &whole);
	if (code != SQLITE_OK || !whole)
		code = checkpoint(h, SQLITE_CHECKPOINT_FULL, SETTLE_MS, &whole);
	if (code != SQLITE_OK)
		return sl_history_fail(h, code, error);
	h->failure = SQLITE_BUSY;
	return whole ? SL_OK : sl_fail(error, SL_IO, "%s-wal: another program reads an older state", h->path);
}

void sl_history_log_most(struct sl_history *h, int64_t bytes)
{
	h->log_most = bytes / 4096;
}
