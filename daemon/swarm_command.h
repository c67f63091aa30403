/* swarm_command.h — the part of `starling sim` that runs seeds of the swarm. */
#ifndef SL_DAEMON_SWARM_COMMAND_H
#define SL_DAEMON_SWARM_COMMAND_H

#include "daemon/command.h"

/* Runs seeds first … first+seeds−1; prints a failing one with the command that reproduces it. Returns an exit
 * code. */
int sl_swarm_main(uint64_t first, uint64_t seeds, bool verbose, bool stop);

#endif
