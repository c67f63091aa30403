/* test_store.c — the writer thread: nothing lost while the disk works, everything counted while it does not.
 */
#include "base/bytes.h"
#include "daemon/peer/store/store.h"
#include "tests/support/faults.h"
#include "tests/support/store.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

static void push_one_of_each(struct sl_store *s, uint32_t round)
{
	struct sl_link_row l = { .peer = 3, .neighbour = 4, .round = round, .frames_tx = round };
	struct sl_sketch_row sketch = { .peer = 3, .round = round, .count = round };
	struct sl_event_row e = { .peer = 3, .round = round, .level = SL_LEVEL_NOTICE, .kind = "test" };
	for (uint32_t i = 0; i < round; i++)
		sketch.value[i] = (float)i;
	snprintf(e.detail, sizeof e.detail, "%u", round);
	sl_store_link(s, &l);
	sl_store_sketch(s, &sketch);
	sl_store_event(s, &e);
	push_rounds(s, 3, round, round + 1);
}

static void every_kind_of_row_arrives(void **state)
{
	(void)state;
	enum { ROUNDS = 900 }; /* 2.1 MB: several times around the ring, in batches that fit it */
	int wake = eventfd(0, EFD_CLOEXEC);
	struct sl_store *s = open_store("h.db", 3, wake);
	for (uint32_t k = 0; k < ROUNDS; k++) {
		push_one_of_each(s, k);
		if (k % 50 == 49) {
			assert_true(ask_checkpoint(s, "everything before is stored"));
			assert_true(await_checkpoint(s, wake));
			assert_int_equal(count_from("h.db", "SELECT count(*) FROM round"), k + 1);
		}
	}
	sl_store_close(s, 77, 0, "ff");
	close(wake);
	assert_int_equal(count_from("h.db", "SELECT count(*) FROM round WHERE peer = 3"), ROUNDS);
	assert_int_equal(count_from("h.db", "SELECT count(*) FROM link WHERE frames_tx = round"), ROUNDS);
	assert_int_equal(count_from("h.db", "SELECT count(*) FROM sketch WHERE value = k"),
	                 ROUNDS * (ROUNDS - 1) / 2);
	assert_int_equal(
	    count_from("h.db", "SELECT count(*) FROM event WHERE kind = 'test' AND detail = round"), ROUNDS);
	assert_int_equal(count_from("h.db", "SELECT count(*) FROM event"), ROUNDS);
	assert_int_equal(
	    count_from("h.db", "SELECT stopped_at = 77 AND exit = 0 AND model_digest = 'ff' FROM peer"), 1);
	sl_store_close(NULL, 0, 0, NULL);
}

/* The rows first, on the disk; then the file and its folder. */
static void a_checkpoint_is_synced(void **state)
{
	(void)state;
	int wake = eventfd(0, EFD_CLOEXEC);
	struct sl_store *s = open_store("h.db", 3, wake);
	push_rounds(s, 3, 0, 1);
	int before = atomic_load(&test_fault_sync.calls);
	assert_true(ask_checkpoint(s, "state"));
	assert_true(await_checkpoint(s, wake));
	assert_true(atomic_load(&test_fault_sync.calls) >= before + 3);
	test_fault_set(&test_fault_sync, 0, 1);
	assert_true(ask_checkpoint(s, "next state"));
	assert_false(await_checkpoint(s, wake));
	assert_int_not_equal(access(test_path("ckpt.1"), F_OK), 0);
	sl_store_close(s, 77, 0, NULL);
	close(wake);
}

