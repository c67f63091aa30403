/* collect_command.c — starling collect: merges the histories of peers on many machines. */
#include "daemon/cli/common/command_line.h"
#include "history/history.h"

#include <limits.h>
#include <sys/stat.h>

static bool same_file(const char *a, const char *b)
{
	struct stat one, other;
	return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
	       one.st_ino == other.st_ino;
}

/* Every source is checked before the first one is merged. */
static enum sl_status check(const char *out, char **from, int count, struct sl_error *error)
{
	char path[PATH_MAX];
	for (int i = 0; i < count; i++) {
		const char *database = sl_command_database(from[i], path);
		if (same_file(out, database))
			return sl_fail(error, SL_MALFORMED, "%s: cannot be collected into itself", database);
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
	struct sl_error error = { 0 };
	char **operands;
	int code = sl_command_parse(&sl_command_collect, argc, argv, NULL, &operands);
	if (code >= 0)
		return code;
	int count = (int)(argv + argc - operands);
	if (collect(operands[0], operands + 1, count - 1, &error) != SL_OK)
		return sl_command_fail(&sl_command_collect, &error);
	return SL_EXIT_OK;
}

static const struct sl_operand operands_of_collect[] = {
	{ "OUT", "the database to collect into; created if it does not exist", SL_COMPLETE_FILE },
	{ "DB", "a history database, or the folder of a run, whose history.db is taken", SL_COMPLETE_FILE,
	  .many = true },
	{ NULL }
};
static const struct sl_argument arguments_of_collect[] = { SL_ARGUMENT_HELP, { .value = NULL } };

const struct sl_command sl_command_collect = {
	"collect",
	{ .program = "starling collect",
	  .doc = "merge the histories of many peers into one database",
	  .forms = (const char *const[]){ "OUT DB...", NULL },
	  .text =
	      "Copies all runs, peers and rows of the databases DB into OUT. Rows that are already in OUT are kept, so a run\n"
	      "that is still running can be collected again. The databases may be in use. A database with an older schema is\n"
	      "migrated. All databases are checked first; each is then merged in one transaction.\n",
	  .operands = operands_of_collect,
	  .arguments = arguments_of_collect },
	run
};
