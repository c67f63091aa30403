/* door.c — where a peer listens, and how it goes on when the process runs out of descriptors. */
#include "daemon/peer/net/crowd.h"
#include "daemon/peer/net/link.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	OWN_NAME_MS = 3000,
	/* What a process has besides: standard streams, signals, status, history, checkpoint, recording, the
	 * threads of libzmq, look-ups; counted with a quarter more. */
	PROCESS = 48,
	/* A link: a socket, its monitor and ours of it, a connection each way, and a second descriptor of
	 * each by which its bytes are counted. A connection at the door is two. */
	A_LINK = 7,
	A_CONNECTION = 2,
};

/* ---- where it listens ---- */

/* The family of addresses is told by their form: libzmq would have to guess. */
static bool listen_at(struct sl_net *net, const char *endpoint, bool v6)
{
	char bound[SL_TEXT_MAX];
	size_t size = sizeof bound;
	if (!sl_net_number(net->router, ZMQ_IPV6, v6) || zmq_bind(net->router, endpoint) != 0 ||
	    zmq_getsockopt(net->router, ZMQ_LAST_ENDPOINT, bound, &size) != 0)
		return false;
	if (!net->endpoint[0])
		snprintf(net->endpoint, sizeof net->endpoint, "%s", bound);
	return true;
}

/* Behind a name or an address translation the port on all addresses is right: the door is the same, strangers
 * have no key. */
static bool listen_everywhere(struct sl_net *net, uint16_t port, const char *why)
{
	char endpoint[32];
	snprintf(endpoint, sizeof endpoint, "tcp://*:%u", port);
	if (!listen_at(net, endpoint, true) && (errno == EADDRINUSE || !listen_at(net, endpoint, false)))
		return false;
	sl_net_tell(net, SL_LEVEL_NOTICE, "listens-everywhere", "%s", why);
	return true;
}

/* Waits for the answer, in which there may be nothing; before the loop turns, so that it is no neighbour who
 * waits. */
static void own_addresses(struct sl_net *net, const char *name, struct sl_resolved *out)
{
	struct pollfd item = { .fd = sl_resolver_descriptor(net->resolver), .events = POLLIN };
	*out = (struct sl_resolved){ .reason = "no answer" };
	if (sl_resolver_ask(net->resolver, name, UINT32_MAX) && poll(&item, 1, OWN_NAME_MS) == 1)
		sl_resolver_take(net->resolver, out);
}

/* Debian lets a host's own name lead to 127.0.1.1, where no other host gets in. */
static bool leads_here(const struct sl_address *a, const char *name)
{
	return sl_address_local(a) && (!sl_address_loopback(a) || strcmp(name, "localhost") == 0);
}

static bool listen_at_name(struct sl_net *net, const struct sl_endpoint *own)
{
	char endpoint[SL_TEXT_MAX], why[SL_TEXT_MAX + 256];
	struct sl_resolved found;
	own_addresses(net, own->host, &found);
	for (unsigned i = 0; i < found.count; i++) {
		sl_address_endpoint(&found.address[i], own->port, endpoint);
		if (leads_here(&found.address[i], own->host) &&
		    !listen_at(net, endpoint, found.address[i].v6))
			return false;
	}
	if (net->endpoint[0])
		return true;
	if (found.count)
		snprintf(
		    why, sizeof why,
		    "%s is %s, not an address of this host that others can reach: listening on port %u of all addresses",
		    own->host, found.address[0].text, own->port);
	else
		snprintf(
		    why, sizeof why,
		    "%s, this peer's own name, does not resolve (%s): listening on port %u of all addresses",
		    own->host, found.reason, own->port);
	return listen_everywhere(net, own->port, why);
}

static bool listen_at_address(struct sl_net *net, const struct sl_endpoint *own)
{
	char why[SL_ADDRESS_TEXT + 96];
	struct sl_address a = { .v6 = strchr(own->host, ':') != NULL };
	snprintf(a.text, sizeof a.text, "%.*s", (int)sizeof a.text - 1, own->host);
	if (sl_address_local(&a))
		return listen_at(net, net->own, a.v6);
	snprintf(why, sizeof why, "%s is not an address of this host: listening on port %u of all addresses",
	         a.text, own->port);
	return listen_everywhere(net, own->port, why);
}

enum sl_status sl_net_open_door(struct sl_net *net, struct sl_error *error)
{
	struct sl_endpoint own;
	enum sl_status status = sl_endpoint_parse(&own, net->own, error);
	if (status != SL_OK)
		return status;
	bool good = own.kind == SL_ENDPOINT_PATH   ? listen_at(net, net->own, false)
	            : own.kind == SL_ENDPOINT_NAME ? listen_at_name(net, &own)
	                                           : listen_at_address(net, &own);
	return good ? SL_OK : sl_fail(error, SL_IO, "%s: cannot listen: %s", net->own, zmq_strerror(errno));
}

