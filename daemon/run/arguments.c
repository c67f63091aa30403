#include "daemon/run/arguments.h"

#include "daemon/run/option_text.h"

#include <getopt.h>
#include <string.h>

enum { ARGUMENTS_MAX = 48, OPERANDS_MAX = 8, LONG = 256 /* above every letter */, COLUMN_MAX = 32 };

/* Input of getopt_long, made from the table. */
struct table {
	char letters[2 * ARGUMENTS_MAX + 2];
	struct option option[ARGUMENTS_MAX + 1];
	bool given[ARGUMENTS_MAX];
	unsigned count;
};

static void make_table(struct table *t, const struct sl_argument *a)
{
	char *letter = t->letters;
	*t = (struct table){ 0 };
	*letter++ = ':'; /* no message from getopt, and another result for a missing value */
	for (; a->option.name; a++, t->count++) {
		SL_CHECK(t->count < ARGUMENTS_MAX);
		t->option[t->count] =
		    (struct option){ a->option.name, a->value ? required_argument : no_argument, NULL,
			             LONG + (int)t->count };
		if (!a->letter)
			continue;
		*letter++ = a->letter;
		if (a->value)
			*letter++ = ':';
	}
}

static const struct sl_argument *find(const struct sl_usage *usage, int found)
{
	const struct sl_argument *a = usage->arguments;
	if (found >= LONG)
		return a + (found - LONG);
	while (a->option.name && a->letter != found)
		a++;
	return a->option.name ? a : NULL;
}

/* Reports a long option that is unknown or ambiguous. */
static void unknown_long(const struct sl_usage *usage, const char *word, struct sl_error *error)
{
	char name[SL_TEXT_MAX], all[SL_TEXT_MAX] = "";
	const char *names[ARGUMENTS_MAX];
	size_t count = 0, similar = 0, length = strcspn(word, "=");
	snprintf(name, sizeof name, "%.*s", (int)length, word);
	for (const struct sl_argument *a = usage->arguments; a->option.name; a++) {
		size_t used = strlen(all);
		names[count++] = a->option.name;
		if (strncmp(a->option.name, name + 2, strlen(name + 2)) == 0)
			snprintf(all + used, sizeof all - used, "%s--%s", similar++ ? ", " : "",
			         a->option.name);
	}
	const char *near = sl_nearest(name + 2, names, count);
	if (similar > 1)
		sl_fail(error, SL_NOT_FOUND, "option '%s' is ambiguous: %s", name, all);
	else if (near)
		sl_fail(error, SL_NOT_FOUND, "unknown option '%s'; did you mean --%s?", name, near);
	else
		sl_fail(error, SL_NOT_FOUND, "unknown option '%s'", name);
}

/* The option that getopt refused: it has moved past a long option, but not past a letter inside a word. */
static int misuse(const struct sl_usage *usage, int result, const char *word, struct sl_error *error)
{
	const struct sl_argument *a = optopt ? find(usage, optopt) : NULL;
	if (a && result == ':')
		sl_fail(error, SL_MALFORMED, "option --%s needs a value: %s", a->option.name, a->value);
	else if (a)
		sl_fail(error, SL_MALFORMED, "option --%s takes no value", a->option.name);
	else if (optopt)
		sl_fail(error, SL_NOT_FOUND, "unknown option '-%c'", optopt);
	else
		unknown_long(usage, word, error);
	return '?';
}

static enum sl_status take(const struct sl_argument *a, void *record, const char *text,
                           struct sl_error *error)
{
	char name[64];
	struct sl_argument named = *a; /* so that errors begin with the option as it is typed */
	snprintf(name, sizeof name, "--%s", a->option.name);
	named.option.name = name;
	if (!a->value)
		text = "yes";
	return a->take ? a->take(&named, record, text, error)
	               : sl_option_set(&named.option, record, text, error);
}

static enum sl_status check_words(const struct sl_operand *operand, const char *text, struct sl_error *error)
{
	const char *names[ARGUMENTS_MAX];
	size_t count = 0;
	for (const char *word; (word = operand->words(count)) != NULL; count++) {
		if (strcmp(word, text) == 0)
			return SL_OK;
		SL_CHECK(count < ARGUMENTS_MAX);
		names[count] = word;
	}
	return sl_unknown(operand->name, text, names, count, error);
}

static enum sl_status check_operands(const struct sl_operand *o, char **text, struct sl_error *error)
{
	for (; o && o->name; o++) {
		if (!*text && !o->optional)
			return sl_fail(error, SL_MALFORMED, "%s is missing: %s", o->name, o->doc);
		if (!*text)
			return SL_OK;
		if (o->words && check_words(o, *text, error) != SL_OK)
			return error->status;
		text++;
		while (o->many && *text)
			text++;
	}
	return *text ? sl_fail(error, SL_MALFORMED, "unexpected argument '%s'", *text) : SL_OK;
}

