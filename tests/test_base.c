#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/option.h"
#include "base/random.h"

/* One field of every type. */
struct record {
	uint32_t count;
	uint64_t seed;
	double rate;
	char name[SL_TEXT_MAX];
	uint32_t colour;
	int64_t wait;
	bool loud;
};

#define AT(field) .offset = offsetof(struct record, field)
static const struct sl_option table[] = {
	{ .name = "count",
	  .doc = "how many",
	  .type = SL_OPTION_U32,
	  AT(count),
	  .min = 2,
	  .max = 4294967295,
	  .standard = "7" },
	{ .name = "seed",
	  .doc = "the seed",
	  .type = SL_OPTION_U64,
	  AT(seed),
	  .min = 0,
	  .max = 1.9e19,
	  .standard = "1" },
	{ .name = "rate",
	  .doc = "the rate",
	  .type = SL_OPTION_REAL,
	  AT(rate),
	  .min = -1e300,
	  .max = 1e300,
	  .standard = "0.5" },
	{ .name = "name", .doc = "the name", .type = SL_OPTION_TEXT, AT(name), .standard = "nobody" },
	{ .name = "colour",
	  .doc = "the colour",
	  .type = SL_OPTION_CHOICE,
	  AT(colour),
	  .standard = "green",
	  .choices = "red|green|greenish" },
	{ .name = "wait",
	  .doc = "how long",
	  .type = SL_OPTION_DURATION,
	  AT(wait),
	  .min = 0.001,
	  .max = 86400,
	  .standard = "30s" },
	{ .name = "loud", .doc = "whether", .type = SL_OPTION_SWITCH, AT(loud), .standard = "no" },
	{ 0 },
};

static void set(struct record *r, const char *name, const char *text)
{
	struct sl_error error;
	const struct sl_option *o = sl_option_find(table, name);
	assert_non_null(o);
	if (sl_option_set(o, r, text, &error) != SL_OK)
		fail_msg("%s", error.text);
}

static void defaults(void **state)
{
	(void)state;
	struct record r;
	memset(&r, 0xa5, sizeof r);
	sl_options_standard(table, &r);
	assert_int_equal(r.count, 7);
	assert_int_equal(r.seed, 1);
	assert_true(r.rate == 0.5);
	assert_string_equal(r.name, "nobody");
	assert_int_equal(r.colour, 1);
	assert_int_equal(r.wait, 30000000);
	assert_false(r.loud);
	assert_null(sl_option_find(table, "coun"));
	assert_null(sl_option_find(table, ""));
	assert_null(sl_option_find(NULL, "count"));
}

/* What is printed parses to the same bits, and prints the same again. */
static void check_round_trip(const struct record *r)
{
	for (const struct sl_option *o = table; o->name; o++) {
		struct record again;
		char text[SL_TEXT_MAX], twice[SL_TEXT_MAX];
		struct sl_error error;
		memcpy(&again, r, sizeof again);
		sl_option_print(o, r, text, sizeof text);
		memset((char *)&again + o->offset, 0x5a,
		       o->type == SL_OPTION_TEXT     ? SL_TEXT_MAX
		       : o->type == SL_OPTION_SWITCH ? 1
		                                     : 4);
		if (sl_option_set(o, &again, text, &error) != SL_OK)
			fail_msg("printed '%s': %s", text, error.text);
		sl_option_print(o, &again, twice, sizeof twice);
		assert_string_equal(text, twice);
		switch (o->type) {
		case SL_OPTION_TEXT:
			assert_string_equal(again.name, r->name);
			break;
		case SL_OPTION_SWITCH:
			assert_int_equal(again.loud, r->loud);
			break;
		case SL_OPTION_U32:
		case SL_OPTION_CHOICE:
			assert_memory_equal((char *)&again + o->offset, (const char *)r + o->offset, 4);
			break;
		default:
			assert_memory_equal((char *)&again + o->offset, (const char *)r + o->offset, 8);
		}
	}
}

