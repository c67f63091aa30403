/* hosts.h — the hosts file of starling deploy and starling init --remote: which host has which peers. A line per host, with its
 * address as ssh reaches it, and its peers:
 *
 *   gateway-1.example       0          # numbers or names of peers in the roster
 *   root@gateway-2.example  1 site-c
 *   gateway-4.example       site-d tcp://gateway-4.example:7000    # not in the roster yet
 *   gateway-5.example       site-e dial-only
 *
 * '#' starts a comment. */
#ifndef SL_DAEMON_CLI_COMMON_HOSTS_H
#define SL_DAEMON_CLI_COMMON_HOSTS_H

#include "daemon/run/roster.h"

enum { SL_HOST_MAX = 256, SL_HOSTS_NOBODY = UINT32_MAX };

/* A peer on a host. */
struct sl_hosts_peer {
	uint32_t number; /* in the roster; SL_HOSTS_NOBODY: not admitted yet, the host has to enrol */
	uint32_t host;   /* index of its host */
	bool gone;       /* the roster has removed it */
	char name[64], endpoint[SL_TEXT_MAX]; /* of the roster, else of the hosts file */
};

struct sl_hosts {
	char (*host)[SL_HOST_MAX];
	struct sl_hosts_peer *peer;
	uint32_t hosts, peers;
};

/* Reads and checks it against the roster; NULL: there is none yet, and every peer has to enrol. An error names file, line, what
 * was found and what would be right. Free it in either case. */
enum sl_status sl_hosts_read(struct sl_hosts *out, const char *path, const struct sl_roster *,
                             struct sl_error *error);
void sl_hosts_free(struct sl_hosts *);

#endif
