/* Links: who gets a message through, and who does not. Real sockets of libzmq on localhost, ports from the
 * kernel. */
#include "daemon/peer/net/net.h"
#include "daemon/cli/common/ports.h"
#include "daemon/run/clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { PEERS = 3, FRAME_MAX = 4096, PATIENCE_US = 3 * 5000000 };

/* One end: its links and what it was told. */
struct end {
	struct sl_identity identity;
	char endpoint[64];
	struct sl_net net;
	bool open;
	char kinds[512]; /* of the notices so far, a blank behind each */
};

static struct end end[PEERS];
static struct sl_error error;

static void on_notice(void *context, enum sl_level level, const char *kind, const char *detail)
{
	struct end *e = context;
	size_t used = strlen(e->kinds);
	assert_true(level <= SL_LEVEL_NOTICE && detail[0]);
	snprintf(e->kinds + used, sizeof e->kinds - used, "%s ", kind);
}

/* Opens end `i` with those neighbours. */
static void open_end(unsigned i, const unsigned *neighbours, uint32_t degree)
{
	struct sl_net_neighbour list[PEERS];
	for (uint32_t n = 0; n < degree; n++)
		list[n] = (struct sl_net_neighbour){ neighbours[n], end[neighbours[n]].endpoint,
			                             end[neighbours[n]].identity.curve_public };
	struct sl_net_setup setup = { end[i].endpoint, &end[i].identity, list,   degree,
		                      FRAME_MAX,       on_notice,        &end[i] };
	end[i].kinds[0] = '\0';
	assert_int_equal(sl_net_open(&end[i].net, &setup, &error), SL_OK);
	end[i].open = true;
}

static int set_up(void **state)
{
	uint16_t port[PEERS];
	(void)state;
	memset(end, 0, sizeof end);
	if (sl_ports_choose(port, PEERS, &error) != SL_OK)
		return -1;
	for (unsigned i = 0; i < PEERS; i++) {
		sl_identity_make(&end[i].identity);
		snprintf(end[i].endpoint, sizeof end[i].endpoint, "tcp://127.0.0.1:%u", port[i]);
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PEERS; i++)
		if (end[i].open)
			sl_net_close(&end[i].net);
	return 0;
}

/* One turn of everybody's loop; sleeps until something happens, 20 ms at most. */
static void turn_all(void)
{
	struct pollfd item[PEERS * 8];
	unsigned count = 0, first[PEERS];
	for (unsigned i = 0; i < PEERS; i++) {
		first[i] = count;
		if (end[i].open) {
			sl_net_poll(&end[i].net, item + count);
			count += sl_net_descriptors(&end[i].net);
		}
	}
	poll(item, count, 20);
	for (unsigned i = 0; i < PEERS; i++)
		if (end[i].open)
			sl_net_turn(&end[i].net, item + first[i], sl_clock());
}

/* Takes one message at end `i`, waiting for it; false when none comes before `until`. */
static bool take(unsigned i, uint32_t *edge, char *text, struct sl_time until)
{
	const uint8_t *bytes;
	size_t length;
	while (sl_time_before(sl_clock(), until)) {
		if (sl_net_receive(&end[i].net, edge, &bytes, &length)) {
			snprintf(text, 64, "%.*s", (int)length, (const char *)bytes);
			return true;
		}
		turn_all();
	}
	return false;
}

static struct sl_time patience(void)
{
	return sl_time_after(sl_clock(), PATIENCE_US);
}

/* Sends from `i` over its link `edge` until `j` has taken it; what else arrives at `j` fails the test. */
static void assert_passes(unsigned i, uint32_t edge, unsigned j, uint32_t expected_edge, const char *text)
{
	char found[64];
	uint32_t from;
	struct sl_time until = patience();
	while (!end[i].net.link[edge].up) {
		assert_true(sl_time_before(sl_clock(), until));
		turn_all();
	}
	assert_true(sl_net_send(&end[i].net, edge, (const uint8_t *)text, strlen(text), NULL, 0));
	assert_true(take(j, &from, found, until));
	assert_string_equal(found, text);
	assert_int_equal(from, expected_edge);
}

