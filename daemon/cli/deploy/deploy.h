/* deploy.h — starling deploy: the files that deployment engines need. */
#ifndef SL_DAEMON_CLI_DEPLOY_DEPLOY_H
#define SL_DAEMON_CLI_DEPLOY_DEPLOY_H

#include "daemon/cli/common/hosts.h"
#include "daemon/run/config.h"

#include <stdio.h>

/* What the files are made from. */
struct sl_deploy {
	const char *run, *to; /* absolute paths: the run, and the folder for the files */
	const struct sl_config *config;
	const struct sl_roster *roster;
	struct sl_hosts hosts;
};

/* Writes one bundle for each admitted peer of the hosts, signed with the run's operator.key: bundles/K.bundle. */
enum sl_status sl_deploy_bundles(const struct sl_deploy *, struct sl_error *error);

/* Writes what engines need: peers, ansible, slurm, ssh, examples. Files of an earlier call are replaced. */
enum sl_status sl_deploy_engines(const struct sl_deploy *, struct sl_error *error);

#endif
