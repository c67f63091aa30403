/* door.c — who comes to a peer's listening port, for the end-to-end scripts:
 *
 *   door knock PORT N RATE S
 *       strangers: RATE connections per second from N addresses (127.9.0.1 and following), each with the first
 *       ten bytes of a handshake and no more, of which the newest 512 stay open; for S seconds
 *   door far RUN K VICTIM MS ADDRESS S
 *       a neighbour far away: peer K connects to VICTIM from ADDRESS, with MS milliseconds each way, until it
 *       is let in, for at most S seconds; prints the milliseconds. Exit code 1: it was never let in
 *
 * There is no delay queue in every kernel: the bytes of a neighbour far away pass through a relay. */
#include "daemon/run/run.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fputs("door: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	exit(1);
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* From that address, which is not asked to be free of other connections, to a port of 127.0.0.1. */
static int dial(uint32_t from_address, uint16_t port)
{
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = from_address };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct linger at_once = { 1, 0 };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
	if (bind(fd, (struct sockaddr *)&from, sizeof from) == 0 &&
	    connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
		return fd;
	close(fd);
	return -1;
}

static int knock(char **argument)
{
	enum { OPEN = 512 };
	static const uint8_t begin[10] = { 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f };
	static int fd[OPEN];
	uint16_t port = (uint16_t)atoi(argument[0]);
	uint32_t hosts = (uint32_t)atol(argument[1]);
	int64_t rate = atol(argument[2]), start = now_ms(), end = start + 1000 * atol(argument[3]), count = 0;
	for (int64_t now; (now = now_ms()) < end; count++) {
		int *at = &fd[count % OPEN];
		if (count >= (now - start) * rate / 1000 + 1)
			poll(NULL, 0, 1);
		if (*at > 0)
			close(*at);
		*at = dial(htonl(0x7f090001 + (uint32_t)count % hosts), port);
		if (*at > 0)
			send(*at, begin, sizeof begin, MSG_NOSIGNAL);
	}
	printf("%" PRId64 " connections from %" PRIu32 " addresses\n", count, hosts);
	return 0;
}

/* ---- a relay that is slow and loses nothing ---- */

enum { PIECES = 256, PIECE = 4096 };
struct way {
	int from, to;
	struct piece {
		int64_t due_ms;
		size_t length;
		uint8_t bytes[PIECE];
	} piece[PIECES];
	unsigned first, last;
};

struct relay {
	int listener;
	uint32_t address;
	uint16_t port;
	int64_t delay_ms;
};

/* False: one end is closed, and all that it said before is delivered. */
static bool carry(struct way *w, bool readable, int64_t delay_ms)
{
	if (readable && w->last - w->first < PIECES) {
		struct piece *p = &w->piece[w->last % PIECES];
		ssize_t n = read(w->from, p->bytes, sizeof p->bytes);
		p->length = n > 0 ? (size_t)n : 0;
		p->due_ms = now_ms() + delay_ms;
		w->last++;
	}
	for (; w->first != w->last && w->piece[w->first % PIECES].due_ms <= now_ms(); w->first++) {
		const struct piece *p = &w->piece[w->first % PIECES];
		if (!p->length || send(w->to, p->bytes, p->length, MSG_NOSIGNAL) < 0)
			return false;
	}
	return true;
}

/* One connection after the other: libzmq makes no second one before the first is over. */
static void *relay(void *argument)
{
	static struct way out, back;
	const struct relay *r = argument;
	for (int near; (near = accept(r->listener, NULL, NULL)) >= 0;) {
		poll(NULL, 0, (int)(2 * r->delay_ms)); /* what it takes to connect */
		int far = dial(r->address, r->port);
		out.from = back.to = near;
		out.to = back.from = far;
		out.first = out.last = back.first = back.last = 0;
		for (bool open = far >= 0; open;) {
			struct pollfd item[2] = { { near, POLLIN, 0 }, { far, POLLIN, 0 } };
			poll(item, 2, 1);
			open = carry(&out, item[0].revents, r->delay_ms);
			open = carry(&back, item[1].revents, r->delay_ms) && open;
		}
		close(near);
		if (far >= 0)
			close(far);
	}
	return NULL;
}

