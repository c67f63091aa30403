/* run_figures.c — figures of one run: the graph with its weights, traffic per link, where time went, events. */
#include "daemon/cli/report/figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CELLS = 64 /* a side of the heat map at most */, BARS = 128 };

const char *const sl_time_part[SL_TIME_PARTS] = { "compute", "compress", "wait", "other" };
const char *const sl_event_class[SL_EVENT_CLASSES] = { "restart or lost state",
	                                               "late edge, link down",
	                                               "quarantine, refusal",
	                                               "roster and settings",
	                                               "diverging",
	                                               "storage and others" };

uint32_t sl_time_colour(int part)
{
	static const uint32_t colour[SL_TIME_PARTS] = { 0, 2, 4, 6 };
	return colour[part];
}

uint32_t sl_event_colour(int class)
{
	static const uint32_t colour[SL_EVENT_CLASSES] = { 1, 4, 3, 0, 6, 5 };
	return colour[class];
}

int sl_event_class_of(const char *kind)
{
	static const struct {
		const char *word;
		int class;
	} list[] = {
		{ "resumed", 0 },       { "recovered", 0 },   { "fresh-start", 0 },
		{ "mean-shift", 0 },    { "halted", 0 },      { "checkpoint-unsound", 0 },
		{ "skipped", 0 },       { "edge-", 1 },       { "link-", 1 },
		{ "left-unheard", 1 },  { "never-heard", 1 }, { "cut-off", 1 },
		{ "alone", 1 },         { "quarantine", 2 },  { "refused", 2 },
		{ "copy-diverged", 2 }, { "anomaly", 2 },     { "fork", 2 },
		{ "roster", 3 },        { "joined", 3 },      { "settings", 3 },
		{ "setting-", 3 },      { "step-size", 3 },   { "diverging", 4 },
		{ "settled", 4 },
	};
	if (strcmp(kind, "edge-new") == 0)
		return 3;
	for (size_t i = 0; i < sizeof list / sizeof *list; i++)
		if (strstr(kind, list[i].word))
			return list[i].class;
	return 5;
}

/* ---- the graph ---- */

static void write_edges(const struct sl_topology *t, double least, double most, uint32_t classes,
                        FILE *script)
{
	for (uint32_t k = 0; k < classes; k++) {
		fprintf(script, "$edges_%u << EOD\n", k);
		for (uint32_t e = 0; e < t->edges; e++) {
			double at = most > least ? (t->weight[e] - least) / (most - least) : 0;
			if ((uint32_t)fmin(classes - 1.0, at * classes) != k)
				continue;
			double from = 2 * M_PI * t->edge[e].a / t->peers,
			       to = 2 * M_PI * t->edge[e].b / t->peers;
			fprintf(script, "%.4f %.4f %.4f %.4f %.3g\n", sin(from), cos(from),
			        sin(to) - sin(from), cos(to) - cos(from), t->weight[e]);
		}
		fputs("NaN NaN NaN NaN NaN\nEOD\n", script);
	}
	fputs("$nodes << EOD\n", script);
	for (uint32_t i = 0; i < t->peers; i++)
		if (sl_topology_degree(t, i) > 0)
			fprintf(script, "%.4f %.4f %u\n", sin(2 * M_PI * i / t->peers),
			        cos(2 * M_PI * i / t->peers), i);
	fputs("EOD\n", script);
}

static void add_graph(struct sl_figures *f, const struct sl_report_run *run, uint32_t number,
                      struct sl_gnuplot *g)
{
	const struct sl_topology *t = &run->graph;
	double least = (double)INFINITY, most = 0;
	for (uint32_t e = 0; e < t->edges; e++) {
		least = fmin(least, t->weight[e]);
		most = fmax(most, t->weight[e]);
	}
	uint32_t classes = most - least > 1e-9 ? 6 : 1, svg = sl_gnuplot_figure(g, 440, 400);
	FILE *script = g->script;
	write_edges(t, least, most, classes, script);
	fputs("set border 0\nunset tics\nunset grid\nset size ratio -1\n"
	      "set xrange [-1.15:1.15]\nset yrange [-1.15:1.15]\nplot NaN notitle",
	      script);
	for (uint32_t k = 0; k < classes; k++)
		fprintf(script, ", $edges_%u using 1:2:3:4 with vectors nohead lw %.1f lc %s notitle", k,
		        classes == 1 ? 1.5 : 0.6 + k, sl_gnuplot_colour(5));
	if (classes > 1 && t->edges <= 20)
		for (uint32_t k = 0; k < classes; k++)
			fprintf(script,
			        ", $edges_%u using ($1+$3/2):($2+$4/2):5 with labels font ',11' notitle", k);
	double radius = t->peers <= 24 ? 0.08 : t->peers <= 64 ? 0.045 : 0.025;
	fprintf(script, ", $nodes using 1:2:(%g) with circles fs solid noborder lc %s notitle", radius,
	        sl_gnuplot_colour(0));
	if (t->peers <= 64)
		fprintf(script, ", $nodes using 1:2:3 with labels font ',%d' textcolor rgb 'white' notitle",
		        t->peers <= 24 ? 12 : 9);
	fputs("\n", script);
	struct sl_figure *figure =
	    sl_figures_next(f, "Graph and mixing weights", number, SL_LEGEND_NONE, svg);
	const char *source =
	    run->own_weights ? "of the topology" : "Metropolis-Hastings over the links of the history";
	if (classes == 1)
		snprintf(figure->caption, sizeof figure->caption, "%u edges, each of weight %.3g (%s).",
		         t->edges, most, source);
	else
		snprintf(figure->caption, sizeof figure->caption,
		         "%u edges; the wider, the larger the weight: %.3g to %.3g (%s).", t->edges, least,
		         most, source);
}

