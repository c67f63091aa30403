/* link.c — what becomes of connections: libzmq's monitors tell, bytes are counted, those it has given up
 * are tried again. */
#include "daemon/peer/net/link.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum {
	EVENTS_A_TURN = 256,
	ADDRESS_MOST = 256,
	BACK_OFF_FIRST_US = 200000,
	BACK_OFF_MOST_US = 10000000,
	KICK_WORTH_MS = 100, /* libzmq's next attempt is soon enough below */
	CONNECT_SLACK_MS = 500,
	REFUSAL_MOST_MS = 1000,
	FAILURES_BEFORE_WORDS = 3,
	SILENT_BYTES = 4096,    /* more than a handshake has */
	UNREAD_MOST = 16 << 20, /* the kernel's buffers, and our queues */
	UNREAD_FRAMES = 16,
	BESIDES_A_SECOND = 128, /* what is no message of ours */
	WEIGH_EVERY_US = 250000,
	WEIGH_SOON_US = 20000,
};

void sl_net_stranger(void *context, const char *address, const uint8_t *key)
{
	struct sl_net *net = context;
	char hex[17] = "none";
	if (strncmp(address, "::ffff:", 7) == 0)
		address += 7; /* it came over a socket that takes both families */
	if (key)
		sodium_bin2hex(hex, sizeof hex, key, 8);
	sl_net_say(net, &net->stranger_burst, SL_LEVEL_WARNING, "stranger",
	           "refused a connection from %.64s: its key %s… is not a neighbour's", address, hex);
}

/* ---- connections ---- */

static void retry_later(struct sl_net *net, struct sl_net_link *l, const char *why)
{
	l->back_off_us = l->back_off_us ? l->back_off_us * 2 : BACK_OFF_FIRST_US;
	if (l->back_off_us > BACK_OFF_MOST_US)
		l->back_off_us = BACK_OFF_MOST_US;
	l->retry_at = sl_time_after(net->now, l->back_off_us);
	sl_net_troubled(net, l, false, "the listener at %s %s", l->target, why);
	sl_net_try_elsewhere(net, l);
	sl_net_say(net, &l->burst, SL_LEVEL_WARNING, "refused", "peer %" PRIu32 " at %s %s; trying again",
	           l->peer, l->endpoint, why);
}

static void handshake_failed(struct sl_net *net, struct sl_net_link *l)
{
	sl_net_troubled(net, l, false, "the handshake at %s fails", l->target);
	sl_net_try_elsewhere(net, l);
	if (++l->failures >= FAILURES_BEFORE_WORDS)
		sl_net_say(
		    net, &l->burst, SL_LEVEL_WARNING, "handshake-failed",
		    "peer %" PRIu32
		    " at %s: the handshake fails; the listener there has too many connections, or does not hold the key in the roster",
		    l->peer, l->endpoint);
}

/* libzmq does not say why; how long it took and the kernel's routes do. */
static void connect_failed(struct sl_net *net, struct sl_net_link *l)
{
	int64_t took_ms = l->trying ? (net->now.us - l->tried_at.us) / 1000 : 0;
	int failure = sl_endpoint_route(l->target);
	sl_net_troubled(net, l, false, "cannot connect to %s: %s", l->target,
	                took_ms >= SL_NET_CONNECT_MS - CONNECT_SLACK_MS ? "timed out"
	                : failure                                       ? strerror(failure)
	                : took_ms >= REFUSAL_MOST_MS                    ? "no answer"
	                                                                : "refused");
	if (l->retry_at.us == SL_TIME_NEVER.us)
		sl_net_try_elsewhere(net, l);
}

void sl_net_see_connections(struct sl_net_link *l)
{
	int events;
	size_t size = sizeof events;
	zmq_getsockopt(l->dealer, ZMQ_EVENTS, &events, &size);
}

