/* hostile.c — what a peer has to live with, for the end-to-end scripts:
 *
 *   hostile stranger RUN VICTIM         knocks with a fresh key, until it is told no
 *   hostile plain RUN VICTIM            knocks without CURVE
 *   hostile raw RUN VICTIM              writes bytes that are no ZeroMQ
 *   hostile loris RUN VICTIM N          keeps N connections open that say next to nothing, until they are
 *                                       ended
 *   hostile crowd RUN K VICTIM N        with the key of peer K, N connections that each send one message, kept
 *                                       open until standard input ends; says "open" when all are
 *   hostile endless RUN K VICTIM MB     with the key of peer K, a message that never ends, until it is cut
 *                                       off
 *   hostile flood RUN K VICTIM WHAT N   sends N messages with the key of peer K, under another neighbour's
 *                                       name
 *   hostile peer RUN K HOW              is peer K (as starlingd -p K), whose frames are followed by what
 *                                       HOW says
 *
 * WHAT: garbage, empty, parts, header, version, cut, foreign, greeting, long, huge, session (greetings of this
 * session and of another one in turn). HOW: replay, corrupt, mangle; steal: it
 * claims to hold every neighbour's copy of the last round, and sends one of its own making.
 * Exit code 0: it was treated as it has to be, or all was sent; 1: it was let in, or something failed. */
#include "daemon/peer/daemon.h"
#include "base/hash.h"
#include "daemon/run/blas.h"
#include "gossip/brief.h"
#include "linalg/vector.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

enum { HUGE = 16 << 20, PATIENCE_S = 5 };

static struct sl_run run;

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fputs("hostile: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	exit(1);
}

static void open_run(const char *folder)
{
	char conf[4096];
	struct sl_error error = { 0 };
	snprintf(conf, sizeof conf, "%s/run.conf", folder);
	if (sl_run_open(&run, conf, NULL, SL_SESSION_KEPT, &error) != SL_OK)
		die("%s", error.text);
}

static uint32_t number(const char *text)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);
	if (*end || v >= run.roster.topology.peers)
		die("no peer %s", text);
	return (uint32_t)v;
}

static void read_key(struct sl_identity *out, const char *folder, uint32_t peer)
{
	char path[4096];
	struct sl_error error = { 0 };
	snprintf(path, sizeof path, "%s/keys/%" PRIu32 ".key", folder, peer);
	if (sl_identity_read(out, path, &error) != SL_OK)
		die("%s", error.text);
}

/* ---- a client of our own ---- */

struct client {
	void *context, *socket, *monitor;
};

/* identity NULL: no CURVE. name NULL: a routing id of libzmq's choice. */
static void dial(struct client *c, uint32_t victim, const struct sl_identity *identity, const char *name)
{
	const struct sl_roster_peer *v = &run.roster.peer[victim];
	c->context = zmq_ctx_new();
	c->socket = zmq_socket(c->context, ZMQ_DEALER);
	c->monitor = zmq_socket(c->context, ZMQ_PAIR);
	if (identity) {
		zmq_setsockopt(c->socket, ZMQ_CURVE_PUBLICKEY, identity->curve_public, SL_KEY_BYTES);
		zmq_setsockopt(c->socket, ZMQ_CURVE_SECRETKEY, identity->curve_secret, SL_KEY_BYTES);
		zmq_setsockopt(c->socket, ZMQ_CURVE_SERVERKEY, v->curve_public, SL_KEY_BYTES);
	}
	if (name)
		zmq_setsockopt(c->socket, ZMQ_ROUTING_ID, name, strlen(name));
	if (zmq_socket_monitor(c->socket, "inproc://monitor", ZMQ_EVENT_ALL) != 0 ||
	    zmq_connect(c->monitor, "inproc://monitor") != 0 || zmq_connect(c->socket, v->endpoint) != 0)
		die("%s: %s", v->endpoint, zmq_strerror(errno));
}

