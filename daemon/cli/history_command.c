/* history_command.c — starling history: the results of the runs of a database, side by side. */
#include "daemon/cli/common/command_line.h"
#include "daemon/cli/report/export.h"
#include "daemon/run/status_view.h"
#include "daemon/cli/common/summary.h"
#include "history/history.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct runs {
	struct sl_history_summary *item;
	size_t count, room;
	bool full; /* out of memory */
};

static bool gather(void *context, const struct sl_history_summary *summary)
{
	struct runs *runs = context;
	if (runs->count == runs->room) {
		size_t room = 2 * runs->room + 8;
		struct sl_history_summary *item = realloc(runs->item, room * sizeof *item);
		if (!item) {
			runs->full = true;
			return false;
		}
		runs->item = item;
		runs->room = room;
	}
	runs->item[runs->count++] = *summary;
	return true;
}

enum { COLUMNS = 14, CELL = SL_TEXT_MAX + 32 };
static const char *const title[COLUMNS] = { "run",      "algorithm", "compress",  "peers",     "rounds",
	                                    "accuracy", "worst",     "objective", "consensus", "payload",
	                                    "wire",     "saved",     "seconds",   "seed" };
/* Columns of words; the others are numbers and stand right. */
enum { WORDS = 3 };

/* A run goes by its name, unless another one has the same. */
static const char *label_of(const struct runs *runs, size_t at)
{
	for (size_t i = 0; i < runs->count; i++)
		if (i != at && strcmp(runs->item[i].name, runs->item[at].name) == 0)
			return runs->item[at].run_id;
	return runs->item[at].name[0] ? runs->item[at].name : runs->item[at].run_id;
}

static void real_text(double value, const char *format, char cell[static CELL])
{
	if (!isfinite(value))
		strcpy(cell, "-");
	else if (strcmp(format, "%") == 0)
		snprintf(cell, CELL, "%.2f %%", 100 * value);
	else if (strcmp(format, "s") == 0)
		snprintf(cell, CELL, "%.1f", value);
	else if (strcmp(format, "g") == 0)
		snprintf(cell, CELL, "%.3g", value);
	else
		snprintf(cell, CELL, "%.4f", value);
}

static void bytes_text(int64_t bytes, char cell[static CELL])
{
	if (bytes < 0)
		strcpy(cell, "-");
	else
		sl_bytes_text(bytes, cell, CELL);
}

static void fill(const struct runs *runs, size_t at, char cell[COLUMNS][CELL])
{
	const struct sl_history_summary *s = &runs->item[at];
	snprintf(cell[0], CELL, "%s", label_of(runs, at));
	snprintf(cell[1], CELL, "%s", s->algorithm);
	snprintf(cell[2], CELL, "%s", s->compress);
	if (s->present == s->peers || s->present == 0)
		snprintf(cell[3], CELL, "%u", s->peers);
	else
		snprintf(cell[3], CELL, "%u/%u", s->present, s->peers);
	snprintf(cell[4], CELL, "%u", s->rounds);
	real_text(s->test_accuracy, "", cell[5]);
	real_text(s->worst_accuracy, "", cell[6]);
	real_text(s->objective, "g", cell[7]);
	real_text(s->consensus_error, "g", cell[8]);
	bytes_text(s->payload_bytes, cell[9]);
	bytes_text(s->wire_bytes, cell[10]);
	real_text(s->saved, "%", cell[11]);
	real_text(s->seconds, "s", cell[12]);
	snprintf(cell[13], CELL, "%s", s->seed[0] ? s->seed : "-");
}

static void print_line(char cell[COLUMNS][CELL], const int width[COLUMNS])
{
	for (int c = 0; c < COLUMNS; c++)
		printf(c < WORDS ? "%s%-*s" : "%s%*s", c ? "  " : "", width[c], cell[c]);
	putchar('\n');
}

static void print_table(const struct runs *runs)
{
	int width[COLUMNS];
	char cell[COLUMNS][CELL];
	for (int c = 0; c < COLUMNS; c++)
		width[c] = (int)strlen(title[c]);
	for (size_t i = 0; i < runs->count; i++) {
		fill(runs, i, cell);
		for (int c = 0; c < COLUMNS; c++)
			if ((int)strlen(cell[c]) > width[c])
				width[c] = (int)strlen(cell[c]);
	}
	for (int c = 0; c < COLUMNS; c++)
		snprintf(cell[c], CELL, "%s", title[c]);
	print_line(cell, width);
	for (size_t i = 0; i < runs->count; i++) {
		fill(runs, i, cell);
		print_line(cell, width);
	}
}

