#include "daemon/peer/net/net.h"

#include "daemon/peer/net/crowd.h"
#include "daemon/peer/net/link.h"
#include "daemon/run/clock.h"
#include "daemon/run/endpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Hidden behind the draft switch of zmq.h, honoured by the library all the same. */
enum { ZAP_ENFORCE_DOMAIN = 93 };

enum {
	ZAP_A_TURN = 32,
	DROPS_A_CALL = 64,
	ROUTER_FIXED = 4, /* descriptors that are no neighbour's monitor */
	SOCKETS_MOST = 16 + 2 * 3 * SL_DEGREE_MAX,
};

static enum sl_status open_router(struct sl_net *net, const struct sl_net_setup *setup,
                                  struct sl_error *error)
{
	net->router = zmq_socket(net->context, ZMQ_ROUTER);
	bool good = net->router && sl_net_configure(net->router, setup) &&
	            sl_net_number(net->router, ZMQ_CURVE_SERVER, 1) && sl_net_answers_back(net->router) &&
	            sl_net_bytes(net->router, ZMQ_ZAP_DOMAIN, sl_zap_domain, strlen(sl_zap_domain));
	if (good) /* refused by a library without it: then no User-Id, no message is what keeps strangers out
	           */
		sl_net_number(net->router, ZAP_ENFORCE_DOMAIN, 1);
	good = good && (net->monitor = sl_net_watch(net, net->router, 0)) != NULL;
	if (!good)
		return sl_fail(error, SL_IO, "cannot make the receiving socket: %s", zmq_strerror(errno));
	return net->dials ? SL_OK : sl_net_open_door(net, error);
}

enum sl_status sl_net_open_link(struct sl_net *net, const struct sl_net_setup *setup,
                                const struct sl_net_neighbour *n, uint32_t user, struct sl_net_link *l,
                                struct sl_error *error)
{
	*l = (struct sl_net_link){
		.peer = n->peer, .retry_at = SL_TIME_NEVER, .place.ask_at = SL_TIME_NEVER, .user = user
	};
	snprintf(l->endpoint, sizeof l->endpoint, "%s", n->endpoint);
	l->inward = sl_endpoint_dials(n->endpoint);
	l->dealer = zmq_socket(net->context, ZMQ_DEALER);
	if (l->dealer && sl_net_configure(l->dealer, setup) && sl_net_only_sends(l->dealer) &&
	    sl_net_bytes(l->dealer, ZMQ_CURVE_SERVERKEY, n->curve_public, SL_KEY_BYTES) &&
	    (l->monitor = sl_net_watch(net, l->dealer, (int)net->watched++)) != NULL)
		return sl_net_place(net, l, error) == SL_OK ? SL_OK
		                                            : sl_wrap(error, "peer %" PRIu32, l->peer);
	return sl_fail(error, SL_IO, "peer %" PRIu32 " at %s: %s", l->peer, l->endpoint, zmq_strerror(errno));
}

