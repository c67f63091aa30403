/* Who may wait at a peer's port, and how many connections one key may have: real sockets, invented addresses and an
 * invented clock. */
#include "daemon/peer/net/connection.h"
#include "daemon/peer/net/crowd.h"
#include "daemon/peer/net/link.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { GUESTS = 20, AT_HOME = 4, ENDS = 256 };

static struct sl_traffic traffic;
static int listener, near_end[ENDS], far_end[ENDS];
static unsigned ends;
static char closed_address[64];
static struct sl_time now = { 1000000 };

static unsigned allowance(const void *context, const struct sl_host *host)
{
	struct sl_host home;
	(void)context;
	assert_true(sl_host_parse(&home, "192.0.2.1"));
	return sl_host_same(host, &home) ? AT_HOME : 0;
}

static int set_up(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	(void)state;
	memset(&traffic, 0, sizeof traffic);
	ends = 0;
	listener = socket(AF_INET, SOCK_STREAM, 0);
	return bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 8) != 0;
}

static int tear_down(void **state)
{
	(void)state;
	sl_traffic_free(&traffic);
	for (unsigned i = 0; i < ends; i++) {
		close(near_end[i]);
		close(far_end[i]);
	}
	return close(listener);
}

/* A connection from that address; its index. */
static unsigned opens(const char *address)
{
	struct sockaddr_in at;
	socklen_t size = sizeof at;
	assert_true(ends < ENDS);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &size), 0);
	far_end[ends] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(far_end[ends], (struct sockaddr *)&at, sizeof at), 0);
	near_end[ends] = accept(listener, NULL, NULL);
	assert_true(sl_traffic_opened(&traffic, 0, near_end[ends]));
	struct sl_traffic_connection *c = &traffic.open[traffic.count - 1];
	snprintf(c->address, sizeof c->address, "%s", address);
	assert_true(sl_host_parse(&c->host, address));
	return ends++;
}

static bool comes(const char *address)
{
	static const struct sl_crowd_limits limits = { GUESTS, allowance, NULL };
	opens(address);
	closed_address[0] = '\0';
	return sl_crowd_admit(&traffic, &limits, now, closed_address);
}

static bool is_open(unsigned i)
{
	char byte;
	return recv(far_end[i], &byte, 1, MSG_DONTWAIT) < 0;
}

/* libzmq reports it closed. */
static void goes(unsigned i)
{
	sl_traffic_closed(&traffic, 0, near_end[i]);
	close(near_end[i]);
	close(far_end[i]);
	near_end[i] = far_end[i] = -1;
}

static void an_address_has_few_places(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SL_CROWD_ADDRESS; i++)
		assert_false(comes("198.51.100.7"));
	assert_true(comes("198.51.100.7"));
	assert_string_equal(closed_address, "198.51.100.7");
	assert_false(is_open(SL_CROWD_ADDRESS)); /* who came last: the others have had no time yet */
	assert_true(is_open(0));
	assert_false(comes("198.51.100.8"));
	now.us += SL_CROWD_GRACE_US;
	assert_true(comes("198.51.100.7"));
	assert_false(is_open(0)); /* the oldest */
	assert_true(is_open(ends - 1));
}

static void a_network_has_few_places(void **state)
{
	char address[64];
	(void)state;
	for (unsigned i = 0; i < SL_CROWD_NETWORK; i++) {
		snprintf(address, sizeof address, "2001:db8:0:1::%x", i + 1);
		assert_false(comes(address));
	}
	assert_true(comes("2001:db8:0:1:ffff::1"));
	assert_false(is_open(ends - 1));
	assert_false(comes("2001:db8:0:2::1"));
	for (unsigned i = 0; i < 10; i++) { /* IPv4 addresses are not all of one network */
		snprintf(address, sizeof address, "198.51.100.%u", i);
		assert_false(comes(address));
	}
}

/* What locked neighbours out: 40 addresses, and each new connection pushed out the oldest. */
static void who_is_young_is_not_pushed_out(void **state)
{
	char address[64];
	(void)state;
	assert_false(comes("203.0.113.9")); /* on its way through a handshake */
	for (unsigned i = 0; i < 200; i++) {
		now.us += SL_CROWD_GRACE_US / 256;
		snprintf(address, sizeof address, "198.51.100.%u", i % 40);
		unsigned at = ends;
		comes(address);
		assert_true(is_open(0));
		assert_true(traffic.silent <= GUESTS);
		if (!is_open(at))
			goes(at);
	}
	now.us += SL_CROWD_GRACE_US;
	assert_true(comes("198.51.100.200"));
	assert_true(is_open(ends - 1));
	assert_false(is_open(0)); /* it has had its time */
}

static void a_neighbours_address_has_places_of_its_own(void **state)
{
	char address[64];
	(void)state;
	for (unsigned i = 0; i < GUESTS; i++) {
		snprintf(address, sizeof address, "198.51.100.%u", i);
		assert_false(comes(address));
	}
	assert_true(comes("203.0.113.9"));
	for (unsigned i = 0; i < AT_HOME; i++)
		assert_false(comes("192.0.2.1"));
	assert_true(comes("192.0.2.1"));
	assert_string_equal(closed_address, "192.0.2.1"); /* its own, no guest's */
}