/* What the others are held against: a run of the uncompressed reference if there is one, else the oldest. */
static size_t reference_of(const struct runs *runs)
{
	for (size_t i = 0; i < runs->count; i++)
		if (strncmp(runs->item[i].algorithm, "dpsgd", 5) == 0 && runs->item[i].rounds > 0)
			return i;
	return 0;
}

static void print_factor(const char *what, double value, double reference)
{
	if (!(value > 0) || !(reference > 0))
		return;
	double factor = value < reference ? reference / value : value / reference;
	if (factor < 1.005)
		printf(", the same %s", what);
	else
		printf(", %.*f times %s %s", factor < 10 ? 2 : 1, factor, value < reference ? "less" : "more",
		       what);
}

/* Two runs compare only where they learned the same thing: names what differs. */
static void print_differences(const struct sl_history_summary *a, const struct sl_history_summary *b)
{
	const struct {
		const char *what;
		bool differs;
	} list[] = {
		{ "data set", strcmp(a->dataset, b->dataset) != 0 },
		{ "model", strcmp(a->model, b->model) != 0 },
		{ "topology", strcmp(a->topology, b->topology) != 0 },
		{ "number of peers", a->peers != b->peers },
		{ "number of peers in the database", a->peers == b->peers && a->present != b->present },
		{ "number of rounds", a->rounds != b->rounds },
		{ "seed", strcmp(a->seed, b->seed) != 0 },
	};
	const char *before = " (different ";
	for (size_t i = 0; i < sizeof list / sizeof *list; i++)
		if (list[i].differs) {
			printf("%s%s", before, list[i].what);
			before = ", ";
		}
	if (before[0] == ',')
		putchar(')');
}

static void print_comparison(const struct runs *runs)
{
	size_t reference = reference_of(runs);
	const struct sl_history_summary *r = &runs->item[reference];
	printf("\nagainst %s:\n", label_of(runs, reference));
	for (size_t i = 0; i < runs->count; i++) {
		const struct sl_history_summary *s = &runs->item[i];
		if (i == reference)
			continue;
		double points = 100 * (s->test_accuracy - r->test_accuracy);
		printf("  %s: ", label_of(runs, i));
		if (isfinite(points))
			printf("accuracy %+.2f points", points);
		else
			printf("accuracy unknown");
		print_factor("payload", (double)s->payload_bytes, (double)r->payload_bytes);
		print_factor("on the wire", (double)s->wire_bytes, (double)r->wire_bytes);
		print_factor("consensus error", s->consensus_error, r->consensus_error);
		print_factor("time", s->seconds, r->seconds);
		print_differences(s, r);
		putchar('\n');
	}
}

static void print_warnings(const struct runs *runs, const struct runs *raw, const char *database)
{
	for (size_t i = 0; i < runs->count; i++) {
		if (runs->item[i].events <= 0)
			continue;
		printf("\n%s: events of level warning or error: %lld. To list them: ", label_of(runs, i),
		       (long long)runs->item[i].events);
		sl_summary_events_line(stdout, database, raw->item[i].run_id,
		                       " AND level IN ('error', 'warning')");
		putchar('\n');
	}
}

/* Databases may come from elsewhere, with anything in them. */
static enum sl_status print_texts(const struct runs *raw, const char *database, struct sl_error *error)
{
	struct runs shown = { .count = raw->count, .item = calloc(raw->count + 1, sizeof *shown.item) };
	if (!shown.item)
		return sl_fail(error, SL_NO_MEMORY, "%s: out of memory", database);
	for (size_t i = 0; i < raw->count; i++)
		sl_summary_shown(&raw->item[i], &shown.item[i]);
	print_table(&shown);
	if (shown.count > 1)
		print_comparison(&shown);
	print_warnings(&shown, raw, database);
	free(shown.item);
	return SL_OK;
}

static enum sl_status print(const struct runs *runs, const char *database, bool json, struct sl_error *error)
{
	if (json) {
		putchar('[');
		for (size_t i = 0; i < runs->count; i++) {
			fputs(i ? ",\n " : "", stdout);
			sl_summary_json(stdout, database, &runs->item[i]);
		}
		puts("]");
	} else if (runs->count == 1 && runs->item[0].rounds > 0) {
		return sl_summary_print(stdout, database, runs->item[0].run_id, false, NULL, error);
	} else {
		return print_texts(runs, database, error);
	}
	return SL_OK;
}