/* ---- clients of our own making ---- */

struct client {
	void *context, *socket;
};

static const struct sl_identity *const no_identity = NULL;

static struct client client_open(const struct sl_identity *identity, unsigned server, const char *routing_id)
{
	struct client c = { zmq_ctx_new(), NULL };
	int zero = 0;
	c.socket = zmq_socket(c.context, ZMQ_DEALER);
	zmq_setsockopt(c.socket, ZMQ_LINGER, &zero, sizeof zero);
	if (identity) {
		zmq_setsockopt(c.socket, ZMQ_CURVE_PUBLICKEY, identity->curve_public, SL_KEY_BYTES);
		zmq_setsockopt(c.socket, ZMQ_CURVE_SECRETKEY, identity->curve_secret, SL_KEY_BYTES);
		zmq_setsockopt(c.socket, ZMQ_CURVE_SERVERKEY, end[server].identity.curve_public,
		               SL_KEY_BYTES);
	}
	if (routing_id)
		zmq_setsockopt(c.socket, ZMQ_ROUTING_ID, routing_id, strlen(routing_id));
	assert_int_equal(zmq_connect(c.socket, end[server].endpoint), 0);
	return c;
}

static void client_send(struct client *c, const char *text)
{
	assert_int_equal(zmq_send(c->socket, text, strlen(text), ZMQ_DONTWAIT), strlen(text));
}

static void client_close(struct client *c)
{
	zmq_close(c->socket);
	zmq_ctx_term(c->context);
}

/* Turns until a condition holds. */
#define UNTIL(condition)                                                                                     \
	do {                                                                                                 \
		struct sl_time until_ = patience();                                                          \
		uint32_t edge_;                                                                              \
		const uint8_t *bytes_;                                                                       \
		size_t length_;                                                                              \
		while (!(condition)) {                                                                       \
			assert_true(sl_time_before(sl_clock(), until_));                                     \
			assert_false(sl_net_receive(&end[0].net, &edge_, &bytes_, &length_));                \
			turn_all();                                                                          \
		}                                                                                            \
	} while (0)

/* ---- tests ---- */

static void neighbours_hear_each_other(void **state)
{
	char text[32];
	(void)state;
	open_end(0, (const unsigned[]){ 1, 2 }, 2);
	open_end(1, (const unsigned[]){ 0, 2 }, 2);
	open_end(2, (const unsigned[]){ 0, 1 }, 2);
	for (unsigned k = 0; k < 20; k++) {
		snprintf(text, sizeof text, "frame %u", k);
		assert_passes(0, 0, 1, 0, text);
		assert_passes(0, 1, 2, 0, text);
		assert_passes(1, 0, 0, 0, text);
		assert_passes(2, 0, 0, 1, text);
		assert_passes(2, 1, 1, 1, text);
	}
	assert_string_equal(end[0].kinds, "");
}

/* End 1 is dial-only: its connections carry both directions, and come back with it. What another neighbour sends, under
 * whatever routing id, moves no message for end 1 to it. */
