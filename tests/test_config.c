/* run.conf: what is accepted, and the exact sentence for everything that is not. */
#include "base/random.h"
#include "daemon/run/session.h"
#include "gossip/agree.h"
#include "daemon/run/keys.h"
#include "learn/model.h"
#include "tests/support/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct sl_config config; /* large */

/* Loads `text` as run.conf of a fresh folder and gives the sentence behind the folder's name, or "" on
 * success. */
static const char *sentence_of(const char *text, size_t length, const char *const *overrides)
{
	static struct sl_error error;
	folder_make();
	const char *path = folder_write("run.conf", text, length);
	memset(&error, 0, sizeof error);
	enum sl_status status = sl_config_load(&config, path, (char *const *)(uintptr_t)overrides, &error);
	folder_remove();
	if (status == SL_OK)
		return "";
	assert_int_equal(status, error.status);
	assert_null(strchr(error.text, '\n'));
	const char *name = strstr(error.text, "run.conf");
	return name ? name : error.text;
}

static const char *sentence(const char *text)
{
	return sentence_of(text, strlen(text), NULL);
}

static void accepts_what_an_ini_file_may_hold(void **state)
{
	(void)state;
	assert_string_equal(sentence(""), "");
	assert_string_equal(
	    sentence(
	        "\xef\xbb\xbf[run]\r\nrounds=7\r\n; a comment\n# another\n\n"
	        "   [algorithm]   ; blanks in front, a comment behind\n\teta = 0.25 ; falls\n"
	        "[run]\nname : two words # and this\n[compress]\npipeline = topk:0.1 | dither:8 | golomb"),
	    "");
	assert_int_equal(config.settings.method.rounds, 7);
	assert_true(config.settings.method.eta == 0.25);
	assert_string_equal(config.settings.host.name, "two words # and this");
	assert_string_equal(config.settings.method.pipeline, "topk:0.1 | dither:8 | golomb");
}

