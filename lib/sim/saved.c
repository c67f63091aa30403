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

static bool is_drawn(const struct sl_sim *s, uint32_t peer)
{
	struct sl_peer_view p;
	struct sl_random g =
	    sl_random_stream(s->setup.plan->settings.seed, peer, "saved", (uint32_t)s->node[peer].events);
	sl_peer_inspect(s->node[peer].peer, &p);
	return sl_random_below(&g, p.full ? FULL_EVENTS_A_LOOK : EVENTS_A_LOOK) == 0;
}

static struct sl_peer *make_fresh(const struct sl_peer *p, uint8_t **block)
{
	struct sl_peer_neighbour neighbours[SL_DEGREE_MAX];
	struct sl_peer_setup setup;
	sl_peer_setup_now(p, &setup, neighbours);
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
	if (!is_drawn(s, peer))
		return;
	uint8_t *bytes = sl_sim_save(p, &length, &error), *again = NULL;
	if (!bytes && error.status == SL_OUT_OF_RANGE)
		return; /* no checkpoint is made of that either */
	if (!bytes) {
		sl_sim_broken(s, peer, "the state of peer %u cannot be saved: %s", peer, error.text);
		return;
	}
	struct sl_peer *fresh = make_fresh(p, &block);
	if (sl_peer_load(fresh, bytes, length, &error) != SL_OK)
		sl_sim_broken(s, peer, "the state of peer %u cannot be loaded: %s", peer, error.text);
	else if (!(again = sl_sim_save(fresh, &again_length, &error)))
		sl_sim_broken(s, peer, "the loaded state of peer %u cannot be saved: %s", peer, error.text);
	else if (again_length != length || memcmp(bytes, again, length) != 0)
		sl_sim_broken(s, peer, "the state of peer %u is another once it was saved and loaded", peer);
	free(bytes);
	free(again);
	free(block);
}