/* ---- bytes per link ---- */

static void add_traffic(struct sl_figures *f, const struct sl_report_run *run, uint32_t number,
                        struct sl_gnuplot *g)
{
	uint32_t peers = 1;
	for (uint32_t i = 0; i < run->links; i++) {
		peers = run->link[i].from >= peers ? run->link[i].from + 1 : peers;
		peers = run->link[i].to >= peers ? run->link[i].to + 1 : peers;
	}
	uint32_t per_cell = (peers + CELLS - 1) / CELLS, side = (peers + per_cell - 1) / per_cell;
	double *cell = calloc((size_t)side * side, sizeof *cell), most = 0;
	if (!cell)
		return;
	for (uint32_t i = 0; i < run->links; i++)
		if (isfinite(run->link[i].payload)) {
			double *c =
			    &cell[(size_t)(run->link[i].from / per_cell) * side + run->link[i].to / per_cell];
			*c += run->link[i].payload;
			most = fmax(most, *c);
		}
	const char *unit;
	double by = sl_unit_of(SL_AXIS_PAYLOAD, most, &unit);
	uint32_t svg = most > 0 ? sl_gnuplot_figure(g, 440, 400) : 0;
	FILE *script = g->script;
	if (most > 0) {
		fprintf(script, "$cells << EOD\n");
		for (uint32_t i = 0; i < side * side; i++)
			if (cell[i] > 0)
				fprintf(script, "%u %u %.6g\n", i % side * per_cell, i / side * per_cell,
				        cell[i] / by);
		fprintf(
		    script,
		    "EOD\nset size ratio 1\nset palette maxcolors 32 defined (0 '#440154', 1 '#3b528b', "
		    "2 '#21918c', 3 '#5ec962', 4 '#fde725')\nset cbrange [0:%.6g]\n"
		    "set xlabel 'to peer'\nset ylabel 'from peer'\nset xrange [%g:%g]\nset yrange [%g:%g]\n"
		    "plot $cells using 1:2:(%g):(%g):3 with boxxyerror fs solid noborder lc palette notitle\n",
		    most / by, -0.5 * per_cell, (side - 0.5) * per_cell, (side - 0.5) * per_cell,
		    -0.5 * per_cell, 0.5 * per_cell, 0.5 * per_cell);
		struct sl_figure *figure =
		    sl_figures_next(f, "Payload per link", number, SL_LEGEND_NONE, svg);
		snprintf(figure->caption, sizeof figure->caption,
		         per_cell == 1 ? "Frames sent over each link, in %s."
		                       : "Frames sent, in %s; a cell stands for %u peers.",
		         unit, per_cell);
	}
	free(cell);
}

/* ---- time ---- */

static void parts_of(const struct sl_report_peer *p, double part[SL_TIME_PARTS])
{
	double all = 0;
	const double measured[] = { p->compute, p->compress, p->wait };
	for (int i = 0; i < 3; i++) {
		part[i] = isfinite(measured[i]) ? measured[i] : 0;
		all += part[i];
	}
	part[3] = isfinite(p->seconds) && p->seconds > all ? p->seconds - all : 0;
}

static void add_time(struct sl_figures *f, const struct sl_report_run *run, uint32_t number,
                     struct sl_gnuplot *g)
{
	double part[SL_TIME_PARTS], most = 0, measured = 0;
	uint32_t peers = run->peers < BARS ? run->peers : BARS;
	for (uint32_t i = 0; i < peers; i++) {
		parts_of(&run->peer[i], part);
		measured += part[0] + part[1] + part[2];
		most = fmax(most, part[0] + part[1] + part[2] + part[3]);
	}
	if (!(measured > 0))
		return;
	const char *unit;
	double by = sl_unit_of(SL_AXIS_SECONDS, most, &unit);
	uint32_t svg = sl_gnuplot_figure(g, 440, 290);
	FILE *script = g->script;
	for (int k = 0; k < SL_TIME_PARTS; k++) {
		fprintf(script, "$time_%d << EOD\n", k);
		for (uint32_t i = 0; i < peers; i++) {
			double below = 0;
			parts_of(&run->peer[i], part);
			for (int j = 0; j < k; j++)
				below += part[j];
			fprintf(script, "%u %.6g %.6g\n", run->peer[i].peer, below / by,
			        (below + part[k]) / by);
		}
		fputs("EOD\n", script);
	}
	fprintf(script,
	        "set xlabel 'peer'\nset ylabel '%s'\nset yrange [0:*]\n"
	        "set xrange [%g:%g]\nplot NaN notitle",
	        unit, run->peer[0].peer - 0.6, run->peer[peers - 1].peer + 0.6);
	for (int k = 0; k < SL_TIME_PARTS; k++)
		fprintf(
		    script,
		    ", $time_%d using 1:2:($1-0.4):($1+0.4):2:3 with boxxyerror fs %s noborder lc %s notitle",
		    k, k == 3 ? "transparent solid 0.15" : "solid", sl_gnuplot_colour(sl_time_colour(k)));
	fputs("\n", script);
	struct sl_figure *figure = sl_figures_next(f, "Where the time goes", number, SL_LEGEND_TIME, svg);
	snprintf(figure->caption, sizeof figure->caption,
	         peers < run->peers ? "The first %u of %u peers. Other: evaluation, disk, starts and pauses."
	                            : "Other: evaluation, disk, starts and pauses.",
	         peers, run->peers);
}