static enum sl_status show(const char *database, const char *name, bool json, struct sl_error *error)
{
	struct runs runs = { 0 };
	struct sl_history *history = sl_history_open(database, SL_HISTORY_READ, error);
	if (!history)
		return error->status;
	enum sl_status status = sl_history_summaries(history, name, gather, &runs, error);
	sl_history_close(history);
	if (status == SL_OK && runs.full)
		status = sl_fail(error, SL_NO_MEMORY, "%s: out of memory", database);
	if (status == SL_OK && runs.count == 0 && name)
		status =
		    sl_fail(error, SL_NOT_FOUND, "%s: no run has the name or run_id '%s'", database, name);
	if (status == SL_OK && runs.count == 0)
		fprintf(stderr, "starling history: %s contains no run yet\n", database);
	if (status == SL_OK && (runs.count > 0 || json))
		status = print(&runs, database, json, error);
	free(runs.item);
	return status;
}

enum { NO_TABLE = UINT32_MAX };
struct request {
	const char *name;
	uint32_t table; /* NO_TABLE: none was named */
	bool json, csv;
};

static int run(int argc, char **argv)
{
	struct request request = { .table = NO_TABLE };
	struct sl_error error = { 0 };
	char path[PATH_MAX], **operands;
	int code = sl_command_parse(&sl_command_history, argc, argv, &request, &operands);
	if (code >= 0)
		return code;
	if (request.csv && request.json)
		return sl_command_misuse(&sl_command_history, "--csv and --json cannot be used together");
	if (request.table != NO_TABLE && !request.csv && !request.json)
		return sl_command_misuse(&sl_command_history, "--table needs --csv or --json");
	const char *database = sl_command_database(operands[0], path);
	enum sl_status status;
	if (request.csv || request.table != NO_TABLE)
		status = sl_export(stdout, database, request.name,
		                   request.table == NO_TABLE ? SL_EXPORT_curve
		                                             : (enum sl_export_table)request.table,
		                   request.json, &error);
	else
		status = show(database, request.name, request.json, &error);
	return status == SL_OK ? SL_EXIT_OK : sl_command_fail(&sl_command_history, &error);
}

static const struct sl_operand operands_of_history[] = {
	{ "DB", "a history database, or the folder of a run, whose history.db is read", SL_COMPLETE_FILE },
	{ NULL }
};
static const struct sl_argument arguments_of_history[] = {
	{ .option = { "run", "show only the runs with this name or run_id", SL_OPTION_BORROWED,
	              offsetof(struct request, name) },
	  .letter = 'r',
	  .value = "NAME" },
	SL_ARGUMENT_JSON(
	    struct request, json,
	    "print a JSON array of objects, of the summaries or of the table of --table; unknown values are null"),
	{ .option = { "csv",
	              "print the rows of --table as CSV, with a line of column names; unknown values are empty",
	              SL_OPTION_SWITCH, offsetof(struct request, csv) } },
	{ .option = { "table", "table or view to export; with --csv the default is curve", SL_OPTION_CHOICE,
	              offsetof(struct request, table), .choices = SL_EXPORT_CHOICES },
	  .value = "TABLE" },
	SL_ARGUMENT_HELP,
	{ .value = NULL }
};

const struct sl_command sl_command_history = {
	"history",
	{ .program = "starling history",
	  .doc = "show the results of the runs of a database: accuracy, consensus, bytes",
	  .forms = (const char *const[]){ "DB", NULL },
	  .text =
	      "Summarises the runs of a history. Several runs are compared with the first run of dpsgd, which sends whole\n"
	      "models, or else with the oldest run. The columns are:\n"
	      "\n"
	      "  peers            1/8: of 8 peers, one has rows in this database; the values are about this peer\n"
	      "  accuracy, worst  mean and smallest test accuracy of the peers' own models, each at its last evaluation\n"
	      "  objective        training loss of the last round plus lambda times the l1 norm of the weights\n"
	      "  consensus        (1/n) sum |x_i - mean x|^2 over the peers' models\n"
	      "  payload, wire    bytes of frames sent, each counted once, with its header of 8 bytes; bytes of the connections,\n"
	      "                   with retransmissions, greetings and longer headers\n"
	      "  saved            share of the payload saved, compared with float32 models in the same number of rounds\n"
	      "  seconds          longest time from a peer's start to its last row, by the clock of its host\n"
	      "  seed             seed of the run, which determines partition, initial model and random draws\n",
	  .after =
	      "Figures need no joins: the views curve (mean over the peers), peer_curve, link_curve and peer_time have a row\n"
	      "per point, each with round, seconds and bytes. In Python:\n"
	      "  pandas.read_sql(\"SELECT * FROM curve\", sqlite3.connect(\"history.db\")).plot(\"payload_bytes\", \"test_accuracy\")\n"
	      "  pandas.read_csv(\"curve.csv\")     # of starling history DB --csv > curve.csv\n"
	      "For other queries use SQL; sqlite3 DB '.schema' lists the tables and says what they hold.\n",
	  .operands = operands_of_history,
	  .arguments = arguments_of_history },
	run
};
