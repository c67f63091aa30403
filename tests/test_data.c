#include "base/random.h"
#include "learn/model.h"
#include "linalg/vector.h"
#include "tests/support/samples.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static const struct sl_data_format *format(const char *name)
{
	for (const struct sl_data_format *const *f = sl_data_formats; *f; f++)
		if (strcmp((*f)->name, name) == 0)
			return *f;
	fail_msg("no format %s", name);
	return NULL;
}

struct text {
	const uint8_t *bytes;
	size_t length;
};

/* Reads whole streams in random chunks. `classes` is a list, NULL: as found. The block is NULL if it was
 * refused. */
static enum sl_status read_all(const char *spec, const struct text *stream, uint32_t features,
                               const char *classes, uint64_t seed, uint8_t **block, size_t *length,
                               struct sl_error *error)
{
	char name[SL_TEXT_MAX];
	const char *arguments = sl_spec_name(spec, name, sizeof name);
	const struct sl_data_format *f = format(name);
	uint64_t options[32] = { 0 };
	assert_int_equal(sl_spec_arguments(f->options, options, name, arguments, error), SL_OK);
	struct sl_data_reader *reader = f->open(options, seed, true, error);
	assert_non_null(reader);
	struct sl_random g = sl_random_stream(seed, 0, "chunks", 0);
	struct sl_class_item items[64];
	struct sl_classes list;
	if (classes)
		assert_int_equal(sl_classes_parse(&list, classes, strlen(classes), items, error), SL_OK);
	enum sl_status status = SL_OK;
	*block = NULL;
	for (unsigned i = 0; i < f->streams && status == SL_OK; i++) {
		static const char *const what[] = { "first", "second" };
		for (size_t at = 0, n; at < stream[i].length && status == SL_OK; at += n) {
			n = 1 + sl_random_below(&g, 1 + (uint32_t)(seed % 9) * 4);
			n = n < stream[i].length - at ? n : stream[i].length - at;
			uint8_t *chunk =
			    malloc(n); /* of its own, so that a reader that looks beyond it is caught */
			memcpy(chunk, stream[i].bytes + at, n);
			status = f->push(reader, i, chunk, n, what[i], error);
			free(chunk);
		}
	}
	if (status == SL_OK)
		status = f->finish(reader, features, classes ? &list : NULL, block, length, error);
	else
		f->abandon(reader);
	assert_true((status == SL_OK) == (*block != NULL));
	return status;
}

static struct sl_dataset opened(const uint8_t *block, size_t length)
{
	struct sl_dataset d;
	struct sl_error error;
	if (sl_dataset_open(&d, block, length, &error) != SL_OK)
		fail_msg("%s", error.text);
	return d;
}

static const uint8_t images[] = { 0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2,  0,   0,
	                          0, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255, 0 };
static const uint8_t labels[] = { 0, 0, 8, 1, 0, 0, 0, 3, 4, 0, 9 };

static void idx_in_any_chunks(void **state)
{
	(void)state;
	const struct text streams[] = { { images, sizeof images }, { labels, sizeof labels } };
	for (uint64_t seed = 0; seed < 30; seed++) {
		uint8_t *block;
		size_t length;
		assert_int_equal(read_all("idx", streams, seed % 2 ? 4 : 0, seed % 3 ? "0..11" : NULL, seed,
		                          &block, &length, NULL),
		                 SL_OK);
		struct sl_dataset d = opened(block, length);
		assert_true(d.kind == SL_FEATURES_BYTE && d.samples == 3 && d.features == 4);
		assert_int_equal(d.classes, seed % 3 ? 12 : 10);
		assert_memory_equal(d.byte, images + 16, 12);
		assert_true(d.label[0] == 4 && d.label[1] == 0 && d.label[2] == 9 && d.scale == 1.0f / 255);
		free(block);
	}
}

static void expect_idx(const uint8_t *a, size_t an, const uint8_t *b, size_t bn, const char *text)
{
	for (uint64_t seed = 0; seed < 9; seed++) {
		const struct text streams[] = { { a, an }, { b, bn } };
		struct sl_error error = { 0 };
		uint8_t *block;
		size_t length;
		if (read_all("idx", streams, 4, "0..9", seed, &block, &length, &error) == SL_OK ||
		    !strstr(error.text, text))
			fail_msg("\"%s\", expected \"%s\"", error.text, text);
	}
}

