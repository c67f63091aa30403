/* save.c — a peer between two events as bytes, and back. One walk over the state serves measuring, writing,
 * checking and reading, so that the four cannot disagree. What was written is checked at once, as it will be
 * before it is read: a state that could not be loaded is never handed out. */
#include "gossip/peer/state.h"

#include "linalg/vector.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { STATE_VERSION = 7, STATE_MAGIC = 0x534c5354 };

enum mode { MEASURE, WRITE, CHECK, READ };

struct walk {
	enum mode mode;
	uint32_t serial; /* of the roster in force when it was made */
	uint32_t round;
	struct sl_rates rates;
	size_t length;
	struct sl_writer out;
	struct sl_reader in;
	enum sl_status status; /* of what is wrong; SL_OK while nothing is, or the bytes end too early */
	char what[160];
};

/* The first thing that is wrong counts; the walk ends there. */
__attribute__((format(printf, 3, 4))) static void refuse(struct walk *w, enum sl_status status,
                                                         const char *format, ...)
{
	va_list arguments;
	if (w->in.failed)
		return;
	w->in.failed = true;
	w->status = status;
	va_start(arguments, format);
	vsnprintf(w->what, sizeof w->what, format, arguments);
	va_end(arguments);
}

static void damaged(struct walk *w, const char *where)
{
	refuse(w, SL_MALFORMED, "is damaged: %s", where);
}

static void walk_bytes(struct walk *w, void *bytes, size_t n)
{
	w->length += n;
	if (w->mode == WRITE)
		sl_write_bytes(&w->out, bytes, n);
	if (w->mode == CHECK || w->mode == READ) {
		const uint8_t *from = sl_read_bytes(&w->in, n);
		if (from && bytes && w->mode == READ && n)
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
	if (u > 1)
		damaged(w, "a flag is neither 0 nor 1");
}

static void expect(struct walk *w, uint64_t value, enum sl_status status, const char *otherwise)
{
	uint64_t v = value;
	walk_u64(w, &v);
	if (v != value)
		refuse(w, status, "%s", otherwise);
}

/* Whether all of them are; quick where they are. */
static bool all_within(const uint8_t *bytes, size_t n, double most)
{
	enum { PART = 4096 };
	float part[PART];
	for (size_t at = 0; at < n; at += PART) {
		size_t here = n - at < PART ? n - at : PART;
		memcpy(part, bytes + 4 * at, 4 * here); /* it may lie at any address */
		if (!sl_vector_finite(here, part) || (double)sl_vector_largest(here, part) > most)
			return false;
	}
	return true;
}

/* Numbers are finite and at most so large, or the state is of no use to anybody. */
static void check_floats(struct walk *w, const char *what, size_t n, double most)
{
	if (sl_reader_left(&w->in) >= 4 * n && all_within(w->in.at, n, most))
		return;
	for (size_t k = 0; k < n && sl_reader_left(&w->in) >= 4 * n; k++) {
		double v = (double)sl_float_from_bits(sl_load_u32(w->in.at + 4 * k));
		if (!(fabs(v) <= most)) {
			refuse(w, SL_OUT_OF_RANGE,
			       isfinite(v) ? "holds %g in its %s, over limits.value" : "holds %g in its %s",
			       v, what);
			return;
		}
	}
}

static void walk_floats(struct walk *w, const char *what, float *x, size_t n, double most)
{
	if (w->mode == CHECK)
		check_floats(w, what, n, most);
	walk_bytes(w, x, n * sizeof *x); /* little-endian machines only, like the models themselves */
}

static void walk_scalars(struct walk *w, double *scalar, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t bits;
		memcpy(&bits, &scalar[i], sizeof bits);
		walk_u64(w, &bits);
		memcpy(&scalar[i], &bits, sizeof bits);
		if (!isfinite(scalar[i]))
			refuse(w, SL_OUT_OF_RANGE, "holds %g in its scalars", scalar[i]);
	}
}

static void walk_copy_state(struct walk *w, const struct sl_peer *p, const char *what, uint8_t *copy_state)
{
	walk_floats(w, what, sl_copy_state_floats(copy_state), p->plan->copy_floats, (double)FLT_MAX);
	walk_bytes(w, copy_state + 4 * p->plan->copy_floats, p->plan->copy_memory);
}

