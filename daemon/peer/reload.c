/* reload.c — SIGHUP: the roster is read again, judged whole, and only then put in force. */
#include "daemon/peer/daemon.h"
#include "daemon/run/roster_next.h"
#include "daemon/run/roster_of_run.h"
#include "daemon/peer/sd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum sl_status check(const struct sl_daemon *d, const struct sl_roster *next, struct sl_error *error)
{
	enum sl_status status = sl_roster_next(&d->run, next, error);
	if (status == SL_OK && sl_topology_degree(&next->topology, d->number) > d->capacity)
		return sl_fail(error, SL_TOO_BIG,
		               "[run] max_degree = %" PRIu32 ": peer %" PRIu32 " would have more neighbours",
		               d->capacity, d->number);
	return status;
}

/* "added 5; removed 2; other keys: 0 3" */
static void describe(const struct sl_roster *old, const struct sl_roster *next, char *text, size_t size)
{
	size_t used = 0;
	text[0] = '\0';
	for (uint32_t i = 0; i < next->topology.peers && used < size; i++) {
		const struct sl_roster_peer *was = i < old->topology.peers ? &old->peer[i] : NULL,
		                            *is = &next->peer[i];
		const char *what = !was                     ? "added"
		                   : is->gone && !was->gone ? "removed"
		                   : is->gone               ? NULL
		                   : memcmp(is->public_key, was->public_key, SL_KEY_BYTES) != 0
		                       ? "another key for"
		                   : strcmp(is->endpoint, was->endpoint) != 0 ? "another endpoint for"
		                                                              : NULL;
		if (what)
			used += (size_t)snprintf(text + used, size - used, "; %s peer %" PRIu32, what, i);
	}
}

/* With another key or endpoint of its own, all links begin anew. */
static enum sl_status open_again(struct sl_daemon *d, const struct sl_roster *next, struct sl_error *error)
{
	struct sl_identity identity;
	enum sl_status status = sl_daemon_identity(d, next, &identity, error);
	if (status != SL_OK)
		return status;
	sl_key_print(identity.public_key, d->public_key);
	status = sl_daemon_links(d, next, &identity, error);
	if (status != SL_OK) { /* there is no way back: the port may be another program's now */
		char why[256];
		snprintf(why, sizeof why, "%.255s", error->text);
		sl_loop_leave(&d->loop, why);
		d->loop.ok = false;
	}
	return status;
}

static enum sl_status change_links(struct sl_daemon *d, const struct sl_roster *next, struct sl_error *error)
{
	struct sl_net_neighbour neighbours[SL_DEGREE_MAX];
	SL_CHECK(d->run.roster.peer && next->peer);
	const struct sl_roster_peer *was = &d->run.roster.peer[d->number], *is = &next->peer[d->number];
	if (memcmp(was->public_key, is->public_key, SL_KEY_BYTES) != 0 ||
	    strcmp(was->endpoint, is->endpoint) != 0)
		return open_again(d, next, error);
	return sl_net_change(&d->net, neighbours, sl_daemon_neighbours(next, d->number, neighbours), error);
}

static enum sl_status put_in_force(struct sl_daemon *d, struct sl_roster *next, struct sl_error *error)
{
	char text[200], leaves[96];
	describe(&d->run.roster, next, text, sizeof text);
	if (next->peer[d->number].gone) {
		snprintf(leaves, sizeof leaves, "roster %" PRIu32 " removes this peer", next->serial);
		sl_loop_event(&d->loop, SL_LEVEL_NOTICE, "removed", "%s", leaves);
		sl_loop_leave(&d->loop, leaves);
		return SL_OK;
	}
	enum sl_status status = change_links(d, next, error);
	if (status != SL_OK)
		return status;
	d->degree = sl_roster_neighbours(next, d->number, d->neighbours);
	sl_daemon_keep_serial(d, next);
	sl_loop_event(&d->loop, SL_LEVEL_NOTICE, "roster", "serial %" PRIu32 " is in force%s", next->serial,
	              text);
	struct sl_peer_roster roster = { next->serial, d->neighbours, d->degree };
	sl_roster_gammas(next, &d->run.plan, &roster.gammas);
	sl_loop_roster(&d->loop, &roster);
	struct sl_roster old = d->run.roster;
	d->run.roster = *next;
	*next = old;
	return SL_OK;
}

void sl_daemon_reload(struct sl_daemon *d)
{
	struct sl_roster next = { 0 };
	struct sl_error error = { 0 };
	char path[4096];
	sl_sd_notify("RELOADING=1\nMONOTONIC_USEC=%" PRId64, sl_clock().us);
	sl_config_path(&d->run.config, d->run.config.settings.host.roster, false, path);
	enum sl_status status = sl_roster_of_run(&next, &d->run.config, d->run.operator_key, &error);
	bool same = status == SL_OK && sl_roster_same(&d->run.roster, &next);
	if (same)
		sl_loop_event(&d->loop, SL_LEVEL_NOTICE, "roster-unchanged", "serial %" PRIu32 " is in force",
		              next.serial);
	else if (status == SL_OK && check(d, &next, &error) != SL_OK)
		status = sl_wrap(&error, "%s", path);
	if (status == SL_OK && !same)
		status = put_in_force(d, &next, &error);
	if (status != SL_OK)
		sl_loop_event(&d->loop, SL_LEVEL_ERROR, "roster-refused",
		              "%s; serial %" PRIu32 " stays in force", error.text, d->run.roster.serial);
	sl_roster_free(&next);
	sl_sd_notify("READY=1");
}
