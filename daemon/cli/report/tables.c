/* tables.c — numbers of a report in tables. */
#include "daemon/cli/report/export.h"
#include "daemon/cli/report/html.h"
#include "daemon/cli/report/page.h"

#include "daemon/cli/common/command_line.h"

#include <math.h>
#include <string.h>

double sl_report_reach_on(const struct sl_report_reach *reach, enum sl_axis axis)
{
	const double value[SL_AXES] = { reach->round, reach->payload, reach->wire, reach->seconds };
	return value[axis];
}

uint32_t sl_report_winner(const struct sl_report *r, uint32_t t, enum sl_axis axis)
{
	uint32_t best = UINT32_MAX;
	double least = (double)INFINITY;
	for (uint32_t g = 0; g < r->groups; g++) {
		const struct sl_report_reach *reach = &r->group[g].reach[t];
		double value = sl_report_reach_on(reach, axis);
		if (reach->runs < r->group[g].runs || !(value < least))
			continue;
		least = value;
		best = g;
	}
	return best;
}

/* ---- results ---- */

/* Means over the runs of a group, and half of the range between its runs. */
struct result {
	double accuracy, range, worst, consensus, payload, wire, saved, seconds, rounds;
	double epsilon; /* the largest; NaN: of none */
};

static double known(double value)
{
	return value < 0 ? (double)NAN : value;
}

static struct result result_of(const struct sl_report *r, uint32_t g)
{
	struct result sum = { .epsilon = (double)NAN };
	double n = r->group[g].runs, least = (double)INFINITY, most = -(double)INFINITY;
	for (uint32_t i = 0; i < r->runs; i++) {
		const struct sl_history_summary *s = &r->run[i].summary;
		if (r->run[i].group != g)
			continue;
		least = fmin(least, s->test_accuracy);
		most = fmax(most, s->test_accuracy);
		sum.accuracy += s->test_accuracy / n;
		sum.worst += s->worst_accuracy / n;
		sum.consensus += s->consensus_error / n;
		sum.payload += known((double)s->payload_bytes) / n;
		sum.wire += known((double)s->wire_bytes) / n;
		sum.saved += s->saved / n;
		sum.seconds += s->seconds / n;
		sum.rounds += s->rounds / n;
		sum.epsilon = fmax(sum.epsilon, r->run[i].epsilon);
	}
	sum.range = (most - least) / 2;
	return sum;
}

void sl_table_results(FILE *out, const struct sl_report *r)
{
	bool budgets = false;
	for (uint32_t i = 0; i < r->runs; i++)
		budgets = budgets || isfinite(r->run[i].epsilon);
	fprintf(
	    out,
	    "<div class=\"wide\"><table id=\"results\"><thead><tr><th></th><th>runs</th><th>rounds</th><th>accuracy</th>"
	    "<th>worst peer</th><th>consensus error</th><th>payload</th><th>on the wire</th><th>saved</th><th>time</th>%s</tr></thead>\n<tbody>\n",
	    budgets ? "<th>epsilon</th>" : "");
	for (uint32_t g = 0; g < r->groups; g++) {
		struct result m = result_of(r, g);
		fprintf(out, "<tr><th><span class=\"key c%u\"></span>", g % SL_GNUPLOT_COLOURS);
		sl_html_text(out, r->group[g].label);
		fputs("</th><td>", out);
		sl_html_number(out, "runs", r->group[g].runs, "%u", r->group[g].runs);
		fputs("</td><td>", out);
		sl_html_number(out, "rounds", m.rounds, "%.0f", m.rounds);
		fputs("</td><td>", out);
		sl_html_number(out, "accuracy", m.accuracy, r->group[g].runs > 1 ? "%.4f ± %.4f" : "%.4f",
		               m.accuracy, m.range);
		fputs("</td><td>", out);
		sl_html_number(out, "worst", m.worst, "%.4f", m.worst);
		fputs("</td><td>", out);
		sl_html_number(out, "consensus", m.consensus, "%.3g", m.consensus);
		fputs("</td><td>", out);
		sl_html_bytes(out, "payload", m.payload);
		fputs("</td><td>", out);
		sl_html_bytes(out, "wire", m.wire);
		fputs("</td><td>", out);
		sl_html_number(out, "saved", m.saved, "%.2f %%", 100 * m.saved);
		fputs("</td><td>", out);
		sl_html_seconds(out, "seconds", m.seconds);
		if (budgets) {
			fputs("</td><td>", out);
			sl_html_number(out, "result-epsilon", m.epsilon, "%.3g", m.epsilon);
		}
		fputs("</td></tr>\n", out);
	}
	fputs("</tbody></table></div>\n", out);
}