static void walk_frame(struct walk *w, const struct sl_peer *p, struct sl_journal *j, uint32_t version)
{
	const uint8_t *body = NULL;
	struct sl_journal_entry entry = { 0 };
	if (w->mode == MEASURE || w->mode == WRITE)
		entry = *sl_journal_find(j, version, &body);
	walk_u32(w, &entry.round);
	walk_u32(w, &entry.length);
	walk_u64(w, &entry.digest);
	if (entry.length > p->plan->body_bound)
		damaged(w, "a frame of the journal is longer than the limit");
	if (w->in.failed)
		return;
	SL_CHECK(w->mode != WRITE || body);
	uint8_t *to = w->mode == READ ? sl_journal_room(j, entry.length) : (uint8_t *)(uintptr_t)body;
	walk_bytes(w, to, entry.length);
	if (w->mode == READ)
		sl_journal_append(j, entry.length, entry.round, entry.digest);
}

/* Reading, frames are appended to an emptied journal; writing, they are found in it. Whatever fitted one when
 * it was written fits it again, up to its last byte; one that has become smaller since (checkpoint.every is
 * each peer's own) keeps the newest frames. */
static void walk_journal(struct walk *w, const struct sl_peer *p, struct sl_journal *j)
{
	uint32_t first = j->first, count = j->count;
	walk_u32(w, &first);
	walk_u32(w, &count);
	if ((uint64_t)first + count != (uint64_t)p->version + 1)
		damaged(w, "the journal does not end at the copy's version");
	if (w->mode == READ)
		sl_journal_restart(j, first);
	for (uint32_t n = first; n != first + count && !w->in.failed; n++)
		walk_frame(w, p, j, n);
}

/* Newest first; a ring that is smaller than that of the writer keeps as many as it can. */
static void walk_tags(struct walk *w, const struct sl_peer *p, struct sl_edge *e)
{
	uint32_t most = p->plan->tags - 1, known = e->tagged < most ? e->tagged : most;
	walk_u32(w, &known);
	if (known > e->tagged)
		damaged(w, "an edge has more tags than steps");
	for (uint32_t i = 0; i < known && !w->in.failed; i++) {
		uint32_t at = (e->tagged - i) & most, version = e->tag[at], serial = e->tag_serial[at];
		uint64_t digest = e->tag_digest[at];
		walk_u32(w, &version);
		walk_u64(w, &digest);
		walk_u32(w, &serial);
		if (w->mode != READ || i >= most)
			continue;
		e->tag_serial[at] = serial;
		e->tag[at] = version;
		e->tag_digest[at] = digest;
	}
}

static void walk_totals(struct walk *w, struct sl_link_row *t)
{
	int64_t *all[] = { &t->payload_tx, &t->payload_rx, &t->frames_tx, &t->frames_rx,
		           &t->resent,     &t->repeated,   &t->refused,   &t->snapshots };
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		walk_count(w, all[i]);
	for (unsigned i = 0; i < SL_AGAIN_KINDS; i++)
		walk_count(w, &t->again[i]);
}

static void walk_weights(struct walk *w, struct sl_weight *weight, unsigned count, const char *otherwise)
{
	for (unsigned i = 0; i < count; i++) {
		uint64_t bits;
		memcpy(&bits, &weight[i].value, sizeof bits);
		walk_u32(w, &weight[i].since);
		walk_u64(w, &bits);
		memcpy(&weight[i].value, &bits, sizeof bits);
		if (!(weight[i].value > 0 && weight[i].value <= 1) ||
		    (i > 0 && weight[i].since >= weight[i - 1].since))
			damaged(w, otherwise);
	}
}

static void walk_gammas(struct walk *w, struct sl_gammas *g)
{
	walk_u32(w, &g->count);
	if (g->count > SL_EDGE_WEIGHTS)
		damaged(w, "too many values of gamma");
	if (!w->in.failed)
		walk_weights(w, g->of, g->count, "an invalid gamma");
}

/* Whom the edge leads to, above `last`, and its weights. Reading, all else is as of a new edge then. */
static void walk_ends(struct walk *w, const struct sl_peer *p, struct sl_edge *e, uint32_t last)
{
	uint32_t neighbour = e->neighbour, weights = e->weights, since = e->since;
	walk_u32(w, &neighbour);
	walk_u32(w, &weights);
	walk_u32(w, &since);
	if (neighbour == p->id || (last != UINT32_MAX && neighbour <= last) || weights == 0 ||
	    weights > SL_EDGE_WEIGHTS)
		damaged(w, "an edge has no neighbour");
	if (w->in.failed)
		return;
	if (w->mode == READ) { /* a graph whose edges come and go keeps its members */
		struct sl_peer_neighbour n = { .activity = e->activity, .activities = e->activities };
		sl_edge_clear(p, e);
		sl_edge_schedule(e, &n);
	}
	e->neighbour = neighbour;
	e->weights = weights;
	e->since = since;
	walk_weights(w, e->weight, e->weights, "an edge has an invalid weight");
}