static void truncated_idx_is_refused(void **state)
{
	(void)state;
	char text[64];
	for (size_t n = 0; n < sizeof images; n++) {
		snprintf(text, sizeof text, "%s: ends at byte %zu", n ? "first" : "images", n);
		expect_idx(images, n, labels, sizeof labels, text);
	}
	for (size_t n = 0; n < sizeof labels; n++) {
		snprintf(text, sizeof text, "%s: ends at byte %zu", n ? "second" : "labels", n);
		expect_idx(images, sizeof images, labels, n, text);
	}
}

/* One byte changed at a time. */
static void wrong_idx_is_explained(void **state)
{
	(void)state;
	static const struct {
		int stream;
		size_t at;
		uint8_t value;
		const char *text;
	} wrong[] = {
		{ 0, 0, 1, "first: byte 0: 01 00, an idx file begins with 00 00" },
		{ 0, 2, 13, "first: byte 2: values of type 0x0d" },
		{ 0, 3, 1, "first: byte 3: 1 dimensions, images have at least 2" },
		{ 1, 3, 3, "second: byte 3: 3 dimensions, labels have 1" },
		{ 0, 7, 0, "first: byte 4: a dimension of 0" },
		{ 0, 7, 2, "first: byte 24: more bytes than its header promises (2 × 4)" },
		{ 0, 4, 255, "first: ends at byte 28, its header promises 17112760348 (4278190083 × 4)" },
		{ 0, 8, 255, "first: byte 8: over 268435456 values per sample" },
		{ 1, 7, 2, "second: byte 10: more bytes" },
		{ 1, 8, 10, "second: byte 8: label 10 is not in [data] classes = 0..9" },
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		uint8_t a[sizeof images], b[sizeof labels];
		memcpy(a, images, sizeof a);
		memcpy(b, labels, sizeof b);
		(wrong[i].stream ? b : a)[wrong[i].at] = wrong[i].value;
		expect_idx(a, sizeof a, b, sizeof b, wrong[i].text);
	}
	static const uint8_t two[] = { 0, 0, 8, 1, 0, 0, 0, 2, 4, 0 }, zipped[] = { 0x1f, 0x8b, 8, 0 };
	static const uint8_t wide[] = { 0, 0, 8, 2, 0, 0, 0, 3, 0, 0, 0, 5, 1, 2,
		                        3, 4, 5, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5 };
	expect_idx(images, sizeof images, two, sizeof two,
	           "second: byte 4: 2 labels, but first has 3 images");
	expect_idx(zipped, sizeof zipped, labels, sizeof labels, "first: byte 0: still compressed by gzip");
	expect_idx(wide, sizeof wide, labels, sizeof labels, "first: byte 8: 5 values per sample, must be 4");
}

static enum sl_status read_text(const char *spec, const char *text, uint32_t features, const char *classes,
                                uint64_t seed, uint8_t **block, size_t *length, struct sl_error *error)
{
	struct text stream = { (const uint8_t *)text, strlen(text) };
	return read_all(spec, &stream, features, classes, seed, block, length, error);
}

static const char sparse_text[] =
    "# a comment\n+1 1:0.5 4:-2e1\n\n-1   2:1\t3:0 \r\n+1\n-1 1:.25 5:1e-3 # 6:7 nan";

static void libsvm_in_any_chunks(void **state)
{
	(void)state;
	static const uint64_t row[] = { 0, 2, 3, 3, 5 };
	static const uint32_t column[] = { 0, 3, 1, 0, 4 };
	static const float value[] = { 0.5f, -20, 1, 0.25f, 1e-3f };
	static const uint16_t label[] = { 1, 0, 1, 0 };
	for (uint64_t seed = 0; seed < 50; seed++) {
		uint8_t *block;
		size_t length;
		struct sl_error error;
		if (read_text("libsvm", sparse_text, seed % 2 ? 9 : 0, seed % 3 ? "-1,1" : NULL, seed, &block,
		              &length, &error) != SL_OK)
			fail_msg("%s", error.text);
		struct sl_dataset d = opened(block, length);
		assert_true(d.kind == SL_FEATURES_SPARSE && d.samples == 4 && d.classes == 2);
		assert_int_equal(d.features, seed % 2 ? 9 : 5);
		assert_memory_equal(d.row, row, sizeof row);
		assert_memory_equal(d.column, column, sizeof column);
		assert_memory_equal(d.value, value, sizeof value);
		assert_memory_equal(d.label, label, sizeof label);
		free(block);
	}
}

