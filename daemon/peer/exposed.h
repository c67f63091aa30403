/* exposed.h — warnings about private files of a run that other users of the machine may read. */
#ifndef SL_DAEMON_PEER_EXPOSED_H
#define SL_DAEMON_PEER_EXPOSED_H

#include "daemon/run/run.h"

/* Logs a warning for each of the peer's samples, the test set and the history that everybody may read. */
void sl_exposed_warn(const struct sl_run *, uint32_t peer);

#endif