static enum sl_status check_given(const struct sl_usage *usage, const struct table *t, struct sl_error *error)
{
	for (unsigned i = 0; i < t->count; i++) {
		const struct sl_argument *a = &usage->arguments[i];
		if (a->required && !t->given[i])
			return sl_fail(error, SL_MALFORMED, "--%s %s is missing: %s", a->option.name,
			               a->value, a->option.doc);
	}
	return SL_OK;
}

int sl_arguments_parse(const struct sl_usage *usage, int argc, char **argv, void *record, char ***operands,
                       struct sl_error *error)
{
	struct table t;
	make_table(&t, usage->arguments);
	for (const struct sl_argument *a = usage->arguments; a->option.name; a++)
		if (a->option.standard &&
		    sl_option_set(&a->option, record, a->option.standard, error) != SL_OK)
			sl_panic(__FILE__, __LINE__, error->text);
	opterr = optind = 0; /* 0: getopt begins anew */
	for (int found; (found = getopt_long(argc, argv, t.letters, t.option, NULL)) != -1;) {
		if (found == '?' || found == ':')
			return misuse(usage, found, argv[optind > 1 ? optind - 1 : 1], error);
		const struct sl_argument *a = find(usage, found);
		if (a->stops)
			return a->letter;
		t.given[a - usage->arguments] = true;
		if (take(a, record, optarg, error) != SL_OK)
			return '?';
	}
	*operands = argv + optind;
	return check_operands(usage->operands, *operands, error) == SL_OK &&
	               check_given(usage, &t, error) == SL_OK
	           ? 0
	           : '?';
}

/* ---- the help ---- */

static void print_head(const struct sl_argument *a, char *out, size_t size)
{
	char letter[8] = "    ";
	if (a->letter)
		snprintf(letter, sizeof letter, "-%c, ", a->letter);
	snprintf(out, size, "%s--%s%s%s", letter, a->option.name, a->value ? " " : "",
	         a->value ? a->value : "");
}

static void print_item(FILE *out, const char *head, const char *text, size_t column)
{
	char indent[COLUMN_MAX + 8];
	snprintf(indent, sizeof indent, "%*s", (int)column, "");
	if (strlen(head) + 4 > column)
		fprintf(out, "  %s\n%s", head, indent);
	else
		fprintf(out, "  %-*s  ", (int)column - 4, head);
	sl_option_text_wrap(out, text, column, indent, sl_option_text_page());
}

static void print_operand(FILE *out, const struct sl_operand *o, size_t column)
{
	char text[1024];
	size_t used = (size_t)snprintf(text, sizeof text, "%s", o->doc);
	const char *word;
	for (size_t i = 0; o->words && (word = o->words(i)) != NULL && used < sizeof text; i++)
		used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i ? ", " : ": ", word);
	print_item(out, o->name, text, column);
}

static void print_argument(FILE *out, const struct sl_argument *a, size_t column)
{
	char head[64], details[2 * SL_TEXT_MAX] = "", text[1024];
	print_head(a, head, sizeof head);
	if (a->value && !a->take)
		sl_option_text_details(&a->option, details, sizeof details);
	snprintf(text, sizeof text, "%s%s%s", a->option.doc, a->many ? "; may be repeated" : "", details);
	print_item(out, head, text, column);
}

static size_t column_of(const struct sl_usage *usage)
{
	size_t column = 0;
	char head[64];
	for (const struct sl_argument *a = usage->arguments; a->option.name; a++) {
		print_head(a, head, sizeof head);
		if (strlen(head) > column && strlen(head) + 4 <= COLUMN_MAX)
			column = strlen(head);
	}
	return column + 4;
}

void sl_usage_print(FILE *out, const struct sl_usage *usage)
{
	size_t column = column_of(usage);
	for (size_t i = 0; usage->forms[i]; i++)
		fprintf(out, "%s %s%s%s [OPTION]...\n", i ? "      " : "usage:", usage->program,
		        usage->forms[i][0] ? " " : "", usage->forms[i]);
	fprintf(out, "\n%s\n", usage->text);
	for (const struct sl_operand *o = usage->operands; o && o->name; o++)
		print_operand(out, o, column);
	for (const struct sl_argument *a = usage->arguments; a->option.name; a++)
		print_argument(out, a, column);
	if (usage->after)
		fprintf(out, "\n%s", usage->after);
}
