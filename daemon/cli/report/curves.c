/* curves.c — figures of curves: a line per group, and a band around it. */
#include "daemon/cli/report/figures.h"

#include <math.h>
#include <string.h>

static const struct {
	const char *title;
	bool log; /* where it spans much */
} measure[SL_MEASURES] = {
	[SL_MEASURE_ACCURACY] = { "Test accuracy", false },
	[SL_MEASURE_TEST_LOSS] = { "Test loss", true },
	[SL_MEASURE_TRAIN_LOSS] = { "Training loss", true },
	[SL_MEASURE_CONSENSUS] = { "Consensus error", true },
	[SL_MEASURE_SPARSITY] = { "Sparsity", false },
	[SL_MEASURE_OBJECTIVE] = { "Objective", true },
	[SL_MEASURE_DISAGREEMENT] = { "Disagreement", true },
};

const char *sl_measure_title(enum sl_measure m)
{
	return measure[m].title;
}

double sl_unit_of(enum sl_axis axis, double most, const char **unit)
{
	static const struct {
		double from, by;
		const char *name;
	} bytes[] = { { 1e12, 1e12, "TB" },
		      { 1e9, 1e9, "GB" },
		      { 1e6, 1e6, "MB" },
		      { 1e3, 1e3, "kB" },
		      { 0, 1, "bytes" } },
	  time[] = { { 2e5, 86400, "days" },
		     { 7200, 3600, "hours" },
		     { 300, 60, "minutes" },
		     { 1, 1, "seconds" },
		     { 0, 1e-3, "milliseconds" } };
	*unit = "";
	if (axis == SL_AXIS_ROUND)
		return 1;
	for (int i = 0; i < 5; i++) {
		*unit = axis == SL_AXIS_SECONDS ? time[i].name : bytes[i].name;
		if (most >= (axis == SL_AXIS_SECONDS ? time[i].from : bytes[i].from))
			return axis == SL_AXIS_SECONDS ? time[i].by : bytes[i].by;
	}
	return 1;
}

/* Ranges over all groups. */
struct extent {
	double x_most, x_ends_least, y_least, y_most; /* x_ends_least: the least of the groups' last x */
	uint32_t points;
};

static bool is_drawn(const struct sl_report_point *p, enum sl_axis x, enum sl_measure y)
{
	return isfinite(p->x[x]) && isfinite(p->mean[y]);
}

static struct extent extent_of(const struct sl_report *r, enum sl_axis x, enum sl_measure y)
{
	struct extent e = { -(double)INFINITY, (double)INFINITY, (double)INFINITY, -(double)INFINITY, 0 };
	for (uint32_t g = 0; g < r->groups; g++) {
		double end = (double)NAN;
		for (uint32_t i = 0; i < r->group[g].curve->count; i++) {
			const struct sl_report_point *p = &r->group[g].curve->point[i];
			if (!is_drawn(p, x, y))
				continue;
			e.points++;
			end = p->x[x];
			e.x_most = fmax(e.x_most, p->x[x]);
			e.y_least = fmin(e.y_least, fmin(p->mean[y], p->low[y]));
			e.y_most = fmax(e.y_most, fmax(p->mean[y], p->high[y]));
		}
		e.x_ends_least = fmin(e.x_ends_least, end);
	}
	return e;
}

/* About five ticks, so that long numbers have room below a small figure. */
static void write_ticks(double most, FILE *script)
{
	double power = pow(10, floor(log10(most / 5))), part = most / 5 / power;
	if (most > 0 && isfinite(power))
		fprintf(script, "set xtics %.9g\n",
		        power * (part <= 1   ? 1
		                 : part <= 2 ? 2
		                 : part <= 5 ? 5
		                             : 10));
}

static void write_axes(const struct extent *e, enum sl_axis x, enum sl_measure y, bool log_x, bool log_y,
                       FILE *script)
{
	static const char *const of[SL_AXES] = { "round", "payload of all peers",
		                                 "bytes on the wire of all peers", "time" };
	const char *unit;
	sl_unit_of(x, log_x ? e->x_ends_least : e->x_most, &unit);
	fprintf(script, *unit ? "set xlabel '%s in %s'\n" : "set xlabel '%s'\n", of[x], unit);
	if (log_x)
		fputs("set logscale x\n", script);
	if (log_y)
		fputs(e->y_most > 1e3 * e->y_least ? "set logscale y\nset format y '10^{%T}'\n"
		                                   : "set logscale y\n",
		      script);
	if (y == SL_MEASURE_SPARSITY || y == SL_MEASURE_ACCURACY) {
		double margin = 0.05 * (e->y_most - e->y_least) + 1e-3;
		fprintf(script, "set yrange [%.6g:%.6g]\n", fmax(0, e->y_least - margin),
		        fmin(1.002, e->y_most + margin));
	}
	if (!log_x) {
		fprintf(script, "set xrange [0:*]\n");
		write_ticks(e->x_most / sl_unit_of(x, e->x_most, &unit), script);
	}
}