static void walk_cursors(struct walk *w, struct sl_edge *e)
{
	walk_u32(w, &e->their_epoch);
	walk_u32(w, &e->known_epoch);
	walk_bool(w, &e->diverged);
	walk_u32(w, &e->their_version);
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
	walk_bool(w, &e->finished);
	walk_bool(w, &e->knows_finished);
	walk_u32(w, &e->their_rounds);
	walk_count(w, &e->owed);
	walk_count(w, &e->early);
	walk_u32(w, &e->early_round);
	walk_totals(w, &e->totals);
}

static void check_cursors(struct walk *w, const struct sl_peer *p, const struct sl_edge *e)
{
	if (e->limit > p->version || e->acknowledged > p->version || e->sent > p->version)
		damaged(w, "an edge is beyond the journal");
	if (e->tagged != e->step + e->mine_open)
		damaged(w, "an edge has a tag that belongs to no step");
	if (e->mine_open && !e->mine_saved && e->limit != p->version && !e->reset && !e->tx_off)
		damaged(w, "the copy that an open tag stands for is missing");
}

static void walk_stash(struct walk *w, const struct sl_peer *p, struct sl_held *stash)
{
	uint64_t used = stash->used;
	walk_u64(w, &used);
	if (used > p->plan->held_bytes)
		damaged(w, "an edge holds more frames than fit");
	if (w->in.failed)
		return;
	stash->used = (size_t)used;
	walk_bytes(w, stash->bytes, stash->used);
}

static uint32_t walk_edge(struct walk *w, const struct sl_peer *p, struct sl_edge *edge, uint32_t last)
{
	struct sl_edge copy = *edge, *e = w->mode == CHECK ? &copy : edge;
	walk_ends(w, p, e, last);
	if (w->in.failed)
		return last;
	walk_cursors(w, e);
	check_cursors(w, p, e);
	if (w->in.failed)
		return last;
	walk_tags(w, p, e);
	walk_copy_state(w, p, "copy of a neighbour", e->theirs);
	if (!e->mine_saved)
		return e->neighbour;
	walk_copy_state(w, p, "copy at a tag", e->mine);
	walk_stash(w, p, &e->tx_kept);
	return e->neighbour;
}

/* Whose it is. */
static void walk_identity(struct walk *w, struct sl_peer *p)
{
	uint64_t version = (uint64_t)STATE_MAGIC << 32 | STATE_VERSION, id = p->id;
	walk_u64(w, &version);
	if (version >> 32 != STATE_MAGIC)
		refuse(w, SL_MALFORMED, "is not the state of a peer");
	if ((uint32_t)version != STATE_VERSION)
		refuse(w, SL_UNSUPPORTED, "has format version %u, and this starling reads version %u",
		       (unsigned)version, (unsigned)STATE_VERSION);
	expect(w, p->plan->run, SL_UNSUPPORTED,
	       "belongs to another run, or to shared settings that have changed since");
	expect(w, p->plan->session, SL_UNSUPPORTED, "belongs to another session of this run");
	walk_u64(w, &id);
	if (id != p->id)
		refuse(w, SL_UNSUPPORTED, "belongs to peer %llu", (unsigned long long)id);
}

/* Under the roster of the setup it has the setup's neighbours; under an earlier one, it had others. */
static void walk_members(struct walk *w, struct sl_peer *p)
{
	walk_u32(w, &p->serial);
	walk_u32(w, &p->degree);
	w->serial = p->serial;
	if (p->degree > p->capacity)
		refuse(w, SL_TOO_BIG, "has %u neighbours, and there is room for %u (run.max_degree)",
		       p->degree, p->capacity);
}

static void walk_learner(struct walk *w, const struct sl_peer *p, struct sl_learner *l)
{
	const struct sl_plan *plan = p->plan;
	walk_scalars(w, l->scalar, SL_ALGORITHM_SCALARS);
	walk_floats(w, "model", l->x, plan->dimension, plan->settings.limit_value);
	for (unsigned v = 0; v < plan->algorithm->vectors; v++)
		walk_floats(w, "algorithm's vectors", l->vector[v], plan->dimension, (double)FLT_MAX);
	walk_floats(w, "estimator's table", l->table, sl_part_table_size(plan, l->data), (double)FLT_MAX);
}

