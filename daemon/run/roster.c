#include "daemon/run/roster.h"

#include "daemon/run/endpoint.h"
#include "daemon/run/files.h"

#include <inttypes.h>
#include <math.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Size limit: room for sixty thousand peers with twenty edges each, or SL_PEERS_MAX with eight. */
enum { FILE_MAX = 64 << 20, LINE_MOST = 512, SIGNATURE_HEX = 2 * crypto_sign_BYTES };
static const char signature_word[] = "signature ", head_word[] = "starling-roster ";
enum { SIGNATURE_LINE = sizeof signature_word - 1 + SIGNATURE_HEX + 1 };

/* ---- reading ---- */

struct parse {
	struct sl_roster *out;
	const char *at, *end; /* the signed text; it ends after a newline */
	const char *what;
	uint32_t line;
	unsigned version;
	char text[LINE_MOST]; /* the current line, split into words */
	uint32_t peers, peers_room;
	struct sl_edge_pair *edge;
	double *weight;
	struct sl_roster_edge *told;
	uint32_t edges, edge_room, weight_room, told_room;
	struct sl_arc *arc; /* instead of edges */
	uint32_t arcs, arcs_room;
	struct sl_error *error;
};

__attribute__((format(printf, 2, 3))) static enum sl_status bad_line(struct parse *p, const char *format, ...)
{
	char sentence[300];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(sentence, sizeof sentence, format, arguments);
	va_end(arguments);
	return sl_fail(p->error, SL_MALFORMED, "%s:%" PRIu32 ": %s", p->what, p->line, sentence);
}

/* The signature covers all bytes before its line, which is the last one and has a fixed length. */
static enum sl_status verify(const char *text, size_t length, const char *what, const uint8_t *operator_key,
                             uint8_t signature[static SL_SIGNATURE_BYTES], size_t *signed_length,
                             struct sl_error *error)
{
	char again[SIGNATURE_HEX + 1], key[SL_KEY_HEX];
	size_t found = 0;
	if (length <= SIGNATURE_LINE)
		return sl_fail(error, SL_MALFORMED, "%s: is not a signed roster: it has only %zu bytes", what,
		               length);
	const char *line = text + length - SIGNATURE_LINE;
	const char *hex = line + sizeof signature_word - 1;
	bool good =
	    line[-1] == '\n' && memcmp(line, signature_word, sizeof signature_word - 1) == 0 &&
	    line[SIGNATURE_LINE - 1] == '\n' &&
	    sodium_hex2bin(signature, SL_SIGNATURE_BYTES, hex, SIGNATURE_HEX, NULL, &found, NULL) == 0 &&
	    found == SL_SIGNATURE_BYTES;
	if (!good)
		return sl_fail(
		    error, SL_REFUSED,
		    "%s: does not end with the line 'signature' and %d hex digits; the file is truncated or was changed",
		    what, SIGNATURE_HEX);
	sodium_bin2hex(again, sizeof again, signature, SL_SIGNATURE_BYTES);
	*signed_length = length - SIGNATURE_LINE;
	/* Comparing the digits allows only one spelling per signature: no byte of the file can be changed. */
	if (memcmp(again, hex, SIGNATURE_HEX) == 0 &&
	    crypto_sign_verify_detached(signature, (const uint8_t *)text, *signed_length, operator_key) == 0)
		return SL_OK;
	sl_key_print(operator_key, key);
	return sl_fail(
	    error, SL_REFUSED,
	    "%s: the signature is not that of the operator %.16s…; the file was changed after it was signed, or another operator signed it",
	    what, key);
}

/* Copies the next line to p->text; false at the end. */
static bool next_line(struct parse *p, enum sl_status *status)
{
	*status = SL_OK;
	if (p->at == p->end)
		return false;
	const char *newline = memchr(p->at, '\n', (size_t)(p->end - p->at));
	size_t length = (size_t)(newline - p->at);
	p->line++;
	if (length >= sizeof p->text || memchr(p->at, '\0', length)) {
		*status = bad_line(p, "the line is longer than %d characters or contains a zero byte",
		                   LINE_MOST - 1);
		return false;
	}
	memcpy(p->text, p->at, length);
	p->text[length] = '\0';
	p->at = newline + 1;
	return true;
}