static void printed_options_parse_back(void **state)
{
	(void)state;
	struct sl_random g = sl_random_stream(1, 0, "test", 0);
	for (unsigned i = 0; i < 3000; i++) {
		struct record r = { 0 };
		uint64_t bits = sl_random_u64(&g);
		r.count = 2 + (uint32_t)(bits >> sl_random_below(&g, 32)) / 2;
		r.seed = sl_random_u64(&g) >> sl_random_below(&g, 64);
		bits = sl_random_u64(&g);
		memcpy(&r.rate, &bits, sizeof bits); /* any double, denormals too, within the range */
		if (!(fabs(r.rate) <= 1e300))
			r.rate = (double)sl_random_unit(&g);
		size_t length = sl_random_below(&g, SL_TEXT_MAX);
		for (size_t k = 0; k < length; k++)
			r.name[k] = (char)(' ' + sl_random_below(&g, 95));
		r.colour = sl_random_below(&g, 3);
		r.wait = 1000 + (int64_t)(sl_random_u64(&g) >> (28 + sl_random_below(&g, 30)));
		if (i % 16 == 0)
			r.wait = INT64_MAX;
		r.loud = sl_random_below(&g, 2) == 1;
		check_round_trip(&r);
	}
}

static void numbers_print_shortest(void **state)
{
	(void)state;
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{ 0.1, "0.1" },    { 1, "1" },         { 0.05, "0.05" },
		{ 1e-9, "1e-09" }, { -0.25, "-0.25" }, { 0.1 + 0.2, "0.30000000000000004" },
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct record r = { .rate = cases[i].value };
		char text[SL_TEXT_MAX];
		sl_option_print(sl_option_find(table, "rate"), &r, text, sizeof text);
		assert_string_equal(text, cases[i].text);
	}
}

static void durations(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t us;
		const char *printed;
	} cases[] = {
		{ "30s", 30000000, "30s" },    { "250ms", 250000, "250ms" },
		{ "5min", 300000000, "5min" }, { "2h", INT64_C(7200000000), "2h" },
		{ "1500us", 1500, "1500us" },  { "0.5s", 500000, "500ms" },
		{ "90s", 90000000, "90s" },    { "60min", INT64_C(3600000000), "1h" },
		{ "1 s", 1000000, "1s" },      { "never", INT64_MAX, "never" },
		{ "1e-3s", 1000, "1ms" },      { "24h", INT64_C(86400000000), "24h" },
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct record r = { 0 };
		char text[SL_TEXT_MAX];
		set(&r, "wait", cases[i].text);
		assert_int_equal(r.wait, cases[i].us);
		sl_option_print(sl_option_find(table, "wait"), &r, text, sizeof text);
		assert_string_equal(text, cases[i].printed);
	}
	struct record zero = { 0 };
	char text[SL_TEXT_MAX];
	sl_option_print(sl_option_find(table, "wait"), &zero, text, sizeof text);
	assert_string_equal(text, "0s");
}

/* A refused text says what was found and what would be right, and leaves every byte of the record as it was.
 */
static void refused_values(void **state)
{
	(void)state;
	static const struct {
		const char *name, *text;
		enum sl_status status;
		const char *says;
	} cases[] = {
		{ "count", "1", SL_OUT_OF_RANGE, "count = 1: must be between 2 and 4294967295" },
		{ "count", "4294967296", SL_OUT_OF_RANGE, "must be between" },
		{ "count", "99999999999999999999999", SL_OUT_OF_RANGE, "must be between" },
		{ "count", "-3", SL_MALFORMED, "count = -3: not a whole number" },
		{ "count", "+3", SL_MALFORMED, "not a whole number" },
		{ "count", " 3", SL_MALFORMED, "not a whole number" },
		{ "count", "3 ", SL_MALFORMED, "not a whole number" },
		{ "count", "3.0", SL_MALFORMED, "not a whole number" },
		{ "count", "", SL_MALFORMED, "not a whole number" },
		{ "count", "0x10", SL_MALFORMED, "not a whole number" },
		{ "seed", "18446744073709551616", SL_OUT_OF_RANGE, "must be between" },
		{ "rate", "1e301", SL_OUT_OF_RANGE, "rate = 1e301: must be between -1e+300 and 1e+300" },
		{ "rate", "inf", SL_MALFORMED, "not a number" },
		{ "rate", "nan", SL_MALFORMED, "not a number" },
		{ "rate", "0.5x", SL_MALFORMED, "rate = 0.5x: not a number" },
		{ "rate", "", SL_MALFORMED, "not a number" },
		{ "name", "tab\there", SL_MALFORMED, "name: holds a control character" },
		{ "name", "line\n", SL_MALFORMED, "control character" },
		{ "name", "\x7f", SL_MALFORMED, "control character" },
		{ "colour", "blue", SL_MALFORMED, "colour = blue: must be one of red|green|greenish" },
		{ "colour", "gree", SL_MALFORMED, "must be one of" },
		{ "colour", "red|green", SL_MALFORMED, "must be one of" },
		{ "colour", "", SL_MALFORMED, "must be one of" },
		{ "wait", "30", SL_MALFORMED, "wait = 30: not a duration (such as 30s" },
		{ "wait", "s", SL_MALFORMED, "not a duration" },
		{ "wait", "30sec", SL_MALFORMED, "not a duration" },
		{ "wait", "", SL_MALFORMED, "not a duration" },
		{ "wait", "25h", SL_OUT_OF_RANGE, "wait = 25h: must be between 0.001s and 86400s" },
		{ "wait", "0s", SL_OUT_OF_RANGE, "must be between" },
		{ "wait", "-1s", SL_OUT_OF_RANGE, "must be between" },
		{ "wait", "infs", SL_OUT_OF_RANGE, "must be between" },
		{ "loud", "true", SL_MALFORMED, "loud = true: must be yes or no" },
		{ "loud", "YES", SL_MALFORMED, "must be yes or no" },
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct record r, before;
		struct sl_error error;
		memset(&r, 0, sizeof r);
		sl_options_standard(table, &r);
		memcpy(&before, &r, sizeof r);
		enum sl_status status =
		    sl_option_set(sl_option_find(table, cases[i].name), &r, cases[i].text, &error);
		if (status != cases[i].status || error.status != status || !strstr(error.text, cases[i].says))
			fail_msg("%s = '%s': status %d, '%s'", cases[i].name, cases[i].text, (int)status,
			         error.text);
		assert_memory_equal(&r, &before, sizeof r);
	}
}

