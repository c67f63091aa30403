#include "sim/faults_roster.h"

#include "gossip/frame.h"

#include <math.h>
#include <string.h>

enum {
	STUCK_US = 3000000,    /* without progress for so long, the next fault comes all the same */
	RESUME_US = 300000000, /* after the last fault so long, whoever has ended is started again */
};

static const char *const text[] = {
#define X(id, words) words,
	SL_FAULT_KINDS(X)
#undef X
};

const char *sl_fault_text(enum sl_fault_kind kind)
{
	return text[kind];
}

static uint64_t all_of(uint32_t peers)
{
	return peers >= 64 ? UINT64_MAX : (UINT64_C(1) << peers) - 1;
}

/* From 0.1 ms to 20 s, all magnitudes alike: shorter than a message's way, longer than every timeout. */
static int64_t draw_duration(struct sl_random *g)
{
	return (int64_t)(100 * pow(10, 5.3 * sl_random_unit_double(g)));
}

static void draw_fault(struct sl_fault *f, struct sl_random *g, const struct sl_topology *t, uint32_t kinds)
{
	do
		f->kind = (enum sl_fault_kind)sl_random_below(g, SL_FAULT_COUNT);
	while (!(kinds >> f->kind & 1));
	f->lasts_us = draw_duration(g);
	f->events = sl_random_below(g, 2) ? 0 : sl_random_below(g, 40);
	f->peer = sl_random_below(g, t->peers);
	uint32_t degree = sl_topology_degree(t, f->peer);
	f->other = t->neighbour[t->first[f->peer] + sl_random_below(g, degree)];
	f->peers = sl_random_u64(g) & all_of(t->peers);
	if (f->kind == SL_FAULT_CRASH)
		f->peers = (sl_random_below(g, 2) ? f->peers & sl_random_u64(g) : 0) | UINT64_C(1) << f->peer;
	if (f->kind == SL_FAULT_CRASH_ALL)
		f->peers = all_of(t->peers);
	if (f->kind == SL_FAULT_DISK_LOST)
		f->peers = UINT64_C(1) << f->peer;
	f->disk = f->kind == SL_FAULT_DISK_LOST ? SL_SIM_DISK_LOST
	          : sl_random_below(g, 3)       ? SL_SIM_DISK_NEWEST
	                                        : SL_SIM_DISK_OLDER;
	f->synced = sl_random_below(g, 2);
	f->amount = f->kind == SL_FAULT_SLOW ? 2 + sl_random_below(g, 50) : draw_duration(g) / 4;
	f->rate = 0.05 + 0.5 * sl_random_unit_double(g);
}

/* Beside the rest, which does not move by it: kill -9 while peers leave one after another, nearly. */
static void draw_ending(struct sl_faults *plan, uint64_t seed, uint32_t rounds, uint32_t allowed)
{
	const struct sl_topology *t = plan->topology;
	struct sl_random g = sl_random_stream(seed, UINT32_MAX, "faults", 2);
	for (uint32_t i = 0; i < plan->count; i++)
		plan->fault[i].alone = sl_random_below(&g, 2);
	uint32_t crashes = allowed & (1u << SL_FAULT_CRASH | 1u << SL_FAULT_CRASH_ALL);
	for (uint32_t k = sl_random_below(&g, 3); k > 0 && crashes && plan->count < SL_FAULTS_MAX; k--) {
		struct sl_fault *f = &plan->fault[plan->count++];
		draw_fault(f, &g, t, crashes);
		f->progress = (uint64_t)t->peers * rounds;
		f->events = sl_random_below(&g, 60);
		f->alone = sl_random_below(&g, 4);
	}
}

void sl_faults_draw(struct sl_faults *plan, uint64_t seed, const struct sl_topology *t, double part,
                    uint32_t rounds, uint32_t allowed)
{
	struct sl_random g = sl_random_stream(seed, UINT32_MAX, "faults", 0);
	*plan =
	    (struct sl_faults){ .topology = t, .random = sl_random_stream(seed, UINT32_MAX, "faults", 1) };
	SL_CHECK(t->peers <= 64 && allowed);
	uint32_t kinds = allowed & (uint32_t)sl_random_u64(&g);
	if (sl_random_below(&g, 3) == 0 || !kinds)
		kinds = allowed;
	plan->count = 1 + sl_random_below(&g, SL_FAULTS_MAX);
	uint64_t total = (uint64_t)t->peers * rounds;
	for (uint32_t i = 0; i < plan->count; i++) {
		uint64_t at = (uint64_t)(sl_random_unit_double(&g) * part * (double)total);
		if (part > 0.8 && sl_random_below(&g, 20) == 0)
			at = sl_random_below(&g, 2) ? 0 : total; /* before the first round; after the last */
		uint32_t k = i;
		for (; k > 0 && plan->fault[k - 1].progress > at; k--)
			plan->fault[k] = plan->fault[k - 1];
		memset(&plan->fault[k], 0, sizeof plan->fault[k]);
		draw_fault(&plan->fault[k], &g, t, kinds);
		plan->fault[k].progress = at;
	}
	if (part > 0.8)
		draw_ending(plan, seed, rounds, allowed);
}