/* The loop never waits for the database: while another process holds it, rows are kept or counted. */
static void a_busy_database_holds_nobody_up(void **state)
{
	(void)state;
	enum { ROWS = 20000 };
	struct sl_store *s = open_store("h.db", 3, -1);
	sqlite3 *db;
	assert_int_equal(sqlite3_open(test_path("h.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	push_rounds(s, 3, 0, ROWS);
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	sl_store_close(s, 77, 0, NULL);
	int stored = count_from("h.db", "SELECT count(*) FROM round");
	assert_true(stored > 3000 && stored < ROWS);
	assert_int_equal(
	    count_from("h.db", "SELECT sum(CAST(detail AS INTEGER)) FROM event WHERE kind = 'rows-dropped' "
	                       "AND level = 'warning'"),
	    ROWS - stored);
	assert_int_equal(count_from("h.db", "SELECT max(round) FROM round"),
	                 stored - 1); /* the oldest are kept */
}

static void a_full_disk_is_a_state(void **state)
{
	(void)state;
	int wake = eventfd(0, EFD_CLOEXEC);
	struct sl_store *s = open_store("h.db", 3, wake);
	test_fault_set(&test_fault_write, 0, INT_MAX);
	push_one_of_each(s, 0);
	push_rounds(s, 3, 1, 10);
	assert_true(ask_checkpoint(s, "state"));
	assert_false(await_checkpoint(s, wake)); /* no checkpoint without the rows before it */
	size_t length;
	char which[128];
	assert_null(newest_checkpoint(&length, which));
	push_rounds(s, 3, 10, 20000);
	assert_true(ask_checkpoint(s, "state"));
	assert_false(await_checkpoint(s, wake));
	test_fault_set(&test_fault_write, 0, 0);
	assert_true(ask_checkpoint(s, "state"));
	assert_true(await_checkpoint(s, wake));
	int stored = count_from("h.db", "SELECT count(*) FROM round");
	assert_true(stored > 3000 && stored < 20000);
	assert_int_equal(
	    count_from("h.db", "SELECT CAST(detail AS INTEGER) FROM event WHERE kind = 'rows-dropped'"),
	    20000 - stored);
	assert_int_equal(
	    count_from("h.db",
	               "SELECT count(*) FROM event WHERE kind = 'rows-dropped' AND detail LIKE '%full%'"),
	    1);
	/* What was tried in vain several times is there once. */
	assert_int_equal(count_from("h.db", "SELECT count(*) FROM event WHERE kind = 'test'"), 1);
	push_rounds(s, 3, 20000, 20010);
	sl_store_close(s, 77, 0, NULL);
	assert_int_equal(count_from("h.db", "SELECT count(*) FROM round WHERE round >= 20000"), 10);
	close(wake);
}

/* Closing on a database that stays broken ends, and leaves it sound. */
static void closing_does_not_wait_for_ever(void **state)
{
	(void)state;
	struct sl_store *s = open_store("h.db", 3, -1);
	test_fault_set(&test_fault_write, 0, INT_MAX);
	push_rounds(s, 3, 0, 10);
	sl_store_close(s, 77, 0, NULL);
	test_fault_set(&test_fault_write, 0, 0);
	assert_int_equal(count_from("h.db", "SELECT count(*) FROM round"), 0);
	assert_int_equal(count_from("h.db", "SELECT stopped_at IS NULL FROM peer"), 1);
}

/* Rows pushed before a checkpoint are in the database when it exists, though the process is killed at once.
 */
static void a_checkpoint_comes_behind_its_rows(void **state)
{
	(void)state;
	for (uint32_t turn = 1; turn <= 3; turn++) {
		pid_t child = fork();
		if (child == 0) {
			int wake = eventfd(0, EFD_CLOEXEC);
			struct sl_store *s = try_store("h.db", 3, wake);
			char text[20];
			bool ok = false;
			if (!s)
				_exit(1);
			push_rounds(s, 3, 0, 100 * turn);
			snprintf(text, sizeof text, "%u", 100 * turn);
			if (!ask_checkpoint(s, text) || ask_checkpoint(s, "too soon") ||
			    !checkpoint_ends(s, wake, &ok) || !ok)
				_exit(1);
			kill(getpid(), SIGKILL);
		}
		int status;
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		size_t length;
		char which[128], expected[64];
		uint8_t *bytes = newest_checkpoint(&length, which);
		snprintf(expected, sizeof expected, "%u is %u", (turn + 1) % 2, turn);
		assert_non_null(strstr(which, expected));
		assert_int_equal(atoi((char *)bytes), 100 * turn);
		free(bytes);
		assert_int_equal(count_from("h.db", "SELECT count(*) FROM round"), 100 * turn);
	}
}

static void without_a_stem_there_is_no_checkpoint(void **state)
{
	(void)state;
	struct sl_history_run run = { .run_id = "unit-1", .peers = 1, .dimension = 10 };
	struct sl_history_peer row = { .peer = 0 };
	struct sl_store_setup setup = {
		.database = test_path("h.db"), .run = &run, .peer = &row, .wake = -1
	};
	struct sl_store *s = sl_store_open(&setup, &test_error);
	bool ok;
	assert_non_null(s);
	assert_false(ask_checkpoint(s, "x"));
	assert_false(sl_store_checkpointed(s, &ok));
	assert_int_equal(sl_store_stuck_ms(s), 0);
	sl_store_close(s, 0, 0, NULL);
	setup.database = test_path("no/h.db");
	assert_null(sl_store_open(&setup, &test_error));
	assert_non_null(strstr(test_error.text, "no/h.db"));
}

int main(void)
{
#define in_folder(test) cmocka_unit_test_setup_teardown(test, test_store_folder, test_folder_remove)
	const struct CMUnitTest tests[] = {
		in_folder(every_kind_of_row_arrives),
		in_folder(a_checkpoint_is_synced),
		in_folder(a_busy_database_holds_nobody_up),
		in_folder(a_full_disk_is_a_state),
		in_folder(closing_does_not_wait_for_ever),
		in_folder(a_checkpoint_comes_behind_its_rows),
		in_folder(without_a_stem_there_is_no_checkpoint),
	};
	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
