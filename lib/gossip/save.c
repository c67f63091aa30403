/* save.c — a peer between two events as bytes, and back. One walk over the state serves measuring, writing,
 * checking and reading, so that the four cannot disagree. */
#include "gossip/peer_state.h"

#include <math.h>
#include <string.h>

enum { STATE_VERSION = 3, STATE_MAGIC = 0x534c5354 };

enum mode { MEASURE, WRITE, CHECK, READ };

struct walk {
	enum mode mode;
	uint32_t serial; /* of the roster in force when it was made */
	size_t length;
	struct sl_writer out;
	struct sl_reader in;
};

static void walk_bytes(struct walk *w, void *bytes, size_t n)
{
	w->length += n;
	if (w->mode == WRITE)
		sl_write_bytes(&w->out, bytes, n);
	if (w->mode == CHECK || w->mode == READ) {
		const uint8_t *from = sl_read_bytes(&w->in, n);
		if (from && w->mode == READ && n)
			memcpy(bytes, from, n);
	}
}

/* Small values are read also while checking: what follows depends on them. They then go to a copy of the
 * struct. */
static void walk_u32(struct walk *w, uint32_t *v)
{
	w->length += 4;
	if (w->mode == WRITE)
		sl_write_u32(&w->out, *v);
	if (w->mode == CHECK || w->mode == READ)
		*v = sl_read_u32(&w->in);
}

static void walk_u64(struct walk *w, uint64_t *v)
{
	w->length += 8;
	if (w->mode == WRITE)
		sl_write_u64(&w->out, *v);
	if (w->mode == CHECK || w->mode == READ)
		*v = sl_read_u64(&w->in);
}

static void walk_count(struct walk *w, int64_t *v)
{
	uint64_t u = (uint64_t)*v;
	walk_u64(w, &u);
	*v = (int64_t)u;
}

static void walk_bool(struct walk *w, bool *v)
{
	uint32_t u = *v;
	walk_u32(w, &u);
	*v = u != 0;
	w->in.failed = w->in.failed || u > 1;
}

static void expect(struct walk *w, uint64_t value)
{
	uint64_t v = value;
	walk_u64(w, &v);
	w->in.failed = w->in.failed || v != value;
}

static void walk_floats(struct walk *w, float *x, size_t n)
{
	if (w->mode == CHECK)
		for (size_t k = 0; k < n && sl_reader_left(&w->in) >= 4 * (k + 1); k++)
			w->in.failed =
			    w->in.failed || !isfinite(sl_float_from_bits(sl_load_u32(w->in.at + 4 * k)));
	walk_bytes(w, x, n * sizeof *x); /* little-endian machines only, like the models themselves */
}

static void walk_block(struct walk *w, const struct sl_peer *p, uint8_t *block)
{
	walk_floats(w, sl_block_copy(block), p->plan->block_floats);
	walk_bytes(w, block + 4 * p->plan->block_floats, p->plan->block_memory);
}

/* Reading, frames are appended to an emptied journal; writing, they are found in it. */
static void walk_journal(struct walk *w, const struct sl_peer *p, struct sl_journal *j)
{
	uint32_t first = j->first, count = j->count;
	walk_u32(w, &first);
	walk_u32(w, &count);
	if (w->in.failed || count > j->entries || (uint64_t)first + count != (uint64_t)p->number + 1) {
		w->in.failed = true;
		return;
	}
	if (w->mode == READ)
		sl_journal_restart(j, first);
	size_t total = 0;
	for (uint32_t n = first; n != first + count && !w->in.failed; n++) {
		const uint8_t *body = NULL;
		struct sl_journal_entry entry = { 0 };
		if (w->mode == MEASURE || w->mode == WRITE)
			entry = *sl_journal_find(j, n, &body);
		walk_u32(w, &entry.round);
		walk_u32(w, &entry.length);
		walk_u64(w, &entry.digest);
		total += entry.length;
		if (entry.length > p->plan->body_bound || total > j->capacity - p->plan->body_bound)
			w->in.failed = true;
		if (w->in.failed)
			return;
		uint8_t *to =
		    w->mode == READ ? sl_journal_room(j, p->plan->body_bound) : (uint8_t *)(uintptr_t)body;
		walk_bytes(w, to, entry.length);
		if (w->mode == READ)
			sl_journal_append(j, entry.length, entry.round, entry.digest);
	}
}

