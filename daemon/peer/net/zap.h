/* zap.h — authentication: libzmq sends a ZAP request (ZeroMQ RFC 27) for every CURVE client that proves its
 * key, answered from the loop. Only the neighbours' keys are accepted; any other key gets 400. */
#ifndef SL_DAEMON_PEER_NET_ZAP_H
#define SL_DAEMON_PEER_NET_ZAP_H

#include "base/error.h"
#include "daemon/run/keys.h"

/* A key that may connect, and the number that its messages then carry as "User-Id". */
struct sl_zap_key {
	uint8_t curve[SL_KEY_BYTES];
	uint32_t user;
	bool closed; /* in quarantine: refused silently */
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

/* Binds the handler of a zmq context; to be done before any socket of it is bound, else early clients are not
 * checked. */
enum sl_status sl_zap_open(struct sl_zap *, void *context, struct sl_error *error);
/* Answers at most `budget` waiting requests; true: there may be more. */
bool sl_zap_serve(struct sl_zap *, unsigned budget);
void sl_zap_close(struct sl_zap *);

#endif
