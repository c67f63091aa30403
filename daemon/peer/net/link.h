/* link.h — what the files of peer/net share. Their calls run one way: net and relink, then link, then door and place,
 * then trouble, then notice and socket. */
#ifndef SL_DAEMON_PEER_NET_LINK_H
#define SL_DAEMON_PEER_NET_LINK_H

#include "daemon/peer/net/net.h"

/* ---- peer/net/notice.c ---- */

/* A notice to the owner, limited by `burst`. */
__attribute__((format(printf, 5, 6))) void sl_net_say(struct sl_net *, struct sl_log_burst *burst,
                                                      enum sl_level level, const char *kind,
                                                      const char *format, ...);
/* The same without a limit, for what its caller tells once. */
__attribute__((format(printf, 4, 5))) void sl_net_tell(struct sl_net *, enum sl_level level, const char *kind,
                                                       const char *format, ...);

/* ---- peer/net/socket.c ---- */

/* Sets an option of a socket: an int; or bytes. */
bool sl_net_number(void *socket, int option, int value);
bool sl_net_bytes(void *socket, int option, const void *value, size_t size);
/* Sets what all sockets have in common: limits, and the identity of the setup. */
bool sl_net_configure(void *socket, const struct sl_net_setup *);
bool sl_net_only_sends(void *socket);
/* A socket that reports what becomes of the connections of another; NULL: there is none. */
void *sl_net_watch(struct sl_net *, void *socket, int number);
/* Closes both; each may be NULL. */
void sl_net_close_watched(void *socket, void *monitor);
enum { SL_NET_SLACK = 64 }; /* CURVE adds 33 bytes to a message */

/* ---- peer/net/link.c ---- */

/* For sl_zap.stranger; the context is the net. */
void sl_net_stranger(void *context, const char *address, const uint8_t *key);

/* Between sends libzmq looks for new connections only every millisecond or so; this makes it look. */
void sl_net_see_connections(struct sl_net_link *);
/* Takes in what a monitor tells; the link is NULL for the router's. */
void sl_net_follow(struct sl_net *, void *monitor, struct sl_net_link *);

/* Nobody gets more memory than a few messages' worth: of connections that have proven nothing only a few are
 * kept, the address that has most of them losing its oldest; and who sends and sends without ever ending a
 * message (libzmq keeps the parts, however many) is hung up on. */
void sl_net_weigh(struct sl_net *);

/* ---- peer/net/changes.c ---- */

/* The kernel keeps little of what it cannot send yet, so that nothing urgent waits behind much. */
void sl_net_keep_queue_short(int fd);
/* Notes which connections move bytes although no message came. After sl_traffic_weigh. */
void sl_net_watch_moves(struct sl_net *);
enum { SL_NET_ROOM_EVERY_US = 10000 };

/* ---- peer/net/place.c ---- */

/* Finds out where the link's endpoint leads, and connects, at once or when its name is known. */
enum sl_status sl_net_place(struct sl_net *, struct sl_net_link *, struct sl_error *error);
/* Takes in what was looked up. */
void sl_net_answers(struct sl_net *);
/* Looks the link's name up; as soon as it is due, if it has one. */
void sl_net_ask(struct sl_net *, struct sl_net_link *);
void sl_net_ask_later(struct sl_net *, struct sl_net_link *);
/* Connects to l->target, whose family its form tells. */
bool sl_net_connect(struct sl_net_link *);
/* Ends the connection, if there is one, and connects to the address whose turn it is. */
void sl_net_reconnect(struct sl_net *, struct sl_net_link *);
/* An attempt at l->target has failed. */
void sl_net_try_elsewhere(struct sl_net *, struct sl_net_link *);
enum { SL_NET_KICK_EVERY_US = 100000, SL_NET_CONNECT_MS = 5000 };

/* ---- peer/net/door.c ---- */

/* Binds the router to net->own, or to what is right instead. */
enum sl_status sl_net_open_door(struct sl_net *, struct sl_error *error);
/* libzmq listens under this descriptor. */
void sl_net_listens(struct sl_net *, int fd);
/* Shuts the door when descriptors run out, and opens it when they are back. */
void sl_net_watch_door(struct sl_net *);
/* Connections at the door that may say nothing: so many, and so many a neighbour. */
enum { SL_NET_SILENT = 16, SL_NET_SILENT_EDGE = 2 };

/* ---- peer/net/trouble.c ---- */

int64_t sl_net_wall_us(void);
/* There is no way to the neighbour, and why; `name`: for its name does not resolve. */
__attribute__((format(printf, 4, 5))) void sl_net_troubled(struct sl_net *, struct sl_net_link *, bool name,
                                                           const char *format, ...);
/* There is one again. */
void sl_net_untroubled(struct sl_net *, struct sl_net_link *);
/* The event of a name that does not resolve, once a streak. */
void sl_net_tell_name(struct sl_net *, struct sl_net_link *, const char *reason);
/* Events of what lasts. */
void sl_net_watch_trouble(struct sl_net *, struct sl_net_link *);

/* ---- peer/net/net.c ---- */

/* A DEALER that connects to a neighbour. Of the setup only endpoint, identity and frame_max are looked at. */
enum sl_status sl_net_open_link(struct sl_net *, const struct sl_net_setup *, const struct sl_net_neighbour *,
                                uint32_t user, struct sl_net_link *l, struct sl_error *error);
void sl_net_close_link(struct sl_net_link *);

#endif
