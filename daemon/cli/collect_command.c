/* collect_command.c — starling collect: merges the histories of peers on many machines. */
#include "daemon/cli/common/command_line.h"
#include "history/history.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool same_file(const char *a, const char *b)
{
	struct stat one, other;
	return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
	       one.st_ino == other.st_ino;
}

/* "0,2-3=DB": the peers whose own database DB is. A path that begins otherwise has no such part. */
static const char *take_ranges(const char *text, struct sl_history_source *out, struct sl_error *error)
{
	size_t length = strspn(text, "0123456789,-");
	out->ranges = 0;
	if (length == 0 || text[length] != '=')
		return text;
	for (const char *at = text; at < text + length; at++) {
		char *end;
		unsigned long first = strtoul(at, &end, 10), last = first;
		bool good = end > at;
		if (good && *end == '-') {
			at = end + 1;
			last = strtoul(at, &end, 10);
			good = end > at;
		}
		if (!good || (*end != ',' && *end != '=') || last < first || last >= SL_PEERS_MAX ||
		    out->ranges == SL_HISTORY_RANGES) {
			sl_fail(
			    error, SL_MALFORMED,
			    "%s: before the = must stand up to %d peers or ranges of peers, such as 0,2-3",
			    text, SL_HISTORY_RANGES);
			return NULL;
		}
		out->range[out->ranges].first = (uint32_t)first;
		out->range[out->ranges++].last = (uint32_t)last;
		at = end;
	}
	return text + length + 1;
}

/* Every source is checked before the first one is merged. */
static enum sl_status check(const char *out, char **from, int count, struct sl_history_source *source,
                            struct sl_error *error)
{
	char path[PATH_MAX];
	for (int i = 0; i < count; i++) {
		const char *name = take_ranges(from[i], &source[i], error);
		if (!name)
			return error->status;
		const char *database = sl_command_database(name, path);
		if (same_file(out, database))
			return sl_fail(error, SL_MALFORMED, "%s: cannot be collected into itself", database);
		source[i].path = strdup(database);
		if (!source[i].path)
			return sl_fail(error, SL_NO_MEMORY, "out of memory");
		struct sl_history *history = sl_history_open(database, SL_HISTORY_READ, error);
		if (!history)
			return error->status;
		sl_history_close(history);
	}
	return SL_OK;
}

static void report(const struct sl_history_source *s)
{
	const struct sl_history_conflicts *c = &s->conflicts;
	if (c->peers)
		fprintf(
		    stderr,
		    "starling collect: note: %s: left out what it says of %lld peers that are not its own\n",
		    s->path, (long long)c->peers);
	if (c->rounds)
		fprintf(
		    stderr,
		    "starling collect: note: %s: %lld rows of rounds differ from those collected before, which are kept\n",
		    s->path, (long long)c->rounds);
	if (c->runs)
		fprintf(
		    stderr,
		    "starling collect: note: %s: describes %lld runs otherwise than was collected before\n",
		    s->path, (long long)c->runs);
}

static void print_json(const char *out, const struct sl_history_source *source, int count)
{
	double peers = 0, rounds = 0, runs = 0;
	for (int i = 0; i < count; i++) {
		peers += (double)source[i].conflicts.peers;
		rounds += (double)source[i].conflicts.rounds;
		runs += (double)source[i].conflicts.runs;
	}
	sl_json_object(stdout, (const struct sl_json_fact[]){ { "database", out },
	                                                      { "sources", .number = count },
	                                                      { "peers_left_out", .number = peers },
	                                                      { "rows_differing", .number = rounds },
	                                                      { "runs_differing", .number = runs },
	                                                      { NULL } });
}

struct request {
	bool json;
};

static enum sl_status collect(const char *out, char **from, int count, bool json, struct sl_error *error)
{
	struct sl_history_source *source = calloc((size_t)count + 1, sizeof *source);
	if (!source)
		return sl_fail(error, SL_NO_MEMORY, "out of memory");
	enum sl_status status = check(out, from, count, source, error);
	struct sl_history *history = status == SL_OK ? sl_history_open(out, SL_HISTORY_WRITE, error) : NULL;
	if (history)
		status = sl_history_collect(history, source, (unsigned)count, error);
	else
		status = error->status;
	sl_history_close(history);
	if (status == SL_OK && json)
		print_json(out, source, count);
	for (int i = 0; i < count; i++) {
		if (status == SL_OK)
			report(&source[i]);
		free((void *)(uintptr_t)source[i].path);
	}
	free(source);
	return status;
}

static int run(int argc, char **argv)
{
	struct request request = { 0 };
	struct sl_error error = { 0 };
	char **operands;
	int code = sl_command_parse(&sl_command_collect, argc, argv, &request, &operands);
	if (code >= 0)
		return code;
	int count = (int)(argv + argc - operands);
	if (collect(operands[0], operands + 1, count - 1, request.json, &error) != SL_OK)
		return sl_command_fail(&sl_command_collect, &error);
	return SL_EXIT_OK;
}

static const struct sl_operand operands_of_collect[] = {
	{ "OUT", "the database to collect into; created if it does not exist", SL_COMPLETE_FILE },
	{ "DB",
	  "a history database, or the folder of a run, whose history.db is taken; PEERS=DB: of these peers",
	  SL_COMPLETE_FILE, .many = true },
	{ NULL }
};
static const struct sl_argument arguments_of_collect[] = {
	SL_ARGUMENT_JSON(struct request, json, "print JSON"), SL_ARGUMENT_HELP, { .value = NULL }
};

const struct sl_command sl_command_collect = {
	"collect",
	{ .program = "starling collect",
	  .doc = "merge the histories of many peers into one database",
	  .forms = (const char *const[]){ "OUT DB...", NULL },
	  .text =
	      "Copies all runs, peers and rows of the databases DB into OUT. Rows that are already in OUT are kept, so a run\n"
	      "that is still running can be collected again. The databases may be in use. A database with an older schema is\n"
	      "migrated. All databases are checked first; each is then merged in one transaction.\n"
	      "\n"
	      "Rows of a peer are taken from its own database only. Databases are a peer's own where their entries for it name\n"
	      "the same host and the same first start; where two contradict each other, nothing is collected. PEERS=DB, as in\n"
	      "0,2-3=site-a.db, says that DB is the own database of these peers: then it alone is asked about them, and about\n"
	      "no others.\n",
	  .operands = operands_of_collect,
	  .arguments = arguments_of_collect },
	run
};
