/* Topology files: lines of "peers N" and "edge A B [weight]", or "arc A B [weight [phase]]" instead of edges;
 * topologies/README.md has the format. */
#include "topology/build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 5 };

struct parser {
	const char *what;
	uint32_t line, peers; /* peers 0: not given yet */
	struct sl_edge_list list;
	struct sl_arc_list arcs; /* a file has edges or arcs */
	char text[SL_TEXT_MAX];  /* the line, split into words */
	char *word[WORDS_MAX + 1];
	unsigned words;
};

static enum sl_status take_line(struct parser *p, const char *at, size_t length, struct sl_error *error)
{
	const char *comment = memchr(at, '#', length);
	size_t n = comment ? (size_t)(comment - at) : length;
	if (n >= sizeof p->text)
		return sl_fail(error, SL_TOO_BIG, "%s:%u: a line of %zu bytes, at most %d fit", p->what,
		               (unsigned)p->line, n, SL_TEXT_MAX - 1);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)at[i];
		if ((c < ' ' && c != '\t' && c != '\r') || c > '~')
			return sl_fail(error, SL_MALFORMED, "%s:%u: byte 0x%02x: not a topology file",
			               p->what, (unsigned)p->line, (unsigned)c);
	}
	memcpy(p->text, at, n);
	p->text[n] = '\0';
	p->words = 0;
	char *save = NULL;
	for (char *w = strtok_r(p->text, " \t\r", &save); w; w = strtok_r(NULL, " \t\r", &save)) {
		p->word[p->words++] = w;
		if (p->words > WORDS_MAX || (p->words == WORDS_MAX && strcmp(p->word[0], "arc") != 0))
			return sl_fail(
			    error, SL_MALFORMED,
			    "%s:%u: '%s' is unexpected (edge A B [weight], or arc A B [weight [phase]])",
			    p->what, (unsigned)p->line, w);
	}
	return SL_OK;
}

/* A whole number below 2^32, digits only. */
static bool whole(const char *word, uint32_t *v)
{
	uint64_t sum = 0;
	for (const char *c = word; *c; c++) {
		if (*c < '0' || *c > '9' || c - word > 9)
			return false;
		sum = 10 * sum + (uint64_t)(*c - '0');
	}
	*v = (uint32_t)sum;
	return *word && sum <= UINT32_MAX;
}

static enum sl_status take_peers(struct parser *p, struct sl_error *error)
{
	if (p->peers)
		return sl_fail(error, SL_MALFORMED, "%s:%u: a second 'peers' line", p->what,
		               (unsigned)p->line);
	if (p->words != 2 || !whole(p->word[1], &p->peers))
		return sl_fail(error, SL_MALFORMED, "%s:%u: must be 'peers' and a number", p->what,
		               (unsigned)p->line);
	if (p->peers < 2 || p->peers > SL_PEERS_MAX)
		return sl_fail(error, SL_OUT_OF_RANGE, "%s:%u: peers %u: must be between 2 and %d", p->what,
		               (unsigned)p->line, (unsigned)p->peers, SL_PEERS_MAX);
	return SL_OK;
}

static enum sl_status take_weight(const struct parser *p, const char *word, double *weight,
                                  struct sl_error *error)
{
	char *end;
	*weight = strtod(word, &end);
	if (*end || strspn(word, "0123456789.eE+-") != strlen(word))
		return sl_fail(error, SL_MALFORMED, "%s:%u: weight '%s': not a number over 0 and at most 1",
		               p->what, (unsigned)p->line, word);
	return SL_OK;
}

/* The first line decides whether the file has edges or arcs, and whether these have weights. */
static enum sl_status check_kind(const struct parser *p, bool arc, bool weighted, struct sl_error *error)
{
	if (!p->peers)
		return sl_fail(error, SL_MALFORMED, "%s:%u: 'peers N' must come before the first %s", p->what,
		               (unsigned)p->line, arc ? "arc" : "edge");
	if (arc ? p->list.count : p->arcs.count)
		return sl_fail(error, SL_MALFORMED,
		               "%s:%u: a file has edges or arcs, not both: give both arcs of an edge",
		               p->what, (unsigned)p->line);
	bool before = arc ? !p->arcs.unweighted : p->list.weighted;
	if ((arc ? p->arcs.count : p->list.count) && weighted != before)
		return sl_fail(error, SL_MALFORMED,
		               "%s:%u: %s %s %s has %s weight, but the %ss above have %s: give all or none",
		               p->what, (unsigned)p->line, arc ? "arc" : "edge", p->word[1], p->word[2],
		               weighted ? "a" : "no", arc ? "arc" : "edge", weighted ? "none" : "one");
	return SL_OK;
}

