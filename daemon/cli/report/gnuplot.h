/* gnuplot.h — figures by gnuplot: one process for all of them.
 *
 * gnuplot draws the same figure as SVG for a page, and as PDF and PNG for a paper; its SVG is plain shapes and text that
 * need no script, so a page shows them in a mail reader and on paper; and it is small and stable in Debian (gnuplot-nox).
 * No text from a database is ever part of a script: a script is a program, and such texts can be anything. Legends are
 * therefore written by the page, or cleaned by sl_gnuplot_text. */
#ifndef SL_DAEMON_CLI_REPORT_GNUPLOT_H
#define SL_DAEMON_CLI_REPORT_GNUPLOT_H

#include "base/error.h"

#include <stdio.h>

enum { SL_GNUPLOT_COLOURS = 7 };
/* Colours that people with any colour vision tell apart (Okabe and Ito 2008), without yellow, which is lost on white:
 * "rgb '#0072B2'" for i = 0, 1, …, again from the start after the last. */
const char *sl_gnuplot_colour(uint32_t i);

struct sl_gnuplot {
	char folder[64]; /* temporary */
	FILE *script;
	uint32_t figures;
};

/* Makes a temporary folder and begins the script. sl_gnuplot_close is needed after success only. */
enum sl_status sl_gnuplot_open(struct sl_gnuplot *, struct sl_error *error);
/* What every figure begins with: nothing is left of the one before. */
void sl_gnuplot_style(FILE *script);
/* Begins the next figure: an SVG of that size. Its number is returned. */
uint32_t sl_gnuplot_figure(struct sl_gnuplot *, unsigned width, unsigned height);
/* The only figure: for a terminal of gnuplot, at `path` once the script has run. */
void sl_gnuplot_output(struct sl_gnuplot *, const char *terminal, char path[static 128]);
/* Runs the script. SL_IO: gnuplot is not installed (the error names the package), or failed. */
enum sl_status sl_gnuplot_run(struct sl_gnuplot *, struct sl_error *error);
/* Writes a figure as an SVG element for a page of HTML: without declarations, ids and links. */
enum sl_status sl_gnuplot_embed(const struct sl_gnuplot *, uint32_t figure, const char *label, FILE *out,
                                struct sl_error *error);
/* Removes the folder. */
void sl_gnuplot_close(struct sl_gnuplot *);

/* A text within single quotes of a script: quotes, backslashes, control characters and bytes that are not UTF-8 are
 * replaced. */
void sl_gnuplot_text(FILE *script, const char *text);

#endif