static void a_dial_only_peer_is_answered_on_its_connection(void **state)
{
	char text[32];
	(void)state;
	snprintf(end[1].endpoint, sizeof end[1].endpoint, "dial-only");
	open_end(0, (const unsigned[]){ 1, 2 }, 2);
	open_end(2, (const unsigned[]){ 0, 1 }, 2);
	assert_false(sl_net_send(&end[0].net, 0, (const uint8_t *)"early", 5, NULL, 0));
	for (unsigned k = 0; k < 3; k++) {
		open_end(1, (const unsigned[]){ 0, 2 }, 2);
		assert_int_equal(end[1].net.listeners, 0);
		assert_passes(1, 0, 0, 0, "first");
		assert_passes(1, 1, 2, 1, "first");
		if (k == 0) { /* the greeting that waited for the way */
			char found[64];
			uint32_t from;
			assert_true(take(1, &from, found, patience()));
			assert_string_equal(found, "early");
		}
		for (unsigned i = 0; i < 20; i++) {
			snprintf(text, sizeof text, "frame %u", i);
			assert_passes(2, 0, 0, 1, text);
			assert_passes(0, 0, 1, 0, text);
			assert_passes(2, 1, 1, 1, text);
			assert_passes(1, 0, 0, 0, text);
			assert_passes(0, 1, 2, 0, text);
		}
		sl_net_close(&end[1].net);
		end[1].open = false;
		UNTIL(!end[0].net.link[0].up);
		assert_false(sl_net_send(&end[0].net, 0, (const uint8_t *)"x", 1, NULL, 0));
		end[0].net.link[0].parked_length = 0;
	}
}

static void header_and_body_arrive_as_one(void **state)
{
	static uint8_t header[52], body[3000];
	const uint8_t *bytes;
	size_t length;
	uint32_t edge;
	(void)state;
	randombytes_buf(header, sizeof header);
	randombytes_buf(body, sizeof body);
	open_end(0, (const unsigned[]){ 1 }, 1);
	open_end(1, (const unsigned[]){ 0 }, 1);
	struct sl_time until = patience();
	while (!sl_net_send(&end[1].net, 0, header, sizeof header, body, sizeof body)) {
		assert_true(sl_time_before(sl_clock(), until));
		turn_all();
	}
	while (!sl_net_receive(&end[0].net, &edge, &bytes, &length)) {
		assert_true(sl_time_before(sl_clock(), until));
		turn_all();
	}
	assert_int_equal(length, sizeof header + sizeof body);
	assert_memory_equal(bytes, header, sizeof header);
	assert_memory_equal(bytes + sizeof header, body, sizeof body);
}

static void sending_to_nobody_drops_at_once(void **state)
{
	(void)state;
	open_end(0, (const unsigned[]){ 1 }, 1);
	for (unsigned k = 0; k < 10000; k++)
		assert_false(sl_net_send(&end[0].net, 0, (const uint8_t *)"x", 1, NULL, 0));
	assert_int_equal(end[0].net.unsent, 10000);
}

static void a_greeting_waits_for_its_link(void **state)
{
	uint32_t edge;
	char text[64];
	(void)state;
	open_end(1, (const unsigned[]){ 0 }, 1);
	assert_false(sl_net_send(&end[1].net, 0, (const uint8_t *)"older", 5, NULL, 0));
	assert_false(sl_net_send(&end[1].net, 0, (const uint8_t *)"new", 3, (const uint8_t *)"est", 3));
	open_end(0, (const unsigned[]){ 1 }, 1);
	assert_true(take(0, &edge, text, patience()));
	assert_string_equal(text, "newest");
}

static void a_stranger_is_refused(void **state)
{
	struct sl_identity stranger;
	(void)state;
	sl_identity_make(&stranger);
	open_end(0, (const unsigned[]){ 1 }, 1);
	struct client c = client_open(&stranger, 0, NULL);
	client_send(&c, "let me in");
	UNTIL(end[0].net.zap.refused > 0);
	assert_string_equal(end[0].kinds, "stranger ");
	open_end(1, (const unsigned[]){ 0 }, 1);
	assert_passes(1, 0, 0, 0, "still here"); /* and nothing before it */
	client_close(&c);
}

static void a_listener_with_another_key_is_named(void **state)
{
	char text[SL_NET_TROUBLE];
	(void)state;
	open_end(0, (const unsigned[]){ 1 }, 1);
	sl_identity_make(&end[0].identity); /* as the roster would have it */
	open_end(1, (const unsigned[]){ 0 }, 1);
	UNTIL(sl_net_trouble(&end[1].net, 0, text, &(int64_t){ 0 }) && strstr(text, "the handshake at"));
}

