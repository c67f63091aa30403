/* traffic.h — bytes on the wire as counted by the kernel: TCP payload of our connections (`ss -ti`:
 * bytes_acked plus bytes in flight, and bytes_received), including closed ones. TCP retransmissions count
 * once. */
#ifndef SL_DAEMON_PEER_NET_TRAFFIC_H
#define SL_DAEMON_PEER_NET_TRAFFIC_H

#include "base/time.h"
#include "daemon/peer/net/host.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sl_traffic_connection;

/* Bytes: sent, each once; received; that TCP sent again. */
struct sl_traffic_sum {
	int64_t tx, rx, resent;
};

struct sl_traffic {
	struct sl_traffic_connection *open; /* owned */
	unsigned count, room, silent;       /* silent: incoming ones (owner 0) without a message so far */
	uint64_t opened;
	struct sl_traffic_sum closed; /* of closed connections */
	int64_t closed_left;
	uint64_t pace; /* 0: none */
};

/* What the kernel knows of connections by which this end sends. */
struct sl_traffic_link {
	int64_t tx, resent;            /* bytes: each once; sent again */
	int64_t busy_us;               /* while there was something to send */
	int64_t unsent;                /* bytes that the kernel has not sent yet */
	int64_t srtt_us, least_rtt_us; /* of the newest connection; 0: none is open */
};

/* A connection of socket `owner` (any number) that libzmq reported under this descriptor. It is duplicated,
 * so that its last bytes can be counted after libzmq has closed it. Other sockets than TCP are not
 * counted. True: it is counted, and the newest. */
bool sl_traffic_opened(struct sl_traffic *, unsigned owner, int fd);
/* libzmq reported that it closed it. fd −1: all connections of `owner`. */
void sl_traffic_closed(struct sl_traffic *, unsigned owner, int fd);
/* Call before sl_traffic_closed: whether this end closed the connection while the sender was still sending,
 * and the sender's address. */
bool sl_traffic_cut(const struct sl_traffic *, unsigned owner, int fd, char address[static 64]);
/* An authenticated neighbour's message arrived on a connection of owner 0. True: its first one; `host` is where
 * it comes from. */
bool sl_traffic_spoke(struct sl_traffic *, int fd, uint32_t edge, struct sl_host *host);
/* Shuts the connection down; libzmq will report it closed. */
void sl_traffic_shut(struct sl_traffic *, int fd);
void sl_traffic_shut_edge(struct sl_traffic *, uint32_t edge);
void sl_traffic_shut_silent(struct sl_traffic *);
/* The same for all connections of another owner than 0. */
void sl_traffic_shut_owner(struct sl_traffic *, unsigned owner);
/* Adds to received[edge] the bytes received on its connections since the last call. Shuts down silent
 * connections that have sent more than `silent_most` bytes, and returns their number. */
unsigned sl_traffic_weigh(struct sl_traffic *, int64_t silent_most, int64_t *received);
/* Renumbers edges: to[old] is the new edge, or −1 if its neighbour was removed. Shuts down the connections of
 * removed edges, and with `silent_too` all silent ones. */
void sl_traffic_renumber(struct sl_traffic *, const int64_t *to, bool silent_too);
/* Which connections: of `owner`, or, where that is 0, those that came in from the neighbour of `edge`. */
struct sl_traffic_whose {
	unsigned owner;
	uint32_t edge;
};
/* Bytes received on open connections. */
int64_t sl_traffic_received(const struct sl_traffic *, struct sl_traffic_whose);
/* What waits on open connections. */
struct sl_traffic_queue {
	int64_t acknowledged, waiting; /* bytes; waiting: not acknowledged, whether sent or not */
	int64_t least_rtt_us;
	int64_t
	    retry_us; /* after which TCP first sends again what was not acknowledged (RFC 6298, not yet backed off) */
};
void sl_traffic_queue(const struct sl_traffic *, struct sl_traffic_whose, struct sl_traffic_queue *);
/* The place in the order of acceptance of the connection of owner 0 under that descriptor; 0: it is not counted. */
uint64_t sl_traffic_order(const struct sl_traffic *, int fd);
/* Bytes that our connections have sent or still hold, as on a device of Ethernet: TCP payload with what was sent again,
 * and the heads of all segments, acknowledgements included (Ethernet 14, IP, TCP with timestamps). */
int64_t sl_traffic_left(struct sl_traffic *);
/* Makes the kernel spread what it sends on connections of all owners; bytes of TCP payload per second, 0: as fast as it
 * can. */
void sl_traffic_pace(struct sl_traffic *, uint64_t bytes);
/* Over all connections so far. */
struct sl_traffic_sum sl_traffic_total(const struct sl_traffic *);
/* Adds what open connections have carried to *out; false: none is open. */
bool sl_traffic_measure(const struct sl_traffic *, struct sl_traffic_whose, struct sl_traffic_link *out);
/* Counts and drops all connections; the totals remain. */
void sl_traffic_free(struct sl_traffic *);

#endif