enum sl_status sl_net_open(struct sl_net *net, const struct sl_net_setup *setup, struct sl_error *error)
{
	char version[16];
	memset(net, 0, sizeof *net);
	enum sl_status status = sl_net_library(version, error);
	if (status != SL_OK)
		return status;
	zmq_msg_init(&net->message);
	net->spare = -1;
	net->degree = setup->degree;
	net->message_max = setup->frame_max;
	net->notice = setup->notice;
	net->notice_context = setup->context;
	net->link = calloc(setup->degree + 1, sizeof *net->link);
	net->key = calloc(setup->degree + 1, sizeof *net->key);
	net->received = calloc(setup->degree + 1, sizeof *net->received);
	net->context = zmq_ctx_new();
	if (net->context) /* three a neighbour, twice while neighbours change */
		zmq_ctx_set(net->context, ZMQ_MAX_SOCKETS, SOCKETS_MOST);
	net->now = sl_clock();
	snprintf(net->own, sizeof net->own, "%s", setup->endpoint);
	net->dials = sl_endpoint_dials(setup->endpoint);
	if (!net->link || !net->key || !net->received || !net->context)
		status = sl_fail(error, SL_NO_MEMORY, "no memory for %" PRIu32 " links", setup->degree);
	net->zap.key = net->key;
	net->zap.keys = setup->degree;
	net->zap.stranger = sl_net_stranger;
	net->zap.context = net;
	for (uint32_t i = 0; i < setup->degree && status == SL_OK; i++) {
		memcpy(net->key[i].curve, setup->neighbours[i].curve_public, SL_KEY_BYTES);
		net->key[i].user = i;
	}
	net->next_user = setup->degree;
	net->watched = 1;
	if (status == SL_OK && !(net->resolver = sl_resolver_open(error)))
		status = error->status;
	if (status == SL_OK)
		status = sl_zap_open(&net->zap, net->context, error); /* before the door it guards */
	if (status == SL_OK)
		status = open_router(net, setup, error);
	for (uint32_t i = 0; i < setup->degree && status == SL_OK; i++)
		status = sl_net_open_link(net, setup, &setup->neighbours[i], i, &net->link[i], error);
	net->again = true; /* what happened while opening is announced to nobody */
	if (status != SL_OK)
		sl_net_close(net);
	return status;
}

void sl_net_close_link(struct sl_net_link *l)
{
	sl_net_close_watched(l->dealer, l->monitor);
	l->dealer = l->monitor = NULL;
}

void sl_net_close(struct sl_net *net)
{
	int keep = errno;
	if (!net->context)
		return;
	zmq_msg_close(&net->message);
	for (uint32_t i = 0; net->link && i < net->degree; i++)
		sl_net_close_link(&net->link[i]);
	sl_net_close_watched(net->router, net->monitor);
	sl_zap_close(&net->zap);
	sl_resolver_close(net->resolver);
	sl_traffic_free(&net->traffic);
	if (net->spare >= 0)
		close(net->spare);
	zmq_ctx_term(net->context);
	free(net->link);
	free(net->key);
	free(net->received);
	memset(net, 0, sizeof *net);
	errno = keep;
}

enum sl_status sl_net_reopen(struct sl_net *net, const struct sl_net_setup *setup, struct sl_error *error)
{
	struct sl_traffic_sum sum = sl_traffic_total(&net->traffic);
	int64_t left = sl_traffic_left(&net->traffic);
	uint64_t pace = net->traffic.pace;
	sl_net_close(net);
	enum sl_status status = sl_net_open(net, setup, error);
	net->traffic.closed.tx += sum.tx;
	net->traffic.closed.rx += sum.rx;
	net->traffic.closed.resent += sum.resent;
	net->traffic.closed_left += left;
	net->traffic.pace = pace; /* of connections from now on */
	return status;
}

/* ---- the loop's side ---- */

static int descriptor(void *socket)
{
	int fd = -1;
	size_t size = sizeof fd;
	zmq_getsockopt(socket, ZMQ_FD, &fd, &size);
	return fd;
}

unsigned sl_net_descriptors(const struct sl_net *net)
{
	return ROUTER_FIXED + net->degree * (net->dials ? 2 : 1);
}

void sl_net_poll(const struct sl_net *net, struct pollfd *out)
{
	out[0] = (struct pollfd){ .fd = descriptor(net->router), .events = POLLIN };
	out[1] = (struct pollfd){ .fd = descriptor(net->zap.socket), .events = POLLIN };
	out[2] = (struct pollfd){ .fd = descriptor(net->monitor), .events = POLLIN };
	out[3] = (struct pollfd){ .fd = sl_resolver_descriptor(net->resolver), .events = POLLIN };
	for (uint32_t i = 0; i < net->degree; i++)
		out[ROUTER_FIXED + i] =
		    (struct pollfd){ .fd = descriptor(net->link[i].monitor), .events = POLLIN };
	for (uint32_t i = 0; net->dials && i < net->degree; i++)
		out[ROUTER_FIXED + net->degree + i] =
		    (struct pollfd){ .fd = descriptor(net->link[i].dealer), .events = POLLIN };
}