/* Splits at single blanks; returns the number of words, 0 if there are other blanks or more than `most` words. */
static unsigned split(char *text, char **word, unsigned most)
{
	for (unsigned i = 0; i < most; i++)
		word[i] = text;
	for (unsigned i = 0; i < most; i++) {
		word[i] = text;
		size_t length = strcspn(text, " ");
		bool more = text[length] == ' ';
		if (length == 0)
			return 0;
		text[length] = '\0';
		text += length + 1;
		if (!more)
			return i + 1;
	}
	return 0;
}

static bool whole(const char *text, uint32_t most, uint32_t *out)
{
	char *end;
	if (text[0] < '0' || text[0] > '9' || strlen(text) > 10)
		return false;
	unsigned long long v = strtoull(text, &end, 10);
	*out = (uint32_t)v;
	return *end == '\0' && v <= most;
}

static bool grow(void **array, uint32_t count, uint32_t *room, size_t size)
{
	if (count < *room)
		return true;
	uint32_t more = *room ? *room * 2 : 16;
	void *bigger = realloc(*array, more * size);
	if (!bigger)
		return false;
	*array = bigger;
	*room = more;
	return true;
}

static bool within(const char *text, double most, double *out)
{
	char *end;
	*out = strtod(text, &end);
	return end != text && !*end && *out >= 0 && *out <= most;
}

static enum sl_status take_mixing(struct parse *p, char *text)
{
	char *word[4];
	struct sl_roster *r = p->out;
	struct sl_roster_mixing m = { 0 };
	uint32_t most = r->mixings ? r->mixing[r->mixings - 1].since : r->serial + 1;
	if (split(text, word, 4) != 4 || !whole(word[0], UINT32_MAX, &m.since) ||
	    !within(word[1], 1, &m.given) || !within(word[2], 2, &m.beta) || !within(word[3], 1, &m.gap))
		return bad_line(
		    p, "must be 'mixing SERIAL GIVEN BETA GAP', with GIVEN and GAP up to 1 and BETA up to 2");
	if (m.since >= most || r->mixings == SL_EDGE_WEIGHTS)
		return bad_line(p, "serials of 'mixing' fall from this roster's on, and are at most %d",
		                SL_EDGE_WEIGHTS);
	r->mixing[r->mixings++] = m;
	return SL_OK;
}

static enum sl_status next_peer(struct parse *p, const char *word, const char *name,
                                struct sl_roster_peer **peer)
{
	uint32_t number;
	if (!whole(word, SL_PEERS_MAX - 1, &number))
		return bad_line(p, "'%s' is not the number of a peer", word);
	if (number != p->peers)
		return bad_line(p, "peer %" PRIu32 " is listed where peer %" PRIu32 " must be", number,
		                p->peers);
	if (!grow((void **)&p->out->peer, p->peers, &p->peers_room, sizeof *p->out->peer))
		return sl_fail(p->error, SL_NO_MEMORY, "%s: out of memory", p->what);
	struct sl_roster_peer *next = &p->out->peer[p->peers];
	memset(next, 0, sizeof *next);
	if (strlen(name) >= sizeof next->name)
		return bad_line(p, "name '%s' is longer than %zu characters", name, sizeof next->name - 1);
	strcpy(next->name, name);
	*peer = next;
	return SL_OK;
}

static enum sl_status take_peer(struct parse *p, char *text)
{
	char *word[5] = { text, text, text, text, text };
	struct sl_roster_peer *peer = NULL;
	unsigned words = split(text, word, 5);
	if (words < 4)
		return bad_line(p, "must be 'peer NUMBER NAME ENDPOINT KEY'");
	enum sl_status status = next_peer(p, word[0], word[1], &peer);
	if (status != SL_OK || !peer)
		return status;
	if (words == 5 && (!whole(word[4], p->out->serial, &peer->since) || peer->since == 0))
		return bad_line(p, "'%s' is not a serial up to that of this roster", word[4]);
	struct sl_endpoint endpoint;
	if (sl_endpoint_parse(&endpoint, word[2], p->error) != SL_OK)
		return sl_wrap(p->error, "%s:%" PRIu32, p->what, p->line);
	if (endpoint.kind == SL_ENDPOINT_DIAL_ONLY && p->version < 3)
		return bad_line(p, "a peer that is dial-only needs version 3 of the roster's text");
	if (!sl_key_parse(word[3], peer->public_key) ||
	    !sl_key_to_curve(peer->curve_public, peer->public_key))
		return bad_line(p, "'%s' is not an Ed25519 public key (64 hex digits)", word[3]);
	strcpy(peer->endpoint, word[2]);
	p->peers++;
	return SL_OK;
}

