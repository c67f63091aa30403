/* changes.c — what the peer has to know of the connections by which its messages leave: a new one, one that has
 * ended, one that takes no more for a while, and one that moves bytes although no message is complete. */
#include "daemon/peer/net/link.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

enum {
	UNSENT_MOST = 32 << 10,
	RETRIES = 4, /* times the first timeout: the second packet sent again is then waited for */
};

void sl_net_keep_queue_short(int fd)
{
	int most = UNSENT_MOST;
	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most, sizeof most); /* no TCP connection: no need */
}

/* A packet that was lost in a long queue is sent again after seconds: until TCP has done so twice and heard nothing, the
 * other end may well be there. */
static bool is_trying(const struct sl_net *net, const struct sl_net_link *l, const struct sl_traffic_queue *q)
{
	return q->waiting > 0 && sl_time_before(net->now, sl_time_after(l->moved_at, RETRIES * q->retry_us));
}

void sl_net_watch_moves(struct sl_net *net)
{
	for (uint32_t i = 0; i < net->degree; i++) {
		struct sl_net_link *l = &net->link[i];
		struct sl_traffic_queue q = { 0 };
		if (l->up)
			sl_traffic_queue(&net->traffic, sl_net_whose(net, l), &q);
		if (q.acknowledged > l->acknowledged || q.waiting == 0)
			l->moved_at = net->now;
		bool moved =
		    net->received[i] > 0 || q.acknowledged > l->acknowledged || is_trying(net, l, &q);
		l->moves = l->told_up && moved && l->taken == 0;
		net->changed = net->changed || l->moves || l->told_full;
		l->acknowledged = q.acknowledged;
	}
}

/* A link of a long way is not busy because its acknowledgements take long. */
static void watch_queue(struct sl_net *net, struct sl_net_link *l, struct sl_time now)
{
	struct sl_traffic_queue q;
	sl_traffic_queue(&net->traffic, sl_net_whose(net, l), &q);
	int64_t most_us = 2 * q.least_rtt_us > SL_LINK_BUSY_US ? 2 * q.least_rtt_us : SL_LINK_BUSY_US;
	if (q.waiting == 0) {
		l->marked = 0;
	} else if (l->marked == 0 || q.acknowledged >= l->marked) {
		l->marked = q.acknowledged + q.waiting;
		l->marked_at = now;
	}
	l->busy = l->marked && !sl_time_before(now, sl_time_after(l->marked_at, most_us));
	net->changed = net->changed || l->busy != l->told_busy;
}

void sl_net_watch_queues(struct sl_net *net, struct sl_time now)
{
	for (uint32_t i = 0; i < net->degree; i++)
		if (net->link[i].told_up && net->link[i].up)
			watch_queue(net, &net->link[i], now);
}

static bool has_room(const struct sl_net *net, const struct sl_net_link *l)
{
	int events = 0;
	size_t size = sizeof events;
	struct sl_traffic_link now = { 0 };
	if (l->inward ||
	    net->dials) { /* asking libzmq would take in what has come; what it holds leaves when the kernel has room */
		sl_traffic_measure(&net->traffic, sl_net_whose(net, l), &now);
		return now.unsent < UNSENT_MOST / 2;
	}
	return zmq_getsockopt(l->dealer, ZMQ_EVENTS, &events, &size) == 0 && events & ZMQ_POLLOUT;
}

static bool change_of_link(const struct sl_net *net, struct sl_net_link *l, enum sl_link_change *change)
{
	if (l->told_up && !l->up) {
		l->told_up = l->told_full = false;
		*change = SL_LINK_DOWN;
	} else if (l->up && (!l->told_up || l->told_connections != l->connections)) {
		l->told_up = true;
		l->told_full = l->full = l->moves = l->told_busy = false;
		l->told_connections = l->connections;
		*change = SL_LINK_UP;
	} else if (l->told_up && l->full && !l->told_full) {
		l->told_full = true;
		*change = SL_LINK_FULL;
	} else if (l->told_full && has_room(net, l)) {
		l->told_full = l->full = false;
		*change = SL_LINK_ROOM;
	} else if (l->moves) {
		l->moves = false;
		*change = SL_LINK_MOVES;
	} else if (l->told_up && l->busy != l->told_busy) {
		l->told_busy = l->busy;
		*change = l->busy ? SL_LINK_BUSY : SL_LINK_IDLE;
	} else {
		return false;
	}
	return true;
}

bool sl_net_change_of(struct sl_net *net, uint32_t *edge, enum sl_link_change *change)
{
	for (uint32_t i = 0; i < net->degree && net->changed; i++)
		if (change_of_link(net, &net->link[i], change)) {
			*edge = i;
			return true;
		}
	net->changed = false;
	return false;
}
