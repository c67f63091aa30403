#include "daemon/cli/common/hosts.h"

#include "daemon/run/endpoint.h"
#include "daemon/run/files.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MOST = 1 << 22, WORDS_MOST = 64 };

struct reading {
	struct sl_hosts *out;
	const struct sl_roster *roster;
	const char *path;
	unsigned line;
	struct sl_error *error;
};

/* Words end up in command lines and inventories: no quoting is ever needed for these. */
static bool plain(const char *word, const char *more)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	if (*word == '-' || *word == '.')
		return false;
	for (; *word; word++)
		if (!strchr(letters, *word) && !strchr(more, *word))
			return false;
	return true;
}

static enum sl_status add_host(struct reading *r, const char *word)
{
	struct sl_hosts *h = r->out;
	if (!plain(word, "@:[]") || strlen(word) >= SL_HOST_MAX)
		return sl_fail(r->error, SL_MALFORMED,
		               "%s:%u: '%s': must be a host as ssh reaches it, such as site-3.example",
		               r->path, r->line, word);
	for (uint32_t i = 0; i < h->hosts; i++)
		if (strcmp(h->host[i], word) == 0)
			return sl_fail(r->error, SL_MALFORMED,
			               "%s:%u: host '%s' is listed twice: write all its peers on one line",
			               r->path, r->line, word);
	void *grown = realloc(h->host, (h->hosts + 1) * sizeof *h->host);
	if (!grown)
		return sl_fail(r->error, SL_NO_MEMORY, "%s: out of memory", r->path);
	h->host = grown;
	strcpy(h->host[h->hosts++], word);
	return SL_OK;
}

/* The peer that a number or name means, or SL_HOSTS_NOBODY. */
static uint32_t find(const struct sl_roster *roster, const char *word)
{
	char *end;
	unsigned long number = strtoul(word, &end, 10);
	if (!roster)
		return SL_HOSTS_NOBODY;
	if (*word >= '0' && *word <= '9' && !*end)
		return number < roster->topology.peers ? (uint32_t)number : SL_HOSTS_NOBODY;
	for (uint32_t k = 0; k < roster->topology.peers; k++)
		if (strcmp(roster->peer[k].name, word) == 0)
			return k;
	return SL_HOSTS_NOBODY;
}

/* A peer that may be admitted later: what it will be called, and where it will be reached. */
static enum sl_status describe(struct reading *r, struct sl_hosts_peer *peer, const char *word,
                               const char *endpoint)
{
	struct sl_endpoint form;
	if (!endpoint && r->roster)
		return sl_fail(r->error, SL_NOT_FOUND,
		               "%s:%u: the roster has no peer '%s' (it has %" PRIu32
		               " peers); for a host that has yet to enrol, write HOST NAME ENDPOINT",
		               r->path, r->line, word, r->roster->topology.peers);
	if (!endpoint)
		return sl_fail(
		    r->error, SL_MALFORMED,
		    "%s:%u: peer '%s' has no endpoint: write HOST NAME ENDPOINT, such as '%s %s tcp://%s:7000'",
		    r->path, r->line, word, r->out->host[peer->host], word, r->out->host[peer->host]);
	if (!plain(word, "") || strlen(word) >= sizeof peer->name || !word[strspn(word, "0123456789")])
		return sl_fail(
		    r->error, SL_MALFORMED,
		    "%s:%u: '%s': must be a name of letters, digits, '-', '_' and '.', and no number",
		    r->path, r->line, word);
	if (!plain(endpoint, ":/[]%") || strlen(endpoint) >= sizeof peer->endpoint ||
	    sl_endpoint_parse(&form, endpoint, r->error) != SL_OK)
		return sl_fail(
		    r->error, SL_MALFORMED,
		    "%s:%u: '%s': must be an endpoint such as tcp://site-3.example:7000, or dial-only",
		    r->path, r->line, endpoint);
	strcpy(peer->name, word);
	strcpy(peer->endpoint, endpoint);
	return SL_OK;
}

