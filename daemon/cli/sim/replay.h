/* replay.h — starling sim RUN --replay FILE. */
#ifndef SL_DAEMON_CLI_SIM_REPLAY_H
#define SL_DAEMON_CLI_SIM_REPLAY_H

#include <stdbool.h>

struct sl_replay_options {
	const char *run, *file;
	char *const *overrides;
	bool json, verbose;
};
/* Replays a recorded peer and reports the first difference. Returns the exit code. */
int sl_replay_main(const struct sl_replay_options *);

#endif