static void walk_real(struct walk *w, double *v)
{
	uint64_t bits;
	memcpy(&bits, v, sizeof bits);
	walk_u64(w, &bits);
	memcpy(v, &bits, sizeof bits);
	if (!isfinite(*v))
		damaged(w, "the watch saw no number");
}

static void walk_watched(struct walk *w, struct sl_watched *v)
{
	walk_real(w, &v->sum);
	walk_u32(w, &v->seen);
	walk_u32(w, &v->looks);
	walk_u32(w, &v->growing);
	walk_real(w, &v->first);
	walk_real(w, &v->least);
	walk_real(w, &v->last);
	walk_bool(w, &v->known);
}

/* A state that diverges is none to go back to. */
static void walk_watch(struct walk *w, struct sl_watch *v)
{
	if (v->diverging && (w->mode == MEASURE || w->mode == WRITE))
		refuse(w, SL_OUT_OF_RANGE, "is that of a run that diverges");
	walk_watched(w, &v->loss);
	walk_watched(w, &v->apart);
	walk_u32(w, &v->rounds);
	walk_u32(w, &v->halvings);
	if (v->halvings > 64)
		damaged(w, "gamma was halved too often");
}

static void walk_rates(struct walk *w, struct sl_rates *r)
{
	uint64_t bits[2];
	memcpy(bits, (double[]){ r->eta, r->eta_end }, sizeof bits);
	walk_u64(w, &bits[0]);
	walk_u64(w, &bits[1]);
	walk_u32(w, &r->schedule);
	walk_u32(w, &r->rounds);
	memcpy(&r->eta, &bits[0], sizeof r->eta);
	memcpy(&r->eta_end, &bits[1], sizeof r->eta_end);
	if (!isfinite(r->eta) || !isfinite(r->eta_end) || r->schedule > SL_ETA_SQRT)
		damaged(w, "no step sizes");
}

/* What may be otherwise in the settings that it is resumed with: capacities, pace, rounds, step sizes. */
static void walk_settings(struct walk *w, struct sl_peer *p)
{
	const struct sl_settings *s = &p->plan->settings;
	uint32_t laid_out_for = p->plan->laid_out_for;
	bool free = s->pace != SL_PACE_LOCKSTEP;
	w->rates = sl_settings_rates(s);
	walk_u32(w, &laid_out_for); /* sl_peer_saved_for reads it here */
	walk_bool(w, &free);
	walk_u32(w, &p->rounds_most);
	walk_rates(w, &w->rates);
	walk_u32(w, &p->learner.formers);
	if (p->learner.formers > SL_FORMER_RATES)
		damaged(w, "too many changes of the step size");
	for (uint32_t i = 0; i < p->learner.formers && !w->in.failed; i++) {
		walk_u32(w, &p->learner.former[i].until);
		walk_rates(w, &p->learner.former[i].rates);
	}
	walk_gammas(w, &p->gammas);
	if (w->mode == READ)
		p->was_free = free;
	p->rounds_most = p->rounds_most < s->rounds ? s->rounds : p->rounds_most;
}

static void walk_peer(struct walk *w, struct sl_peer *peer)
{
	struct sl_peer copy = *peer, *p = w->mode == CHECK ? &copy : peer;
	const struct sl_plan *plan = p->plan;
	walk_identity(w, p);
	walk_members(w, p);
	expect(w, (uint64_t)plan->channels << 32 | plan->dimension, SL_MALFORMED,
	       "is damaged: its model has another size");
	expect(w, (uint64_t)plan->algorithm->vectors << 32 | (uint32_t)plan->copy_memory, SL_MALFORMED,
	       "is damaged: its algorithm or coder is another");
	walk_settings(w, p);
	walk_u32(w, &p->round);
	w->round = p->round;
	walk_u32(w, &p->epoch);
	walk_u32(w, &p->version);
	walk_u64(w, &p->digest);
	walk_count(w, &p->payload_tx);
	walk_count(w, &p->payload_rx);
	walk_count(w, &p->nonzero);
	walk_watch(w, &p->watch);
	if (w->in.failed)
		return;
	walk_learner(w, p, &p->learner);
	walk_copy_state(w, p, "public copy", p->copy_state);
	walk_journal(w, p, &p->journal);
	uint32_t last = UINT32_MAX;
	for (uint32_t i = 0; i < p->degree && !w->in.failed; i++)
		last = walk_edge(w, p, &p->edge[i], last);
}

