#include "gossip/peer/state.h"

#include <stdlib.h>
#include <string.h>

enum {
	TOKEN = 1000000,
	ELAPSED_MOST_S = 1000000, /* a bucket is full long before */
	COMPLAIN_EVERY_US = 10000000,
	FRAMES_BURST = 2048, /* what queues may hold of a neighbour when this end was asleep */
	FRAMES_SECONDS = 8,  /* ... and what this many seconds produce */
	ANSWER_LEAST = 1024, /* looking for an answer costs something too */
	ANSWER_MODELS = 8,   /* at once, in addition to what the journal holds; then one per interval: */
	ANSWER_SECONDS = 64,
	ANSWER_SLACK = 4 << 20,
	ANSWER_BASE = 4096,
	EPOCHS_AT_ONCE = 4, /* one after a start is the rule; greetings of former starts may come late */
	EPOCH_EVERY_S = 600,
	FORGIVEN_AFTER = 8, /* times the last quarantine without another */
};

struct offence {
	unsigned weight;
	const char *name, *text;
};
static const struct offence offences[] = {
#define X(id, name, weight, text) { weight, #name, text },
	SL_OFFENCES(X)
#undef X
};

const char *sl_offence_text(enum sl_offence offence)
{
	return offences[offence].text;
}

const char *sl_offence_name(enum sl_offence offence)
{
	return offences[offence].name;
}

/* `rate` tokens in `seconds`, up to `most`. */
static void fill(struct sl_bucket *b, struct sl_time now, int64_t rate, int64_t seconds, int64_t most)
{
	int64_t elapsed = now.us - b->at.us, longest = (int64_t)ELAPSED_MOST_S * TOKEN;
	elapsed = elapsed < 0 ? 0 : elapsed > longest ? longest : elapsed;
	b->at = now;
	int64_t more;
	if (__builtin_mul_overflow(elapsed / seconds, rate, &more) || more > most * TOKEN - b->level)
		b->level = most * TOKEN;
	else
		b->level += more;
}

static int64_t frames_most(const struct sl_peer *p)
{
	return FRAMES_BURST + (int64_t)FRAMES_SECONDS * p->plan->settings.limit_frames;
}

static int64_t model_bytes(const struct sl_peer *p)
{
	return (int64_t)(p->plan->copy_bytes + p->plan->resend_bytes);
}

static int64_t answers_most(const struct sl_peer *p)
{
	return ANSWER_MODELS * model_bytes(p) + (int64_t)p->plan->journal_bytes + ANSWER_SLACK;
}

void sl_guard_start(const struct sl_peer *p, struct sl_edge *e)
{
	struct sl_guard *g = &e->guard;
	*g = (struct sl_guard){ .complain_at = p->now };
	g->refusals = (struct sl_bucket){ (int64_t)p->plan->settings.limit_refusals * TOKEN, p->now };
	g->frames = (struct sl_bucket){ frames_most(p) * TOKEN, p->now };
	g->answers = (struct sl_bucket){ answers_most(p) * TOKEN, p->now };
	g->epochs = (struct sl_bucket){ (int64_t)EPOCHS_AT_ONCE * TOKEN, p->now };
}

/* Nothing of the neighbour's is looked at, nothing is sent, and nobody but an exact run waits. */
static void quarantine(struct sl_peer *p, struct sl_edge *e, enum sl_offence cause)
{
	struct sl_guard *g = &e->guard;
	const struct sl_settings *s = &p->plan->settings;
	bool again =
	    g->times && sl_time_before(p->now, sl_time_after(g->until, FORGIVEN_AFTER * g->length_us));
	g->times = again ? g->times + 1 : 1;
	g->length_us = again ? 2 * g->length_us : s->quarantine_us;
	g->length_us = g->length_us < s->quarantine_most_us ? g->length_us : s->quarantine_most_us;
	g->closed = true;
	g->cause = cause;
	g->until = sl_time_after(p->now, g->length_us);
	if (e->up) {
		e->up = false;
		p->edges_up--;
	}
	e->late = e->late || !sl_waits_forever(p);
	e->rx_held.used = 0;
	e->rx_held.last = e->their_version;
	e->rx_held.overflow = true;
	e->staging.open = e->staging.whole = false;
	sl_peer_note(p, SL_LEVEL_WARNING, "quarantine",
	             "peer %u for %.3g s: it sent %s; %lld frames refused so far", e->neighbour,
	             1e-6 * (double)g->length_us, sl_offence_text(cause), (long long)e->totals.refused);
	struct sl_action a = { .kind = SL_ACTION_QUARANTINE, .edge = (uint32_t)(e - p->edge), .ok = true };
	sl_peer_emit(p, &a);
}