static void hang_up(struct client *c, int linger_ms)
{
	zmq_setsockopt(c->socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
	zmq_close(c->monitor);
	zmq_close(c->socket);
	zmq_ctx_term(c->context);
}

/* The next of the events asked for. */
static unsigned await(struct client *c, unsigned events)
{
	for (time_t end = time(NULL) + PATIENCE_S; time(NULL) < end;) {
		uint8_t head[6];
		char address[256];
		uint16_t event;
		zmq_pollitem_t item = { c->monitor, 0, ZMQ_POLLIN, 0 };
		if (zmq_poll(&item, 1, 100) <= 0)
			continue;
		if (zmq_recv(c->monitor, head, sizeof head, 0) != sizeof head ||
		    zmq_recv(c->monitor, address, sizeof address, 0) < 0)
			die("monitor: %s", zmq_strerror(errno));
		memcpy(&event, head, sizeof event);
		if (event & events)
			return event;
	}
	die("nobody answered");
}

static int stranger(const char *victim)
{
	struct client c;
	struct sl_identity fresh;
	sl_identity_make(&fresh);
	dial(&c, number(victim), &fresh, NULL);
	unsigned event = await(&c, ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
	hang_up(&c, 0);
	return event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH ? 0 : 1;
}

static int plain(const char *victim)
{
	struct client c;
	dial(&c, number(victim), NULL, NULL);
	zmq_send(c.socket, "hello", 5, ZMQ_DONTWAIT);
	unsigned event = await(&c, ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
	                               ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_DISCONNECTED);
	hang_up(&c, 0);
	return event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED ? 1 : 0;
}

static int door_of(uint32_t victim)
{
	unsigned port;
	const char *colon = strrchr(run.roster.peer[victim].endpoint, ':');
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval patience = { PATIENCE_S, 0 };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (!colon || sscanf(colon, ":%u", &port) != 1)
		die("no port");
	to.sin_port = htons((uint16_t)port);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
		die("connect: %s", strerror(errno));
	return fd;
}

/* Until the other end hangs up. */
static int raw(const char *victim)
{
	uint8_t noise[256];
	int fd = door_of(number(victim));
	randombytes_buf(noise, sizeof noise);
	noise[0] = 'G';
	send(fd, noise, sizeof noise, MSG_NOSIGNAL);
	ssize_t n;
	while ((n = recv(fd, noise, sizeof noise, 0)) > 0)
		;
	close(fd);
	return n == 0 || errno == ECONNRESET ? 0 : 1;
}

/* Begins as ZMTP does. The last must be hung up on before handshakes run out of time, though others are not. */
static int loris(const char *victim, const char *count)
{
	enum { MOST = 512 };
	static const uint8_t begin[10] = { 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f };
	uint8_t answer[256];
	int fd[MOST] = { 0 };
	long connections = atol(count);
	ssize_t n;
	for (long i = 0; i < connections && i < MOST; i++) {
		fd[i] = door_of(number(victim));
		send(fd[i], begin, sizeof begin, MSG_NOSIGNAL);
	}
	int last = fd[(connections < MOST ? connections : MOST) - 1];
	while ((n = recv(last, answer, sizeof answer, 0)) > 0)
		;
	bool ended = n == 0 || errno == ECONNRESET;
	for (long i = 0; i < connections && i < MOST; i++)
		close(fd[i]);
	return ended ? 0 : 1;
}

/* ---- messages that no peer sends ---- */

static struct sl_frame greeting(void)
{
	return (struct sl_frame){ .kind = SL_FRAME_HELLO,
		                  .channels = (uint8_t)run.plan.channels,
		                  .durable = UINT32_MAX,
		                  .serial = run.roster.serial,
		                  .run = run.plan.run };
}

/* A whole greeting to `addressed` from `posing`: every other one of another session. */
static uint32_t posing, addressed;
static size_t compose_session(uint8_t *out)
{
	static uint64_t incarnation, sent;
	struct sl_frame f = greeting();
	struct sl_writer w = sl_writer(out + SL_FRAME_HEADER, 256);
	if (!incarnation)
		randombytes_buf(&incarnation, sizeof incarnation);
	sl_write_u64(&w, run.plan.session ^ (sent++ & 1));
	sl_write_u32(&w, run.plan.dimension);
	sl_write_u32(&w, posing);
	sl_write_u32(&w, addressed);
	sl_write_u32(&w, 0); /* flags */
	sl_write_u64(&w, incarnation);
	for (unsigned i = 0; i < 8; i++) /* echo, held copy, step, oldest, known epoch */
		sl_write_u32(&w, 0);
	sl_write_u32(&w, 0);
	sl_write_u32(&w, run.plan.settings.rounds);
	sl_write_u32(&w, 0); /* stream */
	sl_write_u32(&w, 0); /* pace */
	sl_write_u8(&w, 0);
	sl_write_u8(&w, (uint8_t)run.plan.keys);
	for (unsigned i = 0; i < run.plan.keys; i++)
		sl_write_u16(&w, run.plan.key_digest[i]);
	sl_write_u8(&w, 0); /* tensors */
	uint32_t body = (uint32_t)sl_writer_length(&w);
	sl_frame_header(out, &f, body);
	return SL_FRAME_HEADER + body;
}

/* Fills `out`, which has room for HUGE bytes, with a message of that kind; its length. */
static size_t compose(const char *what, uint8_t *out)
{
	struct sl_frame f = greeting();
	uint32_t body = 83 + 2 * run.plan.keys; /* as a greeting has */
	size_t length = SL_FRAME_HEADER + body;
	if (strcmp(what, "empty") == 0)
		return 0;
	if (strcmp(what, "huge") == 0)
		return HUGE;
	if (strcmp(what, "long") == 0)
		length = run.plan.frame_max + 1;
	randombytes_buf(out, length);
	if (strcmp(what, "garbage") == 0 || strcmp(what, "parts") == 0)
		return 1 + randombytes_uniform((uint32_t)length);
	if (strcmp(what, "foreign") == 0)
		f.run ^= 1;
	else if (strcmp(what, "header") == 0)
		f.channels ^= 0x40;
	else if (strcmp(what, "long") == 0)
		body = (uint32_t)length - SL_FRAME_HEADER;
	else if (strcmp(what, "cut") == 0)
		length -= 1 + randombytes_uniform((uint32_t)length - 1);
	else if (strcmp(what, "greeting") == 0)
		length = SL_FRAME_HEADER + --body;
	else if (strcmp(what, "session") == 0)
		return compose_session(out);
	else if (strcmp(what, "version") != 0)
		die("nobody sends '%s'", what);
	sl_frame_header(out, &f, body);
	if (strcmp(what, "version") == 0)
		out[2] = SL_WIRE_VERSION - 1;
	return length;
}

/* A routing id, the sender's free choice, in another neighbour's name. No two alike: libzmq would not read
 * from the second before the first is gone. */
static const char *other_name(uint32_t victim, uint32_t not_this)
{
	static char name[96];
	struct sl_peer_neighbour neighbour[SL_DEGREE_MAX];
	uint32_t degree = sl_run_neighbours(&run, victim, neighbour), other = 0;
	while (other + 1 < degree && neighbour[other].peer == not_this)
		other++;
	snprintf(name, sizeof name, "%s.%08" PRIx32, run.roster.peer[neighbour[other].peer].name,
	         randombytes_random());
	return name;
}

static int flood(const char *folder, char **argument)
{
	struct client c;
	struct sl_identity key;
	uint32_t as = number(argument[0]), victim = number(argument[1]);
	const char *what = argument[2];
	bool cut_off = strcmp(what, "huge") == 0;
	static uint8_t message[HUGE];
	read_key(&key, folder, as);
	posing = as;
	addressed = victim;
	for (long left = cut_off ? 1 : atol(argument[3]), times = cut_off ? atol(argument[3]) : 1; times > 0;
	     times--) {
		dial(&c, victim, &key, other_name(victim, as));
		if (await(&c, ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) !=
		    ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
			die("the key of peer %" PRIu32 " is not accepted", as);
		for (long i = 0; i < left; i++) {
			if (strcmp(what, "parts") == 0)
				zmq_send(c.socket, "more", 4, ZMQ_SNDMORE);
			if (zmq_send(c.socket, message, compose(what, message), 0) < 0)
				die("send: %s", zmq_strerror(errno));
		}
		if (cut_off)
			await(&c, ZMQ_EVENT_DISCONNECTED);
		hang_up(&c, cut_off ? 0 : 1000 * PATIENCE_S);
	}
	return 0;
}

/* Frames of another run cost their sender nothing. */
static int crowd(const char *folder, char **argument)
{
	struct sl_identity key;
	static uint8_t message[HUGE];
	const struct sl_roster_peer *v = &run.roster.peer[number(argument[1])];
	long connections = atol(argument[2]);
	void *context = zmq_ctx_new();
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	zmq_ctx_set(context, ZMQ_MAX_SOCKETS, (int)connections + 16);
	read_key(&key, folder, number(argument[0]));
	for (long i = 0; i < connections; i++) {
		void *socket = zmq_socket(context, ZMQ_DEALER);
		zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, key.curve_public, SL_KEY_BYTES);
		zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, key.curve_secret, SL_KEY_BYTES);
		zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, v->curve_public, SL_KEY_BYTES);
		int once = -1, yes = 1, patience = 2000; /* never connects again; sends when it is let in */
		zmq_setsockopt(socket, ZMQ_RECONNECT_IVL, &once, sizeof once);
		zmq_setsockopt(socket, ZMQ_IMMEDIATE, &yes, sizeof yes);
		zmq_setsockopt(socket, ZMQ_SNDTIMEO, &patience, sizeof patience);
		if (!socket || zmq_connect(socket, v->endpoint) != 0 ||
		    zmq_send(socket, message, compose("foreign", message), 0) < 0)
			die("connection %ld: %s", i, zmq_strerror(errno));
	}
	puts("open");
	fflush(stdout);
	while (getchar() != EOF)
		;
	_exit(0); /* nobody waits for thousands of sockets to close in good order */
}