/* ---- events ---- */

static void add_events(struct sl_figures *f, const struct sl_report_run *run, uint32_t number,
                       struct sl_gnuplot *g)
{
	double last = 0;
	int64_t most_peer = 0;
	uint32_t drawn = 0;
	for (uint32_t i = 0; i < run->peers; i++) {
		last = fmax(last, isfinite(run->peer[i].seconds) ? run->peer[i].seconds : 0);
		most_peer = run->peer[i].peer > most_peer ? run->peer[i].peer : most_peer;
	}
	for (uint32_t i = 0; i < run->events; i++)
		if (isfinite(run->event[i].seconds) && run->event[i].peer >= 0) {
			drawn++;
			last = fmax(last, run->event[i].seconds);
			most_peer = run->event[i].peer > most_peer ? run->event[i].peer : most_peer;
		}
	if (drawn == 0)
		return;
	const char *unit;
	double by = sl_unit_of(SL_AXIS_SECONDS, last, &unit);
	uint32_t svg = sl_gnuplot_figure(g, 900, (unsigned)fmin(640, 130 + 26.0 * (double)(most_peer + 1)));
	FILE *script = g->script;
	fputs("$alive << EOD\n", script);
	for (uint32_t i = 0; i < run->peers; i++)
		fprintf(script, "0 %u %.6g 0\n", run->peer[i].peer,
		        isfinite(run->peer[i].seconds) ? run->peer[i].seconds / by : 0);
	fputs("EOD\n", script);
	fputs("$absent << EOD\n", script);
	for (uint32_t i = 0; i < run->absences; i++)
		fprintf(script, "%.6g %u %.6g 0\n", run->absence[i].from / by, run->absence[i].peer,
		        (run->absence[i].to - run->absence[i].from) / by);
	fputs("NaN NaN NaN NaN\nEOD\n", script);
	for (int k = 0; k < SL_EVENT_CLASSES; k++) {
		fprintf(script, "$events_%d << EOD\n", k);
		for (uint32_t i = 0; i < run->events; i++)
			if (sl_event_class_of(run->event[i].kind) == k && run->event[i].peer >= 0 &&
			    isfinite(run->event[i].seconds))
				fprintf(script, "%.6g %.2f 0 0.72\n", run->event[i].seconds / by,
				        (double)run->event[i].peer - 0.36);
		fputs("NaN NaN NaN NaN\nEOD\n", script);
	}
	fprintf(
	    script,
	    "set xlabel 'time in %s'\nset ylabel 'peer'\n"
	    "set xrange [0:%.6g]\nset yrange [%lld.7:-0.7]\nplot $alive using 1:2:3:4 with vectors nohead lw 0.7 lc rgb 'gray' notitle, "
	    "$absent using 1:2:3:4 with vectors nohead lw 5 lc rgb '#D55E00' notitle",
	    unit, last > 0 ? 1.01 * last / by : 1, (long long)most_peer);
	for (int k = SL_EVENT_CLASSES - 1; k >= 0; k--)
		fprintf(script, ", $events_%d using 1:2:3:4 with vectors nohead lw 2.5 lc %s notitle", k,
		        sl_gnuplot_colour(sl_event_colour(k)));
	fputs("\n", script);
	struct sl_figure *figure = sl_figures_next(f, "Events", number, SL_LEGEND_EVENTS, svg);
	snprintf(figure->caption, sizeof figure->caption,
	         "%u events; the grey line of a peer ends with its last row%s.", drawn,
	         run->absences ? "; a thick red one is a time without rows before it was started again" : "");
}

void sl_figures_add_run(struct sl_figures *f, const struct sl_report *r, uint32_t number,
                        struct sl_gnuplot *g)
{
	const struct sl_report_run *run = &r->run[number];
	if (run->drawn)
		add_graph(f, run, number, g);
	if (run->links > 0)
		add_traffic(f, run, number, g);
	if (run->peers > 0)
		add_time(f, run, number, g);
	add_events(f, run, number, g);
}
