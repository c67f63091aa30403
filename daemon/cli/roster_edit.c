#include "daemon/cli/roster_edit.h"

#include "daemon/run/endpoint.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum sl_status sl_roster_draft(struct sl_roster_draft *out, const struct sl_roster *from,
                               struct sl_error *error)
{
	const struct sl_topology *t = &from->topology;
	*out = (struct sl_roster_draft){ .from = from, .peers = t->peers, .edges = t->edges };
	if (t->activity)
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "the roster of %s cannot be changed: the members of a graph that is directed or changes from round to round are fixed",
		    t->spec);
	if (from->serial == UINT32_MAX)
		return sl_fail(error, SL_TOO_BIG, "the roster's serial has reached its limit");
	out->serial = from->serial + 1;
	out->peer = calloc(t->peers, sizeof *out->peer);
	out->edge = calloc(t->edges + 1, sizeof *out->edge);
	if (!out->peer || !out->edge)
		return sl_fail(error, SL_NO_MEMORY, "no memory for a roster of %" PRIu32 " peers", t->peers);
	memcpy(out->peer, from->peer, t->peers * sizeof *out->peer);
	memcpy(out->edge, t->edge, t->edges * sizeof *out->edge);
	return SL_OK;
}

void sl_roster_draft_free(struct sl_roster_draft *d)
{
	free(d->peer);
	free(d->edge);
	memset(d, 0, sizeof *d);
}

static enum sl_status member(const struct sl_roster_draft *d, uint32_t peer, struct sl_error *error)
{
	if (peer >= d->peers)
		return sl_fail(error, SL_OUT_OF_RANGE, "peer %" PRIu32 ": the roster has peers 0 to %" PRIu32,
		               peer, d->peers - 1);
	if (d->peer[peer].gone)
		return sl_fail(error, SL_OUT_OF_RANGE, "peer %" PRIu32 " was removed and cannot return",
		               peer);
	return SL_OK;
}

static uint32_t find(const struct sl_roster_draft *d, uint32_t a, uint32_t b)
{
	uint32_t e = 0;
	while (e < d->edges && !(d->edge[e].a == a && d->edge[e].b == b) &&
	       !(d->edge[e].a == b && d->edge[e].b == a))
		e++;
	return e;
}

static uint32_t degree(const struct sl_roster_draft *d, uint32_t peer)
{
	uint32_t count = 0;
	for (uint32_t e = 0; e < d->edges; e++)
		count += d->edge[e].a == peer || d->edge[e].b == peer;
	return count;
}

static enum sl_status name_peer(struct sl_roster_peer *peer, const char *name, uint32_t number,
                                struct sl_error *error)
{
	if (!name)
		snprintf(peer->name, sizeof peer->name, "peer-%" PRIu32, number);
	else if (!name[0] || strlen(name) >= sizeof peer->name || strpbrk(name, " \t\n"))
		return sl_fail(error, SL_OUT_OF_RANGE, "'%s': a name has 1 to %zu characters and no blanks",
		               name, sizeof peer->name - 1);
	else
		strcpy(peer->name, name);
	return SL_OK;
}

static enum sl_status place_peer(struct sl_roster_peer *peer, const char *endpoint, struct sl_error *error)
{
	struct sl_endpoint form;
	enum sl_status status = sl_endpoint_parse(&form, endpoint, error);
	if (status == SL_OK)
		snprintf(peer->endpoint, sizeof peer->endpoint, "%s", endpoint);
	return status;
}

static enum sl_status give_key(struct sl_roster_peer *peer, const uint8_t *key, struct sl_error *error)
{
	memcpy(peer->public_key, key, SL_KEY_BYTES);
	if (!sl_key_to_curve(peer->curve_public, key))
		return sl_fail(error, SL_MALFORMED, "this is not an Ed25519 public key");
	return SL_OK;
}

enum sl_status sl_roster_draft_add(struct sl_roster_draft *d, const char *name, const char *endpoint,
                                   const uint8_t key[static SL_KEY_BYTES], uint32_t *number,
                                   struct sl_error *error)
{
	if (d->peers >= SL_PEERS_MAX)
		return sl_fail(error, SL_TOO_BIG, "a run has at most %d peers", SL_PEERS_MAX);
	struct sl_roster_peer *bigger = realloc(d->peer, (d->peers + 1) * sizeof *bigger);
	if (!bigger)
		return sl_fail(error, SL_NO_MEMORY, "no memory for a roster of %" PRIu32 " peers",
		               d->peers + 1);
	d->peer = bigger;
	struct sl_roster_peer *peer = &d->peer[d->peers];
	*peer = (struct sl_roster_peer){ .since = d->serial };
	enum sl_status status = name_peer(peer, name, d->peers, error);
	if (status == SL_OK)
		status = place_peer(peer, endpoint, error);
	if (status == SL_OK)
		status = give_key(peer, key, error);
	if (status == SL_OK)
		*number = d->peers++;
	return status;
}