static void cut(const struct sl_faults *plan, struct sl_sim *s, const struct sl_fault *f, bool now)
{
	const struct sl_topology *t = plan->topology;
	for (uint32_t i = 0; i < t->edges; i++) {
		uint32_t a = t->edge[i].a, b = t->edge[i].b;
		bool hit = f->kind == SL_FAULT_ISOLATE ? a == f->peer || b == f->peer
		           : f->kind == SL_FAULT_PARTITION
		               ? (f->peers >> a & 1) != (f->peers >> b & 1)
		               : (a == f->peer && b == f->other) || (b == f->peer && a == f->other);
		if (!hit)
			continue;
		if (f->kind != SL_FAULT_CUT_ONE_WAY || a == f->peer)
			sl_sim_cut(s, a, b, now);
		if (f->kind != SL_FAULT_CUT_ONE_WAY || b == f->peer)
			sl_sim_cut(s, b, a, now);
	}
}

static void storm(const struct sl_faults *plan, struct sl_sim *s, const struct sl_fault *f)
{
	enum { SLOWER = 20 };
	struct sl_sim_network *n = sl_sim_network(s);
	n->rate = (uint64_t)((double)n->rate / (1 + SLOWER * f->rate));
	if (n->rate)
		return;
	n->loss = fmax(n->loss, f->rate);
	n->duplicate = fmax(n->duplicate, f->rate / 2);
	n->reorder = fmax(n->reorder, f->rate / 2);
	n->jitter_us = plan->calm.jitter_us * (int64_t)(1 + 100 * f->rate);
}

/* A body that no decoder may take, behind a header that is true as far as anybody can tell. */
static void garbage(struct sl_faults *plan, struct sl_sim *s, const struct sl_fault *f)
{
	struct sl_random *g = &plan->random;
	uint8_t bytes[600];
	for (uint32_t count = 1 + sl_random_below(g, 20); count > 0; count--) {
		uint32_t length = sl_random_below(g, sizeof bytes);
		for (uint32_t k = 0; k < length; k++)
			bytes[k] = (uint8_t)sl_random_u64(g);
		if (length >= SL_FRAME_HEADER && sl_random_below(g, 3)) {
			static const uint8_t kinds[] = { SL_FRAME_HELLO, SL_FRAME_DIFFERENCE,
				                         SL_FRAME_SNAPSHOT };
			struct sl_frame h = { .kind = kinds[sl_random_below(g, 3)],
				              .channels = 1,
				              .incarnation16 = sl_sim_incarnation16(s, f->other),
				              .epoch = sl_random_below(g, 2),
				              .version = sl_random_below(g, 80),
				              .durable = sl_random_below(g, 80),
				              .round = (uint32_t)(sl_random_u64(g) >>
				                                  sl_random_below(g, 32) >> 32),
				              .run = plan->run };
			if (h.kind == SL_FRAME_DIFFERENCE) {
				h.step = 1 + sl_random_below(g, 80);
				h.tag = sl_random_below(g, 2);
			}
			uint8_t header[SL_FRAME_HEADER];
			uint32_t body = length - SL_FRAME_HEADER;
			size_t written = sl_sim_header(s, f->other, f->peer, &h, body, header);
			memcpy(bytes, header, written);
			length = (uint32_t)written + body;
		}
		sl_sim_inject(s, f->other, f->peer, bytes, length);
	}
}

static void crash(struct sl_faults *plan, struct sl_sim *s, struct sl_fault *f)
{
	for (uint32_t i = 0; i < plan->topology->peers; i++) {
		if (!(f->peers >> i & 1) || !sl_sim_alive(s, i) || sl_sim_absent(s, i))
			continue;
		if (f->synced)
			sl_sim_kill_synced(s, i);
		else
			sl_sim_kill(s, i);
		if (plan->killed)
			plan->killed(plan->context, i);
		f->killed |= UINT64_C(1) << i;
	}
}

/* Whoever had ended already is started again too, as `starling up --resume` does: without checkpoints, the
 * one that comes back may need it. */
static void revive(struct sl_faults *plan, struct sl_sim *s, struct sl_fault *f)
{
	for (uint32_t i = 0; i < plan->topology->peers; i++) {
		bool ended = f->killed && !f->alone && sl_sim_alive(s, i) && sl_sim_halted(s, i);
		if (ended)
			sl_sim_kill(s, i);
		if ((!ended && !(f->killed >> i & 1)) || sl_sim_absent(s, i))
			continue;
		sl_sim_skew(s, i, (int64_t)(sl_random_u64(&plan->random) >> 24));
		sl_sim_revive(s, i, ended ? SL_SIM_DISK_NEWEST : f->disk);
	}
	f->killed = 0;
}

