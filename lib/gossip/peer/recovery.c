/* recovery.c — once the neighbours have greeted: a peer goes on from its checkpoint or from their copies of
 * it, joins them, or begins.
 *
 * No single neighbour is believed. How far this peer had come is what more than half of all neighbours hold of it, or
 * exceed. A copy that more than half of all hold alike, by its hash, is taken as it is. Where they hold different ones,
 * because frames were on their way, each coordinate is the median of theirs; whoever holds nothing, or does not send what
 * it holds, counts with the seeded start, and where the number is even that counts once more. So no minority moves a
 * coordinate beyond what others hold. */
#include "gossip/peer/state.h"

#include "linalg/vector.h"

#include <stdlib.h>
#include <string.h>

enum { RECOVER_EVERY_US = 300000, RECOVER_TRIES = 10, PATIENCE = 20 };

static bool holds_me(const struct sl_edge *e)
{
	return e->greeted && !e->guard.closed && e->holds_me_version > 0;
}

static int falling(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x < y) - (x > y);
}

/* The version that more than half of all neighbours hold of this peer, or exceed, in whatever epochs; 0: they hold
 * nothing. */
static uint32_t most_hold(const struct sl_peer *p)
{
	uint32_t held[SL_DEGREE_MAX] = { 0 };
	for (uint32_t i = 0; i < p->degree; i++)
		if (holds_me(&p->edge[i]))
			held[i] = p->edge[i].holds_me_version;
	qsort(held, p->degree, sizeof *held, falling);
	return p->degree ? held[p->degree / 2] : 0;
}

static bool hold_alike(const struct sl_edge *a, const struct sl_edge *b)
{
	return holds_me(a) && holds_me(b) && a->holds_me_epoch == b->holds_me_epoch &&
	       a->holds_me_version == b->holds_me_version &&
	       memcmp(a->holds_me_hash, b->holds_me_hash, sizeof a->holds_me_hash) == 0;
}

/* One that holds what more than half of all neighbours hold, and has not failed to send it. NULL: there is none. */
static struct sl_edge *agreed_source(struct sl_peer *p)
{
	for (uint32_t i = 0; i < p->degree; i++) {
		struct sl_edge *e = &p->edge[i];
		uint32_t votes = 0;
		for (uint32_t j = 0; j < p->degree; j++)
			votes += hold_alike(e, &p->edge[j]);
		if (2 * votes > p->degree && !e->staging.failed)
			return e;
	}
	return NULL;
}

/* In lockstep, neighbours that still keep their whole journals let a peer that lost everything compute it all
 * again, bit for bit: a crash before the first checkpoint costs nothing. Of one from which it takes nothing
 * it needs tags only, which such an end has for every step. */
static bool can_recompute(const struct sl_peer *p)
{
	if (p->plan->settings.pace != SL_PACE_LOCKSTEP)
		return false;
	for (uint32_t i = 0; i < p->degree; i++) {
		const struct sl_edge *e = &p->edge[i];
		if (!e->greeted || (e->oldest != 1 && !e->rx_off) || e->holds_me_epoch != 0 ||
		    e->their_epoch != 0)
			return false;
	}
	return true;
}

static bool is_missing(const struct sl_edge *e)
{
	return holds_me(e) && !e->staging.whole && !e->staging.failed;
}

static void stand_at(struct sl_peer *p, uint32_t version)
{
	uint32_t rounds = p->plan->settings.rounds;
	p->version = version;
	p->round = p->learner.round = version < rounds ? version : rounds;
}

static void go_on(struct sl_peer *p)
{
	memcpy(p->learner.x, p->copy_state, p->plan->dimension * sizeof(float));
	p->digest = sl_vector_digest(p->plan->copy_floats, 0, sl_copy_state_floats(p->copy_state));
	p->recovered = true;
	if (p->plan->algorithm->start)
		p->plan->algorithm->start(&p->learner);
	sl_recover_private(p);
	for (uint32_t i = 0; i < p->degree; i++)
		p->edge[i].staging = (struct sl_staging){ 0 };
	p->phase = SL_PHASE_COMPUTING;
	sl_start_epoch(p, 0, "recovered from the neighbours' copy");
	p->round_wished = true;
}

static void take_copy(struct sl_peer *p, const struct sl_edge *from)
{
	memcpy(p->copy_state, from->rx_held.bytes, p->plan->copy_bytes);
	stand_at(p, from->holds_me_version);
	sl_peer_note(p, SL_LEVEL_NOTICE, "recovered-from-neighbours",
	             "continuing from peer %u's copy of this peer at version %u", from->neighbour,
	             from->holds_me_version);
	go_on(p);
}

static void take_median(struct sl_peer *p, uint32_t copies)
{
	float *copy = sl_copy_state_floats(p->copy_state); /* still that of the seeded start */
	uint32_t version = most_hold(p);
	for (size_t k = 0; k < p->plan->copy_floats; k++) {
		float value[SL_DEGREE_MAX + 1];
		uint32_t n = 0;
		for (uint32_t i = 0; i < p->degree; i++) {
			const struct sl_edge *e = &p->edge[i];
			const float *theirs = (const float *)(const void *)e->rx_held.bytes;
			value[n++] = e->staging.whole ? theirs[k] : copy[k];
		}
		if (n % 2 == 0)
			value[n++] = copy[k];
		copy[k] = sl_robust_median(value, n);
	}
	stand_at(p, version);
	sl_peer_note(
	    p, SL_LEVEL_NOTICE, "recovered-from-neighbours",
	    "continuing from the median of %u neighbours' different copies of this peer, at version %u",
	    copies, version);
	go_on(p);
}

