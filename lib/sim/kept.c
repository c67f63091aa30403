/* kept.c — in an exact run whoever is killed computes again what it did, from either of its checkpoints, or
 * from the start before there are two. Its neighbours must have the frames and the tags for that: at any
 * moment, whether somebody is killed then or not. */
#include "sim/sim_state.h"

#include <stdlib.h>
#include <string.h>

void sl_sim_holds_make(struct sl_sim *s, uint32_t peer)
{
	struct sl_sim_node *n = &s->node[peer];
	n->links = sl_topology_degree(s->setup.topology, peer);
	for (unsigned g = 0; g < SL_SIM_HOLDS; g++) {
		n->holds[g] = calloc(n->links + 1, sizeof *n->holds[g]);
		SL_CHECK(n->holds[g]);
	}
}

void sl_sim_holds_note(struct sl_sim *s, uint32_t peer)
{
	struct sl_sim_node *n = &s->node[peer];
	for (uint32_t k = 0; k < n->links; k++) {
		struct sl_edge_view e = { 0 };
		sl_sim_view(s, peer, s->setup.topology->first[peer] + k, &e);
		n->holds[SL_SIM_PENDING][k] = (struct sl_sim_hold){ e.their_version, e.step };
	}
}

void sl_sim_holds_move(struct sl_sim_node *n, unsigned from, unsigned to)
{
	memcpy(n->holds[to], n->holds[from], n->links * sizeof *n->holds[to]);
	memset(n->holds[from], 0, n->links * sizeof *n->holds[from]);
}

void sl_sim_keep_checkpoint(struct sl_sim_node *n)
{
	free(n->checkpoint[1]);
	n->checkpoint[1] = n->checkpoint[0];
	n->checkpoint_length[1] = n->checkpoint_length[0];
	n->checkpoint_round[1] = n->checkpoint_round[0];
	sl_sim_holds_move(n, SL_SIM_NEWEST, SL_SIM_OLDER);
	sl_sim_holds_move(n, SL_SIM_PENDING, SL_SIM_NEWEST);
	n->checkpoint[0] = n->pending;
	n->checkpoint_length[0] = n->pending_length;
	n->checkpoint_round[0] = n->pending_round;
	n->pending = NULL;
	n->written++;
}

/* Whether a peer has what a neighbour needs that comes back from there. */
static void check_hold(struct sl_sim *s, uint32_t peer, uint32_t edge, const struct sl_sim_hold *from)
{
	const struct sl_peer *p = s->node[peer].peer;
	struct sl_peer_view v;
	struct sl_edge_view e;
	sl_peer_inspect(p, &v);
	sl_peer_inspect_edge(p, edge, &e);
	if (!e.tx_off && from->number < v.version && v.oldest > from->number + 1)
		sl_sim_broken(s, peer, "peer %u no longer has frame %u, which a checkpoint of peer %u needs",
		              peer, from->number + 1, e.neighbour);
	if (from->step < e.tagged && !sl_peer_knows_tag(p, edge, from->step + 1))
		sl_sim_broken(
		    s, peer,
		    "peer %u no longer knows the tag of step %u, which a checkpoint of peer %u needs", peer,
		    from->step + 1, e.neighbour);
}

void sl_sim_check_kept(struct sl_sim *s, uint32_t peer)
{
	const struct sl_topology *t = s->setup.topology;
	struct sl_peer_view p, other;
	sl_peer_inspect(s->node[peer].peer, &p);
	if (!p.plan->settings.checkpoint_every || p.epoch)
		return;
	for (uint32_t l = t->first[peer]; l < t->first[peer + 1]; l++) {
		const struct sl_sim_node *n = &s->node[t->neighbour[l]];
		uint32_t edge = sl_sim_edge(s, peer, l),
		         back = s->link[l].reverse - t->first[t->neighbour[l]];
		sl_peer_inspect(n->peer, &other);
		if (edge == SL_NO_EDGE || other.epoch)
			continue;
		check_hold(s, peer, edge, &n->holds[SL_SIM_NEWEST][back]);
		if (n->checkpoint[1] || n->written <= 1)
			check_hold(s, peer, edge, &n->holds[SL_SIM_OLDER][back]);
	}
}