static bool write_series(const struct sl_report_curve *curve, enum sl_axis x, enum sl_measure y, double by,
                         const char *name, uint32_t series, FILE *script)
{
	bool spread = false;
	fprintf(script, "$%s_%u << EOD\n", name, series);
	for (uint32_t i = 0; i < curve->count; i++) {
		const struct sl_report_point *p = &curve->point[i];
		if (!is_drawn(p, x, y))
			continue;
		fprintf(script, "%.7g %.7g %.7g %.7g\n", p->x[x] / by, p->mean[y], p->low[y], p->high[y]);
		spread = spread || p->high[y] > p->low[y];
	}
	fputs("EOD\n", script);
	return spread;
}

bool sl_curves_script(const struct sl_report *r, enum sl_axis x, enum sl_measure y, FILE *script,
                      const char *name, bool titles)
{
	const char *unit;
	struct extent e = extent_of(r, x, y);
	bool log_y = measure[y].log && e.y_least > 0 && e.y_most > 30 * e.y_least;
	bool log_x = x != SL_AXIS_ROUND && e.x_ends_least > 0 && e.x_most > 8 * e.x_ends_least;
	bool spread[SL_REPORT_RUNS] = { false };
	if (e.points == 0)
		return false;
	double by = sl_unit_of(x, log_x ? e.x_ends_least : e.x_most, &unit);
	for (uint32_t g = 0; g < r->groups; g++)
		spread[g] = write_series(r->group[g].curve, x, y, by, name, g, script);
	write_axes(&e, x, y, log_x, log_y, script);
	fputs("plot NaN notitle", script);
	for (uint32_t g = 0; g < r->groups; g++)
		if (spread[g])
			fprintf(
			    script,
			    ", $%s_%u using 1:3:4 with filledcurves fs transparent solid 0.18 noborder lc %s notitle",
			    name, g, sl_gnuplot_colour(g));
	for (uint32_t g = 0; g < r->groups; g++) {
		fprintf(script, ", $%s_%u using 1:2 with lines lw 2 dt %u lc %s", name, g,
		        1 + (g + g / SL_GNUPLOT_COLOURS) % 5, sl_gnuplot_colour(g));
		if (titles) {
			fputs(" title '", script);
			sl_gnuplot_text(script, r->group[g].label);
			fputs("'", script);
		} else {
			fputs(" notitle", script);
		}
		if (e.points <= 3 * r->groups) /* a line needs two points */
			fprintf(script, ", $%s_%u using 1:2:(0.012) with circles fs solid lc %s notitle",
			        name, g, sl_gnuplot_colour(g));
	}
	fputs("\n", script);
	return true;
}

struct sl_figure *sl_figures_next(struct sl_figures *f, const char *title, uint32_t run,
                                  enum sl_legend legend, uint32_t svg)
{
	SL_CHECK(f->count < SL_FIGURES_MAX);
	struct sl_figure *figure = &f->item[f->count++];
	*figure = (struct sl_figure){ .svg = svg, .run = run, .legend = legend };
	snprintf(figure->title, sizeof figure->title, "%s", title);
	return figure;
}

void sl_figures_add_curves(struct sl_figures *f, const struct sl_report *r, struct sl_gnuplot *g)
{
	static const struct {
		enum sl_measure y;
		enum sl_axis x;
		const char *over;
	} list[] = {
		{ SL_MEASURE_ACCURACY, SL_AXIS_ROUND, "rounds" },
		{ SL_MEASURE_ACCURACY, SL_AXIS_PAYLOAD, "bytes" },
		{ SL_MEASURE_ACCURACY, SL_AXIS_SECONDS, "time" },
		{ SL_MEASURE_TEST_LOSS, SL_AXIS_ROUND, "rounds" },
		{ SL_MEASURE_TEST_LOSS, SL_AXIS_PAYLOAD, "bytes" },
		{ SL_MEASURE_TEST_LOSS, SL_AXIS_SECONDS, "time" },
		{ SL_MEASURE_TRAIN_LOSS, SL_AXIS_ROUND, "rounds" },
		{ SL_MEASURE_TRAIN_LOSS, SL_AXIS_PAYLOAD, "bytes" },
		{ SL_MEASURE_TRAIN_LOSS, SL_AXIS_SECONDS, "time" },
		{ SL_MEASURE_CONSENSUS, SL_AXIS_ROUND, "rounds" },
		{ SL_MEASURE_SPARSITY, SL_AXIS_ROUND, "rounds" },
	};
	for (uint32_t i = 0; i < sizeof list / sizeof *list; i++) {
		char title[96], name[16];
		struct extent e = extent_of(r, list[i].x, list[i].y);
		if (e.points == 0 || (list[i].x != SL_AXIS_ROUND && !(e.x_most > 0)))
			continue;
		snprintf(title, sizeof title, "%s over %s", sl_measure_title(list[i].y), list[i].over);
		snprintf(name, sizeof name, "curve%u", i);
		uint32_t svg = sl_gnuplot_figure(g, 440, 290);
		sl_curves_script(r, list[i].x, list[i].y, g->script, name, false);
		sl_figures_next(f, title, UINT32_MAX, SL_LEGEND_GROUPS, svg);
	}
}
