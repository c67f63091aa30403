/* command.c — starling report: its command line. */
#include "daemon/cli/common/command_line.h"
#include "daemon/cli/report/page.h"
#include "daemon/run/files.h"

#include <stdlib.h>
#include <string.h>

struct request {
	const char *name, *out, *targets;
	bool json;
};

static enum sl_status draw(struct sl_figures *figures, const struct sl_report *r, struct sl_gnuplot *g,
                           char **page, size_t *length, struct sl_error *error)
{
	sl_figures_add_curves(figures, r, g);
	for (uint32_t i = 0; sl_report_detail(r, i) < r->runs; i++)
		sl_figures_add_run(figures, r, sl_report_detail(r, i), g);
	enum sl_status status = sl_gnuplot_run(g, error);
	if (status != SL_OK)
		return status;
	FILE *out = open_memstream(page, length);
	if (!out)
		return sl_fail(error, SL_NO_MEMORY, "out of memory");
	status = sl_page_write(out, r, figures, g, error);
	if (fclose(out) != 0 && status == SL_OK)
		status = sl_fail(error, SL_NO_MEMORY, "out of memory");
	return status;
}

static enum sl_status write_report(const struct sl_report *r, const char *path, struct sl_error *error)
{
	struct sl_gnuplot g;
	char *page = NULL;
	size_t length = 0;
	struct sl_figures *figures = calloc(1, sizeof *figures);
	if (!figures)
		return sl_fail(error, SL_NO_MEMORY, "out of memory");
	enum sl_status status = sl_gnuplot_open(&g, error);
	if (status == SL_OK) {
		status = draw(figures, r, &g, &page, &length, error);
		sl_gnuplot_close(&g);
	}
	if (status == SL_OK && strcmp(path, "-") == 0)
		fwrite(page, 1, length, stdout);
	else if (status == SL_OK)
		status = sl_file_replace(path, page, length, 0644, error);
	free(page);
	free(figures);
	return status;
}

static enum sl_status take_targets(const char *text, double target[SL_REPORT_TARGETS], uint32_t *count,
                                   struct sl_error *error)
{
	for (const char *p = text ? text : ""; *p; p += *p == ',') {
		char *end;
		double value = strtod(p, &end);
		if (end == p || (*end && *end != ',') || !(value > 0 && value <= 1) ||
		    *count == SL_REPORT_TARGETS)
			return sl_fail(
			    error, SL_OUT_OF_RANGE,
			    "--targets %s: expected up to %d accuracies between 0 and 1, such as 0.8,0.9",
			    text, SL_REPORT_TARGETS);
		target[(*count)++] = value;
		p = end;
	}
	return SL_OK;
}

static enum sl_status read_all(struct sl_report *r, char **operands, const struct request *q,
                               struct sl_error *error)
{
	double target[SL_REPORT_TARGETS];
	uint32_t targets = 0;
	char path[PATH_MAX];
	enum sl_status status = take_targets(q->targets, target, &targets, error);
	for (int i = 0; operands[i] && status == SL_OK; i++)
		status = sl_report_read(r, sl_command_database(operands[i], path), q->name, error);
	if (status == SL_OK && r->runs == 0)
		return q->name ? sl_fail(error, SL_NOT_FOUND, "no run has the name or run_id '%s'", q->name)
		               : sl_fail(error, SL_NOT_FOUND, "%s: contains no run yet", operands[0]);
	return status == SL_OK ? sl_report_group(r, target, targets, error) : status;
}

static int run(int argc, char **argv)
{
	struct request request = { .out = "report.html" };
	struct sl_report report = { 0 };
	struct sl_error error;
	char **operands;
	int code = sl_command_parse(&sl_command_report, argc, argv, &request, &operands);
	if (code >= 0)
		return code;
	if (request.json && strcmp(request.out, "-") == 0)
		return sl_command_misuse(&sl_command_report,
		                         "--json: the page is written to standard output; give -o FILE");
	enum sl_status status = read_all(&report, operands, &request, &error);
	if (status == SL_OK)
		status = write_report(&report, request.out, &error);
	if (status == SL_OK && request.json)
		sl_json_object(stdout, (const struct sl_json_fact[]){ { "file", request.out },
		                                                      { "runs", .number = report.runs },
		                                                      { NULL } });
	else if (status == SL_OK && strcmp(request.out, "-") != 0)
		fprintf(stderr, "starling report: %s: %u run%s\n", request.out, report.runs,
		        report.runs == 1 ? "" : "s");
	sl_report_free(&report);
	return status == SL_OK ? SL_EXIT_OK : sl_command_fail(&sl_command_report, &error);
}

static const struct sl_operand operands_of_report[] = {
	{ "DB", "history databases, or folders of runs, whose history.db is read", SL_COMPLETE_FILE,
	  .many = true },
	{ NULL }
};
static const struct sl_argument arguments_of_report[] = {
	{ .option = { "output", "write the page to FILE; - is standard output (default report.html)",
	              SL_OPTION_BORROWED, offsetof(struct request, out), .completes = SL_COMPLETE_FILE },
	  .letter = 'o',
	  .value = "FILE" },
	{ .option = { "run", "show only the runs with this name or run_id", SL_OPTION_BORROWED,
	              offsetof(struct request, name) },
	  .letter = 'r',
	  .value = "NAME" },
	{ .option = { "targets",
	              "accuracies of the table of bytes and time, such as 0.8,0.9; without it, round numbers that the runs reached",
	              SL_OPTION_BORROWED, offsetof(struct request, targets) },
	  .value = "LIST" },
	SL_ARGUMENT_JSON(struct request, json, "print JSON"),
	SL_ARGUMENT_HELP,
	{ .value = NULL }
};

const struct sl_command sl_command_report = {
	"report",
	{ .program = "starling report",
	  .doc = "write a page with figures, tables and findings about the runs of a history",
	  .forms = (const char *const[]){ "DB...", NULL },
	  .text =
	      "Writes one page of HTML that loads nothing and can be sent by mail: findings in plain language; accuracy and loss\n"
	      "over rounds, bytes and time, with the spread over the peers; consensus error and sparsity; the graph with its\n"
	      "weights and the bytes of each link; where the time of each peer went; events. Runs that differ in nothing but\n"
	      "their seed are shown together, as a mean and a band; kinds of runs are compared: a table of bytes and time to an\n"
	      "accuracy can be copied as LaTeX, CSV or Markdown. A database is only read, and may come from anywhere.\n"
	      "Needs gnuplot (Debian: gnuplot-nox).\n",
	  .operands = operands_of_report,
	  .arguments = arguments_of_report },
	run
};
