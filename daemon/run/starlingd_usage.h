/* starlingd_usage.h — the command line of starlingd. It is here because starling prints its completion and its
 * manual page. */
#ifndef SL_DAEMON_RUN_STARLINGD_USAGE_H
#define SL_DAEMON_RUN_STARLINGD_USAGE_H

#include "daemon/run/overrides.h"

struct sl_starlingd_options {
	const char *run; /* as typed: run.conf, or its folder */
	uint32_t peer;
	bool check, reload, verbose;
	struct sl_overrides set;
};
extern const struct sl_usage sl_starlingd_usage; /* the letters 'h' and 'V' stop */

#endif
