/* Checkpoint files: two generations, which of them a peer goes on from, and what becomes of those that cannot
 * be used. */
#include "daemon/run/checkpoint.h"
#include "daemon/run/kept.h"
#include "tests/support/faults.h"
#include "tests/support/store.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void write_checkpoint(struct sl_checkpoint_files *files, const char *text)
{
	assert_ok(sl_checkpoint_write(files, (const uint8_t *)text, strlen(text), &test_error));
}

/* What the newest good generation holds, "" where there is none. */
static const char *loaded(char which[static 128])
{
	static char text[64];
	size_t length = 0;
	uint8_t *bytes = newest_checkpoint(&length, which);
	assert_true(length < sizeof text);
	snprintf(text, sizeof text, "%s", bytes ? (char *)bytes : "");
	free(bytes);
	return text;
}

static void put(const char *name, const void *bytes, size_t length)
{
	assert_ok(sl_file_replace(test_path(name), bytes, length, 0600, &test_error));
}

static bool holds(const char *name, const void *bytes, size_t length)
{
	uint8_t *found;
	size_t n;
	if (sl_file_read(test_path(name), 100000, &found, &n, &test_error) != SL_OK)
		return false;
	bool same = n == length && memcmp(found, bytes, n) == 0;
	free(found);
	return same;
}

static bool is_there(const char *name)
{
	return access(test_path(name), F_OK) == 0;
}

static void a_damaged_generation_falls_back(void **state)
{
	(void)state;
	struct sl_checkpoint_files files = { .stem = test_path("ckpt") };
	char which[128];
	assert_string_equal(loaded(which), "");
	assert_string_equal(which, "");
	write_checkpoint(&files, "first");
	write_checkpoint(&files, "second");
	write_checkpoint(&files, "third");
	assert_string_equal(loaded(which), "third");
	assert_string_equal(which, "0 is 3, 1 is 2");
	uint8_t *bytes;
	size_t length;
	assert_ok(sl_file_read(test_path("ckpt.0"), 1000, &bytes, &length, &test_error));
	for (size_t cut = 0; cut < length; cut++) {
		put("ckpt.0", bytes, cut);
		assert_string_equal(loaded(which), "second");
		assert_string_equal(which, cut ? "0 is truncated, 1 is 2" : "0 is empty, 1 is 2");
	}
	for (size_t at = 0; at < length; at++) { /* a bit of each byte, header and hash included */
		bytes[at] ^= (uint8_t)(1 << at % 8);
		put("ckpt.0", bytes, length);
		assert_string_equal(loaded(which), "second");
		bytes[at] ^= (uint8_t)(1 << at % 8);
	}
	put("ckpt.0", bytes, length + 1); /* with the NUL after it */
	assert_string_equal(loaded(which), "second");
	free(bytes);
	/* Both damaged: none, and it is said. */
	put("ckpt.0", "hello", 5);
	put("ckpt.1", "a foreign file", 14);
	assert_string_equal(loaded(which), "");
	assert_string_equal(which, "0 is truncated, 1 is not a checkpoint");
}

/* What cannot be used is kept before its name is taken, and what can be used is not touched meanwhile. */
static void what_cannot_be_used_is_kept(void **state)
{
	(void)state;
	char which[128];
	struct sl_checkpoint_files files = { .stem = test_path("ckpt") };
	write_checkpoint(&files, "first");
	write_checkpoint(&files, "second");
	put("ckpt.0", "a foreign file", 14);
	struct sl_checkpoint_files again = { .stem = test_path("ckpt") };
	write_checkpoint(&again, "third");
	assert_string_equal(loaded(which), "third");
	assert_string_equal(which, "0 is 3, 1 is 2");
	assert_true(holds("ckpt.aside-1", "a foreign file", 14));
	write_checkpoint(&again, "fourth");
	assert_string_equal(which, "0 is 3, 1 is 2");
	assert_false(is_there("ckpt.aside-2"));
	/* Both, one after the other; not before there is something in its place. */
	put("ckpt.0", "x", 1);
	put("ckpt.1", "yy", 2);
	struct sl_checkpoint_files third = { .stem = test_path("ckpt") };
	write_checkpoint(&third, "fifth");
	assert_true(holds("ckpt.aside-2", "x", 1) && holds("ckpt.1", "yy", 2));
	write_checkpoint(&third, "sixth");
	assert_true(holds("ckpt.aside-3", "yy", 2));
	assert_string_equal(loaded(which), "sixth");
	write_checkpoint(&third, "seventh");
	assert_string_equal(loaded(which), "seventh");
	assert_false(is_there("ckpt.aside-4"));
}