/* What need not be on time. */
static void watch_links(struct sl_net *net)
{
	for (uint32_t i = 0; i < net->degree; i++) {
		struct sl_net_link *l = &net->link[i];
		if (!l->up && !sl_time_before(net->now, l->place.ask_at))
			sl_net_ask(net, l);
		sl_net_watch_trouble(net, l);
	}
}

void sl_net_turn(struct sl_net *net, const struct pollfd *items, struct sl_time now)
{
	bool all = net->again;
	net->again = false;
	net->now = now;
	net->readable = net->readable || all || items[0].revents;
	if (!sl_time_before(now, net->weigh_at)) {
		sl_net_weigh(net);
		sl_net_watch_door(net);
		watch_links(net);
	}
	if (all || items[3].revents)
		sl_net_answers(net);
	if ((all || items[1].revents) && sl_zap_serve(&net->zap, ZAP_A_TURN))
		net->again = true;
	if (all || items[2].revents)
		sl_net_follow(net, net->monitor, NULL);
	for (uint32_t i = 0; i < net->degree; i++) {
		struct sl_net_link *l = &net->link[i];
		if (all || items[ROUTER_FIXED + i].revents)
			sl_net_follow(net, l->monitor, l);
		if (net->dials && items[ROUTER_FIXED + net->degree + i].revents)
			net->readable = true;
		if (!sl_time_before(now, l->retry_at))
			sl_net_reconnect(net, l);
	}
}

struct sl_time sl_net_deadline(const struct sl_net *net)
{
	struct sl_time due = net->again || net->readable ? net->now : SL_TIME_NEVER;
	for (uint32_t i = 0; i < net->degree; i++) {
		due = sl_time_earlier(due, net->link[i].retry_at);
		if (net->link[i].told_full)
			due = sl_time_earlier(due, sl_time_after(net->now, SL_NET_ROOM_EVERY_US));
	}
	return sl_time_earlier(due, net->weigh_at);
}

/* By the connection that the neighbour has opened. The routing id finds it, or the neighbour is gone, or its queue is
 * full; then the message itself is taken. */
