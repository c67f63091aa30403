/* test_database.c — the file under the history: durable commits, older and foreign files, many writers, a
 * full disk, a busy one, and merging. */
#include "tests/support/faults.h"
#include "tests/support/history.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void a_commit_can_be_durable(void **state)
{
	(void)state;
	struct sl_history *h = must_open("h.db");
	begin_run(h, "unit-1", 1, 10);
	struct sl_round_row r = row_of(0, 0);
	assert_ok(sl_history_round(h, &r, &test_error));
	int before = atomic_load(&test_fault_sync.calls);
	assert_ok(sl_history_commit(h, false, &test_error));
	assert_int_equal(atomic_load(&test_fault_sync.calls), before);
	assert_ok(sl_history_commit(h, true,
	                            &test_error)); /* nothing new, but what came before must be on the disk */
	assert_true(atomic_load(&test_fault_sync.calls) > before);
	sl_history_close(h);
}

/* A database as schema 1 had it: peers without a degree, no index of tested rounds, no views. */
static void make_schema_1(const char *name)
{
	struct sl_history *h = must_open(name);
	begin_run(h, "unit-1", 2, 10);
	add_peers(h, 2, 1);
	struct sl_round_row r = row_of(1, 4);
	assert_ok(sl_history_round(h, &r, &test_error));
	assert_ok(sl_history_commit(h, false, &test_error));
	sl_history_close(h);
	run_raw(
	    name,
	    "DROP VIEW curve; DROP VIEW peer_curve; DROP VIEW link_curve; DROP VIEW peer_time;"
	    "DROP VIEW summary; DROP VIEW traffic; DROP VIEW consensus; DROP INDEX round_tested;"
	    "ALTER TABLE peer DROP COLUMN degree; DROP VIEW budget; DROP TABLE budget_data;"
	    "DROP VIEW round; ALTER TABLE round_data DROP COLUMN penalty;"
	    "ALTER TABLE round_data DROP COLUMN wire_resent; DROP VIEW link;"
	    "ALTER TABLE link_data DROP COLUMN wire_tx; ALTER TABLE link_data DROP COLUMN wire_resent;"
	    "ALTER TABLE link_data DROP COLUMN throughput; ALTER TABLE link_data DROP COLUMN queue_us;"
	    "ALTER TABLE link_data DROP COLUMN srtt_us; ALTER TABLE link_data DROP COLUMN again_connection;"
	    "ALTER TABLE link_data DROP COLUMN again_drop; ALTER TABLE link_data DROP COLUMN again_refusal;"
	    "ALTER TABLE link_data DROP COLUMN again_digest; PRAGMA user_version = 1");
}

static void an_older_schema_is_migrated(void **state)
{
	(void)state;
	sl_history_close(must_open("new.db"));
	make_schema_1("old.db");
	make_schema_1("read.db");
	struct sl_history *h = must_open("old.db");
	sl_history_close(h);
	h = sl_history_open(test_path("read.db"), SL_HISTORY_READ, &test_error);
	assert_non_null(h);
	sl_history_close(h);
	static const char *const migrated[] = { "old.db", "read.db" };
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
		    count_from(migrated[i], "SELECT payload_tx FROM round WHERE peer = 1 AND round = 4"), 50);
		assert_int_equal(count_from(migrated[i], "SELECT count(*) FROM summary"), 1);
		/* Same things with the same columns as a new file has. */
		assert_int_equal(count_from(migrated[i], "SELECT user_version FROM pragma_user_version"), 6);
		char sql[320];
		sqlite3 *db;
		assert_int_equal(sqlite3_open(test_path(migrated[i]), &db), SQLITE_OK);
		sqlite3_stmt *s;
		snprintf(sql, sizeof sql, "ATTACH '%s' AS fresh", test_path("new.db"));
		assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
		assert_int_equal(
		    sqlite3_prepare_v2(
		        db,
		        "WITH ours AS (SELECT m.type, m.name, c.cid, c.name, c.type FROM main.sqlite_master "
		        "AS m "
		        "LEFT JOIN pragma_table_info(m.name, 'main') AS c), "
		        "theirs AS (SELECT m.type, m.name, c.cid, c.name, c.type FROM fresh.sqlite_master AS "
		        "m "
		        "LEFT JOIN pragma_table_info(m.name, 'fresh') AS c) "
		        "SELECT (SELECT count(*) FROM ours) > 60, "
		        "(SELECT count(*) FROM (SELECT * FROM ours EXCEPT SELECT * FROM theirs)), "
		        "(SELECT count(*) FROM (SELECT * FROM theirs EXCEPT SELECT * FROM ours))",
		        -1, &s, NULL),
		    SQLITE_OK);
		assert_int_equal(sqlite3_step(s), SQLITE_ROW);
		assert_int_equal(sqlite3_column_int(s, 0), 1);
		assert_int_equal(sqlite3_column_int(s, 1), 0);
		assert_int_equal(sqlite3_column_int(s, 2), 0);
		sqlite3_finalize(s);
		sqlite3_close(db);
	}
}