/* The greeting that came too early need not wait for the next one. */
static void send_parked(struct sl_net *net, struct sl_net_link *l)
{
	if (l->parked_length == 0)
		return;
	if (l->inward) {
		if (zmq_send(net->router, l->route, l->route_length, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0)
			zmq_send(net->router, l->parked, l->parked_length, ZMQ_DONTWAIT);
		l->parked_length = 0;
		return;
	}
	sl_net_see_connections(l);
	zmq_send(l->dealer, l->parked, l->parked_length, ZMQ_DONTWAIT);
	l->parked_length = 0;
}

static void handshake_done(struct sl_net *net, struct sl_net_link *l)
{
	net->changed = net->readable = l->up = true;
	l->full = false;
	l->connections++;
	l->acknowledged = l->marked = 0;
	l->busy = false;
	l->up_at = l->moved_at = net->now;
	l->up_us = sl_net_wall_us();
	l->back_off_us = l->turn_us = l->place.ask_every_us = 0;
	l->place.ask_at = SL_TIME_NEVER;
	l->failures = 0;
	sl_net_untroubled(net, l);
	send_parked(net, l);
}

/* Before every attempt but the first. */
static void waits(struct sl_net *net, struct sl_net_link *l, int for_ms)
{
	if (!l->lost)
		connect_failed(net, l);
	l->lost = l->trying = false;
	l->idle = for_ms >= KICK_WORTH_MS;
}

static void disconnected(struct sl_net *net, struct sl_net_link *l, int fd)
{
	if (l->up)
		sl_net_troubled(net, l, false, "the connection to %s ended", l->target);
	net->changed = true;
	l->connected = l->up = false;
	l->lost = true;
	sl_net_ask_later(net, l);
	sl_net_remember(net, l);
	sl_traffic_closed(&net->traffic, l->user + 1, fd);
}

void sl_net_route_found(struct sl_net *net, struct sl_net_link *l, int fd)
{
	uint64_t order = sl_traffic_order(&net->traffic, fd);
	if (net->from_length == 0 || (l->up && order <= l->route_order))
		return;
	sl_net_remember(net, l);
	memcpy(l->route, net->from, net->from_length);
	l->route_length = net->from_length;
	l->route_fd = fd;
	l->route_order = order;
	l->connected = true;
	sl_net_keep_queue_short(fd);
	handshake_done(net, l);
}

void sl_net_route_lost(struct sl_net *net, struct sl_net_link *l)
{
	if (!l->up)
		return;
	sl_net_troubled(net, l, false, "its connection to this peer ended, and it is dial-only");
	l->connected = l->up = false;
	l->lost = net->changed = true;
	sl_net_remember(net, l);
}

static void on_link_event(struct sl_net *net, struct sl_net_link *l, unsigned event, int value)
{
	switch (event) {
	case ZMQ_EVENT_CONNECTED:
		l->connected = true;
		l->idle = l->trying = l->lost = false;
		sl_net_keep_queue_short(value);
		sl_traffic_opened(&net->traffic, l->user + 1, value);
		break;
	case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
		handshake_done(net, l);
		break;
	case ZMQ_EVENT_CONNECT_DELAYED:
		l->idle = false;
		l->trying = true;
		l->tried_at = net->now;
		break;
	case ZMQ_EVENT_CONNECT_RETRIED:
		waits(net, l, value);
		break;
	case ZMQ_EVENT_DISCONNECTED:
		disconnected(net, l, value);
		break;
	case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: /* after these two libzmq does not try again by itself */
		retry_later(net, l, "does not accept our key");
		break;
	case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
		retry_later(net, l, "does not use CURVE");
		break;
	case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
		handshake_failed(net, l);
		break;
	default:
		break;
	}
}

/* libzmq ends a connection that sends more than is allowed, or what does not decrypt, without a word. */
static void router_disconnected(struct sl_net *net, int fd)
{
	char address[64];
	for (uint32_t i = 0; i < net->degree; i++)
		if (net->link[i].inward && net->link[i].up && net->link[i].route_fd == fd)
			sl_net_route_lost(net, &net->link[i]);
	if (!net->handshake_failed && sl_traffic_cut(&net->traffic, 0, fd, address))
		sl_net_say(
		    net, &net->cut_burst, SL_LEVEL_WARNING, "cut-off",
		    "closed a connection from %s: it sent a message of over %zu bytes, or one with invalid encryption",
		    address, net->message_max);
	sl_traffic_closed(&net->traffic, 0, fd);
}

static void accepted(struct sl_net *net, int fd)
{
	bool counted = sl_traffic_opened(&net->traffic, 0, fd);
	sl_net_watch_door(net);
	if (counted)
		sl_net_admit(net);
}

/* On the connection that this dial-only peer has opened. */
static int64_t received_since(struct sl_net *net, struct sl_net_link *l)
{
	int64_t all = sl_traffic_received(&net->traffic, sl_net_whose(net, l)),
	        more = all < l->received ? all : all - l->received;
	l->received = all;
	return more;
}

void sl_net_weigh(struct sl_net *net)
{
	int64_t longest = (int64_t)net->message_max + SILENT_BYTES,
	        most = UNREAD_MOST + UNREAD_FRAMES * longest, elapsed_us = net->now.us - net->weighed_at.us;
	bool hurry = false;
	memset(net->received, 0, net->degree * sizeof *net->received);
	unsigned cut = sl_traffic_weigh(&net->traffic, longest, net->received);
	for (uint32_t i = 0; net->dials && i < net->degree; i++)
		net->received[i] = received_since(net, &net->link[i]);
	sl_net_watch_moves(net);
	for (uint32_t i = 0; i < net->degree; i++) {
		struct sl_net_link *l = &net->link[i];
		l->unread += net->received[i] - l->taken - elapsed_us * BESIDES_A_SECOND / 1000000;
		l->unread = l->unread < 0 ? 0 : l->unread;
		l->taken = 0;
		hurry = hurry || l->unread > UNREAD_MOST / 16;
		if (l->unread <= most)
			continue;
		l->unread = 0;
		sl_traffic_shut_edge(&net->traffic, i);
		if (net->dials)
			sl_traffic_shut_owner(&net->traffic, l->user + 1);
		cut++;
	}
	if (cut)
		sl_net_say(net, &net->cut_burst, SL_LEVEL_WARNING, "cut-off",
		           "closed %u connections that sent an unterminated multipart message", cut);
	net->weighed_at = net->now;
	net->weigh_at = sl_time_after(net->now, hurry ? WEIGH_SOON_US : WEIGH_EVERY_US);
}

static void on_router_event(struct sl_net *net, unsigned event, int value)
{
	if (event == ZMQ_EVENT_LISTENING)
		sl_net_listens(net, value);
	else if (event == ZMQ_EVENT_ACCEPTED)
		accepted(net, value);
	else if (event == ZMQ_EVENT_DISCONNECTED)
		router_disconnected(net, value);
	else if (event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL ||
	         event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)
		/* Which of the two it is depends on who hangs up first. */
		sl_net_say(net, &net->foreign_burst, SL_LEVEL_WARNING, "stranger",
		           "a connection ended before it was authenticated");
	net->handshake_failed =
	    event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL || event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
}

/* A monitor's message: event (16 bits) and value (32 bits) of this machine, then an address. */
static bool next_event(void *monitor, unsigned *event, int *value, char address[static ADDRESS_MOST])
{
	uint8_t head[6];
	uint16_t kind;
	int n = zmq_recv(monitor, head, sizeof head, ZMQ_DONTWAIT);
	int length = n < 0 ? -1 : zmq_recv(monitor, address, ADDRESS_MOST - 1, 0);
	if (length < 0)
		return false;
	address[length < ADDRESS_MOST ? length : ADDRESS_MOST - 1] = '\0';
	memcpy(&kind, head, sizeof kind);
	memcpy(value, head + 2, sizeof *value);
	*event = n == sizeof head ? kind : 0;
	return true;
}

void sl_net_follow(struct sl_net *net, void *monitor, struct sl_net_link *l)
{
	unsigned event;
	int value;
	char address[ADDRESS_MOST];
	for (unsigned budget = EVENTS_A_TURN; budget > 0; budget--) {
		if (!next_event(monitor, &event, &value, address))
			return;
		/* What a connection to a former address of its name has left behind. */
		if (l && l->place.name[0] && strcmp(address, l->target) != 0)
			continue;
		if (l)
			on_link_event(net, l, event, value);
		else
			on_router_event(net, event, value);
	}
	net->again = true;
}