static enum sl_status check_twice(const struct reading *r, const struct sl_hosts_peer *peer, const char *word)
{
	const struct sl_hosts *h = r->out;
	for (uint32_t i = 0; i < h->peers; i++) {
		const struct sl_hosts_peer *other = &h->peer[i];
		if (other->number == peer->number && strcmp(other->name, peer->name) == 0)
			return sl_fail(r->error, SL_MALFORMED, "%s:%u: peer '%s' is listed twice", r->path,
			               r->line, word);
		if (peer->number == SL_HOSTS_NOBODY && other->number == SL_HOSTS_NOBODY &&
		    !sl_endpoint_dials(peer->endpoint) && strcmp(other->endpoint, peer->endpoint) == 0)
			return sl_fail(r->error, SL_MALFORMED, "%s:%u: '%s' has the same endpoint as '%s'",
			               r->path, r->line, word, other->name);
	}
	return SL_OK;
}

/* endpoint: NULL: the peer has to be in the roster. */
static enum sl_status add_peer(struct reading *r, const char *word, const char *endpoint)
{
	struct sl_hosts *h = r->out;
	struct sl_hosts_peer peer = { .number = find(r->roster, word), .host = h->hosts - 1 };
	enum sl_status status = SL_OK;
	if (peer.number == SL_HOSTS_NOBODY) {
		status = describe(r, &peer, word, endpoint);
	} else {
		const struct sl_roster_peer *listed = &r->roster->peer[peer.number];
		strcpy(peer.name, listed->name);
		strcpy(peer.endpoint, listed->endpoint);
		peer.gone = listed->gone;
	}
	if (status == SL_OK)
		status = check_twice(r, &peer, word);
	if (status != SL_OK)
		return status;
	void *grown = realloc(h->peer, (h->peers + 1) * sizeof *h->peer);
	if (!grown)
		return sl_fail(r->error, SL_NO_MEMORY, "%s: out of memory", r->path);
	h->peer = grown;
	h->peer[h->peers++] = peer;
	return SL_OK;
}

static bool is_endpoint(const char *word)
{
	return strstr(word, "://") || sl_endpoint_dials(word);
}

static enum sl_status read_line(struct reading *r, char *line)
{
	char *word[WORDS_MOST], *rest;
	unsigned words = 0;
	line[strcspn(line, "#")] = '\0';
	for (char *w = strtok_r(line, " \t\r", &rest); w; w = strtok_r(NULL, " \t\r", &rest)) {
		if (words == WORDS_MOST)
			return sl_fail(r->error, SL_TOO_BIG, "%s:%u: more than %d peers on one host", r->path,
			               r->line, WORDS_MOST - 1);
		word[words++] = w;
	}
	if (words == 0)
		return SL_OK;
	if (words == 1)
		return sl_fail(r->error, SL_MALFORMED, "%s:%u: host '%s' has no peer: write HOST %s", r->path,
		               r->line, word[0], r->roster ? "PEER" : "NAME ENDPOINT");
	enum sl_status status = add_host(r, word[0]);
	for (unsigned i = 1; i < words && status == SL_OK; i++) {
		const char *endpoint = i + 1 < words && is_endpoint(word[i + 1]) ? word[i + 1] : NULL;
		status = add_peer(r, word[i], endpoint);
		i += endpoint != NULL;
	}
	return status;
}

enum sl_status sl_hosts_read(struct sl_hosts *out, const char *path, const struct sl_roster *roster,
                             struct sl_error *error)
{
	uint8_t *bytes;
	size_t length;
	memset(out, 0, sizeof *out);
	enum sl_status status = sl_file_read(path, FILE_MOST, &bytes, &length, error);
	if (status != SL_OK)
		return status;
	struct reading r = { out, roster, path, 0, error };
	if (memchr(bytes, '\0', length))
		status = sl_fail(error, SL_MALFORMED, "%s: is not a text file", path);
	for (char *line = (char *)bytes; line && status == SL_OK;) {
		char *end = strchr(line, '\n');
		if (end)
			*end = '\0';
		r.line++;
		status = read_line(&r, line);
		line = end ? end + 1 : NULL;
	}
	free(bytes);
	if (status == SL_OK && out->hosts == 0)
		status = sl_fail(error, SL_MALFORMED, "%s: lists no host: write a line HOST %s per host",
		                 path, roster ? "PEER" : "NAME ENDPOINT");
	return status;
}

void sl_hosts_free(struct sl_hosts *h)
{
	free(h->host);
	free(h->peer);
	memset(h, 0, sizeof *h);
}
