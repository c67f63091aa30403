/* net_link.h — between net.c and net_link.c. */
#ifndef SL_DAEMON_NET_LINK_H
#define SL_DAEMON_NET_LINK_H

#include "daemon/net.h"

/* A notice to the owner, limited by `burst`. */
__attribute__((format(printf, 5, 6))) void sl_net_say(struct sl_net *, struct sl_log_burst *burst,
                                                      enum sl_level level, const char *kind,
                                                      const char *format, ...);
/* For sl_zap.stranger; the context is the net. */
void sl_net_stranger(void *context, const char *address, const uint8_t *key);

/* Between sends libzmq looks for new connections only every millisecond or so; this makes it look. */
void sl_net_see_connections(struct sl_net_link *);
/* Takes in what a monitor tells; the link is NULL for the router's. */
void sl_net_follow(struct sl_net *, void *monitor, struct sl_net_link *);
void sl_net_reconnect(struct sl_net *, struct sl_net_link *);
/* A DEALER that connects to a neighbour. Of the setup only endpoint, identity and frame_max are looked at. */
enum sl_status sl_net_open_link(struct sl_net *, const struct sl_net_setup *, const struct sl_net_neighbour *,
                                uint32_t user, struct sl_net_link *l, struct sl_error *error);
void sl_net_close_link(struct sl_net_link *);

/* Nobody gets more memory than a few messages' worth: of connections that have proven nothing only a few are
 * kept, the address that has most of them losing its oldest; and who sends and sends without ever ending a
 * message (libzmq keeps the parts, however many) is hung up on. */
void sl_net_weigh(struct sl_net *);

#endif
