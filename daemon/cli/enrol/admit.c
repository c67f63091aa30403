#include "daemon/cli/enrol/admit.h"

#include "daemon/cli/common/hosts.h"
#include "daemon/run/endpoint.h"
#include "daemon/run/files.h"
#include "daemon/run/founding.h"
#include "daemon/run/roster_of_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REQUESTS_MOST = 64 << 20 };

/* ---- requests ---- */

void sl_requests_free(struct sl_requests *r)
{
	free(r->item);
	*r = (struct sl_requests){ 0 };
}

static bool same(const struct sl_request *a, const struct sl_request *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->endpoint, b->endpoint) == 0 &&
	       memcmp(a->public_key, b->public_key, SL_KEY_BYTES) == 0;
}

/* What two hosts must not share; NULL: they can both take part. */
static const char *clash(const struct sl_request *a, const struct sl_request *b)
{
	return strcmp(a->name, b->name) == 0                                              ? "name"
	       : memcmp(a->public_key, b->public_key, SL_KEY_BYTES) == 0                  ? "key"
	       : strcmp(a->endpoint, b->endpoint) == 0 && !sl_endpoint_dials(a->endpoint) ? "endpoint"
	                                                                                  : NULL;
}

static enum sl_status keep(struct sl_requests *r, const struct sl_request *next, const char *what,
                           struct sl_error *error)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct sl_request *known = &r->item[i];
		if (same(known, next))
			return SL_OK;
		const char *shared = clash(known, next);
		if (shared)
			return sl_fail(
			    error, SL_REFUSED,
			    "%s: %s at %s has the same %s as %s at %s, which has asked before: remove one of the lines",
			    what, next->name, next->endpoint, shared, known->name, known->endpoint);
	}
	if (r->count >= SL_PEERS_MAX)
		return sl_fail(error, SL_TOO_BIG, "%s: over %d requests", what, SL_PEERS_MAX);
	struct sl_request *bigger = realloc(r->item, (r->count + 1) * sizeof *bigger);
	if (!bigger)
		return sl_fail(error, SL_NO_MEMORY, "no memory for %zu requests", r->count + 1);
	r->item = bigger;
	r->item[r->count++] = *next;
	return SL_OK;
}

enum sl_status sl_requests_add(struct sl_requests *r, const char *file, struct sl_error *error)
{
	const char *path = strcmp(file, "-") == 0 ? "/dev/stdin" : file;
	char what[4096 + 32];
	uint8_t *text;
	size_t length;
	unsigned line = 0;
	enum sl_status status = sl_file_read(path, REQUESTS_MOST, &text, &length, error);
	if (status != SL_OK)
		return status;
	const char *at = (const char *)text, *end = at + length;
	while (at < end && status == SL_OK) {
		struct sl_request next;
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t size = (size_t)((newline ? newline : end) - at);
		snprintf(what, sizeof what, "%.4095s:%u", file, ++line);
		if (size > 0)
			status = sl_request_parse(&next, at, size, what, error);
		if (size > 0 && status == SL_OK)
			status = keep(r, &next, what, error);
		at += size + 1;
	}
	free(text);
	return status;
}

/* ---- the first roster ---- */

/* Lines are kept as they came, with their signatures. */
static enum sl_status keep_lines(const char *path, const struct sl_requests *r, size_t count,
                                 struct sl_error *error)
{
	char *text = NULL;
	size_t length = 0;
	FILE *f = open_memstream(&text, &length);
	if (!f)
		return sl_fail(error, SL_NO_MEMORY, "no memory for %zu requests", count);
	for (size_t i = 0; i < count; i++)
		fprintf(f, "%s\n", r->item[i].line);
	enum sl_status status = fclose(f) == 0 ? sl_file_replace(path, text, length, 0644, error)
	                                       : sl_fail(error, SL_NO_MEMORY, "no memory for requests");
	free(text);
	return status;
}

static enum sl_status make_members(struct sl_roster *out, const struct sl_config *config,
                                   const struct sl_requests *all, struct sl_error *error)
{
	bool named;
	uint32_t peers = out->topology.peers;
	out->serial = 1;
	enum sl_status status = sl_run_id_of(config, out->run, &named, error);
	out->bound = named;
	out->peer = calloc(peers, sizeof *out->peer);
	if (status == SL_OK && !out->peer)
		return sl_fail(error, SL_NO_MEMORY, "no memory for %" PRIu32 " peers", peers);
	for (uint32_t k = 0; k < peers && status == SL_OK; k++) {
		const struct sl_request *r = &all->item[k];
		struct sl_roster_peer *peer = &out->peer[k];
		snprintf(peer->name, sizeof peer->name, "%s", r->name);
		snprintf(peer->endpoint, sizeof peer->endpoint, "%s", r->endpoint);
		memcpy(peer->public_key, r->public_key, SL_KEY_BYTES);
		if (!sl_key_to_curve(peer->curve_public, r->public_key))
			status =
			    sl_fail(error, SL_MALFORMED, "%s: its key is not an Ed25519 public key", r->name);
	}
	return status;
}

