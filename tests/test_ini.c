/* The reader of INI texts: what a line may be, and that what is printed reads back. */
#include "base/random.h"
#include "daemon/run/ini.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Everything that a text holds, as "section.key=value\n" and "[section]\n", or "!line: what is wrong". */
static const char *read_all(const char *text, size_t length)
{
	static char out[8192];
	struct sl_ini ini;
	struct sl_error error = { 0 };
	enum sl_ini_kind kind;
	size_t used = 0;
	sl_ini_begin(&ini, text, length);
	out[0] = '\0';
	while ((kind = sl_ini_next(&ini, &error)) != SL_INI_END) {
		if (kind == SL_INI_WRONG) {
			snprintf(out + used, sizeof out - used, "!%u: %s", ini.line, error.text);
			break;
		}
		used += (size_t)(kind == SL_INI_KEY
		                     ? snprintf(out + used, sizeof out - used, "%s.%s=%s\n", ini.section,
		                                ini.key, ini.value)
		                     : snprintf(out + used, sizeof out - used, "[%s]\n", ini.section));
	}
	return out;
}

static void a_line_is_what_the_manual_says(void **state)
{
	static const char neither[] = "!1: neither a [section], a 'key = value', nor a comment";
	static const struct {
		const char *text, *found;
	} cases[] = {
		{ "", "" },
		{ "\n\r\n \t\n", "" },
		{ "a=1", ".a=1\n" },
		{ "[s]\na = 1\n", "[s]\ns.a=1\n" },
		{ "\xef\xbb\xbf[s]\r\na = 1\r\nb = 2", "[s]\ns.a=1\ns.b=2\n" },
		{ "; a = 1\n# b = 2\n  ; c = 3\n", "" },
		{ "a = 1 ; one\nb = x;y\nc = ;\nd =;e\n", ".a=1\n.b=x;y\n.c=\n.d=;e\n" },
		{ "a = 1 # no comment\n", ".a=1 # no comment\n" },
		{ "a : b = c\nd = e : f\n", ".a=b = c\n.d=e : f\n" },
		{ "\ta = 1\n   b = 2\n", ".a=1\n.b=2\n" }, /* no continuation */
		{ "a = \nb=\n", ".a=\n.b=\n" },
		{ "a = [x]\n[ s ]\n[t] ; comment\n[u];comment\n[v] # comment\n",
		  ".a=[x]\n[ s ]\n[t]\n[u]\n[v]\n" },
		{ "a", neither },
		{ "= 1", neither },
		{ "[s", neither },
		{ "[s] a = 1", neither },
		{ "[s ; ]", neither },
		{ "a ; = 1", neither },
		{ "\n\nx\n", "!3: neither a [section], a 'key = value', nor a comment" },
		{ "a = 1\xef\xbb\xbf", ".a=1\xef\xbb\xbf\n" }, /* a mark elsewhere is text */
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(read_all(cases[i].text, strlen(cases[i].text)), cases[i].found);
	assert_string_equal(read_all("a = b\0c\n", 8),
	                    "!1: the line contains a zero byte: this is not a text file");
}

/* Never cut: what does not fit is refused, by its length. */
static void long_lines_are_read_or_refused(void **state)
{
	char text[3000];
	(void)state;
	memset(text, 'x', sizeof text);
	text[0] = ';';
	assert_string_equal(read_all(text, sizeof text), "");
	text[0] = 'k';
	text[1] = '=';
	assert_non_null(strstr(read_all(text, 2 + SL_INI_VALUE_MAX - 1), ".k=xxx"));
	assert_string_equal(
	    read_all(text, 2 + SL_INI_VALUE_MAX),
	    "!1: the value 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…' has 1024 bytes, at most 1023 fit");
	text[1] = 'k';
	text[SL_INI_NAME_MAX] = '=';
	assert_non_null(strstr(read_all(text, 100), "!1: the key 'kk"));
	text[SL_INI_NAME_MAX - 1] = '=';
	assert_non_null(strstr(read_all(text, 100), ".kk"));
	text[0] = '[';
	text[SL_INI_NAME_MAX - 1] = 'x';
	text[SL_INI_NAME_MAX] = 'x';
	text[SL_INI_NAME_MAX + 1] = ']';
	assert_non_null(strstr(read_all(text, SL_INI_NAME_MAX + 2), "!1: the section 'kx"));
}

enum { ITEMS = 12 };

static void draw_value(struct sl_random *g, char out[static 40])
{
	static const char letters[] = "ab =:;#[]|\"'\\\xc3\xa9,.0";
	size_t n = sl_random_below(g, 20);
	do {
		for (size_t i = 0; i < n; i++)
			out[i] = letters[sl_random_below(g, sizeof letters - 1)];
		out[n] = '\0';
	} while (!sl_ini_can_hold(out));
}

/* Keys and values, with noise between them, read back as they were printed. */
static void what_is_printed_reads_back(void **state)
{
	static const char *const noise[] = { "", "\n", "; x = y\n", "#\r\n", " \t\n" };
	static const char *const before[] = { "", " ", "\t " }, *const after[] = { "", "  ", " ; c", "\t;" };
	(void)state;
	for (uint64_t seed = 0; seed < 3000; seed++) {
		struct sl_random g = sl_random_stream(seed, 0, "ini", 0);
		char text[4096], expected[4096], value[40];
		size_t used = 0, said = 0;
		if (sl_random_below(&g, 2))
			used = (size_t)snprintf(text, sizeof text, "\xef\xbb\xbf");
		used += (size_t)snprintf(text + used, sizeof text - used, "[s]\n");
		said += (size_t)snprintf(expected, sizeof expected, "[s]\n");
		for (unsigned i = 0; i < ITEMS; i++) {
			draw_value(&g, value);
			const char *front = before[sl_random_below(&g, 3)],
			           *end = after[sl_random_below(&g, 4)];
			used += (size_t)snprintf(text + used, sizeof text - used, "%s%sk%u%s%c %s%s%s",
			                         noise[sl_random_below(&g, 5)], front, i, front,
			                         sl_random_below(&g, 2) ? '=' : ':', value, end,
			                         sl_random_below(&g, 2) ? "\n" : "\r\n");
			said +=
			    (size_t)snprintf(expected + said, sizeof expected - said, "s.k%u=%s\n", i, value);
		}
		assert_string_equal(read_all(text, used), expected);
	}
}

/* A value that is called impossible reads back as something else, or not at all. */
static void what_cannot_be_held_does_not_read_back(void **state)
{
	static const char *const values[] = { " a", "a ", ";a", "a ;b", "a\t;", "\n", "a\nb=c ;" };
	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		char text[64], expected[64];
		int n = snprintf(text, sizeof text, "k = %s\n", values[i]);
		snprintf(expected, sizeof expected, ".k=%s\n", values[i]);
		assert_false(sl_ini_can_hold(values[i]));
		assert_string_not_equal(read_all(text, (size_t)n), expected);
	}
	assert_true(sl_ini_can_hold(""));
	assert_true(sl_ini_can_hold("a;b"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_what_the_manual_says),
		cmocka_unit_test(long_lines_are_read_or_refused),
		cmocka_unit_test(what_is_printed_reads_back),
		cmocka_unit_test(what_cannot_be_held_does_not_read_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