static void walk_tags(struct walk *w, const struct sl_peer *p, struct sl_edge *e)
{
	uint32_t known = e->tagged < p->plan->tags ? e->tagged : p->plan->tags - 1;
	for (uint32_t i = 0; i < known && !w->in.failed; i++) {
		uint32_t at = (e->tagged - i) & (p->plan->tags - 1), number = e->tag[at],
		         serial = e->tag_serial[at];
		uint64_t digest = e->tag_digest[at];
		walk_u32(w, &number);
		walk_u64(w, &digest);
		walk_u32(w, &serial);
		if (w->mode != READ)
			continue;
		e->tag_serial[at] = serial;
		e->tag[at] = number;
		e->tag_digest[at] = digest;
	}
}

static void walk_totals(struct walk *w, struct sl_link_row *t)
{
	int64_t *all[] = { &t->payload_tx, &t->payload_rx, &t->frames_tx, &t->frames_rx,
		           &t->resent,     &t->repeated,   &t->refused,   &t->snapshots };
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		walk_count(w, all[i]);
}

/* Whom the edge leads to, above `last`, and its weights. Reading, all else is as of a new edge then. */
static void walk_ends(struct walk *w, const struct sl_peer *p, struct sl_edge *e, uint32_t last)
{
	uint32_t neighbour = e->neighbour, weights = e->weights;
	walk_u32(w, &neighbour);
	walk_u32(w, &weights);
	w->in.failed = w->in.failed || neighbour == p->id || (last != UINT32_MAX && neighbour <= last) ||
	               weights == 0 || weights > SL_EDGE_WEIGHTS;
	if (w->in.failed)
		return;
	if (w->mode == READ) { /* a graph whose edges come and go keeps its members */
		struct sl_peer_neighbour n = { .activity = e->activity, .activities = e->activities };
		sl_edge_clear(p, e);
		sl_edge_schedule(e, &n);
	}
	e->neighbour = neighbour;
	e->weights = weights;
	for (unsigned i = 0; i < weights; i++) {
		uint64_t bits;
		memcpy(&bits, &e->weight[i].value, sizeof bits);
		walk_u32(w, &e->weight[i].since);
		walk_u64(w, &bits);
		memcpy(&e->weight[i].value, &bits, sizeof bits);
		w->in.failed = w->in.failed || !(e->weight[i].value > 0 && e->weight[i].value <= 1) ||
		               (i > 0 && e->weight[i].since >= e->weight[i - 1].since);
	}
}

static uint32_t walk_edge(struct walk *w, const struct sl_peer *p, struct sl_edge *edge, uint32_t last)
{
	struct sl_edge copy = *edge, *e = w->mode == CHECK ? &copy : edge;
	walk_ends(w, p, e, last);
	if (w->in.failed)
		return last;
	walk_u32(w, &e->their_epoch);
	walk_u32(w, &e->known_epoch);
	walk_bool(w, &e->diverged);
	walk_u32(w, &e->their_number);
	walk_u64(w, &e->their_digest);
	walk_u32(w, &e->step);
	walk_u32(w, &e->tagged);
	walk_u32(w, &e->limit);
	walk_u32(w, &e->opened_in);
	walk_u32(w, &e->acknowledged);
	walk_u32(w, &e->taken_over);
	walk_u32(w, &e->sent);
	walk_u32(w, &e->durable);
	walk_u32(w, &e->checkpoint_pending);
	walk_u32(w, &e->checkpoint_newest);
	walk_bool(w, &e->mine_open);
	walk_bool(w, &e->theirs_open);
	walk_u32(w, &e->their_serial);
	walk_bool(w, &e->mine_saved);
	walk_bool(w, &e->reset);
	walk_bool(w, &e->added);
	walk_count(w, &e->owed);
	walk_count(w, &e->early);
	walk_u32(w, &e->early_round);
	walk_totals(w, &e->totals);
	if (e->limit > p->number || e->tagged != e->step + e->mine_open || e->acknowledged > p->number ||
	    e->sent > p->number ||
	    (e->mine_open && !e->mine_saved && e->limit != p->number && !e->reset && !e->mute))
		w->in.failed = true;
	if (w->in.failed)
		return last;
	walk_tags(w, p, e);
	walk_block(w, p, e->theirs);
	if (!e->mine_saved)
		return e->neighbour;
	walk_block(w, p, e->mine);
	uint64_t used = e->stash.used;
	walk_u64(w, &used);
	if (used > p->plan->hold_bytes)
		w->in.failed = true;
	if (w->in.failed)
		return last;
	e->stash.used = (size_t)used;
	walk_bytes(w, e->stash.bytes, e->stash.used);
	return e->neighbour;
}

/* Under the roster of the setup it has the setup's neighbours; under an earlier one, it had others. */
static void walk_members(struct walk *w, struct sl_peer *p)
{
	expect(w, p->id);
	walk_u32(w, &p->serial);
	walk_u32(w, &p->degree);
	w->serial = p->serial;
	w->in.failed = w->in.failed || p->degree > p->capacity;
}

