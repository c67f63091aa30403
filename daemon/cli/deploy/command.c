/* command.c — starling deploy: bundles for the hosts of a run, and what deployment engines need. */
#include "daemon/cli/common/command_line.h"
#include "daemon/cli/deploy/deploy.h"
#include "daemon/run/local.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct request {
	const char *hosts, *to;
	bool json;
};

/* Paths are quoted in scripts and inventories, so that they must not contain what ends a quotation. */
static enum sl_status absolute(char out[static PATH_MAX], const char *path, struct sl_error *error)
{
	if (!realpath(path, out))
		return sl_fail(error, SL_IO, "%s: %s", path, strerror(errno));
	for (const char *c = out; *c; c++)
		if (strchr("'\"\\$`@", *c) || (unsigned char)*c < ' ')
			return sl_fail(
			    error, SL_MALFORMED,
			    "%s: the path contains '%c', which scripts cannot quote: use another folder", out,
			    *c);
	return SL_OK;
}

static enum sl_status make_folder(const char *path, struct sl_error *error)
{
	if (mkdir(path, 0777) != 0 && errno != EEXIST)
		return sl_fail(error, SL_IO, "%s: %s", path, strerror(errno));
	return SL_OK;
}

static void note_absent(const struct sl_deploy *d, const char *file)
{
	for (uint32_t k = 0; k < d->roster->topology.peers; k++) {
		bool found = d->roster->peer[k].gone;
		for (uint32_t i = 0; i < d->hosts.peers && !found; i++)
			found = d->hosts.peer[i].number == k;
		if (!found)
			fprintf(stderr, "starling deploy: note: peer %" PRIu32 " (%s) is on no host of %s\n",
			        k, d->roster->peer[k].name, file);
	}
}

static enum sl_status deploy(struct sl_deploy *d, const char *hosts, struct sl_error *error)
{
	char bundles[PATH_MAX + 16];
	enum sl_status status = SL_OK;
	if (hosts)
		status = sl_hosts_read(&d->hosts, hosts, d->roster, error);
	if (status == SL_OK && hosts) {
		snprintf(bundles, sizeof bundles, "%s/bundles", d->to);
		status = make_folder(bundles, error);
	}
	if (status == SL_OK && hosts && d->roster->topology.peers)
		status = sl_deploy_bundles(d, error);
	if (status == SL_OK && hosts)
		note_absent(d, hosts);
	return status == SL_OK ? sl_deploy_engines(d, error) : status;
}

static void report(const struct sl_deploy *d, bool json)
{
	uint32_t members = 0, enrol = 0;
	for (uint32_t i = 0; i < d->hosts.peers; i++) {
		enrol += d->hosts.peer[i].number == SL_HOSTS_NOBODY;
		members += d->hosts.peer[i].number != SL_HOSTS_NOBODY && !d->hosts.peer[i].gone;
	}
	if (json) {
		sl_json_object(stdout,
		               (const struct sl_json_fact[]){ { "folder", d->to },
		                                              { "peers", .number = members },
		                                              { "hosts", .number = d->hosts.hosts },
		                                              { "serial", .number = d->roster->serial },
		                                              { "to_enrol", .number = enrol },
		                                              { NULL } });
		return;
	}
	printf("written    %s: README, ansible, slurm, ssh, examples\n", d->to);
	if (d->hosts.hosts)
		printf("bundles    %" PRIu32 " peers on %" PRIu32 " hosts, serial %" PRIu32 "\n", members,
		       d->hosts.hosts, d->roster->serial);
	if (enrol)
		printf("enrol      %" PRIu32 " hosts have yet to ask: README says how\n", enrol);
}

/* Before any host is admitted, a run of starling init --remote has no roster: nobody is in it yet. */
static enum sl_status open_run(struct sl_config *config, struct sl_roster *roster, const char *conf,
                               struct sl_error *error)
{
	char path[4096];
	enum sl_status status = sl_keys_start(error);
	if (status == SL_OK)
		status = sl_config_load(config, conf, NULL, error);
	if (status != SL_OK)
		return status;
	sl_config_path(config, config->settings.host.roster, false, path);
	if (access(path, F_OK) == 0 || errno != ENOENT)
		return sl_local_open(config, roster, conf, error);
	*roster = (struct sl_roster){ 0 };
	return SL_OK;
}

static int run(int argc, char **argv)
{
	static struct sl_config config;
	struct request request = { 0 };
	struct sl_error error;
	struct sl_roster roster;
	char **operands, conf[PATH_MAX + 16], folder[PATH_MAX], to[PATH_MAX];
	int code = sl_command_parse(&sl_command_deploy, argc, argv, &request, &operands);
	if (code >= 0)
		return code;
	snprintf(conf, sizeof conf, "%.4000s/run.conf", operands[0]);
	if (open_run(&config, &roster, conf, &error) != SL_OK)
		return sl_command_fail(&sl_command_deploy, &error);
	struct sl_deploy d = { folder, to, &config, &roster, { 0 } };
	enum sl_status status = make_folder(request.to, &error);
	if (status == SL_OK)
		status = absolute(folder, operands[0], &error);
	if (status == SL_OK)
		status = absolute(to, request.to, &error);
	if (status == SL_OK)
		status = deploy(&d, request.hosts, &error);
	if (status == SL_OK)
		report(&d, request.json);
	sl_hosts_free(&d.hosts);
	sl_roster_free(&roster);
	return status == SL_OK ? SL_EXIT_OK : sl_command_fail(&sl_command_deploy, &error);
}

static const struct sl_operand operands_of_deploy[] = {
	{ "RUN", "the folder of the run, with operator.key", SL_COMPLETE_RUN }, { NULL }
};
static const struct sl_argument arguments_of_deploy[] = {
	{ .option = { "hosts",
	              "file with a line HOST PEER... for each host: its address as ssh reaches it, and numbers or names of its peers; HOST NAME ENDPOINT where the host has yet to enrol",
	              SL_OPTION_BORROWED, offsetof(struct request, hosts), .completes = SL_COMPLETE_FILE },
	  .value = "FILE" },
	{ .option = { "output", "the folder to write to", SL_OPTION_BORROWED, offsetof(struct request, to),
	              .completes = SL_COMPLETE_FOLDER },
	  .letter = 'o',
	  .value = "DIR",
	  .required = true },
	SL_ARGUMENT_JSON(struct request, json, "print JSON"),
	SL_ARGUMENT_HELP,
	{ .value = NULL }
};

const struct sl_command sl_command_deploy = {
	"deploy",
	{ .program = "starling deploy",
	  .doc = "write bundles for the hosts of a run, and what Ansible, Slurm and ssh need to install them",
	  .forms = (const char *const[]){ "RUN [--hosts FILE] -o DIR", NULL },
	  .text =
	      "Writes a signed bundle per peer, as starling install takes it, and files for engines that deploy: an Ansible role\n"
	      "with inventory, a batch script for Slurm, a script for plain ssh, and examples for Kubernetes and podman. DIR/README\n"
	      "has the commands. DIR contains no secret: keys and samples that are in RUN are copied from there to their hosts.\n"
	      "Run it again after a change of the roster or of run.conf, then the engine; what has not changed is left alone.\n"
	      "Slurm needs no hosts file: a run gets its endpoints from the allocation.\n",
	  .operands = operands_of_deploy,
	  .arguments = arguments_of_deploy },
	run
};