static enum sl_status sign_first(const struct sl_config *config, struct sl_roster *roster,
                                 struct sl_error *error)
{
	char path[4096];
	struct sl_identity signer;
	enum sl_status status = sl_operator_read(config, &signer, error);
	if (status != SL_OK)
		return status;
	sl_config_path(config, config->settings.host.roster, false, path);
	status = sl_roster_write(roster, path, &signer, error);
	sl_identity_wipe(&signer);
	return status;
}

/* Whether the hosts file of the run lists this host, at this endpoint. */
static enum sl_status check_listed(const struct sl_hosts *hosts, const char *path, const struct sl_request *r,
                                   struct sl_error *error)
{
	uint32_t i = 0;
	while (i < hosts->peers && strcmp(hosts->peer[i].name, r->name) != 0)
		i++;
	if (i == hosts->peers)
		return sl_fail(
		    error, SL_REFUSED,
		    "%s: is not listed in %s: correct the name in that file or on the host; other hosts can be added when the first roster is signed",
		    r->name, path);
	if (strcmp(hosts->peer[i].endpoint, r->endpoint) != 0)
		return sl_fail(
		    error, SL_REFUSED,
		    "%s: asks with the endpoint %s, and %s lists %s: correct that line, or ask again with the listed one",
		    r->name, r->endpoint, path, hosts->peer[i].endpoint);
	return SL_OK;
}

/* Puts the requests into the order of the hosts file; all of it lists them. out->missing ← the others. */
static void order_as_listed(struct sl_requests *all, const struct sl_hosts *hosts, struct sl_first *out)
{
	size_t placed = 0, used = 0;
	for (uint32_t i = 0; i < hosts->peers; i++) {
		size_t k = placed;
		while (k < all->count && strcmp(all->item[k].name, hosts->peer[i].name) != 0)
			k++;
		if (k < all->count) {
			struct sl_request swap = all->item[placed];
			all->item[placed++] = all->item[k];
			all->item[k] = swap;
		} else if (used < sizeof out->missing) {
			used += (size_t)snprintf(out->missing + used, sizeof out->missing - used, "%s%s",
			                         used ? ", " : "", hosts->peer[i].name);
		}
	}
	if (used >= sizeof out->missing)
		strcpy(out->missing + sizeof out->missing - 4, "...");
}

/* With RUN/hosts: checks the requests against it, and orders them by it. */
static enum sl_status compare_hosts(const struct sl_config *config, struct sl_requests *all, uint32_t peers,
                                    struct sl_first *out, struct sl_error *error)
{
	char path[4096];
	struct sl_hosts hosts;
	sl_config_path(config, "hosts", false, path);
	enum sl_status status = sl_hosts_read(&hosts, path, NULL, error);
	if (status == SL_OK && hosts.peers != peers)
		status = sl_fail(error, SL_REFUSED,
		                 "%s: lists %" PRIu32 " peers, and the graph of the run has %" PRIu32, path,
		                 hosts.peers, peers);
	for (size_t i = 0; i < all->count && status == SL_OK; i++)
		status = check_listed(&hosts, path, &all->item[i], error);
	if (status == SL_OK)
		order_as_listed(all, &hosts, out);
	sl_hosts_free(&hosts);
	return status == SL_NOT_FOUND ? SL_OK : status;
}

enum sl_status sl_admit_first(const struct sl_config *config, const struct sl_requests *requests,
                              struct sl_first *out, struct sl_error *error)
{
	char path[4096];
	struct sl_roster roster = { 0 };
	struct sl_requests all = { 0 };
	struct sl_error absent;
	*out = (struct sl_first){ 0 };
	sl_config_path(config, "requests", false, path);
	enum sl_status status = sl_founding_topology(config, &roster.topology, error);
	if (status == SL_OK && sl_requests_add(&all, path, &absent) != SL_OK && absent.status != SL_NOT_FOUND)
		status = sl_fail(error, absent.status, "%s", absent.text);
	for (size_t i = 0; i < requests->count && status == SL_OK; i++)
		status = keep(&all, &requests->item[i], requests->item[i].name, error);
	uint32_t peers = roster.topology.peers;
	if (status == SL_OK)
		status = compare_hosts(config, &all, peers, out, error);
	size_t taken = all.count < peers ? all.count : peers;
	if (status == SL_OK)
		status = keep_lines(path, &all, taken, error);
	if (status == SL_OK && all.count >= peers) {
		status = make_members(&roster, config, &all, error);
		if (status == SL_OK)
			status = sign_first(config, &roster, error);
	}
	out->left = (uint32_t)(peers - taken);
	out->more = all.count > taken;
	sl_requests_free(&all);
	sl_roster_free(&roster);
	return status;
}
