/* Lists of classes: their forms, what is refused, where names are found, unions. */
#include "daemon/run/classes.h"
#include "daemon/run/keys.h"
#include "learn/class_list.h"
#include "tests/support/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ITEMS = 64 };

struct parsed {
	struct sl_class_item item[ITEMS];
	struct sl_classes list;
};

static struct sl_error error;

static void parse(struct parsed *out, const char *text)
{
	assert_true(sl_classes_items(text, strlen(text)) <= ITEMS);
	if (sl_classes_parse(&out->list, text, strlen(text), out->item, &error) != SL_OK)
		fail_msg("%s", error.text);
}

/* Every list has one text. */
static void lists_have_a_canonical_form(void **state)
{
	(void)state;
	static const struct {
		const char *text, *canonical;
		uint32_t count;
	} cases[] = {
		{ "-1,+1", "-1,1", 2 },
		{ "0, 1", "0,1", 2 },
		{ "1..2", "1,2", 2 },
		{ "0,1,2", "0..2", 3 },
		{ "0..9", "0..9", 10 },
		{ "3,0..2,4", "3,0..2,4", 5 },
		{ "0..3,4,5..7", "0..7", 8 },
		{ "2,1,0", "2,1,0", 3 },
		{ " setosa ,versicolor\t,virginica", "setosa,versicolor,virginica", 3 },
		{ "a\nb\r\nc\n\n", "a,b,c", 3 },
		{ "Ankle boot,T-shirt/top", "Ankle boot,T-shirt/top", 2 },
		{ "007,7,7.0,-0,+0,1e3", "007,7,7.0,-0,0,1e3", 6 },
		{ "-2147483647..-2147483645", "-2147483647..-2147483645", 3 },
		{ "0..65535", "0..65535", 65536 },
		{ "one", "one", 1 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct parsed p;
		char canonical[128];
		uint32_t count;
		parse(&p, cases[i].text);
		assert_int_equal(p.list.count, cases[i].count);
		assert_int_equal(sl_classes_count(cases[i].text, strlen(cases[i].text), &count, &error),
		                 SL_OK);
		assert_int_equal(count, cases[i].count);
		size_t n = sl_classes_canonical(cases[i].text, strlen(cases[i].text), canonical);
		assert_string_equal(canonical, cases[i].canonical);
		assert_int_equal(n, strlen(canonical));
	}
}

static void what_is_no_list_is_explained(void **state)
{
	(void)state;
	static const struct {
		const char *text, *expected;
	} wrong[] = {
		{ "", "class 0 has no name" },
		{ "a,", "class 1 has no name" },
		{ "a,,b", "class 1 has no name" },
		{ "0..4, ,b", "class 5 has no name" },
		{ "a,b,a", "'a' is listed twice" },
		{ "1,+1", "1 is listed twice" },
		{ "0..9,5", "5 is listed twice" },
		{ "9..0", "9..0: a range of numbers must ascend" },
		{ "3..3", "3..3: a range of numbers must ascend" },
		{ "0..65536", "over 65536 classes" },
		{ "-2147483647..2147483647", "over 65536 classes" },
		{ "a,b\x01", "class 1: its name holds a control character" },
		{ "a,b;c", "a semicolon" },
		{ "a,\xff", "not UTF-8" },
		{ "a,\xc0\xaf", "not UTF-8" },
		{ "a,\xed\xa0\x80", "not UTF-8" },
		{ "a,\xe2\x82", "not UTF-8" },
		{ "a,0123456789012345678901234567890123456789012345678901234567890123",
		  "class 1: a name of 64 bytes, at most 63 are taken" },
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct parsed p;
		memset(&error, 0, sizeof error);
		assert_int_not_equal(
		    sl_classes_parse(&p.list, wrong[i].text, strlen(wrong[i].text), p.item, &error), SL_OK);
		if (!strstr(error.text, wrong[i].expected))
			fail_msg("'%s' does not hold '%s'", error.text, wrong[i].expected);
	}
}

static void names_are_found_where_they_stand(void **state)
{
	(void)state;
	struct parsed p;
	parse(&p, "7,cat,-3..1,20,dog,+2");
	static const struct {
		const char *name;
		uint32_t class;
	} cases[] = {
		{ "7", 0 },
		{ "+7", 0 },
		{ "cat", 1 },
		{ "-3", 2 },
		{ "0", 5 },
		{ "1", 6 },
		{ "20", 7 },
		{ "dog", 8 },
		{ "2", 9 },
		{ "3", SL_CLASS_ABSENT },
		{ "-4", SL_CLASS_ABSENT },
		{ "", SL_CLASS_ABSENT },
		{ "ca", SL_CLASS_ABSENT },
		{ "cats", SL_CLASS_ABSENT },
		{ "07", SL_CLASS_ABSENT },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(sl_classes_find(&p.list, cases[i].name, strlen(cases[i].name)),
		                 cases[i].class);
	for (uint32_t c = 0; c < p.list.count; c++) {
		char name[SL_CLASS_NAME_MAX + 1];
		sl_classes_name(p.list.text, p.list.length, c, name);
		assert_int_equal(sl_classes_find(&p.list, name, strlen(name)), c);
	}
	assert_int_equal(sl_classes_number(&p.list, INT64_MAX), SL_CLASS_ABSENT);
	assert_true(sl_classes_numbered(&p.list));
	parse(&p, "cat,dog");
	assert_false(sl_classes_numbered(&p.list));
}

static void unions_do_not_depend_on_the_order(void **state)
{
	(void)state;
	static const char *const cases[][3] = {
		{ "1", "1,2", "1,2" },           { "0,1", "1,2", "0..2" }, { "0..9", "3..12", "0..12" },
		{ "5", "1..9", "1..9" },         { "-1", "1", "-1,1" },    { "b,a", "c,a,1", "1,a,b,c" },
		{ "1..3", "5..7", "1..3,5..7" }, { "a", "a", "a" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (int turned = 0; turned < 2; turned++) {
			struct parsed a, b;
			char both[64];
			parse(&a, cases[i][turned]);
			parse(&b, cases[i][1 - turned]);
			size_t n = sl_classes_union(&a.list, &b.list, both);
			assert_string_equal(both, cases[i][2]);
			assert_int_equal(n, strlen(both));
		}
}

static void long_lists_are_cut_for_error_texts(void **state)
{
	(void)state;
	char brief[SL_CLASSES_BRIEF];
	sl_classes_brief("0..9", 4, brief);
	assert_string_equal(brief, "0..9");
	char text[4 * SL_CLASSES_BRIEF];
	for (size_t i = 0; i < sizeof text; i += 2)
		memcpy(text + i, "\xc3\xa4", 2); /* never cut inside */
	sl_classes_brief(text + 1, sizeof text - 1, brief);
	assert_int_equal(strlen(brief) % 2, 0);
	assert_string_equal(brief + strlen(brief) - 3, "\xe2\x80\xa6");
}

/* A list too long for a line of run.conf is written as its digest, which differs from that of any other list. */
static void long_lists_have_a_digest(void **state)
{
	(void)state;
	static char text[4000];
	char setting[SL_TEXT_MAX], other[SL_TEXT_MAX];
	size_t n = 0;
	struct sl_class_list list;
	struct sl_run_settings settings;
	folder_make();
	for (int i = 0; i < 300; i++)
		n += (size_t)sprintf(text + n, "name %d\n", i);
	folder_text("names", text);
	snprintf(setting, sizeof setting, "file:%s", folder_path("names"));
	if (sl_class_list_declared(&list, setting, &error) != SL_OK)
		fail_msg("%s", error.text);
	sl_classes_setting(list.classes.text, list.classes.length, list.classes.count, setting);
	assert_memory_equal(setting, "list:300:", 9);
	list.text[5] = '1';
	sl_classes_setting(list.classes.text, list.classes.length, list.classes.count, other);
	assert_string_not_equal(setting, other);
	sl_class_list_free(&list);
	sl_run_settings_standard(&settings);
	assert_int_equal(sl_run_settings_set(&settings, "data", "classes", setting, &error), SL_OK);
	assert_int_equal(sl_run_settings_check(&settings, &error), SL_OK);
	assert_string_equal(settings.host.classes, setting);
	assert_int_not_equal(sl_class_list_declared(&list, setting, &error), SL_OK);
	assert_non_null(strstr(error.text, "[data] classes = list:300:"));
	folder_text("names", "a\nb\n\nc\n");
	snprintf(setting, sizeof setting, "file:%s", folder_path("names"));
	assert_int_not_equal(sl_class_list_declared(&list, setting, &error), SL_OK);
	assert_non_null(strstr(error.text, "/names: class 2 has no name"));
	folder_remove();
}

/* The fingerprint must not depend on how a list was typed. */
static void settings_are_canonical(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{ "-1, +1", "-1,1" },
		{ "0,1,2,3", "0..3" },
		{ "auto", "auto" },
		{ "none", "none" },
	};
	static const char *const wrong[][2] = {
		{ "1", "[data] classes = 1: a run has at least two classes" },
		{ "a,a", "[data] classes = a,a: 'a' is listed twice" },
		{ "", "[data] classes = : class 0 has no name" },
		{ "list:3:abc", "must be list:N:DIGEST" },
		{ "list:1:0123456789abcdef0123456789abcdef", "must be list:N:DIGEST" },
	};
	struct sl_run_settings settings;
	sl_run_settings_standard(&settings);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(sl_run_settings_set(&settings, "data", "classes", cases[i][0], &error),
		                 SL_OK);
		assert_int_equal(sl_run_settings_check(&settings, &error), SL_OK);
		assert_string_equal(settings.host.classes, cases[i][1]);
	}
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_int_equal(sl_run_settings_set(&settings, "data", "classes", wrong[i][0], &error),
		                 SL_OK);
		assert_int_not_equal(sl_run_settings_check(&settings, &error), SL_OK);
		if (!strstr(error.text, wrong[i][1]))
			fail_msg("'%s' does not hold '%s'", error.text, wrong[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_have_a_canonical_form),
		cmocka_unit_test(what_is_no_list_is_explained),
		cmocka_unit_test(names_are_found_where_they_stand),
		cmocka_unit_test(unions_do_not_depend_on_the_order),
		cmocka_unit_test(long_lists_are_cut_for_error_texts),
		cmocka_unit_test(long_lists_have_a_digest),
		cmocka_unit_test(settings_are_canonical),
	};
	if (sl_keys_start(&error) != SL_OK)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