static void walk_peer(struct walk *w, struct sl_peer *peer)
{
	struct sl_peer copy = *peer, *p = w->mode == CHECK ? &copy : peer;
	const struct sl_plan *plan = p->plan;
	expect(w, (uint64_t)STATE_MAGIC << 32 | STATE_VERSION);
	expect(w, plan->run);
	expect(w, plan->session);
	walk_members(w, p);
	expect(w, (uint64_t)plan->channels << 32 | plan->dimension);
	expect(w, (uint64_t)plan->algorithm->vectors << 32 | (uint32_t)plan->block_memory);
	walk_u32(w, &p->round);
	walk_u32(w, &p->epoch);
	walk_u32(w, &p->number);
	walk_u64(w, &p->digest);
	walk_count(w, &p->payload_tx);
	walk_count(w, &p->payload_rx);
	walk_count(w, &p->nonzero);
	if (w->in.failed)
		return;
	walk_bytes(w, p->learner.scalar, sizeof p->learner.scalar);
	walk_floats(w, p->learner.x, plan->dimension);
	for (unsigned v = 0; v < plan->algorithm->vectors; v++)
		walk_floats(w, p->learner.vector[v], plan->dimension);
	walk_floats(w, p->learner.table, sl_part_table_size(plan, p->learner.data));
	walk_block(w, p, p->block);
	walk_journal(w, p, &p->journal);
	uint32_t last = UINT32_MAX;
	for (uint32_t i = 0; i < p->degree && !w->in.failed; i++)
		last = walk_edge(w, p, &p->edge[i], last);
}

size_t sl_peer_save(const struct sl_peer *p, uint8_t *out)
{
	struct walk w = { .mode = out ? WRITE : MEASURE };
	if (out) {
		size_t length = sl_peer_save(p, NULL);
		w.out = sl_writer(out, length);
	}
	walk_peer(&w, (struct sl_peer *)(uintptr_t)p); /* neither mode changes anything */
	return w.length;
}

/* The neighbours that the setup named, before a checkpoint brings those of its own time. */
static struct sl_peer_roster listed(const struct sl_peer *p, struct sl_peer_neighbour *out)
{
	for (uint32_t i = 0; i < p->degree; i++) {
		out[i] = (struct sl_peer_neighbour){ p->edge[i].neighbour, p->edge[i].weights };
		memcpy(out[i].weight, p->edge[i].weight, sizeof out[i].weight);
		out[i].added = p->edge[i].since;
		out[i].activity = p->edge[i].activity;
		out[i].activities = p->edge[i].activities;
	}
	return (struct sl_peer_roster){ p->serial, out, p->degree };
}

static bool same_neighbours(const struct sl_peer *p, const struct sl_peer_roster *r)
{
	bool same = p->degree == r->degree;
	for (uint32_t i = 0; i < r->degree && same; i++)
		same = p->edge[i].neighbour == r->neighbours[i].peer;
	return same;
}

enum sl_status sl_peer_load(struct sl_peer *p, const uint8_t *bytes, size_t length, struct sl_error *error)
{
	struct sl_peer_neighbour neighbours[SL_DEGREE_MAX];
	struct sl_peer_roster roster = listed(p, neighbours);
	struct walk check = { .mode = CHECK, .in = sl_reader(bytes, length) };
	walk_peer(&check, p);
	if (!sl_reader_done(&check.in))
		return sl_fail(error, SL_MALFORMED,
		               "the checkpoint does not belong to this peer, run and session, or is damaged");
	if (check.serial > roster.serial)
		return sl_fail(
		    error, SL_REFUSED,
		    "the roster has serial %u, but this peer has run under %u already: an older one "
		    "was put back",
		    roster.serial, check.serial);
	struct walk read = { .mode = READ, .in = sl_reader(bytes, length) };
	walk_peer(&read, p);
	SL_CHECK(sl_reader_done(&read.in));
	p->learner.round = p->round;
	p->resumed = true;
	p->saved_newest = p->round;
	p->was_final = p->round >= p->plan->settings.rounds;
	p->joining = false;
	for (uint32_t i = 0; i < p->degree; i++) {
		struct sl_edge *e = &p->edge[i];
		e->hold = (struct sl_hold){ .bytes = e->hold.bytes, .last = e->their_number };
		e->checkpoint_older = e->checkpoint_newest; /* what was the newest when this one was made */
		e->checkpoint_newest = e->checkpoint_pending;
		e->late = e->added;
	}
	if (roster.serial > check.serial || !same_neighbours(p, &roster))
		sl_membership_set(p, &roster, true);
	return SL_OK;
}
