/* sim.c — a simulation is opened and closed. */
#include "sim/sim_state.h"

#include <stdlib.h>

static void find_reverse(struct sl_sim *s)
{
	const struct sl_topology *t = s->setup.topology;
	for (uint32_t i = 0; i < t->peers; i++)
		for (uint32_t l = t->first[i]; l < t->first[i + 1]; l++) {
			uint32_t j = t->neighbour[l];
			for (uint32_t m = t->first[j]; m < t->first[j + 1]; m++)
				if (t->neighbour[m] == i)
					s->link[l].reverse = m;
		}
}

/* One for each thread that takes a share of the peers. */
static bool make_scratch(struct sl_sim *s)
{
	struct sl_arena measure = { 0 };
	struct sl_scratch none = { 0 };
	sl_scratch_make(&none, s->setup.plan, &measure);
	s->threads = s->setup.threads.count > 1 ? s->setup.threads.count : 1;
	s->scratch = calloc(s->threads, sizeof *s->scratch);
	s->scratch_block = calloc(s->threads, sizeof(uint8_t *));
	for (uint32_t i = 0; s->scratch && s->scratch_block && i < s->threads; i++) {
		uint8_t *block = s->scratch_block[i] = calloc(measure.used + 64, 1);
		if (!block)
			return false;
		struct sl_arena arena = { block + (64 - (uintptr_t)block % 64) % 64, measure.used, 0 };
		sl_scratch_make(&s->scratch[i], s->setup.plan, &arena);
		s->scratch[i].capture = s->setup.capture;
	}
	return s->scratch && s->scratch_block;
}

static void make_peer(struct sl_sim *s, uint32_t i)
{
	struct sl_sim_node *n = &s->node[i];
	sl_sim_make_peer(s, i);
	sl_sim_holds_make(s, i);
	n->absent = sl_topology_degree(n->roster, i) == 0;
	n->alive = !n->absent;
	sl_sim_totals_of(s, i)->halted += n->absent;
	if (!n->absent)
		sl_sim_start_peer(s, i);
}

struct sl_sim *sl_sim_open(const struct sl_sim_setup *setup, struct sl_error *error)
{
	struct sl_sim *s = calloc(1, sizeof *s);
	const struct sl_topology *t = setup->topology;
	if (s) {
		s->setup = *setup;
		s->node = calloc(t->peers, sizeof *s->node);
		s->link = calloc(t->first[t->peers] + 1, sizeof *s->link);
	}
	if (!s || !s->node || !s->link || !make_scratch(s)) {
		sl_sim_close(s);
		sl_fail(error, SL_NO_MEMORY, "no memory for %u peers", t->peers);
		return NULL;
	}
	sl_sim_parts_make(s);
	find_reverse(s);
	sl_sim_keep_roster(s, setup->roster ? setup->roster : t, 1);
	for (uint32_t i = 0; i < t->peers; i++) {
		s->node[i].roster = setup->roster ? setup->roster : t;
		s->node[i].serial = 1;
	}
	if (!sl_sim_make_room(s)) {
		sl_sim_close(s);
		sl_fail(error, SL_NO_MEMORY, "no memory for %u peers", t->peers);
		return NULL;
	}
	for (uint32_t i = 0; i < t->peers; i++) {
		if (setup->opening)
			setup->opening(setup->rows.context, i);
		make_peer(s, i);
	}
	sl_sim_rows_write(s);
	return s;
}

void sl_sim_close(struct sl_sim *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; s->node && i < s->setup.topology->peers; i++) {
		sl_sim_pace_clear(s, i);
		free(s->node[i].outbox);
		free(s->node[i].checkpoint[0]);
		free(s->node[i].checkpoint[1]);
		free(s->node[i].pending);
		free(s->node[i].digest);
		for (unsigned g = 0; g < SL_SIM_HOLDS; g++)
			free(s->node[i].holds[g]);
	}
	for (uint32_t l = 0; s->link && l < s->setup.topology->first[s->setup.topology->peers]; l++)
		free(s->link[l].sent);
	sl_sim_parts_free(s);
	for (uint32_t i = 0; s->scratch_block && i < s->threads; i++)
		free(s->scratch_block[i]);
	free(s->scratch_block);
	free(s->scratch);
	free(s->roster);
	free(s->room);
	free(s->node);
	free(s->link);
	free(s);
}

const char *sl_sim_trouble(const struct sl_sim *s)
{
	return s->trouble.text[0] ? s->trouble.text : NULL;
}

void sl_sim_totals(const struct sl_sim *s, struct sl_sim_totals *out)
{
	*out =
	    (struct sl_sim_totals){ .now = s->now, .bytes_a_peer = s->peer_bytes / s->setup.topology->peers };
	for (uint32_t k = 0; k < s->parts; k++) {
		const struct sl_sim_totals *t = &s->part[k].totals;
		out->events += t->events;
		out->messages += t->messages;
		out->lost += t->lost;
		out->repeated += t->repeated;
		out->wire_bytes += t->wire_bytes;
		out->halted += t->halted;
	}
}

struct sl_peer *sl_sim_peer(struct sl_sim *s, uint32_t peer)
{
	return s->node[peer].peer;
}