static enum sl_status take_gone(struct parse *p, char *text)
{
	char *word[2] = { text, text };
	struct sl_roster_peer *peer = NULL;
	if (split(text, word, 2) != 2)
		return bad_line(p, "must be 'gone NUMBER NAME'");
	enum sl_status status = next_peer(p, word[0], word[1], &peer);
	if (status != SL_OK || !peer)
		return status;
	peer->gone = true;
	p->peers++;
	return SL_OK;
}

static bool weight_good(const char *text, double *weight)
{
	char *end;
	*weight = strtod(text, &end);
	return end != text && !*end && isfinite(*weight) && *weight > 0 && *weight <= 1;
}

/* "WEIGHT", or "WEIGHT ADDED SINCE" and a pair "WEIGHT SINCE" per former weight. */
static bool take_weights(const struct parse *p, char **word, unsigned words, struct sl_roster_edge *out)
{
	uint32_t below = p->out->serial;
	*out = (struct sl_roster_edge){ .weights = 1 };
	if (!weight_good(word[0], &out->weight[0].value))
		return false;
	if (words == 1)
		return true;
	if (words % 2 == 0 || !whole(word[1], p->out->serial, &out->added))
		return false;
	for (unsigned i = 0; 2 + 2 * i < words; i++) {
		struct sl_weight *w = &out->weight[i];
		out->weights = i + 1;
		if (!whole(word[2 + 2 * i], below, &w->since) || w->since < out->added ||
		    (i > 0 && !weight_good(word[1 + 2 * i], &w->value)))
			return false;
		if (w->since == 0 && 4 + 2 * i < words)
			return false;
		below = w->since ? w->since - 1 : 0;
	}
	return true;
}

static enum sl_status take_edge(struct parse *p, char *text)
{
	enum { WORDS = 4 + 2 * SL_EDGE_WEIGHTS };
	char *word[WORDS] = { text, text, text };
	struct sl_edge_pair pair;
	struct sl_roster_edge told;
	unsigned words = split(text, word, WORDS - 1);
	if (words < 3 || !whole(word[0], UINT32_MAX, &pair.a) || !whole(word[1], UINT32_MAX, &pair.b))
		return bad_line(p, "must be 'edge A B WEIGHT', or that and 'ADDED SINCE [WEIGHT SINCE]...'");
	if (!weight_good(word[2], &told.weight[0].value))
		return bad_line(p, "weight '%s' must be a number above 0 and at most 1", word[2]);
	if (!take_weights(p, word + 2, words - 2, &told))
		return bad_line(
		    p,
		    "after the weight must follow 'ADDED SINCE', then pairs 'WEIGHT SINCE' of falling serials");
	if (pair.a >= p->peers || pair.b >= p->peers || p->out->peer[pair.a].gone ||
	    p->out->peer[pair.b].gone)
		return bad_line(p,
		                "an edge joins %" PRIu32 " and %" PRIu32 ", but the lines above list %" PRIu32
		                " peers, or one of them as gone",
		                pair.a, pair.b, p->peers);
	if (!grow((void **)&p->edge, p->edges, &p->edge_room, sizeof *p->edge) ||
	    !grow((void **)&p->told, p->edges, &p->told_room, sizeof *p->told) ||
	    !grow((void **)&p->weight, p->edges, &p->weight_room, sizeof *p->weight))
		return sl_fail(p->error, SL_NO_MEMORY, "%s: out of memory", p->what);
	p->edge[p->edges] = pair;
	p->told[p->edges] = told;
	p->weight[p->edges++] = told.weight[0].value;
	return SL_OK;
}

/* Stores the weights of the edges in the topology's order. */
static enum sl_status keep_told(struct parse *p)
{
	const struct sl_topology *t = &p->out->topology;
	p->out->edge = calloc(t->edges + 1, sizeof *p->out->edge);
	if (!p->out->edge)
		return sl_fail(p->error, SL_NO_MEMORY, "%s: out of memory", p->what);
	for (uint32_t i = 0; i < p->edges; i++) {
		uint32_t a = p->edge[i].a < p->edge[i].b ? p->edge[i].a : p->edge[i].b,
		         b = p->edge[i].a ^ p->edge[i].b ^ a;
		for (uint32_t k = t->first[a]; k < t->first[a + 1]; k++)
			if (t->neighbour[k] == b)
				p->out->edge[t->edge_of[k]] = p->told[i];
	}
	return SL_OK;
}

