/* figures.h — which figures a report has, and their scripts. */
#ifndef SL_DAEMON_CLI_REPORT_FIGURES_H
#define SL_DAEMON_CLI_REPORT_FIGURES_H

#include "daemon/cli/report/gnuplot.h"
#include "daemon/cli/report/report.h"

/* What explains a figure's colours beside it. */
enum sl_legend { SL_LEGEND_NONE, SL_LEGEND_GROUPS, SL_LEGEND_TIME, SL_LEGEND_EVENTS };

struct sl_figure {
	char title[96], caption[240]; /* our own texts and numbers: no escaping needed beyond HTML's */
	uint32_t svg;                 /* number of sl_gnuplot_figure */
	uint32_t run;                 /* UINT32_MAX: of all runs */
	enum sl_legend legend;
};

enum { SL_FIGURES_MAX = 16 + 4 * SL_REPORT_DETAILED };
struct sl_figures {
	struct sl_figure item[SL_FIGURES_MAX];
	uint32_t count;
};

/* Adds the curves of all groups, or graph, traffic, times and events of one run; what was not measured has no
 * figure. */
void sl_figures_add_curves(struct sl_figures *, const struct sl_report *, struct sl_gnuplot *);
void sl_figures_add_run(struct sl_figures *, const struct sl_report *, uint32_t number, struct sl_gnuplot *);

struct sl_figure *sl_figures_next(struct sl_figures *, const char *title, uint32_t run, enum sl_legend,
                                  uint32_t svg);

/* Names and units. */
const char *sl_measure_title(enum sl_measure);
/* What a number of seconds or bytes is divided by, and the unit then. */
double sl_unit_of(enum sl_axis, double most, const char **unit);

/* The parts of the time of a peer, and the kinds of events, with their colours. */
enum { SL_TIME_PARTS = 4, SL_EVENT_CLASSES = 6 };
extern const char *const sl_time_part[SL_TIME_PARTS], *const sl_event_class[SL_EVENT_CLASSES];
uint32_t sl_time_colour(int part), sl_event_colour(int class); /* of sl_gnuplot_colour */
/* 0 … SL_EVENT_CLASSES − 1, for a word such as "edge-late". */
int sl_event_class_of(const char *kind);

/* The plot of one figure of curves, y over x, whose data blocks begin with `name`; `titles`: for gnuplot's own legend.
 * False: there is no point to draw, and nothing was written. */
bool sl_curves_script(const struct sl_report *, enum sl_axis x, enum sl_measure y, FILE *script,
                      const char *name, bool titles);

#endif
