/* plot.c — starling plot: one figure for a paper, and its data beside it. */
#include "daemon/cli/common/command_line.h"
#include "daemon/cli/report/export.h"
#include "daemon/cli/report/figures.h"
#include "daemon/run/files.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* In the order of enum sl_axis and enum sl_measure. */
#define AXES     "round|payload|wire|seconds"
#define MEASURES "accuracy|test_loss|train_loss|consensus|sparsity|objective|disagreement"

struct request {
	const char *name, *out;
	uint32_t x, y;
	bool json;
};

static const struct format {
	const char *ending, *terminal;
} formats[] = {
	{ ".svg", "svg size 600,420 dynamic font 'sans-serif,16' background rgb 'white'" },
	{ ".pdf", "pdfcairo size 9cm,6.3cm font 'sans-serif,9'" },
	{ ".png", "pngcairo size 1200,840 font 'sans-serif,24' linewidth 2" },
};

static const struct format *format_of(const char *path)
{
	size_t length = strlen(path);
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
		if (length > 4 && strcmp(path + length - 4, formats[i].ending) == 0)
			return &formats[i];
	return NULL;
}

/* x.csv beside x.svg. */
static void data_path(const struct request *q, char path[static PATH_MAX])
{
	snprintf(path, PATH_MAX, "%.*s.csv", (int)strlen(q->out) - 4, q->out);
}

/* The points of every curve that is drawn. */
static enum sl_status write_data(const struct sl_report *r, const struct request *q, struct sl_error *error)
{
	static const char *const axis[] = { "round", "payload_bytes", "wire_bytes", "seconds" };
	static const char *const measure[] = { "test_accuracy", "test_loss", "train_loss",  "consensus_error",
		                               "sparsity",      "objective", "disagreement" };
	char path[PATH_MAX], *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	if (!out)
		return sl_fail(error, SL_NO_MEMORY, "out of memory");
	fprintf(out, "label,runs,round,%s%s%s,min,max\n", q->x == SL_AXIS_ROUND ? "" : axis[q->x],
	        q->x == SL_AXIS_ROUND ? "" : ",", measure[q->y]);
	for (uint32_t g = 0; g < r->groups; g++)
		for (uint32_t i = 0; i < r->group[g].curve->count; i++) {
			const struct sl_report_point *p = &r->group[g].curve->point[i];
			if (!isfinite(p->x[q->x]) || !isfinite(p->mean[q->y]))
				continue;
			sl_csv_text(out, r->group[g].label);
			fprintf(out, ",%u,%.10g", r->group[g].runs, p->x[SL_AXIS_ROUND]);
			if (q->x != SL_AXIS_ROUND)
				fprintf(out, ",%.10g", p->x[q->x]);
			fprintf(out, ",%.10g,%.10g,%.10g\n", p->mean[q->y], p->low[q->y], p->high[q->y]);
		}
	bool whole = fclose(out) == 0;
	data_path(q, path);
	enum sl_status status = whole ? sl_file_replace(path, text, length, 0644, error)
	                              : sl_fail(error, SL_NO_MEMORY, "out of memory");
	free(text);
	return status;
}

static enum sl_status draw(const struct sl_report *r, const struct request *q, struct sl_error *error)
{
	struct sl_gnuplot g;
	char path[128];
	uint8_t *bytes = NULL;
	size_t length = 0;
	bool falls = q->y != SL_MEASURE_ACCURACY && q->y != SL_MEASURE_SPARSITY;
	enum sl_status status = sl_gnuplot_open(&g, error);
	if (status != SL_OK)
		return status;
	sl_gnuplot_style(g.script);
	sl_gnuplot_output(&g, format_of(q->out)->terminal, path);
	fprintf(g.script, "set ylabel '%s'\nset key %s right noenhanced\n",
	        sl_measure_title((enum sl_measure)q->y), falls ? "top" : "bottom");
	if (!sl_curves_script(r, (enum sl_axis)q->x, (enum sl_measure)q->y, g.script, "curve", true))
		status = sl_fail(error, SL_NOT_FOUND, "%s: no run has values of it",
		                 sl_measure_title((enum sl_measure)q->y));
	if (status == SL_OK)
		status = sl_gnuplot_run(&g, error);
	if (status == SL_OK)
		status = sl_file_read(path, (size_t)64 << 20, &bytes, &length, error);
	if (status == SL_OK)
		status = sl_file_replace(q->out, bytes, length, 0644, error);
	free(bytes);
	sl_gnuplot_close(&g);
	return status == SL_OK ? write_data(r, q, error) : status;
}