/* libzmq sends nothing of a message before its last part is there; who receives it keeps all parts until
 * then. */
static int endless(const char *folder, char **argument)
{
	enum { PART = 32 << 10 };
	struct client c;
	struct sl_identity key;
	static uint8_t part[PART];
	read_key(&key, folder, number(argument[0]));
	dial(&c, number(argument[1]), &key, NULL);
	await(&c, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
	for (long left = (atol(argument[2]) << 20) / PART; left >= 0; left--)
		zmq_send(c.socket, part, PART, left ? ZMQ_SNDMORE : 0);
	unsigned event = await(&c, ZMQ_EVENT_DISCONNECTED);
	hang_up(&c, 0);
	return event == ZMQ_EVENT_DISCONNECTED ? 0 : 1;
}

/* ---- a peer that does its work, and more ---- */

enum how { REPLAY, CORRUPT, MANGLE, STEAL, HOWS };
enum { KEPT = 64 };
static enum how how;
static struct kept {
	uint32_t edge;
	size_t header, length;
	uint8_t *bytes;
} kept[KEPT];
static uint64_t sent;

bool __real_sl_net_send(struct sl_net *net, uint32_t edge, const uint8_t *header, size_t header_length,
                        const uint8_t *body, size_t body_length);
bool __wrap_sl_net_send(struct sl_net *net, uint32_t edge, const uint8_t *header, size_t header_length,
                        const uint8_t *body, size_t body_length);

static void keep(uint32_t edge, const uint8_t *header, size_t header_length, const uint8_t *body,
                 size_t body_length)
{
	struct kept *k = &kept[sent % KEPT];
	free(k->bytes);
	size_t length = header_length + body_length;
	*k = (struct kept){ edge, header_length, length, malloc(length) };
	if (!k->bytes)
		die("out of memory");
	memcpy(k->bytes, header, header_length);
	if (body_length)
		memcpy(k->bytes + header_length, body, body_length);
}

static void send_kept(struct sl_net *net, const struct kept *k, uint32_t edge)
{
	if (k->bytes)
		__real_sl_net_send(net, edge, k->bytes, k->header, k->bytes + k->header,
		                   k->length - k->header);
}

/* Two earlier frames again, in an order of no sense. Greetings of this very life are among them. */
static void replay(struct sl_net *net)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct kept *k = &kept[randombytes_uniform(KEPT)];
		send_kept(net, k, k->edge);
	}
}