static void labels_become_classes(void **state)
{
	(void)state;
	static const struct {
		const char *spec, *text;
		const char *asked, *classes;
		uint16_t label[3];
	} cases[] = {
		{ "libsvm", "7 1:1\n-3 1:1\n20 1:1\n", NULL, "-3,7,20", { 1, 0, 2 } },
		{ "libsvm", "1 1:1\n1 1:1\n1 1:1\n", "-1,1", "-1,1", { 1, 1, 1 } },
		{ "libsvm", "1 1:1\n1 1:1\n1 1:1\n", "1,2", "1,2", { 0, 0, 0 } },
		{ "libsvm", "1 1:1\n+1 1:1\n1.0 1:1\n", "2,1", "2,1", { 1, 1, 1 } },
		{ "libsvm", "-1 1:1\n-1 1:1\n1 1:1\n", NULL, "-1,1", { 0, 0, 1 } },
		{ "libsvm", "1 1:1\n2.0 1:1\n1e0 1:1\n", NULL, "1,2", { 0, 1, 0 } },
		{ "libsvm", "1 1:1\n3 1:1\n5 1:1\n", "5,cat,1..4", "5,cat,1..4", { 2, 4, 0 } },
		{ "libsvm:one", "1 1:1\n3 1:1\n1 1:1\n", NULL, "1..3", { 0, 2, 0 } },
		{ "libsvm:one", "1 1:1\n3 1:1\n1 1:1\n", "cat,cow,dog", "cat,cow,dog", { 0, 2, 0 } },
		{ "libsvm:zero", "1 1:1\n3 1:1\n0 1:1\n", NULL, "0..3", { 1, 3, 0 } },
		{ "libsvm:labels=zero", "0 1:1\n0 1:1\n0 1:1\n", NULL, "0,1", { 0, 0, 0 } },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t *block;
		size_t length;
		struct sl_error error;
		if (read_text(cases[i].spec, cases[i].text, 0, cases[i].asked, i, &block, &length, &error) !=
		    SL_OK)
			fail_msg("%s", error.text);
		struct sl_dataset d = opened(block, length);
		assert_int_equal(d.names_length, strlen(cases[i].classes));
		assert_memory_equal(d.names, cases[i].classes, d.names_length);
		assert_memory_equal(d.label, cases[i].label, sizeof cases[i].label);
		free(block);
	}
}