static int run(int argc, char **argv)
{
	struct request request = { .x = SL_AXIS_ROUND, .y = SL_MEASURE_ACCURACY };
	struct sl_report report = { 0 };
	struct sl_error error;
	char **operands, path[PATH_MAX];
	int code = sl_command_parse(&sl_command_plot, argc, argv, &request, &operands);
	if (code >= 0)
		return code;
	if (!format_of(request.out))
		return sl_command_misuse(
		    &sl_command_plot, "-o %s: expected a file that ends in .svg, .pdf or .png", request.out);
	enum sl_status status = SL_OK;
	for (int i = 0; operands[i] && status == SL_OK; i++)
		status =
		    sl_report_read(&report, sl_command_database(operands[i], path), request.name, &error);
	if (status == SL_OK && report.runs == 0)
		status =
		    sl_fail(&error, SL_NOT_FOUND, "%s: no run%s%s", operands[0],
		            request.name ? " has the name or run_id " : "", request.name ? request.name : "");
	if (status == SL_OK)
		status = sl_report_group(&report, NULL, 0, &error);
	if (status == SL_OK)
		status = draw(&report, &request, &error);
	if (status == SL_OK && request.json) {
		data_path(&request, path);
		sl_json_object(stdout, (const struct sl_json_fact[]){ { "file", request.out },
		                                                      { "data", path },
		                                                      { "runs", .number = report.runs },
		                                                      { "curves", .number = report.groups },
		                                                      { NULL } });
	}
	sl_report_free(&report);
	return status == SL_OK ? SL_EXIT_OK : sl_command_fail(&sl_command_plot, &error);
}

static const struct sl_operand operands_of_plot[] = {
	{ "DB", "history databases, or folders of runs, whose history.db is read", SL_COMPLETE_FILE,
	  .many = true },
	{ NULL }
};
static const struct sl_argument arguments_of_plot[] = {
	{ .option = { "output",
	              "the figure: FILE.svg, FILE.pdf or FILE.png; its data are written to FILE.csv",
	              SL_OPTION_BORROWED, offsetof(struct request, out), .completes = SL_COMPLETE_FILE },
	  .letter = 'o',
	  .value = "FILE",
	  .required = true },
	{ .option = { "x", "horizontal axis; payload and wire are bytes of all peers together",
	              SL_OPTION_CHOICE, offsetof(struct request, x), .standard = "round", .choices = AXES },
	  .value = "AXIS" },
	{ .option = { "y", "vertical axis: the mean over the peers", SL_OPTION_CHOICE,
	              offsetof(struct request, y), .standard = "accuracy", .choices = MEASURES },
	  .value = "MEASURE" },
	{ .option = { "run", "draw only the runs with this name or run_id", SL_OPTION_BORROWED,
	              offsetof(struct request, name) },
	  .letter = 'r',
	  .value = "NAME" },
	SL_ARGUMENT_JSON(struct request, json, "print JSON"),
	SL_ARGUMENT_HELP,
	{ .value = NULL }
};

const struct sl_command sl_command_plot = {
	"plot",
	{ .program = "starling plot",
	  .doc = "draw one figure of the runs of a history for a paper, with its data beside it",
	  .forms = (const char *const[]){ "DB... -o FILE", NULL },
	  .text =
	      "Draws a curve for each kind of run: runs that differ in nothing but their seed are one curve, their mean, with a\n"
	      "band from the least to the greatest of them; the band of a single run is over its peers. Curves have at most 400\n"
	      "points, evenly chosen from the rounds. Needs gnuplot (Debian: gnuplot-nox).\n",
	  .operands = operands_of_plot,
	  .arguments = arguments_of_plot },
	run
};
