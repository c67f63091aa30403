/* What is counted of TCP connections, and which of them are shut: real sockets. Those of owner 0 come in, all others go
 * out; what is done to connections that came in never touches one that went out. */
#include "daemon/peer/net/connection.h"
#include "daemon/run/clock.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { ENDS = 64, PATIENCE_US = 20000000, HEAD = 14 + 20 + 32 };

static struct sl_traffic traffic;
static int listener, ours[ENDS], theirs[ENDS];
static unsigned ends;

/* qemu-user gives fewer bytes of an option than the kernel, or none: a test of it is skipped there. */
static void need(int level, int option, size_t wanted, const char *name)
{
	char value[512];
	socklen_t size = sizeof value;
	int fd = socket(AF_INET, SOCK_STREAM, 0), code = getsockopt(fd, level, option, value, &size);
	close(fd);
	if (code == 0 && size >= wanted)
		return;
	print_message("skipped: no %s here (qemu-user has none)\n", name);
	skip();
}

static void need_counters(void)
{
	need(IPPROTO_TCP, TCP_INFO, sizeof(struct tcp_info), "TCP_INFO");
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
		close(ours[i]);
		close(theirs[i]);
	}
	return close(listener);
}

/* A connection of that owner; its index. */
static unsigned opens(unsigned owner)
{
	struct sockaddr_in at;
	socklen_t size = sizeof at;
	assert_true(ends < ENDS);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &size), 0);
	int one = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(one, (struct sockaddr *)&at, sizeof at), 0);
	int other = accept(listener, NULL, NULL);
	assert_true(other >= 0);
	ours[ends] = owner == 0 ? other : one;
	theirs[ends] = owner == 0 ? one : other;
	assert_true(sl_traffic_opened(&traffic, owner, ours[ends]));
	return ends++;
}

static void comes(unsigned i, size_t bytes)
{
	static char text[4096];
	assert_int_equal(send(theirs[i], text, bytes, 0), bytes);
	assert_int_equal(recv(ours[i], text, bytes, MSG_WAITALL), bytes);
}

/* … until the kernel knows that it has arrived. */
static void leaves(unsigned i, size_t bytes)
{
	static char text[4096];
	struct tcp_info info = { 0 };
	socklen_t size = sizeof info;
	assert_int_equal(send(ours[i], text, bytes, 0), bytes);
	assert_int_equal(recv(theirs[i], text, bytes, MSG_WAITALL), bytes);
	struct sl_time until = sl_time_after(sl_clock(), PATIENCE_US);
	do {
		assert_true(sl_time_before(sl_clock(), until));
		sched_yield();
		assert_int_equal(getsockopt(ours[i], IPPROTO_TCP, TCP_INFO, &info, &size), 0);
	} while (info.tcpi_unacked > 0);
}

static bool is_open(unsigned i)
{
	char byte;
	return recv(theirs[i], &byte, 1, MSG_DONTWAIT) < 0;
}

static void speaks(unsigned i, uint32_t edge)
{
	struct sl_host host;
	memset(&host, 0, sizeof host);
	assert_true(sl_traffic_spoke(&traffic, ours[i], edge, &host));
	struct sl_host home;
	assert_true(sl_host_parse(&home, "127.0.0.1"));
	assert_true(sl_host_same(&host, &home));
	assert_false(sl_traffic_spoke(&traffic, ours[i], edge, &host));
}

static struct sl_traffic_whose of(unsigned owner)
{
	return (struct sl_traffic_whose){ owner, 0 };
}