static void wrong_libsvm_is_explained(void **state)
{
	(void)state;
	static const struct {
		const char *spec, *text;
		uint32_t features;
		const char *classes, *expected;
	} wrong[] = {
		{ "libsvm", "", 0, NULL, "holds no samples" },
		{ "libsvm", "1 1:1\n-1 2:nan\n", 0, NULL,
		  "first:2: value 'nan' of index 2 must be a finite number" },
		{ "libsvm", "1 1:1\n-1 2:-inf", 0, NULL, "first:2: value '-inf' of index 2" },
		{ "libsvm", "1 1:1e39", 0, NULL, "first:1: value '1e39' of index 1" },
		{ "libsvm", "1 1:", 0, NULL, "first:1: value '' of index 1" },
		{ "libsvm", "1 1:2x", 0, NULL, "first:1: value '2x' of index 1" },
		{ "libsvm", "1 1", 0, NULL, "first:1: '1' must be index:value" },
		{ "libsvm", "1 -1:2", 0, NULL, "first:1: '-1:2' must be index:value" },
		{ "libsvm", "1 \x1b[2J", 0, NULL, "first:1: '?[2J' must be index:value" },
		{ "libsvm", "\n\n1 0:1", 0, NULL, "first:3: index 0 in '0:1': indices begin at 1" },
		{ "libsvm", "1 3:1 3:1", 0, NULL, "first:1: index 3 after index 3: they must ascend" },
		{ "libsvm", "1 3:1 2:1", 0, NULL, "first:1: index 2 after index 3: they must ascend" },
		{ "libsvm", "1 99999999999999999999999:1", 0, NULL,
		  "first:1: index in '99999999999999999999999:1' is over" },
		{ "libsvm", "1.5 1:1", 0, NULL, "first:1: label '1.5' must be a whole number" },
		{ "libsvm", "nan 1:1", 0, NULL, "first:1: label 'nan' must be a whole number" },
		{ "libsvm", "1,2 1:1", 0, NULL, "first:1: label '1,2' must be a whole number" },
		{ "libsvm", "1e10 1:1", 0, NULL, "first:1: label '1e10'" },
		{ "libsvm", "1 0000000000000000000000000000000000000000000000000000000000000001:1", 0, NULL,
		  "first:1: a token of over 63 bytes: '00000000000000000000…'" },
		{ "libsvm", "1 1:1\n2 5:1\n1 2:1", 4, NULL, "first:2: index 5, but there are 4 features" },
		{ "libsvm", "1 1:1\n2 5:1\n3 2:1", 0, "1,2",
		  "first:3: label 3 is not in [data] classes = 1,2" },
		{ "libsvm", "1 1:1\n", 0, "cat,cow",
		  "first: libsvm labels are numbers, and the classes cat,cow are not: use libsvm:labels=zero or" },
		{ "libsvm:one", "1 1:1\n3 1:1", 0, "cat,cow",
		  "first:2: label 3 is not in [data] classes = cat,cow" },
		{ "libsvm", "5 1:1\n", 0, NULL, "first: only the label 5" },
		{ "libsvm", "1 1:1\n", 0, NULL, "first: only the label 1" },
		{ "libsvm", "-1 1:1\n-1 2:1\n", 0, NULL, "first: only the label -1" },
		{ "libsvm:one", "1 1:1\n0 5:1", 0, NULL, "first:2: label 0, must be between 1 and 65536" },
		{ "libsvm:zero", "1 1:1\n70000 5:1", 0, NULL,
		  "first:2: label 70000, must be between 0 and 65535" },
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		for (uint64_t seed = 0; seed < 9; seed++) {
			uint8_t *block;
			size_t length;
			struct sl_error error = { 0 };
			if (read_text(wrong[i].spec, wrong[i].text, wrong[i].features, wrong[i].classes, seed,
			              &block, &length, &error) == SL_OK ||
			    !strstr(error.text, wrong[i].expected))
				fail_msg("\"%s\", expected \"%s\"", error.text, wrong[i].expected);
		}
	struct text zero = { (const uint8_t *)"1 1:1\0\n", 7 };
	uint8_t *block;
	size_t length;
	struct sl_error error;
	assert_int_equal(read_all("libsvm", &zero, 0, NULL, 1, &block, &length, &error), SL_MALFORMED);
}

/* Random sparse data printed as text and read again. */
static void libsvm_round_trip(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 10; seed++) {
		struct samples s = samples_make(SL_FEATURES_SPARSE, 25, 12, 3, seed);
		char *text = malloc(1 << 16);
		size_t n = 0;
		for (uint32_t i = 0; i < s.data.samples; i++) {
			n += (size_t)sprintf(text + n, "%d", s.data.label[i] + 1);
			for (uint64_t k = s.data.row[i]; k < s.data.row[i + 1]; k++)
				n += (size_t)sprintf(text + n, " %u:%.9g", s.data.column[k] + 1,
				                     (double)s.data.value[k]);
			text[n++] = '\n';
		}
		text[n] = '\0';
		uint8_t *block;
		size_t length;
		assert_int_equal(read_text("libsvm:one", text, 12, "1..3", seed, &block, &length, NULL),
		                 SL_OK);
		struct sl_dataset again = opened(block, length);
		again.names = NULL;
		assert_int_equal(sl_dataset_prepared_size(&again, NULL, 0), s.length);
		uint8_t *unnamed = malloc(s.length);
		sl_dataset_prepare(&again, NULL, 0, unnamed);
		assert_memory_equal(unnamed, s.block, s.length);
		free(unnamed);
		/* A text may be cut anywhere: what is read then is a beginning of the whole, or an error. */
		for (size_t cut = 0; cut < n; cut += 17 + seed) {
			uint8_t *part;
			struct sl_error error;
			char kept = text[cut];
			text[cut] = '\0';
			if (read_text("libsvm:one", text, 12, "1..3", seed, &part, &length, &error) == SL_OK)
				assert_true(opened(part, length).samples <= s.data.samples);
			free(part);
			text[cut] = kept;
		}
		free(text);
		free(block);
		samples_free(&s);
	}
}

