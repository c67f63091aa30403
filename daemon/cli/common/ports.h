/* ports.h — free TCP ports of localhost, for runs that live on this machine. */
#ifndef SL_DAEMON_CLI_COMMON_PORTS_H
#define SL_DAEMON_CLI_COMMON_PORTS_H

#include "base/error.h"

/* Whether a listener could be bound to 127.0.0.1:port now. */
bool sl_port_free(uint16_t port);

/* Chooses `count` different free ports, below the range from which the kernel takes the local ends of
 * connections: no connection of anybody can take them away between this call and their use. */
enum sl_status sl_ports_choose(uint16_t *port, uint32_t count, struct sl_error *error);

/* The port of "tcp://127.0.0.1:41000"; 0 where the endpoint is not of localhost. */
uint16_t sl_port_of(const char *endpoint);

#endif