static void totals_go_on_after_the_end(void **state)
{
	struct sl_traffic_sum sum;
	(void)state;
	need_counters();
	unsigned out = opens(7), in = opens(0);
	leaves(out, 1000);
	leaves(in, 30);
	comes(in, 200);
	comes(out, 4);
	sum = sl_traffic_total(&traffic);
	assert_int_equal(sum.tx, 1030);
	assert_int_equal(sum.rx, 204);
	struct sl_traffic_queue q;
	sl_traffic_queue(&traffic, of(7), &q);
	assert_int_equal(q.acknowledged, 1001); /* the SYN too */
	assert_int_equal(q.waiting, 0);
	assert_true(q.least_rtt_us > 0 && q.retry_us >= 200000);
	sl_traffic_queue(&traffic, of(8), &q);
	assert_int_equal(q.acknowledged, 0);
	assert_int_equal(q.retry_us, 0);
	int64_t left = sl_traffic_left(&traffic);
	assert_true(left >= 1030 + 6 * HEAD && (left - 1030) % HEAD == 0);
	assert_int_equal(sum.resent, 0);
	sl_traffic_closed(&traffic, 0, ours[out]); /* not that one's */
	assert_int_equal(traffic.count, 2);
	sl_traffic_closed(&traffic, 7, ours[out]);
	assert_int_equal(traffic.count, 1);
	leaves(in, 500);
	sum = sl_traffic_total(&traffic);
	assert_int_equal(sum.tx, 1530);
	assert_int_equal(sum.rx, 204);
	sl_traffic_queue(&traffic, of(7), &q);
	assert_int_equal(q.acknowledged, 0);
	assert_true(sl_traffic_left(&traffic) >= left + 500 + HEAD);
	sl_traffic_closed(&traffic, 0, -1);
	assert_int_equal(traffic.count, 0);
	assert_int_equal(traffic.silent, 0);
	sum = sl_traffic_total(&traffic);
	assert_int_equal(sum.tx, 1530);
	assert_int_equal(sum.rx, 204);
}

static void a_connection_counts_once(void **state)
{
	(void)state;
	unsigned in = opens(0);
	assert_int_equal(traffic.silent, 1);
	int again = dup(ours[in]);
	assert_false(sl_traffic_opened(&traffic, 0, again)); /* the same under another number */
	assert_int_equal(traffic.count, 1);
	assert_false(sl_traffic_opened(&traffic, 0, listener + 1000)); /* no descriptor */
	int pipes[2];
	assert_int_equal(pipe(pipes), 0);
	assert_false(sl_traffic_opened(&traffic, 0, pipes[0])); /* not TCP */
	close(pipes[0]);
	close(pipes[1]);
	close(again);
	assert_int_equal(traffic.count, 1);
	assert_int_equal(traffic.silent, 1);
	for (unsigned i = 0; i < 40; i++) /* more than there is room for at first */
		opens(i);
	assert_int_equal(traffic.count, 41);
	assert_int_equal(traffic.silent, 2);
	for (unsigned i = 0; i < traffic.count; i++)
		assert_int_equal(traffic.open[i].order, i);
}

static void silent_ones_are_weighed(void **state)
{
	int64_t received[3] = { 0 };
	(void)state;
	need_counters();
	unsigned out = opens(1), quiet = opens(0), loud = opens(0), known = opens(0);
	speaks(known, 2);
	assert_int_equal(traffic.silent, 2);
	comes(out, 4000);
	comes(quiet, 100);
	comes(loud, 101);
	comes(known, 3000);
	assert_int_equal(sl_traffic_weigh(&traffic, 100, received), 1);
	assert_true(is_open(out) && is_open(quiet) && !is_open(loud) && is_open(known));
	assert_int_equal(traffic.silent, 1);
	assert_true(received[0] == 0 && received[1] == 0 && received[2] == 3000);
	comes(known, 20);
	assert_int_equal(sl_traffic_weigh(&traffic, 100, received), 0);
	assert_int_equal(received[2], 3020);
}

static void edges_move_and_go(void **state)
{
	static const int64_t to[] = { 1, -1, 0 };
	(void)state;
	unsigned out = opens(2), silent = opens(0), first = opens(0), gone = opens(0), last = opens(0);
	speaks(first, 0);
	speaks(gone, 1);
	speaks(last, 2);
	sl_traffic_renumber(&traffic, to, false);
	assert_true(is_open(out) && is_open(silent) && is_open(first) && !is_open(gone) && is_open(last));
	assert_int_equal(traffic.silent, 1);
	sl_traffic_shut_edge(&traffic, 0);
	assert_true(is_open(first) && !is_open(last));
	sl_traffic_renumber(&traffic, to, true);
	assert_true(is_open(out) && !is_open(silent) && !is_open(first)); /* 1 by now, which is gone */
	assert_int_equal(traffic.silent, 0);
}