static struct samples generate(const char *arguments, uint64_t seed, bool train)
{
	const struct sl_data_format *f = format("synthetic");
	uint64_t options[32] = { 0 };
	struct samples s;
	assert_int_equal(sl_spec_arguments(f->options, options, "synthetic", arguments, NULL), SL_OK);
	struct sl_data_reader *reader = f->open(options, seed, train, NULL);
	assert_int_equal(f->finish(reader, 0, NULL, &s.block, &s.length, NULL), SL_OK);
	s.data = opened(s.block, s.length);
	return s;
}

static uint64_t hash(const struct samples *s)
{
	uint64_t h = 0;
	for (size_t i = 0; i < s->length; i++)
		h = (h ^ s->block[i]) * UINT64_C(0x100000001b3);
	return h;
}

static void synthetic_data_is_a_function_of_its_seed(void **state)
{
	(void)state;
	struct samples a = generate("samples=300,test=50", 1, true),
	               b = generate("samples=300,test=50", 1, true);
	struct samples c = generate("samples=300,test=50", 2, true),
	               test = generate("samples=300,test=50", 1, false);
	struct samples sparse = generate("samples=300,density=0.1", 1, true);
	assert_true(a.length == b.length && memcmp(a.block, b.block, a.length) == 0);
	assert_memory_not_equal(a.block, c.block, a.length);
	assert_true(a.data.kind == SL_FEATURES_FLOAT && a.data.samples == 300 && test.data.samples == 50);
	assert_memory_not_equal(a.data.dense, test.data.dense, 50 * 32 * sizeof(float));
	assert_true(sparse.data.kind == SL_FEATURES_SPARSE);
	assert_true(fabs((double)sparse.data.row[300] / (300 * 32) - 0.1) < 0.02);
	assert_int_equal(a.data.names_length, 4);
	assert_memory_equal(a.data.names, "0..3", 4);
	/* The same bits on every machine (as they were before the classes had names). */
	a.length = a.length - 8;
	sl_store_u32(a.block + 8, 1);
	sl_store_u64(a.block + 40, a.length);
	sl_store_u32(a.block + 48, 0);
	assert_int_equal(hash(&a), UINT64_C(0x490d2ff34ed10f6e));
	samples_free(&a);
	samples_free(&b);
	samples_free(&c);
	samples_free(&test);
	samples_free(&sparse);
	const struct sl_data_format *f = format("synthetic");
	struct sl_error error;
	struct sl_data_reader *reader = f->open(NULL, 1, true, &error);
	uint8_t *block;
	size_t length;
	assert_int_not_equal(f->finish(reader, 99, NULL, &block, &length, &error), SL_OK);
	reader = f->open(NULL, 1, true, &error);
	assert_int_not_equal(f->push(reader, 0, (const uint8_t *)"x", 1, "file", &error), SL_OK);
	f->abandon(reader);
}

/* Accuracy on the test part after plain stochastic gradient descent. */
static double learn(const char *spec, const struct sl_dataset *train, const struct sl_dataset *test,
                    int steps)
{
	struct sl_model_instance m;
	assert_int_equal(sl_model_make(&m, spec, train->features, train->classes, NULL), SL_OK);
	size_t bytes = m.layout.dimension * sizeof(float);
	float *x = malloc(bytes), *gradient = malloc(bytes);
	float *scratch = malloc(m.model->scratch(&m, SL_EVALUATE_CHUNK) * sizeof *scratch);
	m.model->init(&m, 1, x);
	struct sl_random g = sl_random_stream(1, 0, "batch", 0);
	for (int k = 0; k < steps; k++) {
		uint32_t pick[32];
		for (int i = 0; i < 32; i++)
			pick[i] = sl_random_below(&g, train->samples);
		m.model->gradient(&m, train, pick, 32, x, gradient, scratch);
		for (uint32_t i = 0; i < m.layout.dimension; i++)
			x[i] -= 0.05f * gradient[i];
	}
	double accuracy;
	sl_model_evaluate_all(&m, test, x, &accuracy, scratch);
	free(x);
	free(gradient);
	free(scratch);
	return accuracy;
}

static void networks_learn_what_lines_cannot(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 2; seed++) {
		struct samples train = generate("", seed, true), test = generate("", seed, false);
		double linear = learn("softmax", &train.data, &test.data, 400);
		double network = learn("mlp:32", &train.data, &test.data, 400);
		print_message("seed %d: softmax %.3f, mlp:32 %.3f\n", (int)seed, linear, network);
		assert_true(linear > 0.35); /* chance is 0.25 */
		assert_true(network > 0.85 && network > linear + 0.1);
		samples_free(&train);
		samples_free(&test);
	}
}

