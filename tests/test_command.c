/* What the subcommands of starling share: status lines, commented configurations, arguments, ports. */
#include "daemon/cli/common/command_line.h"
#include "daemon/run/option_text.h"
#include "daemon/run/config.h"
#include "daemon/cli/common/ports.h"
#include "daemon/run/status_view.h"
#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char status_line[] =
    "{\"peer\":3,\"pid\":123,\"phase\":\"waiting\",\"round\":17,\"rounds\":1500,\"train_loss\":0.61,\"test_accuracy\":null,\"nonzero\":90123,\"payload_tx\":12345678901,\"payload_rx\":124,\"wire_tx\":1,\"wire_rx\":null,\"edges_up\":1,\"edges\":2,\"links\":["
    "{\"neighbour\":2,\"up\":true,\"late\":false,\"waited_for\":false,\"behind\":0,\"their_round\":17,\"heard_ms\":3},{\"neighbour\":4,\"up\":false,\"late\":true,\"waited_for\":true,\"behind\":2,\"their_round\":15,\"heard_"
    "ms\":4200}]}";

static void test_status_line(void **state)
{
	(void)state;
	struct sl_status_view v;
	char doing[160];
	assert_true(sl_status_view_parse(&v, status_line));
	assert_int_equal(v.peer, 3);
	assert_string_equal(v.phase, "waiting");
	assert_int_equal(v.round, 17);
	assert_true(fabs(v.train_loss - 0.61) < 1e-12);
	assert_true(isnan(v.test_accuracy));
	assert_true(v.payload_tx == INT64_C(12345678901));
	assert_int_equal(v.wire_rx, -1);
	assert_int_equal(v.waits, 1);
	assert_int_equal(v.wait[0], 4);
	sl_status_view_doing(&v, doing, sizeof doing);
	assert_string_equal(doing, "waiting for 4 (silent for 4.2 s); 4 is 2 rounds behind");
}

/* Cut or damaged anywhere, a line is refused or read, and never overrun; what is refused is empty. */
static void test_status_line_damaged(void **state)
{
	(void)state;
	struct sl_status_view v;
	struct sl_random g = sl_random_stream(7, 0, "damage", 0);
	for (size_t n = 0; n < sizeof status_line - 1; n++) {
		char *cut = strndup(status_line, n);
		assert_false(sl_status_view_parse(&v, cut));
		assert_int_equal(v.peer, -1);
		free(cut);
	}
	for (unsigned i = 0; i < 20000; i++) {
		char *line = strdup(status_line);
		for (unsigned k = 0; k < 3; k++)
			line[sl_random_below(&g, sizeof status_line - 1)] =
			    (char)(1 + sl_random_below(&g, 127));
		if (!sl_status_view_parse(&v, line))
			assert_int_equal(v.peer, -1);
		free(line);
	}
}

static void test_status_line_many_waits(void **state)
{
	(void)state;
	struct sl_status_view v;
	char doing[160], line[2048] = "{\"peer\":0,\"phase\":\"waiting\",\"links\":[";
	for (unsigned k = 1; k <= 9; k++) {
		size_t used = strlen(line);
		snprintf(line + used, sizeof line - used,
		         "%s{\"neighbour\":%u,\"waited_for\":true,\"heard_ms\":5}", k > 1 ? "," : "", k);
	}
	strcat(line, "]}\n");
	assert_true(sl_status_view_parse(&v, line));
	sl_status_view_doing(&v, doing, sizeof doing);
	assert_string_equal(doing, "waiting for 1, 2, 3, 4 and 5 more");
}

static void test_status_line_without_history(void **state)
{
	(void)state;
	struct sl_status_view v;
	char doing[160];
	assert_true(sl_status_view_parse(&v, "{\"peer\":0,\"phase\":\"computing\",\"history_error\":null}"));
	sl_status_view_doing(&v, doing, sizeof doing);
	assert_string_equal(doing, "computing");
	assert_true(sl_status_view_parse(
	    &v,
	    "{\"peer\":0,\"phase\":\"computing\",\"history_error\":\"h.db: disk is full\",\"history_since_us\":1000000000000000,\"rows_lost\":7}"));
	sl_status_view_doing(&v, doing, sizeof doing);
	assert_string_equal(
	    doing, "computing; no history since 2001-09-09T01:46:40Z (7 rows lost): h.db: disk is full");
}