/* Everybody of the roster who is no neighbour is a stranger too. */
static void a_peer_that_is_no_neighbour_is_refused_until_it_is_one(void **state)
{
	(void)state;
	open_end(0, (const unsigned[]){ 2 }, 1);
	open_end(1, (const unsigned[]){ 0 }, 1);
	UNTIL(end[1].kinds[0]);
	assert_string_equal(end[1].kinds, "refused ");
	assert_string_equal(end[0].kinds, "stranger ");
	/* libzmq never tries again after a refusal; we do. */
	memcpy(end[0].net.key[0].curve, end[1].identity.curve_public, SL_KEY_BYTES);
	assert_passes(1, 0, 0, 0, "now");
}

static void a_client_without_curve_is_refused(void **state)
{
	(void)state;
	open_end(0, (const unsigned[]){ 1 }, 1);
	struct client c = client_open(no_identity, 0, NULL);
	client_send(&c, "plain");
	UNTIL(end[0].kinds[0]);
	assert_string_equal(end[0].kinds, "stranger ");
	client_close(&c);
}

static void unbind_zap(void)
{
	assert_int_equal(zmq_unbind(end[0].net.zap.socket, "inproc://zeromq.zap.01"), 0);
}

/* Broken on purpose: nobody answers authentication. Then nobody passes, neighbours included. */
static void without_the_handler_no_message_passes(void **state)
{
	struct sl_identity stranger;
	(void)state;
	sl_identity_make(&stranger);
	open_end(0, (const unsigned[]){ 1 }, 1);
	unbind_zap();
	struct client known = client_open(&end[1].identity, 0, NULL),
	              unknown = client_open(&stranger, 0, NULL);
	client_send(&known, "a");
	client_send(&unknown, "b");
	struct sl_time until = sl_time_after(sl_clock(), 300000);
	uint32_t edge;
	char text[64];
	assert_false(take(0, &edge, text, until));
	client_close(&known);
	client_close(&unknown);
}

/* Broken further: libzmq's own check is off as well, so that it lets everybody in. Messages without a proven
 * key are still dropped. */
static void without_a_proven_key_no_message_passes(void **state)
{
	struct sl_identity stranger;
	int off = 0;
	(void)state;
	sl_identity_make(&stranger);
	open_end(0, (const unsigned[]){ 1 }, 1);
	unbind_zap();
	assert_int_equal(zmq_unbind(end[0].net.router, end[0].net.endpoint), 0);
	assert_int_equal(zmq_setsockopt(end[0].net.router, 93, &off, sizeof off), 0);
	struct sl_time until = patience();
	while (zmq_bind(end[0].net.router, end[0].endpoint) != 0) { /* unbinding takes a moment */
		assert_true(sl_time_before(sl_clock(), until));
		turn_all();
	}
	struct client known = client_open(&end[1].identity, 0, NULL),
	              unknown = client_open(&stranger, 0, NULL);
	client_send(&known, "a");
	client_send(&unknown, "b");
	UNTIL(end[0].net.unproven == 2);
	assert_string_equal(end[0].kinds, "stranger ");
	client_close(&known);
	client_close(&unknown);
}

static void another_ones_routing_id_changes_nothing(void **state)
{
	uint32_t edge;
	char text[64];
	(void)state;
	open_end(0, (const unsigned[]){ 1, 2 }, 2);
	struct client first = client_open(&end[1].identity, 0, "one");
	client_send(&first, "from 1");
	assert_true(take(0, &edge, text, patience()));
	assert_int_equal(edge, 0);
	struct client thief = client_open(&end[2].identity, 0, "one"),
	              own = client_open(&end[2].identity, 0, "two");
	client_send(&thief, "stolen");
	client_send(&own, "from 2");
	bool seen = false; /* libzmq ignores the second connection of that name; if it did not, it would count
	                      as 2's */
	while (!seen) {
		assert_true(take(0, &edge, text, patience()));
		assert_int_equal(edge, 1);
		seen = strcmp(text, "from 2") == 0;
	}
	client_send(&first, "again from 1");
	assert_true(take(0, &edge, text, patience()));
	assert_string_equal(text, "again from 1");
	assert_int_equal(edge, 0);
	client_close(&first);
	client_close(&thief);
	client_close(&own);
}

