/* greeting.c — who is there, what they hold, and how a peer that lost its state gets back in.
 *
 * HELLO body, little-endian: session u64, dimension u32, sender u32, receiver u32, flags u32, incarnation
 * u64, echo u64, held epoch u32, held number u32, held digest u64, step u32, oldest u32 (of the frames still
 * in the journal), known epoch u32 (the newest of yours that I have heard of), rounds u32 (run.rounds), keys
 * u8, then for each shared key of run.conf, in table order, a digest u16 of its value. */
#include "gossip/peer/state.h"

#include <string.h>

enum { HELLO_MOST = 73 + 2 * SL_SHARED_MOST };
enum { ANSWER = 1, RESET = 2, FINISHED = 4, KNOWS_FINISHED = 8, CANNOT = 16, NOTHING = 32, FLAGS = 63 };

/* A liar may make this peer count up to EPOCHS_TOLD of 2^24, and the rest is left for the truth. */
enum { EPOCH_INCARNATION_BITS = 8, EPOCHS_AHEAD = 1 << 16, EPOCHS_TOLD = 1 << 23 };
enum { GREET_EVERY_US = 100000, SERVING_EVERY_US = 500000 };

static void send_hello(struct sl_peer *p, struct sl_edge *e, unsigned flags)
{
	uint8_t body[HELLO_MOST];
	struct sl_writer w = sl_writer(body, sizeof body);
	if (e->reset)
		flags |= RESET;
	if (sl_is_final(p))
		flags |= FINISHED;
	if (e->finished)
		flags |= KNOWS_FINISHED;
	sl_write_u64(&w, p->plan->session);
	sl_write_u32(&w, p->plan->dimension);
	sl_write_u32(&w, p->id);
	sl_write_u32(&w, e->neighbour);
	sl_write_u32(&w, flags);
	sl_write_u64(&w, p->incarnation);
	sl_write_u64(&w, e->incarnation);
	sl_write_u32(&w, e->their_epoch);
	sl_write_u32(&w, e->their_version);
	sl_write_u64(&w, e->their_digest);
	sl_write_u32(&w, e->step);
	sl_write_u32(&w, p->journal.first);
	sl_write_u32(&w, e->known_epoch);
	sl_write_u32(&w, p->plan->settings.rounds);
	sl_write_u8(&w, (uint8_t)p->plan->keys);
	for (unsigned i = 0; i < p->plan->keys; i++)
		sl_write_u16(&w, p->plan->key_digest[i]);
	struct sl_frame f = sl_peer_frame(p, e, SL_FRAME_HELLO);
	f.version = p->version;
	f.digest = p->digest;
	sl_peer_send(p, e, &f, body, sl_writer_length(&w));
}

void sl_greet_cannot(struct sl_peer *p, struct sl_edge *e)
{
	send_hello(p, e, CANNOT);
}

void sl_greet_nothing(struct sl_peer *p, struct sl_edge *e)
{
	send_hello(p, e, NOTHING);
}

void sl_greet(struct sl_peer *p, struct sl_edge *e, bool answer)
{
	if (answer) {
		int64_t least = p->phase == SL_PHASE_SERVING ? SERVING_EVERY_US : GREET_EVERY_US;
		e->asked_hello_at = p->now;
		e->ask_at = sl_time_after(p->now, e->ask_every_us > least ? e->ask_every_us : least);
		sl_guard_expect(p, e, SL_EXPECT_GREETING);
	}
	send_hello(p, e, answer ? ANSWER : 0);
}

void sl_greet_all(struct sl_peer *p, bool answer)
{
	for (uint32_t i = 0; i < p->degree; i++)
		sl_greet(p, &p->edge[i], answer);
}

struct hello {
	uint64_t session, incarnation, echo, held_digest;
	uint32_t dimension, sender, receiver, flags, held_epoch, held_version, step, oldest, known_epoch,
	    rounds;
	uint64_t differs; /* shared keys with another digest than mine */
};

