/* swarm.h — the part of `starling sim` that runs seeds of the swarm. */
#ifndef SL_DAEMON_CLI_SIM_SWARM_H
#define SL_DAEMON_CLI_SIM_SWARM_H

#include "daemon/cli/common/command.h"
#include "daemon/run/threads.h"

struct sl_swarm_options {
	uint64_t first, seeds;
	struct sl_threads *threads;
	bool verbose, stop; /* stop: at the first seed that fails */
};
/* Runs seeds first … first+seeds−1; prints a failing one with the command that reproduces it. Returns an exit
 * code. */
int sl_swarm_main(const struct sl_swarm_options *);

#endif
