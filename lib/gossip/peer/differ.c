/* differ.c — neighbours that were started with other settings: which keys differ, and what follows. */
#include "gossip/peer/state.h"

#include <stdio.h>

enum { SAY_EVERY_US = 10000000 };

uint32_t sl_edge_rounds_most(const struct sl_peer *p, const struct sl_edge *e)
{
	return e->their_rounds > p->rounds_most ? e->their_rounds : p->rounds_most;
}

bool sl_edge_is_over(const struct sl_peer *p, const struct sl_edge *e)
{
	uint32_t rounds = p->plan->settings.rounds;
	if (e->their_rounds && e->their_rounds < rounds)
		rounds = e->their_rounds;
	return sl_edge_round_of(p, e, e->step + 1) >= rounds;
}

/* Another run: its frames are refused. */
void sl_edge_note_stranger(struct sl_peer *p, const struct sl_edge *e, const char *sent)
{
	char names[120], tensor[160];
	uint64_t keys = e->differs & sl_shared_of(SL_SCOPE_RUN);
	sl_shared_names(keys, names, sizeof names);
	bool several = keys & (keys - 1);
	if (!e->compared)
		sl_peer_note(p, SL_LEVEL_WARNING, "frame-refused", "peer %u sent %s", e->neighbour, sent);
	else if (keys)
		sl_peer_note(p, SL_LEVEL_WARNING, "frame-refused",
		             "peer %u has another configuration: %s differ%s; it is refused until they match",
		             e->neighbour, names, several ? "" : "s");
	else if (e->tensor < SL_TENSOR_DIGESTS) {
		sl_tensors_name(&p->plan->model, e->tensor, tensor, sizeof tensor);
		sl_peer_note(p, SL_LEVEL_WARNING, "frame-refused",
		             "peer %u has another model or start: %s differs; it is refused until they match",
		             e->neighbour, tensor);
	} else
		sl_peer_note(
		    p, SL_LEVEL_WARNING, "frame-refused",
		    "peer %u has another configuration: all keys match, but the model's shape, the classes or the version of starling differ",
		    e->neighbour);
}

void sl_edge_compare(struct sl_peer *p, struct sl_edge *e, uint32_t rounds, uint64_t differs)
{
	char names[160];
	bool news = e->their_rounds != rounds || e->differs != differs;
	e->their_rounds = rounds;
	e->differs = differs;
	e->compared = true;
	e->tensor = SL_TENSOR_DIGESTS;
	if (!news || !differs || sl_time_before(p->now, e->differs_at))
		return;
	e->differs_at = sl_time_after(p->now, SAY_EVERY_US);
	sl_shared_names(differs, names, sizeof names);
	uint32_t mine = p->plan->settings.rounds;
	if (rounds != mine)
		sl_peer_note(
		    p, SL_LEVEL_WARNING, "settings-differ",
		    "peer %u has another %s; the edge ends after %u rounds, since it has %u and this peer %u",
		    e->neighbour, names, rounds < mine ? rounds : mine, rounds, mine);
	else
		sl_peer_note(p, SL_LEVEL_NOTICE, "settings-differ", "peer %u has another %s", e->neighbour,
		             names);
}
