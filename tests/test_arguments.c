/* Command lines: every option of every table, in each of its forms, and what is refused. */
#include "daemon/cli/commands.h"
#include "daemon/run/option_text.h"
#include "daemon/run/starlingd_usage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WORDS_MAX = 24, RECORD = 1 << 20 };

static _Alignas(16) unsigned char record[RECORD]; /* room for the record of any command */
static struct sl_error error;
static char **operands;

/* Of the last call: the overrides in its record are freed. */
static const struct sl_usage *parsed;

static void release(void)
{
	for (const struct sl_argument *a = parsed ? parsed->arguments : NULL; a && a->option.name; a++)
		if (a->take == sl_overrides_take)
			sl_overrides_free((void *)(record + a->option.offset));
	memset(record, 0, sizeof record);
}

/* Parses the words up to NULL after the program's name. */
static int parse(const struct sl_usage *usage, const char *const *words)
{
	static char *argv[WORDS_MAX + 2]; /* operands point into it */
	int argc = 1;
	memset(argv, 0, sizeof argv);
	argv[0] = (char *)(uintptr_t) "program";
	for (; words[argc - 1]; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc - 1];
	release();
	parsed = usage;
	error.text[0] = '\0';
	operands = NULL;
	return sl_arguments_parse(usage, argc, argv, record, &operands, &error);
}

/* Calls `each` for every option of starling and starlingd. */
static void all_options(void (*each)(const struct sl_usage *, const struct sl_argument *))
{
	const struct sl_usage *usage = &sl_starlingd_usage;
	for (size_t i = 0; usage; usage = sl_commands[i] ? &sl_commands[i++]->usage : NULL)
		for (const struct sl_argument *a = usage->arguments; a->option.name; a++)
			each(usage, a);
}

/* A value that an option takes. */
static const char *good_value(const struct sl_argument *a)
{
	static char text[SL_TEXT_MAX];
	const struct sl_option *o = &a->option;
	if (a->take)
		return strcmp(o->name, "set") == 0     ? "run.rounds=7"
		       : strcmp(o->name, "rate") == 0  ? "256kbit"
		       : strcmp(o->name, "queue") == 0 ? "64kB"
		                                       : "3";
	switch (o->type) {
	case SL_OPTION_U32:
	case SL_OPTION_U64:
	case SL_OPTION_REAL:
		snprintf(text, sizeof text, "%.0f", o->min);
		return text;
	case SL_OPTION_DURATION:
		return "2s";
	case SL_OPTION_CHOICE:
		snprintf(text, sizeof text, "%.*s", (int)strcspn(o->choices, "|"), o->choices);
		return text;
	default:
		return "value";
	}
}

/* Whether the option needs another one before it: --name needs --add. */
static const char *before(const struct sl_argument *a)
{
	static const char *const details[] = { "name", "key", "neighbours" };
	for (size_t i = 0; i < 3; i++)
		if (a->take && strcmp(a->option.name, details[i]) == 0)
			return "--add=3";
	return "--";
}

/* Parses the form with everything that the command needs besides, and checks the result. */
static void accepts(const struct sl_usage *usage, const struct sl_argument *a, const char *form,
                    const char *value)
{
	const char *words[WORDS_MAX] = { NULL }, *first = before(a);
	char required[8][64];
	size_t n = 0, r = 0;
	if (strcmp(first, "--") != 0)
		words[n++] = first;
	words[n++] = form;
	if (value)
		words[n++] = value;
	for (const struct sl_argument *b = usage->arguments; b->option.name; b++)
		if (b->required && b != a) {
			snprintf(required[r], sizeof *required, "--%s=%s", b->option.name, good_value(b));
			words[n++] = required[r++];
		}
	words[n++] = "--";
	for (const struct sl_operand *o = usage->operands; o && o->name; o++)
		words[n++] = o->words ? o->words(0) : "operand";
	int stop = parse(usage, words);
	if (stop != (a->stops ? a->letter : 0))
		fail_msg("%s %s %s: %d, %s", usage->program, form, value ? value : "", stop, error.text);
	if (a->stops || a->take)
		return;
	char found[SL_TEXT_MAX];
	sl_option_print(&a->option, record, found, sizeof found);
	if (a->option.type == SL_OPTION_SWITCH)
		assert_string_equal(found, "yes");
	else
		assert_string_equal(found, good_value(a));
	if (usage->operands && !usage->operands->words)
		assert_string_equal(operands[0], "operand");
}

