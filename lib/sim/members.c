/* members.c — who takes part in a simulation: rosters that come while it runs. */
#include "sim/sim_state.h"

#include "gossip/gamma.h"

#include <stdlib.h>

static double gamma_under(const struct sl_plan *plan, const struct sl_topology *topology)
{
	struct sl_topology members = { 0 };
	struct sl_spectrum spectrum;
	struct sl_error error;
	if (!plan->gamma_follows)
		return plan->gamma;
	SL_CHECK(sl_topology_members(&members, topology, &error) == SL_OK);
	sl_topology_spectrum(&members, &spectrum);
	struct sl_plan_graph graph = sl_plan_graph_of(&members, &spectrum);
	sl_topology_free(&members);
	return sl_gamma_of(plan, &graph);
}

void sl_sim_keep_roster(struct sl_sim *s, const struct sl_topology *topology, uint32_t serial)
{
	if (s->rosters && s->roster[s->rosters - 1].serial >= serial)
		return;
	s->roster = realloc(s->roster, (s->rosters + 1) * sizeof *s->roster);
	SL_CHECK(s->roster);
	bool made_for_it = topology == s->setup.topology; /* as the plan */
	double gamma = made_for_it ? s->setup.plan->gamma : gamma_under(s->setup.plan, topology);
	s->roster[s->rosters++] = (struct sl_sim_roster){ serial, topology, gamma };
}

static void remove_peer(struct sl_sim *s, uint32_t peer)
{
	sl_sim_kill(s, peer);
	s->node[peer].absent = true;
	sl_sim_totals_of(s, peer)->halted++;
}

static void add_peer(struct sl_sim *s, uint32_t peer)
{
	struct sl_sim_node *n = &s->node[peer];
	n->absent = false;
	n->joins = true;
	sl_sim_totals_of(s, peer)->halted--;
	sl_sim_make_peer(s, peer);
	sl_sim_start_peer(s, peer);
}

void sl_sim_roster(struct sl_sim *s, uint32_t peer, const struct sl_topology *roster, uint32_t serial,
                   int64_t us)
{
	struct sl_sim_node *n = &s->node[peer];
	bool member = sl_topology_degree(roster, peer) > 0;
	sl_sim_keep_roster(s, roster, serial);
	n->roster = roster;
	n->serial = serial;
	if (!member && !n->absent)
		remove_peer(s, peer);
	else if (member && n->absent)
		add_peer(s, peer);
	else if (member && n->alive)
		sl_sim_push(s, peer,
		            (struct sl_sim_event){ .at = sl_time_after(s->now, us),
		                                   .what = SL_HAPPENS_ROSTER,
		                                   .peer = peer,
		                                   .starts = n->starts });
}

bool sl_sim_absent(const struct sl_sim *s, uint32_t peer)
{
	return s->node[peer].absent;
}
