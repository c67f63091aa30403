/* Any bytes as the state of a peer: refused with a sentence and nothing changed, or a peer that can run and
 * that saves to a state of its own. Inputs are laid over a true state, or nothing would get past the first
 * fields: u8 seed, then pieces of u16 offset, u8 length, bytes. */
#include "gossip/peer_state.h"
#include "sim/swarm.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void overlay(uint8_t *state, size_t size, struct sl_reader r)
{
	while (sl_reader_left(&r) >= 4) {
		size_t at = sl_read_u16(&r), n = sl_read_u8(&r);
		n = n < sl_reader_left(&r) ? n : sl_reader_left(&r);
		const uint8_t *piece = sl_read_bytes(&r, n);
		if (piece && at < size && n <= size - at)
			memcpy(state + at, piece, n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct sl_reader r = sl_reader(bytes, length);
	struct sl_error error = { 0 };
	struct sl_swarm w;
	if (length > 4096)
		return 0;
	SL_CHECK(sl_swarm_draw(&w, sl_read_u8(&r), &error) == SL_OK);
	struct sl_sim_setup setup = {
		.plan = &w.plan, .topology = &w.topology, .shards = w.shard, .network = w.network
	};
	struct sl_sim *sim = sl_sim_open(&setup, &error);
	SL_CHECK(sim);
	for (int n = 0; n < 300; n++)
		sl_sim_step(sim);
	size_t size = sl_peer_save(sl_sim_peer(sim, 0), NULL), cut = r.failed ? 0 : size;
	uint8_t *state = malloc(size), *before = malloc(size);
	sl_peer_save(sl_sim_peer(sim, 0), state);
	overlay(state, size, r);
	sl_sim_kill(sim, 0);
	sl_sim_revive(sim, 0, SL_SIM_DISK_LOST);
	struct sl_peer *p = sl_sim_peer(sim, 0);
	size_t fresh = sl_peer_save(p, NULL);
	before = realloc(before, fresh);
	sl_peer_save(p, before);
	if (sl_peer_load(p, state, cut, &error) == SL_OK) {
		free(before);
		before = malloc(sl_peer_save(p, NULL));
		sl_peer_save(p, before);
		for (int n = 0; n < 300; n++)
			sl_sim_step(sim);
	} else {
		uint8_t *after = malloc(fresh);
		SL_CHECK(error.text[0] && sl_peer_save(p, NULL) == fresh);
		sl_peer_save(p, after);
		SL_CHECK(memcmp(before, after, fresh) == 0);
		free(after);
	}
	free(state);
	free(before);
	sl_sim_close(sim);
	sl_swarm_free(&w);
	return 0;
}
