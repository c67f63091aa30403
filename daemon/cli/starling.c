/* starling.c — the command line: a table of subcommands, and a main that picks one. */
#include "daemon/cli/commands.h"
#include "daemon/run/blas.h"
#include "daemon/run/process.h"
#include "daemon/run/starlingd_usage.h"

#include <stdlib.h>
#include <string.h>

static const char notes[] =
    "RUN is the folder of a run, DB a history database. `starling COMMAND --help` explains a command; see also\n"
    "starling(1) and starling.conf(5). A first run:\n"
    "  starling init /tmp/ring --topology ring:8 && starling up /tmp/ring\n";

static int help(FILE *out)
{
	fputs("usage: starling COMMAND [ARGUMENT]...\n"
	      "Peers learn a shared model by exchanging compressed differences with their neighbours.\n\n",
	      out);
	for (const struct sl_command *const *c = sl_commands; *c; c++)
		fprintf(out, "  %-10s  %s\n", (*c)->name, (*c)->usage.doc);
	fputs("\n  --help     print this text\n  --version  print the version\n\n", out);
	fputs(notes, out);
	return SL_EXIT_OK;
}

static int help_on(const struct sl_usage *usage)
{
	sl_usage_print(stdout, usage);
	return SL_EXIT_OK;
}

static int unknown(const char *word)
{
	const char *names[32];
	size_t count = 0;
	for (const struct sl_command *const *c = sl_commands; *c && count < 32; c++)
		names[count++] = (*c)->name;
	const char *near = sl_nearest(word, names, count);
	fprintf(stderr, "starling: unknown %s '%s'", word[0] == '-' ? "option" : "command", word);
	if (near)
		fprintf(stderr, "; did you mean %s?", near);
	fputs(" (starling --help lists the commands)\n", stderr);
	return SL_EXIT_MISUSE;
}

/* Only what multiplies matrices, or says how: the other commands start at once. */
static bool multiplies(const char *word)
{
	static const char *const words[] = { "init", "up", "sim", "predict", "--version", "-V" };
	for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
		if (word && strcmp(words[i], word) == 0)
			return true;
	return false;
}

static int print_version(void)
{
	char blas[SL_BLAS_TEXT];
	printf("starling %s\n%s\n", SL_VERSION, sl_blas_describe(blas));
	return SL_EXIT_OK;
}

static int dispatch(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;
	if (!word) {
		help(stderr);
		return SL_EXIT_MISUSE;
	}
	if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
		return print_version();
	bool asks = strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
	if (asks && argc == 2)
		return help(stdout);
	if (asks)
		word = argv[2];
	for (const struct sl_command *const *c = sl_commands; *c; c++)
		if (strcmp((*c)->name, word) == 0)
			return asks ? help_on(&(*c)->usage) : (*c)->run(argc - 1, argv + 1);
	if (asks && strcmp(word, "starlingd") == 0)
		return help_on(&sl_starlingd_usage);
	return unknown(word);
}

int main(int argc, char **argv)
{
	struct sl_error error;
	sl_process_start();
	if (argc > 1 && multiplies(argv[1]) && sl_blas_settle(argv, &error) != SL_OK) {
		fprintf(stderr, "starling: %s\n", error.text);
		return sl_process_end("starling", SL_EXIT_MISUSE);
	}
	return sl_process_end("starling", dispatch(argc, argv));
}
