/* aside.h — keeps checkpoints from which a run no longer resumes under another name. */
#ifndef SL_DAEMON_RUN_ASIDE_H
#define SL_DAEMON_RUN_ASIDE_H

#include "base/error.h"

enum { SL_ASIDE_MOST = 3 };

/* Renames STEM.0 and STEM.1 (those that are there) to STEM.old-1.0 and STEM.old-1.1. What was there under
 * these names becomes STEM.old-2.*, and so on; beyond SL_ASIDE_MOST the oldest are removed. `kept` (may be
 * NULL) is false if there was nothing to rename. */
enum sl_status sl_aside(const char *stem, bool *kept, struct sl_error *error);

#endif