/* ---- bytes and time to targets ---- */

static void put_reach(FILE *out, const struct sl_report *r, uint32_t g, uint32_t t)
{
	const struct sl_report_reach *reach = &r->group[g].reach[t];
	bool first_bytes = sl_report_compares(r) && sl_report_winner(r, t, SL_AXIS_PAYLOAD) == g,
	     first_time = sl_report_compares(r) && sl_report_winner(r, t, SL_AXIS_SECONDS) == g;
	fprintf(out, "<tr><td>");
	sl_html_number(out, "target", r->target[t], "%.4g", r->target[t]);
	fprintf(out, "</td><th><span class=\"key c%u\"></span>", g % SL_GNUPLOT_COLOURS);
	sl_html_text(out, r->group[g].label);
	fprintf(out, "</th><td>%u of %u</td><td>", reach->runs, r->group[g].runs);
	sl_html_number(out, "reach-round", reach->round, "%.0f", reach->round);
	fprintf(out, "</td><td%s>", first_bytes ? " class=\"first\"" : "");
	sl_html_bytes(out, "reach-payload", reach->payload);
	fputs("</td><td>", out);
	sl_html_bytes(out, "reach-wire", reach->wire);
	fprintf(out, "</td><td%s>", first_time ? " class=\"first\"" : "");
	sl_html_seconds(out, "reach-seconds", reach->seconds);
	fputs("</td></tr>\n", out);
}

void sl_table_targets(FILE *out, const struct sl_report *r)
{
	fputs(
	    "<div class=\"wide\"><table id=\"targets\"><thead><tr><th>accuracy</th><th></th><th>runs</th><th>round</th>"
	    "<th>payload</th><th>on the wire</th><th>time</th></tr></thead>\n<tbody>\n",
	    out);
	for (uint32_t t = 0; t < r->targets; t++)
		for (uint32_t g = 0; g < r->groups; g++)
			put_reach(out, r, g, t);
	fputs("</tbody></table></div>\n", out);
}

static void latex_text(FILE *out, const char *text)
{
	for (; *text; text++)
		if (strchr("&%$#_{}", *text))
			fprintf(out, "\\%c", *text);
		else if (*text == '\\' || *text == '~' || *text == '^')
			fputs(*text == '\\'  ? "\\textbackslash{}"
			      : *text == '~' ? "\\textasciitilde{}"
			                     : "\\textasciicircum{}",
			      out);
		else if (*text == '|' || *text == '<' || *text == '>')
			fprintf(out, "$%s$", *text == '|' ? "\\vert" : *text == '<' ? "<" : ">");
		else
			putc(*text == '\n' ? ' ' : *text, out);
}

static void markdown_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("\\|`*_<>[]", *text))
			putc('\\', out);
		putc(*text == '\n' ? ' ' : *text, out);
	}
}

static void put_label(FILE *out, const char *label, enum sl_table_format format)
{
	if (format == SL_TABLE_LATEX)
		latex_text(out, label);
	else if (format == SL_TABLE_CSV)
		sl_csv_text(out, label);
	else
		markdown_text(out, label);
}

static void value_text(double value, enum sl_axis axis, char text[static 40])
{
	snprintf(text, 40, "–");
	if (!isfinite(value))
		return;
	if (axis == SL_AXIS_SECONDS)
		sl_seconds_text(value, text, 40);
	else if (axis == SL_AXIS_ROUND)
		snprintf(text, 40, "%.0f", value);
	else if (fabs(value) < 9e18)
		sl_bytes_text((int64_t)value, text, 40);
}

