#include "daemon/cli/commands.h"

#include "daemon/cli/common/command_line.h"
#include "daemon/cli/completion.h"

/* starling completion: it needs the table that it is in. */
static int run_completion(int argc, char **argv);

static const struct sl_operand operands_of_completion[] = {
	{ "SHELL", "the shell", .words = sl_completion_shell }, { NULL }
};
static const struct sl_argument arguments_of_completion[] = { SL_ARGUMENT_HELP, { .value = NULL } };

static const struct sl_command completion = {
	"completion",
	{ .program = "starling completion",
	  .doc = "print the completion of command lines for a shell",
	  .forms = (const char *const[]){ "SHELL", NULL },
	  .text =
	      "Prints a script that completes command lines of starling and starlingd: options, files, settings and names of\n"
	      "plug-ins. `make install` installs it for bash and zsh. To try it in bash:\n"
	      "  . <(starling completion bash)\n",
	  .operands = operands_of_completion,
	  .arguments = arguments_of_completion },
	run_completion
};

const struct sl_command *const sl_commands[] = {
	&sl_command_init,
	&sl_command_up,
	&sl_command_sim,
	&sl_command_sweep,
	&sl_command_status,
	&sl_command_watch,
	&sl_command_doctor,
	&sl_command_enrol,
	&sl_command_shard,
	&sl_command_install,
	&sl_command_deploy,
	&sl_command_history,
	&sl_command_report,
	&sl_command_plot,
	&sl_command_collect,
	&sl_command_export,
	&sl_command_predict,
	&sl_command_keygen,
	&sl_command_roster,
	&sl_command_topology,
	&sl_command_list,
	&completion,
	NULL,
};

static int run_completion(int argc, char **argv)
{
	char **operands;
	int code = sl_command_parse(&completion, argc, argv, NULL, &operands);
	if (code >= 0)
		return code;
	sl_completion_write(stdout, operands[0], sl_commands);
	return SL_EXIT_OK;
}
