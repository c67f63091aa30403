#include "daemon/run/starlingd_usage.h"

#define AT(field) offsetof(struct sl_starlingd_options, field)

static const struct sl_argument arguments[] = {
	{ .option = { "run",
	              "configuration of the run, or its folder, which contains run.conf; see starling.conf(5). Relative paths of files that are read start at this folder, as do those of files that are written, unless $STATE_DIRECTORY is set",
	              SL_OPTION_BORROWED, AT(run), .completes = SL_COMPLETE_FILE },
	  .letter = 'r',
	  .value = "FILE",
	  .required = true },
	{ .option = { "peer", "number of this peer in the roster", SL_OPTION_U32, AT(peer), 0,
	              SL_PEERS_MAX - 1 },
	  .letter = 'p',
	  .value = "K",
	  .required = true },
	{ .option = { "check",
	              "check configuration, roster, key and data, print the effective configuration, and exit. A warning names data and histories that every user of the machine may read; a secret key that other users may read is refused",
	              SL_OPTION_SWITCH, AT(check) },
	  .letter = 'n' },
	{ .option = { "reload",
	              "make peer K, which runs on this machine, reload its roster, and wait until it has done so. If the roster is not signed or the peer refuses it, print the reason and exit with status 2. `systemctl reload` uses this option",
	              SL_OPTION_SWITCH, AT(reload) } },
	{ .option = { "set", "override a key of starling.conf(5), such as algorithm.eta=0.1",
	              .offset = AT(set), .completes = SL_COMPLETE_SETTING },
	  .value = "SECTION.KEY=VALUE",
	  .take = sl_overrides_take,
	  .many = true },
	{ .option = { "verbose", "log more", SL_OPTION_SWITCH, AT(verbose) }, .letter = 'v' },
	{ .option = { "version", "print the versions of starlingd, its wire format and its libraries" },
	  .letter = 'V',
	  .stops = true },
	SL_ARGUMENT_HELP,
	{ .value = NULL }
};

const struct sl_usage sl_starlingd_usage = {
	.program = "starlingd",
	.doc = "run one peer in the foreground",
	.forms =
	    (const char *const[]){ "-r FILE -p K", "-r FILE -p K --check", "-r FILE -p K --reload", NULL },
	.text =
	    "Runs peer K of a run in the foreground, until its rounds are completed or SIGTERM stops it.\n",
	.after =
	    "The identity of the peer is RUN/keys/K.key, or $CREDENTIALS_DIRECTORY/identity if that is set. SIGHUP reloads the\n"
	    "roster; SIGUSR1 logs a line on what the peer is doing.\n"
	    "\n"
	    "Exit status: 0 finished or stopped; 1 failed; 2 invalid configuration: a restart does not help; 3 stopped because the run diverges.\n",
	.arguments = arguments,
};