/* One value of the table to copy: winners are bold; CSV has bare numbers, and nothing where one is missing. */
static void put_value(FILE *out, const struct sl_report *r, uint32_t g, uint32_t t, enum sl_axis axis,
                      enum sl_table_format format)
{
	char text[40];
	double value = sl_report_reach_on(&r->group[g].reach[t], axis);
	bool bold = sl_report_compares(r) && axis != SL_AXIS_ROUND && sl_report_winner(r, t, axis) == g;
	value_text(value, axis, text);
	fputs(format == SL_TABLE_LATEX ? " & " : format == SL_TABLE_CSV ? "," : " | ", out);
	if (format == SL_TABLE_CSV) {
		if (isfinite(value))
			sl_json_real(out, value);
		return;
	}
	if (format == SL_TABLE_LATEX && !isfinite(value))
		snprintf(text, sizeof text, "--");
	fprintf(out, !bold ? "%s" : format == SL_TABLE_LATEX ? "\\textbf{%s}" : "**%s**", text);
}

void sl_table_targets_as(FILE *out, const struct sl_report *r, enum sl_table_format format)
{
	static const char *const head[] = {
		"\\begin{tabular}{llrrr}\n\\hline\naccuracy & method & round & payload & time \\\\\n\\hline\n",
		"accuracy,method,round,payload_bytes,seconds\n",
		"| accuracy | method | round | payload | time |\n|---:|:---|---:|---:|---:|\n",
	}, *const end[] = { " \\\\\n", "\n", " |\n" };
	fputs(head[format], out);
	for (uint32_t t = 0; t < r->targets; t++)
		for (uint32_t g = 0; g < r->groups; g++) {
			fprintf(out,
			        format == SL_TABLE_MARKDOWN ? "| %.4g | "
			        : format == SL_TABLE_CSV    ? "%.4g,"
			                                    : "%.4g & ",
			        r->target[t]);
			put_label(out, r->group[g].label, format);
			put_value(out, r, g, t, SL_AXIS_ROUND, format);
			put_value(out, r, g, t, SL_AXIS_PAYLOAD, format);
			put_value(out, r, g, t, SL_AXIS_SECONDS, format);
			fputs(end[format], out);
		}
	if (format == SL_TABLE_LATEX)
		fputs("\\hline\n\\end{tabular}\n", out);
}

/* ---- curves ---- */

void sl_table_curve(FILE *out, const struct sl_report_group *group)
{
	static const char *const name[SL_MEASURES] = { "test_accuracy",   "test_loss", "train_loss",
		                                       "consensus_error", "sparsity",  "objective",
		                                       "disagreement" };
	fputs("round,payload_bytes,wire_bytes,seconds,peers", out);
	for (int m = 0; m < SL_MEASURES; m++)
		fprintf(out,
		        m < SL_MEASURE_CONSENSUS || m == SL_MEASURE_SPARSITY ? ",%s,%s_min,%s_max" : ",%s",
		        name[m], name[m], name[m]);
	putc('\n', out);
	for (uint32_t i = 0; i < group->curve->count; i++) {
		const struct sl_report_point *p = &group->curve->point[i];
		for (int axis = 0; axis < SL_AXES; axis++)
			fprintf(out, isfinite(p->x[axis]) ? "%.10g," : ",", p->x[axis]);
		fprintf(out, "%.4g", p->peers);
		for (int m = 0; m < SL_MEASURES; m++) {
			bool spread = m < SL_MEASURE_CONSENSUS || m == SL_MEASURE_SPARSITY;
			const double value[] = { p->mean[m], p->low[m], p->high[m] };
			for (int k = 0; k < (spread ? 3 : 1); k++)
				fprintf(out, isfinite(value[k]) ? ",%.7g" : ",", value[k]);
		}
		putc('\n', out);
	}
}