static void start_relay(struct relay *r, char endpoint[static 32])
{
	static pthread_t thread;
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof at;
	r->listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(r->listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(r->listener, 8) != 0 ||
	    getsockname(r->listener, (struct sockaddr *)&at, &size) != 0)
		die("relay: %s", strerror(errno));
	snprintf(endpoint, 32, "tcp://127.0.0.1:%u", ntohs(at.sin_port));
	if (pthread_create(&thread, NULL, relay, r) != 0)
		die("no thread");
}

/* ---- a neighbour far away ---- */

static void read_key(struct sl_identity *out, const char *folder, const char *peer)
{
	char path[4096];
	struct sl_error error = { 0 };
	snprintf(path, sizeof path, "%s/keys/%s.key", folder, peer);
	if (sl_identity_read(out, path, &error) != SL_OK)
		die("%s", error.text);
}

/* With the intervals between attempts that starlingd has. */
static void *connect_to(void *context, const struct sl_identity *key, const uint8_t *server,
                        const char *endpoint)
{
	void *socket = zmq_socket(context, ZMQ_DEALER), *monitor = zmq_socket(context, ZMQ_PAIR);
	int first = 20, most = 1000;
	zmq_setsockopt(socket, ZMQ_RECONNECT_IVL, &first, sizeof first);
	zmq_setsockopt(socket, ZMQ_RECONNECT_IVL_MAX, &most, sizeof most);
	zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, key->curve_public, SL_KEY_BYTES);
	zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, key->curve_secret, SL_KEY_BYTES);
	zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, server, SL_KEY_BYTES);
	if (zmq_socket_monitor(socket, "inproc://monitor", ZMQ_EVENT_HANDSHAKE_SUCCEEDED) != 0 ||
	    zmq_connect(monitor, "inproc://monitor") != 0 || zmq_connect(socket, endpoint) != 0)
		die("%s: %s", endpoint, zmq_strerror(errno));
	return monitor;
}

static int far(char **argument)
{
	static struct sl_run run;
	static struct relay r;
	char conf[4096], endpoint[32];
	struct sl_error error = { 0 };
	struct sl_identity key;
	snprintf(conf, sizeof conf, "%s/run.conf", argument[0]);
	if (sl_run_open(&run, conf, NULL, SL_SESSION_KEPT, &error) != SL_OK)
		die("%s", error.text);
	uint32_t victim = (uint32_t)atol(argument[2]);
	if (victim >= run.roster.topology.peers)
		die("no peer %s", argument[2]);
	r.delay_ms = atol(argument[3]);
	r.port = (uint16_t)atoi(strrchr(run.roster.peer[victim].endpoint, ':') + 1);
	inet_pton(AF_INET, argument[4], &r.address);
	read_key(&key, argument[0], argument[1]);
	start_relay(&r, endpoint);
	int64_t start = now_ms();
	void *monitor = connect_to(zmq_ctx_new(), &key, run.roster.peer[victim].curve_public, endpoint);
	zmq_pollitem_t item = { monitor, 0, ZMQ_POLLIN, 0 };
	int let_in = zmq_poll(&item, 1, 1000 * atol(argument[5]));
	printf(let_in > 0 ? "let in after %" PRId64 " ms\n" : "not let in for %" PRId64 " ms\n",
	       now_ms() - start);
	fflush(stdout);
	_exit(let_in > 0 ? 0 : 1); /* without waiting for the relay */
}

int main(int argc, char **argv)
{
	if (argc == 6 && strcmp(argv[1], "knock") == 0)
		return knock(argv + 2);
	if (argc == 8 && strcmp(argv[1], "far") == 0)
		return far(argv + 2);
	die("see door.c");
}
