/* export.h — tables and views of a history as CSV or JSON, for other programs. */
#ifndef SL_DAEMON_CLI_REPORT_EXPORT_H
#define SL_DAEMON_CLI_REPORT_EXPORT_H

#include "base/error.h"

#include <stdio.h>

/* The tables and views that can be exported (lib/history/schema.sql). */
#define SL_EXPORT_TABLES(X)                                                                                  \
	X(curve)                                                                                             \
	X(peer_curve)                                                                                        \
	X(link_curve)                                                                                        \
	X(peer_time)                                                                                         \
	X(summary) X(run) X(peer) X(round) X(link) X(event) X(metric) X(consensus) X(traffic) X(budget)
enum sl_export_table {
#define SL_EXPORT_NAME(name) SL_EXPORT_##name,
	SL_EXPORT_TABLES(SL_EXPORT_NAME)
#undef SL_EXPORT_NAME
};
/* Their names as the choices of an option. */
#define SL_EXPORT_CHOICES                                                                                    \
	"curve|peer_curve|link_curve|peer_time|summary|run|peer|round|link|event|metric|consensus|traffic|budget"

/* Prints the rows of `table` that belong to the runs with that name or run_id (NULL: to all), oldest run first. CSV
 * (RFC 4180, with plain newlines): a line of column names, then a line per row; NULL is empty, and bytes that are not
 * UTF-8 become U+FFFD.
 * JSON: an array of objects. SL_NOT_FOUND: no run has the name. Holds one row in memory. */
enum sl_status sl_export(FILE *out, const char *database, const char *name, enum sl_export_table table,
                         bool json, struct sl_error *error);

/* One value as CSV has it. */
void sl_csv_text(FILE *out, const char *text);

#endif
