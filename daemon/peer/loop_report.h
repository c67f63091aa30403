/* loop_report.h — reports of a running peer. */
#ifndef SL_DAEMON_PEER_LOOP_REPORT_H
#define SL_DAEMON_PEER_LOOP_REPORT_H

#include "daemon/peer/loop.h"

/* One line for people: round, phase, links, the worst turn of the loop since the last line. */
void sl_loop_summary(struct sl_loop *, char *line, size_t size);

#endif
