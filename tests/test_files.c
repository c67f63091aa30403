/* test_files.c — files: mapped, read within limits, replaced or not but never half, streamed with and without
 * gzip. */
#include "base/random.h"
#include "daemon/run/files.h"
#include "tests/support/faults.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <zlib.h>

static struct sl_error error;

static void assert_fails(enum sl_status found, enum sl_status status, const char *name, const char *sentence)
{
	assert_int_equal(found, status);
	char start[300];
	snprintf(start, sizeof start, "%s: ", test_path(name));
	if (strncmp(error.text, start, strlen(start)) != 0 || !strstr(error.text, sentence))
		fail_msg("\"%s\" is not \"%s… %s\"", error.text, start, sentence);
}

static void assert_ok(enum sl_status status)
{
	if (status != SL_OK)
		fail_msg("%s", error.text);
}

static void put(const char *name, const void *bytes, size_t length)
{
	assert_ok(sl_file_replace(test_path(name), bytes, length, 0644, &error));
}

static void files_are_mapped(void **state)
{
	(void)state;
	struct sl_mapping m;
	put("a", "starling", 8);
	assert_ok(sl_file_map(&m, test_path("a"), &error));
	assert_int_equal(m.length, 8);
	assert_memory_equal(m.bytes, "starling", 8);
	put("a", "replaced", 8); /* the mapping keeps the old file */
	assert_memory_equal(m.bytes, "starling", 8);
	sl_file_unmap(&m);
	assert_null(m.bytes);
	sl_file_unmap(&m);
	put("empty", "", 0);
	assert_ok(sl_file_map(&m, test_path("empty"), &error));
	assert_int_equal(m.length, 0);
	sl_file_unmap(&m);
	assert_fails(sl_file_map(&m, test_path("none"), &error), SL_NOT_FOUND, "none", "No such file");
	assert_int_equal(mkdir(test_path("d"), 0755), 0);
	assert_fails(sl_file_map(&m, test_path("d"), &error), SL_MALFORMED, "d", "a folder");
	assert_int_equal(mkfifo(test_path("f"), 0600), 0);
	assert_fails(sl_file_map(&m, test_path("f"), &error), SL_MALFORMED, "f",
	             "not a regular file"); /* and does not wait */
	assert_fails(sl_file_map(&m, test_path("a/b"), &error), SL_IO, "a/b", "Not a directory");
}

static void files_are_read_within_a_limit(void **state)
{
	(void)state;
	uint8_t *bytes;
	size_t length;
	put("a", "murmur", 6);
	assert_ok(sl_file_read(test_path("a"), 6, &bytes, &length, &error));
	assert_int_equal(length, 6);
	assert_string_equal((char *)bytes, "murmur"); /* with its NUL */
	free(bytes);
	assert_fails(sl_file_read(test_path("a"), 5, &bytes, &length, &error), SL_TOO_BIG, "a",
	             "6 bytes; at most 5");
	assert_null(bytes);
	put("empty", "", 0);
	assert_ok(sl_file_read(test_path("empty"), 0, &bytes, &length, &error));
	assert_int_equal(length, 0);
	assert_int_equal(bytes[0], 0);
	free(bytes);
	assert_fails(sl_file_read(test_path("none"), 5, &bytes, &length, &error), SL_NOT_FOUND, "none",
	             "No such file");
}

static bool holds(const char *name, const char *text)
{
	uint8_t *bytes;
	size_t length;
	assert_ok(sl_file_read(test_path(name), 1000, &bytes, &length, &error));
	bool equal = length == strlen(text) && memcmp(bytes, text, length) == 0;
	free(bytes);
	return equal;
}

static void a_file_is_old_or_new(void **state)
{
	(void)state;
	put("a", "old", 3);
	struct test_fault *const fault[] = { &test_fault_write, &test_fault_sync, &test_fault_rename };
	int failures = 0;
	for (int i = 0; i < 3; i++) {
		/* Fail call 0, then call 1, … until nothing fails any more. */
		for (int after = 0;; after++) {
			char text[] = "new";
			const struct iovec parts[] = {
				{ text, 1 }, { text + 1, 1 }, { text + 2, 0 }, { text + 2, 1 }
			};
			test_fault_set(fault[i], after, 1);
			enum sl_status status = sl_file_replace_parts(test_path("a"), parts, 4, 0644, &error);
			bool reached = atomic_load(&fault[i]->times) == 0;
			test_fault_set(fault[i], 0, 0);
			assert_int_not_equal(access(test_path("a.tmp"), F_OK),
			                     0); /* nothing is left behind */
			if (!reached) {
				assert_int_equal(status, SL_OK);
				assert_true(holds("a", "new"));
				break;
			}
			assert_fails(status, SL_IO, "a",
			             fault[i] == &test_fault_write ? "No space left" : "Input/output");
			assert_true(holds("a", "old") || holds("a", "new"));
			failures++;
		}
		put("a", "old", 3);
	}
	assert_int_equal(failures, 3 + 2 + 1); /* a write a piece, file and folder synced, one rename */
}