enum sl_status sl_roster_draft_rotate(struct sl_roster_draft *d, uint32_t peer,
                                      const uint8_t key[static SL_KEY_BYTES], struct sl_error *error)
{
	enum sl_status status = member(d, peer, error);
	if (status == SL_OK && memcmp(d->peer[peer].public_key, key, SL_KEY_BYTES) == 0)
		return sl_fail(error, SL_OUT_OF_RANGE, "peer %" PRIu32 " already has this key", peer);
	return status == SL_OK ? give_key(&d->peer[peer], key, error) : status;
}

enum sl_status sl_roster_draft_move(struct sl_roster_draft *d, uint32_t peer, const char *endpoint,
                                    struct sl_error *error)
{
	enum sl_status status = member(d, peer, error);
	return status == SL_OK ? place_peer(&d->peer[peer], endpoint, error) : status;
}

enum sl_status sl_roster_draft_rename(struct sl_roster_draft *d, uint32_t peer, const char *name,
                                      struct sl_error *error)
{
	enum sl_status status = member(d, peer, error);
	return status == SL_OK ? name_peer(&d->peer[peer], name, peer, error) : status;
}

enum sl_status sl_roster_draft_join(struct sl_roster_draft *d, uint32_t a, uint32_t b, struct sl_error *error)
{
	enum sl_status status = member(d, a, error);
	if (status == SL_OK)
		status = member(d, b, error);
	if (status != SL_OK || find(d, a, b) < d->edges)
		return status;
	struct sl_edge_pair *bigger = realloc(d->edge, (d->edges + 1) * sizeof *bigger);
	if (!bigger)
		return sl_fail(error, SL_NO_MEMORY, "no memory for %" PRIu32 " edges", d->edges + 1);
	d->edge = bigger;
	d->edge[d->edges++] = (struct sl_edge_pair){ a < b ? a : b, a < b ? b : a };
	return SL_OK;
}

enum sl_status sl_roster_draft_part(struct sl_roster_draft *d, uint32_t a, uint32_t b, struct sl_error *error)
{
	uint32_t e = find(d, a, b);
	if (e == d->edges)
		return sl_fail(error, SL_NOT_FOUND, "peers %" PRIu32 " and %" PRIu32 " are not neighbours", a,
		               b);
	d->edge[e] = d->edge[--d->edges];
	return SL_OK;
}

/* The piece of the graph that each peer is in, as the least number in it. */
static void find_pieces(const struct sl_roster_draft *d, uint32_t *piece)
{
	for (uint32_t i = 0; i < d->peers; i++)
		piece[i] = i;
	for (bool changed = true; changed;) {
		changed = false;
		for (uint32_t e = 0; e < d->edges; e++) {
			uint32_t *a = &piece[d->edge[e].a], *b = &piece[d->edge[e].b];
			changed = changed || *a != *b;
			*a = *b = *a < *b ? *a : *b;
		}
	}
}

enum sl_status sl_roster_draft_remove(struct sl_roster_draft *d, uint32_t peer, struct sl_error *error)
{
	uint32_t left[SL_DEGREE_MAX], count = 0;
	enum sl_status status = member(d, peer, error);
	if (status != SL_OK)
		return status;
	for (uint32_t e = d->edges; e-- > 0;) {
		struct sl_edge_pair pair = d->edge[e];
		if (pair.a != peer && pair.b != peer)
			continue;
		SL_CHECK(count < SL_DEGREE_MAX);
		left[count++] = pair.a == peer ? pair.b : pair.a;
		d->edge[e] = d->edge[--d->edges];
	}
	d->peer[peer].gone = true;
	uint32_t *piece = calloc(d->peers, sizeof *piece);
	if (!piece)
		return sl_fail(error, SL_NO_MEMORY, "no memory for a roster of %" PRIu32 " peers", d->peers);
	/* Two neighbours are joined in any case: a ring stays one. */
	for (uint32_t i = 1; i < count && status == SL_OK; i++) {
		find_pieces(d, piece);
		if (count == 2 || piece[left[i - 1]] != piece[left[i]])
			status = sl_roster_draft_join(d, left[i - 1], left[i], error);
	}
	free(piece);
	return status;
}

/* Neighbours of one that was added and has none yet. */
static enum sl_status settle(struct sl_roster_draft *d, uint32_t peer, bool complete, struct sl_error *error)
{
	enum sl_status status = SL_OK;
	for (uint32_t n = 0; (complete ? n < peer : n < 2) && status == SL_OK; n++) {
		uint32_t best = complete ? n : peer;
		for (uint32_t i = 0; i < peer && !complete; i++)
			if (!d->peer[i].gone && find(d, i, peer) == d->edges && degree(d, i) > 0 &&
			    !(sl_endpoint_dials(d->peer[i].endpoint) &&
			      sl_endpoint_dials(d->peer[peer].endpoint)) &&
			    (best == peer || degree(d, i) < degree(d, best)))
				best = i;
		if (best != peer && !d->peer[best].gone)
			status = sl_roster_draft_join(d, best, peer, error);
	}
	return status;
}

