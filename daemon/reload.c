/* reload.c — SIGHUP: the roster is read again, judged whole, and only then put in force. */
#include "daemon/daemon.h"
#include "daemon/sd.h"
#include "gossip/algorithm.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_edge(const struct sl_topology *t, uint32_t a, uint32_t b)
{
	for (uint32_t k = a < t->peers ? t->first[a] : 0; a < t->peers && k < t->first[a + 1]; k++)
		if (t->neighbour[k] == b)
			return true;
	return false;
}

static bool same_edges(const struct sl_topology *old, const struct sl_topology *next)
{
	bool same = old->edges == next->edges;
	for (uint32_t e = 0; e < next->edges && same; e++)
		same = has_edge(old, next->edge[e].a, next->edge[e].b);
	return same;
}

static enum sl_status check_serial(const struct sl_roster *old, const struct sl_roster *next,
                                   struct sl_error *error)
{
	if (next->serial == old->serial)
		return sl_fail(error, SL_REFUSED, "its serial is still %" PRIu32 ": nothing to do",
		               next->serial);
	if (next->serial < old->serial)
		return sl_fail(error, SL_REFUSED,
		               "its serial %" PRIu32 " is below %" PRIu32
		               ", which is in force: an older one was put back",
		               next->serial, old->serial);
	return SL_OK;
}

static enum sl_status check_members(const struct sl_roster *old, const struct sl_roster *next,
                                    struct sl_error *error)
{
	if (next->topology.peers < old->topology.peers)
		return sl_fail(error, SL_REFUSED,
		               "it lists %" PRIu32 " peers instead of %" PRIu32
		               ": one that leaves has to be listed as gone",
		               next->topology.peers, old->topology.peers);
	for (uint32_t i = 0; i < old->topology.peers; i++)
		if (old->peer[i].gone && !next->peer[i].gone)
			return sl_fail(error, SL_REFUSED,
			               "peer %" PRIu32 " was gone and is back: its number is used up", i);
	return SL_OK;
}

/* Whether the run can go on under it: limits, step sizes, and what an algorithm keeps over all peers. */
static enum sl_status check_plan(const struct sl_daemon *d, const struct sl_roster *next,
                                 struct sl_error *error)
{
	static struct sl_plan plan; /* too large for a stack */
	char note[SL_TEXT_MAX * 2];
	const struct sl_plan *now = &d->prepared.plan;
	const struct sl_algorithm *a = now->algorithm;
	bool same = same_edges(&d->prepared.roster.topology, &next->topology);
	if (!same && (a->aggregate || a->irrecoverable))
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "[algorithm] name = %s: its state spans all peers, so members and edges cannot change "
		    "while it runs (keys can): stop the run, or use choco or malcom",
		    a->name);
	enum sl_status status = sl_prepared_plan(&plan, &d->prepared, next, note, error);
	if (status != SL_OK)
		return status;
	if (plan.gamma != now->gamma || plan.settings.eta != now->settings.eta ||
	    memcmp(plan.algorithm_options, now->algorithm_options, sizeof plan.algorithm_options) != 0)
		return sl_fail(error, SL_UNSUPPORTED,
		               "[algorithm] name = %s: its constants follow from the graph, which cannot "
		               "change while it "
		               "runs",
		               a->name);
	if (sl_topology_degree(&next->topology, d->number) > d->capacity)
		return sl_fail(error, SL_TOO_BIG,
		               "[run] max_degree = %" PRIu32 ": peer %" PRIu32 " would have more neighbours",
		               d->capacity, d->number);
	return SL_OK;
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
	int64_t tx, rx;
	enum sl_status status = sl_daemon_identity(d, next, &identity, error);
	if (status != SL_OK)
		return status;
	sl_key_print(identity.public_key, d->public_key);
	sl_wire_total(&d->net.wire, &tx, &rx);
	sl_net_close(&d->net);
	d->net.wire.closed_tx = tx;
	d->net.wire.closed_rx = rx;
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
	const struct sl_roster_peer *was = &d->prepared.roster.peer[d->number], *is = &next->peer[d->number];
	if (memcmp(was->public_key, is->public_key, SL_KEY_BYTES) != 0 ||
	    strcmp(was->endpoint, is->endpoint) != 0)
		return open_again(d, next, error);
	return sl_net_change(&d->net, neighbours, sl_daemon_neighbours(next, d->number, neighbours), error);
}

static enum sl_status put_in_force(struct sl_daemon *d, struct sl_roster *next, struct sl_error *error)
{
	char text[200], leaves[96];
	describe(&d->prepared.roster, next, text, sizeof text);
	if (next->peer[d->number].gone) {
		snprintf(leaves, sizeof leaves, "roster %" PRIu32 " says that this peer is gone",
		         next->serial);
		sl_loop_event(&d->loop, SL_LEVEL_NOTICE, "removed", "%s", leaves);
		sl_loop_leave(&d->loop, leaves);
		return SL_OK;
	}
	enum sl_status status = change_links(d, next, error);
	if (status != SL_OK)
		return status;
	d->degree = sl_roster_neighbours(next, d->number, d->neighbours);
	sl_loop_event(&d->loop, SL_LEVEL_NOTICE, "roster", "serial %" PRIu32 " is in force%s", next->serial,
	              text);
	sl_loop_roster(&d->loop, &(struct sl_peer_roster){ next->serial, d->neighbours, d->degree });
	struct sl_roster old = d->prepared.roster;
	d->prepared.roster = *next;
	*next = old;
	return SL_OK;
}

void sl_daemon_reload(void *context)
{
	struct sl_daemon *d = context;
	struct sl_roster next = { 0 };
	struct sl_error error = { 0 };
	char path[4096];
	sl_sd_notify("RELOADING=1\nMONOTONIC_USEC=%" PRId64, sl_clock().us);
	sl_config_path(&d->prepared.config, d->prepared.config.settings.roster, false, path);
	enum sl_status status = sl_roster_read(&next, path, d->prepared.operator_key, &error);
	if (status == SL_OK && (check_serial(&d->prepared.roster, &next, &error) != SL_OK ||
	                        check_members(&d->prepared.roster, &next, &error) != SL_OK ||
	                        check_plan(d, &next, &error) != SL_OK))
		status = sl_wrap(&error, "%s", path);
	if (status == SL_OK)
		status = put_in_force(d, &next, &error);
	if (status != SL_OK)
		sl_loop_event(&d->loop, SL_LEVEL_ERROR, "roster-refused",
		              "%s; serial %" PRIu32 " stays in force", error.text, d->prepared.roster.serial);
	sl_roster_free(&next);
	sl_sd_notify("READY=1");
}
