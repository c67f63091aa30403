/* summary.h — what a run came to, from its history. */
#ifndef SL_DAEMON_CLI_COMMON_SUMMARY_H
#define SL_DAEMON_CLI_COMMON_SUMMARY_H

#include "base/error.h"

#include <stdio.h>

/* Prints accuracy, consensus error, traffic and time of one run; *diverging (may be NULL): how many peers found at
 * last that it diverges. */
enum sl_status sl_summary_print(FILE *out, const char *database, const char *run_id, bool json,
                                uint32_t *diverging, struct sl_error *error);

/* One run as a JSON object, without a newline. */
struct sl_history_summary;
void sl_summary_json(FILE *out, const char *database, const struct sl_history_summary *);

/* The texts of a summary as a terminal may have them (base/utf8.h). */
void sl_summary_shown(const struct sl_history_summary *, struct sl_history_summary *out);
/* A line for a shell that lists the events of a run, whatever its run_id and the path hold. `which`: a further
 * condition, or "". */
void sl_summary_events_line(FILE *out, const char *database, const char *run_id, const char *which);

#endif