static void messages_of_several_parts_are_no_frames(void **state)
{
	uint32_t edge;
	char text[64];
	(void)state;
	open_end(0, (const unsigned[]){ 1 }, 1);
	struct client c = client_open(&end[1].identity, 0, NULL);
	for (unsigned k = 0; k < 200; k++) {
		assert_int_equal(zmq_send(c.socket, "a", 1, ZMQ_SNDMORE), 1);
		assert_int_equal(zmq_send(c.socket, "b", 1, 0), 1);
	}
	client_send(&c, "whole");
	for (unsigned k = 0; k < 200; k++) {
		assert_true(take(0, &edge, text, patience()));
		assert_string_equal(text, "");
	}
	assert_true(take(0, &edge, text, patience()));
	assert_string_equal(text, "whole");
	assert_int_equal(end[0].net.shapeless, 200);
	client_close(&c);
}

static void a_message_over_the_limit_never_arrives(void **state)
{
	static char big[FRAME_MAX + 1024];
	uint32_t edge;
	char text[64];
	(void)state;
	open_end(0, (const unsigned[]){ 1 }, 1);
	memset(big, 'x', sizeof big);
	struct client c = client_open(&end[1].identity, 0, NULL);
	assert_int_equal(zmq_send(c.socket, big, sizeof big, 0), (int)sizeof big);
	assert_false(take(0, &edge, text, sl_time_after(sl_clock(), 300000)));
	struct client again = client_open(&end[1].identity, 0, NULL);
	client_send(&again, "small");
	assert_true(take(0, &edge, text, patience()));
	assert_string_equal(text, "small");
	client_close(&c);
	client_close(&again);
}

/* What qemu-user does not pass on to the kernel; a test of it is skipped there. */
static void need_socket_option(bool there, const char *name)
{
	if (there)
		return;
	print_message("skipped: no %s here (qemu-user has none)\n", name);
	skip();
}

static bool counts_bytes(void)
{
	struct tcp_info info;
	socklen_t size = sizeof info;
	int fd = socket(AF_INET, SOCK_STREAM, 0), code = getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size);
	close(fd);
	return code == 0 && size == sizeof info;
}

static bool takes_filters_off(void)
{
	int none = 0, fd = socket(AF_INET, SOCK_STREAM, 0);
	bool there = setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof none) == 0 || errno == ENOENT;
	close(fd);
	return there;
}

/* What the kernel says went out at one end came in at the other, through reconnections. */
static void wire_bytes_are_the_kernels(void **state)
{
	static uint8_t body[4000];
	const uint8_t *bytes;
	size_t length;
	uint32_t edge;
	int64_t before = 0;
	(void)state;
	need_socket_option(counts_bytes(), "TCP_INFO");
	open_end(0, (const unsigned[]){ 1 }, 1);
	for (unsigned life = 0; life < 3; life++) {
		struct sl_time until = patience();
		open_end(1, (const unsigned[]){ 0 }, 1);
		UNTIL(end[0].net.link[0].up); /* earlier, a frame may go to the connection that is gone */
		for (unsigned sent = 0, got = 0; got < 50;) {
			assert_true(sl_time_before(sl_clock(), until));
			if (sent < 50 && sent - got < 4 &&
			    sl_net_send(&end[0].net, 0, body, sizeof body, NULL, 0))
				sent++;
			else
				turn_all();
			while (sl_net_receive(&end[1].net, &edge, &bytes, &length))
				got++;
		}
		struct sl_traffic_sum sent_sum = sl_traffic_total(&end[0].net.traffic),
		                      got_sum = sl_traffic_total(&end[1].net.traffic);
		assert_in_range(sent_sum.tx - before, 50 * 4000, 50 * 4000 * 102 / 100 + 2000);
		assert_int_equal(sent_sum.tx - before,
		                 got_sum.rx); /* it has read everything, so nothing is on its way */
		before = sent_sum.tx;
		end[1].open = false;
		sl_net_close(&end[1].net);
		UNTIL(!end[0].net.link[0].connected);
		sent_sum = sl_traffic_total(&end[0].net.traffic);
		assert_in_range(sent_sum.tx, before, before + 500);
		before = sent_sum.tx;
	}
}

