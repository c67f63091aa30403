/* npz in detail: archives as numpy writes them and as other programs do, and what is said of one that cannot be read. */
#include "learn/dataset.h"

#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <zlib.h>

extern const struct sl_data_format sl_data_format_npz;

enum { ROOM = 8192 };

struct file {
	uint8_t bytes[ROOM];
	size_t used;
};

/* How a member is written; zero: stored, as it should be. */
struct manner {
	uint16_t method, flags;
	bool zip64;         /* sizes and place in an extra field */
	bool later;         /* the local header has no sizes: they follow the bytes */
	uint32_t wrong_crc; /* added */
	int wrong_size;
};

struct archive {
	struct file out, central;
	unsigned members;
};

static void add(struct file *f, const void *bytes, size_t length)
{
	assert_true(f->used + length <= ROOM);
	memcpy(f->bytes + f->used, bytes, length);
	f->used += length;
}

static void add_number(struct file *f, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++) {
		uint8_t byte = (uint8_t)v;
		add(f, &byte, 1);
		v >>= 8;
	}
}

static size_t deflated(const struct file *array, uint8_t out[ROOM])
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)array->bytes,
		       .avail_in = (unsigned)array->used,
		       .next_out = out,
		       .avail_out = ROOM };
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return ROOM - z.avail_out;
}

/* From "version needed" to "extra length". */
static void head(struct file *f, const struct manner *m, uint32_t crc, size_t packed, size_t size,
                 size_t name, size_t extra)
{
	add_number(f, 20, 2);
	add_number(f, m->flags, 2);
	add_number(f, m->method, 2);
	add_number(f, 0, 4);
	add_number(f, crc, 4);
	add_number(f, m->zip64 ? UINT32_MAX : packed, 4);
	add_number(f, m->zip64 ? UINT32_MAX : size, 4);
	add_number(f, name, 2);
	add_number(f, extra, 2);
}

static void member(struct archive *a, const char *name, const struct file *array, struct manner m)
{
	uint8_t packed[ROOM];
	size_t at = a->out.used, packed_size = array->used, name_size = strlen(name);
	uint32_t crc = (uint32_t)crc32_z(0, array->bytes, array->used) + m.wrong_crc;
	memcpy(packed, array->bytes, array->used);
	if (m.method == 8)
		packed_size = deflated(array, packed);
	add(&a->out, "PK\3\4", 4);
	head(&a->out, &m, m.later ? 0 : crc, m.later ? 0 : packed_size, m.later ? 0 : array->used, name_size,
	     m.zip64 ? 20 : 0);
	add(&a->out, name, name_size);
	if (m.zip64) {
		add(&a->out, "\1\0\20\0", 4);
		add_number(&a->out, array->used, 8);
		add_number(&a->out, packed_size, 8);
	}
	add(&a->out, packed, packed_size);
	add(&a->central, "PK\1\2\24\0", 6);
	head(&a->central, &m, crc, packed_size, array->used + (size_t)m.wrong_size, name_size,
	     m.zip64 ? 32 : 0);
	add_number(&a->central, 0, 2 + 2 + 2 + 4);
	add_number(&a->central, m.zip64 ? UINT32_MAX : at, 4);
	add(&a->central, name, name_size);
	if (m.zip64) {
		add(&a->central, "\7\0\0\0\1\0\30\0", 8); /* after another field */
		add_number(&a->central, array->used, 8);
		add_number(&a->central, packed_size, 8);
		add_number(&a->central, at, 8);
	}
	a->members++;
}

static void end(struct archive *a, const char *comment, bool zip64)
{
	size_t at = a->out.used, length = a->central.used;
	add(&a->out, a->central.bytes, length);
	if (zip64) {
		size_t record = a->out.used;
		add(&a->out, "PK\6\6", 4);
		add_number(&a->out, 44, 8);
		add_number(&a->out, 45, 2 + 2);
		add_number(&a->out, 0, 4 + 4);
		add_number(&a->out, a->members, 8);
		add_number(&a->out, a->members, 8);
		add_number(&a->out, length, 8);
		add_number(&a->out, at, 8);
		add(&a->out, "PK\6\7\0\0\0\0", 8);
		add_number(&a->out, record, 8);
		add_number(&a->out, 1, 4);
	}
	add(&a->out, "PK\5\6\0\0\0\0", 8);
	add_number(&a->out, zip64 ? UINT16_MAX : a->members, 2);
	add_number(&a->out, zip64 ? UINT16_MAX : a->members, 2);
	add_number(&a->out, zip64 ? UINT32_MAX : length, 4);
	add_number(&a->out, zip64 ? UINT32_MAX : at, 4);
	add_number(&a->out, strlen(comment), 2);
	add(&a->out, comment, strlen(comment));
}