static bool parse_hello(const struct sl_plan *plan, struct hello *h, struct sl_reader r)
{
	h->session = sl_read_u64(&r);
	h->dimension = sl_read_u32(&r);
	h->sender = sl_read_u32(&r);
	h->receiver = sl_read_u32(&r);
	h->flags = sl_read_u32(&r);
	h->incarnation = sl_read_u64(&r);
	h->echo = sl_read_u64(&r);
	h->held_epoch = sl_read_u32(&r);
	h->held_version = sl_read_u32(&r);
	h->held_digest = sl_read_u64(&r);
	h->step = sl_read_u32(&r);
	h->oldest = sl_read_u32(&r);
	h->known_epoch = sl_read_u32(&r);
	h->rounds = sl_read_u32(&r);
	h->differs = 0;
	unsigned keys = sl_read_u8(&r);
	for (unsigned i = 0; i < keys && keys == plan->keys; i++)
		h->differs |= (uint64_t)(sl_read_u16(&r) != plan->key_digest[i]) << i;
	return keys == plan->keys && h->rounds > 0 && sl_reader_done(&r) && !(h->flags & ~(unsigned)FLAGS);
}

static bool is_made_up(const struct sl_peer *p, uint32_t epoch)
{
	epoch >>= EPOCH_INCARNATION_BITS;
	return epoch > EPOCHS_TOLD || epoch > (p->epoch >> EPOCH_INCARNATION_BITS) + EPOCHS_AHEAD;
}

/* Says once what makes a neighbour a stranger to this run. */
static bool belongs(struct sl_peer *p, struct sl_edge *e, const struct hello *h)
{
	const char *what = h->session != p->plan->session       ? "another session of the run"
	                   : h->dimension != p->plan->dimension ? "a model of another size"
	                   : h->sender != e->neighbour          ? "another peer's number"
	                   : h->receiver != p->id               ? "a greeting for somebody else"
	                   : h->known_epoch > p->epoch && is_made_up(p, h->known_epoch)
	                       ? "heard of lives that this peer cannot have had"
	                       : NULL;
	if (!what)
		return true;
	e->totals.refused++;
	if (!e->refused)
		sl_peer_note(p, SL_LEVEL_ERROR, "neighbour-refused",
		             "peer %u has %s; it is refused until it agrees", e->neighbour, what);
	e->refused = true;
	return false;
}

/* Their journal as their greeting shows it: a newer epoch replaces what I hold of the old one. */
static void follow_epoch(struct sl_peer *p, struct sl_edge *e, const struct sl_frame *f, bool nothing)
{
	if (f->epoch < e->known_epoch)
		return; /* it will learn from my greeting that it is behind, and start a newer one */
	if (f->epoch > e->known_epoch) {
		e->known_epoch = f->epoch;
		e->theirs_open = false; /* a tag of a lost life: the step will be tagged again */
		e->rx_held.used = 0;
		e->rx_held.overflow = false;
		if (f->version == e->their_version && f->digest == e->their_digest) {
			e->their_epoch = f->epoch;
			memset(e->theirs + 4 * p->plan->copy_floats, 0, p->plan->copy_memory);
		} else {
			e->diverged = true;
		}
	} else if (!e->diverged && f->version == e->their_version && f->digest != e->their_digest) {
		e->diverged = true;
		e->theirs_open = false;
		sl_peer_note(p, SL_LEVEL_WARNING, "copy-diverged",
		             "my copy of peer %u at %u is not what it has; a snapshot follows", e->neighbour,
		             e->their_version);
	}
	e->rx_held.last = e->rx_held.used ? e->rx_held.last : e->their_version;
	if (e->diverged ||
	    (f->version > e->their_version && !nothing && !e->rx_off && !sl_edge_is_over(p, e)))
		sl_edge_ask(p, e);
}

/* What they hold of my journal; what a new life says counts, also when it is less than before. A greeting of
 * the same life that says less was overtaken on its way. */
