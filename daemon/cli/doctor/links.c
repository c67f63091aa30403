/* links.c — what starling doctor finds about names and ports: of a peer of this host and of its neighbours. */
#include "daemon/cli/doctor/doctor.h"
#include "daemon/run/endpoint.h"
#include "daemon/run/local.h"
#include "daemon/run/status_view.h"

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECT_MS = 3000 };

/* The addresses of an endpoint, or NULL with `why` set. */
static struct addrinfo *look_up(const struct sl_endpoint *endpoint, const char **why)
{
	char port[8];
	struct addrinfo *found = NULL, hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	snprintf(port, sizeof port, "%u", endpoint->port);
	int code = getaddrinfo(endpoint->host, port, &hints, &found);
	*why = code == 0 ? NULL : gai_strerror(code);
	return code == 0 ? found : NULL;
}

/* 0: somebody accepts connections there; else an errno. */
static int connect_to(const struct addrinfo *address)
{
	int error = 0, fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof error;
	if (fd < 0)
		return errno;
	if (connect(fd, address->ai_addr, address->ai_addrlen) != 0)
		error = errno;
	if (error == EINPROGRESS) {
		struct pollfd wait = { .fd = fd, .events = POLLOUT };
		if (poll(&wait, 1, CONNECT_MS) <= 0)
			error = ETIMEDOUT;
		else
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	}
	close(fd);
	return error;
}

static const char *remedy_of(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return "start that peer, or open its port: nothing listens there, or a firewall rejects";
	case ETIMEDOUT:
		return "check that the host is up, and that no firewall drops packets to this port";
	case ENETUNREACH:
	case EHOSTUNREACH:
		return "check the network and the route to that address";
	default:
		return NULL;
	}
}

/* A neighbour on another host, or on this one and not running, need not be up: what fails is said, as a warning. */
static void check_neighbour(struct sl_doctor *d, uint32_t peer, uint32_t neighbour)
{
	const struct sl_roster_peer *other = &d->run.roster.peer[neighbour];
	struct sl_endpoint endpoint;
	struct sl_error error;
	char about[32];
	const char *why;
	snprintf(about, sizeof about, "link %" PRIu32 "-%" PRIu32, peer, neighbour);
	if (sl_endpoint_parse(&endpoint, other->endpoint, &error) != SL_OK) {
		sl_doctor_say(d, SL_FINDING_FAULT, about, NULL, "%s", error.text);
		return;
	}
	if (endpoint.kind == SL_ENDPOINT_PATH || endpoint.kind == SL_ENDPOINT_DIAL_ONLY)
		return;
	struct addrinfo *found = look_up(&endpoint, &why);
	if (!found) {
		sl_doctor_say(d, SL_FINDING_FAULT, about,
		              "check the name, the resolver of this host, and /etc/hosts",
		              "%s: %s does not resolve: %s", other->endpoint, endpoint.host, why);
		return;
	}
	int failure = ENOENT;
	for (const struct addrinfo *at = found; at && failure; at = at->ai_next)
		failure = connect_to(at);
	freeaddrinfo(found);
	if (failure)
		sl_doctor_say(d, SL_FINDING_WARNING, about, remedy_of(failure), "cannot connect to %s: %s",
		              other->endpoint, strerror(failure));
	else
		sl_doctor_say(d, SL_FINDING_OK, about, NULL, "%s accepts connections", other->endpoint);
}

/* Whether the port of a peer that does not run is free: 0, or the errno of bind. */
static int bind_to(const struct addrinfo *address)
{
	int error = 0, yes = 1, fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	if (bind(fd, address->ai_addr, address->ai_addrlen) != 0)
		error = errno;
	close(fd);
	return error;
}

static void check_own_port(struct sl_doctor *d, uint32_t peer)
{
	const char *text = d->run.roster.peer[peer].endpoint, *why;
	struct sl_endpoint endpoint;
	struct sl_error error;
	char about[32];
	snprintf(about, sizeof about, "port %" PRIu32, peer);
	if (sl_endpoint_parse(&endpoint, text, &error) != SL_OK || endpoint.kind == SL_ENDPOINT_PATH ||
	    endpoint.kind == SL_ENDPOINT_DIAL_ONLY)
		return;
	struct addrinfo *found = look_up(&endpoint, &why);
	int failure = found ? bind_to(found) : 0;
	if (!found)
		sl_doctor_say(d, SL_FINDING_FAULT, about,
		              "check the name, the resolver of this host, and /etc/hosts",
		              "%s does not resolve: %s", text, why);
	else if (failure == EADDRINUSE)
		sl_doctor_say(d, SL_FINDING_FAULT, about,
		              "stop that process, or give the peer another port (starling roster --endpoint)",
		              "%s is used by another process", text);
	else if (failure == EADDRNOTAVAIL)
		sl_doctor_say(
		    d, SL_FINDING_WARNING, about,
		    "right behind NAT that forwards the port; else correct it (starling roster --endpoint)",
		    "%s is no address of this host", text);
	else if (failure)
		sl_doctor_say(d, SL_FINDING_FAULT, about, NULL, "%s: %s", text, strerror(failure));
	else
		sl_doctor_say(d, SL_FINDING_OK, about, NULL, "%s is free; the peer does not run", text);
	if (found)
		freeaddrinfo(found);
}

/* What a peer that runs says of itself. */
static void check_running(struct sl_doctor *d, uint32_t peer)
{
	static char line[SL_STATUS_LINE];
	static struct sl_status_view view;
	char about[32], doing[900];
	int64_t pid;
	snprintf(about, sizeof about, "peer %" PRIu32, peer);
	enum sl_status_reply reply = sl_local_ask(&d->run.config, peer, CONNECT_MS, line, sizeof line, &pid);
	if (reply == SL_STATUS_FORBIDDEN) {
		sl_doctor_say(d, SL_FINDING_UNKNOWN, about, "run starling doctor as root",
		              "it runs as another user, and may not be asked");
		return;
	}
	if (reply != SL_STATUS_ANSWERED || !sl_status_view_parse(&view, line)) {
		sl_doctor_say(d, SL_FINDING_FAULT, about, "its log says what it does; kill and restart it",
		              "process %" PRId64 " does not answer", pid);
		return;
	}
	sl_status_view_doing(&view, doing, sizeof doing);
	bool trouble = view.troubles > 0 || view.history[0] || view.checkpoint_failed || view.quarantined;
	sl_doctor_say(d,
	              view.diverging ? SL_FINDING_FAULT
	              : trouble      ? SL_FINDING_WARNING
	                             : SL_FINDING_OK,
	              about, NULL,
	              "round %" PRId64 " of %" PRId64 ", %" PRId64 " of %" PRId64 " links up, %s", view.round,
	              view.rounds, view.edges_up, view.edges, doing);
}

void sl_doctor_links(struct sl_doctor *d, unsigned index)
{
	static struct sl_peer_neighbour neighbour[SL_DEGREE_MAX];
	uint32_t peer = d->peer[index];
	if (d->running[index])
		check_running(d, peer);
	else
		check_own_port(d, peer);
	uint32_t count = sl_run_neighbours(&d->run, peer, neighbour);
	for (uint32_t i = 0; i < count; i++)
		check_neighbour(d, peer, neighbour[i].peer);
}