/* ---- who waits there ---- */

static unsigned allowance(const void *context, const struct sl_host *host)
{
	const struct sl_net *net = context;
	unsigned neighbours = 0;
	for (uint32_t i = 0; i < net->degree; i++)
		neighbours += sl_net_lives_at(&net->link[i], host);
	return neighbours ? SL_NET_HOST_SLACK + SL_NET_SILENT_EDGE * neighbours : 0;
}

/* An eighth of the descriptors that nothing else may need: a connection has two. */
static unsigned guests(const struct sl_net *net)
{
	struct rlimit files;
	unsigned needed = sl_net_descriptors_for(net->degree);
	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur <= needed)
		return SL_NET_GUESTS;
	uint64_t more = (files.rlim_cur - needed) / 8;
	return more < SL_NET_GUESTS_MOST - SL_NET_GUESTS ? SL_NET_GUESTS + (unsigned)more
	                                                 : SL_NET_GUESTS_MOST;
}

void sl_net_admit(struct sl_net *net)
{
	char address[64];
	struct sl_crowd_limits limits = { guests(net), allowance, net };
	if (sl_crowd_admit(&net->traffic, &limits, net->now, address))
		sl_net_say(net, &net->crowd_burst, SL_LEVEL_WARNING, "crowd",
		           "closed a connection from %s: too many wait for their authentication", address);
}

/* ---- descriptors ---- */

unsigned sl_net_descriptors_for(uint32_t degree)
{
	return PROCESS + SL_NET_RESERVE + A_LINK * degree +
	       A_CONNECTION * (SL_NET_GUESTS + SL_NET_SILENT_EDGE * degree);
}

/* Whether fewer are left than the rest of the process may want at any moment. */
static bool scarce(uint64_t *limit)
{
	struct rlimit files;
	int fd = eventfd(0, EFD_CLOEXEC);
	bool none = fd < 0;
	*limit = getrlimit(RLIMIT_NOFILE, &files) == 0 ? files.rlim_cur : UINT64_MAX;
	if (fd >= 0)
		close(fd);
	return none || (uint64_t)fd + SL_NET_RESERVE >= *limit;
}

void sl_net_listens(struct sl_net *net, int fd)
{
	int flags = fcntl(fd, F_GETFL);
	if (net->listeners == SL_RESOLVED_MAX || flags < 0)
		return;
	fcntl(fd, F_SETFL, flags | O_NONBLOCK); /* two accept now */
	net->listener[net->listeners++] = fd;
}

/* Accepts and closes what waits. Without a free descriptor the spare one is given up for it. */
static void hang_up_on_all(struct sl_net *net, int listener)
{
	int fd;
	do {
		while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
			close(fd);
		if ((errno != EMFILE && errno != ENFILE) || net->spare < 0)
			return;
		close(net->spare);
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			close(fd);
		net->spare = eventfd(0, EFD_CLOEXEC);
	} while (fd >= 0);
}

/* Unbinding would end what has come in by that door. So the kernel drops who knocks, who then knocks again,
 * and what waits is hung up on; without that, libzmq would try to accept it, in vain, all the time. */
static void shut_door(struct sl_net *net)
{
	static const struct sock_filter drop = { .code = BPF_RET | BPF_K, .k = 0 };
	struct sock_fprog nobody = { .len = 1, .filter = (struct sock_filter *)&drop };
	for (unsigned i = 0; i < net->listeners; i++) {
		setsockopt(net->listener[i], SOL_SOCKET, SO_ATTACH_FILTER, &nobody, sizeof nobody);
		hang_up_on_all(net, net->listener[i]);
	}
}

static void open_door(const struct sl_net *net)
{
	int none = 0;
	for (unsigned i = 0; i < net->listeners; i++)
		setsockopt(net->listener[i], SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof none);
}

void sl_net_watch_door(struct sl_net *net)
{
	uint64_t limit;
	bool was = net->shut;
	if (net->spare < 0)
		net->spare = eventfd(0, EFD_CLOEXEC);
	net->shut = scarce(&limit);
	if (net->shut) {
		shut_door(net);
		sl_traffic_shut_silent(&net->traffic);
	} else if (was) {
		open_door(net);
	}
	if (net->shut && !was)
		sl_net_say(net, &net->scarce_burst, SL_LEVEL_WARNING, "no-descriptors",
		           "almost out of file descriptors (limit %" PRIu64
		           "): new connections are refused until some are free",
		           limit);
}
