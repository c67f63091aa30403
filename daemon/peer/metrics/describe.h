/* describe.h — a running peer as metrics; starlingd(8) lists them. */
#ifndef SL_DAEMON_PEER_METRICS_DESCRIBE_H
#define SL_DAEMON_PEER_METRICS_DESCRIBE_H

#include "daemon/peer/loop.h"

/* sl_exporter_describe; the context is the loop. */
char *sl_metrics_describe(void *context, bool openmetrics, size_t *length);

#endif
