/* Any bytes as the state of a peer: refused with a sentence and nothing changed, or a peer that can run and
 * that saves to a state of its own. Inputs are laid over a true state, or nothing would get past the first
 * fields: u8 seed, then pieces of u16 offset, u8 length, bytes. */
#include "gossip/peer/state.h"
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

/* A run whose peer 0 has just come back without its disk, and the state that it lost. Kept from input to
 * input: one that is refused changes nothing. */
struct moment {
	struct sl_swarm swarm;
	struct sl_sim *sim; /* NULL: to be made */
	struct sl_sim_setup setup;
	uint8_t *state, *fresh;
	size_t size, fresh_size;
};

static uint8_t *state_of(struct sl_sim *sim, size_t *size)
{
	const struct sl_peer *p = sl_sim_peer(sim, 0);
	*size = sl_peer_save(p, NULL, NULL);
	uint8_t *state = malloc(*size);
	SL_CHECK(state);
	sl_peer_save(p, state, NULL);
	return state;
}

static void open_moment(struct moment *m, uint64_t seed)
{
	struct sl_error error = { 0 };
	SL_CHECK(sl_swarm_draw(&m->swarm, seed, &error) == SL_OK);
	m->setup = (struct sl_sim_setup){ .plan = &m->swarm.plan,
		                          .topology = &m->swarm.topology,
		                          .shards = m->swarm.shard,
		                          .network = m->swarm.network };
	m->sim = sl_sim_open(&m->setup, &error);
	SL_CHECK(m->sim);
	for (int n = 0; n < 300; n++)
		sl_sim_step(m->sim);
	m->state = state_of(m->sim, &m->size);
	sl_sim_kill(m->sim, 0);
	sl_sim_revive(m->sim, 0, SL_SIM_DISK_LOST);
	m->fresh = state_of(m->sim, &m->fresh_size);
}

static void close_moment(struct moment *m)
{
	free(m->state);
	free(m->fresh);
	sl_sim_close(m->sim);
	sl_swarm_free(&m->swarm);
	m->sim = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static struct moment moments[256];
	struct sl_reader r = sl_reader(bytes, length);
	struct sl_error error = { 0 };
	if (length > 4096)
		return 0;
	uint8_t seed = sl_read_u8(&r);
	struct moment *m = &moments[seed];
	if (!m->sim)
		open_moment(m, seed);
	size_t size = m->size, cut = r.failed ? 0 : size;
	uint8_t *state = malloc(size);
	SL_CHECK(state);
	memcpy(state, m->state, size);
	overlay(state, size, r);
	if (sl_peer_load(sl_sim_peer(m->sim, 0), state, cut, &error) == SL_OK) {
		free(state_of(m->sim, &size));
		for (int n = 0; n < 300; n++)
			sl_sim_step(m->sim);
		close_moment(m);
	} else {
		uint8_t *after = state_of(m->sim, &size);
		SL_CHECK(error.text[0] && size == m->fresh_size && memcmp(m->fresh, after, size) == 0);
		free(after);
	}
	free(state);
	return 0;
}