static void refused(const char *name, enum sl_history_mode mode, enum sl_status status, const char *sentence)
{
	test_error.text[0] = 0;
	assert_null(sl_history_open(test_path(name), mode, &test_error));
	assert_int_equal(test_error.status, status);
	assert_non_null(strstr(test_error.text, name));
	if (!strstr(test_error.text, sentence))
		fail_msg("\"%s\" does not say \"%s\"", test_error.text, sentence);
}

static void foreign_files_are_refused(void **state)
{
	(void)state;
	sl_history_close(must_open("newer.db"));
	run_raw("newer.db", "PRAGMA user_version = 7");
	refused("newer.db", SL_HISTORY_WRITE, SL_REFUSED,
	        "has schema 7, and this program knows schemas up to 6");
	refused("newer.db", SL_HISTORY_READ, SL_REFUSED, "has schema 7");

	run_raw("foreign.db", "CREATE TABLE bookmark (address); INSERT INTO bookmark VALUES (1)");
	refused("foreign.db", SL_HISTORY_WRITE, SL_REFUSED, "another program");
	assert_int_equal(count_from("foreign.db", "SELECT count(*) FROM sqlite_master"), 1); /* untouched */

	FILE *f = fopen(test_path("notes.txt"), "w");
	for (int i = 0; i < 500; i++)
		fputs("these are notes, not a database\n", f);
	fclose(f);
	refused("notes.txt", SL_HISTORY_WRITE, SL_MALFORMED, "not an SQLite database");
	refused("notes.txt", SL_HISTORY_READ, SL_MALFORMED, "not an SQLite database");

	refused("missing.db", SL_HISTORY_READ, SL_NOT_FOUND, "No such file");
	assert_int_not_equal(access(test_path("missing.db"), F_OK), 0);
	refused("no/folder.db", SL_HISTORY_WRITE, SL_NOT_FOUND, "No such file");
	refused("", SL_HISTORY_WRITE, SL_REFUSED, "Is a directory");
	fclose(fopen(test_path("empty.db"), "w"));
	refused("empty.db", SL_HISTORY_READ, SL_NOT_FOUND, "empty");
}

static void names_of_any_kind_work(void **state)
{
	(void)state;
	static const char name[] = "50% sure? #1 \xc3\xa9'\".db";
	sl_history_close(must_open(name));
	assert_int_equal(access(test_path(name), F_OK), 0);
	struct sl_history *h = sl_history_open(test_path(name), SL_HISTORY_READ, &test_error);
	assert_non_null(h);
	sl_history_close(h);
}

