#include "daemon/run/local.h"

#include "daemon/run/roster_of_run.h"
#include "daemon/run/status_view.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { RELOAD_MS = 15000 };

enum sl_status sl_local_open(struct sl_config *config, struct sl_roster *roster, const char *conf,
                             struct sl_error *error)
{
	uint8_t key[SL_KEY_BYTES];
	enum sl_status status = sl_keys_start(error);
	if (status == SL_OK)
		status = sl_config_load(config, conf, NULL, error);
	if (status != SL_OK)
		return status;
	if (!sl_key_parse(config->settings.host.operator_key, key))
		return sl_fail(error, SL_MALFORMED, "%s: [run] operator_key must be 64 hex digits", conf);
	return sl_roster_of_run(roster, config, key, error);
}

/* False if this is not the run of the unit. */
static bool unit_state(const struct sl_config *config, uint32_t peer, char *path, size_t size)
{
	struct stat here, unit;
	snprintf(path, size, "%s/%" PRIu32, SL_LOCAL_STATE, peer);
	return stat(config->folder, &here) == 0 && stat(SL_LOCAL_RUN, &unit) == 0 &&
	       here.st_dev == unit.st_dev && here.st_ino == unit.st_ino;
}

enum sl_status_reply sl_local_ask(const struct sl_config *config, uint32_t peer, int timeout_ms, char *line,
                                  size_t size, int64_t *pid)
{
	char path[4096];
	enum sl_status_reply reply = sl_status_query(config->state, peer, timeout_ms, line, size, pid);
	if (reply == SL_STATUS_ABSENT && unit_state(config, peer, path, sizeof path))
		reply = sl_status_query(path, peer, timeout_ms, line, size, pid);
	if (reply != SL_STATUS_ABSENT)
		return reply;
	snprintf(path, sizeof path, "%.4000s/state/%" PRIu32, config->folder, peer);
	return sl_status_query(path, peer, timeout_ms, line, size, pid);
}

enum sl_local_presence sl_local_presence(const struct sl_config *config, uint32_t peer)
{
	char path[4][4096], name[SL_TEXT_MAX + 32];
	enum sl_local_presence presence = SL_LOCAL_ELSEWHERE;
	struct stat about;
	unsigned paths = 3;
	snprintf(name, sizeof name, "%s/%" PRIu32 ".key", config->settings.host.keys, peer);
	sl_config_path(config, name, false, path[0]);
	snprintf(name, sizeof name, "%s/train-%" PRIu32 ".shard", config->settings.host.shards, peer);
	sl_config_path(config, name, false, path[1]);
	snprintf(path[2], sizeof path[2], "%.4000s/state/%" PRIu32, config->folder, peer);
	paths += unit_state(config, peer, path[3], sizeof path[3]);
	for (unsigned i = 0; i < paths; i++) {
		if (stat(path[i], &about) == 0)
			return SL_LOCAL_HERE;
		if (errno == EACCES)
			presence = SL_LOCAL_UNSEEN;
	}
	return presence;
}

void sl_local_owner(const struct sl_config *config, uint32_t peer, char *text, size_t size)
{
	char path[4096];
	struct stat about;
	if (!unit_state(config, peer, path, sizeof path) || stat(path, &about) != 0) {
		snprintf(path, sizeof path, "%.4000s/status", config->state);
		if (stat(path, &about) != 0 && stat(config->state, &about) != 0)
			about.st_uid = 0;
	}
	const struct passwd *owner = about.st_uid ? getpwuid(about.st_uid) : NULL;
	if (owner)
		snprintf(text, size, "root or %s", owner->pw_name);
	else if (about.st_uid)
		snprintf(text, size, "root or user %ld", (long)about.st_uid);
	else
		snprintf(text, size, "root");
}

/* ---- reading the roster again ---- */

/* Asks until the roster with that serial is in force, for a second at most: the first answers may be of turns of
 * the peer's loop that began before the signal arrived. */
static enum sl_status await(const struct sl_config *config, uint32_t peer, uint32_t serial,
                            struct sl_status_view *view, struct sl_error *error)
{
	enum { ASKS = 20, PAUSE_MS = 50 };
	static char line[SL_STATUS_LINE];
	int64_t pid;
	for (unsigned i = 0; i < ASKS; i++) {
		if (i > 0)
			poll(NULL, 0, PAUSE_MS);
		if (sl_local_ask(config, peer, RELOAD_MS, line, sizeof line, &pid) != SL_STATUS_ANSWERED ||
		    !sl_status_view_parse(view, line))
			return sl_fail(error, SL_IO, "peer %" PRIu32 " was signalled, but does not answer",
			               peer);
		if (view->serial == serial)
			break;
	}
	return SL_OK;
}

static enum sl_status refused(const struct sl_roster *roster, uint32_t peer, int64_t serial,
                              struct sl_error *error)
{
	return sl_fail(error, SL_REFUSED,
	               "peer %" PRIu32 " refused the roster with serial %" PRIu32
	               ": see its log; serial %" PRId64 " stays in force",
	               peer, roster->serial, serial);
}

static enum sl_status signal_peer(const struct sl_config *config, const struct sl_roster *roster,
                                  uint32_t peer, int64_t main_pid, struct sl_error *error)
{
	static char line[SL_STATUS_LINE];
	struct sl_status_view view;
	int64_t pid;
	enum sl_status_reply reply = sl_local_ask(config, peer, RELOAD_MS, line, sizeof line, &pid);
	if (pid <= 1)
		pid = main_pid;
	if (pid <= 1)
		return sl_fail(error, SL_IO,
		               "peer %" PRIu32 " is not running on this machine, or belongs to another user",
		               peer);
	if (kill((pid_t)pid, SIGHUP) != 0)
		return sl_fail(error, SL_IO, "process %" PRId64 ": %s", pid, strerror(errno));
	if (reply == SL_STATUS_ABSENT || reply == SL_STATUS_FORBIDDEN)
		return SL_OK; /* it has no socket to ask at */
	enum sl_status status = await(config, peer, roster->serial, &view, error);
	return status == SL_OK && view.serial != roster->serial ? refused(roster, peer, view.serial, error)
	                                                        : status;
}

enum sl_status sl_local_reload(const char *conf, uint32_t peer, int64_t main_pid, struct sl_error *error)
{
	static struct sl_config config;
	struct sl_roster roster;
	enum sl_status status = sl_local_open(&config, &roster, conf, error);
	if (status != SL_OK)
		return status;
	bool leaves = peer < roster.topology.peers && roster.peer[peer].gone;
	status = signal_peer(&config, &roster, peer, main_pid, error);
	sl_roster_free(&roster);
	return leaves && status == SL_IO ? SL_OK : status; /* it may have gone before it could answer */
}
