#include "tests/support/history.h"

#include <stdio.h>

struct sl_error test_error;

struct sl_history *must_open(const char *name)
{
	struct sl_history *h = sl_history_open(test_path(name), SL_HISTORY_WRITE, &test_error);
	if (!h)
		fail_msg("%s", test_error.text);
	return h;
}

void begin_run(struct sl_history *h, const char *run_id, uint32_t peers, uint32_t dimension)
{
	struct sl_history_run run = { .run_id = run_id,
		                      .name = "unit",
		                      .driver = "daemon",
		                      .algorithm = "malcom",
		                      .peers = peers,
		                      .dimension = dimension,
		                      .seed = UINT64_MAX,
		                      .started_at_us = 1000000 };
	assert_ok(sl_history_register_run(h, &run, &test_error));
}

void add_peers(struct sl_history *h, uint32_t peers, uint32_t degree)
{
	for (uint32_t p = 0; p < peers; p++) {
		struct sl_history_peer peer = { .peer = p,
			                        .name = "a peer",
			                        .pid = 100 + p,
			                        .started_at_us = 2000000,
			                        .degree = degree };
		assert_ok(sl_history_peer(h, &peer, &test_error));
	}
}

struct sl_round_row row_of(uint32_t peer, uint32_t round)
{
	return (struct sl_round_row){ .peer = peer,
		                      .round = round,
		                      .at_us = 3000000 + round * 1000 + peer,
		                      .train_loss = 0.5,
		                      .test_loss = NOTHING,
		                      .test_accuracy = NOTHING,
		                      .nonzero = 7,
		                      .payload_tx = 10 * (round + 1),
		                      .wire_tx = 12 * (round + 1) };
}

double real_from(const char *name, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *s;
	assert_int_equal(sqlite3_open_v2(test_path(name), &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	int code = sqlite3_step(s);
	if (code != SQLITE_ROW)
		fail_msg("%s: no row (%s)", sql, sqlite3_errmsg(db));
	double value = sqlite3_column_type(s, 0) == SQLITE_NULL ? NOTHING : sqlite3_column_double(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return value;
}

int count_from(const char *name, const char *sql)
{
	return (int)real_from(name, sql);
}

void run_raw(const char *name, const char *sql)
{
	sqlite3 *db;
	char *text = NULL;
	assert_int_equal(sqlite3_open(test_path(name), &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &text) != SQLITE_OK)
		fail_msg("%s: %s", sql, text);
	sqlite3_close(db);
}

void assert_near(double value, double expected, double tolerance)
{
	if (!(fabs(value - expected) <= tolerance * fmax(1e-300, fabs(expected))))
		fail_msg("%.17g is not %.17g", value, expected);
}
