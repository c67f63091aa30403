/* members.c — who takes part in a simulation: rosters that come while it runs. */
#include "sim/sim_state.h"

#include <stdlib.h>

void sl_sim_keep_roster(struct sl_sim *s, const struct sl_topology *topology, uint32_t serial)
{
	if (s->rosters && s->roster[s->rosters - 1].serial >= serial)
		return;
	s->roster = realloc(s->roster, (s->rosters + 1) * sizeof *s->roster);
	SL_CHECK(s->roster);
	s->roster[s->rosters++] = (struct sl_sim_roster){ serial, topology };
}

static void remove_peer(struct sl_sim *s, uint32_t peer)
{
	sl_sim_kill(s, peer);
	s->node[peer].absent = true;
	s->totals.halted++;
}

static void add_peer(struct sl_sim *s, uint32_t peer)
{
	struct sl_sim_node *n = &s->node[peer];
	n->absent = false;
	n->joins = true;
	s->totals.halted--;
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
		sl_sim_push(s, (struct sl_sim_event){ .at = sl_time_after(s->now, us),
		                                      .what = SL_HAPPENS_ROSTER,
		                                      .peer = peer,
		                                      .starts = n->starts });
}

bool sl_sim_absent(const struct sl_sim *s, uint32_t peer)
{
	return s->node[peer].absent;
}