static void silent_ones_are_shut(void **state)
{
	(void)state;
	unsigned out = opens(1), silent = opens(0), known = opens(0), other = opens(0);
	speaks(known, 0);
	sl_traffic_shut(&traffic, ours[out]);
	sl_traffic_shut(&traffic, ours[other]);
	assert_true(is_open(out) && is_open(silent) && is_open(known) && !is_open(other));
	sl_traffic_shut_silent(&traffic);
	assert_true(is_open(out) && !is_open(silent) && is_open(known));
	assert_int_equal(traffic.silent, 0);
}

/* By owner those that went out, by edge those that came in. */
static void whose_connections_are_meant(void **state)
{
	(void)state;
	need_counters();
	unsigned out = opens(2), other = opens(3), in = opens(0), silent = opens(0);
	speaks(in, 2);
	comes(out, 10);
	comes(other, 20);
	comes(in, 40);
	comes(silent, 80);
	assert_int_equal(sl_traffic_received(&traffic, (struct sl_traffic_whose){ 2, 3 }), 10);
	assert_int_equal(sl_traffic_received(&traffic, (struct sl_traffic_whose){ 0, 2 }), 40);
	assert_int_equal(sl_traffic_received(&traffic, of(0)), 0);
	assert_int_equal(sl_traffic_order(&traffic, ours[in]), 3);
	assert_int_equal(sl_traffic_order(&traffic, ours[out]), 0);
	sl_traffic_shut_owner(&traffic, 2);
	assert_true(!is_open(out) && is_open(other) && is_open(in) && is_open(silent));
	assert_int_equal(traffic.silent, 1);
}

/* Whether it was this end that closed it, while the sender was sending. */
static void who_cut_it(void **state)
{
	char address[64] = "";
	(void)state;
	unsigned in = opens(0), out = opens(1);
	comes(in, 1);
	assert_false(sl_traffic_cut(&traffic, 1, ours[in], address));
	assert_false(sl_traffic_cut(&traffic, 0, ours[out], address));
	assert_true(sl_traffic_cut(&traffic, 0, ours[in], address));
	assert_string_equal(address, "127.0.0.1");
	shutdown(theirs[in], SHUT_RDWR);
	char byte;
	assert_int_equal(recv(ours[in], &byte, 1, 0), 0);
	assert_false(sl_traffic_cut(&traffic, 0, ours[in], address));
}

static void links_are_measured(void **state)
{
	struct sl_traffic_link link = { 0 };
	(void)state;
	need_counters();
	assert_false(sl_traffic_measure(&traffic, of(3), &link));
	unsigned first = opens(3), second = opens(3), other = opens(0);
	leaves(first, 100);
	leaves(second, 20);
	leaves(other, 3);
	assert_true(sl_traffic_measure(&traffic, of(3), &link));
	assert_int_equal(link.tx, 120);
	assert_true(link.resent == 0 && link.unsent == 0 && link.srtt_us > 0 && link.least_rtt_us > 0);
}

static uint64_t pace_of(int fd)
{
	uint64_t rate = 0;
	socklen_t size = sizeof rate;
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, &size), 0);
	return rate;
}

static void all_keep_the_pace(void **state)
{
	(void)state;
	need(SOL_SOCKET, SO_MAX_PACING_RATE, sizeof(uint64_t), "SO_MAX_PACING_RATE");
	unsigned before = opens(0);
	sl_traffic_pace(&traffic, 4000);
	unsigned after = opens(1);
	assert_int_equal(pace_of(ours[before]), 4000);
	assert_int_equal(pace_of(ours[after]), 4000);
	sl_traffic_pace(&traffic, 0);
	assert_true(pace_of(ours[before]) > UINT32_MAX && pace_of(ours[after]) > UINT32_MAX);
	unsigned free_of_it = opens(1);
	assert_true(pace_of(ours[free_of_it]) > UINT32_MAX);
}

int main(void)
{
#define TRAFFIC_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TRAFFIC_TEST(totals_go_on_after_the_end),
		TRAFFIC_TEST(a_connection_counts_once),
		TRAFFIC_TEST(silent_ones_are_weighed),
		TRAFFIC_TEST(edges_move_and_go),
		TRAFFIC_TEST(silent_ones_are_shut),
		TRAFFIC_TEST(whose_connections_are_meant),
		TRAFFIC_TEST(who_cut_it),
		TRAFFIC_TEST(links_are_measured),
		TRAFFIC_TEST(all_keep_the_pace),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
