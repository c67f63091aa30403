/* The contract of a data format, over every format of the registry: files give the same data in chunks of any size,
 * cut and damaged ones are refused by name or read as something sound, generated data are functions of the seed. */
#include "base/random.h"
#include "learn/dataset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char *const what[] = { "first-file", "second-file" };

struct result {
	enum sl_status status;
	struct sl_error error;
	struct sl_survey survey;
	uint8_t *block;
	size_t length;
};

struct file {
	uint8_t bytes[512];
	size_t length;
};

/* Reads the files in chunks of 1 to `most` bytes, each in a block of its own, so that a step beyond it is seen. */
static struct result read_files(const struct sl_data_format *f, const struct file *file, uint32_t most,
                                uint64_t seed, bool train)
{
	struct result r = { 0 };
	struct sl_data_reader *reader = f->open(NULL, seed, train, &r.error);
	struct sl_random g = sl_random_stream(seed, 0, "chunks", most);
	assert_non_null(reader);
	for (unsigned i = 0; i < f->streams && r.status == SL_OK; i++) {
		r.status = f->push(reader, i, (const uint8_t *)"", 0, what[i], &r.error);
		for (size_t at = 0, n; at < file[i].length && r.status == SL_OK; at += n) {
			n = 1 + sl_random_below(&g, most);
			n = n < file[i].length - at ? n : file[i].length - at;
			uint8_t *chunk = malloc(n);
			memcpy(chunk, file[i].bytes + at, n);
			r.status = f->push(reader, i, chunk, n, what[i], &r.error);
			free(chunk);
		}
	}
	if (r.status == SL_OK)
		r.status = f->survey(reader, &r.survey, &r.error);
	r.survey.names = NULL; /* the reader's, which ends here */
	if (r.status == SL_OK)
		r.status = f->finish(reader, 0, NULL, &r.block, &r.length, &r.error);
	else
		f->abandon(reader);
	assert_true((r.status == SL_OK) == (r.block != NULL));
	return r;
}

static struct sl_dataset opened(const struct sl_data_format *f, const struct result *r)
{
	struct sl_dataset d;
	struct sl_error error;
	if (r->status != SL_OK)
		fail_msg("%s: %s", f->name, r->error.text);
	if (sl_dataset_open(&d, r->block, r->length, &error) != SL_OK)
		fail_msg("%s: what was read cannot be opened: %s", f->name, error.text);
	assert_true(d.samples > 0 && d.features == r->survey.features && d.classes == r->survey.classes);
	assert_true((d.target != NULL) == (d.classes == 0));
	return d;
}

/* Read as something that opens, or refused in a sentence that begins with a file's name. */
static bool sound(const struct sl_data_format *f, const struct file *file, uint64_t seed)
{
	struct result r = read_files(f, file, 7, seed, true);
	if (r.status == SL_OK)
		opened(f, &r);
	else if (strncmp(r.error.text, what[0], strlen(what[0])) != 0 &&
	         (f->streams < 2 || strncmp(r.error.text, what[1], strlen(what[1])) != 0))
		fail_msg("%s: '%s' does not begin with a file's name", f->name, r.error.text);
	free(r.block);
	return r.status == SL_OK;
}

static void examples(const struct sl_data_format *f, struct file file[2])
{
	for (unsigned i = 0; i < f->streams; i++) {
		if (!f->example[i].bytes || f->example[i].length > sizeof file[i].bytes)
			fail_msg("%s: has no example of file %u, of at most %zu bytes", f->name, i + 1,
			         sizeof file[i].bytes);
		memcpy(file[i].bytes, f->example[i].bytes, f->example[i].length);
		file[i].length = f->example[i].length;
	}
}

static void check_files(const struct sl_data_format *f)
{
	struct file file[2], changed[2];
	unsigned refused = 0;
	examples(f, file);
	struct result whole = read_files(f, file, 256, 1, true);
	assert_true(opened(f, &whole).samples >= 2);
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct result again = read_files(f, file, 1 + (uint32_t)seed % 9, seed, true);
		opened(f, &again);
		assert_int_equal(again.length, whole.length);
		assert_memory_equal(again.block, whole.block, whole.length);
		free(again.block);
	}
	free(whole.block);
	for (unsigned i = 0; i < f->streams; i++)
		for (size_t n = 0; n < file[i].length; n++) {
			memcpy(changed, file, sizeof file);
			changed[i].length = n; /* cut off */
			bool read = sound(f, changed, n);
			if (n == 0 && read)
				fail_msg("%s: an empty file is read", f->name);
			refused += !read;
			memcpy(changed, file, sizeof file);
			changed[i].bytes[n] = (uint8_t)(changed[i].bytes[n] ^ (1U << n % 8)); /* damaged */
			refused += !sound(f, changed, n);
		}
	assert_true(refused >= f->streams + 3);
}

static void check_generator(const struct sl_data_format *f)
{
	struct sl_error error = { 0 };
	struct result a = read_files(f, NULL, 1, 5, true), b = read_files(f, NULL, 1, 5, true),
	              other = read_files(f, NULL, 1, 6, true), test = read_files(f, NULL, 1, 5, false);
	struct sl_dataset train = opened(f, &a), held = opened(f, &test);
	opened(f, &other);
	assert_int_equal(train.features, held.features);
	assert_int_equal(train.classes, held.classes);
	assert_true(a.length == b.length && memcmp(a.block, b.block, a.length) == 0);
	assert_true(a.length != other.length || memcmp(a.block, other.block, a.length) != 0);
	assert_true(a.length != test.length || memcmp(a.block, test.block, a.length) != 0);
	struct sl_data_reader *reader = f->open(NULL, 1, true, &error);
	assert_int_not_equal(f->push(reader, 0, (const uint8_t *)"1", 1, what[0], &error), SL_OK);
	assert_int_equal(strncmp(error.text, what[0], strlen(what[0])), 0);
	f->abandon(reader);
	free(a.block);
	free(b.block);
	free(other.block);
	free(test.block);
}

static void every_format_keeps_its_contract(void **state)
{
	(void)state;
	unsigned formats = 0;
	for (const struct sl_data_format *const *f = sl_data_formats; *f; f++, formats++) {
		assert_true((*f)->doc[0] && (*f)->streams <= 2);
		if ((*f)->streams > 0)
			check_files(*f);
		else
			check_generator(*f);
	}
	assert_true(formats >= 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_format_keeps_its_contract) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