/* Whoever opens the links anew, with another key or endpoint, need not carry totals over. */
static void bytes_are_counted_on_when_links_are_opened_anew(void **state)
{
	struct sl_net_neighbour other = { 1, end[1].endpoint, end[1].identity.curve_public };
	struct sl_net_setup setup = { end[0].endpoint, &end[2].identity, &other, 1,
		                      FRAME_MAX,       on_notice,        &end[0] };
	struct sl_traffic_sum sum, more;
	(void)state;
	need_socket_option(counts_bytes(), "TCP_INFO");
	open_end(0, (const unsigned[]){ 1 }, 1);
	open_end(1, (const unsigned[]){ 0 }, 1);
	UNTIL(end[0].net.link[0].up && end[1].net.link[0].up);
	sum = sl_traffic_total(&end[0].net.traffic);
	assert_true(sum.tx > 0 && sum.rx > 0);
	assert_int_equal(sl_net_reopen(&end[0].net, &setup, &error), SL_OK);
	more = sl_traffic_total(&end[0].net.traffic);
	assert_true(more.tx >= sum.tx && more.rx >= sum.rx);
	setup.endpoint = end[1].endpoint; /* it is taken */
	assert_int_equal(sl_net_reopen(&end[0].net, &setup, &error), SL_IO);
	end[0].open = false;
	more = sl_traffic_total(&end[0].net.traffic);
	assert_true(more.tx >= sum.tx && more.rx >= sum.rx);
}

static void endpoints_that_cannot_be_had_are_named(void **state)
{
	(void)state;
	open_end(0, NULL, 0);
	struct sl_net second;
	struct sl_net_setup setup = { end[0].endpoint, &end[1].identity, NULL,   0,
		                      FRAME_MAX,       on_notice,        &end[1] };
	assert_int_equal(sl_net_open(&second, &setup, &error), SL_IO);
	char expected[128];
	snprintf(expected, sizeof expected, "%s: cannot listen: Address already in use", end[0].endpoint);
	assert_string_equal(error.text, expected);
}

/* Behind an address translation the endpoint is no address of this host. */
static void an_endpoint_that_is_not_ours_listens_on_its_port(void **state)
{
	char elsewhere[64], here[64];
	(void)state;
	snprintf(here, sizeof here, "%s", end[0].endpoint);
	snprintf(elsewhere, sizeof elsewhere, "tcp://192.0.2.1:%u", sl_port_of(here));
	snprintf(end[0].endpoint, sizeof end[0].endpoint, "%s", elsewhere);
	open_end(0, (const unsigned[]){ 1 }, 1);
	assert_string_equal(end[0].kinds, "listens-everywhere ");
	snprintf(end[0].endpoint, sizeof end[0].endpoint, "%s", here);
	open_end(1, (const unsigned[]){ 0 }, 1);
	assert_passes(1, 0, 0, 0, "hello");
}

