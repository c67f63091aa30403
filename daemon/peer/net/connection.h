/* connection.h — one TCP connection as traffic.c counts it and crowd.c judges it. Private to the two. */
#ifndef SL_DAEMON_PEER_NET_CONNECTION_H
#define SL_DAEMON_PEER_NET_CONNECTION_H

#include "daemon/peer/net/traffic.h"

#include <sys/types.h>

struct sl_traffic_connection {
	unsigned owner;
	int fd;  /* as libzmq knows it */
	int dup; /* ours */
	ino_t socket;
	bool ipv6;
	/* of owner 0 */
	int64_t edge, received; /* edge: SL_TRAFFIC_SILENT, SL_TRAFFIC_SHUT, or a neighbour's */
	struct sl_time since;   /* when it was accepted */
	uint64_t order;         /* of acceptance */
	bool guest;             /* from an address that is no neighbour's */
	struct sl_host host;
	char address[46];
};

enum { SL_TRAFFIC_SILENT = -1, SL_TRAFFIC_SHUT = -2 };

static inline bool sl_connection_silent(const struct sl_traffic_connection *c)
{
	return c->owner == 0 && c->edge == SL_TRAFFIC_SILENT;
}

/* Shuts it down; libzmq will report it closed. */
void sl_connection_shut(struct sl_traffic *, struct sl_traffic_connection *);

#endif