/* What was just sent, badly. */
static void mangle(struct sl_net *net, const struct kept *k)
{
	static const char *const what[] = { "garbage", "cut", "foreign", "header", "empty", "version" };
	static uint8_t message[HUGE];
	struct kept shorter = { k->edge, k->header, k->header + (k->length - k->header) / 2, k->bytes };
	send_kept(net, &shorter, k->edge);
	size_t length = compose(what[sent % (sizeof what / sizeof *what)], message);
	__real_sl_net_send(net, k->edge, message, length, NULL, 0);
}

/* The stolen copy: every number is this. */
#define STOLEN 0.625f

static uint64_t stolen_digest(uint8_t hash[static SL_HASH_BYTES])
{
	size_t floats = run.plan.copy_floats;
	float *copy = calloc(floats, sizeof *copy);
	if (!copy)
		die("out of memory");
	for (size_t k = 0; k < floats; k++)
		copy[k] = STOLEN;
	uint64_t digest = sl_vector_digest(floats, 0, copy);
	sl_hash(hash, copy, 4 * floats);
	free(copy);
	return digest;
}

/* Of what is about to leave, greetings and snapshots say something else. */
static void steal(struct kept *k)
{
	enum { HELD_EPOCH = 40, HELD_VERSION = 44, HELD_DIGEST = 48, OLDEST = 60, KEYS = 77, PIECE = 9 };
	struct sl_frame f;
	uint8_t hash[SL_HASH_BYTES], *body = k->bytes + k->header;
	size_t length = k->length - k->header, before_hash = KEYS + 2 * (size_t)run.plan.keys;
	uint32_t rounds = run.plan.settings.rounds;
	uint64_t digest = stolen_digest(hash);
	if (sl_is_brief(k->bytes, k->length) || !sl_frame_parse(&f, k->bytes, k->length))
		return;
	if (f.kind == SL_FRAME_HELLO) {
		f.round = rounds;
		sl_store_u32(body + HELD_EPOCH, 0);
		sl_store_u32(body + HELD_VERSION, rounds);
		sl_store_u64(body + HELD_DIGEST, digest);
		sl_store_u32(body + OLDEST, 2);
		if (length > before_hash)
			memcpy(body + before_hash, hash, sizeof hash);
	} else if (f.kind == SL_FRAME_SNAPSHOT && body[0] == 2) {
		f.epoch = 0;
		f.version = rounds;
		f.digest = digest;
		for (size_t at = PIECE; at + 4 <= length; at += 4)
			memcpy(body + at, &(float){ STOLEN }, 4);
	}
	sl_frame_header(k->bytes, &f, (uint32_t)length);
}

