/* command.h — `starling`: one file per subcommand. */
#ifndef SL_DAEMON_CLI_COMMON_COMMAND_H
#define SL_DAEMON_CLI_COMMON_COMMAND_H

#include "daemon/run/arguments.h"

/* Exit codes of every command. */
enum { SL_EXIT_OK = 0, SL_EXIT_FAILED = 1, SL_EXIT_MISUSE = 2 };

struct sl_command {
	const char *name;
	struct sl_usage usage;
	int (*run)(int argc, char **argv); /* argv[0] is the subcommand */
};
extern const struct sl_command sl_command_init, sl_command_up, sl_command_sim, sl_command_status,
    sl_command_watch, sl_command_sweep, sl_command_doctor, sl_command_enrol, sl_command_shard,
    sl_command_install, sl_command_deploy, sl_command_history, sl_command_report, sl_command_plot,
    sl_command_collect, sl_command_export, sl_command_predict, sl_command_keygen, sl_command_roster,
    sl_command_topology, sl_command_list;

/* Prints "starling NAME: sentence" on stderr and returns the exit code: SL_EXIT_FAILED for SL_IO and
 * SL_NO_MEMORY, else SL_EXIT_MISUSE. */
int sl_command_fail(const struct sl_command *, const struct sl_error *);

#endif
