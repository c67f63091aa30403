/* check.c — what must hold after every event. */
#include "sim/sim_state.h"

#include "linalg/vector.h"

#include <stdio.h>
#include <string.h>

static _Noreturn void broken(const struct sl_sim *s, uint32_t a, uint32_t b, const char *what)
{
	char text[256];
	snprintf(text, sizeof text, "after event %llu, edge %u-%u: %s", (unsigned long long)s->totals.events,
	         a, b, what);
	sl_panic(__FILE__, __LINE__, text);
}

/* Copies at both ends are bit-equal at equal numbers; steps differ by one at most. */
static void check_edge(const struct sl_sim *s, uint32_t owner, uint32_t holder, const struct sl_edge *held)
{
	const struct sl_peer *p = s->node[owner].peer;
	const struct sl_plan *plan = s->setup.plan;
	if (!held->greeted || held->their_epoch != p->epoch || held->diverged)
		return;
	if (held->their_number == p->number && memcmp(held->theirs, p->block, 4 * plan->block_floats) != 0)
		broken(s, owner, holder, "copies differ at the same number");
}

static void check_steps(const struct sl_sim *s, uint32_t a, uint32_t b, const struct sl_edge *x,
                        const struct sl_edge *y)
{
	bool settled = x->greeted && y->greeted && !x->reset && !y->reset && !s->node[a].peer->resumed &&
	               !s->node[b].peer->resumed;
	uint32_t ahead = x->step > y->step ? x->step - y->step : y->step - x->step;
	if (settled && ahead > 1 && x->their_epoch == s->node[b].peer->epoch &&
	    y->their_epoch == s->node[a].peer->epoch)
		broken(s, a, b, "one end has completed two steps more than the other");
}

void sl_sim_check_node(const struct sl_sim *s, uint32_t peer)
{
	const struct sl_topology *t = s->setup.topology;
	if (s->setup.check == SL_SIM_CHECK_NONE || !s->node[peer].alive)
		return;
	for (uint32_t l = t->first[peer]; l < t->first[peer + 1]; l++) {
		uint32_t other = t->neighbour[l];
		if (!s->node[other].alive)
			continue;
		const struct sl_edge *mine = &s->node[peer].peer->edge[l - t->first[peer]];
		const struct sl_edge *theirs =
		    &s->node[other].peer->edge[s->link[l].reverse - t->first[other]];
		check_edge(s, peer, other, theirs);
		check_edge(s, other, peer, mine);
		check_steps(s, peer, other, mine, theirs);
	}
}

double sl_sim_mean_probe(const struct sl_sim *s)
{
	const struct sl_topology *t = s->setup.topology;
	const float *r = s->setup.plan->probe;
	double sum = 0;
	for (uint32_t i = 0; i < t->peers; i++) {
		const struct sl_peer *p = s->node[i].peer;
		for (uint32_t k = 0; k < s->setup.plan->dimension; k++)
			sum += (double)r[k] * (double)p->learner.x[k];
		for (uint32_t l = t->first[i]; l < t->first[i + 1]; l++) {
			const struct sl_edge *mine = &p->edge[l - t->first[i]];
			uint32_t other = t->neighbour[l];
			const struct sl_edge *theirs =
			    &s->node[other].peer->edge[s->link[l].reverse - t->first[other]];
			if (mine->step > theirs->step)
				sum -= mine->term_probe;
		}
	}
	return sum;
}