/* Eight processes make the file and write it at the same time. */
static void no_row_of_many_writers_is_lost(void **state)
{
	(void)state;
	enum { WRITERS = 8, ROUNDS = 3000, BATCH = 50 };
	pid_t child[WRITERS];
	for (uint32_t p = 0; p < WRITERS; p++) {
		child[p] = fork();
		if (child[p] != 0)
			continue;
		struct sl_history *h = sl_history_open(test_path("h.db"), SL_HISTORY_WRITE, &test_error);
		struct sl_history_run run = { .run_id = "unit-1", .peers = WRITERS, .dimension = 10 };
		struct sl_history_peer peer = { .peer = p, .degree = 2 };
		bool ok = h && sl_history_register_run(h, &run, &test_error) == SL_OK &&
		          sl_history_peer(h, &peer, &test_error) == SL_OK;
		for (uint32_t k = 0; ok && k < ROUNDS; k++) {
			struct sl_round_row r = row_of(p, k);
			ok = sl_history_round(h, &r, &test_error) == SL_OK;
			if (ok && k % BATCH == BATCH - 1)
				ok = sl_history_commit(h, k % 1000 == 999, &test_error) == SL_OK;
		}
		if (!ok)
			fprintf(stderr, "writer %u: %s\n", p, test_error.text);
		sl_history_close(h);
		_exit(ok ? 0 : 1);
	}
	for (int p = 0; p < WRITERS; p++) {
		int status;
		assert_int_equal(waitpid(child[p], &status, 0), child[p]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(count_from("h.db", "SELECT count(*) FROM round"), WRITERS * ROUNDS);
	assert_int_equal(count_from("h.db", "SELECT count(*) FROM peer"), WRITERS);
	assert_int_equal(count_from("h.db", "SELECT count(*) FROM run"), 1);
	assert_int_equal(count_from("h.db", "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
}

static void a_full_disk_may_pass(void **state)
{
	(void)state;
	struct sl_history *h = must_open("h.db");
	begin_run(h, "unit-1", 1, 10);
	assert_ok(sl_history_run_sql(h, "PRAGMA max_page_count = 30", &test_error));
	uint32_t given = 0, stored = 0;
	enum sl_status status = SL_OK;
	while (status == SL_OK && given < 100000) {
		for (int i = 0; status == SL_OK && i < 100; i++) {
			struct sl_round_row r = row_of(0, given++);
			status = sl_history_round(h, &r, &test_error);
		}
		if (status == SL_OK)
			status = sl_history_commit(h, false, &test_error);
		if (status == SL_OK)
			stored = given;
	}
	assert_int_equal(status, SL_IO);
	assert_non_null(strstr(test_error.text, "full"));
	assert_int_equal(sl_history_rollback(h), SL_OK);
	assert_int_equal(count_from("h.db", "SELECT count(*) FROM round"), stored);
	assert_ok(sl_history_run_sql(h, "PRAGMA max_page_count = 100000", &test_error));
	for (uint32_t k = stored; k < given; k++) {
		struct sl_round_row r = row_of(0, k);
		assert_ok(sl_history_round(h, &r, &test_error));
	}
	assert_ok(sl_history_commit(h, true, &test_error));
	sl_history_close(h);
	assert_int_equal(count_from("h.db", "SELECT count(*) FROM round"), given);
}

static void a_busy_database_is_waited_for_with_patience(void **state)
{
	(void)state;
	struct sl_history *h = must_open("h.db");
	begin_run(h, "unit-1", 1, 10);
	sqlite3 *db;
	assert_int_equal(sqlite3_open(test_path("h.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	sl_history_busy_timeout(h, 5);
	struct sl_round_row r = row_of(0, 0);
	assert_int_equal(sl_history_round(h, &r, &test_error), SL_IO);
	assert_non_null(strstr(test_error.text, "locked"));
	assert_int_equal(sl_history_rollback(h), SL_OK);
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	assert_ok(sl_history_round(h, &r, &test_error));
	assert_ok(sl_history_commit(h, false, &test_error));
	/* A shell that forgot to end its transaction does not keep anybody from closing. */
	assert_int_equal(sqlite3_exec(db, "BEGIN; SELECT count(*) FROM run", NULL, NULL, NULL), SQLITE_OK);
	sl_history_busy_timeout(h, 1000000);
	sl_history_close(h);
	sqlite3_close(db);
}

/* One source a peer, as under systemd, with another run in front so that run numbers differ. */
static void make_source(const char *name, uint32_t peer, uint32_t rounds, const char *before)
{
	struct sl_history *h = must_open(name);
	if (before)
		begin_run(h, before, 1, 10);
	begin_run(h, "unit-1", 2, 10);
	struct sl_history_peer row = { .peer = peer, .degree = 1 };
	assert_ok(sl_history_peer(h, &row, &test_error));
	for (uint32_t k = 0; k < rounds; k++) {
		struct sl_round_row r = row_of(peer, k);
		struct sl_link_row l = { .peer = peer, .neighbour = 1 - peer, .round = k };
		struct sl_sketch_row s = {
			.peer = peer, .round = k, .count = 2, .value = { (float)peer, 1 }
		};
		assert_ok(sl_history_round(h, &r, &test_error));
		assert_ok(sl_history_link(h, &l, &test_error));
		assert_ok(sl_history_sketch(h, &s, &test_error));
	}
	struct sl_event_row e = { .peer = peer, .level = SL_LEVEL_WARNING, .kind = "edge-late" };
	assert_ok(sl_history_event(h, &e, &test_error));
	assert_ok(sl_history_event(h, &e, &test_error)); /* twice at the same moment: both count */
	if (rounds > 4)
		assert_ok(sl_history_peer_stopped(h, peer, 77, 0, "ff", &test_error));
	assert_ok(sl_history_commit(h, false, &test_error));
	sl_history_close(h);
}

/* A reader that stays: the log grows to its limit and no further, and when the reader is gone all rows are
 * there. */
static void a_reader_that_stays_does_not_fill_the_disk(void **state)
{
	struct sl_error error;
	(void)state;
	struct sl_history *h = must_open("log.db");
	begin_run(h, "unit-1", 100, 10);
	assert_ok(sl_history_commit(h, false, &test_error));
	sl_history_log_most(h, 2 << 20);
	sqlite3 *reader;
	assert_int_equal(sqlite3_open(test_path("log.db"), &reader), SQLITE_OK);
	assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM round", NULL, NULL, NULL),
	                 SQLITE_OK);
	uint32_t round = 0, refused = 0;
	for (int turn = 0; turn < 3000 && refused < 5; turn++) {
		enum sl_status status = SL_OK;
		for (uint32_t k = 0; k < 100 && status == SL_OK; k++) {
			struct sl_round_row row = row_of(k, round);
			status = sl_history_round(h, &row, &error);
		}
		if (status == SL_OK) {
			assert_ok(sl_history_commit(h, false, &test_error));
			round++;
			continue;
		}
		refused++;
		assert_int_equal(status, SL_IO);
		assert_non_null(strstr(error.text, "-wal"));
		sl_history_rollback(h);
	}
	assert_int_equal(refused, 5);
	struct stat about;
	char path[300];
	snprintf(path, sizeof path, "%s-wal", test_path("log.db"));
	assert_int_equal(stat(path, &about), 0);
	assert_in_range(about.st_size, 2 << 20, 3 << 20);
	sqlite3_close(reader);
	struct sl_round_row row = row_of(0, round);
	assert_int_equal(sl_history_round(h, &row, &error), SL_OK);
	assert_int_equal(sl_history_commit(h, false, &error), SL_OK);
	sl_history_close(h);
	assert_int_equal(count_from("log.db", "SELECT count(*) FROM round"), 100 * round + 1);
}

static enum sl_status collect_from(struct sl_history *h, const char *name)
{
	struct sl_history_source source = { .path = test_path(name) };
	return sl_history_collect(h, &source, 1, &test_error);
}

static void sources_are_collected(void **state)
{
	(void)state;
	make_source("0.db", 0, 4, NULL);
	make_source("1.db", 1, 6, "another");
	struct sl_history *h = must_open("all.db");
	for (int turn = 0; turn < 2; turn++) {
		assert_ok(collect_from(h, "0.db"));
		assert_ok(collect_from(h, "1.db"));
		assert_int_equal(count_from("all.db", "SELECT count(*) FROM run"), 2);
		assert_int_equal(count_from("all.db", "SELECT count(*) FROM peer"), 2);
		assert_int_equal(count_from("all.db", "SELECT count(*) FROM round WHERE run_id = 'unit-1'"),
		                 10);
		assert_int_equal(count_from("all.db", "SELECT count(*) FROM link WHERE run_id = 'unit-1'"),
		                 10);
		assert_int_equal(count_from("all.db", "SELECT count(*) FROM consensus WHERE error = 0.25"),
		                 4);
		assert_int_equal(count_from("all.db", "SELECT count(*) FROM event"), 4);
		assert_int_equal(count_from("all.db", "SELECT rounds FROM summary WHERE run_id = 'unit-1'"),
		                 6);
	}
	/* The run goes on and is collected again. */
	make_source("0.db", 0, 6, NULL);
	assert_int_equal(count_from("all.db", "SELECT stopped_at IS NULL FROM peer WHERE peer = 0"), 1);
	assert_ok(collect_from(h, "0.db"));
	assert_int_equal(count_from("all.db", "SELECT count(*) FROM consensus"), 6);
	assert_int_equal(
	    count_from("all.db", "SELECT stopped_at = 77 AND model_digest = 'ff' FROM peer WHERE peer = 0"),
	    1);

	make_schema_1("old.db");
	run_raw("old.db", "UPDATE peer SET started_at = 0, host = NULL"); /* of the same site */
	assert_ok(collect_from(h, "old.db"));
	assert_int_equal(collect_from(h, "gone.db"), SL_NOT_FOUND);
	run_raw("foreign.db", "CREATE TABLE bookmark (address)");
	assert_int_equal(collect_from(h, "foreign.db"), SL_REFUSED);
	assert_int_equal(count_from("all.db", "SELECT count(*) FROM run"), 2);
	sl_history_close(h);
}

/* A site that speaks of another site's peer, before or after that site: nothing of it counts. */
static void nobody_speaks_of_another_sites_peers(void **state)
{
	(void)state;
	make_source("0.db", 0, 4, NULL);
	make_source("1.db", 1, 4, NULL);
	run_raw("0.db", "UPDATE peer SET host = 'a', started_at = 1234567, public_key = '00'");
	run_raw(
	    "1.db",
	    "UPDATE peer SET host = 'b', started_at = 7654321, public_key = '01';"
	    "INSERT INTO peer (run_id, peer, host, started_at, public_key) VALUES ('unit-1', 0, 'a', 1234568, 'ff');"
	    "INSERT INTO round_data (run, peer, round, train_loss) SELECT run, 0, round + 2, 666 FROM round_data;"
	    "INSERT INTO event (run_id, peer, level, kind) VALUES ('unit-1', 0, 'error', 'forged')");
	for (int order = 0; order < 2; order++) {
		struct sl_history *h = must_open(order ? "b.db" : "a.db");
		struct sl_history_source source[2] = { { .path = strdup(test_path(order ? "1.db" : "0.db")) },
			                               { .path =
			                                     strdup(test_path(order ? "0.db" : "1.db")) } };
		assert_int_equal(sl_history_collect(h, source, 2, &test_error), SL_REFUSED);
		assert_non_null(strstr(test_error.text, "contradict each other about peer 0"));
		assert_non_null(strstr(test_error.text, "Say which database is the peer's own: 0=DB"));
		assert_int_equal(count_from(order ? "b.db" : "a.db", "SELECT count(*) FROM peer"), 0);
		/* What was collected before contradicts, too. */
		if (!order) {
			assert_ok(sl_history_collect(h, source, 1, &test_error));
			assert_int_equal(sl_history_collect(h, source + 1, 1, &test_error), SL_REFUSED);
		} else { /* the forger came first, and is found out */
			assert_ok(sl_history_collect(h, source, 1, &test_error));
			assert_int_equal(
			    count_from("b.db", "SELECT count(*) FROM event WHERE kind = 'forged'"), 1);
		}
		struct sl_history_source *own = &source[order];
		own->ranges = 1;
		own->range[0].first = own->range[0].last = 0;
		assert_ok(sl_history_collect(h, source, 2, &test_error));
		assert_int_equal(source[!order].conflicts.peers, 1);
		const char *name = order ? "b.db" : "a.db";
		assert_int_equal(count_from(name, "SELECT count(*) FROM round WHERE peer = 0"), 4);
		assert_int_equal(count_from(name, "SELECT count(*) FROM round WHERE peer = 1"), 4);
		assert_int_equal(count_from(name, "SELECT count(*) FROM round WHERE train_loss = 666"), 0);
		assert_int_equal(count_from(name, "SELECT count(*) FROM event WHERE kind = 'forged'"), 0);
		assert_int_equal(count_from(name, "SELECT public_key = '00' FROM peer WHERE peer = 0"), 1);
		sl_history_close(h);
		free((void *)(uintptr_t)source[0].path);
		free((void *)(uintptr_t)source[1].path);
	}
}

static void rows_that_differ_are_counted(void **state)
{
	(void)state;
	make_source("0.db", 0, 4, NULL);
	struct sl_history *h = must_open("all.db");
	assert_ok(collect_from(h, "0.db"));
	run_raw("0.db", "UPDATE round_data SET train_loss = 666 WHERE round > 1; UPDATE run SET dim = 11");
	struct sl_history_source source = { .path = test_path("0.db") };
	assert_ok(sl_history_collect(h, &source, 1, &test_error));
	assert_int_equal(source.conflicts.rounds, 2);
	assert_int_equal(source.conflicts.runs, 1);
	assert_int_equal(count_from("all.db", "SELECT count(*) FROM round WHERE train_loss = 666"), 0);
	sl_history_close(h);
}

static bool stop(void *context, const struct sl_history_summary *summary)
{
	(void)context, (void)summary;
	return false;
}

/* Views in the place of tables, and programs in the schema. */
static void tables_that_are_none_are_refused(void **state)
{
	(void)state;
	make_source("0.db", 0, 4, NULL);
	run_raw("0.db", "ALTER TABLE sketch_data RENAME TO s; CREATE VIEW sketch_data AS SELECT * FROM s");
	struct sl_history *h = must_open("all.db");
	assert_int_equal(collect_from(h, "0.db"), SL_REFUSED);
	assert_non_null(strstr(test_error.text, "its tables are not those of a history"));
	sl_history_close(h);
	/* A view that looks at this machine: where its files are, here. In a trusted schema it may. */
	make_source("1.db", 1, 4, NULL);
	run_raw(
	    "1.db",
	    "DROP VIEW summary; CREATE VIEW summary AS SELECT run_id, (SELECT file FROM pragma_database_list) AS peers, 0 AS present, "
	    "0 AS rounds, 0 AS test_accuracy, 0 AS worst_accuracy, 0 AS consensus_error, 0 AS payload_bytes, 0 AS "
	    "wire_bytes, 0 AS saved, 0 AS seconds, 0 AS seed, 0 AS penalty, 0 AS objective FROM run");
	struct sl_history *r = sl_history_open(test_path("1.db"), SL_HISTORY_READ, &test_error);
	assert_non_null(r);
	assert_int_not_equal(sl_history_summaries(r, NULL, stop, NULL, &test_error), SL_OK);
	assert_non_null(strstr(test_error.text, "unsafe use of virtual table"));
	sl_history_close(r);
}

int main(void)
{
#define in_folder(test) cmocka_unit_test_setup_teardown(test, test_folder_make, test_folder_remove)
	const struct CMUnitTest tests[] = {
		in_folder(a_commit_can_be_durable),
		in_folder(an_older_schema_is_migrated),
		in_folder(foreign_files_are_refused),
		in_folder(names_of_any_kind_work),
		in_folder(no_row_of_many_writers_is_lost),
		in_folder(a_full_disk_may_pass),
		in_folder(a_busy_database_is_waited_for_with_patience),
		in_folder(a_reader_that_stays_does_not_fill_the_disk),
		in_folder(sources_are_collected),
		in_folder(tables_that_are_none_are_refused),
		in_folder(rows_that_differ_are_counted),
		in_folder(nobody_speaks_of_another_sites_peers),
	};
	return cmocka_run_group_tests_name("database", tests, NULL, NULL);
}