static void start_fresh(struct sl_peer *p)
{
	bool conflict = false;
	for (uint32_t i = 0; i < p->degree; i++)
		conflict = conflict || holds_me(&p->edge[i]);
	p->joining = false;
	sl_peer_note(p, SL_LEVEL_INFO, "fresh-start",
	             conflict ? "most neighbours hold no copy of this peer: seeded start"
	                      : "no neighbour holds a copy of this peer: seeded start");
	for (uint32_t i = 0; i < p->degree; i++)
		p->edge[i].reset = p->edge[i].greeted ? false : p->edge[i].reset;
	p->round_wished = true;
	if (sl_epoch_newest(p, 0) == 0 && (!conflict || can_recompute(p)))
		return;
	p->phase = SL_PHASE_COMPUTING;
	sl_start_epoch(p, 0, "neighbours know an earlier start of this peer");
}

/* Asks whom it takes; once that is here, or will not come, goes on. */
static void fetch_or_take(struct sl_peer *p, bool ask)
{
	struct sl_edge *source = agreed_source(p);
	uint32_t missing = 0, here = 0;
	p->recover_at = sl_time_after(p->now, RECOVER_EVERY_US);
	for (uint32_t i = 0; i < p->degree; i++) {
		struct sl_edge *e = &p->edge[i];
		here += e->staging.whole;
		if (!is_missing(e) || (source && e != source))
			continue;
		missing++;
		struct sl_time patient = sl_time_after(p->now, sl_stream_patient_us(e, RECOVER_EVERY_US));
		p->recover_at = sl_time_before(p->recover_at, patient) ? patient : p->recover_at;
		if (ask)
			sl_ask_self(p, e);
	}
	if (source && source->staging.whole)
		take_copy(p, source);
	else if (!missing && here)
		take_median(p, here);
	else if (!missing)
		start_fresh(p);
}

void sl_recovery_received(struct sl_peer *p, struct sl_edge *e)
{
	(void)e;
	if (p->phase == SL_PHASE_RECOVERING && !p->joining)
		fetch_or_take(p, false);
}

/* Asks again; a neighbour that stays silent is passed over. */
void sl_recovery_check(struct sl_peer *p)
{
	if (p->joining) {
		sl_join_check(p);
		return;
	}
	if (sl_time_before(p->now, p->recover_at))
		return;
	const struct sl_edge *source = agreed_source(p);
	for (uint32_t i = 0; i < p->degree; i++) {
		struct sl_edge *e = &p->edge[i];
		if (is_missing(e) && (!source || e == source) && ++e->staging.tries > RECOVER_TRIES)
			e->staging.failed = true;
	}
	fetch_or_take(p, true);
}

/* Something was there before, says a neighbour; and too few have greeted to tell whether it is true. */
static bool is_undecided(const struct sl_peer *p)
{
	uint32_t heard = 0;
	bool something = false;
	for (uint32_t i = 0; i < p->degree; i++) {
		const struct sl_edge *e = &p->edge[i];
		heard += e->greeted;
		something = something || holds_me(e) || (p->joining && e->greeted && e->their_round > 0);
	}
	return !p->resumed && something && 2 * heard <= p->degree;
}

/* Every neighbour has answered, or had its time. */
void sl_greeting_check(struct sl_peer *p)
{
	if (p->phase != SL_PHASE_GREETING)
		return;
	bool done =
	    p->was_final && p->plan->settings.pace == SL_PACE_LOCKSTEP; /* with nothing to settle first */
	for (uint32_t i = 0; i < p->degree && !done; i++)
		if (!p->edge[i].greeted && sl_time_before(p->now, p->greet_until))
			return;
	if (!done && !p->undecided && is_undecided(p)) {
		p->undecided = true;
		p->greet_until = sl_time_after(p->greet_until, PATIENCE * p->plan->settings.link_timeout_us);
		return;
	}
	if (p->resumed) {
		p->phase = SL_PHASE_COMPUTING; /* greetings from here on may settle the edges */
		sl_rates_settle(p);
		if (sl_epoch_newest(p, 0) > p->epoch)
			sl_start_epoch(p, 0, "resumed from a checkpoint of an earlier epoch");
		else if (p->plan->settings.pace != SL_PACE_LOCKSTEP || p->was_free)
			sl_start_epoch(
			    p, 0, "resumed from a checkpoint with a pace that does not recompute rounds");
		p->round_wished = true;
		return;
	}
	bool lost = !can_recompute(p) && most_hold(p) > 0;
	if (lost && (p->plan->algorithm->irrecoverable || p->plan->directed)) {
		sl_peer_halt(
		    p, false,
		    "this peer's state is lost, and its algorithm cannot continue from the neighbours' copies; restore a checkpoint");
	} else if (lost) {
		p->joining = false;
		p->phase = SL_PHASE_RECOVERING;
		p->phase_since = p->now;
		fetch_or_take(p, true);
	} else if (!p->joining || !sl_join_begin(p)) {
		start_fresh(p);
	}
}