static bool answer(struct sl_net *net, struct sl_net_link *l, zmq_msg_t *message)
{
	if (!l->up)
		return false;
	if (zmq_send(net->router, l->route, l->route_length, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
		if (errno == EHOSTUNREACH)
			sl_net_route_lost(net, l);
		return false;
	}
	return zmq_msg_send(message, net->router, ZMQ_DONTWAIT) >= 0;
}

/* A socket that also receives takes in what has come when it sends, and its descriptor then says nothing of that. */
static bool hand_over(struct sl_net *net, struct sl_net_link *l, zmq_msg_t *message)
{
	net->readable = net->readable || l->inward || net->dials;
	if (l->inward)
		return answer(net, l, message);
	if (zmq_msg_send(message, l->dealer, ZMQ_DONTWAIT) >= 0)
		return true;
	if (!l->up)
		return false;
	sl_net_see_connections(l);
	return zmq_msg_send(message, l->dealer, ZMQ_DONTWAIT) >= 0;
}

/* Takes the message, whatever comes of it. */
static bool send_message(struct sl_net *net, uint32_t edge, zmq_msg_t *message)
{
	SL_CHECK(edge < net->degree);
	struct sl_net_link *l = &net->link[edge];
	size_t length = zmq_msg_size(message);
	/* Both ends count what follows a greeting: nothing may follow a message that was dropped before the peer knows of it. */
	if (!(l->up && l->full) && hand_over(net, l, message)) {
		l->parked_length = 0;
		return true;
	}
	l->full = l->full || l->up;
	net->changed = true;
	if (!l->up && length <= sizeof l->parked) {
		memcpy(l->parked, zmq_msg_data(message), length);
		l->parked_length = length;
	}
	zmq_msg_close(message);
	net->unsent++;
	return false;
}

bool sl_net_send(struct sl_net *net, uint32_t edge, const uint8_t *header, size_t header_length,
                 const uint8_t *body, size_t body_length)
{
	zmq_msg_t message;
	if (zmq_msg_init_size(&message, header_length + body_length) != 0)
		return false;
	uint8_t *to = zmq_msg_data(&message);
	memcpy(to, header, header_length);
	if (body_length)
		memcpy(to + header_length, body, body_length);
	return send_message(net, edge, &message);
}

/* libzmq calls this when it no longer needs the bytes, on a thread of its own or on the caller's. The count is atomic, so everything
 * that was done to the bytes before happens before they are freed. */
static void let_go(void *bytes, void *count)
{
	atomic_fetch_sub((atomic_uint *)count, 1);
	free(bytes);
}

bool sl_net_give(struct sl_net *net, uint32_t edge, uint8_t *bytes, size_t length)
{
	zmq_msg_t message;
	atomic_fetch_add(&net->given, 1);
	if (zmq_msg_init_data(&message, bytes, length, let_go, &net->given) == 0)
		return send_message(net, edge, &message);
	let_go(bytes, &net->given);
	return false;
}

/* The edge whose key was proven for this message, or −1. libzmq sets User-Id from our own answers alone. */
static int64_t proven(const struct sl_net *net, const zmq_msg_t *message)
{
	const char *user = zmq_msg_gets(message, "User-Id");
	if (!user || user[0] < '0' || user[0] > '9')
		return -1;
	unsigned long number = strtoul(user, NULL, 10);
	if (number < net->degree && net->link[number].user == number)
		return (int64_t)number;
	for (uint32_t i = 0; i < net->degree; i++) /* once neighbours have changed */
		if (net->link[i].user == number)
			return i;
	return -1;
}

/* The descriptor of the connection that it came on, as libzmq knows it. */
static int came_on(const zmq_msg_t *message)
{
	const char *fd = zmq_msg_gets(message, "__fd");
	return fd ? (int)strtol(fd, NULL, 10) : -1;
}

void sl_net_close_edge(struct sl_net *net, uint32_t edge, bool closed)
{
	SL_CHECK(edge < net->degree);
	net->link[edge].closed = net->key[edge].closed = closed;
	if (closed)
		sl_traffic_shut_edge(&net->traffic, edge);
	if (closed && net->dials)
		sl_traffic_shut_owner(&net->traffic, net->link[edge].user + 1);
}

/* One whole message from a socket; the part number `kept` is kept. */
static unsigned take_parts(struct sl_net *net, void *socket, unsigned kept)
{
	zmq_msg_t part;
	unsigned parts = 0;
	bool more = true;
	zmq_msg_init(&part);
	while (more) {
		zmq_msg_t *to = parts == kept ? &net->message : &part;
		if (zmq_msg_recv(to, socket, ZMQ_DONTWAIT) < 0)
			break;
		if (parts == 0 && kept == 1) {
			net->from_length = zmq_msg_size(&part) <= sizeof net->from ? zmq_msg_size(&part) : 0;
			memcpy(net->from, zmq_msg_data(&part), net->from_length);
		}
		parts++;
		more = zmq_msg_more(to);
	}
	zmq_msg_close(&part);
	return parts;
}

/* The number of parts behind the routing id, and whose it is: −1: nobody's. 0 parts: none waits. */
static unsigned take(struct sl_net *net, int64_t *from)
{
	unsigned parts = take_parts(net, net->router, 1);
	*from = parts > 1 ? proven(net, &net->message) : -1;
	for (uint32_t i = 0; parts == 0 && net->dials && i < net->degree;
	     i++) { /* only their own servers send there */
		*from = (net->turn + i) % net->degree;
		parts = take_parts(net, net->link[*from].dealer, 0);
		if (parts > 0) {
			net->turn = (uint32_t)*from + 1;
			return parts;
		}
	}
	return parts > 1 ? parts - 1 : parts;
}

static void drop(struct sl_net *net)
{
	net->unproven++;
	sl_net_say(net, &net->unproven_burst, SL_LEVEL_WARNING, "stranger",
	           "dropped a message from an unauthenticated sender");
}

/* The first message of a connection: a key has few of them, and where it comes from its next ones may wait. */
static void spoke(struct sl_net *net, struct sl_net_link *l, uint32_t edge)
{
	struct sl_host host;
	if (!net->traffic.silent || !sl_traffic_spoke(&net->traffic, came_on(&net->message), edge, &host))
		return;
	l->proven = host;
	if (sl_crowd_of_key(&net->traffic, edge))
		sl_net_say(net, &net->key_burst, SL_LEVEL_NOTICE, "crowd",
		           "peer %" PRIu32
		           " has more than %d connections to this peer: closed the older ones",
		           l->peer, SL_CROWD_KEY);
}

/* A message of a dial-only neighbour: by a newer connection than before, ours go there too. The monitor is read first, as
 * descriptors have the numbers of connections that have ended. */
static void adopt_route(struct sl_net *net, struct sl_net_link *l)
{
	if (l->up && net->from_length == l->route_length && memcmp(net->from, l->route, l->route_length) == 0)
		return;
	sl_net_follow(net, net->monitor, NULL);
	sl_net_route_found(net, l, came_on(&net->message));
}

bool sl_net_receive(struct sl_net *net, uint32_t *edge, const uint8_t **bytes, size_t *length)
{
	for (unsigned budget = DROPS_A_CALL; budget > 0; budget--) {
		int64_t from = -1;
		unsigned parts = net->readable ? take(net, &from) : 0;
		if (parts == 0) {
			net->readable = false;
			return false;
		}
		if (from < 0) {
			drop(net);
			continue;
		}
		struct sl_net_link *l = &net->link[from];
		if (l->closed) {
			sl_traffic_shut(&net->traffic, came_on(&net->message));
			continue;
		}
		if (l->inward)
			adopt_route(net, l);
		if (!net->dials)
			spoke(net, l, (uint32_t)from);
		net->shapeless += parts != 1;
		l->heard = true;
		l->heard_at = net->now;
		/* It lives: no need to wait for libzmq's next attempt to reach it. An attempt under way is
		 * left alone: the other end would take its end for a stranger's. */
		if (!l->connected)
			sl_net_follow(net, l->monitor, l);
		if (l->idle && !l->connected && !sl_time_before(net->now, l->kick_at))
			sl_net_reconnect(net, l);
		*edge = (uint32_t)from;
		*bytes = zmq_msg_data(&net->message);
		*length = parts == 1 ? zmq_msg_size(&net->message) : 0; /* of another shape: no frame */
		l->taken += (int64_t)zmq_msg_size(&net->message) + SL_NET_SLACK;
		return true;
	}
	return false;
}

enum sl_status sl_net_library(char version[static 16], struct sl_error *error)
{
	int major, minor, patch;
	zmq_version(&major, &minor, &patch);
	snprintf(version, 16, "%d.%d.%d", major, minor, patch);
	if (major < 4 || (major == 4 && (minor < 3 || (minor == 3 && patch < 3))))
		return sl_fail(error, SL_UNSUPPORTED,
		               "libzmq %s has known vulnerabilities; 4.3.3 or newer is needed", version);
	if (!zmq_has("curve"))
		return sl_fail(error, SL_UNSUPPORTED, "libzmq %s was built without CURVE", version);
	return SL_OK;
}
