/* Topology files: lines of "peers N" and "edge A B [weight]"; topologies/README.md has the format. */
#include "topology/build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 4 };

struct parser {
	const char *what;
	uint32_t line, peers; /* peers 0: not given yet */
	struct sl_edge_list list;
	char text[SL_TEXT_MAX]; /* of the line, cut into words */
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
			return sl_fail(error, SL_MALFORMED, "%s:%u: byte 0x%02x: this is no topology file",
			               p->what, (unsigned)p->line, (unsigned)c);
	}
	memcpy(p->text, at, n);
	p->text[n] = '\0';
	p->words = 0;
	char *save = NULL;
	for (char *w = strtok_r(p->text, " \t\r", &save); w; w = strtok_r(NULL, " \t\r", &save)) {
		p->word[p->words++] = w;
		if (p->words > WORDS_MAX)
			return sl_fail(error, SL_MALFORMED,
			               "%s:%u: '%s' is one word too many (edge A B [weight])", p->what,
			               (unsigned)p->line, w);
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

static enum sl_status take_edge(struct parser *p, struct sl_error *error)
{
	struct sl_edge_given e = { .line = p->line };
	if (!p->peers)
		return sl_fail(error, SL_MALFORMED, "%s:%u: 'peers N' must come before the first edge",
		               p->what, (unsigned)p->line);
	if (p->words < 3 || !whole(p->word[1], &e.a) || !whole(p->word[2], &e.b))
		return sl_fail(error, SL_MALFORMED,
		               "%s:%u: must be 'edge', two numbers of peers, and perhaps a weight", p->what,
		               (unsigned)p->line);
	bool weighted = p->words == 4;
	if (p->list.count && weighted != p->list.weighted)
		return sl_fail(error, SL_MALFORMED,
		               "%s:%u: edge %s %s has %s weight, but the edges above have %s: all or none",
		               p->what, (unsigned)p->line, p->word[1], p->word[2], weighted ? "a" : "no",
		               weighted ? "none" : "one");
	p->list.weighted = weighted;
	if (weighted) {
		char *end;
		e.weight = strtod(p->word[3], &end);
		if (*end || strspn(p->word[3], "0123456789.eE+-") != strlen(p->word[3]))
			return sl_fail(error, SL_MALFORMED,
			               "%s:%u: weight '%s': not a number over 0 and at most 1", p->what,
			               (unsigned)p->line, p->word[3]);
	}
	if (sl_edge_list_add(&p->list, e, error) != SL_OK)
		return sl_wrap(error, "%s:%u", p->what, (unsigned)p->line);
	return SL_OK;
}

static enum sl_status take(struct parser *p, struct sl_error *error)
{
	if (p->words == 0)
		return SL_OK;
	if (strcmp(p->word[0], "peers") == 0)
		return take_peers(p, error);
	if (strcmp(p->word[0], "edge") == 0)
		return take_edge(p, error);
	return sl_fail(error, SL_MALFORMED,
	               "%s:%u: '%s': a line is 'peers N', 'edge A B', 'edge A B weight' or a comment",
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
		status = sl_topology_build(out, spec, what, p.peers, &p.list, error);
	sl_edge_list_free(&p.list);
	return status;
}
