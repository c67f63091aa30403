/* status_ssh.h — starling status of a run on another host, by ssh(1). */
#ifndef SL_DAEMON_CLI_STATUS_SSH_H
#define SL_DAEMON_CLI_STATUS_SSH_H

#include "base/error.h"

/* Replaces this process by `ssh HOST starling status OPTIONS RUN`, whose exit code is that of starling there, or ssh's own
 * 255. where: "ssh:HOST" or "ssh:HOST:RUN"; HOST as ssh takes it, USER@ included, an IPv6 address in brackets; RUN may contain
 * any character. options: as they are typed, with a leading blank. Returns only to report a failure. */
enum sl_status sl_status_by_ssh(const char *where, const char *options, struct sl_error *error);

#endif