static void refuses_with_file_line_and_what_would_be_right(void **state)
{
	static const struct {
		const char *text, *sentence;
	} wrong[] = {
		{ "[run]\n[algorithm]\n\neta = 12000\n",
		  "run.conf:4: eta = 12000: must be between 1e-09 and 1000" },
		{ "[algorithm]\neta = fast\n",
		  "run.conf:2: eta = fast: not a number (between 1e-09 and 1000)" },
		{ "[algorithm]\neta = nan\n",
		  "run.conf:2: eta = nan: not a number (between 1e-09 and 1000)" },
		{ "[algorithm]\n eta_schedule = up\n",
		  "run.conf:2: eta_schedule = up: must be one of constant|falling|steps|sqrt" },
		{ "[run]\nrounds = -1\n",
		  "run.conf:2: rounds = -1: not a whole number (between 1 and 4000000000)" },
		{ "[run]\nrounds = 1\nround_timeout = 30\n",
		  "run.conf:3: round_timeout = 30: not a duration (such as 30s, 250ms, 5min, 2h, 30d, or never)" },
		{ "[run]\nroundz = 1\n",
		  "run.conf:2: unknown key in section [run] 'roundz'; did you mean rounds?" },
		{ "\n[algorythm]\n", "run.conf:2: unknown section 'algorythm'; did you mean algorithm?" },
		{ "[zzz]\na = 1\n",
		  "run.conf:1: unknown section 'zzz'; there are run, algorithm, compress, model, data, trainer, limits, history, checkpoint, metrics, privacy" },
		{ "rounds = 1\n",
		  "run.conf:1: 'rounds' is set before the first section; a section begins with a line such as [run]" },
		{ "[run]\nrounds\n", "run.conf:2: neither a [section], a 'key = value', nor a comment" },
		{ "[run\nrounds = 1\n", "run.conf:1: neither a [section], a 'key = value', nor a comment" },
		{ "[run]\nrounds = 1\n[model]\n[run]\nrounds = 2\n",
		  "run.conf:5: [run] rounds is already set in line 2" },
		{ "[algorithm]\n\ngamma = 1.5\n", "run.conf:3: gamma = 1.5: must be between 0 and 1" },
		{ "[algorithm]\n\ngamma = 0\n",
		  "run.conf:3: gamma = 0: must be above 0 and at most 1, or auto" },
		{ "[run]\npace = slow\n",
		  "run.conf:2: [run] pace = slow: must be lockstep, staleness:S with S between 0 and 1000000, or free" },
		{ "[algorithm]\neta_end = 0.5\neta = 0.2\n",
		  "run.conf:2: [algorithm] eta_end = 0.5 is above eta = 0.2: a falling step size cannot end above its start" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_string_equal(sentence(wrong[i].text), wrong[i].sentence);
	const char *start = "run.conf:2: [algorithm] name: unknown algorithm 'malcolm'; did you mean malcom?";
	assert_memory_equal(sentence("[algorithm]\nname = malcolm\n"), start, strlen(start));
}

static void refuses_long_values_instead_of_cutting_them(void **state)
{
	char text[512];
	(void)state;
	for (int length = 180; length < 230; length++) {
		int start = snprintf(text, sizeof text, "[history]\npath = ");
		memset(text + start, 'p', (size_t)length);
		strcpy(text + start + length, "\n[run]\n");
		char expected[200] = "";
		if (length > 191)
			snprintf(expected, sizeof expected, "run.conf:2: path: %d bytes, at most 191 fit",
			         length);
		assert_string_equal(sentence(text), expected);
	}
}

static void refuses_zero_bytes(void **state)
{
	static const char text[] = "[run]\nname = a\0b\n";
	(void)state;
	assert_string_equal(sentence_of(text, sizeof text - 1, NULL),
	                    "run.conf:2: the line contains a zero byte: this is not a text file");
}

static void refuses_a_missing_file(void **state)
{
	struct sl_error error;
	(void)state;
	assert_int_not_equal(sl_config_load(&config, "/nowhere/run.conf", NULL, &error), SL_OK);
	assert_non_null(strstr(error.text, "/nowhere/run.conf: "));
}

static void overrides_come_last_and_name_themselves(void **state)
{
	const char *good[] = { "algorithm.eta=0.5", "algorithm.eta=0.75", "run.name=x=y.z",
		               "data.test=", NULL };
	(void)state;
	const char *text = "[algorithm]\neta = 0.1\neta_schedule = constant\n";
	assert_string_equal(sentence_of(text, strlen(text), good), "");
	assert_true(config.settings.method.eta == 0.75);
	assert_string_equal(config.settings.host.name, "x=y.z");
	static const char *const wrong[][2] = {
		{ "eta=3", "--set eta=3: must be section.key=value, such as algorithm.eta=0.05" },
		{ "algorithm.eta",
		  "--set algorithm.eta: must be section.key=value, such as algorithm.eta=0.05" },
		{ "algorithm.eta=-3", "--set algorithm.eta: eta = -3: must be between 1e-09 and 1000" },
		{ "algorithm.gamma=0",
		  "--set algorithm.gamma: gamma = 0: must be above 0 and at most 1, or auto" },
		{ "algorithm.etta=3",
		  "--set algorithm.etta: unknown key in section [algorithm] 'etta'; did you mean eta?" },
		{ "run.name=a ;b",
		  "--set run.name: name = a ;b: a value cannot begin or end with a blank, or contain ';' at its start or after a blank" },
		{ "run.name= a",
		  "--set run.name: name =  a: a value cannot begin or end with a blank, or contain ';' at its start or after a blank" },
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		const char *overrides[] = { wrong[i][0], NULL };
		assert_string_equal(sentence_of(text, strlen(text), overrides), wrong[i][1]);
	}
}

/* Any configuration that is accepted prints to one that is accepted and prints the same. */
static void prints_what_parses_back(void **state)
{
	static const char *const values[] = { "run.name=a;b",
		                              "run.name=#x",
		                              "run.round_timeout=never",
		                              "run.round_timeout=1500ms",
		                              "algorithm.eta=0.3333333333333333",
		                              "algorithm.lambda=1e-17",
		                              "run.seed=9007199254740991",
		                              "run.pace=staleness:4",
		                              "data.train=/a/%d.idx,/b/%d.idx",
		                              "data.test=",
		                              "compress.pipeline=topk:0.1|dither:8|golomb",
		                              "history.sketch=0",
		                              "run.name==",
		                              "algorithm.eta_schedule=sqrt",
		                              "run.name=[x]",
		                              "checkpoint.every=17" };
	enum { COUNT = sizeof values / sizeof *values };
	(void)state;
	for (uint64_t seed = 0; seed < 60; seed++) {
		struct sl_random g = sl_random_stream(seed, 0, "config", 0);
		const char *overrides[5] = { NULL };
		char first[16384], second[16384];
		for (unsigned i = 0; i < 4; i++)
			overrides[i] = values[sl_random_below(&g, COUNT)];
		assert_string_equal(sentence_of("", 0, overrides), "");
		sl_run_settings_print(&config.settings, SL_SCOPES_ALL, first, sizeof first);
		assert_string_equal(sentence(first), "");
		sl_run_settings_print(&config.settings, SL_SCOPES_ALL, second, sizeof second);
		assert_string_equal(first, second);
	}
}

/* What all hosts of a run share names nothing that each decides for itself. */
static void what_is_shared_has_no_word_of_a_host(void **state)
{
	char text[16384], line[64];
	unsigned hosts = 0;
	(void)state;
	assert_string_equal(sentence_of("", 0, (const char *[]){ NULL }), "");
	for (unsigned all = 0; all < 2; all++) {
		sl_run_settings_print(&config.settings, all ? SL_SCOPES_ALL : SL_SCOPES_SHARED, text,
		                      sizeof text);
		for (const struct sl_settings_section *s = sl_settings_sections; s->name; s++) {
			snprintf(line, sizeof line, "[%s]\n", s->name);
			assert_int_equal(strstr(text, line) != NULL, all || !s->host);
			hosts += s->host;
			for (const struct sl_option *o = s->options; o->name && s->host; o++) {
				snprintf(line, sizeof line, "\n%s = ", o->name);
				assert_true(all || !strstr(text, line));
			}
		}
	}
	assert_true(hosts > 0);
}

static void paths_start_at_the_files_folder_or_at_the_state(void **state)
{
	char path[4096];
	struct sl_error error;
	(void)state;
	unsetenv("STATE_DIRECTORY");
	assert_int_equal(sl_config_load(&config, folder_text("run.conf", ""), NULL, &error), SL_OK);
	sl_config_path(&config, "roster", false, path);
	assert_string_equal(path, folder_path("roster"));
	sl_config_path(&config, "history.db", true, path);
	assert_string_equal(path, folder_path("history.db"));
	sl_config_path(&config, "/abs/x", true, path);
	assert_string_equal(path, "/abs/x");
	setenv("STATE_DIRECTORY", "/var/lib/starling/3:/var/lib/other", 1);
	assert_int_equal(sl_config_load(&config, folder_path("run.conf"), NULL, &error), SL_OK);
	sl_config_path(&config, "history.db", true, path);
	assert_string_equal(path, "/var/lib/starling/3/history.db");
	sl_config_path(&config, "roster", false, path);
	assert_string_equal(path, folder_path("roster"));
	unsetenv("STATE_DIRECTORY");
	assert_int_equal(chdir("/"), 0);
	assert_int_not_equal(sl_config_load(&config, "run.conf-that-is-not-there", NULL, &error), SL_OK);
	assert_string_equal(config.folder, ".");
}

static void fingerprint_covers_what_peers_must_share(void **state)
{
	static const char *const shared[] = { "algorithm.lambda=0.5", "run.seed=2",
		                              "compress.pipeline=all|float32|raw", NULL };
	static const char *const private[] = { "history.path=other.db", "run.link_timeout=9s",
		                               "run.keys=elsewhere",    "run.rounds=7",
		                               "algorithm.eta=0.01",    NULL };
	struct sl_model_instance model = { .layout = { 6, 1, { { "w", 0, 2, 3, false } } } };
	char standard[33], other[33];
	uint64_t run, run_too;
	(void)state;
	sentence("");
	sl_config_fingerprint(&config.settings, &model, standard, &run);
	for (unsigned i = 0; shared[i]; i++) {
		const char *overrides[] = { shared[i], NULL };
		assert_string_equal(sentence_of("", 0, overrides), "");
		sl_config_fingerprint(&config.settings, &model, other, &run_too);
		assert_string_not_equal(standard, other);
		assert_true(run != run_too);
	}
	for (unsigned i = 0; private[i]; i++) {
		const char *overrides[] = { private[i], NULL };
		assert_string_equal(sentence_of("", 0, overrides), "");
		sl_config_fingerprint(&config.settings, &model, other, &run_too);
		assert_string_equal(standard, other);
		assert_true(run == run_too);
	}
	model.layout.own[0] = (struct sl_tensor){ "w", 0, 3, 2, false };
	sl_config_fingerprint(&config.settings, &model, other, &run_too);
	assert_string_not_equal(standard, other);
	static const float zeros[6] = { 0 }, others[6] = { 0, 0, 0, 0, 0, 1 };
	char given[33];
	model.start = zeros;
	sl_config_fingerprint(&config.settings, &model, given, &run_too);
	assert_string_not_equal(given, other);
	model.start = others;
	sl_config_fingerprint(&config.settings, &model, other, &run_too);
	assert_string_not_equal(given, other);
	model.described = (const uint8_t *)"frozen";
	model.described_length = 6;
	sl_config_fingerprint(&config.settings, &model, given, &run_too);
	assert_string_not_equal(given, other);
}

static void sessions_are_drawn_kept_and_checked(void **state)
{
	struct sl_error error;
	static struct sl_session read;
	char id[2][SL_TEXT_MAX + 32];
	uint64_t first = sl_session_draw(), second = sl_session_draw();
	(void)state;
	assert_true(first != 0 && second != 0 && first != second);
	assert_int_equal(sl_config_load(&config, folder_text("run.conf", ""), NULL, &error), SL_OK);
	unlink(folder_path("session"));
	assert_int_equal(sl_session_read(&config, &read, &error), SL_OK);
	assert_true(read.number == 0 && !read.recorded);
	assert_int_not_equal(access(folder_path("session"), F_OK), 0);
	assert_int_equal(sl_session_write(&config, first, NULL, &error), SL_OK);
	assert_int_equal(sl_session_read(&config, &read, &error), SL_OK);
	assert_true(read.number == first && !read.recorded);
	sl_config_run_id(&config.settings, "00", first, id[0]);
	sl_config_run_id(&config.settings, "00", second, id[1]);
	assert_string_not_equal(id[0], id[1]);
	assert_int_equal(strncmp(id[0], "starling-", 9), 0);
	assert_int_equal(strlen(id[0]), 9 + 16);
	static const char *const wrong[] = { "", "12\n", "0123456789abcdeg\n", "0123456789abcdef0\n",
		                             "0123456789ABCDEF\n" };
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		folder_text("session", wrong[i]);
		assert_int_equal(sl_session_read(&config, &read, &error), SL_MALFORMED);
		assert_non_null(strstr(error.text, "session: must contain 16 hex digits on its first line"));
	}
}

/* With the settings that it was begun with, whatever they are; what another version has written is no record.
 */
static void sessions_record_their_settings(void **state)
{
	struct sl_error error;
	static struct sl_session read;
	(void)state;
	assert_int_equal(
	    sl_config_load(&config, folder_text("run.conf", "[algorithm]\nlambda = 0.25\n"), NULL, &error),
	    SL_OK);
	assert_int_equal(sl_session_write(&config, 7, &config.settings, &error), SL_OK);
	assert_int_equal(sl_session_read(&config, &read, &error), SL_OK);
	assert_true(read.number == 7 && read.recorded);
	assert_int_equal(sl_shared_differ(&config.settings, &read.settings), 0);
	folder_text("session", "0000000000000007\n\n[run]\nfrobnicate = 1\n");
	assert_int_equal(sl_session_read(&config, &read, &error), SL_OK);
	assert_true(read.number == 7 && !read.recorded);
}

static int in_folder(void **state)
{
	(void)state;
	folder_make();
	return 0;
}

static int out_of_folder(void **state)
{
	(void)state;
	folder_remove();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_what_an_ini_file_may_hold),
		cmocka_unit_test(refuses_with_file_line_and_what_would_be_right),
		cmocka_unit_test(refuses_long_values_instead_of_cutting_them),
		cmocka_unit_test(refuses_zero_bytes),
		cmocka_unit_test(refuses_a_missing_file),
		cmocka_unit_test(overrides_come_last_and_name_themselves),
		cmocka_unit_test(prints_what_parses_back),
		cmocka_unit_test(what_is_shared_has_no_word_of_a_host),
		cmocka_unit_test_setup_teardown(paths_start_at_the_files_folder_or_at_the_state, in_folder,
		                                out_of_folder),
		cmocka_unit_test(fingerprint_covers_what_peers_must_share),
		cmocka_unit_test_setup_teardown(sessions_are_drawn_kept_and_checked, in_folder,
		                                out_of_folder),
		cmocka_unit_test_setup_teardown(sessions_record_their_settings, in_folder, out_of_folder),
	};
	struct sl_error error;
	if (sl_keys_start(&error) != SL_OK)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
