/* page.h — the report as one page of HTML. It loads nothing: style and script are in it, and its policy forbids the rest. */
#ifndef SL_DAEMON_CLI_REPORT_PAGE_H
#define SL_DAEMON_CLI_REPORT_PAGE_H

#include "daemon/cli/report/figures.h"

enum sl_status sl_page_write(FILE *out, const struct sl_report *, const struct sl_figures *,
                             const struct sl_gnuplot *, struct sl_error *error);

/* Items of a list: sentences about all runs, and about one. */
void sl_findings_of_all(FILE *out, const struct sl_report *);
void sl_findings_of_run(FILE *out, const struct sl_report *, const struct sl_report_run *);

/* Tables: results per group; bytes and time to targets, also as texts to copy. */
void sl_table_results(FILE *out, const struct sl_report *);
void sl_table_targets(FILE *out, const struct sl_report *);
enum sl_table_format { SL_TABLE_LATEX, SL_TABLE_CSV, SL_TABLE_MARKDOWN, SL_TABLE_FORMATS };
void sl_table_targets_as(FILE *out, const struct sl_report *, enum sl_table_format);
/* Points of a group's curve as CSV, as it was drawn. */
void sl_table_curve(FILE *out, const struct sl_report_group *);

/* The group that reached target `t` with all its runs and the least of `axis`; UINT32_MAX: none did. */
uint32_t sl_report_winner(const struct sl_report *, uint32_t t, enum sl_axis axis);
double sl_report_reach_on(const struct sl_report_reach *, enum sl_axis axis);

#endif
