/* net.h — the links of one peer: a ROUTER that only receives, a DEALER for each neighbour that only sends,
 * CURVE on both, ZAP answered beside them. Who sent a message is decided by the key that was proven in the
 * handshake. */
#ifndef SL_DAEMON_PEER_NET_NET_H
#define SL_DAEMON_PEER_NET_NET_H

#include "base/log.h"
#include "daemon/peer/net/resolver.h"
#include "daemon/peer/net/traffic.h"
#include "daemon/peer/net/zap.h"
#include "gossip/peer.h"

#include <poll.h>
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
	/* Something worth an event row and a line: already limited to one a burst. */
	void (*notice)(void *context, enum sl_level level, const char *kind, const char *detail);
	void *context;
};

/* A greeting fits. */
enum { SL_NET_PARKED = 256, SL_NET_TROUBLE = SL_TEXT_MAX + 96 };

/* Where a neighbour may be found: one address for ever, or those that its name led to when it was last looked
 * up. */
struct sl_net_place {
	char name[SL_TEXT_MAX]; /* empty: the endpoint holds an address or a path */
	uint16_t port;
	struct sl_address address[SL_RESOLVED_MAX];
	unsigned count, at; /* at: the one in use */
	bool asking;
	struct sl_time ask_at; /* not before, once there is reason to */
	int64_t ask_every_us;
};

/* Why there is no way to a neighbour, or none from it. Empty text: nothing is wrong. */
struct sl_net_trouble {
	char text[SL_NET_TROUBLE];
	int64_t since_us;     /* since 1970 */
	struct sl_time since; /* the same moment */
	bool name;            /* the name is what is wrong */
	bool told, name_told; /* in this streak */
};

struct sl_net_link {
	uint32_t peer;
	char endpoint[SL_TEXT_MAX];
	struct sl_net_place place;
	char target[SL_TEXT_MAX]; /* what libzmq connects to, never a name; empty: nothing yet */
	uint32_t user; /* what its messages carry as User-Id: another one for each key that there ever was */
	void *dealer, *monitor;
	bool connected, up; /* TCP stands; the handshake is done */
	bool trying;        /* an attempt to connect is under way, since tried_at */
	bool lost;          /* a connection ended: the next attempt is the first */
	struct sl_time tried_at, up_at;
	int64_t up_us; /* up_at, since 1970 */
	bool heard;    /* ever */
	bool unheard_told;
	struct sl_time heard_at;
	struct sl_net_trouble trouble; /* of the way to it */
	bool closed; /* in quarantine: what it sends is dropped, and the connection it came on ended */
	/* what the peer was told of the connection by which its messages leave (changes.c) */
	uint32_t connections, told_connections; /* handshakes so far */
	bool full, told_up, told_full, moves;
	int64_t acknowledged;    /* bytes, of the connection that stands */
	int64_t taken, unread;   /* bytes of messages since the last look; of what came and made no message */
	bool idle;               /* libzmq waits for long before it tries again: nothing is under way */
	unsigned failures;       /* handshakes since the last good one */
	struct sl_time retry_at; /* libzmq has given up: when to connect again */
	struct sl_time kick_at;  /* not before: connecting at once because the neighbour was heard */
	int64_t back_off_us, turn_us; /* after a refusal; between addresses */
	uint8_t
	    parked[SL_NET_PARKED]; /* the newest short message for a link that is not up: leaves when it is */
	size_t parked_length;
	struct sl_log_burst burst;
};

struct sl_net {
	void *context, *router, *monitor;
	struct sl_zap zap;
	struct sl_zap_key *key;
	struct sl_net_link *link;
	uint32_t degree, next_user;
	unsigned watched; /* monitors so far */
	struct sl_traffic traffic;
	struct sl_resolver *resolver;
	char own[SL_TEXT_MAX];         /* as in the roster */
	char endpoint[SL_TEXT_MAX];    /* as bound */
	int listener[SL_RESOLVED_MAX]; /* libzmq's descriptors */
	unsigned listeners;
	bool shut;          /* for want of descriptors nobody is let in */
	struct sl_time now; /* of this turn of the loop */
	bool again;         /* something was left over: do not sleep */
	bool changed;       /* connections may have changed: sl_net_change_of has not said no since */
	bool readable;      /* messages may wait: sl_net_receive has not said no since */
	zmq_msg_t message;  /* the one handed out by sl_net_receive */
	uint64_t unproven, shapeless,
	    unsent;            /* messages without a proven key, of a wrong number of parts, not taken */
	bool handshake_failed; /* what the router's monitor said last */
	size_t message_max;
	struct sl_log_burst unproven_burst, stranger_burst, foreign_burst, cut_burst, crowd_burst,
	    scarce_burst;
	struct sl_time weigh_at, weighed_at;
	int64_t *received; /* room for a look at the connections */
	void (*notice)(void *, enum sl_level, const char *kind, const char *detail);
	void *notice_context;
};