/* Checks that every member has neighbours. */
static enum sl_status check_members(const struct parse *p)
{
	for (uint32_t i = 0; i < p->peers; i++)
		if (!p->out->peer[i].gone && sl_topology_degree(&p->out->topology, i) == 0)
			return sl_fail(p->error, SL_MALFORMED, "%s: peer %" PRIu32 " has no edge", p->what,
			               i);
	return SL_OK;
}

static enum sl_status take_arc(struct parse *p, char *text)
{
	char *word[4], *end;
	struct sl_arc arc;
	if (split(text, word, 4) != 4 || !whole(word[0], UINT32_MAX, &arc.from) ||
	    !whole(word[1], UINT32_MAX, &arc.to) || !whole(word[3], SL_PERIOD_MAX - 1, &arc.phase))
		return bad_line(p, "must be 'arc FROM TO WEIGHT PHASE'");
	arc.weight = strtod(word[2], &end);
	if (*end)
		return bad_line(p, "weight '%s' must be a number above 0 and at most 1", word[2]);
	if (!grow((void **)&p->arc, p->arcs, &p->arcs_room, sizeof *p->arc))
		return sl_fail(p->error, SL_NO_MEMORY, "%s: out of memory", p->what);
	p->arc[p->arcs++] = arc;
	return SL_OK;
}

static bool take_run(struct parse *p)
{
	char again[SL_RUN_ID_HEX];
	uint8_t *run = p->out->run;
	size_t length = 0;
	const char *hex = p->text + 4;
	if (strncmp(p->text, "run ", 4) != 0 ||
	    sodium_hex2bin(run, SL_RUN_ID_BYTES, hex, strlen(hex), NULL, &length, NULL) != 0 ||
	    length != SL_RUN_ID_BYTES)
		return false;
	sodium_bin2hex(again, sizeof again, run, SL_RUN_ID_BYTES);
	return strcmp(hex, again) == 0;
}

static enum sl_status take_head(struct parse *p)
{
	enum sl_status status;
	struct sl_roster *r = p->out;
	bool first = next_line(p, &status);
	if (first && strlen(p->text) == sizeof head_word &&
	    memcmp(p->text, head_word, sizeof head_word - 1) == 0 && p->text[sizeof head_word - 1] >= '1' &&
	    p->text[sizeof head_word - 1] <= '3')
		p->version = (unsigned)(p->text[sizeof head_word - 1] - '0');
	r->bound = p->version > 1;
	if (p->version == 0)
		return status != SL_OK ? status
		                       : bad_line(p, "must be '%s' and a version from 1 to 3", head_word);
	if (r->bound && (!next_line(p, &status) || !take_run(p)))
		return status != SL_OK ? status
		                       : bad_line(p, "must be 'run' and %d hex digits", SL_RUN_ID_HEX - 1);
	if (!next_line(p, &status) || strncmp(p->text, "serial ", 7) != 0 ||
	    !whole(p->text + 7, UINT32_MAX, &r->serial))
		return status != SL_OK ? status : bad_line(p, "must be 'serial NUMBER'");
	if (!next_line(p, &status) || strncmp(p->text, "topology ", 9) != 0)
		return status != SL_OK ? status : bad_line(p, "must be 'topology SPECIFICATION'");
	if (strlen(p->text + 9) >= sizeof r->topology.spec)
		return bad_line(p, "the topology is longer than %zu characters", sizeof r->topology.spec - 1);
	return SL_OK;
}

static int compare_keys(const void *a, const void *b)
{
	return memcmp((*(const struct sl_roster_peer *const *)a)->public_key,
	              (*(const struct sl_roster_peer *const *)b)->public_key, SL_KEY_BYTES);
}

/* Whether the peers may be neighbours: one of them has to be reachable. */
static enum sl_status check_reachable(const struct parse *p)
{
	const struct sl_topology *t = &p->out->topology;
	for (uint32_t i = 0; i < p->peers; i++) {
		if (p->out->peer[i].gone || !sl_endpoint_dials(p->out->peer[i].endpoint))
			continue;
		for (uint32_t k = t->first[i]; k < t->first[i + 1]; k++)
			if (sl_endpoint_dials(p->out->peer[t->neighbour[k]].endpoint))
				return sl_fail(
				    p->error, SL_MALFORMED,
				    "%s: peers %" PRIu32 " and %" PRIu32
				    " are neighbours, and both dial-only: one end of a link must be reachable",
				    p->what, i, t->neighbour[k]);
	}
	return SL_OK;
}

static int compare_endpoints(const void *a, const void *b)
{
	return strcmp((*(const struct sl_roster_peer *const *)a)->endpoint,
	              (*(const struct sl_roster_peer *const *)b)->endpoint);
}

