/* swarm.h — the part of `starling sim` that runs seeds of the swarm. */
#ifndef SL_DAEMON_CLI_SIM_SWARM_H
#define SL_DAEMON_CLI_SIM_SWARM_H

#include "daemon/cli/common/command.h"

/* Runs seeds first … first+seeds−1; prints a failing one with the command that reproduces it. Returns an exit
 * code. */
int sl_swarm_main(uint64_t first, uint64_t seeds, bool verbose, bool stop);

#endif
