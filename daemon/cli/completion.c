/* completion.c — the tables of completion as functions of a shell. The code that uses them is in completion/. */
#include "daemon/cli/completion.h"
#include "daemon/run/starlingd_usage.h"
#include "compress/stage.h"
#include "gossip/algorithm.h"
#include "gossip/settings.h"
#include "learn/dataset.h"
#include "learn/model.h"
#include "topology/topology.h"

#include <string.h>

static const char bash_code[] =
#include "completion_bash.inc"
    ;
static const char zsh_code[] =
#include "completion_zsh.inc"
    ;

const char *sl_completion_shell(size_t i)
{
	static const char *const shells[] = { "bash", "zsh" };
	return i < 2 ? shells[i] : NULL;
}

/* ---- names of plug-ins ---- */

/* A colon follows the name of one that does not work without an argument. */
static void print_name(FILE *out, const char *name, const struct sl_option *options)
{
	while (options && options->name && options->standard)
		options++;
	fprintf(out, " %s%s", name, options && options->name ? ":" : "");
}

#define NAMES(kind, registry)                                                                                \
	static void print_##kind(FILE *out)                                                                  \
	{                                                                                                    \
		for (size_t i = 0; registry[i]; i++)                                                         \
			print_name(out, registry[i]->name, registry[i]->options);                            \
	}
NAMES(algorithms, sl_algorithms)
NAMES(selects, sl_selects)
NAMES(quantisers, sl_quantisers)
NAMES(codes, sl_codes)
NAMES(models, sl_models)
NAMES(formats, sl_data_formats)
NAMES(partitions, sl_partitions)

static void print_graphs(FILE *out)
{
	for (size_t i = 0; sl_graphs[i]; i++)
		fprintf(out, " %s:", sl_graphs[i]->name);
}

static void print_settings(FILE *out)
{
	for (const struct sl_settings_section *s = sl_settings_sections; s->name; s++)
		for (const struct sl_option *o = s->options; o->name; o++)
			fprintf(out, " %s.%s=", s->name, o->name);
}

static void print_names(FILE *out)
{
	static const struct {
		const char *kind;
		void (*print)(FILE *);
	} kinds[] = { { "algorithm", print_algorithms }, { "stage0", print_selects },
		      { "stage1", print_quantisers },    { "stage2", print_codes },
		      { "model", print_models },         { "format", print_formats },
		      { "partition", print_partitions }, { "topology", print_graphs },
		      { "setting", print_settings } };
	fputs("_starling_names() {\n\tcase $1 in\n", out);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		fprintf(out, "\t%s) echo '", kinds[i].kind);
		kinds[i].print(out);
		fputs("' ;;\n", out);
	}
	fputs("\tesac\n}\n", out);
}

/* ---- kinds of values ---- */

static void print_kind(FILE *out, enum sl_completion completes)
{
	static const char *const kinds[] = {
		[SL_COMPLETE_NOTHING] = "",          [SL_COMPLETE_FILE] = "file",
		[SL_COMPLETE_FOLDER] = "folder",     [SL_COMPLETE_RUN] = "run",
		[SL_COMPLETE_SETTING] = "setting",   [SL_COMPLETE_ALGORITHM] = "algorithm",
		[SL_COMPLETE_PIPELINE] = "pipeline", [SL_COMPLETE_MODEL] = "model",
		[SL_COMPLETE_FORMAT] = "format",     [SL_COMPLETE_PARTITION] = "partition",
		[SL_COMPLETE_TOPOLOGY] = "topology"
	};
	fputs(kinds[completes], out);
}

static void print_option_kind(FILE *out, const struct sl_option *o)
{
	fputs("echo '", out);
	if (o->choices)
		fputs("words ", out);
	for (const char *p = o->choices; p && *p; p++)
		putc(*p == '|' ? ' ' : *p, out);
	if (!o->choices && o->type == SL_OPTION_SWITCH)
		fputs("words yes no", out);
	else if (!o->choices)
		print_kind(out, o->completes);
	fputs("' ;;\n", out);
}

