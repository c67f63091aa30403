/* traffic.h — true bytes on the wire: what the kernel counts as TCP payload of our connections (`ss -ti`:
 * bytes_acked and what is on its way, and bytes_received), those that are closed included. What TCP sends
 * again counts once. */
#ifndef SL_DAEMON_PEER_NET_TRAFFIC_H
#define SL_DAEMON_PEER_NET_TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sl_traffic_connection;

struct sl_traffic {
	struct sl_traffic_connection *open; /* owned */
	unsigned count, room,
	    silent; /* silent: of those that came to us (owner 0), without a message so far */
	uint64_t opened;
	int64_t closed_tx, closed_rx; /* of connections that are gone */
};

/* A connection of socket `owner` (any number) that libzmq reported under this descriptor. It is duplicated,
 * so that its last bytes can be counted when libzmq has closed it. What is no TCP connection is not counted.
 */
void sl_traffic_opened(struct sl_traffic *, unsigned owner, int fd);
/* libzmq reported that it closed it. fd −1: whatever `owner` has. */
void sl_traffic_closed(struct sl_traffic *, unsigned owner, int fd);
/* Before that: whether this end hung up on a sender that was still sending, and who that was. */
bool sl_traffic_cut(const struct sl_traffic *, unsigned owner, int fd, char address[static 64]);
/* A message of a proven neighbour came on a connection of owner 0. */
void sl_traffic_spoke(struct sl_traffic *, int fd, uint32_t edge);
/* Hangs up; libzmq will find out and report it closed. */
void sl_traffic_shut(struct sl_traffic *, int fd);
void sl_traffic_shut_edge(struct sl_traffic *, uint32_t edge);
void sl_traffic_shut_silent(struct sl_traffic *);
/* Hangs up on the oldest silent connection from the address that has most of them. False: there is none. */
bool sl_traffic_evict(struct sl_traffic *, char address[static 64]);
/* Adds to received[edge] what came on its connections since the last call, and hangs up on silent ones that
 * have sent more than `silent_most` bytes, returning how many. */
unsigned sl_traffic_weigh(struct sl_traffic *, int64_t silent_most, int64_t *received);
/* Other edges: to[old] is the new one, or −1 where its neighbour is none any more; those connections, and
 * silent ones, whoever may be behind them, are hung up on. */
void sl_traffic_renumber(struct sl_traffic *, const int64_t *to, bool silent_too);
/* Bytes that the other end of the connections of `owner` has acknowledged, of those that stand. */
int64_t sl_traffic_acknowledged(const struct sl_traffic *, unsigned owner);
void sl_traffic_total(struct sl_traffic *, int64_t *tx, int64_t *rx);
/* Counts and forgets all connections; the totals stay. */
void sl_traffic_free(struct sl_traffic *);

#endif
