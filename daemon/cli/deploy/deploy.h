/* deploy.h — starling deploy: which host has which peers, and the files that deployment engines need. */
#ifndef SL_DAEMON_CLI_DEPLOY_DEPLOY_H
#define SL_DAEMON_CLI_DEPLOY_DEPLOY_H

#include "daemon/run/config.h"
#include "daemon/run/roster.h"

#include <stdio.h>

enum { SL_DEPLOY_HOST_MAX = 256, SL_DEPLOY_NOBODY = UINT32_MAX };

/* A peer on a host. */
struct sl_deploy_peer {
	uint32_t number; /* in the roster; SL_DEPLOY_NOBODY: not admitted yet, the host has to enrol */
	uint32_t host;   /* index of its host */
	bool gone;       /* the roster has removed it */
	char name[64], endpoint[SL_TEXT_MAX]; /* of the roster, else of the hosts file */
};

/* The hosts file: a line per host, with its address as ssh reaches it, and its peers:
 *
 *   gateway-1.example       0          # numbers or names of peers in the roster
 *   root@gateway-2.example  1 site-c
 *   gateway-4.example       site-d tcp://gateway-4.example:7000    # not in the roster yet
 *
 * '#' starts a comment. */
struct sl_deploy_hosts {
	char (*host)[SL_DEPLOY_HOST_MAX];
	struct sl_deploy_peer *peer;
	uint32_t hosts, peers;
};

/* Reads and checks it against the roster. An error names file, line, what was found and what would be right. Free it in
 * either case. */
enum sl_status sl_deploy_hosts_read(struct sl_deploy_hosts *out, const char *path, const struct sl_roster *,
                                    struct sl_error *error);
void sl_deploy_hosts_free(struct sl_deploy_hosts *);

/* What the files are made from. */
struct sl_deploy {
	const char *run, *to; /* absolute paths: the run, and the folder for the files */
	const struct sl_config *config;
	const struct sl_roster *roster;
	struct sl_deploy_hosts hosts;
};

/* Writes one bundle for each admitted peer of the hosts, signed with the run's operator.key: bundles/K.bundle. */
enum sl_status sl_deploy_bundles(const struct sl_deploy *, struct sl_error *error);

/* Writes what engines need: peers, ansible, slurm, ssh, examples. Files of an earlier call are replaced. */
enum sl_status sl_deploy_engines(const struct sl_deploy *, struct sl_error *error);

#endif