static void note_holding(struct sl_peer *p, struct sl_edge *e, const struct hello *h)
{
	e->knows_me_epoch = h->known_epoch;
	e->holds_me_epoch = h->held_epoch;
	e->holds_me_version = h->held_version;
	e->holds_me_digest = h->held_digest;
	e->oldest = h->oldest;
	if (h->held_epoch == p->epoch && h->held_version >= e->seen_version) {
		e->seen_version =
		    h->held_version; /* more than I have: I am computing again what it knows already */
		e->acknowledged = h->held_version < p->version ? h->held_version : p->version;
	}
	if (h->flags & RESET)
		e->taken_over = e->step;
	bool started = p->phase != SL_PHASE_GREETING && p->phase != SL_PHASE_RECOVERING;
	if (e->reset && started &&
	    h->known_epoch == p->epoch) { /* no tag of my former epoch counts any more */
		e->reset = false;
		e->mine_saved = false;
		e->tx_kept.used = 0;
		e->step = e->tagged = h->flags & RESET ? 0 : h->step;
		e->limit = p->version;
	}
}

/* Whether what the neighbour cannot send is still wanted: it may have answered a request of long ago. */
static bool is_missing(const struct sl_edge *e, const struct hello *h)
{
	enum { TAGS_LEAST = 64 }; /* of the last so many steps it knows the tags */
	uint32_t newest = e->rx_held.used ? e->rx_held.last : e->their_version;
	return e->diverged || h->oldest > newest + 1 || h->step - e->step >= TAGS_LEAST;
}

/* What this end needs to go on from where it is, nobody has any more. */
static void left_behind(struct sl_peer *p, struct sl_edge *e)
{
	if (!sl_guard_epoch(p, e))
		return;
	if (sl_waits_forever(p) && (p->plan->algorithm->irrecoverable || p->plan->directed))
		sl_peer_halt(
		    p, false,
		    "a neighbour no longer holds what this peer missed, and its algorithm cannot go on without: restore a newer checkpoint, or begin anew");
	else
		sl_start_epoch(p, 0, "a neighbour no longer holds what this peer missed");
}

void sl_receive_stranger(struct sl_peer *p, struct sl_edge *e, const struct sl_frame *f)
{
	struct hello h;
	e->compared = parse_hello(p->plan, &h, f->body);
	e->differs = e->compared ? h.differs : 0;
}

/* Whether it names a round, step or number that neither end's run has. */
static bool is_made_up_round(const struct sl_peer *p, const struct sl_edge *e, const struct sl_frame *f,
                             const struct hello *h)
{
	uint32_t most = sl_edge_rounds_most(p, e);
	most = h->rounds > most ? h->rounds : most;
	return h->step > most || h->held_version > most || f->round > most || f->version > most ||
	       f->step > 0;
}