static void a_key_has_few_connections(void **state)
{
	struct sl_host host;
	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		assert_false(comes("192.0.2.1"));
		assert_true(sl_traffic_spoke(&traffic, near_end[i], i == 2 ? 1 : 0, &host));
		assert_false(sl_traffic_spoke(&traffic, near_end[i], 0, &host)); /* not its first message */
		assert_int_equal(sl_crowd_of_key(&traffic, i == 2 ? 1 : 0), i >= 3);
	}
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(is_open(i), i >= 2); /* the older two of edge 0 are closed */
	assert_int_equal(traffic.silent, 0);
}

static bool lives_at(const struct sl_net_link *l, const char *address)
{
	struct sl_host host;
	sl_host_parse(&host, address);
	return sl_net_lives_at(l, &host);
}

/* Where a neighbour's connections have places: its endpoint, what its name resolves to, and where it came from last. */
static void a_neighbour_has_several_addresses(void **state)
{
	static struct sl_net_link l;
	(void)state;
	memset(&l, 0, sizeof l);
	assert_false(lives_at(&l, "")); /* a socket in the file system, and nothing known */
	assert_true(sl_host_parse(&l.home, "192.0.2.1"));
	assert_true(sl_host_parse(&l.proven, "2001:db8::7"));
	l.place.count = 2;
	snprintf(l.place.address[0].text, sizeof l.place.address[0].text, "198.51.100.1");
	snprintf(l.place.address[1].text, sizeof l.place.address[1].text, "198.51.100.2");
	assert_true(lives_at(&l, "192.0.2.1"));
	assert_true(lives_at(&l, "2001:db8::7"));
	assert_true(lives_at(&l, "198.51.100.1"));
	assert_true(lives_at(&l, "::ffff:198.51.100.2"));
	assert_false(lives_at(&l, "198.51.100.3"));
	assert_false(lives_at(&l, "2001:db8::8"));
	assert_false(lives_at(&l, ""));
	l.place.count = 1;
	assert_false(lives_at(&l, "198.51.100.2"));
}

/* One question at a time, and the next one at the end of a pause. */
static void names_are_asked_for_once(void **state)
{
	static struct sl_net net;
	static struct sl_net_link l;
	(void)state;
	memset(&net, 0, sizeof net);
	memset(&l, 0, sizeof l);
	net.now.us = 1000;
	l.place.ask_at = SL_TIME_NEVER;
	sl_net_ask_later(&net, &l); /* no name */
	assert_true(l.place.ask_at.us == SL_TIME_NEVER.us);
	snprintf(l.place.name, sizeof l.place.name, "site-7.example");
	l.place.asking = true;
	sl_net_ask_later(&net, &l);
	assert_true(l.place.ask_at.us == SL_TIME_NEVER.us);
	l.place.asking = false;
	sl_net_ask_later(&net, &l);
	int64_t due = l.place.ask_at.us;
	assert_true(due > net.now.us && due < SL_TIME_NEVER.us);
	net.now.us += 10;
	sl_net_ask_later(&net, &l);
	assert_int_equal(l.place.ask_at.us, due);
}

static void addresses_are_compared_as_bytes(void **state)
{
	static const char *const near[][2] = { { "2001:db8:0:1::1", "2001:db8:0:1:ffff::2" },
		                               { "10.0.0.1", "10.0.0.1" } },
	                         *const far[][2] = { { "2001:db8:0:1::1", "2001:db8:0:2::1" },
		                                     { "10.0.0.1", "10.0.0.2" },
		                                     { "10.0.0.1", "2001:db8::1" } };
	struct sl_host a, b;
	(void)state;
	for (unsigned i = 0; i < 2; i++)
		assert_true(sl_host_parse(&a, near[i][0]) && sl_host_parse(&b, near[i][1]) &&
		            sl_host_near(&a, &b) && sl_host_near(&b, &a));
	for (unsigned i = 0; i < 3; i++)
		assert_true(sl_host_parse(&a, far[i][0]) && sl_host_parse(&b, far[i][1]) &&
		            !sl_host_near(&a, &b) && !sl_host_near(&b, &a) && !sl_host_same(&a, &b));
	assert_true(sl_host_parse(&a, "fe80::1%eth0") && sl_host_parse(&b, "fe80::1") &&
	            sl_host_same(&a, &b));
	assert_true(sl_host_parse(&a, "::ffff:10.0.0.1") && sl_host_parse(&b, "10.0.0.1") &&
	            sl_host_same(&a, &b));
	assert_false(sl_host_parse(&a, "10.0.0"));
	assert_true(sl_host_none(&a));
	assert_false(sl_host_none(&b));
}

int main(void)
{
#define CROWD_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CROWD_TEST(an_address_has_few_places),
		CROWD_TEST(a_network_has_few_places),
		CROWD_TEST(who_is_young_is_not_pushed_out),
		CROWD_TEST(a_neighbours_address_has_places_of_its_own),
		CROWD_TEST(a_key_has_few_connections),
		cmocka_unit_test(a_neighbour_has_several_addresses),
		cmocka_unit_test(addresses_are_compared_as_bytes),
		cmocka_unit_test(names_are_asked_for_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
