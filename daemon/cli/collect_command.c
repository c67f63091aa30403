/* collect_command.c — starling collect: histories of peers on many machines become one. */
#include "daemon/cli/command_line.h"
#include "history/history.h"

#include <limits.h>
#include <sys/stat.h>

static bool same_file(const char *a, const char *b)
{
	struct stat one, other;
	return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
	       one.st_ino == other.st_ino;
}

/* Everything that can be wrong with a source is found before the first one is merged. */
static enum sl_status check(const char *out, char **from, int count, struct sl_error *error)
{
	char path[PATH_MAX];
	for (int i = 0; i < count; i++) {
		const char *database = sl_command_database(from[i], path);
		if (same_file(out, database))
			return sl_fail(error, SL_MALFORMED, "%s: is the database to collect into, too",
			               database);
		struct sl_history *source = sl_history_open(database, SL_HISTORY_READ, error);
		if (!source)
			return error->status;
		sl_history_close(source);
	}
	return SL_OK;
}

static enum sl_status collect(const char *out, char **from, int count, struct sl_error *error)
{
	enum sl_status status = check(out, from, count, error);
	if (status != SL_OK)
		return status;
	char path[PATH_MAX];
	struct sl_history *history = sl_history_open(out, SL_HISTORY_WRITE, error);
	if (!history)
		return error->status;
	for (int i = 0; status == SL_OK && i < count; i++)
		status = sl_history_collect(history, sl_command_database(from[i], path), error);
	sl_history_close(history);
	return status;
}

static int run(int argc, char **argv)
{
	static const struct option table[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct sl_error error = { 0 };
	optind = 0;
	for (int letter; (letter = sl_command_option(&sl_command_collect, argc, argv, "h", table)) != -1;) {
		if (letter == '?')
			return SL_EXIT_MISUSE;
		return sl_command_help(&sl_command_collect);
	}
	if (argc - optind < 2)
		return sl_command_misuse(&sl_command_collect, "%s",
		                         optind == argc ? "the database to collect into is missing"
		                                        : "there is no database to collect from");
	if (collect(argv[optind], argv + optind + 1, argc - optind - 1, &error) != SL_OK)
		return sl_command_fail(&sl_command_collect, &error);
	return SL_EXIT_OK;
}

const struct sl_command sl_command_collect = {
	"collect", "collect OUT DB...", "merge the histories of many peers into one database",
	"Copies every run, peer and row of the databases DB into OUT, which is made if it is missing. Of a folder, its\n"
	"history.db is meant. What is in OUT\n"
	"already is kept, so a run that goes on can be collected again. The databases may be in use. One that is of an\n"
	"older schema is brought to this one. All are looked at first; each is then merged whole or not at all.\n"
	"\n"
	"  --help  this text\n",
	run
};
