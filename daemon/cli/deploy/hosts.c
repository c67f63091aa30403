#include "daemon/cli/deploy/deploy.h"

#include "daemon/run/endpoint.h"
#include "daemon/run/files.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MOST = 1 << 22, WORDS_MOST = 64 };

struct reading {
	struct sl_deploy_hosts *out;
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
	struct sl_deploy_hosts *h = r->out;
	if (!plain(word, "@:[]") || strlen(word) >= SL_DEPLOY_HOST_MAX)
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

/* The peer that a number or name means, or SL_DEPLOY_NOBODY. */
static uint32_t find(const struct sl_roster *roster, const char *word)
{
	char *end;
	unsigned long number = strtoul(word, &end, 10);
	if (*word >= '0' && *word <= '9' && !*end)
		return number < roster->topology.peers ? (uint32_t)number : SL_DEPLOY_NOBODY;
	for (uint32_t k = 0; k < roster->topology.peers; k++)
		if (strcmp(roster->peer[k].name, word) == 0)
			return k;
	return SL_DEPLOY_NOBODY;
}

/* endpoint: of a peer that may be admitted later; NULL: it has to be in the roster. */
static enum sl_status add_peer(struct reading *r, const char *word, const char *endpoint)
{
	struct sl_deploy_hosts *h = r->out;
	struct sl_endpoint form;
	struct sl_deploy_peer peer = { .number = find(r->roster, word), .host = h->hosts - 1 };
	if (peer.number == SL_DEPLOY_NOBODY && !endpoint)
		return sl_fail(r->error, SL_NOT_FOUND,
		               "%s:%u: the roster has no peer '%s' (it has %" PRIu32
		               " peers); for a host that has yet to enrol, write HOST NAME ENDPOINT",
		               r->path, r->line, word, r->roster->topology.peers);
	if (peer.number == SL_DEPLOY_NOBODY) {
		if (!plain(word, "") || strlen(word) >= sizeof peer.name)
			return sl_fail(r->error, SL_MALFORMED,
			               "%s:%u: '%s': must be a name of letters, digits, '-', '_' and '.'",
			               r->path, r->line, word);
		if (!plain(endpoint, ":/[]%") || strlen(endpoint) >= sizeof peer.endpoint ||
		    sl_endpoint_parse(&form, endpoint, r->error) != SL_OK)
			return sl_fail(r->error, SL_MALFORMED,
			               "%s:%u: '%s': must be an endpoint such as tcp://site-3.example:7000",
			               r->path, r->line, endpoint);
		strcpy(peer.name, word);
		strcpy(peer.endpoint, endpoint);
	} else {
		const struct sl_roster_peer *listed = &r->roster->peer[peer.number];
		strcpy(peer.name, listed->name);
		strcpy(peer.endpoint, listed->endpoint);
		peer.gone = listed->gone;
	}
	for (uint32_t i = 0; i < h->peers; i++)
		if (h->peer[i].number == peer.number && strcmp(h->peer[i].name, peer.name) == 0)
			return sl_fail(r->error, SL_MALFORMED, "%s:%u: peer '%s' is listed twice", r->path,
			               r->line, word);
	void *grown = realloc(h->peer, (h->peers + 1) * sizeof *h->peer);
	if (!grown)
		return sl_fail(r->error, SL_NO_MEMORY, "%s: out of memory", r->path);
	h->peer = grown;
	h->peer[h->peers++] = peer;
	return SL_OK;
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
		return sl_fail(r->error, SL_MALFORMED,
		               "%s:%u: host '%s' has no peer: write HOST PEER, such as '%s 0'", r->path,
		               r->line, word[0], word[0]);
	enum sl_status status = add_host(r, word[0]);
	for (unsigned i = 1; i < words && status == SL_OK; i++) {
		const char *endpoint = i + 1 < words && strstr(word[i + 1], "://") ? word[i + 1] : NULL;
		status = add_peer(r, word[i], endpoint);
		i += endpoint != NULL;
	}
	return status;
}

enum sl_status sl_deploy_hosts_read(struct sl_deploy_hosts *out, const char *path,
                                    const struct sl_roster *roster, struct sl_error *error)
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
		status =
		    sl_fail(error, SL_MALFORMED, "%s: lists no host: write a line HOST PEER per host", path);
	return status;
}

void sl_deploy_hosts_free(struct sl_deploy_hosts *h)
{
	free(h->host);
	free(h->peer);
	memset(h, 0, sizeof *h);
}