/* Long, long with '=', short, attached, and every abbreviation that fits no other option. */
static void accepts_every_form(const struct sl_usage *usage, const struct sl_argument *a)
{
	char form[256];
	const char *value = a->value ? good_value(a) : NULL;
	const char *name = a->option.name;
	for (size_t length = strlen(name); length > 0; length--) {
		unsigned fits = 0;
		for (const struct sl_argument *b = usage->arguments; b->option.name; b++)
			fits += strncmp(b->option.name, name, length) == 0;
		if (fits > 1 && length < strlen(name))
			break;
		snprintf(form, sizeof form, "--%.*s", (int)length, name);
		accepts(usage, a, form, value);
		if (value) {
			snprintf(form, sizeof form, "--%.*s=%s", (int)length, name, value);
			accepts(usage, a, form, NULL);
		}
	}
	if (!a->letter)
		return;
	snprintf(form, sizeof form, "-%c", a->letter);
	accepts(usage, a, form, value);
	if (value) {
		snprintf(form, sizeof form, "-%c%s", a->letter, value);
		accepts(usage, a, form, NULL);
	}
}

static void every_option_is_accepted_in_every_form(void **state)
{
	(void)state;
	all_options(accepts_every_form);
}

static void refuses(const struct sl_usage *usage, const char *form, const char *sentence)
{
	const char *words[] = { form, NULL };
	assert_int_equal(parse(usage, words), '?');
	if (strncmp(error.text, sentence, strlen(sentence)) != 0)
		fail_msg("%s %s: '%s' instead of '%s'", usage->program, form, error.text, sentence);
}

/* A missing value, a value of a switch, a misspelt name, and values out of range. */
static void refuses_every_misuse(const struct sl_usage *usage, const struct sl_argument *a)
{
	char form[256], sentence[512];
	const char *name = a->option.name;
	snprintf(form, sizeof form, "--%s%s", name, a->value ? "" : "=yes");
	snprintf(sentence, sizeof sentence, "option --%s %s%s", name,
	         a->value ? "needs a value: " : "takes no value", a->value ? a->value : "");
	refuses(usage, form, sentence);
	if (a->letter && a->value) {
		snprintf(form, sizeof form, "-%c", a->letter);
		refuses(usage, form, sentence);
	}
	snprintf(form, sizeof form, "--%sq=1", name);
	snprintf(sentence, sizeof sentence, "unknown option '--%sq'; did you mean --%s?", name, name);
	refuses(usage, form, sentence);
	if (a->take || !a->value)
		return;
	static const char *const wrong[] = { "-1", "1e99", "x", "", "99999999999999999999999h" };
	bool numeric = a->option.type <= SL_OPTION_REAL || a->option.type == SL_OPTION_DURATION;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong && numeric; i++) {
		snprintf(form, sizeof form, "--%s=%s", name, wrong[i]);
		snprintf(sentence, sizeof sentence, "--%s = %s: ", name, wrong[i]);
		refuses(usage, form, sentence);
	}
	if (a->option.type == SL_OPTION_CHOICE) {
		snprintf(form, sizeof form, "--%s=nothing", name);
		snprintf(sentence, sizeof sentence, "--%s = nothing: must be one of %s", name,
		         a->option.choices);
		refuses(usage, form, sentence);
	}
}