bool __wrap_sl_net_send(struct sl_net *net, uint32_t edge, const uint8_t *header, size_t header_length,
                        const uint8_t *body, size_t body_length)
{
	struct kept *k = &kept[sent % KEPT];
	keep(edge, header, header_length, body, body_length);
	if (how == CORRUPT && sl_is_brief(header, header_length) && body_length && sent % 3 == 0)
		k->bytes[header_length + randombytes_uniform((uint32_t)body_length)] ^= 4;
	if (how == STEAL)
		steal(k);
	send_kept(net, k, edge);
	if (how == REPLAY)
		replay(net);
	if (how == MANGLE)
		mangle(net, k);
	sent++;
	return true;
}

static int be_peer(const char *folder, char **argument)
{
	static struct sl_daemon daemon;
	char conf[4096];
	struct sl_error error = { 0 };
	struct sl_daemon_options options = { .file = conf, .peer = number(argument[0]) };
	static const char *const names[] = { "replay", "corrupt", "mangle", "steal" };
	snprintf(conf, sizeof conf, "%s/run.conf", folder);
	while (how < HOWS && strcmp(names[how], argument[1]) != 0)
		how++;
	if (how == HOWS)
		die("no peer does '%s'", argument[1]);
	sl_daemon_block_signals();
	if (sl_daemon_check(&daemon, &options, &error) != SL_OK || sl_daemon_open(&daemon, &error) != SL_OK)
		die("%s", error.text);
	int code = sl_daemon_run(&daemon) ? 0 : 1;
	sl_daemon_close(&daemon, code);
	for (unsigned i = 0; i < KEPT; i++)
		free(kept[i].bytes);
	return code;
}

int main(int argc, char **argv)
{
	struct sl_error error;
	if (sl_blas_settle(argv, &error) != SL_OK) /* the models are those of a daemon, bit for bit */
		die("%s", error.text);
	if (argc < 4)
		die("see hostile.c");
	open_run(argv[2]);
	int code = 1;
	if (strcmp(argv[1], "stranger") == 0)
		code = stranger(argv[3]);
	else if (strcmp(argv[1], "plain") == 0)
		code = plain(argv[3]);
	else if (strcmp(argv[1], "raw") == 0)
		code = raw(argv[3]);
	else if (strcmp(argv[1], "loris") == 0 && argc == 5)
		code = loris(argv[3], argv[4]);
	else if (strcmp(argv[1], "crowd") == 0 && argc == 6)
		code = crowd(argv[2], argv + 3);
	else if (strcmp(argv[1], "endless") == 0 && argc == 6)
		code = endless(argv[2], argv + 3);
	else if (strcmp(argv[1], "flood") == 0 && argc == 7)
		code = flood(argv[2], argv + 3);
	else if (strcmp(argv[1], "peer") == 0 && argc == 5)
		code = be_peer(argv[2], argv + 3);
	else
		die("see hostile.c");
	sl_run_close(&run);
	return code;
}
