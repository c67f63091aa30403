/* CSV in detail: what a table may look like, and what is said of one that may not. */
#include "learn/dataset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

extern const struct sl_data_format sl_data_format_csv;

static enum sl_status read_text(const char *arguments, const char *text, const char *classes,
                                struct sl_dataset *out, uint8_t **block, struct sl_error *error)
{
	const struct sl_data_format *f = &sl_data_format_csv;
	_Alignas(8) uint8_t options[512];
	struct sl_class_item item[16];
	struct sl_classes list;
	size_t length;
	*block = NULL;
	assert_int_equal(sl_spec_arguments(f->options, options, "csv", arguments, error), SL_OK);
	if (classes)
		assert_int_equal(sl_classes_parse(&list, classes, strlen(classes), item, error), SL_OK);
	struct sl_data_reader *r = f->open(options, 1, true, error);
	if (!r)
		return error->status;
	enum sl_status status = f->push(r, 0, (const uint8_t *)text, strlen(text), "t.csv", error);
	if (status != SL_OK) {
		f->abandon(r);
		return status;
	}
	status = f->finish(r, 0, classes ? &list : NULL, block, &length, error);
	return status == SL_OK ? sl_dataset_open(out, *block, length, error) : status;
}

static void tables_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *arguments, *text, *classes, *names;
		float first[2];
		int label[3];
	} good[] = {
		{ "", "a,label,b\n1,cat,2\n3,dog,4\n5,cat,6\n", NULL, "cat,dog", { 1, 2 }, { 0, 1, 0 } },
		{ "",
		  "a,label,b\n1,cat,2\n3,dog,4\n5,cat,6\n",
		  "dog,bird,cat",
		  "dog,bird,cat",
		  { 1, 2 },
		  { 2, 0, 2 } },
		{ "b", "a,b,c\r\n1,10,2\r\n3,9,4\r\n5,+10,6", NULL, "9,10", { 1, 2 }, { 1, 0, 1 } },
		{ "3",
		  "\xef\xbb\xbf\"a\"\"\",\"b,c\",d\n1e0, 2 ,\"x y\"\n\n3,4,é\n5,6,é\n",
		  NULL,
		  "x y,é",
		  { 1, 2 },
		  { 0, 1, 1 } },
		{ "1,header=no,part=semicolon",
		  "-1;1;2\n1;3;4\n-1;5;6\n",
		  NULL,
		  "-1,1",
		  { 1, 2 },
		  { 0, 1, 0 } },
		{ "label=1,header=no,part=tab",
		  "+\t1\t2\n-\t3\t4\n+\t5\t6\n",
		  NULL,
		  "+,-",
		  { 1, 2 },
		  { 0, 1, 0 } },
	};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct sl_dataset d;
		struct sl_error error;
		uint8_t *block;
		if (read_text(good[i].arguments, good[i].text, good[i].classes, &d, &block, &error) != SL_OK)
			fail_msg("%zu: %s", i, error.text);
		assert_true(d.samples == 3 && d.features == 2 && d.kind == SL_FEATURES_FLOAT);
		assert_int_equal(d.names_length, strlen(good[i].names));
		assert_memory_equal(d.names, good[i].names, d.names_length);
		assert_memory_equal(d.dense, good[i].first, sizeof good[i].first);
		for (int s = 0; s < 3; s++)
			assert_int_equal(d.label[s], good[i].label[s]);
		free(block);
	}
}

static void targets_may_be_numbers(void **state)
{
	(void)state;
	struct sl_dataset d;
	struct sl_error error;
	uint8_t *block;
	assert_int_equal(read_text("y,number", "x,y\n1,-2.5\n2,1e3\n", NULL, &d, &block, &error), SL_OK);
	assert_true(d.classes == 0 && d.target[0] == -2.5f && d.target[1] == 1000);
	free(block);
}