/* Opens everything or nothing. SL_UNSUPPORTED: the library is too old or lacks CURVE. Where its own endpoint
 * holds a name, that is looked up first, for three seconds at most; neighbours' names are looked up later. */
enum sl_status sl_net_open(struct sl_net *, const struct sl_net_setup *, struct sl_error *error);
/* Frames on their way get 200 ms to leave. */
void sl_net_close(struct sl_net *);
/* Closes it, unless it is zero or closed already, and opens it with another endpoint, identity or neighbours; what
 * was counted is counted on, also on failure. */
enum sl_status sl_net_reopen(struct sl_net *, const struct sl_net_setup *, struct sl_error *error);

/* Fills sl_net_descriptors() entries for poll(2). libzmq's descriptors announce changes only: after poll,
 * call sl_net_turn, then sl_net_receive until it says no, else a message may wait unnoticed. */
unsigned sl_net_descriptors(const struct sl_net *);
void sl_net_poll(const struct sl_net *, struct pollfd *out);
/* Answers authentication requests, follows connections, reconnects what is due. `items` as filled by
 * sl_net_poll. */
void sl_net_turn(struct sl_net *, const struct pollfd *items, struct sl_time now);
/* When sl_net_turn wants to be called, descriptors aside. */
struct sl_time sl_net_deadline(const struct sl_net *);

/* Queues header ‖ body for the neighbour, never blocking; false: it was dropped, for there is no connection
 * or the queue is full. Of short messages to a link that is not up, the newest leaves as soon as it is. */
bool sl_net_send(struct sl_net *, uint32_t edge, const uint8_t *header, size_t header_length,
                 const uint8_t *body, size_t body_length);
/* The next change of a connection by which messages leave, for SL_EVENT_LINK; false: there is none. To be asked
 * whenever the net was turned or has received, before anything else is sent. */
bool sl_net_change_of(struct sl_net *, uint32_t *edge, enum sl_link_change *change);
/* The next message of a proven neighbour, valid until the next call; false when none waits. Everything else
 * that came is counted and dropped on the way. */
bool sl_net_receive(struct sl_net *, uint32_t *edge, const uint8_t **bytes, size_t *length);

/* What is wrong with the link, in words, and since when (since 1970, in µs); false: nothing is. */
bool sl_net_trouble(const struct sl_net *, uint32_t edge, char text[static SL_NET_TROUBLE],
                    int64_t *since_us);

/* Quarantine: its connections are ended, its key is refused, until it is open again. */
void sl_net_close_edge(struct sl_net *, uint32_t edge, bool closed);

/* Other neighbours, in ascending number, while messages come and go: links are kept where key and endpoint
 * are as before. A key that is none any more counts no more when this returns, and connections by which
 * nobody is known to speak are ended. On failure everything is as it was. Afterwards the descriptors are
 * others. */
enum sl_status sl_net_change(struct sl_net *, const struct sl_net_neighbour *neighbours, uint32_t degree,
                             struct sl_error *error);

/* File descriptors that a daemon with so many neighbours may need, with what waits at the door. When all but
 * SL_NET_RESERVE are taken, new connections are not accepted for a while. */
enum { SL_NET_RESERVE = 16 };
unsigned sl_net_descriptors_for(uint32_t degree);

/* "4.3.4"; refuses what is older than 4.3.3 (CVE-2019-6250, CVE-2019-13132, CVE-2020-15166) or lacks CURVE.
 */
enum sl_status sl_net_library(char version[static 16], struct sl_error *error);

#endif
