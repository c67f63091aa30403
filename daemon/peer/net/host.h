/* host.h — the address of another machine, as bytes. */
#ifndef SL_DAEMON_PEER_NET_HOST_H
#define SL_DAEMON_PEER_NET_HOST_H

#include <stdbool.h>
#include <stdint.h>

/* IPv6, or IPv4 mapped into it; all zeros: no address (a socket in the file system). */
struct sl_host {
	uint8_t byte[16];
};

/* "10.0.0.1" or "2001:db8::1", also with a zone ("fe80::1%eth0"), which is ignored. False: neither; `out` is
 * all zeros then. */
bool sl_host_parse(struct sl_host *out, const char *text);
bool sl_host_same(const struct sl_host *, const struct sl_host *);
bool sl_host_none(const struct sl_host *);
/* Whether both are of one network that a single customer is given: the same IPv6 /64. An IPv4 address is a network
 * of its own. */
bool sl_host_near(const struct sl_host *, const struct sl_host *);

#endif