static void texts_have_a_longest(void **state)
{
	(void)state;
	struct record r = { 0 };
	struct sl_error error;
	char text[SL_TEXT_MAX + 1];
	memset(text, 'x', sizeof text);
	text[SL_TEXT_MAX - 1] = '\0';
	set(&r, "name", text);
	assert_int_equal(strlen(r.name), SL_TEXT_MAX - 1);
	text[SL_TEXT_MAX - 1] = 'x';
	text[SL_TEXT_MAX] = '\0';
	assert_int_equal(sl_option_set(sl_option_find(table, "name"), &r, text, &error), SL_TOO_BIG);
	assert_string_equal(error.text, "name: 192 bytes, at most 191 fit");
}

struct arguments {
	double fraction;
	uint32_t levels;
	bool sorted;
};
static const struct sl_option arguments_table[] = {
	{ .name = "fraction",
	  .doc = "share that is kept",
	  .type = SL_OPTION_REAL,
	  .offset = offsetof(struct arguments, fraction),
	  .min = 0.001,
	  .max = 1 },
	{ .name = "levels",
	  .doc = "number of levels",
	  .type = SL_OPTION_U32,
	  .offset = offsetof(struct arguments, levels),
	  .min = 1,
	  .max = 64,
	  .standard = "16" },
	{ .name = "sorted",
	  .doc = "whether sorted",
	  .type = SL_OPTION_SWITCH,
	  .offset = offsetof(struct arguments, sorted),
	  .standard = "yes" },
	{ 0 },
};

static void spec_arguments(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		double fraction;
		uint32_t levels;
		bool sorted;
	} good[] = {
		{ "0.5", 0.5, 16, true },
		{ "0.5,8", 0.5, 8, true },
		{ "0.5,8,no", 0.5, 8, false },
		{ "levels=4,fraction=1", 1, 4, true },
		{ "0.25,sorted=no", 0.25, 16, false },
	};
	for (unsigned i = 0; i < sizeof good / sizeof *good; i++) {
		struct arguments a, again;
		struct sl_error error;
		char text[SL_TEXT_MAX], name[32];
		assert_int_equal(sl_spec_arguments(arguments_table, &a, "topk", good[i].text, &error), SL_OK);
		assert_true(a.fraction == good[i].fraction && a.levels == good[i].levels &&
		            a.sorted == good[i].sorted);
		sl_spec_print("topk", arguments_table, &a, text, sizeof text); /* … and back */
		const char *rest = sl_spec_name(text, name, sizeof name);
		assert_string_equal(name, "topk");
		assert_true(i > 0 || strcmp(text, "topk:0.5") == 0); /* … without what need not be said */
		assert_int_equal(sl_spec_arguments(arguments_table, &again, "topk", rest, &error), SL_OK);
		assert_true(a.fraction == again.fraction && a.levels == again.levels &&
		            a.sorted == again.sorted);
	}
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "", "topk: needs fraction (share that is kept), as in topk:0.001" },
		{ "levels=3", "topk: needs fraction" },
		{ "0.5,8,no,9", "topk: unexpected argument '9'" },
		{ "0.5,level=3", "topk: no option 'level'" },
		{ "0.5,65", "topk: levels = 65: must be between 1 and 64" },
		{ "half", "topk: fraction = half: not a number" },
		{ "=3", "topk: no option ''" },
	};
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct arguments a;
		struct sl_error error;
		assert_int_not_equal(sl_spec_arguments(arguments_table, &a, "topk", bad[i].text, &error),
		                     SL_OK);
		if (!strstr(error.text, bad[i].says))
			fail_msg("'%s': '%s' does not say '%s'", bad[i].text, error.text, bad[i].says);
	}
	struct sl_error error;
	assert_int_equal(sl_spec_arguments(NULL, NULL, "all", "", &error), SL_OK);
	assert_int_equal(sl_spec_arguments(NULL, NULL, "all", "3", &error), SL_MALFORMED);
}