static void print_setting_kinds(FILE *out)
{
	fputs("_starling_setting() {\n\tcase $1 in\n", out);
	for (const struct sl_settings_section *s = sl_settings_sections; s->name; s++)
		for (const struct sl_option *o = s->options; o->name; o++) {
			fprintf(out, "\t%s.%s) ", s->name, o->name);
			print_option_kind(out, o);
		}
	fputs("\tesac\n}\n", out);
}

/* ---- commands ---- */

/* Calls `each` for every command by the name that completion gives it, starlingd included. */
static void each_usage(FILE *out, const struct sl_command *const *commands,
                       void (*each)(FILE *, const char *name, const struct sl_usage *))
{
	for (; *commands; commands++)
		each(out, (*commands)->name, &(*commands)->usage);
	each(out, sl_starlingd_usage.program, &sl_starlingd_usage);
}

/* What completes the value of an option; fails for an option without a value. */
static void print_values(FILE *out, const char *name, const struct sl_usage *usage)
{
	for (const struct sl_argument *a = usage->arguments; a->option.name; a++) {
		if (!a->value)
			continue;
		fprintf(out, "\t'%s --%s'", name, a->option.name);
		if (a->letter)
			fprintf(out, " | '%s -%c'", name, a->letter);
		fputs(") ", out);
		print_option_kind(out, &a->option);
	}
}

static void print_quoted(FILE *out, const char *text)
{
	for (; *text; text++)
		if (*text == '\'')
			fputs("'\\''", out);
		else
			putc(*text, out);
}

/* Lines "--name:sentence". */
static void print_options(FILE *out, const char *name, const struct sl_usage *usage)
{
	const char *before = "";
	fprintf(out, "\t%s) echo '", name);
	for (const struct sl_argument *a = usage->arguments; a->option.name; a++, before = "\n") {
		fprintf(out, "%s--%s:", before, a->option.name);
		print_quoted(out, a->option.doc);
		if (a->letter) {
			fprintf(out, "\n-%c:", a->letter);
			print_quoted(out, a->option.doc);
		}
	}
	fputs("' ;;\n", out);
}

/* The first operand: where there are more, they complete alike. */
static void print_operand(FILE *out, const char *name, const struct sl_usage *usage)
{
	const struct sl_operand *o = usage->operands;
	const char *word;
	fprintf(out, "\t%s) echo '%s", name, o && o->words ? "words" : "");
	for (size_t i = 0; o && o->words && (word = o->words(i)) != NULL; i++)
		fprintf(out, " %s", word);
	if (o)
		print_kind(out, o->completes);
	fputs("' ;;\n", out);
}

static void print_commands(FILE *out, const struct sl_command *const *commands)
{
	fputs("_starling_commands() {\n\techo '", out);
	for (; *commands; commands++) {
		fprintf(out, "%s:", (*commands)->name);
		print_quoted(out, (*commands)->usage.doc);
		putc('\n', out);
	}
	fputs("--help:print the help\n--version:print the version'\n}\n", out);
}

void sl_completion_write(FILE *out, const char *shell, const struct sl_command *const *commands)
{
	bool zsh = strcmp(shell, "zsh") == 0;
	if (zsh)
		fputs("#compdef starling starlingd\n", out);
	fprintf(out, "# Completion of starling and starlingd, printed by `starling completion %s`.\n", shell);
	print_names(out);
	print_setting_kinds(out);
	print_commands(out, commands);
	fputs("_starling_option() {\n\tcase \"$1 $2\" in\n", out);
	each_usage(out, commands, print_values);
	fputs("\t*) return 1 ;;\n\tesac\n}\n_starling_options() {\n\tcase $1 in\n", out);
	each_usage(out, commands, print_options);
	fputs("\tesac\n}\n_starling_operand() {\n\tcase $1 in\n", out);
	each_usage(out, commands, print_operand);
	fputs("\tesac\n}\n", out);
	fputs(zsh ? zsh_code : bash_code, out);
}