/* A walk that did not reach its end: which of belongs to another, cut, damaged. */
static enum sl_status explain(const struct walk *w, struct sl_error *error)
{
	if (w->status != SL_OK)
		return sl_fail(error, w->status, "the state %s", w->what);
	if (w->in.failed)
		return sl_fail(error, SL_MALFORMED, "the state is truncated");
	return sl_fail(error, SL_MALFORMED, "the state is damaged: something follows its end");
}

static enum sl_status check_walk(const struct sl_peer *p, const uint8_t *bytes, size_t length,
                                 struct walk *of, struct sl_error *error)
{
	struct walk w = { .mode = CHECK, .in = sl_reader(bytes, length) };
	walk_peer(&w, (struct sl_peer *)(uintptr_t)p); /* changes nothing */
	*of = w;
	return sl_reader_done(&w.in) ? SL_OK : explain(&w, error);
}

size_t sl_peer_save(const struct sl_peer *p, uint8_t *out, struct sl_error *error)
{
	struct sl_peer *same = (struct sl_peer *)(uintptr_t)p; /* neither mode changes anything */
	struct walk measure = { .mode = MEASURE }, checked;
	walk_peer(&measure, same);
	if (measure.in.failed) {
		explain(&measure, error);
		return 0;
	}
	if (!out)
		return measure.length;
	struct walk write = { .mode = WRITE, .out = sl_writer(out, measure.length) };
	walk_peer(&write, same);
	return check_walk(p, out, measure.length, &checked, error) == SL_OK ? measure.length : 0;
}

uint32_t sl_peer_saved_for(const uint8_t *bytes, size_t length)
{
	struct sl_reader r = sl_reader(bytes, length);
	bool mine = sl_read_u64(&r) == ((uint64_t)STATE_MAGIC << 32 | STATE_VERSION);
	sl_read_bytes(&r, 48); /* run, session, members, shape */
	uint32_t laid_out_for = sl_read_u32(&r);
	return mine && !r.failed ? laid_out_for : 0;
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
	return (struct sl_peer_roster){ p->serial, out, p->degree, p->gammas };
}

static bool same_neighbours(const struct sl_peer *p, const struct sl_peer_roster *r)
{
	bool same = p->degree == r->degree;
	for (uint32_t i = 0; i < r->degree && same; i++)
		same = p->edge[i].neighbour == r->neighbours[i].peer;
	return same;
}

enum sl_status sl_peer_check(const struct sl_peer *p, const uint8_t *bytes, size_t length,
                             struct sl_error *error)
{
	struct walk w;
	enum sl_status status = check_walk(p, bytes, length, &w, error);
	if (status == SL_OK && w.round > p->plan->settings.rounds)
		return sl_fail(error, SL_REFUSED, "it has done %u rounds, and the run is to have %u only",
		               w.round, p->plan->settings.rounds);
	if (status == SL_OK && w.serial > p->serial)
		return sl_fail(
		    error, SL_REFUSED,
		    "the roster has serial %u, but this peer has run under %u already: an older roster was restored",
		    p->serial, w.serial);
	return status;
}

enum sl_status sl_peer_load(struct sl_peer *p, const uint8_t *bytes, size_t length, struct sl_error *error)
{
	struct sl_peer_neighbour neighbours[SL_DEGREE_MAX];
	struct sl_peer_roster roster = listed(p, neighbours);
	enum sl_status status = sl_peer_check(p, bytes, length, error);
	if (status != SL_OK)
		return status;
	struct walk read = { .mode = READ, .in = sl_reader(bytes, length) };
	walk_peer(&read, p);
	SL_CHECK(sl_reader_done(&read.in));
	p->learner.round = p->round;
	sl_rates_resume(p, &read.rates);
	p->resumed = true;
	p->saved_newest = p->round;
	p->was_final = p->round >= p->plan->settings.rounds;
	p->joining = false;
	for (uint32_t i = 0; i < p->degree; i++) {
		struct sl_edge *e = &p->edge[i];
		e->rx_held = (struct sl_held){ .bytes = e->rx_held.bytes, .last = e->their_version };
		e->late = e->added;
	}
	if (roster.serial > p->serial || !same_neighbours(p, &roster))
		sl_membership_set(p, &roster, true);
	return SL_OK;
}
