/* faults_roster.c — rosters that change while a run goes on: weights, edges, members. All edges are among
 * those of the plan's topology; whatever would leave the graph in pieces is not done. */
#include "sim/faults_roster.h"

#include <stdlib.h>
#include <string.h>

/* What a roster says, while it is being changed: of each edge of the topology its weight, 0 where it is none
 * now. */
struct draft {
	const struct sl_topology *all;
	double *weight;
};

static bool member(const struct draft *d, uint32_t peer)
{
	for (uint32_t k = d->all->first[peer]; k < d->all->first[peer + 1]; k++)
		if (d->weight[d->all->edge_of[k]] > 0)
			return true;
	return false;
}

static bool build(const struct draft *d, struct sl_topology *out)
{
	const struct sl_topology *t = d->all;
	struct sl_edge_pair *edge = calloc(t->edges + 1, sizeof *edge);
	double *weight = calloc(t->edges + 1, sizeof *weight);
	struct sl_error error;
	uint32_t edges = 0;
	SL_CHECK(edge && weight);
	for (uint32_t e = 0; e < t->edges; e++)
		if (d->weight[e] > 0) {
			edge[edges] = t->edge[e];
			weight[edges++] = d->weight[e];
		}
	bool good = edges > 0 &&
	            sl_topology_from_members(out, t->spec, t->peers, edge, weight, edges, &error) == SL_OK;
	free(edge);
	free(weight);
	return good;
}

static struct draft draft_of(const struct sl_topology *all, const struct sl_topology *now)
{
	struct draft d = { all, calloc(all->edges, sizeof(double)) };
	SL_CHECK(d.weight);
	for (uint32_t e = 0, n = 0; e < all->edges && n < now->edges; e++)
		if (all->edge[e].a == now->edge[n].a && all->edge[e].b == now->edge[n].b)
			d.weight[e] = now->weight[n++];
	return d;
}

/* All its edges to members, or none. */
static void set_peer(struct draft *d, uint32_t peer, bool in)
{
	const struct sl_topology *t = d->all;
	bool known[64] = { false };
	for (uint32_t i = 0; i < t->peers; i++)
		known[i] = member(d, i);
	for (uint32_t k = t->first[peer]; k < t->first[peer + 1]; k++)
		d->weight[t->edge_of[k]] = in && known[t->neighbour[k]] ? t->weight[t->edge_of[k]] : 0;
}

static void change(struct sl_faults *plan, struct draft *d, enum sl_fault_kind kind)
{
	struct sl_random *g = &plan->random;
	const struct sl_topology *t = d->all;
	uint32_t e = sl_random_below(g, t->edges), peer = sl_random_below(g, t->peers);
	bool ends = member(d, t->edge[e].a) && member(d, t->edge[e].b);
	for (uint32_t i = 0; i < t->peers && sl_random_below(g, 2); i++)
		peer = member(d, i) || plan->gone >> i & 1 ? peer : i;
	if (kind == SL_FAULT_MEMBERS && sl_random_below(g, 2)) {
		set_peer(d, peer, !member(d, peer));
	} else if (d->weight[e] == 0 && ends) {
		d->weight[e] = t->weight[e];
	} else if (kind == SL_FAULT_MEMBERS && sl_random_below(g, 2)) {
		d->weight[e] = 0;
	} else {
		for (uint32_t i = 0; i < t->edges; i++)
			if (d->weight[i] > 0)
				d->weight[i] = t->weight[i] * (0.3 + 0.7 * sl_random_unit_double(g));
	}
}

const struct sl_topology *sl_faults_first_roster(struct sl_faults *plan, uint32_t allowed)
{
	const struct sl_topology *t = plan->topology;
	if (!(allowed & (1u << SL_FAULT_WEIGHTS | 1u << SL_FAULT_MEMBERS)))
		return t;
	struct draft d = draft_of(t, t);
	if (allowed >> SL_FAULT_MEMBERS & 1 && sl_random_below(&plan->random, 2)) {
		set_peer(&d, sl_random_below(&plan->random, t->peers), false);
		plan->rosters = build(&d, &plan->roster[0]);
	}
	for (uint32_t tries = sl_random_below(&plan->random, 4); tries > 0 && !plan->rosters; tries--) {
		uint32_t e = sl_random_below(&plan->random, t->edges);
		double weight = d.weight[e];
		d.weight[e] = 0;
		bool all = member(&d, t->edge[e].a) && member(&d, t->edge[e].b);
		if ((all || allowed >> SL_FAULT_MEMBERS & 1) && build(&d, &plan->roster[0]))
			plan->rosters = 1;
		d.weight[e] = weight;
	}
	free(d.weight);
	return plan->rosters ? &plan->roster[0] : t;
}

void sl_faults_roster(struct sl_faults *plan, struct sl_sim *s, const struct sl_fault *f)
{
	const struct sl_topology *all = plan->topology,
	                         *now = plan->rosters ? &plan->roster[plan->rosters - 1] : all;
	struct draft d = draft_of(all, now);
	struct sl_topology *next = &plan->roster[plan->rosters];
	change(plan, &d, f->kind);
	bool good = plan->rosters <= SL_FAULTS_MAX && build(&d, next);
	/* A member that has left does not come back: its key is revoked. */
	for (uint32_t i = 0; i < all->peers && good; i++)
		good = !(plan->gone >> i & 1 && sl_topology_degree(next, i) > 0);
	free(d.weight);
	if (!good) {
		if (plan->rosters <= SL_FAULTS_MAX)
			sl_topology_free(next);
		return;
	}
	plan->rosters++;
	for (uint32_t i = 0; i < all->peers; i++) {
		if (sl_topology_degree(now, i) > 0 && sl_topology_degree(next, i) == 0)
			plan->gone |= UINT64_C(1) << i;
		sl_sim_roster(s, i, next, plan->rosters + 1,
		              (int64_t)(sl_random_unit_double(&plan->random) * (double)f->lasts_us));
	}
}

void sl_faults_free(struct sl_faults *plan)
{
	for (uint32_t i = 0; i < plan->rosters; i++)
		sl_topology_free(&plan->roster[i]);
	plan->rosters = 0;
}
