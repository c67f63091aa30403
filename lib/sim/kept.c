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
		const struct sl_edge *e = sl_sim_edge(s, peer, s->setup.topology->first[peer] + k);
		n->holds[SL_SIM_PENDING][k] = (struct sl_sim_hold){ 0 };
		if (e)
			n->holds[SL_SIM_PENDING][k] = (struct sl_sim_hold){ e->their_version, e->step };
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
static void check_hold(struct sl_sim *s, uint32_t peer, const struct sl_edge *e,
                       const struct sl_sim_hold *from)
{
	const struct sl_peer *p = s->node[peer].peer;
	uint32_t number;
	if (!e->tx_off && from->number < p->version && p->journal.first > from->number + 1)
		sl_sim_broken(s, "peer %u has no frame %u any more, which a checkpoint of peer %u needs",
		              peer, from->number + 1, e->neighbour);
	if (from->step < e->tagged && !sl_edge_tag_version(p, e, from->step + 1, &number))
		sl_sim_broken(
		    s,
		    "peer %u does not know the tag of step %u any more, which a checkpoint of peer %u needs",
		    peer, from->step + 1, e->neighbour);
}

void sl_sim_check_kept(struct sl_sim *s, uint32_t peer)
{
	const struct sl_topology *t = s->setup.topology;
	const struct sl_peer *p = s->node[peer].peer;
	if (!p->plan->settings.checkpoint_every || p->epoch)
		return;
	for (uint32_t l = t->first[peer]; l < t->first[peer + 1]; l++) {
		const struct sl_sim_node *n = &s->node[t->neighbour[l]];
		const struct sl_edge *e = sl_sim_edge(s, peer, l);
		uint32_t back = s->link[l].reverse - t->first[t->neighbour[l]];
		if (!e || n->peer->epoch)
			continue;
		check_hold(s, peer, e, &n->holds[SL_SIM_NEWEST][back]);
		if (n->checkpoint[1] || n->written <= 1)
			check_hold(s, peer, e, &n->holds[SL_SIM_OLDER][back]);
	}
}