static struct file array(const char *type, const char *shape, const void *bytes, size_t length)
{
	struct file f = { 0 };
	char text[128];
	int n = snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n", type,
	                 shape);
	add(&f, "\x93NUMPY\1\0", 8);
	add_number(&f, (uint64_t)n, 2);
	add(&f, text, (size_t)n);
	add(&f, bytes, length);
	return f;
}

static struct file features(void)
{
	return array("|u1", "(3, 2)", "\1\2\3\4\5\6", 6);
}

static struct file labels(void)
{
	return array("|i1", "(3,)", "\7\11\7", 3);
}

/* Reads an archive in pieces of 100 bytes. */
static enum sl_status read_bytes(const char *arguments, bool train, const struct file *f,
                                 struct sl_dataset *out, uint8_t **block, struct sl_error *error)
{
	const struct sl_data_format *format = &sl_data_format_npz;
	_Alignas(8) uint8_t options[SL_DATA_OPTIONS_MAX];
	size_t length;
	*block = NULL;
	assert_int_equal(sl_spec_arguments(format->options, options, "npz", arguments, error), SL_OK);
	struct sl_data_reader *r = format->open(options, 1, train, error);
	assert_non_null(r);
	assert_int_equal(format->push(r, 0, f->bytes, 0, "t.npz", error), SL_OK);
	for (size_t at = 0; at < f->used; at += 100)
		assert_int_equal(format->push(r, 0, f->bytes + at, f->used - at < 100 ? f->used - at : 100,
		                              "t.npz", error),
		                 SL_OK);
	enum sl_status status = format->finish(r, 0, NULL, block, &length, error);
	return status == SL_OK ? sl_dataset_open(out, *block, length, error) : status;
}

static void check(const char *arguments, bool train, const struct archive *a)
{
	struct sl_dataset d;
	struct sl_error error;
	uint8_t *block;
	if (read_bytes(arguments, train, &a->out, &d, &block, &error) != SL_OK)
		fail_msg("%s", error.text);
	assert_true(d.samples == 3 && d.features == 2 && d.classes == 2 && d.kind == SL_FEATURES_BYTE);
	assert_memory_equal(d.byte, "\1\2\3\4\5\6", 6);
	assert_true(d.label[0] == 0 && d.label[1] == 1 && d.label[2] == 0);
	free(block);
}

static void archives_are_read(void **state)
{
	(void)state;
	static const struct manner manners[] = {
		{ 0 },
		{ .method = 8 },
		{ .zip64 = true },
		{ .method = 8, .zip64 = true },
		{ .method = 8, .flags = 8, .later = true },
		{ .flags = 8, .later = true },
	};
	struct file x = features(), y = labels(), other = array("<f4", "(1,)", "\0\0\0\0", 4);
	for (size_t i = 0; i < sizeof manners / sizeof *manners; i++)
		for (unsigned far = 0; far < 2; far++) {
			struct archive a = { 0 };
			member(&a, "y.npy", &y, manners[i]);
			member(&a, "more.npy", &other, manners[i]);
			member(&a, "x.npy", &x, manners[i]);
			end(&a, i % 2 ? "PK\5\6 written by hand" : "", far);
			check("", true, &a);
		}
}

static void arrays_are_chosen_by_name(void **state)
{
	(void)state;
	struct archive a = { 0 };
	struct file x = features(), y = labels(), other = array("<f4", "(1,)", "\0\0\0\0", 4);
	member(&a, "x_train.npy", &x, (struct manner){ 0 });
	member(&a, "y_train.npy", &y, (struct manner){ 0 });
	member(&a, "x.npy", &other, (struct manner){ 0 });
	end(&a, "", false);
	check("x_train,y_train", true, &a);
	check("features=x_train,labels=y_train", false, &a);
	check("x,y,test_features=x_train,test_labels=y_train", false, &a);
}