static void wrong_tables_are_explained(void **state)
{
	(void)state;
	static const struct {
		const char *arguments, *text, *classes, *says;
	} wrong[] = {
		{ "", "", NULL, "t.csv: holds no samples" },
		{ "", "a,label\n", NULL, "t.csv: holds no samples" },
		{ "", "a,b\n1,2\n", NULL,
		  "t.csv:1: no label 'label' in column 1 ('a') to column 2 ('b'): say which with csv:label=NAME" },
		{ "3", "a,b\n1,2\n", NULL, "t.csv:1: no label '3'" },
		{ "x,header=no", "1,2\n", NULL,
		  "csv: label = x: without a header, must be the number of a column" },
		{ "", "label,label\n1,2\n", NULL,
		  "t.csv:1: column 2 has the name 'label', as column 1 ('label') has" },
		{ "", "label\n1\n", NULL, "t.csv:1: one column" },
		{ "", "a,label\n1,x\n2\n", NULL, "t.csv:3: 1 fields, must be 2, as in the first line" },
		{ "", "a,label\n1,x\n2,y,\n", NULL, "t.csv:3: column 3: a missing value ('')" },
		{ "", "a,label\n1,x\n,y\n", NULL, "t.csv:3: column 1 ('a'): a missing value ('')" },
		{ "", "a,label\n1,x\n2,\n", NULL, "t.csv:3: column 2 ('label'): a missing value ('')" },
		{ "", "a,label\n1,x\nNA,y\n", NULL, "t.csv:3: column 1 ('a'): a missing value ('NA')" },
		{ "", "a,label\n1,x\nred,y\n", NULL, "t.csv:3: column 1 ('a'): 'red' is no finite number" },
		{ "", "a,label\n1,x\ninf,y\n", NULL, "t.csv:3: column 1 ('a'): 'inf' is no finite number" },
		{ "", "a,label\n1,x\n1e99,y\n", NULL, "t.csv:3: column 1 ('a'): '1e99' is no finite number" },
		{ "", "a,label\n1,x\n0x10,y\n", NULL, "t.csv:3: column 1 ('a'): '0x10' is no finite number" },
		{ "", "a,label\n1,\"x,y\"\n", NULL,
		  "t.csv:2: column 2 ('label'): 'x,y' is no name of a class" },
		{ "", "a,label\n1,1..3\n", NULL,
		  "t.csv:2: column 2 ('label'): '1..3' is no name of a class" },
		{ "", "a,label\n\"1\n\",x\n1\"2,x\n", NULL,
		  "t.csv:2: column 1 ('a'): '1?' is no finite number" },
		{ "", "a,label\n1,x\n1\"2,x\n", NULL, "t.csv:3: a quote inside a field" },
		{ "", "a,label\n1,\"x\"y\n", NULL, "t.csv:2: a quote inside a field" },
		{ "", "a,label\n1,\"x\n2,y\n", NULL, "t.csv:2: a quoted field that does not end" },
		{ "", "a,label\r1,x\r", NULL, "t.csv:1: a carriage return without a line feed" },
		{ "", "a,label\n1,x\n2,x\n", NULL,
		  "t.csv: only the label x, must have at least two classes" },
		{ "", "a,label\n1,x\n2,z\n", "x,y", "t.csv:3: label 'z' is not in [data] classes = x,y" },
		{ "y,number", "x,y\n1,a\n", NULL, "t.csv:2: column 2 ('y'): 'a' is no finite number" },
		{ "y,number", "x,y\n1,2\n", "x,y", "t.csv: real targets, must be classes" },
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct sl_dataset d;
		struct sl_error error = { 0 };
		uint8_t *block;
		if (read_text(wrong[i].arguments, wrong[i].text, wrong[i].classes, &d, &block, &error) ==
		        SL_OK ||
		    strncmp(error.text, wrong[i].says, strlen(wrong[i].says)) != 0)
			fail_msg("%zu: '%s' instead of '%s'", i, error.text, wrong[i].says);
		free(block);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_are_read),
		cmocka_unit_test(targets_may_be_numbers),
		cmocka_unit_test(wrong_tables_are_explained),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