/* Keys and endpoints must be unique. */
static enum sl_status check_distinct(struct parse *p, int (*compare)(const void *, const void *),
                                     const char *thing)
{
	const struct sl_roster_peer **order = malloc((p->peers + 1) * sizeof *order);
	if (!order)
		return sl_fail(p->error, SL_NO_MEMORY, "%s: out of memory", p->what);
	uint32_t count = 0;
	for (uint32_t i = 0; i < p->peers; i++)
		if (!p->out->peer[i].gone &&
		    (compare != compare_endpoints || !sl_endpoint_dials(p->out->peer[i].endpoint)))
			order[count++] = &p->out->peer[i];
	qsort(order, count, sizeof *order, compare);
	enum sl_status status = SL_OK;
	for (uint32_t i = 1; i < count && status == SL_OK; i++)
		if (compare(&order[i - 1], &order[i]) == 0)
			status =
			    sl_fail(p->error, SL_MALFORMED, "%s: peers %td and %td have the same %s", p->what,
			            order[i - 1] - p->out->peer, order[i] - p->out->peer, thing);
	free(order);
	return status;
}

static enum sl_status parse_lines(struct parse *p)
{
	char spec[SL_TEXT_MAX];
	enum sl_status status = take_head(p);
	if (status != SL_OK)
		return status;
	snprintf(spec, sizeof spec, "%s", p->text + 9);
	while (status == SL_OK && next_line(p, &status)) {
		if (strncmp(p->text, "mixing ", 7) == 0 && p->peers == 0)
			status = take_mixing(p, p->text + 7);
		else if (strncmp(p->text, "peer ", 5) == 0 && p->edges + p->arcs == 0)
			status = take_peer(p, p->text + 5);
		else if (strncmp(p->text, "gone ", 5) == 0 && p->edges + p->arcs == 0)
			status = take_gone(p, p->text + 5);
		else if (strncmp(p->text, "edge ", 5) == 0 && p->arcs == 0)
			status = take_edge(p, p->text + 5);
		else if (strncmp(p->text, "arc ", 4) == 0 && p->edges == 0)
			status = take_arc(p, p->text + 4);
		else
			status = bad_line(
			    p, "'%.40s' must begin with 'peer', or after all peers with 'edge' or 'arc'",
			    p->text);
	}
	if (status == SL_OK)
		status = check_distinct(p, compare_keys, "key");
	if (status == SL_OK)
		status = check_distinct(p, compare_endpoints, "endpoint");
	if (status != SL_OK)
		return status;
	struct sl_topology *t = &p->out->topology;
	if (p->arcs)
		status = sl_topology_from_arcs(t, spec, p->peers, p->arc, p->arcs, p->error);
	else
		status = sl_topology_from_members(t, spec, p->peers, p->edge, p->weight, p->edges, p->error);
	if (status != SL_OK)
		return sl_wrap(p->error, "%s", p->what);
	status = check_members(p);
	if (status == SL_OK)
		status = check_reachable(p);
	return status == SL_OK && !p->arcs ? keep_told(p) : status;
}

enum sl_status sl_roster_parse(struct sl_roster *out, const char *text, size_t length, const char *what,
                               const uint8_t operator_key[static SL_KEY_BYTES], struct sl_error *error)
{
	size_t signed_length = 0;
	memset(out, 0, sizeof *out);
	enum sl_status status =
	    verify(text, length, what, operator_key, out->signature, &signed_length, error);
	if (status != SL_OK)
		return status;
	struct parse p = {
		.out = out, .at = text, .end = text + signed_length, .what = what, .error = error
	};
	status = parse_lines(&p);
	free(p.edge);
	free(p.weight);
	free(p.told);
	free(p.arc);
	if (status != SL_OK)
		sl_roster_free(out);
	return status;
}

enum sl_status sl_roster_read(struct sl_roster *out, const char *path,
                              const uint8_t operator_key[static SL_KEY_BYTES], struct sl_error *error)
{
	uint8_t *text;
	size_t length;
	enum sl_status status = sl_file_read(path, FILE_MAX, &text, &length, error);
	if (status != SL_OK)
		return status;
	status = sl_roster_parse(out, (const char *)text, length, path, operator_key, error);
	free(text);
	return status;
}

void sl_roster_free(struct sl_roster *roster)
{
	if (!roster)
		return;
	sl_topology_free(&roster->topology);
	free(roster->peer);
	free(roster->edge);
	memset(roster, 0, sizeof *roster);
}
