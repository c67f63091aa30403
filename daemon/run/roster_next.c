#include "daemon/run/roster_next.h"

#include "gossip/algorithm.h"

#include <inttypes.h>
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
		return sl_fail(error, SL_REFUSED,
		               "its serial is still %" PRIu32
		               ", but it differs from the roster in force: a change needs a higher serial",
		               next->serial);
	if (next->serial < old->serial)
		return sl_fail(error, SL_REFUSED,
		               "its serial %" PRIu32 " is below %" PRIu32
		               ", the serial in force: an older roster was restored",
		               next->serial, old->serial);
	return SL_OK;
}

static enum sl_status check_members(const struct sl_roster *old, const struct sl_roster *next,
                                    struct sl_error *error)
{
	if (next->topology.peers < old->topology.peers)
		return sl_fail(error, SL_REFUSED,
		               "it lists %" PRIu32 " peers instead of %" PRIu32
		               ": a removed peer must stay listed, as gone",
		               next->topology.peers, old->topology.peers);
	for (uint32_t i = 0; i < old->topology.peers; i++)
		if (old->peer[i].gone && !next->peer[i].gone)
			return sl_fail(error, SL_REFUSED,
			               "peer %" PRIu32 " was removed, and its number cannot be reused", i);
	return SL_OK;
}

/* Whether the run can continue with this roster: limits, step sizes, and invariants of the algorithm over all peers. */
static enum sl_status check_plan(const struct sl_run *p, const struct sl_roster *next, struct sl_error *error)
{
	static struct sl_plan plan; /* too large for a stack */
	char note[SL_TEXT_MAX * 2];
	const struct sl_plan *now = &p->plan;
	const struct sl_algorithm *a = now->algorithm;
	bool same = same_edges(&p->roster.topology, &next->topology);
	if (!same && (a->aggregate || a->irrecoverable))
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "[algorithm] name = %s: its state spans all peers, so members and edges cannot change while it runs (keys can): stop the run, or use choco or malcom",
		    a->name);
	enum sl_status status = sl_run_plan(&plan, p, next, note, error);
	if (status != SL_OK)
		return status;
	if ((!plan.gamma_follows && plan.gamma != now->gamma) || plan.settings.eta != now->settings.eta ||
	    memcmp(plan.algorithm_options, now->algorithm_options, sizeof plan.algorithm_options) != 0)
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "[algorithm] name = %s: its constants follow from the graph, which cannot change while it runs",
		    a->name);
	return SL_OK;
}

enum sl_status sl_roster_next(const struct sl_run *p, const struct sl_roster *next, struct sl_error *error)
{
	enum sl_status status = check_serial(&p->roster, next, error);
	if (status == SL_OK)
		status = check_members(&p->roster, next, error);
	return status == SL_OK ? check_plan(p, next, error) : status;
}