static bool is_complete(const struct sl_roster *r)
{
	uint64_t members = 0;
	for (uint32_t i = 0; i < r->topology.peers; i++)
		members += !r->peer[i].gone;
	return r->topology.edges == members * (members - 1) / 2;
}

/* What the edge was worth before, and what it is worth now. */
static struct sl_roster_edge history_of(const struct sl_roster_draft *d, struct sl_edge_pair pair,
                                        double weight)
{
	const struct sl_topology *t = &d->from->topology;
	struct sl_roster_edge e = { .added = d->serial };
	for (uint32_t i = 0; i < t->edges; i++)
		if (t->edge[i].a == pair.a && t->edge[i].b == pair.b)
			e = sl_roster_edge(d->from, i);
	if (e.weights && e.weight[0].value == weight)
		return e;
	memmove(e.weight + 1, e.weight, (SL_EDGE_WEIGHTS - 1) * sizeof *e.weight);
	e.weight[0] = (struct sl_weight){ d->serial, weight };
	e.weights += e.weights < SL_EDGE_WEIGHTS;
	return e;
}

static enum sl_status mixing_of(const struct sl_topology *t, uint32_t since, struct sl_roster_mixing *out,
                                struct sl_error *error)
{
	struct sl_topology members;
	struct sl_spectrum spectrum;
	enum sl_status status = sl_topology_members(&members, t, error);
	if (status != SL_OK)
		return status;
	sl_topology_spectrum(&members, &spectrum);
	*out = (struct sl_roster_mixing){ since, spectrum.given, spectrum.beta, spectrum.gap };
	sl_topology_free(&members);
	return SL_OK;
}

/* What it was before, and what it is now. */
static enum sl_status add_mixing(const struct sl_roster_draft *d, struct sl_roster *out,
                                 struct sl_error *error)
{
	struct sl_roster_mixing before[SL_EDGE_WEIGHTS];
	unsigned count = d->from->mixings;
	enum sl_status status = mixing_of(&out->topology, d->serial, &out->mixing[0], error);
	memcpy(before, d->from->mixing, sizeof before);
	if (status == SL_OK && count == 0) {
		status = mixing_of(&d->from->topology, 0, &before[0], error);
		count = 1;
	}
	count = count < SL_EDGE_WEIGHTS ? count : SL_EDGE_WEIGHTS - 1;
	memcpy(out->mixing + 1, before, count * sizeof *before);
	out->mixings = count + 1;
	return status;
}

static bool same_edges(const struct sl_roster_draft *d)
{
	const struct sl_topology *t = &d->from->topology;
	uint32_t found = 0;
	for (uint32_t i = 0; i < t->edges; i++)
		found += find(d, t->edge[i].a, t->edge[i].b) < d->edges;
	return found == t->edges && found == d->edges;
}

enum sl_status sl_roster_draft_finish(struct sl_roster_draft *d, struct sl_roster *out,
                                      struct sl_error *error)
{
	memset(out, 0, sizeof *out);
	enum sl_status status = SL_OK;
	bool complete = is_complete(d->from), same;
	for (uint32_t i = d->from->topology.peers; i < d->peers && status == SL_OK; i++)
		if (degree(d, i) == 0 && !d->peer[i].gone)
			status = settle(d, i, complete, error);
	if (status != SL_OK)
		return status;
	same = same_edges(d);
	status = sl_topology_from_members(&out->topology, d->from->topology.spec, d->peers,
	                                  same ? d->from->topology.edge : d->edge,
	                                  same ? d->from->topology.weight : NULL, d->edges, error);
	if (status != SL_OK)
		return status;
	if (!same && !strstr(out->topology.spec, "changed"))
		snprintf(out->topology.spec + strlen(out->topology.spec),
		         sizeof out->topology.spec - strlen(out->topology.spec), " changed");
	out->serial = d->serial;
	out->bound = d->from->bound;
	memcpy(out->run, d->from->run, sizeof out->run);
	out->peer = d->peer;
	d->peer = NULL;
	out->edge = calloc(out->topology.edges + 1, sizeof *out->edge);
	if (!out->edge) {
		sl_roster_free(out);
		return sl_fail(error, SL_NO_MEMORY, "no memory for %" PRIu32 " edges", d->edges);
	}
	for (uint32_t e = 0; e < out->topology.edges; e++)
		out->edge[e] = history_of(d, out->topology.edge[e], out->topology.weight[e]);
	out->mixings = d->from->mixings;
	memcpy(out->mixing, d->from->mixing, sizeof out->mixing);
	status = same ? SL_OK : add_mixing(d, out, error);
	if (status != SL_OK)
		sl_roster_free(out);
	return status;
}
