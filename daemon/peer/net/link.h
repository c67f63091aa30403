/* link.h — shared by the files of peer/net. Their calls run one way: net and relink, then link, then door and
 * place, then trouble, then notice and socket. */
#ifndef SL_DAEMON_PEER_NET_LINK_H
#define SL_DAEMON_PEER_NET_LINK_H

#include "daemon/peer/net/net.h"

/* ---- peer/net/notice.c ---- */

/* A notice to the owner, limited by `burst`. */
__attribute__((format(printf, 5, 6))) void sl_net_say(struct sl_net *, struct sl_log_burst *burst,
                                                      enum sl_level level, const char *kind,
                                                      const char *format, ...);
/* The same without a limit, for events that the caller reports once. */
__attribute__((format(printf, 4, 5))) void sl_net_tell(struct sl_net *, enum sl_level level, const char *kind,
                                                       const char *format, ...);

/* ---- peer/net/socket.c ---- */

/* Sets an option of a socket: an int; or bytes. */
bool sl_net_number(void *socket, int option, int value);
bool sl_net_bytes(void *socket, int option, const void *value, size_t size);
/* Sets the options that all sockets share: limits, and the identity of the setup. */
bool sl_net_configure(void *socket, const struct sl_net_setup *);
bool sl_net_only_sends(void *socket);
/* For the router: what it sends to dial-only peers is refused, not dropped, where it cannot be sent. */
bool sl_net_answers_back(void *socket);
/* A monitor socket for the connections of another; NULL: it cannot be created. */
void *sl_net_watch(struct sl_net *, void *socket, int number);
/* Closes both; each may be NULL. */
void sl_net_close_watched(void *socket, void *monitor);
enum { SL_NET_SLACK = 64 }; /* CURVE adds 33 bytes to a message */

/* ---- peer/net/link.c ---- */

/* The callback for sl_zap.stranger; `context` is the net. */
void sl_net_stranger(void *context, const char *address, const uint8_t *key);

/* Between sends libzmq looks for new connections only every millisecond or so; this makes it look. */
void sl_net_see_connections(struct sl_net_link *);
/* Processes a monitor's events; the link is NULL for the router's. */
void sl_net_follow(struct sl_net *, void *monitor, struct sl_net_link *);

/* A dial-only neighbour's message has come on this connection: messages to it leave there, if it is its newest. */
void sl_net_route_found(struct sl_net *, struct sl_net_link *, int fd);
/* That connection has ended. */
void sl_net_route_lost(struct sl_net *, struct sl_net_link *);

/* Limits memory per remote host to a few messages: closes connections that send an unterminated multipart message
 * (libzmq buffers all its parts). */
void sl_net_weigh(struct sl_net *);

/* ---- peer/net/changes.c ---- */

/* Limits unsent bytes in the kernel, so that urgent messages do not queue for long. */
void sl_net_keep_queue_short(int fd);
/* Records connections that move bytes without a complete message. Call after sl_traffic_weigh. */
void sl_net_watch_moves(struct sl_net *);
enum { SL_NET_ROOM_EVERY_US = 10000 };

/* ---- peer/net/place.c ---- */

/* Resolves the link's endpoint and connects, at once or when its name is resolved. */
enum sl_status sl_net_place(struct sl_net *, struct sl_net_link *, struct sl_error *error);
/* Processes finished lookups. */
void sl_net_answers(struct sl_net *);
/* Looks the link's name up now; or later, when due. Nothing if the endpoint has no name. */
void sl_net_ask(struct sl_net *, struct sl_net_link *);
void sl_net_ask_later(struct sl_net *, struct sl_net_link *);
/* Connects to l->target; its form determines the address family. */
bool sl_net_connect(struct sl_net_link *);
/* Closes the connection, if any, and connects to the next address. */
void sl_net_reconnect(struct sl_net *, struct sl_net_link *);
/* An attempt at l->target has failed. */
void sl_net_try_elsewhere(struct sl_net *, struct sl_net_link *);
/* Whether it is one of the neighbour's addresses: of its endpoint, or proven by its last connection. */
bool sl_net_lives_at(const struct sl_net_link *, const struct sl_host *);
enum { SL_NET_KICK_EVERY_US = 100000, SL_NET_CONNECT_MS = 5000 };

/* ---- peer/net/door.c ---- */

/* Binds the router to net->own, or to all addresses if that is not local. */
enum sl_status sl_net_open_door(struct sl_net *, struct sl_error *error);
/* libzmq listens under this descriptor. */
void sl_net_listens(struct sl_net *, int fd);
/* Stops accepting connections when descriptors run out, and resumes when they are free. */
void sl_net_watch_door(struct sl_net *);
/* A connection was accepted: closes it, or an older one, where there are too many (crowd.h). From addresses that
 * are no neighbour's: SL_NET_GUESTS, or up to SL_NET_GUESTS_MOST as descriptors permit. From a neighbour's:
 * SL_NET_HOST_SLACK, plus SL_NET_SILENT_EDGE for each neighbour there. */
void sl_net_admit(struct sl_net *);
enum { SL_NET_GUESTS = 16, SL_NET_GUESTS_MOST = 128, SL_NET_HOST_SLACK = 2, SL_NET_SILENT_EDGE = 2 };

/* ---- peer/net/trouble.c ---- */

int64_t sl_net_wall_us(void);
/* Records why there is no connection to the neighbour; `name`: because its name does not resolve. */
__attribute__((format(printf, 4, 5))) void sl_net_troubled(struct sl_net *, struct sl_net_link *, bool name,
                                                           const char *format, ...);
/* The connection is back. */
void sl_net_untroubled(struct sl_net *, struct sl_net_link *);
/* Reports a name that does not resolve, once per outage. */
void sl_net_tell_name(struct sl_net *, struct sl_net_link *, const char *reason);
/* Reports faults that persist. */
void sl_net_watch_trouble(struct sl_net *, struct sl_net_link *);

/* ---- peer/net/measure.c ---- */

/* The connections by which messages leave for the neighbour. */
struct sl_traffic_whose sl_net_whose(const struct sl_net *, const struct sl_net_link *);
/* Before its connections are forgotten: what they have carried still counts. */
void sl_net_remember(struct sl_net *, struct sl_net_link *);

/* ---- peer/net/net.c ---- */

/* A DEALER that connects to a neighbour. Of the setup it reads only endpoint, identity and frame_max. */
enum sl_status sl_net_open_link(struct sl_net *, const struct sl_net_setup *, const struct sl_net_neighbour *,
                                uint32_t user, struct sl_net_link *l, struct sl_error *error);
void sl_net_close_link(struct sl_net_link *);

#endif