void sl_receive_hello(struct sl_peer *p, struct sl_edge *e, const struct sl_frame *f)
{
	struct hello h;
	if (!parse_hello(p->plan, &h, f->body)) {
		sl_edge_refuse(p, e, SL_OFFENCE_GREETING);
		return;
	}
	if (is_made_up_round(p, e, f, &h)) {
		sl_edge_refuse(p, e, SL_OFFENCE_FUTURE);
		return;
	}
	if (!belongs(p, e, &h))
		return;
	sl_edge_compare(p, e, h.rounds, h.differs);
	e->refused = false;
	sl_edge_believe(e, f);
	bool new_incarnation = h.incarnation != e->incarnation, knows_me = h.echo == p->incarnation;
	if (new_incarnation) {
		e->greeted = e->finished = e->knows_finished = e->wants = false;
		e->seen_version = e->seen_step = 0;
		e->ask_every_us = 0;
	}
	e->incarnation = h.incarnation;
	if (knows_me && e->asked_hello_at.us > 0 && !(h.flags & ANSWER)) {
		e->totals.rtt_us = p->now.us - e->asked_hello_at.us;
		e->asked_hello_at.us = 0;
	}
	bool greeted_before = e->greeted;
	if (knows_me) {
		e->greeted = true;
		note_holding(p, e, &h);
		follow_epoch(p, e, f, h.flags & (NOTHING | CANNOT));
	}
	bool told = e->finished;
	e->finished = told || h.flags & FINISHED; /* one that was overtaken may say less */
	e->knows_finished = e->knows_finished || (knows_me && h.flags & KNOWS_FINISHED);
	bool news = e->finished && !told;
	if (h.flags & ANSWER || !knows_me || news)
		send_hello(p, e, knows_me ? 0 : ANSWER);
	bool started = p->phase != SL_PHASE_GREETING && p->phase != SL_PHASE_RECOVERING;
	if (started && e->greeted && e->knows_me_epoch > p->epoch) {
		if (sl_guard_epoch(p, e))
			sl_start_epoch(p, 0, "a neighbour knows a later epoch of this peer");
	} else if (started && e->greeted && !e->reset && !e->theirs_open && h.flags & CANNOT &&
	           h.step > e->step && is_missing(e, &h))
		left_behind(p, e);
	if (greeted_before != e->greeted || p->phase == SL_PHASE_GREETING)
		sl_greeting_check(p);
}

static uint32_t newest_epoch(const struct sl_peer *p, uint32_t least)
{
	uint32_t newest = p->epoch > least ? p->epoch : least;
	for (uint32_t i = 0; i < p->degree; i++)
		if (p->edge[i].greeted && p->edge[i].knows_me_epoch > newest)
			newest = p->edge[i].knows_me_epoch;
	return newest;
}

void sl_start_epoch(struct sl_peer *p, uint32_t least, const char *why)
{
	uint32_t count = (newest_epoch(p, least) >> EPOCH_INCARNATION_BITS) + 1;
	p->epoch = count << EPOCH_INCARNATION_BITS |
	           (uint32_t)(sl_mix64(p->incarnation) & ((1u << EPOCH_INCARNATION_BITS) - 1));
	sl_journal_restart(&p->journal, p->version + 1);
	if (p->plan->copy_memory)
		memset(p->copy_state + 4 * p->plan->copy_floats, 0, p->plan->copy_memory);
	for (uint32_t i = 0; i < p->degree; i++) {
		struct sl_edge *e = &p->edge[i];
		e->reset = true;
		e->mine_open = e->mine_saved = false;
		e->tx_kept.used = 0;
		e->acknowledged = 0;
		e->seen_version = 0;
		e->sent = e->limit = p->version;
		e->tagged = e->step;
		e->checkpoint_older = e->checkpoint_newest =
		    e->their_version; /* before it, nothing is computed again */
		memset(e->tag, 0xff, p->plan->tags * sizeof *e->tag);
	}
	sl_peer_note(p, sl_waits_forever(p) ? SL_LEVEL_WARNING : SL_LEVEL_NOTICE, "mean-shift",
	             "epoch %u at number %u: %s", count, p->version, why);
	sl_greet_all(p, true);
}

/* The copy of me to go on from: the highest number of the newest epoch; of two that differ there, the one
 * that most hold. NULL with *tie: nobody can tell. */
