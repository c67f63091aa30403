/* zap.h — who may connect: libzmq asks over ZAP (ZeroMQ RFC 27) whenever a CURVE client has proven its key,
 * and is answered from the loop. The list is the neighbours' keys and nothing else; a key that is not on it
 * gets 400. */
#ifndef SL_DAEMON_PEER_NET_ZAP_H
#define SL_DAEMON_PEER_NET_ZAP_H

#include "base/error.h"
#include "daemon/run/keys.h"

/* A key that may connect, and the number that its messages then carry as "User-Id". */
struct sl_zap_key {
	uint8_t curve[SL_KEY_BYTES];
	uint32_t user;
	bool closed; /* in quarantine: refused without a word */
};

struct sl_zap {
	void *socket;
	const struct sl_zap_key *key; /* borrowed */
	uint32_t keys;
	uint64_t accepted, refused, shut_out;
	/* Called for every key that is refused; `key` is NULL when the request held none. */
	void (*stranger)(void *context, const char *address, const uint8_t *key);
	void *context;
};

/* The domain of our sockets. It must not be empty, or libzmq would not ask. */
extern const char sl_zap_domain[];

/* Binds the handler of a zmq context; to be done before any socket of it is bound, or early strangers get in.
 */
enum sl_status sl_zap_open(struct sl_zap *, void *context, struct sl_error *error);
/* Answers what waits, at most `budget` requests; true: there may be more. */
bool sl_zap_serve(struct sl_zap *, unsigned budget);
void sl_zap_close(struct sl_zap *);

#endif
