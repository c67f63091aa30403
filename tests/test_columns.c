/* Declared columns: their text, how a table is put into their order, and how numbers are scaled. */
#include "daemon/run/columns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct sl_error error;

static struct sl_columns parse(const char *text)
{
	struct sl_columns c;
	if (sl_columns_parse(&c, text, strlen(text), "columns", &error) != SL_OK)
		fail_msg("%s", error.text);
	return c;
}

static void the_print_is_the_same_list(void **state)
{
	char *text, one[SL_TEXT_MAX], two[SL_TEXT_MAX];
	size_t length;
	(void)state;
	struct sl_columns c = parse("height\t1.50e1\t10\r\nweight\t0\t1\nage of \"x\"");
	assert_int_equal(c.count, 3);
	assert_int_equal(sl_columns_print(&c, &text, &length, &error), SL_OK);
	assert_string_equal(text, "height\t15\t10\nweight\nage of \"x\"\n");
	struct sl_columns again = parse(text), other = parse("height\t15\t10\nage of \"x\"\nweight\n");
	assert_int_equal(sl_columns_setting(&c, one, &error), SL_OK);
	assert_int_equal(sl_columns_setting(&again, two, &error), SL_OK);
	assert_string_equal(one, two);
	assert_int_equal(strncmp(one, "list:3:", 7), 0);
	assert_int_equal(sl_columns_setting(&other, two, &error), SL_OK);
	assert_string_not_equal(one, two);
	free(text);
	sl_columns_free(&c);
	sl_columns_free(&again);
	sl_columns_free(&other);
}

static void bad_lists_are_refused_by_their_line(void **state)
{
	static const char *const cases[][2] = {
		{ "", "columns: names no column" },
		{ "a\n\nb\n", "columns:2: the name of a column has" },
		{ "a\nb\nc\nb\n", "columns:4: column 'b' is in line 2 already" },
		{ "a\t1\n", "columns:1: must be NAME, or NAME, OFFSET and DIVISOR" },
		{ "a\t1\t0\n", "columns:1: must be NAME" },
		{ "a\t1\tnan\n", "columns:1: must be NAME" },
		{ "a\t1\t2\t3\n", "columns:1: must be NAME" },
		{ "a\xff\n", "columns:1: the name" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct sl_columns c;
		assert_int_equal(sl_columns_parse(&c, cases[i][0], strlen(cases[i][0]), "columns", &error),
		                 SL_MALFORMED);
		if (strncmp(error.text, cases[i][1], strlen(cases[i][1])) != 0)
			fail_msg("'%s' instead of '%s'", error.text, cases[i][1]);
	}
}

static void tables_are_matched_by_name(void **state)
{
	struct sl_columns c = parse("height\t100\t10\nweight\nage\n");
	uint32_t order[3];
	float rows[] = { 7, 150, 70, 8, 160, 80 };
	(void)state;
	assert_int_equal(sl_columns_match(&c, "age\0height\0weight\0", 3, order, "t", &error), SL_OK);
	assert_int_equal(sl_columns_apply(&c, order, rows, 2, "t", &error), SL_OK);
	static const float wanted[] = { 5, 70, 7, 6, 80, 8 };
	assert_memory_equal(rows, wanted, sizeof rows);
	assert_int_equal(sl_columns_match(&c, "age\0height\0", 2, order, "t", &error), SL_REFUSED);
	assert_string_equal(error.text,
	                    "t: column 'weight' is missing, which the run declares as number 2 of 3");
	assert_int_equal(sl_columns_match(&c, "age\0mass\0weight\0", 3, order, "t", &error), SL_REFUSED);
	assert_non_null(strstr(error.text, "t: column 'mass' is not among the 3"));
	assert_int_equal(sl_columns_match(&c, "age\0age\0weight\0", 3, order, "t", &error), SL_REFUSED);
	assert_non_null(strstr(error.text, "'age' is there twice"));
	sl_columns_free(&c);
	c = parse("a\t0\t1e-30\n");
	rows[0] = 3e37f;
	assert_int_equal(sl_columns_apply(&c, NULL, rows, 1, "t", &error), SL_OUT_OF_RANGE);
	sl_columns_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_print_is_the_same_list),
		cmocka_unit_test(bad_lists_are_refused_by_their_line),
		cmocka_unit_test(tables_are_matched_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
