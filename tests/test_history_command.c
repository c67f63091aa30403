/* test_history_command.c — starling history and starling collect as a person calls them. */
#include "daemon/cli/common/command.h"
#include "tests/support/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char printed[16384];

/* Runs a subcommand; what it prints on both streams is in `printed`. */
static int call(const struct sl_command *command, const char *a, const char *b, const char *c, const char *d)
{
	char name[32], *argv[6] = { name };
	int argc = 1, keep[2] = { dup(1), dup(2) };
	const char *const word[] = { a, b, c, d };
	snprintf(name, sizeof name, "%s", command->name);
	for (int i = 0; i < 4 && word[i]; i++)
		argv[argc++] = strdup(word[i]);
	FILE *file = tmpfile();
	assert_non_null(file);
	fflush(stdout);
	dup2(fileno(file), 1);
	dup2(fileno(file), 2);
	int code = command->run(argc, argv);
	fflush(stdout);
	for (int i = 0; i < 2; i++) {
		dup2(keep[i], i + 1);
		close(keep[i]);
	}
	rewind(file);
	printed[fread(printed, 1, sizeof printed - 1, file)] = 0;
	fclose(file);
	while (argc > 1)
		free(argv[--argc]);
	return code;
}

static void says(const char *text)
{
	if (!strstr(printed, text))
		fail_msg("\"%s\" is not in:\n%s", text, printed);
}

static void says_not(const char *text)
{
	if (strstr(printed, text))
		fail_msg("\"%s\" is in:\n%s", text, printed);
}

static void add_run(struct sl_history *h, const char *name, const char *algorithm, int64_t payload,
                    double accuracy)
{
	char run_id[64];
	snprintf(run_id, sizeof run_id, "%s-0123", name);
	struct sl_history_run run = { .run_id = run_id,
		                      .name = name,
		                      .algorithm = algorithm,
		                      .compress = "topk:0.05 | \"x\"",
		                      .model = "softmax",
		                      .peers = 2,
		                      .dimension = 1000,
		                      .started_at_us = 1000000 };
	assert_ok(sl_history_register_run(h, &run, &test_error));
	add_peers(h, 2, 1);
	for (uint32_t p = 0; p < 2; p++) {
		struct sl_round_row r = row_of(p, 9);
		r.at_us = 3500000;
		r.payload_tx = payload;
		r.wire_tx = -1;
		r.test_accuracy = accuracy + (p ? 0.1 : -0.1);
		assert_ok(sl_history_round(h, &r, &test_error));
	}
	assert_ok(sl_history_exact(h, 9, 0.015625, &test_error));
	assert_ok(sl_history_commit(h, false, &test_error));
}

static void one_run_is_summarised(void **state)
{
	(void)state;
	struct sl_history *h = must_open("history.db");
	add_run(h, "lone", "malcom", 800, 0.75);
	sl_history_close(h);
	assert_int_equal(call(&sl_command_history, test_path(""), NULL, NULL, NULL),
	                 SL_EXIT_OK); /* the folder */
	says("lone-0123");
	says("0.7500");
	says("0.6500");
	says("1.6 kB");
	says("98.00 %");
	says("0.01562");
	says("1.5 s"); /* since the peers began */
	says_not("against");
}

static void several_runs_are_compared(void **state)
{
	(void)state;
	struct sl_history *h = must_open("h.db");
	add_run(h, "sparse", "malcom", 800, 0.75);
	struct sl_event_row event = { .level = SL_LEVEL_ERROR, .kind = "digest" };
	assert_ok(sl_history_event(h, &event, &test_error));
	assert_ok(sl_history_commit(h, false, &test_error));
	add_run(h, "whole", "dpsgd", 40000, 0.76);
	struct sl_history_run empty = {
		.run_id = "empty-1", .name = "empty", .algorithm = "choco", .peers = 4
	};
	assert_ok(sl_history_register_run(h, &empty, &test_error));
	sl_history_close(h);
	assert_int_equal(call(&sl_command_history, test_path("h.db"), NULL, NULL, NULL), SL_EXIT_OK);
	says("against whole:\n");
	says(
	    "  sparse: accuracy -1.00 points, 50.0 times less payload, the same consensus error, the same time\n");
	says("  empty: accuracy unknown (different model, number of peers, number of rounds)\n");
	says("sparse: events of level warning or error: 1. To list them: sqlite3 ");
	/* Columns stand under each other. */
	const char *first = printed, *second = strchr(first, '\n') + 1;
	const char *title_end = strstr(first, "accuracy") + strlen("accuracy");
	const char *empty_cell = second + (title_end - first) - 1;
	assert_int_equal(*empty_cell, '-');
	assert_int_equal(empty_cell[-1], ' ');

	assert_int_equal(call(&sl_command_history, test_path("h.db"), "--run", "sparse", NULL), SL_EXIT_OK);
	says("sparse-0123");
	says_not("whole");
	assert_int_equal(call(&sl_command_history, test_path("h.db"), "--json", NULL, NULL), SL_EXIT_OK);
	says("\"compress\": \"topk:0.05 | \\\"x\\\"\"");
	says("\"wire_bytes\": null");
	says("\"saved\": 0.98");
	assert_int_equal(printed[0], '[');
}