static void modes_are_the_new_files(void **state)
{
	(void)state;
	struct stat status;
	mode_t mask = umask(022);
	put("a", "x", 1);
	put("a.tmp", "left by a crash", 15);
	assert_ok(sl_file_replace(test_path("a"), "secret", 6, 0600, &error));
	umask(mask);
	assert_int_equal(stat(test_path("a"), &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_true(holds("a", "secret"));
	assert_fails(sl_file_replace(test_path("no/a"), "x", 1, 0600, &error), SL_NOT_FOUND, "no/a",
	             "No such file");
	char name[5000];
	memset(name, 'a', sizeof name - 1);
	name[sizeof name - 1] = 0;
	assert_int_equal(sl_file_replace(name, "x", 1, 0600, &error), SL_IO);
	assert_non_null(strstr(error.text, "aaa"));
}

/* Gathers what is pushed; refuses what does not fit, as a parser would. */
struct heap {
	uint8_t bytes[400000];
	size_t length, limit;
};

static enum sl_status gather(void *context, const uint8_t *bytes, size_t length, struct sl_error *e)
{
	struct heap *h = context;
	if (length > h->limit - h->length)
		return sl_fail(e, SL_TOO_BIG, "too much");
	memcpy(h->bytes + h->length, bytes, length);
	h->length += length;
	return SL_OK;
}

static enum sl_status stream(const char *name, struct heap *h, size_t limit)
{
	h->length = 0;
	h->limit = limit;
	return sl_file_stream(test_path(name), gather, h, &error);
}

/* Half noise, half repetition, so that it both compresses and fills several pieces. */
static void fill(uint8_t *out, size_t n)
{
	struct sl_random g = sl_random_stream(3, 0, "files", n);
	for (size_t i = 0; i < n; i++)
		out[i] = i % 2 ? (uint8_t)sl_random_u64(&g) : 7;
}

static void gzip(const char *name, const char *mode, const uint8_t *bytes, size_t n)
{
	gzFile f = gzopen(test_path(name), mode);
	assert_non_null(f);
	if (n > 0)
		assert_int_equal(gzwrite(f, bytes, (unsigned)n), n);
	assert_int_equal(gzclose(f), Z_OK);
}

static void streams_are_the_file(void **state)
{
	(void)state;
	static struct heap h;
	static uint8_t bytes[300000];
	static const size_t size[] = { 0, 1, 2, 17, 65535, 65536, 65537, 131072, 300000 };
	for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
		fill(bytes, size[i]);
		put("plain", bytes, size[i]);
		gzip("packed", "w", bytes, size[i]);
		gzip("twice", "w", bytes, size[i] / 2); /* two members behind each other are one file */
		gzip("twice", "a", bytes + size[i] / 2, size[i] - size[i] / 2);
		static const char *const name[] = { "plain", "packed", "twice" };
		for (int k = 0; k < 3; k++) {
			assert_ok(stream(name[k], &h, sizeof h.bytes));
			assert_int_equal(h.length, size[i]);
			assert_memory_equal(h.bytes, bytes, size[i]);
		}
	}
}

/* Zeros after the last member are padding, as gzip -d takes it; zeros and then more are not. */
static void padded_gzip_is_the_file(void **state)
{
	(void)state;
	static struct heap h;
	static uint8_t padded[200000];
	static const size_t zeros[] = { 1, 2, 511, 65535, 65536, 140000 };
	uint8_t bytes[600], *packed;
	size_t n;
	fill(bytes, sizeof bytes);
	gzip("a.gz", "w", bytes, sizeof bytes);
	assert_ok(sl_file_read(test_path("a.gz"), 10000, &packed, &n, &error));
	for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++) {
		memset(padded, 0, sizeof padded);
		memcpy(padded, packed, n);
		put("padded.gz", padded, n + zeros[i]);
		assert_ok(stream("padded.gz", &h, sizeof h.bytes));
		assert_int_equal(h.length, sizeof bytes);
		assert_memory_equal(h.bytes, bytes, sizeof bytes);
		padded[n + zeros[i]] = 0x1f;
		put("padded.gz", padded, n + zeros[i] + 1);
		assert_fails(stream("padded.gz", &h, sizeof h.bytes), SL_MALFORMED, "padded.gz", "not gzip");
	}
	free(packed);
}

static void damaged_streams_are_refused(void **state)
{
	(void)state;
	static struct heap h;
	uint8_t bytes[600], *packed;
	size_t n;
	fill(bytes, sizeof bytes);
	gzip("a.gz", "w", bytes, sizeof bytes);
	assert_ok(sl_file_read(test_path("a.gz"), 10000, &packed, &n, &error));
	for (size_t cut = 2; cut < n; cut++) {
		put("cut.gz", packed, cut);
		assert_fails(stream("cut.gz", &h, sizeof h.bytes), SL_MALFORMED, "cut.gz", "is truncated");
	}
	for (size_t at = n / 2; at < n - 4; at++) { /* in the data or its checksum */
		packed[at] ^= 0x10;
		put("bad.gz", packed, n);
		assert_int_equal(stream("bad.gz", &h, sizeof h.bytes), SL_MALFORMED);
		packed[at] ^= 0x10;
	}
	packed = realloc(packed, n + 7);
	memcpy(packed + n, "garbage", 7);
	put("tail.gz", packed, n + 7);
	assert_fails(stream("tail.gz", &h, sizeof h.bytes), SL_MALFORMED, "tail.gz", "not gzip");
	free(packed);
	/* The parser's sentence, which names the file itself: not twice. */
	assert_int_equal(stream("a.gz", &h, 100), SL_TOO_BIG);
	assert_string_equal(error.text, "too much");
	assert_fails(stream("none", &h, 100), SL_NOT_FOUND, "none", "No such file");
}

int main(void)
{
#define in_folder(test) cmocka_unit_test_setup_teardown(test, test_folder_make, test_folder_remove)
	const struct CMUnitTest tests[] = {
		in_folder(files_are_mapped),        in_folder(files_are_read_within_a_limit),
		in_folder(a_file_is_old_or_new),    in_folder(modes_are_the_new_files),
		in_folder(streams_are_the_file),    in_folder(damaged_streams_are_refused),
		in_folder(padded_gzip_is_the_file),
	};
	return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
