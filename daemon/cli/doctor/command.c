/* command.c — starling doctor: its command line, and which peers it looks at. */
#include "daemon/cli/doctor/doctor.h"
#include "daemon/run/local.h"
#include "daemon/run/status_view.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATIENCE_MS = 500 };

/* Whether this host has a key or the prepared samples of a peer. */
static bool belongs_here(const struct sl_doctor *d, uint32_t peer)
{
	char folder[4096], path[4200], shard[4096];
	sl_config_path(&d->run.config, d->run.config.settings.host.keys, false, folder);
	snprintf(path, sizeof path, "%s/%" PRIu32 ".key", folder, peer);
	sl_run_data_path(&d->run.config, peer, shard);
	return access(path, F_OK) == 0 || access(shard, F_OK) == 0;
}

static void find_peers(struct sl_doctor *d, uint32_t chosen)
{
	static char line[SL_STATUS_LINE];
	const struct sl_roster *roster = &d->run.roster;
	int64_t pid;
	for (uint32_t k = 0; k < roster->topology.peers && d->peers < SL_DOCTOR_PEERS; k++) {
		if (roster->peer[k].gone || (chosen != UINT32_MAX ? k != chosen : !belongs_here(d, k)))
			continue;
		d->running[d->peers] =
		    sl_local_ask(&d->run.config, k, PATIENCE_MS, line, sizeof line, &pid) != SL_STATUS_ABSENT;
		d->peer[d->peers++] = k;
	}
}

static void look(struct sl_doctor *d, uint32_t chosen)
{
	sl_doctor_run(d);
	sl_doctor_host(d);
	if (!d->opened)
		return;
	find_peers(d, chosen);
	if (d->peers == 0)
		sl_doctor_say(d, SL_FINDING_FAULT, "peers",
		              "name the peer with -p K, and install its key and its samples here",
		              "this host has neither key nor samples of any peer of the roster");
	for (unsigned i = 0; i < d->peers; i++) {
		sl_doctor_key(d, d->peer[i]);
		sl_doctor_data(d, d->peer[i]);
		sl_doctor_disk(d, d->peer[i]);
		if (d->unit)
			sl_doctor_unit(d, d->peer[i]);
		sl_doctor_links(d, i);
	}
}

static const char *find_run(struct sl_doctor *d, const char *named)
{
	struct stat about;
	const char *folder = named                                         ? named
	                     : access(SL_LOCAL_RUN "/run.conf", F_OK) == 0 ? SL_LOCAL_RUN
	                                                                   : NULL;
	if (!folder)
		return NULL;
	bool is_folder = stat(folder, &about) == 0 && S_ISDIR(about.st_mode);
	snprintf(d->file, sizeof d->file, "%.4000s%s", folder, is_folder ? "/run.conf" : "");
	d->unit = strcmp(d->file, SL_LOCAL_RUN "/run.conf") == 0;
	return folder;
}

static void summarise(const struct sl_doctor *d)
{
	if (d->json)
		puts("\n]");
	else
		printf("%u faults, %u warnings, %u unknown, %u ok\n", d->count[SL_FINDING_FAULT],
		       d->count[SL_FINDING_WARNING], d->count[SL_FINDING_UNKNOWN], d->count[SL_FINDING_OK]);
}

struct request {
	bool json;
	uint32_t peer;
};

static int run(int argc, char **argv)
{
	static struct sl_doctor doctor;
	struct request request = { .peer = UINT32_MAX };
	char **operands;
	int code = sl_command_parse(&sl_command_doctor, argc, argv, &request, &operands);
	if (code >= 0)
		return code;
	doctor.json = request.json;
	if (!find_run(&doctor, operands[0]))
		return sl_command_misuse(&sl_command_doctor,
		                         "RUN is missing: the folder of a run (" SL_LOCAL_RUN
		                         " contains none)");
	look(&doctor, request.peer);
	summarise(&doctor);
	if (doctor.opened)
		sl_run_close(&doctor.run);
	return doctor.count[SL_FINDING_FAULT] ? SL_EXIT_FAILED : SL_EXIT_OK;
}

static const struct sl_operand operands_of_doctor[] = {
	{ "RUN", "the folder of a run; without it, the run of the service, " SL_LOCAL_RUN, SL_COMPLETE_RUN,
	  .optional = true },
	{ NULL }
};

static const struct sl_argument arguments_of_doctor[] = {
	{ .option = { "peer", "look at peer K only; without it, at the peers whose key or samples are here",
	              SL_OPTION_U32, offsetof(struct request, peer), 0, SL_PEERS_MAX - 1 },
	  .letter = 'p',
	  .value = "K" },
	SL_ARGUMENT_JSON(struct request, json, "print the findings as a JSON array"),
	SL_ARGUMENT_HELP,
	{ .value = NULL }
};

const struct sl_command sl_command_doctor = {
	"doctor",
	{ .program = "starling doctor",
	  .doc = "find what keeps the peers of this host from learning, and say what to do",
	  .forms = (const char *const[]){ "[RUN]", NULL },
	  .text =
	      "Checks the configuration, the roster, keys, samples, disk, clock, file limits, the unit, host names, and the\n"
	      "ports of the peers of this host and of their neighbours. Prints a line per finding, with a remedy where there\n"
	      "is one. It changes nothing, and can be run beside the peers. Exits with status 1 if there is a fault.\n",
	  .operands = operands_of_doctor,
	  .arguments = arguments_of_doctor },
	run
};
