/* socket.c — sockets of libzmq: every option in one place, and monitors. */
#include "daemon/peer/net/link.h"

#include <stdio.h>

enum {
	QUEUE_BYTES = 4 << 20, /* about what a neighbour that does not read may cost */
	QUEUE_LEAST = 8,
	QUEUE_MOST = 256,
	MESSAGE_LEAST = 512, /* handshakes have messages of up to some 300 bytes */
	CLOSE_MS = 200,
	/* When all peers of a complete graph start at once, a core has thousands of handshakes to do. One that is broken off
	 * was for nothing, and comes again. */
	HANDSHAKE_MS = 60000,
};

/* Set before bind and connect: most options act on later ones only. */
struct option {
	int name, value;
};
static const struct option common[] = {
	{ ZMQ_LINGER, CLOSE_MS },
	{ ZMQ_BACKLOG, 512 },
	{ ZMQ_RECONNECT_IVL, 20 },
	{ ZMQ_RECONNECT_IVL_MAX, 1000 },
	{ ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS },
	{ ZMQ_CONNECT_TIMEOUT, SL_NET_CONNECT_MS },
	{ ZMQ_TCP_KEEPALIVE, 1 },
	{ ZMQ_TCP_KEEPALIVE_IDLE, 30 },
	{ ZMQ_TCP_KEEPALIVE_INTVL, 10 },
	{ ZMQ_TCP_KEEPALIVE_CNT, 3 },
};
/* No heartbeats: they would wait in the queue of a slow link, and end connections that are only busy. The
 * kernel ends a connection on which nothing is acknowledged for so long although something is under way. */
static const struct option sending[] = {
	{ ZMQ_IMMEDIATE, 1 },
	{ ZMQ_TCP_MAXRT, 20000 },
};

bool sl_net_bytes(void *socket, int name, const void *value, size_t size)
{
	return zmq_setsockopt(socket, name, value, size) == 0;
}

bool sl_net_number(void *socket, int name, int value)
{
	return sl_net_bytes(socket, name, &value, sizeof value);
}

static bool set_all(void *socket, const struct option *option, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!sl_net_number(socket, option[i].name, option[i].value))
			return false;
	return true;
}

bool sl_net_configure(void *socket, const struct sl_net_setup *setup)
{
	size_t longest = setup->frame_max < MESSAGE_LEAST ? MESSAGE_LEAST : setup->frame_max;
	int64_t limit = (int64_t)longest + SL_NET_SLACK;
	size_t queue = QUEUE_BYTES / longest;
	queue = queue < QUEUE_LEAST ? QUEUE_LEAST : queue > QUEUE_MOST ? QUEUE_MOST : queue;
	return set_all(socket, common, sizeof common / sizeof *common) &&
	       sl_net_bytes(socket, ZMQ_MAXMSGSIZE, &limit, sizeof limit) &&
	       sl_net_number(socket, ZMQ_SNDHWM, (int)queue) &&
	       sl_net_number(socket, ZMQ_RCVHWM, (int)queue) &&
	       sl_net_bytes(socket, ZMQ_CURVE_PUBLICKEY, setup->identity->curve_public, SL_KEY_BYTES) &&
	       sl_net_bytes(socket, ZMQ_CURVE_SECRETKEY, setup->identity->curve_secret, SL_KEY_BYTES);
}

bool sl_net_only_sends(void *socket)
{
	return set_all(socket, sending, sizeof sending / sizeof *sending);
}

bool sl_net_answers_back(void *socket)
{
	static const struct option answering[] = { { ZMQ_ROUTER_MANDATORY, 1 }, { ZMQ_TCP_MAXRT, 20000 } };
	return set_all(socket, answering, sizeof answering / sizeof *answering);
}

/* The events that the monitors subscribe to, and no others: a failing bind must leave errno as it is, and a failing
 * accept, which libzmq tries again and again, tells no news. */
enum {
	EVENTS = ZMQ_EVENT_CONNECTED | ZMQ_EVENT_CONNECT_DELAYED | ZMQ_EVENT_CONNECT_RETRIED |
	         ZMQ_EVENT_LISTENING | ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED |
	         ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
	         ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL,
};

/* Without a limit on its queue libzmq never waits for us to read; with one, its thread would, and whoever
 * closes the socket would wait for that thread. */
void *sl_net_watch(struct sl_net *net, void *socket, int number)
{
	char address[64];
	snprintf(address, sizeof address, "inproc://monitor.%d", number);
	void *pair = zmq_socket(net->context, ZMQ_PAIR);
	if (pair && sl_net_number(pair, ZMQ_LINGER, 0) && sl_net_number(pair, ZMQ_RCVHWM, 0) &&
	    zmq_socket_monitor(socket, address, EVENTS) == 0 && zmq_connect(pair, address) == 0)
		return pair;
	if (pair)
		zmq_close(pair);
	return NULL;
}

void sl_net_close_watched(void *socket, void *monitor)
{
	if (monitor) {
		zmq_socket_monitor(socket, NULL, 0);
		zmq_close(monitor);
	}
	if (socket)
		zmq_close(socket);
}