static enum sl_status take_arc(struct parser *p, struct sl_error *error)
{
	struct sl_arc_given g = { .line = p->line };
	if (p->words < 3 || !whole(p->word[1], &g.arc.from) || !whole(p->word[2], &g.arc.to) ||
	    (p->words == 5 && !whole(p->word[4], &g.arc.phase)))
		return sl_fail(
		    error, SL_MALFORMED,
		    "%s:%u: must be 'arc', the sending and the receiving peer, and optionally a weight and a phase",
		    p->what, (unsigned)p->line);
	enum sl_status status = check_kind(p, true, p->words >= 4, error);
	p->arcs.unweighted = p->words == 3;
	if (status == SL_OK && p->words >= 4)
		status = take_weight(p, p->word[3], &g.arc.weight, error);
	if (status == SL_OK && sl_arc_list_add(&p->arcs, g, error) != SL_OK)
		status = sl_wrap(error, "%s:%u", p->what, (unsigned)p->line);
	return status;
}

static enum sl_status take_edge(struct parser *p, struct sl_error *error)
{
	struct sl_edge_given e = { .line = p->line };
	if (p->words < 3 || !whole(p->word[1], &e.a) || !whole(p->word[2], &e.b))
		return sl_fail(error, SL_MALFORMED,
		               "%s:%u: must be 'edge', two peer numbers, and optionally a weight", p->what,
		               (unsigned)p->line);
	enum sl_status status = check_kind(p, false, p->words == 4, error);
	p->list.weighted = p->words == 4;
	if (status == SL_OK && p->words == 4)
		status = take_weight(p, p->word[3], &e.weight, error);
	if (status == SL_OK && sl_edge_list_add(&p->list, e, error) != SL_OK)
		status = sl_wrap(error, "%s:%u", p->what, (unsigned)p->line);
	return status;
}

static enum sl_status take(struct parser *p, struct sl_error *error)
{
	if (p->words == 0)
		return SL_OK;
	if (strcmp(p->word[0], "peers") == 0)
		return take_peers(p, error);
	if (strcmp(p->word[0], "edge") == 0)
		return take_edge(p, error);
	if (strcmp(p->word[0], "arc") == 0)
		return take_arc(p, error);
	return sl_fail(
	    error, SL_MALFORMED,
	    "%s:%u: '%s': a line is 'peers N', 'edge A B', 'edge A B weight', 'arc A B …' or a comment",
	    p->what, (unsigned)p->line, p->word[0]);
}

static enum sl_status parse(struct parser *p, const char *text, size_t length, struct sl_error *error)
{
	const char *end = text + length;
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline ? newline : end;
		p->line++;
		enum sl_status status = take_line(p, text, (size_t)(stop - text), error);
		if (status == SL_OK)
			status = take(p, error);
		if (status != SL_OK)
			return status;
		text = newline ? newline + 1 : end;
	}
	if (!p->peers)
		return sl_fail(error, SL_MALFORMED, "%s: holds no 'peers N' line", p->what);
	return SL_OK;
}

enum sl_status sl_topology_parse(struct sl_topology *out, const char *text, size_t length, const char *what,
                                 struct sl_error *error)
{
	memset(out, 0, sizeof *out);
	struct parser p = { .what = what };
	char spec[SL_TEXT_MAX];
	snprintf(spec, sizeof spec, "file:%s", what);
	enum sl_status status = parse(&p, text, length, error);
	if (status == SL_OK)
		status = p.arcs.count ? sl_topology_build_arcs(out, spec, what, p.peers, &p.arcs, error)
		                      : sl_topology_build(out, spec, what, p.peers, &p.list, error);
	sl_arc_list_free(&p.arcs);
	sl_edge_list_free(&p.list);
	return status;
}
