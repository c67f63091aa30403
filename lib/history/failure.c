/* failure.c — what SQLite's error codes mean to the caller, and how a transaction is undone. */
#include "history/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* SQLite says "no such file" also of one that it could not make: then the folder's own error is meant. */
static int why_missing(struct sl_history *h)
{
	const char *slash = strrchr(h->path, '/');
	char *folder = slash ? strndup(h->path, (size_t)(slash - h->path) + 1) : strdup(".");
	int number = ENOENT;
	if (h->writes && folder && access(folder, W_OK) != 0)
		number = errno;
	free(folder);
	return number;
}

enum sl_status sl_history_fail(struct sl_history *h, int code, struct sl_error *error)
{
	enum sl_status status;
	h->failure = code & 0xff;
	switch (code & 0xff) {
	case SQLITE_NOMEM:
		status = SL_NO_MEMORY;
		break;
	case SQLITE_NOTADB:
		return sl_fail(error, SL_MALFORMED, "%s: not an SQLite database", h->path);
	case SQLITE_CANTOPEN: {
		int number = sqlite3_system_errno(h->db);
		if (number == ENOENT)
			number = why_missing(h);
		status = number == ENOENT                        ? SL_NOT_FOUND
		         : number == EISDIR || number == ENOTDIR ? SL_REFUSED
		                                                 : SL_IO;
		return sl_fail(error, status, "%s: %s", h->path,
		               number ? strerror(number) : sqlite3_errstr(code));
	}
	case SQLITE_IOERR: {
		int number = sqlite3_system_errno(h->db);
		return sl_fail(error, SL_IO, "%s: %s%s%s%s", h->path, sqlite3_errmsg(h->db),
		               number ? " (" : "", number ? strerror(number) : "", number ? ")" : "");
	}
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_RANGE:
	case SQLITE_TOOBIG:
		status = SL_REFUSED;
		break;
	default: /* BUSY, LOCKED, FULL, READONLY, PERM, PROTOCOL, CORRUPT: the disk's state, which may
	          * change, if only because somebody moves the file away */
		status = SL_IO;
	}
	return sl_fail(error, status, "%s: %s", h->path, sqlite3_errmsg(h->db));
}

enum sl_status sl_history_run_sql(struct sl_history *h, const char *sql, struct sl_error *error)
{
	int code = sqlite3_exec(h->db, sql, NULL, NULL, NULL);
	return code == SQLITE_OK ? SL_OK : sl_history_fail(h, code, error);
}

enum sl_status sl_history_rollback(struct sl_history *h)
{
	if (!sqlite3_get_autocommit(h->db) && sqlite3_exec(h->db, "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK)
		return SL_IO;
	return SL_OK;
}
