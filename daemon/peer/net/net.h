/* net.h — the links of one peer: a ROUTER that only receives, a DEALER per neighbour that only sends, CURVE
 * on both, and a ZAP handler. The sender of a message is identified by the key that the CURVE handshake
 * proved.
 *
 * A link with a dial-only peer has one connection, which that peer opens, and messages of both ends take it: there they
 * leave and arrive by its DEALER, whose server's key is proven; here by the ROUTER, to the connection from which the
 * newest connection's message with the peer's proven key has come. */
#ifndef SL_DAEMON_PEER_NET_NET_H
#define SL_DAEMON_PEER_NET_NET_H

#include "base/log.h"
#include "daemon/peer/net/resolver.h"
#include "daemon/peer/net/traffic.h"
#include "daemon/peer/net/zap.h"
#include "gossip/peer.h"

#include <poll.h>
#include <stdatomic.h>
#include <zmq.h>

struct sl_net_neighbour {
	uint32_t peer;
	const char *endpoint;
	const uint8_t *curve_public; /* SL_KEY_BYTES */
};

struct sl_net_setup {
	const char *endpoint; /* where neighbours reach this peer */
	const struct sl_identity *identity;
	const struct sl_net_neighbour *neighbours; /* in ascending number: their index is the edge */
	uint32_t degree;
	size_t frame_max; /* longest message */
	/* Reports an event, for an event row and a log line; already limited to one per burst. */
	void (*notice)(void *context, enum sl_level level, const char *kind, const char *detail);
	void *context;
};

/* A greeting fits. */
enum { SL_NET_PARKED = 256, SL_NET_TROUBLE = SL_TEXT_MAX + 96 };

/* Addresses of a neighbour: one fixed address, or the results of the last lookup of its name. */
struct sl_net_place {
	char name[SL_TEXT_MAX]; /* empty: the endpoint holds an address or a path */
	uint16_t port;
	struct sl_address address[SL_RESOLVED_MAX];
	unsigned count, at; /* at: the one in use */
	bool asking;
	struct sl_time ask_at; /* earliest time of the next lookup, if one is needed */
	int64_t ask_every_us;
};

/* Why there is no connection to or from a neighbour. Empty text: no fault. */
struct sl_net_trouble {
	char text[SL_NET_TROUBLE];
	int64_t since_us;     /* since 1970 */
	struct sl_time since; /* the same moment */
	bool name;            /* the name does not resolve */
	bool told, name_told; /* in this outage */
};

struct sl_net_link {
	uint32_t peer;
	char endpoint[SL_TEXT_MAX];
	struct sl_net_place place;
	char target[SL_TEXT_MAX]; /* endpoint passed to libzmq, never a name; empty: none yet */
	uint32_t user;            /* the User-Id of its messages: unique per key, never reused */
	struct sl_host home;      /* the endpoint's address; zero: a name or a path */
	struct sl_host proven;    /* where its last authenticated connection came from; zero: none so far */
	bool inward;              /* the neighbour is dial-only: it connects, and the dealer never does */
	uint8_t route[255]; /* inward and up: the routing id of its connection, by which messages leave */
	size_t route_length;
	int route_fd;         /* as libzmq knows it */
	uint64_t route_order; /* of acceptance */
	int64_t received;     /* of this peer, if it is dial-only: bytes on the connection so far */
	void *dealer, *monitor;
	bool connected, up; /* TCP is connected; the handshake is done */
	bool trying;        /* an attempt to connect is under way, since tried_at */
	bool lost;          /* a connection ended: the next attempt counts as the first */
	struct sl_time tried_at, up_at;
	int64_t up_us; /* up_at, since 1970 */
	bool heard;    /* ever */
	bool unheard_told;
	struct sl_time heard_at;
	bool came, away, away_told; /* it has been connected to this peer; it is not, since away_at */
	struct sl_time away_at;
	int64_t away_us;               /* since 1970 */
	struct sl_net_trouble trouble; /* of the connection to it */
	bool closed; /* in quarantine: its messages are dropped and their connections closed */
	/* state of the outgoing connection as last reported to the peer (changes.c) */
	uint32_t connections, told_connections; /* handshakes so far */
	bool full, told_up, told_full, moves, busy, told_busy;
	int64_t acknowledged;    /* bytes, of the present connection */
	struct sl_time moved_at; /* when some were acknowledged, or none waited */
	int64_t marked; /* bytes that had been sent at marked_at, and are not all acknowledged; 0: none */
	struct sl_time marked_at;
	struct sl_traffic_link past; /* of connections to it that have ended */
	int64_t taken, unread;       /* bytes of messages since the last check; bytes received outside of
	                            messages */
	bool idle;                   /* libzmq waits long before it reconnects: nothing is in flight */
	unsigned failures;           /* handshakes since the last good one */
	struct sl_time retry_at;     /* libzmq has given up: when to connect again */
	struct sl_time kick_at; /* earliest time to reconnect at once after a message from the neighbour */
	int64_t back_off_us, turn_us; /* after a refusal; between addresses */
	uint8_t
	    parked[SL_NET_PARKED]; /* the newest short message for a link that is not up: sent when it is */
	size_t parked_length;
	struct sl_log_burst burst;
};

