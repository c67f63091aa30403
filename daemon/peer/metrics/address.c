#include "daemon/peer/metrics/address.h"

#include "daemon/run/endpoint.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

/* Replaces each "%d" by the peer's number; false: it does not fit. */
static bool number(const char *text, uint32_t peer, char *out, size_t size)
{
	size_t used = 0;
	for (const char *p = text; *p && used < size;) {
		bool here = p[0] == '%' && p[1] == 'd';
		used += here ? (size_t)snprintf(out + used, size - used, "%" PRIu32, peer)
		             : (size_t)snprintf(out + used, size - used, "%c", *p);
		p += here ? 2 : 1;
	}
	if (used == 0)
		out[0] = '\0';
	return used < size;
}

static enum sl_status misplaced(const char *text, const char *what, struct sl_error *error)
{
	return sl_fail(
	    error, SL_MALFORMED,
	    "[metrics] listen = %s: %s: must be unix:PATH, ADDRESS:PORT or [IPV6]:PORT, such as 127.0.0.1:9464 or 127.0.0.1:9400+%%d",
	    text, what);
}

static enum sl_status path(struct sl_metrics_places *out, const struct sl_config *config, const char *text,
                           uint32_t peer, struct sl_error *error)
{
	char named[SL_TEXT_MAX + 16], whole[4096];
	struct sockaddr_un *a = (struct sockaddr_un *)&out->address;
	if (!text[5])
		return misplaced(text, "no path", error);
	if (!number(text + 5, peer, named, sizeof named))
		return misplaced(text, "too long", error);
	sl_config_path(config, named, true, whole);
	if (strlen(whole) >= sizeof a->sun_path)
		return sl_fail(
		    error, SL_TOO_BIG,
		    "[metrics] listen = %s: the path %s has %zu bytes, and the address of a socket at most %zu",
		    text, whole, strlen(whole), sizeof a->sun_path - 1);
	a->sun_family = AF_UNIX;
	memcpy(a->sun_path, whole, strlen(whole) + 1);
	snprintf(out->text, sizeof out->text, "unix:%s", whole);
	out->address_length = sizeof *a;
	return SL_OK;
}

/* "9464", or "9400+%d" plus the peer's number; 0: neither. */
static uint16_t port_of(const char *text, uint32_t peer)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long port = digits > 0 && digits <= 5 ? strtoul(text, NULL, 10) : 0;
	if (strcmp(text + digits, "+%d") == 0)
		port = port ? port + peer : 0;
	else if (text[digits])
		return 0;
	return port <= UINT16_MAX ? (uint16_t)port : 0;
}

static enum sl_status internet(struct sl_metrics_places *out, const char *text, uint32_t peer, bool remote,
                               struct sl_error *error)
{
	char host[SL_ADDRESS_TEXT];
	const char *colon = strrchr(text, ':');
	bool v6 = text[0] == '[' && colon && colon > text && colon[-1] == ']';
	size_t length = colon ? (size_t)(colon - text) - (v6 ? 2 : 0) : 0;
	struct sockaddr_in *four = (struct sockaddr_in *)&out->address;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&out->address;
	if (!colon || length == 0 || length >= sizeof host)
		return misplaced(text, "no address", error);
	snprintf(host, sizeof host, "%.*s", (int)length, text + v6);
	uint16_t port = port_of(colon + 1, peer);
	if (!port)
		return misplaced(text, "no port between 1 and 65535", error);
	if (v6 ? inet_pton(AF_INET6, host, &six->sin6_addr) != 1
	       : inet_pton(AF_INET, host, &four->sin_addr) != 1)
		return misplaced(text, "no numeric address", error);
	bool inside = v6 ? IN6_IS_ADDR_LOOPBACK(&six->sin6_addr) : ntohl(four->sin_addr.s_addr) >> 24 == 127;
	if (!inside && !remote)
		return sl_fail(
		    error, SL_REFUSED,
		    "[metrics] listen = %s: other hosts may reach this address: take 127.0.0.1, or set remote = yes",
		    text);
	if (v6) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(port);
	} else {
		four->sin_family = AF_INET;
		four->sin_port = htons(port);
	}
	out->address_length = v6 ? sizeof *six : sizeof *four;
	snprintf(out->text, sizeof out->text, v6 ? "[%s]:%u" : "%s:%u", host, port);
	return SL_OK;
}

static enum sl_status textfile(struct sl_metrics_places *out, const struct sl_config *config, uint32_t peer,
                               struct sl_error *error)
{
	char named[SL_TEXT_MAX + 64];
	const char *text = config->settings.host.metrics_textfile;
	size_t length = strlen(text);
	if (!length)
		return SL_OK;
	if (length < 6 || strcmp(text + length - 5, ".prom") != 0 || !number(text, peer, named, sizeof named))
		return sl_fail(
		    error, SL_MALFORMED,
		    "[metrics] textfile = %s: must end in .prom, because node_exporter reads no other files",
		    text);
	sl_config_path(config, named, true, out->textfile);
	return SL_OK;
}

enum sl_status sl_metrics_places(struct sl_metrics_places *out, const struct sl_config *config, uint32_t peer,
                                 struct sl_error *error)
{
	const struct sl_host_settings *host = &config->settings.host;
	const char *listen = host->metrics_listen;
	memset(out, 0, sizeof *out);
	enum sl_status status = SL_OK;
	if (strncmp(listen, "unix:", 5) == 0)
		status = path(out, config, listen, peer, error);
	else if (listen[0])
		status = internet(out, listen, peer, host->metrics_remote, error);
	out->listens = status == SL_OK && listen[0];
	return status == SL_OK ? textfile(out, config, peer, error) : status;
}
