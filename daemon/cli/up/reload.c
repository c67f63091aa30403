/* reload.c — the roster of a run that is up has changed. */
#include "daemon/cli/up/up.h"

#include "daemon/run/roster_next.h"
#include "daemon/run/roster_of_run.h"
#include "daemon/run/status.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { ASK_MS = 50 };

/* Arrays for more peers; what was grown stays grown. */
static enum sl_status make_room(struct sl_up *up, uint32_t peers, struct sl_error *error)
{
	uint32_t had = up->children.count;
	struct sl_progress_peer *peer = realloc(up->peer, peers * sizeof *peer);
	if (!peer)
		return sl_fail(error, SL_NO_MEMORY, "no memory for %" PRIu32 " peers", peers);
	up->peer = peer;
	struct sl_up_asked *asked = realloc(up->asked, peers * sizeof *asked);
	if (!asked)
		return sl_fail(error, SL_NO_MEMORY, "no memory for %" PRIu32 " peers", peers);
	up->asked = asked;
	enum sl_status status = sl_children_grow(&up->children, peers, error);
	if (status != SL_OK)
		return status;
	for (uint32_t k = had; k < peers; k++) {
		peer[k] = (struct sl_progress_peer){ .absent = true };
		sl_status_view_parse(&peer[k].view, "");
		asked[k] = (struct sl_up_asked){ 0 };
	}
	sl_progress_peers(up->progress, peers);
	return SL_OK;
}

/* Whether key and data of a peer are here: without them its daemon would fail, and stop the run. */
static enum sl_status check_peer(const struct sl_up *up, uint32_t k, struct sl_error *error)
{
	static char line[SL_STATUS_LINE];
	char path[4096], name[SL_TEXT_MAX + 32];
	struct sl_identity identity;
	struct sl_mapping file;
	struct sl_dataset shard;
	int64_t pid;
	if (sl_status_query(up->run.config.state, k, ASK_MS, line, sizeof line, &pid) != SL_STATUS_ABSENT)
		return sl_fail(error, SL_REFUSED, "it is already running");
	snprintf(name, sizeof name, "%s/%" PRIu32 ".key", up->run.config.settings.host.keys, k);
	sl_config_path(&up->run.config, name, false, path);
	enum sl_status status = sl_identity_read(&identity, path, error);
	if (status != SL_OK)
		return status;
	bool right = memcmp(identity.public_key, up->run.roster.peer[k].public_key, SL_KEY_BYTES) == 0;
	sl_identity_wipe(&identity);
	if (!right)
		return sl_fail(error, SL_REFUSED, "%s: is not the key that the roster lists", path);
	status = sl_run_shard(&up->run, k, &file, &shard, error);
	if (status == SL_OK)
		sl_file_unmap(&file);
	return status;
}

/* Starts the members that do not run here yet and can. */
static void start_added(struct sl_up *up, struct sl_time now)
{
	struct sl_error error = { 0 };
	for (uint32_t k = 0; k < up->children.count; k++) {
		if (!up->children.child[k].absent || up->run.roster.peer[k].gone)
			continue;
		enum sl_status status = check_peer(up, k, &error);
		if (status == SL_OK)
			status = sl_children_add(&up->children, k, now, &error);
		if (status == SL_OK)
			sl_progress_say(up->progress, "peer %" PRIu32 " (%s) was added: started", k,
			                up->run.roster.peer[k].name);
		else
			sl_progress_say(up->progress,
			                "peer %" PRIu32
			                " is not started here: %s (starling roster %s --tell tries again)",
			                k, error.text, up->folder);
	}
}

static void part_removed(struct sl_up *up)
{
	for (uint32_t k = 0; k < up->children.count; k++) {
		if (!up->run.roster.peer[k].gone || up->children.child[k].absent ||
		    up->children.child[k].leaving)
			continue;
		sl_children_part(&up->children, k);
		sl_progress_say(up->progress, "peer %" PRIu32 " was removed", k);
	}
}

static enum sl_status read_next(struct sl_up *up, struct sl_roster *next, struct sl_error *error)
{
	char path[4096];
	const struct sl_run *p = &up->run;
	sl_config_path(&p->config, p->config.settings.host.roster, false, path);
	enum sl_status status = sl_roster_of_run(next, &p->config, p->operator_key, error);
	if (status != SL_OK || sl_roster_same(&p->roster, next))
		return status;
	if (sl_roster_next(p, next, error) != SL_OK)
		return sl_wrap(error, "%s", path);
	return make_room(up, next->topology.peers, error);
}

void sl_up_reload(struct sl_up *up, struct sl_time now)
{
	struct sl_roster next = { 0 };
	struct sl_error error = { 0 };
	if (up->stopping)
		return;
	if (read_next(up, &next, &error) != SL_OK) {
		sl_progress_say(up->progress, "roster refused: %s; serial %" PRIu32 " stays in force",
		                error.text, up->run.roster.serial);
		sl_roster_free(&next);
		return;
	}
	bool other = next.serial != up->run.roster.serial;
	struct sl_roster old = up->run.roster;
	up->run.roster = next;
	sl_roster_free(&old);
	sl_progress_say(up->progress, "roster %s serial %" PRIu32, other ? "now has" : "still has",
	                next.serial);
	if (other) {
		part_removed(up);
		sl_children_signal(&up->children, SIGHUP);
	}
	start_added(up, now);
}