struct sl_net {
	void *context, *router, *monitor;
	bool dials;        /* this peer is dial-only: it listens nowhere, and receives by its dealers */
	uint32_t turn;     /* then: the dealer that is asked first for a message */
	uint8_t from[255]; /* routing id of the newest message */
	size_t from_length;
	struct sl_zap zap;
	struct sl_zap_key *key;
	struct sl_net_link *link;
	uint32_t degree, next_user;
	unsigned watched;  /* monitors so far */
	atomic_uint given; /* messages that libzmq is to free (sl_net_give) */
	struct sl_traffic traffic;
	struct sl_resolver *resolver;
	char own[SL_TEXT_MAX];         /* as in the roster */
	char endpoint[SL_TEXT_MAX];    /* as bound */
	int listener[SL_RESOLVED_MAX]; /* libzmq's descriptors */
	unsigned listeners;
	bool shut; /* out of descriptors: new connections are not accepted */
	int spare; /* a descriptor to give up, so that a connection can be accepted and closed; −1: none */
	struct sl_time now; /* of this turn of the loop */
	bool again;         /* work is pending: do not sleep */
	bool changed;       /* connections may have changed: sl_net_change_of has not returned false since */
	bool readable;      /* messages may wait: sl_net_receive has not returned false since */
	zmq_msg_t message;  /* the one handed out by sl_net_receive */
	uint64_t unproven, shapeless,
	    unsent;            /* messages: unauthenticated, of a wrong number of parts, not accepted by
	                          libzmq */
	bool handshake_failed; /* last event of the router's monitor */
	size_t message_max;
	struct sl_log_burst unproven_burst, stranger_burst, foreign_burst, cut_burst, crowd_burst, key_burst,
	    scarce_burst;
	struct sl_time weigh_at, weighed_at;
	int64_t *received; /* scratch for sl_net_weigh */
	void (*notice)(void *, enum sl_level, const char *kind, const char *detail);
	void *notice_context;
};

/* Opens everything or nothing. SL_UNSUPPORTED: the library is too old or has no CURVE. A name in its own
 * endpoint is looked up first, for at most three seconds; neighbours' names are looked up later. */
enum sl_status sl_net_open(struct sl_net *, const struct sl_net_setup *, struct sl_error *error);
/* Queued frames have 200 ms to be sent. */
void sl_net_close(struct sl_net *);
/* Closes it, unless it is zero or closed already, and opens it with another endpoint, identity or neighbours;
 * counters continue, also on failure. */
enum sl_status sl_net_reopen(struct sl_net *, const struct sl_net_setup *, struct sl_error *error);

/* Fills sl_net_descriptors() entries for poll(2). libzmq's descriptors announce changes only: after poll,
 * call sl_net_turn, then sl_net_receive until it returns false, else a message may wait unnoticed. */
unsigned sl_net_descriptors(const struct sl_net *);
void sl_net_poll(const struct sl_net *, struct pollfd *out);
/* Answers authentication requests, tracks connections, reconnects when due. `items` as filled by
 * sl_net_poll. */
void sl_net_turn(struct sl_net *, const struct pollfd *items, struct sl_time now);
/* Time of the next sl_net_turn, even if no descriptor is ready. */
struct sl_time sl_net_deadline(const struct sl_net *);

/* Queues header ‖ body for the neighbour, without blocking; false: it was dropped, because there is no
 * connection or the queue is full. The newest short message to a link that is not up is sent once it is. */
bool sl_net_send(struct sl_net *, uint32_t edge, const uint8_t *header, size_t header_length,
                 const uint8_t *body, size_t body_length);
/* The same for a whole message in a buffer from malloc, whose ownership passes to this function: a long one is not copied again. */
bool sl_net_give(struct sl_net *, uint32_t edge, uint8_t *bytes, size_t length);
/* Looks which outgoing connections are busy (SL_LINK_BUSY), for sl_net_change_of. */
void sl_net_watch_queues(struct sl_net *, struct sl_time now);
/* The next change of an outgoing connection, for SL_EVENT_LINK; false: none. Call after every sl_net_turn and
 * sl_net_receive, before sending. */
bool sl_net_change_of(struct sl_net *, uint32_t *edge, enum sl_link_change *change);
/* The next message of an authenticated neighbour, valid until the next call; false: none waits. All other
 * messages are counted and dropped. */
bool sl_net_receive(struct sl_net *, uint32_t *edge, const uint8_t **bytes, size_t *length);

/* The fault of a link, as text, and its start (µs since 1970); false: no fault. */
bool sl_net_trouble(const struct sl_net *, uint32_t edge, char text[static SL_NET_TROUBLE],
                    int64_t *since_us);

/* Fills in what belongs to the connection to the neighbour: wire_tx to srtt_us. */
void sl_net_measure(const struct sl_net *, uint32_t edge, struct sl_link_row *);

/* Quarantine: closes its connections and refuses its key until the edge is open again. */
void sl_net_close_edge(struct sl_net *, uint32_t edge, bool closed);

/* Replaces the neighbours (ascending) of an open net: links with unchanged key and endpoint are kept. When
 * this returns, removed keys are no longer accepted, and connections without an authenticated message are
 * closed. On failure nothing has changed. Afterwards call sl_net_poll again: descriptors have changed. */
enum sl_status sl_net_change(struct sl_net *, const struct sl_net_neighbour *neighbours, uint32_t degree,
                             struct sl_error *error);

/* File descriptors that a daemon with that many neighbours may need, including unauthenticated connections.
 * When all but SL_NET_RESERVE are in use, new connections are not accepted until some are free. */
enum { SL_NET_RESERVE = 16 };
unsigned sl_net_descriptors_for(uint32_t degree);

/* "4.3.4"; fails for versions before 4.3.3 (CVE-2019-6250, CVE-2019-13132, CVE-2020-15166) and builds without
 * CURVE. */
enum sl_status sl_net_library(char version[static 16], struct sl_error *error);

#endif