static void spec_names(void **state)
{
	(void)state;
	char name[8], text[8];
	assert_string_equal(sl_spec_name("topk:0.1,3", name, sizeof name), "0.1,3");
	assert_string_equal(name, "topk");
	assert_string_equal(sl_spec_name("all", name, sizeof name), "");
	assert_string_equal(name, "all");
	assert_string_equal(sl_spec_name("a:b:c", name, sizeof name), "b:c");
	sl_spec_name("muchtoolong:1", name, sizeof name);
	assert_string_equal(name, "muchtoo");
	sl_spec_print("all", NULL, NULL, text, sizeof text);
	assert_string_equal(text, "all");
	struct arguments a = { 0.5, 16, true };
	sl_spec_print("topk", arguments_table, &a, text, sizeof text); /* cut, but within bounds */
	assert_int_equal(strlen(text), sizeof text - 1);
}

static void nearest_names(void **state)
{
	(void)state;
	static const char *const names[] = { "ring", "torus", "complete", "star" };
	static const char *const cases[][2] = { { "ring", "ring" },  { "rign", "ring" },
		                                { "toru", "torus" }, { "completed", "complete" },
		                                { "sart", "star" },  { "stra", "star" },
		                                { "tor", "torus" },  { "mesh", NULL },
		                                { "comp", NULL },    { "torusses", NULL } };
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *found = sl_nearest(cases[i][0], names, 4);
		if (!cases[i][1])
			assert_null(found);
		else
			assert_string_equal(found, cases[i][1]);
	}
	assert_null(sl_nearest("ring", names, 0));
	char many[2 * SL_TEXT_MAX];
	memset(many, 'x', sizeof many - 1);
	many[sizeof many - 1] = '\0';
	assert_null(sl_nearest(many, names, 4));
	assert_null(sl_nearest("ring", (const char *const[]){ many }, 1));
}

static void errors_are_wrapped(void **state)
{
	(void)state;
	struct sl_error error;
	assert_int_equal(sl_fail(&error, SL_IO, "%s: %d", "disk", 5), SL_IO);
	assert_string_equal(error.text, "disk: 5");
	assert_int_equal(sl_wrap(&error, "run.conf:%d", 12), SL_IO);
	assert_int_equal(sl_wrap(&error, "starling"), SL_IO);
	assert_string_equal(error.text, "starling: run.conf:12: disk: 5");
	assert_int_equal(error.status, SL_IO);
	assert_int_equal(sl_fail(NULL, SL_REFUSED, "nobody listens"), SL_REFUSED);
	assert_int_not_equal(sl_wrap(NULL, "nobody listens"), SL_OK);
	for (unsigned i = 0; i < 100; i++) { /* stays one terminated text of bounded length */
		sl_wrap(&error, "a folder with a name, number %u", i);
		assert_true(strlen(error.text) < sizeof error.text);
	}
	assert_non_null(strstr(error.text, "number 99: a folder with a name, number 98: "));
	for (int s = 0; s < SL_STATUS_COUNT; s++)
		for (int t = 0; t < s; t++)
			assert_string_not_equal(sl_status_text((enum sl_status)s),
			                        sl_status_text((enum sl_status)t));
	assert_non_null(sl_status_text(SL_STATUS_COUNT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(printed_options_parse_back),
		cmocka_unit_test(numbers_print_shortest),
		cmocka_unit_test(durations),
		cmocka_unit_test(refused_values),
		cmocka_unit_test(texts_have_a_longest),
		cmocka_unit_test(spec_arguments),
		cmocka_unit_test(spec_names),
		cmocka_unit_test(nearest_names),
		cmocka_unit_test(errors_are_wrapped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
