/* crowd.h — which connections may wait for their authentication, and how many one key may have.
 *
 * Anybody can connect, and a connection costs memory and two descriptors until its handshake is over. So there are
 * limits, and what is beyond a limit is closed: the oldest of those beyond it that has had SL_CROWD_GRACE_US, which
 * are enough for the handshake of an honest neighbour; else the one that has just come. A neighbour's address has
 * places of its own, which nobody at another address can take. */
#ifndef SL_DAEMON_PEER_NET_CROWD_H
#define SL_DAEMON_PEER_NET_CROWD_H

#include "daemon/peer/net/traffic.h"

enum {
	SL_CROWD_GRACE_US = 4000000,
	SL_CROWD_ADDRESS = 3, /* per address that is no neighbour's */
	SL_CROWD_NETWORK = 6, /* per IPv6 /64 of such addresses */
	SL_CROWD_KEY = 2,     /* connections that one key may have after its first message */
};

struct sl_crowd_limits {
	unsigned guests; /* in total, from addresses that are no neighbour's */
	/* How many a neighbour's address may have; 0: it is no neighbour's. */
	unsigned (*allowance)(const void *context, const struct sl_host *host);
	const void *context;
};

/* Judges the newest connection of owner 0, which sl_traffic_opened has just counted. True: one was closed, and
 * `address` is whose. */
bool sl_crowd_admit(struct sl_traffic *, const struct sl_crowd_limits *, struct sl_time now,
                    char address[static 64]);
/* After a connection of the edge has spoken: closes the oldest ones beyond SL_CROWD_KEY. True: it closed some. */
bool sl_crowd_of_key(struct sl_traffic *, uint32_t edge);

#endif
