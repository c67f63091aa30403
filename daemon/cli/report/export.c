#include "daemon/cli/report/export.h"

#include "base/utf8.h"
#include "daemon/cli/common/command_line.h"
#include "history/cursor.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static const char *const table_name[] = {
#define NAME(name) #name,
	SL_EXPORT_TABLES(NAME)
#undef NAME
};

void sl_csv_text(FILE *out, const char *text)
{
	bool quoted = text[strcspn(text, "\",\r\n")] != '\0';
	if (quoted)
		putc('"', out);
	while (*text) {
		size_t n = sl_utf8_length(text);
		if (*text == '"')
			fputs("\"\"", out);
		else if (n)
			fwrite(text, 1, n, out);
		else
			fputs("\xef\xbf\xbd", out);
		text += n ? n : 1;
	}
	if (quoted)
		putc('"', out);
}

static void put_csv(FILE *out, const struct sl_history_cursor *c)
{
	for (int i = 0; i < sl_history_columns(c); i++) {
		if (i)
			putc(',', out);
		switch (sl_history_kind_of(c, i)) {
		case SL_HISTORY_NULL:
			break;
		case SL_HISTORY_INTEGER:
			fprintf(out, "%" PRId64, sl_history_integer_of(c, i));
			break;
		case SL_HISTORY_REAL:
			if (isfinite(sl_history_real_of(c, i)))
				sl_json_real(out, sl_history_real_of(c, i));
			break;
		case SL_HISTORY_TEXT:
			sl_csv_text(out, sl_history_text_of(c, i));
			break;
		}
	}
	fputs("\n", out);
}

static void put_json(FILE *out, const struct sl_history_cursor *c)
{
	for (int i = 0; i < sl_history_columns(c); i++) {
		fputs(i ? ", " : "{", out);
		sl_json_text(out, sl_history_column(c, i));
		fputs(": ", out);
		switch (sl_history_kind_of(c, i)) {
		case SL_HISTORY_NULL:
			fputs("null", out);
			break;
		case SL_HISTORY_INTEGER:
			fprintf(out, "%" PRId64, sl_history_integer_of(c, i));
			break;
		case SL_HISTORY_REAL:
			sl_json_real(out, sl_history_real_of(c, i));
			break;
		case SL_HISTORY_TEXT:
			sl_json_text(out, sl_history_text_of(c, i));
			break;
		}
	}
	putc('}', out);
}

struct export
{
	FILE *out;
	struct sl_history *history;
	char sql[96];
	bool json;
	uint64_t rows, runs;
};

static enum sl_status export_run(struct export *e, const char *run_id, struct sl_error *error)
{
	struct sl_history_cursor *c = sl_history_ask(e->history, e->sql, run_id, error);
	if (!c)
		return error->status;
	if (!e->json && e->runs == 0) {
		for (int i = 0; i < sl_history_columns(c); i++) {
			fputs(i ? "," : "", e->out);
			sl_csv_text(e->out, sl_history_column(c, i));
		}
		fputs("\n", e->out);
	}
	e->runs++;
	bool more = true;
	enum sl_status status = SL_OK;
	while (status == SL_OK && (status = sl_history_next(c, &more, error)) == SL_OK && more) {
		if (e->json) {
			fputs(e->rows ? ",\n " : "", e->out);
			put_json(e->out, c);
		} else {
			put_csv(e->out, c);
		}
		e->rows++;
	}
	sl_history_done(c);
	return status;
}

static enum sl_status export_runs(struct export *e, const char *name, struct sl_error *error)
{
	struct sl_history_cursor *c =
	    sl_history_ask(e->history,
	                   "SELECT run_id FROM run WHERE ?1 IS NULL OR name = ?1 OR run_id = ?1 "
	                   "ORDER BY started_at, number",
	                   name, error);
	if (!c)
		return error->status;
	bool more = true;
	enum sl_status status = SL_OK;
	if (e->json)
		putc('[', e->out);
	while (status == SL_OK && (status = sl_history_next(c, &more, error)) == SL_OK && more)
		status = export_run(e, sl_history_text_of(c, 0), error);
	if (e->json)
		fputs("]\n", e->out);
	sl_history_done(c);
	return status;
}

enum sl_status sl_export(FILE *out, const char *database, const char *name, enum sl_export_table table,
                         bool json, struct sl_error *error)
{
	struct export e = { .out = out, .json = json };
	snprintf(e.sql, sizeof e.sql, "SELECT * FROM \"%s\" WHERE run_id = ?1", table_name[table]);
	e.history = sl_history_open(database, SL_HISTORY_READ, error);
	if (!e.history)
		return error->status;
	enum sl_status status = export_runs(&e, name, error);
	if (status == SL_OK && e.runs == 0 && name)
		status =
		    sl_fail(error, SL_NOT_FOUND, "%s: no run has the name or run_id '%s'", database, name);
	sl_history_close(e.history);
	return status;
}
