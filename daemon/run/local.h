/* local.h — the peers of a run on this machine: finds their status sockets, queries them, makes them
 * reload. */
#ifndef SL_DAEMON_RUN_LOCAL_H
#define SL_DAEMON_RUN_LOCAL_H

#include "daemon/run/config.h"
#include "daemon/run/roster.h"
#include "daemon/run/status.h"

/* The run of the unit starlingd@.service, whose instance K has its state in SL_LOCAL_STATE/K. */
#define SL_LOCAL_RUN   "/etc/starling"
#define SL_LOCAL_STATE "/var/lib/starling"

/* Reads a run's configuration and roster; no data, no keys. The roster is the caller's to free. */
enum sl_status sl_local_open(struct sl_config *, struct sl_roster *, const char *conf, struct sl_error *);

/* As sl_status_query, in the run's folder, in its state/K (as jobs of Slurm keep it) and, for SL_LOCAL_RUN, where the
 * unit keeps the state. */
enum sl_status_reply sl_local_ask(const struct sl_config *, uint32_t peer, int timeout_ms, char *line,
                                  size_t size, int64_t *pid);

/* Whether a peer that does not listen belongs to this host: its key, its samples or its state are here. */
enum sl_local_presence {
	SL_LOCAL_HERE,
	SL_LOCAL_ELSEWHERE,
	SL_LOCAL_UNSEEN /* this user may not see whether they are here */
};
enum sl_local_presence sl_local_presence(const struct sl_config *, uint32_t peer);

/* Who may ask a peer that answered SL_STATUS_FORBIDDEN: "root" or "root or NAME". */
void sl_local_owner(const struct sl_config *, uint32_t peer, char *text, size_t size);

/* Makes a peer read its roster again, and waits until it has. SL_OK: the roster on disk is the one in force;
 * SL_REFUSED: the peer refused it, and logs why. main_pid: process to signal if the peer's socket is
 * unreachable, without waiting; 0: none. */
enum sl_status sl_local_reload(const char *conf, uint32_t peer, int64_t main_pid, struct sl_error *);

#endif
