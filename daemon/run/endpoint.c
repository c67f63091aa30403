#include "daemon/run/endpoint.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { NAME_MOST = 253, LABEL_MOST = 63, PORT_DIGITS = 5 };

/* ---- the forms ---- */

static enum sl_status bad(const char *text, const char *why, struct sl_error *error)
{
	return sl_fail(error, SL_MALFORMED, "endpoint '%s' %s", text, why);
}

static bool port_good(const char *text, uint16_t *port)
{
	size_t n = strspn(text, "0123456789");
	unsigned long v = strtoul(text, NULL, 10);
	*port = (uint16_t)v;
	return n > 0 && n <= PORT_DIGITS && text[n] == '\0' && v > 0 && v <= UINT16_MAX;
}

static enum sl_status take_path(struct sl_endpoint *out, const char *text, struct sl_error *error)
{
	const char *path = text + strlen("ipc://");
	if (path[0] == '*')
		return bad(text, "has no path; use for example ipc:///run/starling/3", error);
	if (strlen(path) >= sizeof((struct sockaddr_un *)0)->sun_path)
		return bad(text, "has a path longer than 107 characters, the limit of sockets", error);
	out->kind = SL_ENDPOINT_PATH;
	snprintf(out->host, sizeof out->host, "%s", path);
	return SL_OK;
}

static enum sl_status take_v4(const char *text, const struct in_addr *address, struct sl_error *error)
{
	uint32_t a = ntohl(address->s_addr);
	if (a >> 24 == 0)
		return bad(
		    text,
		    "means all addresses of a host; neighbours need one that reaches this host, such as tcp://192.0.2.7:7000",
		    error);
	if (a >> 28 >= 14)
		return bad(text, "is not the address of a single host", error);
	return SL_OK;
}

static enum sl_status take_v6(const char *text, const struct in6_addr *address, struct sl_error *error)
{
	if (IN6_IS_ADDR_UNSPECIFIED(address))
		return bad(
		    text,
		    "means all addresses of a host; neighbours need one that reaches this host, such as tcp://[2001:db8::7]:7000",
		    error);
	if (IN6_IS_ADDR_MULTICAST(address))
		return bad(text, "is not the address of a single host", error);
	if (IN6_IS_ADDR_LINKLOCAL(address))
		return bad(
		    text,
		    "is valid on one link only; give an address that all neighbours can reach, or a name",
		    error);
	return SL_OK;
}

static bool label_good(const char *label, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)label[i]) && label[i] != '_' && (label[i] != '-' || i == 0))
			return false;
	return length > 0 && length <= LABEL_MOST && label[length - 1] != '-';
}

static bool name_good(const char *host, const char **last)
{
	if (strlen(host) > NAME_MOST)
		return false;
	for (const char *at = host;;) {
		size_t n = strcspn(at, ".");
		if (!label_good(at, n))
			return false;
		*last = at;
		if (!at[n] || !at[n + 1]) /* one dot may stand at the end */
			return true;
		at += n + 1;
	}
}

/* Some resolvers take a name that ends in a number for an abbreviated address. */
static enum sl_status take_name(const char *text, const char *host, struct sl_error *error)
{
	const char *last = host;
	if (!name_good(host, &last))
		return bad(
		    text,
		    "contains neither an address nor a host name; use for example tcp://192.0.2.7:7000, tcp://[2001:db8::7]:7000 or tcp://host.example:7000",
		    error);
	if (strspn(last, "0123456789") == strcspn(last, ".") || strncasecmp(last, "0x", 2) == 0)
		return bad(
		    text,
		    "contains no valid IPv4 address, which is four numbers from 0 to 255, such as tcp://192.0.2.7:7000",
		    error);
	return SL_OK;
}

