#include "tests/support/ends.h"
#include "daemon/cli/common/ports.h"
#include "daemon/run/clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct end ends[ENDS];
static struct sl_error error;

void on_notice(void *context, enum sl_level level, const char *kind, const char *detail)
{
	struct end *e = context;
	size_t used = strlen(e->kinds);
	assert_true(level <= SL_LEVEL_NOTICE && detail[0]);
	snprintf(e->kinds + used, sizeof e->kinds - used, "%s ", kind);
}

void open_end(unsigned i, const unsigned *neighbours, uint32_t degree)
{
	struct sl_net_neighbour list[ENDS];
	for (uint32_t n = 0; n < degree; n++)
		list[n] = (struct sl_net_neighbour){ neighbours[n], ends[neighbours[n]].endpoint,
			                             ends[neighbours[n]].identity.curve_public };
	struct sl_net_setup setup = { ends[i].endpoint, &ends[i].identity, list,    degree,
		                      ENDS_FRAME_MAX,   on_notice,         &ends[i] };
	ends[i].kinds[0] = '\0';
	assert_int_equal(sl_net_open(&ends[i].net, &setup, &error), SL_OK);
	ends[i].open = true;
}

int ends_set_up(void **state)
{
	uint16_t port[ENDS];
	(void)state;
	memset(ends, 0, sizeof ends);
	if (sl_ports_choose(port, ENDS, &error) != SL_OK)
		return -1;
	for (unsigned i = 0; i < ENDS; i++) {
		sl_identity_make(&ends[i].identity);
		snprintf(ends[i].endpoint, sizeof ends[i].endpoint, "tcp://127.0.0.1:%u", port[i]);
	}
	return 0;
}

int ends_tear_down(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ENDS; i++)
		if (ends[i].open)
			sl_net_close(&ends[i].net);
	return 0;
}

void turn_all(void)
{
	struct pollfd item[ENDS * 8];
	unsigned count = 0, first[ENDS];
	for (unsigned i = 0; i < ENDS; i++) {
		first[i] = count;
		if (ends[i].open) {
			sl_net_poll(&ends[i].net, item + count);
			count += sl_net_descriptors(&ends[i].net);
		}
	}
	poll(item, count, 20);
	for (unsigned i = 0; i < ENDS; i++)
		if (ends[i].open)
			sl_net_turn(&ends[i].net, item + first[i], sl_clock());
}

bool take(unsigned i, uint32_t *edge, char *text, struct sl_time until)
{
	const uint8_t *bytes;
	size_t length;
	while (sl_time_before(sl_clock(), until)) {
		if (sl_net_receive(&ends[i].net, edge, &bytes, &length)) {
			snprintf(text, 64, "%.*s", (int)length, (const char *)bytes);
			return true;
		}
		turn_all();
	}
	return false;
}

struct sl_time patience(void)
{
	return sl_time_after(sl_clock(), PATIENCE_US);
}

void assert_passes(unsigned i, uint32_t edge, unsigned j, uint32_t expected_edge, const char *text)
{
	char found[64];
	uint32_t from;
	struct sl_time until = patience();
	while (!ends[i].net.link[edge].up) {
		assert_true(sl_time_before(sl_clock(), until));
		turn_all();
	}
	assert_true(sl_net_send(&ends[i].net, edge, (const uint8_t *)text, strlen(text), NULL, 0));
	assert_true(take(j, &from, found, until));
	assert_string_equal(found, text);
	assert_int_equal(from, expected_edge);
}

struct client client_open(const struct sl_identity *identity, unsigned server, const char *routing_id)
{
	struct client c = { zmq_ctx_new(), NULL };
	int zero = 0;
	c.socket = zmq_socket(c.context, ZMQ_DEALER);
	zmq_setsockopt(c.socket, ZMQ_LINGER, &zero, sizeof zero);
	if (identity) {
		zmq_setsockopt(c.socket, ZMQ_CURVE_PUBLICKEY, identity->curve_public, SL_KEY_BYTES);
		zmq_setsockopt(c.socket, ZMQ_CURVE_SECRETKEY, identity->curve_secret, SL_KEY_BYTES);
		zmq_setsockopt(c.socket, ZMQ_CURVE_SERVERKEY, ends[server].identity.curve_public,
		               SL_KEY_BYTES);
	}
	if (routing_id)
		zmq_setsockopt(c.socket, ZMQ_ROUTING_ID, routing_id, strlen(routing_id));
	assert_int_equal(zmq_connect(c.socket, ends[server].endpoint), 0);
	return c;
}

void client_send(struct client *c, const char *text)
{
	assert_int_equal(zmq_send(c->socket, text, strlen(text), ZMQ_DONTWAIT), strlen(text));
}

void client_close(struct client *c)
{
	zmq_close(c->socket);
	zmq_ctx_term(c->context);
}

/* What qemu-user does not pass on to the kernel; a test of it is skipped there. */
void need_socket_option(bool there, const char *name)
{
	if (there)
		return;
	print_message("skipped: no %s here (qemu-user has none)\n", name);
	skip();
}

bool counts_bytes(void)
{
	struct tcp_info info;
	socklen_t size = sizeof info;
	int fd = socket(AF_INET, SOCK_STREAM, 0), code = getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size);
	close(fd);
	return code == 0 && size == sizeof info;
}

bool takes_filters_off(void)
{
	int none = 0, fd = socket(AF_INET, SOCK_STREAM, 0);
	bool there = setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof none) == 0 || errno == ENOENT;
	close(fd);
	return there;
}
