/* saved.c — every state that a run can reach is saved and loaded: at moments drawn from the seed, and more
 * often where a journal is full. */
#include "sim/sim_state.h"

#include <stdlib.h>
#include <string.h>

enum { EVENTS_A_LOOK = 64, FULL_EVENTS_A_LOOK = 4 };

uint8_t *sl_sim_save(const struct sl_peer *p, size_t *length, struct sl_error *error)
{
	*length = sl_peer_save(p, NULL, error);
	if (*length == 0)
		return NULL;
	uint8_t *bytes = malloc(*length);
	SL_CHECK(bytes);
	if (sl_peer_save(p, bytes, error) == *length)
		return bytes;
	free(bytes);
	return NULL;
}

/* It had to drop a frame for the newest one, or will for the next. */
static bool is_full(const struct sl_peer *p)
{
	const struct sl_journal *j = &p->journal;
	return j->count == j->entries || j->end - j->start + p->plan->body_bound > j->capacity;
}

static bool is_drawn(const struct sl_sim *s, const struct sl_peer *p)
{
	struct sl_random g =
	    sl_random_stream(s->setup.plan->settings.seed, p->id, "saved", (uint32_t)s->totals.events);
	return sl_random_below(&g, is_full(p) ? FULL_EVENTS_A_LOOK : EVENTS_A_LOOK) == 0;
}

/* The neighbours that it has now, whatever its roster says. */
static struct sl_peer *make_fresh(const struct sl_peer *p, uint8_t **block)
{
	struct sl_peer_neighbour neighbours[SL_DEGREE_MAX];
	for (uint32_t i = 0; i < p->degree; i++) {
		const struct sl_edge *e = &p->edge[i];
		neighbours[i] = (struct sl_peer_neighbour){ .peer = e->neighbour,
			                                    .weights = e->weights,
			                                    .added = e->since,
			                                    .activity = e->activity,
			                                    .activities = e->activities };
		memcpy(neighbours[i].weight, e->weight, sizeof e->weight);
	}
	struct sl_peer_setup setup = { .plan = p->plan,
		                       .peer = p->id,
		                       .neighbours = neighbours,
		                       .degree = p->degree,
		                       .data = p->learner.data,
		                       .serial = p->serial,
		                       .capacity = p->capacity };
	size_t size = sl_peer_size(&setup);
	*block = calloc(size + 64, 1);
	SL_CHECK(*block);
	struct sl_arena arena = { *block + (64 - (uintptr_t)*block % 64) % 64, size, 0 };
	return sl_peer_make(&setup, &arena);
}

void sl_sim_check_saved(struct sl_sim *s, uint32_t peer)
{
	const struct sl_peer *p = s->node[peer].peer;
	struct sl_error error = { 0 };
	size_t length, again_length;
	uint8_t *block;
	if (!is_drawn(s, p))
		return;
	uint8_t *bytes = sl_sim_save(p, &length, &error), *again = NULL;
	if (!bytes && error.status == SL_OUT_OF_RANGE)
		return; /* no checkpoint is made of that either */
	if (!bytes) {
		sl_sim_broken(s, "the state of peer %u cannot be saved: %s", peer, error.text);
		return;
	}
	struct sl_peer *fresh = make_fresh(p, &block);
	if (sl_peer_load(fresh, bytes, length, &error) != SL_OK)
		sl_sim_broken(s, "the state of peer %u cannot be loaded: %s", peer, error.text);
	else if (!(again = sl_sim_save(fresh, &again_length, &error)))
		sl_sim_broken(s, "the loaded state of peer %u cannot be saved: %s", peer, error.text);
	else if (again_length != length || memcmp(bytes, again, length) != 0)
		sl_sim_broken(s, "the state of peer %u is another once it was saved and loaded", peer);
	free(bytes);
	free(again);
	free(block);
}