/* Names are looked up beside the loop; libzmq gets addresses. */
static void a_name_leads_to_its_address(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		uint16_t port = sl_port_of(end[i].endpoint);
		snprintf(end[i].endpoint, sizeof end[i].endpoint, "tcp://localhost:%u", port);
	}
	open_end(0, (const unsigned[]){ 1 }, 1);
	open_end(1, (const unsigned[]){ 0 }, 1);
	assert_passes(0, 0, 1, 0, "hello");
	assert_passes(1, 0, 0, 0, "you too");
	assert_string_equal(end[0].kinds, "");
	assert_null(strstr(end[0].net.endpoint, "localhost"));
	assert_null(strstr(end[0].net.link[0].target, "localhost"));
}

static void knock(unsigned i)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		                  .sin_port = htons(sl_port_of(end[i].endpoint)),
		                  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	(void)connect(s, (const struct sockaddr *)&to, sizeof to);
	close(s);
}

/* Nobody reads what libzmq has to say: then it says it all the same, and ends when it is told to. */
static void a_monitor_never_blocks(void **state)
{
	(void)state;
	open_end(0, (const unsigned[]){ 1 }, 1);
	for (unsigned k = 0; k < 4000; k++)
		knock(0);
	alarm(120); /* a test that hangs does not end otherwise */
	sl_net_close(&end[0].net);
	alarm(0);
	end[0].open = false;
}

/* The lowest descriptor that is free. */
static int lowest_free(void)
{
	int fd = dup(0);
	close(fd);
	return fd;
}

/* All but a reserve of descriptors are gone: the door is shut, links go on; then it is open again. */
static void without_descriptors_the_door_is_shut(void **state)
{
	struct rlimit before, few;
	(void)state;
	need_socket_option(takes_filters_off(), "SO_DETACH_FILTER");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	open_end(0, (const unsigned[]){ 1, 2 }, 2);
	open_end(1, (const unsigned[]){ 0 }, 1);
	assert_passes(1, 0, 0, 0, "before");
	few = before;
	few.rlim_cur = (rlim_t)lowest_free() + 4;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	UNTIL(end[0].net.shut);
	assert_passes(1, 0, 0, 0, "meanwhile");
	assert_string_equal(end[0].kinds, "no-descriptors ");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	open_end(2, (const unsigned[]){ 0 }, 1);
	assert_passes(2, 0, 0, 1, "behind");
	assert_false(end[0].net.shut);
	assert_string_equal(end[0].kinds, "no-descriptors ");
}

/* A roster takes a neighbour away: what it had open is closed, spoken on or silent, and it is a stranger from then on. */
static void a_removed_peer_stays_out(void **state)
{
	uint32_t edge;
	char text[64];
	(void)state;
	need_socket_option(counts_bytes(), "TCP_INFO");
	open_end(0, (const unsigned[]){ 1, 2 }, 2);
	open_end(2, (const unsigned[]){ 0 }, 1);
	struct client spoke = client_open(&end[1].identity, 0, "spoke"),
	              silent = client_open(&end[1].identity, 0, "silent");
	client_send(&spoke, "hello");
	assert_true(take(0, &edge, text, patience()));
	UNTIL(end[0].net.zap.accepted >= 3);
	struct sl_net_neighbour left = { 2, end[2].endpoint, end[2].identity.curve_public };
	uint64_t refused = end[0].net.zap.refused;
	assert_int_equal(sl_net_change(&end[0].net, &left, 1, &error), SL_OK);
	client_send(&spoke, "again");
	client_send(&silent, "again");
	UNTIL(end[0].net.zap.refused >= refused + 2);
	assert_passes(2, 0, 0, 0, "still here"); /* and nothing before it */
	client_close(&spoke);
	client_close(&silent);
}

