/* trouble.c — what a test or a fault plan does to a running simulation. */
#include "sim/sim_state.h"

#include <stdlib.h>
#include <string.h>

void sl_sim_distrust(struct sl_sim *s, uint32_t peer)
{
	s->node[peer].distrusted = true;
}

void sl_sim_watch(struct sl_sim *s, const struct sl_sim_watch *watch)
{
	s->watch = *watch;
}

void sl_sim_kill(struct sl_sim *s, uint32_t peer)
{
	struct sl_sim_node *n = &s->node[peer];
	sl_sim_totals_of(s, peer)->halted -= n->alive && n->halted;
	n->alive = n->halted = false;
	n->starts++;
	free(n->pending);
	n->pending = NULL;
	n->paused_until = (struct sl_time){ 0 };
	sl_sim_pace_clear(s, peer);
	sl_sim_links_review(s, peer);
}

void sl_sim_kill_synced(struct sl_sim *s, uint32_t peer)
{
	struct sl_sim_node *n = &s->node[peer];
	if (n->pending && !n->disk_fails)
		sl_sim_keep_checkpoint(n);
	sl_sim_kill(s, peer);
}

static void lose_newest(struct sl_sim_node *n)
{
	free(n->checkpoint[0]);
	n->checkpoint[0] = n->checkpoint[1];
	n->checkpoint_length[0] = n->checkpoint_length[1];
	n->checkpoint_round[0] = n->checkpoint_round[1];
	n->checkpoint[1] = NULL;
	n->written -= n->checkpoint[0] == NULL && n->written > 0;
	n->checkpoint_round[1] = 0;
	sl_sim_holds_move(n, SL_SIM_OLDER, SL_SIM_NEWEST);
}

/* Goes on from what is on its disk, as the daemon does; what the peer does not take is out of the way from
 * then on. */
static void load_newest(struct sl_sim *s, uint32_t peer)
{
	struct sl_sim_node *n = &s->node[peer];
	struct sl_generation g[2];
	struct sl_error error;
	for (unsigned i = 0; i < 2; i++)
		g[i] = (struct sl_generation){ .there = n->checkpoint[i] != NULL,
			                       .version = n->written > i ? n->written - i : 0,
			                       .state = n->checkpoint[i],
			                       .length = n->checkpoint_length[i] };
	struct sl_sim_acting acting = { s, peer };
	int taken = sl_generations_load(n->peer, g, sl_sim_note, &acting, &error);
	if (error.status != SL_OK)
		sl_sim_broken(s, peer, "peer %u: %s", peer, error.text);
	if (taken != 0)
		lose_newest(n);
	if (taken < 0)
		lose_newest(n);
}

static void damage_newest(struct sl_sim *s, struct sl_sim_node *n)
{
	if (!n->checkpoint[0])
		return;
	struct sl_random g = sl_random_stream(s->setup.plan->settings.seed, n->starts, "damage", 0);
	n->checkpoint_length[0] = (size_t)(sl_random_u64(&g) % n->checkpoint_length[0]);
}

void sl_sim_revive(struct sl_sim *s, uint32_t peer, enum sl_sim_disk disk)
{
	struct sl_sim_node *n = &s->node[peer];
	SL_CHECK(!n->alive);
	if (disk == SL_SIM_DISK_OLDER && (n->checkpoint[1] || n->written <= 1)) /* one damage at a time */
		damage_newest(s, n);
	if (disk == SL_SIM_DISK_LOST) {
		lose_newest(n);
		lose_newest(n);
		n->written = 0;
	}
	sl_sim_make_peer(s, peer);
	load_newest(s, peer);
	sl_sim_start_peer(s, peer);
}

void sl_sim_cut(struct sl_sim *s, uint32_t from, uint32_t to, bool cut)
{
	const struct sl_topology *t = s->setup.topology;
	for (uint32_t l = t->first[from]; l < t->first[from + 1]; l++)
		if (t->neighbour[l] == to)
			s->link[l].cut = cut;
	sl_sim_links_review(s, from);
}

bool sl_sim_alive(const struct sl_sim *s, uint32_t peer)
{
	return s->node[peer].alive;
}

bool sl_sim_halted(const struct sl_sim *s, uint32_t peer)
{
	return s->node[peer].halted;
}

uint32_t sl_sim_durable_rounds(const struct sl_sim *s, uint32_t peer)
{
	return s->node[peer].checkpoint_round[0];
}

void sl_sim_pause(struct sl_sim *s, uint32_t peer, int64_t us)
{
	s->node[peer].paused_until = sl_time_after(s->now, us);
}

void sl_sim_slow(struct sl_sim *s, uint32_t peer, int64_t times)
{
	s->node[peer].slow = times;
}

void sl_sim_disk(struct sl_sim *s, uint32_t peer, bool fails, int64_t us)
{
	s->node[peer].disk_fails = fails;
	s->node[peer].disk_us = us;
}

void sl_sim_disk_speed(struct sl_sim *s, uint32_t peer, int64_t us)
{
	s->node[peer].disk_base_us = us;
}

void sl_sim_skew(struct sl_sim *s, uint32_t peer, int64_t us)
{
	SL_CHECK(!s->node[peer].alive || s->node[peer].events == 0);
	s->node[peer].skew_us = us;
}

uint16_t sl_sim_incarnation16(const struct sl_sim *s, uint32_t peer)
{
	struct sl_peer_view p;
	sl_peer_inspect(s->node[peer].peer, &p);
	return (uint16_t)p.incarnation;
}

size_t sl_sim_header(const struct sl_sim *s, uint32_t from, uint32_t to, const struct sl_frame *f,
                     uint32_t length, uint8_t out[static SL_FRAME_HEADER])
{
	size_t written = sl_peer_whole_header(s->node[from].peer, to, f, length, out);
	if (written)
		return written;
	sl_frame_header(out, f, length); /* it is no neighbour now */
	return SL_FRAME_HEADER;
}

struct sl_sim_network *sl_sim_network(struct sl_sim *s)
{
	return &s->setup.network;
}

struct sl_time sl_sim_now(const struct sl_sim *s)
{
	return s->now;
}

void sl_sim_wait(struct sl_sim *s, int64_t us)
{
	s->now = sl_time_after(s->now, us);
}

void sl_sim_inject(struct sl_sim *s, uint32_t from, uint32_t to, const uint8_t *bytes, size_t length)
{
	const struct sl_topology *t = s->setup.topology;
	for (uint32_t l = t->first[from]; l < t->first[from + 1]; l++) {
		if (t->neighbour[l] != to)
			continue;
		sl_sim_disturb(s, l);
		struct sl_sim_event e = { .at = s->now,
			                  .what = SL_HAPPENS_RECEIVE,
			                  .peer = to,
			                  .link = s->link[l].reverse,
			                  .starts = s->node[to].starts,
			                  .length = length };
		e.bytes = malloc(length ? length : 1);
		SL_CHECK(e.bytes);
		memcpy(e.bytes, bytes, length);
		sl_sim_push(s, to, e);
	}
}