/* They verify, but the peer takes them for another's: only it can know. */
static void what_the_peer_refused_is_kept(void **state)
{
	(void)state;
	char which[128];
	for (unsigned refused = 1; refused < 4; refused++) {
		struct sl_checkpoint_files files = { .stem = test_path("ckpt") };
		write_checkpoint(&files, "first");
		write_checkpoint(&files, "second"); /* numbers go on from turn to turn */
		struct sl_checkpoint_pair pair;
		assert_ok(sl_checkpoint_open(files.stem, &pair, &test_error));
		struct sl_checkpoint_files again = { files.stem, { refused & 1, refused >> 1 } };
		write_checkpoint(&again, "third");
		write_checkpoint(&again, "fourth");
		write_checkpoint(&again, "fifth");
		assert_string_equal(loaded(which), "fifth");
		for (unsigned i = 0, n = 0; i < 2; i++)
			if (refused >> i & 1)
				assert_true(holds(n++ ? "ckpt.aside-2" : "ckpt.aside-1", pair.file[i].bytes,
				                  pair.file[i].length));
		sl_checkpoint_close(&pair);
		assert_false(is_there(refused == 3 ? "ckpt.aside-3" : "ckpt.aside-2"));
		unlink(test_path("ckpt.aside-1"));
		unlink(test_path("ckpt.aside-2"));
	}
}

static void the_newest_of_those_kept_stay(void **state)
{
	(void)state;
	char name[32], aside[PATH_MAX], text[8];
	put("ckpt.aside-note", "a person's own", 14);
	for (int i = 1; i <= 2 * SL_CHECKPOINT_ASIDE; i++) {
		snprintf(text, sizeof text, "%d", i);
		put("ckpt.1", text, strlen(text));
		assert_ok(sl_checkpoint_set_aside(test_path("ckpt"), 1, aside, &test_error));
	}
	for (int i = 1; i <= 2 * SL_CHECKPOINT_ASIDE; i++) {
		snprintf(name, sizeof name, "ckpt.aside-%d", i);
		snprintf(text, sizeof text, "%d", i);
		assert_int_equal(is_there(name), i > SL_CHECKPOINT_ASIDE);
		assert_int_equal(holds(name, text, strlen(text)), i > SL_CHECKPOINT_ASIDE);
	}
	assert_string_equal(aside, test_path(name));
	assert_true(is_there("ckpt.aside-note"));
	assert_false(is_there("ckpt.1"));
	assert_int_equal(sl_checkpoint_set_aside(test_path("ckpt"), 1, aside, &test_error), SL_IO);
	assert_non_null(strstr(test_error.text, "cannot be kept as"));
}

/* Then nothing is written: better no new checkpoint than one in the place of what somebody may want. */
static void without_room_for_it_nothing_is_written(void **state)
{
	(void)state;
	put("ckpt.0", "a foreign file", 14);
	put("ckpt.1", "another", 7);
	struct sl_checkpoint_files files = { .stem = test_path("ckpt") };
	test_fault_set(&test_fault_rename, 0, 1);
	assert_int_equal(sl_checkpoint_write(&files, (const uint8_t *)"first", 5, &test_error), SL_IO);
	assert_true(holds("ckpt.0", "a foreign file", 14) && holds("ckpt.1", "another", 7));
	test_fault_set(&test_fault_rename, 0, 0);
	write_checkpoint(&files, "first");
	assert_true(holds("ckpt.aside-1", "a foreign file", 14));
}