static void mistakes_are_named(void **state)
{
	(void)state;
	sl_history_close(must_open("h.db"));
	assert_int_equal(call(&sl_command_history, test_path("h.db"), NULL, NULL, NULL), SL_EXIT_OK);
	says("contains no run yet");
	assert_int_equal(call(&sl_command_history, test_path("h.db"), "--json", NULL, NULL), SL_EXIT_OK);
	assert_string_equal(strchr(printed, '['), "[]\n");
	assert_int_equal(call(&sl_command_history, test_path("h.db"), "--run", "x", NULL), SL_EXIT_MISUSE);
	says("no run has the name or run_id 'x'");
	assert_int_equal(call(&sl_command_history, NULL, NULL, NULL, NULL), SL_EXIT_MISUSE);
	says("DB is missing: ");
	assert_int_equal(call(&sl_command_history, "a", "b", NULL, NULL), SL_EXIT_MISUSE);
	says("unexpected argument 'b'");
	assert_int_equal(call(&sl_command_history, test_path("none.db"), NULL, NULL, NULL), SL_EXIT_MISUSE);
	says("none.db: No such file");
	assert_int_equal(call(&sl_command_collect, test_path("all.db"), NULL, NULL, NULL), SL_EXIT_MISUSE);
	says("DB is missing: ");
	/* A bad source is found before anything is made. */
	assert_int_equal(
	    call(&sl_command_collect, test_path("all.db"), test_path("h.db"), test_path("none.db"), NULL),
	    SL_EXIT_MISUSE);
	says("none.db: No such file");
	assert_int_not_equal(access(test_path("all.db"), F_OK), 0);
	assert_int_equal(call(&sl_command_collect, test_path("h.db"), test_path("h.db"), NULL, NULL),
	                 SL_EXIT_MISUSE);
	says("cannot be collected into itself");
}

static void histories_are_collected(void **state)
{
	(void)state;
	struct sl_history *h = must_open("1.db");
	add_run(h, "one", "malcom", 800, 0.75);
	sl_history_close(h);
	h = must_open("2.db");
	add_run(h, "two", "malcom", 800, 0.75);
	assert_int_equal(
	    call(&sl_command_collect, test_path("all.db"), test_path("1.db"), test_path("2.db"), NULL),
	    SL_EXIT_OK); /* while one is in use */
	assert_string_equal(printed, "");
	sl_history_close(h);
	assert_int_equal(count_from("all.db", "SELECT count(*) FROM summary WHERE rounds = 10"), 2);
}

/* A database from elsewhere: what a terminal or a shell would obey is shown, not done. */
static void what_others_wrote_is_harmless(void **state)
{
	(void)state;
	struct sl_history *h = must_open("h.db");
	for (int i = 0; i < 2; i++) {
		const char *id = i ? "x'; DROP TABLE run; --$(touch /tmp/x)`\""
		                   : "\x1b]0;owned\a\xc2\x9b"
		                     "31m-1";
		struct sl_history_run run = { .run_id = id,
			                      .name = i ? "two\nlines"
			                                : "\x1b[2Jname\xe2\x80\xae"
			                                  "eman",
			                      .algorithm = "\x1b[31mred\xff",
			                      .topology = "\r ring",
			                      .compress = "\x7f",
			                      .model = "softmax",
			                      .peers = 1,
			                      .dimension = 10 };
		assert_ok(sl_history_register_run(h, &run, &test_error));
		add_peers(h, 1, 1);
		struct sl_round_row r = row_of(0, 9);
		assert_ok(sl_history_round(h, &r, &test_error));
		struct sl_event_row event = { .level = SL_LEVEL_ERROR, .kind = "digest" };
		assert_ok(sl_history_event(h, &event, &test_error));
		assert_ok(sl_history_commit(h, false, &test_error));
		for (int is_json = 0; is_json < 2; is_json++) {
			call(&sl_command_history, test_path("h.db"), is_json ? "--json" : NULL, NULL, NULL);
			for (const char *p = printed; *p; p++)
				assert_true((unsigned char)*p >= ' ' ? *p != 127 : *p == '\n');
			says_not("\xc2\x9b");
			assert_null(memchr(printed, 0xff, strlen(printed)));
			if (is_json)
				continue;
			says(i ? "two\\x0alines" : "\\x1b]0;owned\\x07\\xc2\\x9b31m-1");
			says("\\x1b[31mred\\xff");
			says_not("DROP TABLE run; --$(touch /tmp/x)`\"'");
			says(i ? "run_id = CAST(x'78273b2044524f50205441424c452072756e3b202d2d24"
			       : "run_id = CAST(x'1b5d303b6f776e656407c29b33316d2d31' AS TEXT)");
		}
	}
	sl_history_close(h);
}

int main(void)
{
#define in_folder(test) cmocka_unit_test_setup_teardown(test, test_folder_make, test_folder_remove)
	const struct CMUnitTest tests[] = {
		in_folder(one_run_is_summarised),         in_folder(several_runs_are_compared),
		in_folder(what_others_wrote_is_harmless), in_folder(mistakes_are_named),
		in_folder(histories_are_collected),
	};
	return cmocka_run_group_tests_name("history command", tests, NULL, NULL);
}