/* A commented configuration parses back to the settings that it was written from. */
static void test_commented_round_trip(void **state)
{
	(void)state;
	static struct sl_config config;
	static char meant[16384], found[16384];
	char path[] = "/tmp/starling-test-XXXXXX";
	struct sl_overrides set = { 0 };
	struct sl_error error;
	sl_overrides_add(&set, &error, "run.rounds=77");
	sl_overrides_add(&set, &error, "algorithm.lambda=0.25");
	sl_overrides_add(&set, &error, "run.round_timeout=never");
	sl_overrides_add(&set, &error, "compress.pipeline=all | float32 | raw");
	assert_int_equal(sl_config_standard(&config, set.item, &error), SL_OK);
	sl_overrides_free(&set);
	int fd = mkstemp(path);
	FILE *out = fdopen(fd, "w");
	assert_non_null(out);
	sl_option_text_write(out, &config.settings);
	fclose(out);
	sl_run_settings_print(&config.settings, SL_SCOPES_ALL, meant, sizeof meant);
	assert_int_equal(sl_config_load(&config, path, NULL, &error), SL_OK);
	unlink(path);
	sl_run_settings_print(&config.settings, SL_SCOPES_ALL, found, sizeof found);
	assert_string_equal(found, meant);
}

static void test_overrides(void **state)
{
	(void)state;
	struct sl_overrides set = { 0 };
	struct sl_error error;
	assert_int_equal(sl_overrides_add(&set, &error, "run.name=%s", "a=b.c"), SL_OK);
	assert_int_equal(sl_overrides_add(&set, &error, "data.test="), SL_OK);
	static const char *const wrong[] = { "",       "run",     "run.name", "=",        ".=",
		                             "run.=x", ".name=x", "run=x.y",  "runname=1" };
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(sl_overrides_add(&set, &error, "%s", wrong[i]), SL_MALFORMED);
	assert_int_equal(set.count, 2);
	assert_string_equal(set.item[0], "run.name=a=b.c");
	assert_null(set.item[2]);
	sl_overrides_free(&set);
	assert_int_equal(set.count, 0);
}

static void test_bytes(void **state)
{
	(void)state;
	static const struct {
		int64_t bytes;
		const char *text;
	} cases[] = {
		{ 0, "0 B" },         { 999, "999 B" },     { 1000, "1.0 kB" },      { 99949, "99.9 kB" },
		{ 999499, "999 kB" }, { 999500, "1.0 MB" }, { 25000000, "25.0 MB" }, { INT64_MAX, "9.2 EB" }
	};
	char text[32];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		sl_bytes_text(cases[i].bytes, text, sizeof text);
		assert_string_equal(text, cases[i].text);
	}
}

static void test_json(void **state)
{
	(void)state;
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	sl_json_text(out, "a\"b\\c\nd γ");
	/* No UTF-8: a lone byte, an overlong slash, a surrogate, beyond the last, a character cut off. */
	sl_json_text(out, "\xff|\xc0\xaf|\xed\xa0\x80|\xf4\x90\x80\x80|\xf0\x9f\x98\x80|\xe2\x82");
	sl_json_real(out, 0.1);
	putc(' ', out);
	sl_json_real(out, (double)INFINITY);
	fclose(out);
	assert_string_equal(text,
	                    "\"a\\\"b\\\\c\\u000ad γ\""
	                    "\"\\ufffd|\\ufffd\\ufffd|\\ufffd\\ufffd\\ufffd|\\ufffd\\ufffd\\ufffd\\ufffd|"
	                    "\xf0\x9f\x98\x80|\\ufffd\\ufffd\"0.1 null");
	free(text);
}

static void test_ports(void **state)
{
	(void)state;
	enum { COUNT = 200 };
	uint16_t port[COUNT];
	struct sl_error error;
	assert_int_equal(sl_ports_choose(port, COUNT, &error), SL_OK);
	for (unsigned i = 0; i < COUNT; i++)
		for (unsigned j = 0; j < i; j++)
			assert_int_not_equal(port[i], port[j]);
	assert_int_equal(sl_ports_choose(port, 0, &error), SL_OK);
	assert_int_equal(sl_port_of("tcp://127.0.0.1:41000"), 41000);
	assert_int_equal(sl_port_of("tcp://127.0.0.1:99999"), 0);
	assert_int_equal(sl_port_of("tcp://10.0.0.1:41000"), 0);
	assert_int_equal(sl_port_of("tcp://127.0.0.1:41x"), 0);
}

static void test_wrap(void **state)
{
	(void)state;
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	sl_option_text_wrap(out, "one two three four", 3, "; ", 10);
	fclose(out);
	assert_string_equal(text, "one two\n; three\n; four\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status_line),
		cmocka_unit_test(test_status_line_damaged),
		cmocka_unit_test(test_status_line_many_waits),
		cmocka_unit_test(test_status_line_without_history),
		cmocka_unit_test(test_commented_round_trip),
		cmocka_unit_test(test_overrides),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_wrap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
