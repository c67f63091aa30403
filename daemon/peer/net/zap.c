#include "daemon/peer/net/zap.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

const char sl_zap_domain[] = "starling";

enum { PARTS = 7, PART_MAX = 256 };
enum { VERSION, REQUEST, DOMAIN, ADDRESS, IDENTITY, MECHANISM, CREDENTIALS };

/* A request as it came: short strings, each with its length. */
struct request {
	char part[PARTS][PART_MAX];
	size_t length[PARTS];
	unsigned parts;
	bool oversized;
};

enum sl_status sl_zap_open(struct sl_zap *zap, void *context, struct sl_error *error)
{
	int none = 0;
	zap->socket = zmq_socket(context, ZMQ_REP);
	if (zap->socket && zmq_setsockopt(zap->socket, ZMQ_LINGER, &none, sizeof none) == 0 &&
	    zmq_bind(zap->socket, "inproc://zeromq.zap.01") == 0)
		return SL_OK;
	sl_fail(error, SL_IO, "cannot answer authentication requests: %s", zmq_strerror(errno));
	sl_zap_close(zap);
	return SL_IO;
}

void sl_zap_close(struct sl_zap *zap)
{
	if (zap->socket)
		zmq_close(zap->socket);
	zap->socket = NULL;
}

/* libzmq writes these requests, but parts of them come from the network. */
static bool receive(void *socket, struct request *r)
{
	int more = 1;
	size_t size = sizeof more;
	memset(r, 0, sizeof *r);
	for (unsigned i = 0; more; i++) {
		char spare[PART_MAX], *to = i < PARTS ? r->part[i] : spare;
		int n = zmq_recv(socket, to, PART_MAX - 1, i ? 0 : ZMQ_DONTWAIT);
		if (n < 0)
			return false;
		r->oversized = r->oversized || n > PART_MAX - 1 || i >= PARTS;
		if (i < PARTS)
			r->length[i] = n < PART_MAX ? (size_t)n : PART_MAX - 1;
		r->parts = i + 1;
		if (zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size) != 0)
			return false;
	}
	return true;
}

static const struct sl_zap_key *find(const struct sl_zap *zap, const uint8_t *curve)
{
	for (uint32_t i = 0; i < zap->keys; i++)
		if (sodium_memcmp(zap->key[i].curve, curve, SL_KEY_BYTES) == 0)
			return &zap->key[i];
	return NULL;
}

static bool well_formed(const struct request *r)
{
	return !r->oversized && r->parts == PARTS && strcmp(r->part[VERSION], "1.0") == 0 &&
	       strcmp(r->part[DOMAIN], sl_zap_domain) == 0 && strcmp(r->part[MECHANISM], "CURVE") == 0 &&
	       r->length[CREDENTIALS] == SL_KEY_BYTES;
}

static void reply(void *socket, const struct request *r, const char *code, const char *text, const char *user)
{
	zmq_send(socket, "1.0", 3, ZMQ_SNDMORE);
	zmq_send(socket, r->part[REQUEST], r->length[REQUEST], ZMQ_SNDMORE);
	zmq_send(socket, code, strlen(code), ZMQ_SNDMORE);
	zmq_send(socket, text, strlen(text), ZMQ_SNDMORE);
	zmq_send(socket, user, strlen(user), ZMQ_SNDMORE);
	zmq_send(socket, "", 0, 0);
}

static void answer(struct sl_zap *zap, const struct request *r)
{
	char user[16];
	bool good = well_formed(r);
	const uint8_t *curve = (const uint8_t *)r->part[CREDENTIALS];
	const struct sl_zap_key *key = good ? find(zap, curve) : NULL;
	if (key && key->closed) {
		zap->shut_out++;
		reply(zap->socket, r, "400", "in quarantine", "");
		return;
	}
	if (key) {
		snprintf(user, sizeof user, "%" PRIu32, key->user);
		zap->accepted++;
		reply(zap->socket, r, "200", "OK", user);
		return;
	}
	zap->refused++;
	reply(zap->socket, r, "400", "no neighbour", "");
	if (zap->stranger)
		zap->stranger(zap->context, r->part[ADDRESS], good ? curve : NULL);
}

bool sl_zap_serve(struct sl_zap *zap, unsigned budget)
{
	struct request r;
	for (; budget > 0; budget--) {
		if (!receive(zap->socket, &r))
			return false;
		answer(zap, &r);
	}
	return true;
}
