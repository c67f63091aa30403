/* test_outage.c — a history that cannot be had, at the start or for long: learning goes on, nothing that
 * exists is overwritten, and what was lost is counted once. */
#include "daemon/run/files.h"
#include "tests/support/faults.h"
#include "tests/support/store.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Another program that holds the database. */
static sqlite3 *lock(const char *name)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(test_path(name), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	return db;
}

static void unlock(sqlite3 *db)
{
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static int events(const char *kind, const char *detail)
{
	char sql[200];
	snprintf(sql, sizeof sql, "SELECT count(*) FROM event WHERE kind = '%s' AND detail LIKE '%s'", kind,
	         detail);
	return count_from("h.db", sql);
}

static void assert_fails(struct sl_store *s, const char *why)
{
	struct sl_store_trouble trouble;
	assert_true(sl_store_failing(s, &trouble));
	assert_true(trouble.since_us > INT64_C(1000000000000000));
	assert_non_null(strstr(trouble.reason, "h.db"));
	if (!strstr(trouble.reason, why))
		fail_msg("\"%s\" does not say \"%s\"", trouble.reason, why);
}

/* A store that began without its database has it now: nothing was lost. */
static void assert_comes_late(struct sl_store *s, int wake)
{
	struct sl_store_trouble trouble;
	assert_true(ask_checkpoint(s, "state"));
	assert_true(await_checkpoint(s, wake));
	assert_false(sl_store_failing(s, &trouble));
	assert_int_equal(count_from("h.db", "SELECT count(*) FROM round"), 10);
	assert_int_equal(count_from("h.db", "SELECT count(*) FROM peer WHERE peer = 3"), 1);
	assert_int_equal(events("rows-late", "%none could be written since 20%"), 1);
	assert_int_equal(events("rows-dropped", "%"), 0);
	assert_true(sl_store_close(s, 77, 0, NULL));
	assert_int_equal(count_from("h.db", "SELECT count(*) FROM event WHERE kind <> 'history-reopened'"),
	                 1);
	assert_int_equal(count_from("h.db", "SELECT stopped_at = 77 FROM peer"), 1);
}

static void a_full_disk_at_the_start_is_a_state(void **state)
{
	(void)state;
	int wake = eventfd(0, EFD_CLOEXEC);
	test_fault_set(&test_fault_write, 0, INT_MAX);
	struct sl_store *s = open_store("h.db", 3, wake);
	push_rounds(s, 3, 0, 10);
	assert_fails(s, "full");
	assert_true(ask_checkpoint(s, "state"));
	assert_false(await_checkpoint(s, wake));
	test_fault_set(&test_fault_write, 0, 0);
	assert_comes_late(s, wake);
	close(wake);
}

static void a_lock_at_the_start_is_a_state(void **state)
{
	(void)state;
	int wake = eventfd(0, EFD_CLOEXEC);
	sl_history_close(must_open("h.db"));
	sqlite3 *other = lock("h.db");
	patience_ms = 20;
	struct sl_store *s = open_store("h.db", 3, wake);
	push_rounds(s, 3, 0, 10);
	assert_fails(s, "locked");
	unlock(other);
	assert_comes_late(s, wake);
	close(wake);
}

/* A database that holds these bytes (taken over) does so whatever is tried; once it is out of the way,
 * nothing is lost. */
static void stays_until_moved(struct sl_store *s, int wake, uint8_t *before, size_t length)
{
	uint8_t *after;
	size_t again;
	for (int i = 0; i < 3; i++) {
		assert_true(ask_checkpoint(s, "state"));
		assert_false(await_checkpoint(s, wake));
	}
	assert_ok(sl_file_read(test_path("h.db"), 1 << 20, &after, &again, &test_error));
	assert_int_equal(again, length);
	assert_memory_equal(before, after, length);
	free(before);
	free(after);
	assert_int_equal(rename(test_path("h.db"), test_path("corrupt.db")), 0);
	assert_comes_late(s, wake);
	close(wake);
}

/* Pages that are no good stay as they are, until somebody moves the file away. */
static void a_corrupt_database_is_left_alone(void **state)
{
	(void)state;
	int wake = eventfd(0, EFD_CLOEXEC);
	uint8_t *before;
	size_t length;
	sl_history_close(must_open("h.db"));
	assert_ok(sl_file_read(test_path("h.db"), 1 << 20, &before, &length, &test_error));
	assert_true(length > 20000);
	memset(before + 4096, 0x55, length - 4096);
	assert_ok(sl_file_replace(test_path("h.db"), before, length, 0600, &test_error));
	struct sl_store *s = open_store("h.db", 3, wake);
	push_rounds(s, 3, 0, 10);
	assert_fails(s, "malformed");
	stays_until_moved(s, wake, before, length);
}

/* Other pages may be in order: what cannot take all rows takes none, however often it is tried. */
static void a_database_that_takes_no_rows_is_not_changed(void **state)
{
	(void)state;
	int wake = eventfd(0, EFD_CLOEXEC);
	uint8_t *before;
	size_t length;
	struct sl_link_row link = { .peer = 3, .neighbour = 4 };
	assert_true(sl_store_close(open_store("h.db", 3, -1), 1, 0, NULL));
	int root = count_from("h.db", "SELECT rootpage FROM sqlite_master WHERE name = 'link_data'");
	assert_ok(sl_file_read(test_path("h.db"), 1 << 20, &before, &length, &test_error));
	memset(before + (size_t)(root - 1) * 4096, 0x55, 4096);
	assert_ok(sl_file_replace(test_path("h.db"), before, length, 0600, &test_error));
	free(before);
	struct sl_store *s = open_store("h.db", 3, wake);
	push_rounds(s, 3, 0, 10);
	sl_store_link(s, &link);
	assert_true(ask_checkpoint(s, "state"));
	assert_false(await_checkpoint(s, wake));
	assert_fails(s, "malformed");
	assert_ok(sl_file_read(test_path("h.db"), 1 << 20, &before, &length, &test_error));
	assert_int_equal(count_from("h.db", "SELECT count(*) FROM round"), 0);
	stays_until_moved(s, wake, before, length);
}

/* To make room, or for whatever reason: rows go to the file that is at the path. */
static void a_database_that_was_moved_away_is_made_anew(void **state)
{
	(void)state;
	int wake = eventfd(0, EFD_CLOEXEC);
	int64_t tx = 0, rx = 0;
	struct sl_store *s = open_store("h.db", 3, -1);
	push_rounds(s, 3, 0, 1);
	assert_true(sl_store_close(s, 1, 0, NULL));
	s = open_store("h.db", 3, wake);
	test_fault_set(&test_fault_write, 0, INT_MAX);
	push_rounds(s, 3, 1, 11);
	assert_true(ask_checkpoint(s, "state"));
	assert_false(await_checkpoint(s, wake));
	assert_int_equal(rename(test_path("h.db"), test_path("old.db")), 0);
	test_fault_set(&test_fault_write, 0, 0);
	assert_true(ask_checkpoint(s, "state"));
	assert_true(await_checkpoint(s, wake));
	sl_store_add_earlier(s, &tx, &rx);
	assert_int_equal(tx, 12); /* what earlier starts sent stays, though the file is another one */
	assert_comes_late(s, wake);
	assert_int_equal(count_from("old.db", "SELECT count(*) FROM round"), 1);
	assert_int_equal(events("history-reopened", "%removed or renamed%"), 1);
	close(wake);
}

/* ---- names that mean something else while all is well ---- */

static void take_away(const char *suffix, const char *to)
{
	char name[32], other[32];
	snprintf(name, sizeof name, "h.db%s", suffix);
	snprintf(other, sizeof other, "%s%s", to ? to : "", suffix);
	if (to)
		assert_int_equal(rename(test_path(name), test_path(other)), 0);
	else
		assert_int_equal(unlink(test_path(name)), 0);
}

static void save(struct sl_store *s, int wake)
{
	assert_true(ask_checkpoint(s, "state"));
	assert_true(await_checkpoint(s, wake));
}

/* Ten rounds are written, and then ten more. */
static struct sl_store *write_ten(int wake)
{
	struct sl_store *s = open_store("h.db", 3, wake);
	push_rounds(s, 3, 0, 10);
	save(s, wake);
	return s;
}

static void write_ten_more(struct sl_store *s, int wake)
{
	push_rounds(s, 3, 10, 20);
	save(s, wake);
	assert_true(sl_store_close(s, 77, 0, NULL));
	close(wake);
	assert_int_equal(count_from("h.db", "SELECT count(*) FROM round WHERE round >= 10 AND peer = 3"), 10);
	assert_int_equal(count_from("h.db", "SELECT count(*) FROM peer WHERE stopped_at = 77"), 1);
	assert_int_equal(count_from("h.db", "SELECT count(*) FROM run WHERE run_id = 'unit-1'"), 1);
	assert_int_equal(count_from("h.db", "SELECT count(*) FROM event"), 1);
	assert_int_equal(count_from("h.db", "SELECT count(*) FROM pragma_integrity_check "
	                                    "WHERE integrity_check = 'ok'"),
	                 1);
}

static void a_database_that_is_removed_is_made_anew(void **state)
{
	(void)state;
	int wake = eventfd(0, EFD_CLOEXEC);
	struct sl_store *s = write_ten(wake);
	take_away("", NULL);
	write_ten_more(s, wake);
	assert_int_equal(count_from("h.db", "SELECT count(*) FROM round"), 10);
	assert_int_equal(events("history-reopened", "%h.db was removed or renamed%"), 1);
}

static void a_database_that_is_renamed_is_whole(void **state)
{
	(void)state;
	static const char *const with[] = { "", "-wal", "-shm" };
	for (int files = 1; files <= 3; files += 2) {
		int wake = eventfd(0, EFD_CLOEXEC);
		struct sl_store *s = write_ten(wake);
		for (int i = 0; i < files; i++)
			take_away(with[i], "old.db");
		write_ten_more(s, wake);
		assert_int_equal(count_from("h.db", "SELECT count(*) FROM round"), 10);
		assert_int_equal(count_from("old.db", "SELECT count(*) FROM round"), 10);
		assert_int_equal(unlink(test_path("h.db")), 0);
		unlink(test_path("old.db-wal"));
		unlink(test_path("old.db-shm"));
	}
}

/* The log of the one is not taken for that of the other. */
static void another_history_in_its_place_is_joined(void **state)
{
	(void)state;
	int wake = eventfd(0, EFD_CLOEXEC);
	struct sl_history *other = must_open("other.db");
	begin_run(other, "other-1", 2, 10);
	sl_history_close(other);
	struct sl_store *s = write_ten(wake);
	take_away("", "old.db");
	assert_int_equal(rename(test_path("other.db"), test_path("h.db")), 0);
	write_ten_more(s, wake);
	assert_int_equal(count_from("h.db", "SELECT count(*) FROM run"), 2);
	assert_int_equal(events("history-reopened", "%replaced by another file%"), 1);
	assert_int_equal(count_from("old.db", "SELECT count(*) FROM round"), 10);
}

/* What stands only in a log without a name is brought into the database first. */
static void a_log_that_is_removed_loses_nothing(void **state)
{
	(void)state;
	static const char *const gone[][2] = { { "-wal", NULL }, { "-shm", NULL }, { "-wal", "-shm" } };
	for (int i = 0; i < 3; i++) {
		int wake = eventfd(0, EFD_CLOEXEC);
		struct sl_store *s = write_ten(wake);
		for (int k = 0; k < 2 && gone[i][k]; k++)
			take_away(gone[i][k], NULL);
		write_ten_more(s, wake);
		assert_int_equal(count_from("h.db", "SELECT count(*) FROM round"), 20);
		assert_int_equal(events("history-reopened", "%h.db-___ was removed%its content is kept"), 1);
		assert_int_equal(unlink(test_path("h.db")), 0);
	}
}

/* Neither a folder nor bytes that are no database keep rows from waiting for better times. */
static void what_is_no_database_in_its_place_is_left_alone(void **state)
{
	(void)state;
	static const char notes[] = "These are notes of somebody, and longer than a page would have to be.";
	struct sl_store_trouble trouble;
	for (int folder = 0; folder < 2; folder++) {
		int wake = eventfd(0, EFD_CLOEXEC);
		struct sl_store *s = write_ten(wake);
		take_away("", NULL);
		if (folder)
			assert_int_equal(mkdir(test_path("h.db"), 0700), 0);
		else
			assert_ok(sl_file_replace(test_path("h.db"), notes, sizeof notes, 0600, &test_error));
		push_rounds(s, 3, 10, 20);
		assert_true(ask_checkpoint(s, "state"));
		assert_false(await_checkpoint(s, wake));
		assert_fails(s, folder ? "directory" : "not an SQLite database");
		if (!folder) {
			uint8_t *bytes;
			size_t length;
			assert_ok(sl_file_read(test_path("h.db"), 4096, &bytes, &length, &test_error));
			assert_int_equal(length, sizeof notes);
			assert_memory_equal(bytes, notes, length);
			free(bytes);
		}
		assert_int_equal(remove(test_path("h.db")), 0);
		save(s, wake);
		assert_false(sl_store_failing(s, &trouble));
		assert_true(sl_store_close(s, 77, 0, NULL));
		close(wake);
		assert_int_equal(count_from("h.db", "SELECT count(*) FROM round"), 10);
		assert_int_equal(events("history-reopened", "%"), 1);
		assert_int_equal(events("rows-late", "%"), 1);
		assert_int_equal(unlink(test_path("h.db")), 0);
	}
}

/* To make room on a full disk, of all files the one that is written was removed. */
static void a_removed_database_waits_for_room(void **state)
{
	(void)state;
	int wake = eventfd(0, EFD_CLOEXEC);
	struct sl_store *s = write_ten(wake);
	take_away("", NULL);
	test_fault_set(&test_fault_write, 0, INT_MAX);
	push_rounds(s, 3, 10, 20);
	assert_true(ask_checkpoint(s, "state"));
	assert_false(await_checkpoint(s, wake));
	assert_fails(s, "full");
	test_fault_set(&test_fault_write, 0, 0);
	save(s, wake);
	assert_true(sl_store_close(s, 77, 0, NULL));
	close(wake);
	assert_int_equal(count_from("h.db", "SELECT count(*) FROM round"), 10);
	assert_int_equal(events("history-reopened", "%"), 1);
}

/* A second user of the log that has lost its name writes to the same database: nobody begins another log
 * beside it, neither a new peer nor one that was there. */
static void nobody_begins_a_second_log(void **state)
{
	(void)state;
	int wake = eventfd(0, EFD_CLOEXEC), told[2], go[2];
	char byte = 0;
	assert_true(pipe(told) == 0 && pipe(go) == 0);
	pid_t child = fork();
	if (child == 0) { /* reads, and stays; SQLite is in no state yet that cannot be inherited */
		sqlite3 *db = NULL;
		close(go[1]); /* it ends when the test does */
		bool good = read(go[0], &byte, 1) == 1 && sqlite3_open(test_path("h.db"), &db) == SQLITE_OK &&
		            sqlite3_exec(db, "SELECT * FROM run", NULL, NULL, NULL) == SQLITE_OK &&
		            write(told[1], &byte, 1) == 1 && read(go[0], &byte, 1) == 1;
		sqlite3_close(db);
		_exit(good ? 0 : 1);
	}
	struct sl_store *s = write_ten(wake);
	assert_int_equal(write(go[1], &byte, 1), 1);
	assert_int_equal(read(told[0], &byte, 1), 1);
	take_away("-wal", NULL);
	push_rounds(s, 3, 10, 20);
	assert_true(ask_checkpoint(s, "state"));
	assert_false(await_checkpoint(s, wake));
	assert_fails(s, "still uses it");
	assert_int_not_equal(access(test_path("h.db-wal"), F_OK), 0);
	assert_int_equal(write(go[1], &byte, 1), 1);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	save(s, wake);
	assert_true(sl_store_close(s, 77, 0, NULL));
	close(wake);
	assert_int_equal(count_from("h.db", "SELECT count(*) FROM round"), 20);
	for (int i = 0; i < 2; i++) {
		close(told[i]);
		close(go[i]);
	}
}

static void assert_refused(const char *name, const char *why)
{
	assert_null(try_store(name, 3, -1));
	if (!strstr(test_error.text, name) || !strstr(test_error.text, why))
		fail_msg("\"%s\" does not say \"%s\"", test_error.text, why);
}

static void what_does_not_pass_is_refused(void **state)
{
	(void)state;
	assert_refused("no/h.db", "No such file");
	sl_history_close(must_open("newer.db"));
	run_raw("newer.db", "PRAGMA user_version = 7");
	assert_refused("newer.db", "use a newer starling");
	run_raw("foreign.db", "CREATE TABLE bookmark (address)");
	assert_refused("foreign.db", "another program");
	uint8_t notes[5000];
	memset(notes, 'x', sizeof notes);
	assert_ok(sl_file_replace(test_path("notes.txt"), notes, sizeof notes, 0600, &test_error));
	assert_refused("notes.txt", "not an SQLite database");
}

static void assert_earlier_wire(const struct sl_store *s, int64_t tx, int64_t rx)
{
	int64_t is_tx = 0, is_rx = 0;
	sl_store_add_earlier(s, &is_tx, &is_rx);
	assert_int_equal(is_tx, tx);
	assert_int_equal(is_rx, rx);
}

/* Totals of earlier starts, known only later: every row has them once. */
static void bytes_of_earlier_starts_come_late(void **state)
{
	(void)state;
	int wake = eventfd(0, EFD_CLOEXEC);
	struct sl_round_row r = row_of(3, 9);
	r.wire_tx = 1000;
	r.wire_rx = 100;
	r.payload_tx = 500;
	struct sl_store *s = open_store("h.db", 3, -1);
	assert_earlier_wire(s, 0, 0);
	sl_store_round(s, &r);
	assert_true(sl_store_close(s, 77, 0, NULL));

	sqlite3 *other = lock("h.db");
	patience_ms = 20;
	s = open_store("h.db", 3, wake);
	sl_store_begin(s, 400, 5000, 0); /* of a checkpoint, with all that was received */
	assert_earlier_wire(s, 400, 5000);
	for (uint32_t k = 10; k < 12; k++) {
		r = row_of(3, k);
		r.wire_tx = 40 + k; /* of this start */
		r.wire_rx = 1;
		r.payload_tx = 7;
		r.payload_anew = k == 11; /* it has recovered from its neighbours */
		sl_store_round(s, &r);
	}
	unlock(other);
	assert_true(ask_checkpoint(s, "state"));
	assert_true(await_checkpoint(s, wake));
	assert_earlier_wire(s, 1000, 5000); /* each from where there is more */
	r = row_of(3, 12);
	r.wire_tx = 52;
	sl_store_round(s, &r);
	assert_true(sl_store_close(s, 77, 0, NULL));
	assert_int_equal(
	    count_from("h.db", "SELECT sum(wire_tx = 1040 + round) FROM round WHERE round >= 10"), 3);
	assert_int_equal(count_from("h.db", "SELECT sum(wire_rx = 5001) FROM round WHERE round IN (10, 11)"),
	                 2);
	assert_int_equal(count_from("h.db", "SELECT payload_tx FROM round WHERE round = 10"), 7);
	assert_int_equal(count_from("h.db", "SELECT payload_tx FROM round WHERE round = 11"), 507);
	close(wake);
}

/* Rows before checkpoints, until rows are lost all the same. */
static void checkpoints_go_on_without_a_history(void **state)
{
	(void)state;
	int wake = eventfd(0, EFD_CLOEXEC);
	char which[128];
	uint8_t *bytes;
	size_t length;
	patience_ms = 1;
	struct sl_store *s = open_store("h.db", 3, wake);
	sqlite3 *other = lock("h.db");
	push_rounds(s, 3, 0, 10);
	for (int i = 0; i < 3; i++) {
		assert_true(ask_checkpoint(s, "too soon"));
		assert_false(await_checkpoint(s, wake));
	}
	push_rounds(s, 3, 10, 20000);
	assert_true(ask_checkpoint(s, "state"));
	assert_true(await_checkpoint(s, wake));
	bytes = newest_checkpoint(&length, which);
	assert_memory_equal(bytes, "state", length);
	free(bytes);
	unlock(other);
	assert_true(ask_checkpoint(s, "next state"));
	assert_true(await_checkpoint(s, wake));
	assert_int_equal(events("rows-dropped", "%rows of the history were lost since 20%"), 1);
	/* The next outage begins anew. */
	other = lock("h.db");
	push_rounds(s, 3, 20000, 20001);
	assert_true(ask_checkpoint(s, "too soon again"));
	assert_false(await_checkpoint(s, wake));
	unlock(other);
	assert_true(sl_store_close(s, 77, 0, NULL));
	close(wake);
}

/* A peer whose rows are few would wait for a full ring for weeks. */
static void checkpoints_do_not_wait_for_ever(void **state)
{
	(void)state;
	int wake = eventfd(0, EFD_CLOEXEC);
	patience_ms = checkpoint_wait_ms = 1;
	struct sl_store *s = open_store("h.db", 3, wake);
	sqlite3 *other = lock("h.db");
	push_rounds(s, 3, 0, 1);
	bool ok = false;
	for (int i = 0; i < 1000 && !ok; i++) {
		assert_true(ask_checkpoint(s, "state"));
		ok = await_checkpoint(s, wake);
	}
	assert_true(ok);
	unlock(other);
	assert_true(sl_store_close(s, 77, 0, NULL));
	assert_int_equal(count_from("h.db", "SELECT count(*) FROM round"), 1);
	close(wake);
}

static void resume(uint32_t round, uint32_t row)
{
	struct sl_store *s = open_store("h.db", 3, -1);
	sl_store_begin(s, 0, 0, round);
	push_rounds(s, 3, row, row + 1);
	assert_true(sl_store_close(s, 77, 0, NULL));
}

/* What a kill lost behind such a checkpoint is said in the next life. */
static void rows_that_a_checkpoint_left_behind_are_missed(void **state)
{
	(void)state;
	every = 5;
	resume(0, 0);
	resume(5, 5);   /* rows of 0 */
	resume(10, 15); /* rows of 0, 5 */
	assert_int_equal(events("rows-missing", "%"), 0);
	resume(26, 30); /* 20 and 25 are not there */
	assert_int_equal(events("rows-missing", "%for rounds 16 to 25:%"), 1);
	resume(35, 35);
	assert_int_equal(events("rows-missing", "%"), 1);
}

int main(void)
{
#define in_folder(test) cmocka_unit_test_setup_teardown(test, test_store_folder, test_folder_remove)
	const struct CMUnitTest tests[] = {
		in_folder(a_full_disk_at_the_start_is_a_state),
		in_folder(a_lock_at_the_start_is_a_state),
		in_folder(a_corrupt_database_is_left_alone),
		in_folder(a_database_that_takes_no_rows_is_not_changed),
		in_folder(a_database_that_was_moved_away_is_made_anew),
		in_folder(a_database_that_is_removed_is_made_anew),
		in_folder(a_database_that_is_renamed_is_whole),
		in_folder(another_history_in_its_place_is_joined),
		in_folder(a_log_that_is_removed_loses_nothing),
		in_folder(what_is_no_database_in_its_place_is_left_alone),
		in_folder(a_removed_database_waits_for_room),
		in_folder(nobody_begins_a_second_log),
		in_folder(what_does_not_pass_is_refused),
		in_folder(bytes_of_earlier_starts_come_late),
		in_folder(checkpoints_go_on_without_a_history),
		in_folder(checkpoints_do_not_wait_for_ever),
		in_folder(rows_that_a_checkpoint_left_behind_are_missed),
	};
	return cmocka_run_group_tests_name("outage", tests, NULL, NULL);
}