static enum sl_status take_host(struct sl_endpoint *out, const char *text, bool brackets,
                                struct sl_error *error)
{
	struct in_addr v4;
	struct in6_addr v6;
	out->kind = SL_ENDPOINT_ADDRESS;
	if (inet_pton(AF_INET6, out->host, &v6) == 1)
		return brackets
		           ? take_v6(text, &v6, error)
		           : bad(text, "needs brackets around its IPv6 address, such as tcp://[::1]:7000",
		                 error);
	if (brackets)
		return bad(text, "has no valid IPv6 address in its brackets", error);
	if (inet_pton(AF_INET, out->host, &v4) == 1)
		return take_v4(text, &v4, error);
	out->kind = SL_ENDPOINT_NAME;
	if (out->host[0] == '*')
		return bad(
		    text,
		    "is an address to listen at, not one to connect to; give the address or name of this host, such as tcp://192.0.2.7:7000",
		    error);
	if (strchr(out->host, ';'))
		return bad(
		    text,
		    "contains an interface or a source address; give the address that neighbours connect to, such as tcp://192.0.2.7:7000",
		    error);
	return take_name(text, out->host, error);
}

enum sl_status sl_endpoint_parse(struct sl_endpoint *out, const char *text, struct sl_error *error)
{
	const char *host = text + strlen("tcp://"), *colon = strrchr(text, ':');
	bool tcp = strncmp(text, "tcp://", 6) == 0, ipc = strncmp(text, "ipc://", 6) == 0;
	*out = (struct sl_endpoint){ 0 };
	if (sl_endpoint_dials(text)) {
		out->kind = SL_ENDPOINT_DIAL_ONLY;
		return SL_OK;
	}
	if (ipc && text[6] && strlen(text) < SL_TEXT_MAX)
		return take_path(out, text, error);
	if (!tcp || strlen(text) >= SL_TEXT_MAX || colon <= host || !port_good(colon + 1, &out->port))
		return sl_fail(
		    error, SL_MALFORMED,
		    "endpoint '%.200s' must be tcp://ADDRESS:PORT, ipc://PATH or dial-only, at most %d characters",
		    text, SL_TEXT_MAX - 1);
	size_t length = (size_t)(colon - host);
	bool brackets = length >= 2 && host[0] == '[' && host[length - 1] == ']';
	snprintf(out->host, sizeof out->host, "%.*s", (int)(length - 2 * brackets), host + brackets);
	return take_host(out, text, brackets, error);
}

/* ---- addresses ---- */

bool sl_address_of(struct sl_address *out, const struct sockaddr *from)
{
	socklen_t size =
	    from->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	out->v6 = from->sa_family == AF_INET6;
	return (out->v6 || from->sa_family == AF_INET) &&
	       getnameinfo(from, size, out->text, sizeof out->text, NULL, 0, NI_NUMERICHOST) == 0;
}

void sl_address_endpoint(const struct sl_address *a, uint16_t port, char out[static SL_TEXT_MAX])
{
	snprintf(out, SL_TEXT_MAX, a->v6 ? "tcp://[%s]:%u" : "tcp://%s:%u", a->text, port);
}

static bool to_sockaddr(const struct sl_address *a, struct sockaddr_storage *out, socklen_t *size)
{
	struct addrinfo *found, hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM };
	if (getaddrinfo(a->text, NULL, &hints, &found) != 0)
		return false;
	memcpy(out, found->ai_addr, found->ai_addrlen);
	*size = found->ai_addrlen;
	freeaddrinfo(found);
	return true;
}

bool sl_address_local(const struct sl_address *a)
{
	struct sockaddr_storage address;
	socklen_t size;
	if (!to_sockaddr(a, &address, &size))
		return false;
	int s = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool local = s >= 0 && bind(s, (const struct sockaddr *)&address, size) == 0;
	if (s >= 0)
		close(s);
	return local;
}

int sl_endpoint_route(const char *endpoint)
{
	struct sl_error error;
	struct sl_endpoint form;
	struct sockaddr_storage to;
	socklen_t size;
	struct sl_address a = { .v6 = false };
	if (sl_endpoint_parse(&form, endpoint, &error) != SL_OK || form.kind != SL_ENDPOINT_ADDRESS)
		return 0;
	snprintf(a.text, sizeof a.text, "%.*s", (int)sizeof a.text - 1, form.host);
	int s = to_sockaddr(&a, &to, &size) ? socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
	int failure = s >= 0 && connect(s, (const struct sockaddr *)&to, size) != 0 ? errno : 0;
	if (s >= 0)
		close(s);
	return failure;
}

bool sl_address_loopback(const struct sl_address *a)
{
	return a->v6 ? strcmp(a->text, "::1") == 0 : strncmp(a->text, "127.", 4) == 0;
}