static void refused(const char *text, const struct file *f)
{
	struct sl_dataset d;
	struct sl_error error;
	uint8_t *block;
	assert_int_not_equal(read_bytes("", true, f, &d, &block, &error), SL_OK);
	assert_null(block);
	if (strncmp(error.text, "t.npz", 5) != 0 || !strstr(error.text, text) || strchr(error.text, '\n'))
		fail_msg("'%s' does not say '%s'", error.text, text);
}

static void refused_pair(const char *text, const struct file *x, struct manner of_x, const struct file *y)
{
	struct archive a = { 0 };
	member(&a, "x.npy", x, of_x);
	member(&a, "y.npy", y, (struct manner){ 0 });
	end(&a, "", false);
	refused(text, &a.out);
}

static void wrong_members_are_named(void **state)
{
	(void)state;
	struct file x = features(), y = labels(), few = array("|i1", "(2,)", "\7\11", 2),
	            longer = array("|u1", "(3, 2)", "\1\2\3\4\5\6\7", 7),
	            cut = array("|u1", "(3, 2)", "\1\2\3\4\5", 5);
	refused_pair("t.npz: x.npy: is encrypted", &x, (struct manner){ .flags = 1 }, &y);
	refused_pair("t.npz: x.npy: compressed by method 12 of ZIP", &x, (struct manner){ .method = 12 }, &y);
	refused_pair("t.npz: x.npy: damaged: its checksum", &x, (struct manner){ .wrong_crc = 1 }, &y);
	refused_pair("t.npz: x.npy: damaged: its checksum", &x,
	             (struct manner){ .method = 8, .wrong_crc = 1 }, &y);
	refused_pair("t.npz: x.npy: damaged: its length", &x, (struct manner){ .wrong_size = 1 }, &y);
	refused_pair("t.npz: x.npy: byte", &longer, (struct manner){ .method = 8 }, &y);
	refused_pair("more bytes than its header promises", &longer, (struct manner){ 0 }, &y);
	refused_pair("t.npz: x.npy: ends at byte", &cut, (struct manner){ .method = 8 }, &y);
	refused_pair("t.npz: y.npy: 2 labels, but t.npz: x.npy has 3 samples", &x, (struct manner){ 0 },
	             &few);
	struct archive a = { 0 };
	member(&a, "x.npy", &x, (struct manner){ 0 });
	member(&a, "z\n.npy", &y, (struct manner){ 0 });
	end(&a, "", false);
	refused("t.npz: no array 'y'; there are: x, z?. Use npz:features=NAME,labels=NAME:FILE", &a.out);
	a = (struct archive){ 0 };
	member(&a, "x.npy", &x, (struct manner){ 0 });
	member(&a, "y.npy", &y, (struct manner){ 0 });
	member(&a, "x.npy", &x, (struct manner){ 0 });
	end(&a, "", false);
	refused("t.npz: has the array 'x' 2 times", &a.out);
}

static void broken_archives_are_refused(void **state)
{
	(void)state;
	struct file x = features(), y = labels(), f;
	struct archive a = { 0 };
	member(&a, "x.npy", &x, (struct manner){ .method = 8 });
	member(&a, "y.npy", &y, (struct manner){ 0 });
	size_t directory = a.out.used;
	end(&a, "", false);
	f = a.out;
	f.used--;
	refused("not an .npz file, or not all of it", &f);
	f.used = 0;
	refused("not an .npz file, or not all of it", &f);
	f = a.out;
	f.bytes[directory] ^= 1;
	refused("its ZIP directory is damaged", &f);
	f = a.out;
	f.bytes[0] ^= 1;
	refused("t.npz: x.npy: byte 0 of the archive", &f);
	f = a.out;
	f.bytes[f.used - 6] ^= 0xff; /* where the directory begins */
	refused("its ZIP directory is damaged", &f);
	f = a.out;
	f.bytes[30 + 5 + 20] ^= 0xff;
	refused("t.npz: x.npy", &f);
	/* deflated bytes that end before their stream does */
	f = a.out;
	f.bytes[directory + 20]--;
	refused("t.npz: x.npy: its deflated bytes are damaged", &f);
	f.bytes[directory + 20] = (uint8_t)(a.out.bytes[directory + 20] + 1);
	refused("t.npz: x.npy: its deflated bytes are damaged", &f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(archives_are_read),
		cmocka_unit_test(arrays_are_chosen_by_name),
		cmocka_unit_test(wrong_members_are_named),
		cmocka_unit_test(broken_archives_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