bool sl_guard_watch(struct sl_peer *p, struct sl_edge *e)
{
	struct sl_guard *g = &e->guard;
	if (!g->closed || sl_time_before(p->now, g->until))
		return false;
	g->closed = false;
	g->refusals.level = (int64_t)p->plan->settings.limit_refusals * TOKEN / 2;
	g->frames.level = frames_most(p) * TOKEN / 2;
	g->refusals.at = g->frames.at = p->now;
	e->heard_at = p->now;
	e->ask_every_us = 0;
	sl_peer_note(p, SL_LEVEL_NOTICE, "quarantine-over", "peer %u: quarantine ended; step %u",
	             e->neighbour, e->step);
	struct sl_action a = { .kind = SL_ACTION_QUARANTINE, .edge = (uint32_t)(e - p->edge), .ok = false };
	sl_peer_emit(p, &a);
	return true;
}

static void refuse(struct sl_peer *p, struct sl_edge *e, enum sl_offence offence)
{
	struct sl_guard *g = &e->guard;
	const char *why = sl_offence_text(offence);
	e->totals.refused++;
	g->count[offence]++;
	g->complaints++;
	if (sl_time_before(p->now, g->complain_at))
		return;
	if (offence == SL_OFFENCE_RUN)
		sl_edge_note_stranger(p, e, why);
	else if (offence == SL_OFFENCE_VERSION)
		sl_peer_note(
		    p, SL_LEVEL_WARNING, "frame-refused",
		    "peer %u sends version %u of the wire format, and this peer version %u: they need the same version of starling",
		    e->neighbour, e->wire_version, (unsigned)SL_WIRE_VERSION);
	else if (g->complaints > 1)
		sl_peer_note(p, SL_LEVEL_WARNING, "frame-refused", "peer %u sent %s (and %u more)",
		             e->neighbour, why, g->complaints - 1);
	else
		sl_peer_note(p, SL_LEVEL_WARNING, "frame-refused", "peer %u sent %s", e->neighbour, why);
	g->complaints = 0;
	g->complain_at = sl_time_after(p->now, COMPLAIN_EVERY_US);
}

void sl_edge_refuse(struct sl_peer *p, struct sl_edge *e, enum sl_offence offence)
{
	struct sl_guard *g = &e->guard;
	int64_t most = p->plan->settings.limit_refusals;
	refuse(p, e, offence);
	fill(&g->refusals, p->now, most, 60, most);
	g->refusals.level -= (int64_t)offences[offence].weight * TOKEN;
	if (most > 0 && g->refusals.level < 0 && !g->closed)
		quarantine(p, e, offence);
}

bool sl_guard_admit(struct sl_peer *p, struct sl_edge *e)
{
	struct sl_guard *g = &e->guard;
	if (g->closed)
		return false;
	if (p->plan->settings.limit_frames == 0)
		return true;
	fill(&g->frames, p->now, p->plan->settings.limit_frames, 1, frames_most(p));
	g->frames.level -= TOKEN;
	if (g->frames.level >= 0)
		return true;
	refuse(p, e, SL_OFFENCE_FLOOD);
	quarantine(p, e, SL_OFFENCE_FLOOD);
	return false;
}

void sl_guard_expect(struct sl_peer *p, struct sl_edge *e, unsigned frames)
{
	int64_t most = frames_most(p) * TOKEN;
	e->guard.frames.level += (int64_t)frames * TOKEN;
	e->guard.frames.level = e->guard.frames.level < most ? e->guard.frames.level : most;
}

bool sl_guard_answers(struct sl_peer *p, struct sl_edge *e)
{
	struct sl_guard *g = &e->guard;
	fill(&g->answers, p->now, model_bytes(p) / ANSWER_SECONDS + ANSWER_BASE, 1, answers_most(p));
	if (g->answers.level <= 0) {
		g->unanswered++;
		return false;
	}
	g->answers.level -= (int64_t)ANSWER_LEAST * TOKEN;
	sl_guard_expect(p, e, 1); /* it paid for itself */
	return true;
}

/* What goes over the edge unasked shows what its link carries: as much again may be asked for. */
void sl_guard_sent(struct sl_peer *p, struct sl_edge *e, size_t bytes)
{
	int64_t most = answers_most(p) * TOKEN, level = e->guard.answers.level + (int64_t)bytes * TOKEN;
	e->guard.answers.level = level < most ? level : most;
}

void sl_guard_answered(struct sl_peer *p, struct sl_edge *e, size_t bytes)
{
	(void)p;
	e->guard.answers.level -= (int64_t)bytes * TOKEN;
}

bool sl_guard_epoch(struct sl_peer *p, struct sl_edge *e)
{
	struct sl_bucket *b = &e->guard.epochs;
	fill(b, p->now, 1, EPOCH_EVERY_S, EPOCHS_AT_ONCE);
	if (b->level >= TOKEN) {
		b->level -= TOKEN;
		return true;
	}
	sl_edge_refuse(p, e, SL_OFFENCE_EPOCH);
	return false;
}

static int falling(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x < y) - (x > y);
}

uint32_t sl_guard_round(const struct sl_peer *p)
{
	uint32_t round[SL_DEGREE_MAX] = { 0 }, heard = 0;
	for (uint32_t i = 0; i < p->degree; i++)
		if (p->edge[i].greeted && !p->edge[i].guard.closed)
			round[heard++] = p->edge[i].their_round;
	qsort(round, heard, sizeof *round, falling);
	return heard > p->degree / 2 ? round[p->degree / 2] : 0;
}