static void start(struct sl_faults *plan, struct sl_sim *s, struct sl_fault *f)
{
	f->active = true;
	f->until = sl_time_after(sl_sim_now(s), f->lasts_us);
	plan->last = sl_sim_now(s);
	plan->happened[f->kind]++;
	switch (f->kind) {
	case SL_FAULT_CUT:
	case SL_FAULT_CUT_ONE_WAY:
	case SL_FAULT_ISOLATE:
	case SL_FAULT_PARTITION:
		cut(plan, s, f, true);
		break;
	case SL_FAULT_CRASH:
	case SL_FAULT_CRASH_ALL:
	case SL_FAULT_DISK_LOST:
		crash(plan, s, f);
		break;
	case SL_FAULT_PAUSE:
		sl_sim_pause(s, f->peer, f->lasts_us);
		break;
	case SL_FAULT_SLOW:
		sl_sim_slow(s, f->peer, f->amount);
		break;
	case SL_FAULT_DISK_FULL:
		sl_sim_disk(s, f->peer, true, 0);
		break;
	case SL_FAULT_DISK_SLOW:
		sl_sim_disk(s, f->peer, false, f->amount);
		break;
	case SL_FAULT_STORM:
		storm(plan, s, f);
		break;
	case SL_FAULT_GARBAGE:
		garbage(plan, s, f);
		break;
	case SL_FAULT_WEIGHTS:
	case SL_FAULT_MEMBERS:
		sl_faults_roster(plan, s, f);
		break;
	case SL_FAULT_COUNT:
		break;
	}
}

static void end(struct sl_faults *plan, struct sl_sim *s, struct sl_fault *f)
{
	f->active = false;
	plan->last = sl_sim_now(s);
	if (f->kind <= SL_FAULT_PARTITION)
		cut(plan, s, f, false);
	revive(plan, s, f);
	sl_sim_slow(s, f->peer, 1);
	sl_sim_disk(s, f->peer, false, 0);
	if (f->kind == SL_FAULT_STORM)
		*sl_sim_network(s) = plan->calm;
}

static uint64_t progress(const struct sl_faults *plan, struct sl_sim *s)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < plan->topology->peers; i++)
		sum += sl_peer_round(sl_sim_peer(s, i));
	return sum;
}

/* Some wait for others that have ended: an operator would say `starling up --resume`. */
static void resume(struct sl_faults *plan, struct sl_sim *s)
{
	plan->last = sl_sim_now(s);
	plan->resumed++;
	for (uint32_t i = 0; i < plan->topology->peers && !plan->keep; i++)
		if (sl_sim_halted(s, i)) {
			sl_sim_kill(s, i);
			sl_sim_revive(s, i, SL_SIM_DISK_NEWEST);
		}
}

bool sl_faults_over(const struct sl_faults *plan)
{
	for (uint32_t i = 0; i < plan->next; i++)
		if (plan->fault[i].active)
			return false;
	return plan->next == plan->count;
}

void sl_faults_step(struct sl_faults *plan, struct sl_sim *s)
{
	bool active = false;
	struct sl_time now = sl_sim_now(s);
	for (uint32_t i = 0; i < plan->next; i++) {
		if (plan->fault[i].active && !sl_time_before(now, plan->fault[i].until))
			end(plan, s, &plan->fault[i]);
		active = active || plan->fault[i].active;
	}
	if (plan->next == plan->count) {
		if (!active)
			sl_sim_network(s)->loss = 0;
		if (!active && !sl_time_before(now, sl_time_after(plan->last, RESUME_US)))
			resume(plan, s);
		return;
	}
	struct sl_fault *f = &plan->fault[plan->next];
	bool due = progress(plan, s) >= f->progress && plan->events++ >= f->events;
	if (due || !sl_time_before(now, sl_time_after(plan->last, STUCK_US))) {
		plan->events = 0;
		plan->next++;
		start(plan, s, f);
	}
}

bool sl_faults_skip(struct sl_faults *plan, struct sl_sim *s)
{
	struct sl_time first = SL_TIME_NEVER;
	for (uint32_t i = 0; i < plan->next; i++)
		if (plan->fault[i].active)
			first = sl_time_earlier(first, plan->fault[i].until);
	if (first.us == SL_TIME_NEVER.us && plan->next == plan->count)
		return false;
	if (first.us == SL_TIME_NEVER.us)
		first = sl_time_after(plan->last, STUCK_US);
	if (sl_time_before(sl_sim_now(s), first))
		sl_sim_wait(s, first.us - sl_sim_now(s).us);
	sl_faults_step(plan, s);
	return true;
}
