/* wire.h — true bytes on the wire: what the kernel counts as TCP payload of our connections (`ss -ti`:
 * bytes_sent less bytes_retrans, and bytes_received), those that are closed included. */
#ifndef SL_DAEMON_WIRE_H
#define SL_DAEMON_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sl_wire_connection;

struct sl_wire {
	struct sl_wire_connection *open; /* owned */
	unsigned count, room;
	int64_t closed_tx, closed_rx; /* of connections that are gone, and of earlier lives of this peer */
};

/* A connection of socket `owner` (any number) that libzmq reported under this descriptor. It is duplicated,
 * so that its last bytes can be counted when libzmq has closed it. What is no TCP connection is not counted.
 */
void sl_wire_opened(struct sl_wire *, unsigned owner, int fd);
/* libzmq reported that it closed it. fd −1: whatever `owner` has. */
void sl_wire_closed(struct sl_wire *, unsigned owner, int fd);
/* Before that: whether this end hung up on a sender that was still sending, and who that was. */
bool sl_wire_cut(const struct sl_wire *, unsigned owner, int fd, char address[static 64]);
/* Ends an owner's connections, whoever is at the other end, but for those to be kept. */
void sl_wire_end(struct sl_wire *, unsigned owner, bool (*keep)(void *context, int fd), void *context);
void sl_wire_total(struct sl_wire *, int64_t *tx, int64_t *rx);
void sl_wire_free(struct sl_wire *);

#endif
