/* starling.c — the command line: a table of subcommands, and a main that picks one. */
#include "daemon/cli/command_line.h"
#include "daemon/run/process.h"

#include <stdlib.h>
#include <string.h>

/* In the order of the help. */
static const struct sl_command *const commands[] = {
	&sl_command_init,
	&sl_command_up,
	&sl_command_sim,
	&sl_command_status,
	&sl_command_history,
	&sl_command_collect,
	&sl_command_keygen,
	&sl_command_roster,
	&sl_command_topology,
	&sl_command_list,
	NULL,
};

static const char notes[] =
    "RUN is the folder of a run, DB a history database. `starling COMMAND --help` explains a command;\n"
    "starling(1) and starling.conf(5) explain everything. A first run:\n"
    "  starling init /tmp/ring --topology ring:8 && starling up /tmp/ring\n";

static int help(FILE *out)
{
	fputs("usage: starling COMMAND ARGUMENTS...\n"
	      "Peers learn a shared model by gossiping compressed differences with their neighbours.\n\n",
	      out);
	for (const struct sl_command *const *c = commands; *c; c++)
		fprintf(out, "  %-10s %s\n", (*c)->name, (*c)->doc);
	fputs("\n  --help     this text\n  --version  the version\n\n", out);
	fputs(notes, out);
	return SL_EXIT_OK;
}

static int unknown(const char *word)
{
	const char *names[32];
	size_t count = 0;
	for (const struct sl_command *const *c = commands; *c && count < 32; c++)
		names[count++] = (*c)->name;
	const char *near = sl_nearest(word, names, count);
	fprintf(stderr, "starling: unknown %s '%s'", word[0] == '-' ? "option" : "command", word);
	if (near)
		fprintf(stderr, "; did you mean %s?", near);
	fputs(" (starling --help lists the commands)\n", stderr);
	return SL_EXIT_MISUSE;
}

static int dispatch(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;
	if (!word) {
		help(stderr);
		return SL_EXIT_MISUSE;
	}
	if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
		printf("starling %s\n", SL_VERSION);
		return SL_EXIT_OK;
	}
	bool asks = strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
	if (asks && argc == 2)
		return help(stdout);
	if (asks)
		word = argv[2];
	for (const struct sl_command *const *c = commands; *c; c++)
		if (strcmp((*c)->name, word) == 0)
			return asks ? sl_command_help(*c) : (*c)->run(argc - 1, argv + 1);
	return unknown(word);
}

int main(int argc, char **argv)
{
	sl_process_start();
	return sl_process_end("starling", dispatch(argc, argv));
}