static void a_failed_write_keeps_both_generations(void **state)
{
	(void)state;
	struct sl_checkpoint_files files = { .stem = test_path("ckpt") };
	char which[128];
	write_checkpoint(&files, "first");
	write_checkpoint(&files, "second");
	struct test_fault *const fault[] = { &test_fault_write, &test_fault_sync, &test_fault_rename };
	for (int i = 0; i < 3; i++)
		for (int after = 0;; after++) {
			test_fault_set(fault[i], after, 1);
			enum sl_status status =
			    sl_checkpoint_write(&files, (const uint8_t *)"third", 5, &test_error);
			bool reached = atomic_load(&fault[i]->times) == 0;
			test_fault_set(fault[i], 0, 0);
			const char *text = loaded(which);
			if (!reached) {
				assert_int_equal(status, SL_OK);
				assert_string_equal(text, "third");
				write_checkpoint(&files, "second");
				break;
			}
			assert_int_equal(status, SL_IO);
			/* Only the sync of the folder may fail with the new file in place. */
			if (fault[i] != &test_fault_sync || after != 1)
				assert_string_equal(text, "second");
			else
				write_checkpoint(&files, "second");
		}
}

static void an_empty_state_is_no_missing_one(void **state)
{
	(void)state;
	struct sl_checkpoint_files files = { .stem = test_path("ckpt") };
	size_t length;
	char which[128];
	write_checkpoint(&files, "");
	uint8_t *bytes = newest_checkpoint(&length, which);
	assert_non_null(bytes);
	assert_int_equal(length, 0);
	free(bytes);
}

/* What a daemon writes before the state comes back, and no part of it does. */
static void what_stands_before_a_state(void **state)
{
	static const char settings[] = "[run]\nrounds = 3\n";
	struct sl_kept back, kept = { .wire_tx = INT64_C(1) << 40,
		                      .wire_rx = 77,
		                      .session = UINT64_MAX - 1,
		                      .round = 123456,
		                      .settings = settings,
		                      .settings_length = sizeof settings - 1 };
	size_t head = sl_kept_head(&kept);
	uint8_t bytes[128];
	(void)state;
	assert_true(head + 5 <= sizeof bytes);
	sl_kept_write(&kept, bytes);
	memcpy(bytes + head, "state", 5);
	assert_true(sl_kept_read(&back, bytes, head + 5));
	assert_true(back.wire_tx == kept.wire_tx && back.wire_rx == kept.wire_rx);
	assert_true(back.session == kept.session && back.round == kept.round);
	assert_int_equal(back.settings_length, kept.settings_length);
	assert_memory_equal(back.settings, settings, back.settings_length);
	assert_int_equal(back.state_length, 5);
	assert_memory_equal(back.state, "state", 5);
	for (size_t cut = 0; cut < head; cut++)
		assert_false(sl_kept_read(&back, bytes, cut));
	assert_true(sl_kept_read(&back, bytes, head));
	assert_int_equal(back.state_length, 0);
}

int main(void)
{
#define in_folder(test) cmocka_unit_test_setup_teardown(test, test_store_folder, test_folder_remove)
	const struct CMUnitTest tests[] = {
		in_folder(a_damaged_generation_falls_back),
		in_folder(what_cannot_be_used_is_kept),
		in_folder(what_the_peer_refused_is_kept),
		in_folder(the_newest_of_those_kept_stay),
		in_folder(without_room_for_it_nothing_is_written),
		in_folder(a_failed_write_keeps_both_generations),
		in_folder(an_empty_state_is_no_missing_one),
		cmocka_unit_test(what_stands_before_a_state),
	};
	return cmocka_run_group_tests_name("checkpoint", tests, NULL, NULL);
}