/* A file that holds nothing is named by the chunk of no bytes that comes before it. */
static void empty_files_are_named(void **state)
{
	(void)state;
	static const char *const spec[] = { "libsvm", "idx" };
	for (int i = 0; i < 2; i++) {
		const struct sl_data_format *f = format(spec[i]);
		struct sl_error error = { 0 };
		struct sl_data_reader *reader = f->open(NULL, 1, true, &error);
		uint8_t *block;
		size_t length;
		for (unsigned stream = 0; stream < f->streams; stream++)
			assert_int_equal(f->push(reader, stream, NULL, 0, stream ? "b" : "site-1", &error),
			                 SL_OK);
		assert_int_not_equal(f->finish(reader, 0, NULL, &block, &length, &error), SL_OK);
		assert_memory_equal(error.text, "site-1: ", 8);
	}
}

/* What one file holds is a survey, not yet the classes of a run: one label alone is no error there. */
static void a_survey_tells_what_was_found(void **state)
{
	(void)state;
	static const struct {
		const char *spec, *text, *names;
		uint32_t features, classes;
	} cases[] = {
		{ "libsvm", "1 3:1\n1 1:2\n", "1", 3, 1 },
		{ "libsvm", "3 3:1\n1 9:2\n2 1:1\n", "1..3", 9, 3 },
		{ "libsvm", "0\n1\n", "0,1", 1, 2 },
		{ "libsvm:one", "1 3:1\n4 1:2\n", "1..4", 3, 4 },
		{ "libsvm:zero", "0 3:1\n", "0,1", 3, 2 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char name[SL_TEXT_MAX];
		const char *arguments = sl_spec_name(cases[i].spec, name, sizeof name);
		const struct sl_data_format *f = format(name);
		uint64_t options[32] = { 0 };
		struct sl_survey found = { 0 };
		struct sl_error error = { 0 };
		assert_int_equal(sl_spec_arguments(f->options, options, name, arguments, NULL), SL_OK);
		struct sl_data_reader *reader = f->open(options, 1, true, &error);
		assert_int_equal(
		    f->push(reader, 0, (const uint8_t *)cases[i].text, strlen(cases[i].text), "file", &error),
		    SL_OK);
		for (int twice = 0; twice < 2; twice++) {
			assert_int_equal(f->survey(reader, &found, &error), SL_OK);
			assert_int_equal(found.features, cases[i].features);
			assert_int_equal(found.classes, cases[i].classes);
			assert_int_equal(found.names_length, strlen(cases[i].names));
			assert_memory_equal(found.names, cases[i].names, found.names_length);
		}
		f->abandon(reader);
	}
}

/* Bytes are matched with numbers, or count the classes where those have names. */
static void idx_labels_become_classes(void **state)
{
	(void)state;
	static const struct {
		const char *list;
		uint16_t label[3];
	} cases[] = {
		{ NULL, { 4, 0, 9 } },
		{ "9,4,0", { 1, 2, 0 } },
		{ "a,b,c,d,e,f,g,h,i,j", { 4, 0, 9 } },
		{ "x,0..9", { 5, 1, 10 } },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct text streams[] = { { images, sizeof images }, { labels, sizeof labels } };
		struct sl_error error;
		uint8_t *block;
		size_t length;
		if (read_all("idx", streams, 0, cases[i].list, i, &block, &length, &error) != SL_OK)
			fail_msg("%s", error.text);
		struct sl_dataset d = opened(block, length);
		assert_memory_equal(d.label, cases[i].label, sizeof cases[i].label);
		free(block);
	}
}

int main(void)
{
	sl_blas_start();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idx_in_any_chunks),
		cmocka_unit_test(truncated_idx_is_refused),
		cmocka_unit_test(wrong_idx_is_explained),
		cmocka_unit_test(libsvm_in_any_chunks),
		cmocka_unit_test(labels_become_classes),
		cmocka_unit_test(wrong_libsvm_is_explained),
		cmocka_unit_test(libsvm_round_trip),
		cmocka_unit_test(empty_files_are_named),
		cmocka_unit_test(a_survey_tells_what_was_found),
		cmocka_unit_test(idx_labels_become_classes),
		cmocka_unit_test(synthetic_data_is_a_function_of_its_seed),
		cmocka_unit_test(networks_learn_what_lines_cannot),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
