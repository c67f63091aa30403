/* endpoint.h — addresses of peers; the kind follows from the form: tcp://ADDRESS:PORT, tcp://[IPV6]:PORT,
 * tcp://NAME:PORT, ipc://PATH, or the word dial-only: a peer that nobody can reach and that opens all its connections. */
#ifndef SL_DAEMON_RUN_ENDPOINT_H
#define SL_DAEMON_RUN_ENDPOINT_H

#include "base/error.h"
#include "base/limits.h"

#include <string.h>

struct sockaddr;

enum sl_endpoint_kind {
	SL_ENDPOINT_PATH,
	SL_ENDPOINT_ADDRESS,
	SL_ENDPOINT_NAME,
	SL_ENDPOINT_DIAL_ONLY, /* no host, no port */
};
#define SL_DIAL_ONLY "dial-only"

struct sl_endpoint {
	enum sl_endpoint_kind kind;
	char host[SL_TEXT_MAX]; /* an address without brackets, or a name; of ipc:// the path */
	uint16_t port;          /* 0 for ipc:// */
};

static inline bool sl_endpoint_dials(const char *text)
{
	return strcmp(text, SL_DIAL_ONLY) == 0;
}

/* Refuses endpoints that another host cannot reach ('*', 0.0.0.0, an interface with a source address), that
 * libzmq would misread (an IPv6 address without brackets), or that are neither address nor name; the error
 * gives the right form. Does no lookups. */
enum sl_status sl_endpoint_parse(struct sl_endpoint *out, const char *text, struct sl_error *error);

/* A numeric address as text: "127.0.0.1", "::1" (with %interface where the kernel needs that). */
enum { SL_ADDRESS_TEXT = 64 };
struct sl_address {
	char text[SL_ADDRESS_TEXT];
	bool v6;
};
/* False: of another family. */
bool sl_address_of(struct sl_address *out, const struct sockaddr *from);
/* "tcp://127.0.0.1:7000", "tcp://[::1]:7000" */
void sl_address_endpoint(const struct sl_address *, uint16_t port, char out[static SL_TEXT_MAX]);
/* Whether this host has it: the kernel lets a socket be bound to it. */
bool sl_address_local(const struct sl_address *);
bool sl_address_loopback(const struct sl_address *);
/* 0, or the errno with which the kernel refuses a route to the endpoint's address; sends nothing. */
int sl_endpoint_route(const char *endpoint);

#endif