static void every_misuse_is_refused_by_name(void **state)
{
	(void)state;
	all_options(refuses_every_misuse);
}

static const struct sl_usage *usage_of(const char *name)
{
	for (size_t i = 0; sl_commands[i]; i++)
		if (strcmp(sl_commands[i]->name, name) == 0)
			return &sl_commands[i]->usage;
	fail_msg("no command %s", name);
	return NULL;
}

static void other_misuse_is_named(void **state)
{
	static const struct {
		const char *command, *words[4], *sentence;
	} cases[] = {
		{ "up", { "--re", "run", NULL }, "option '--re' is ambiguous: --resume, --restart" },
		{ "up", { "-x", NULL }, "unknown option '-x'" },
		{ "up", { "--frobnicate", NULL }, "unknown option '--frobnicate'" },
		{ "up", { NULL }, "RUN is missing: the folder of a run" },
		{ "up", { "a", "b", NULL }, "unexpected argument 'b'" },
		{ "up", { "--", "-a", "-b", NULL }, "unexpected argument '-b'" },
		{ "enrol", { NULL }, "--name NAME is missing: name of this host in the run" },
		{ "list", { "modles", NULL }, "unknown KIND 'modles'; did you mean models?" },
		{ "collect", { "a", NULL }, "DB is missing: " },
		{ "roster", { "--key", "00", "run", NULL }, "--key must follow --add or --rotate" },
		{ "roster", { "--name", "x", "run", NULL }, "--name must follow --add" },
		{ "sim",
		  { "--set", "rounds=3", NULL },
		  "--set rounds=3: must be section.key=value, such as" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(parse(usage_of(cases[i].command), cases[i].words), '?');
		if (strncmp(error.text, cases[i].sentence, strlen(cases[i].sentence)) != 0)
			fail_msg("'%s' instead of '%s'", error.text, cases[i].sentence);
	}
}

/* Every option once, with its sentence; no two options share a name or a letter; the forms name no other. */
static void help_has_every_option(void **state)
{
	(void)state;
	const struct sl_usage *usage = &sl_starlingd_usage;
	setenv("COLUMNS", "100000", 1);
	for (size_t i = 0; usage; usage = sl_commands[i] ? &sl_commands[i++]->usage : NULL) {
		char *text = NULL, head[128];
		size_t size;
		FILE *out = open_memstream(&text, &size);
		sl_usage_print(out, usage);
		fclose(out);
		for (const struct sl_argument *a = usage->arguments; a->option.name; a++) {
			snprintf(head, sizeof head, "--%s%s%s ", a->option.name, a->value ? " " : "",
			         a->value ? a->value : "");
			assert_true(strstr(text, head) ||
			            (head[strlen(head) - 1] = '\n', strstr(text, head)));
			assert_non_null(strstr(text, a->option.doc));
			assert_true(a->option.doc[strlen(a->option.doc) - 1] != '.');
			if (a->option.standard && a->option.standard[0]) {
				snprintf(head, sizeof head, "default %s)", a->option.standard);
				assert_non_null(strstr(text, head));
			}
			for (const struct sl_argument *b = usage->arguments; b != a; b++) {
				assert_string_not_equal(a->option.name, b->option.name);
				assert_true(!a->letter || a->letter != b->letter);
			}
		}
		for (const char *const *form = usage->forms; *form; form++)
			for (const char *p = *form; (p = strstr(p, "--")) != NULL; p += 2) {
				snprintf(head, sizeof head, "%.*s", (int)strcspn(p + 2, " ]"), p + 2);
				const struct sl_argument *a = usage->arguments;
				while (a->option.name && strcmp(a->option.name, head) != 0)
					a++;
				assert_non_null(a->option.name);
			}
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_option_is_accepted_in_every_form),
		cmocka_unit_test(every_misuse_is_refused_by_name),
		cmocka_unit_test(other_misuse_is_named),
		cmocka_unit_test(help_has_every_option),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	release();
	return failed;
}