static struct sl_edge *best_copy(struct sl_peer *p, bool *tie)
{
	struct sl_edge *best = NULL;
	unsigned best_votes = 0;
	bool differ = false;
	*tie = false;
	for (uint32_t i = 0; i < p->degree; i++) {
		struct sl_edge *e = &p->edge[i];
		if (!e->greeted || e->holds_me_version == 0)
			continue;
		unsigned votes = 0;
		for (uint32_t j = 0; j < p->degree; j++)
			votes += p->edge[j].greeted && p->edge[j].holds_me_epoch == e->holds_me_epoch &&
			         p->edge[j].holds_me_version == e->holds_me_version &&
			         p->edge[j].holds_me_digest == e->holds_me_digest;
		bool higher = !best || e->holds_me_epoch > best->holds_me_epoch ||
		              (e->holds_me_epoch == best->holds_me_epoch &&
		               e->holds_me_version > best->holds_me_version);
		bool same = best && e->holds_me_epoch == best->holds_me_epoch &&
		            e->holds_me_version == best->holds_me_version;
		bool other = same && e->holds_me_digest != best->holds_me_digest;
		differ = higher ? false : differ || other;
		*tie = higher ? false
		              : (other && votes == best_votes) || (*tie && !(other && votes > best_votes));
		if (higher || (other && votes > best_votes)) {
			best = e;
			best_votes = votes;
		}
	}
	if (best && differ)
		sl_peer_note(p, SL_LEVEL_WARNING, "copies-differ",
		             "neighbours hold different copies of this peer at number %u",
		             best->holds_me_version);
	return *tie ? NULL : best;
}

enum { RECOVER_EVERY_US = 300000, RECOVER_TRIES = 10 };

static void fetch_copy(struct sl_peer *p, struct sl_edge *from)
{
	if (!p->staging_self || p->staging_edge != from)
		p->staging_edge = NULL;
	p->recover_at = sl_time_after(p->now, RECOVER_EVERY_US);
	sl_ask_self(p, from);
}

/* Asks again; a neighbour that stays silent is passed over for the next best. */
void sl_recovery_check(struct sl_peer *p)
{
	if (p->joining) {
		sl_join_check(p);
		return;
	}
	if (sl_time_before(p->now, p->recover_at))
		return;
	bool tie;
	struct sl_edge *best = best_copy(p, &tie);
	if (best && ++p->recover_tries > RECOVER_TRIES) {
		best->holds_me_version = 0;
		p->recover_tries = 0;
		best = best_copy(p, &tie);
	}
	if (best) {
		fetch_copy(p, best);
	} else {
		p->phase = SL_PHASE_GREETING;
		sl_greeting_check(p);
	}
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
	if (p->resumed) {
		p->phase = SL_PHASE_COMPUTING; /* greetings from here on may settle the edges */
		sl_rates_settle(p);
		if (newest_epoch(p, 0) > p->epoch)
			sl_start_epoch(p, 0, "resumed from a checkpoint of an earlier epoch");
		else if (p->plan->settings.pace != SL_PACE_LOCKSTEP || p->was_free)
			sl_start_epoch(p, 0, "resumed from a checkpoint in a pace that does not recompute");
		sl_round_begin(p);
		return;
	}
	bool tie = false;
	struct sl_edge *best = !p->joining && can_recompute(p) ? NULL : best_copy(p, &tie);
	if (tie) {
		sl_peer_halt(
		    p, false,
		    "neighbours hold different copies of this peer, and no majority; restore a checkpoint");
	} else if (best && (p->plan->algorithm->irrecoverable || p->plan->directed)) {
		sl_peer_halt(
		    p, false,
		    "this peer's state is lost, and its algorithm cannot go on from the neighbours' copies; restore a checkpoint");
	} else if (best) {
		p->joining = false;
		p->phase = SL_PHASE_RECOVERING;
		p->phase_since = p->now;
		fetch_copy(p, best);
	} else if (!best && p->joining && sl_join_begin(p)) {
		return;
	} else {
		p->joining = false;
		sl_peer_note(p, SL_LEVEL_INFO, "fresh-start",
		             "no neighbour holds a copy of this peer: seeded start");
		for (uint32_t i = 0; i < p->degree; i++)
			p->edge[i].reset = p->edge[i].greeted ? false : p->edge[i].reset;
		if (newest_epoch(p, 0) > 0) {
			p->phase = SL_PHASE_COMPUTING;
			sl_start_epoch(p, 0, "neighbours have heard of a former life");
		}
		sl_round_begin(p);
	}
}
