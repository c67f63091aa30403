#include "history/cursor.h"

#include "history/internal.h"

#include <math.h>
#include <stdlib.h>

struct sl_history_cursor {
	struct sl_history *history;
	sqlite3_stmt *statement;
};

struct sl_history_cursor *sl_history_ask(struct sl_history *h, const char *sql, const char *text,
                                         struct sl_error *error)
{
	struct sl_history_cursor *c = calloc(1, sizeof *c);
	if (!c) {
		sl_fail(error, SL_NO_MEMORY, "%s: out of memory", h->path);
		return NULL;
	}
	c->history = h;
	int code = sqlite3_prepare_v2(h->db, sql, -1, &c->statement, NULL);
	if (code != SQLITE_OK) {
		sl_history_fail(h, code, error);
		sl_history_done(c);
		return NULL;
	}
	if (sqlite3_bind_parameter_count(c->statement) > 0)
		sl_history_bind_text(c->statement, 1, text);
	return c;
}

enum sl_status sl_history_next(struct sl_history_cursor *c, bool *more, struct sl_error *error)
{
	int code = sqlite3_step(c->statement);
	*more = code == SQLITE_ROW;
	return *more || code == SQLITE_DONE ? SL_OK : sl_history_fail(c->history, code, error);
}

void sl_history_done(struct sl_history_cursor *c)
{
	if (!c)
		return;
	sqlite3_finalize(c->statement);
	free(c);
}

int sl_history_columns(const struct sl_history_cursor *c)
{
	return sqlite3_column_count(c->statement);
}

const char *sl_history_column(const struct sl_history_cursor *c, int at)
{
	const char *name = sqlite3_column_name(c->statement, at);
	return name ? name : "";
}

enum sl_history_kind sl_history_kind_of(const struct sl_history_cursor *c, int at)
{
	switch (sqlite3_column_type(c->statement, at)) {
	case SQLITE_INTEGER:
		return SL_HISTORY_INTEGER;
	case SQLITE_FLOAT:
		return SL_HISTORY_REAL;
	case SQLITE_NULL:
		return SL_HISTORY_NULL;
	default:
		return SL_HISTORY_TEXT; /* a blob too */
	}
}

double sl_history_real_of(const struct sl_history_cursor *c, int at)
{
	if (sqlite3_column_type(c->statement, at) == SQLITE_NULL)
		return (double)NAN;
	double value = sqlite3_column_double(c->statement, at);
	return isfinite(value) ? value : (double)NAN;
}

int64_t sl_history_integer_of(const struct sl_history_cursor *c, int at)
{
	if (sqlite3_column_type(c->statement, at) == SQLITE_NULL)
		return -1;
	return sqlite3_column_int64(c->statement, at);
}

const char *sl_history_text_of(const struct sl_history_cursor *c, int at)
{
	const char *text = (const char *)sqlite3_column_text(c->statement, at);
	return text ? text : "";
}