/* A message of parts without end, on a connection that has said something proper before. */
static void endless_parts_are_cut_off(void **state)
{
	enum { BYTES = 48 << 20 };
	static char part[FRAME_MAX / 2];
	uint32_t edge;
	char text[64];
	const uint8_t *bytes;
	size_t length;
	(void)state;
	need_socket_option(counts_bytes(), "TCP_INFO");
	open_end(0, (const unsigned[]){ 1 }, 1);
	struct client c = client_open(&end[1].identity, 0, NULL);
	client_send(&c, "hello");
	assert_true(take(0, &edge, text, patience()));
	for (size_t sent = 0; sent < BYTES; sent += sizeof part)
		assert_int_equal(zmq_send(c.socket, part, sizeof part, ZMQ_SNDMORE), sizeof part);
	assert_int_equal(zmq_send(c.socket, "", 0, 0), 0);
	for (struct sl_time until = patience(); !strstr(end[0].kinds, "cut-off");) {
		assert_true(sl_time_before(sl_clock(), until));
		sl_net_receive(&end[0].net, &edge, &bytes, &length);
		turn_all();
	}
	client_close(&c);
}

static enum sl_link_change next_change(void)
{
	enum sl_link_change change;
	uint32_t edge;
	for (struct sl_time until = patience(); !sl_net_change_of(&end[0].net, &edge, &change); turn_all())
		assert_true(sl_time_before(sl_clock(), until));
	return change;
}

/* Both ends count the messages of a connection: what follows a dropped one would be taken for it. */
static void after_a_drop_nothing_leaves_before_it_is_known(void **state)
{
	static uint8_t frame[FRAME_MAX];
	char text[64];
	uint32_t edge;
	unsigned taken = 0;
	(void)state;
	open_end(0, (const unsigned[]){ 1 }, 1);
	open_end(1, (const unsigned[]){ 0 }, 1);
	assert_passes(0, 0, 1, 0, "first");
	assert_int_equal(next_change(), SL_LINK_UP);
	while (sl_net_send(&end[0].net, 0, frame, sizeof frame, NULL, 0))
		taken++;
	assert_true(taken > 0);
	while (taken-- > 0)
		assert_true(take(1, &edge, text, patience()));
	assert_false(sl_net_send(&end[0].net, 0, (const uint8_t *)"gap", 3, NULL, 0));
	enum sl_link_change change;
	while ((change = next_change()) == SL_LINK_MOVES)
		;
	assert_int_equal(change, SL_LINK_FULL);
	assert_false(sl_net_send(&end[0].net, 0, (const uint8_t *)"gap", 3, NULL, 0));
	while ((change = next_change()) == SL_LINK_MOVES)
		;
	assert_int_equal(change, SL_LINK_ROOM);
	assert_passes(0, 0, 1, 0, "again");
}

#define NET_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NET_TEST(neighbours_hear_each_other),
		NET_TEST(a_dial_only_peer_is_answered_on_its_connection),
		NET_TEST(header_and_body_arrive_as_one),
		NET_TEST(sending_to_nobody_drops_at_once),
		NET_TEST(a_greeting_waits_for_its_link),
		NET_TEST(after_a_drop_nothing_leaves_before_it_is_known),
		NET_TEST(a_stranger_is_refused),
		NET_TEST(a_listener_with_another_key_is_named),
		NET_TEST(a_peer_that_is_no_neighbour_is_refused_until_it_is_one),
		NET_TEST(a_client_without_curve_is_refused),
		NET_TEST(without_the_handler_no_message_passes),
		NET_TEST(without_a_proven_key_no_message_passes),
		NET_TEST(another_ones_routing_id_changes_nothing),
		NET_TEST(messages_of_several_parts_are_no_frames),
		NET_TEST(a_message_over_the_limit_never_arrives),
		NET_TEST(wire_bytes_are_the_kernels),
		NET_TEST(bytes_are_counted_on_when_links_are_opened_anew),
		NET_TEST(endpoints_that_cannot_be_had_are_named),
		NET_TEST(an_endpoint_that_is_not_ours_listens_on_its_port),
		NET_TEST(a_name_leads_to_its_address),
		NET_TEST(a_monitor_never_blocks),
		NET_TEST(without_descriptors_the_door_is_shut),
		NET_TEST(a_removed_peer_stays_out),
		NET_TEST(endless_parts_are_cut_off),
	};
	if (sl_keys_start(&error) != SL_OK)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
