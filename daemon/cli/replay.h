/* replay.h — for cli/sim/command.c. */
#ifndef SL_DAEMON_CLI_REPLAY_H
#define SL_DAEMON_CLI_REPLAY_H

#include <stdbool.h>

struct sl_replay_options {
	const char *run, *file;
	char *const *overrides;
	bool json, verbose;
};
/* Runs a recorded peer again; says where it first differs. Returns the exit code. */
int sl_replay_main(const struct sl_replay_options *);

#endif
