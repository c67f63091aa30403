/* Links between neighbours: what passes, what is counted, what is said. Real sockets of libzmq on localhost, ports from the
 * kernel. */
#include "tests/support/ends.h"
#include "daemon/cli/common/ports.h"
#include "daemon/peer/net/link.h"
#include "daemon/run/clock.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct sl_error error;

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
	assert_string_equal(ends[0].kinds, "");
}

/* End 1 is dial-only: its connections carry both directions, and come back with it. What another neighbour sends, under
 * whatever routing id, moves no message for end 1 to it. */
static void a_dial_only_peer_is_answered_on_its_connection(void **state)
{
	char text[32];
	(void)state;
	snprintf(ends[1].endpoint, sizeof ends[1].endpoint, "dial-only");
	open_end(0, (const unsigned[]){ 1, 2 }, 2);
	open_end(2, (const unsigned[]){ 0, 1 }, 2);
	assert_false(sl_net_send(&ends[0].net, 0, (const uint8_t *)"early", 5, NULL, 0));
	for (unsigned k = 0; k < 3; k++) {
		open_end(1, (const unsigned[]){ 0, 2 }, 2);
		assert_int_equal(ends[1].net.listeners, 0);
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
		sl_net_close(&ends[1].net);
		ends[1].open = false;
		UNTIL(!ends[0].net.link[0].up);
		assert_false(sl_net_send(&ends[0].net, 0, (const uint8_t *)"x", 1, NULL, 0));
		ends[0].net.link[0].parked_length = 0;
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
	while (!sl_net_send(&ends[1].net, 0, header, sizeof header, body, sizeof body)) {
		assert_true(sl_time_before(sl_clock(), until));
		turn_all();
	}
	while (!sl_net_receive(&ends[0].net, &edge, &bytes, &length)) {
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
		assert_false(sl_net_send(&ends[0].net, 0, (const uint8_t *)"x", 1, NULL, 0));
	assert_int_equal(ends[0].net.unsent, 10000);
}

static void a_greeting_waits_for_its_link(void **state)
{
	uint32_t edge;
	char text[64];
	(void)state;
	open_end(1, (const unsigned[]){ 0 }, 1);
	assert_false(sl_net_send(&ends[1].net, 0, (const uint8_t *)"older", 5, NULL, 0));
	assert_false(sl_net_send(&ends[1].net, 0, (const uint8_t *)"new", 3, (const uint8_t *)"est", 3));
	open_end(0, (const unsigned[]){ 1 }, 1);
	assert_true(take(0, &edge, text, patience()));
	assert_string_equal(text, "newest");
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
		UNTIL(ends[0].net.link[0].up); /* earlier, a frame may go to the connection that is gone */
		for (unsigned sent = 0, got = 0; got < 50;) {
			assert_true(sl_time_before(sl_clock(), until));
			if (sent < 50 && sent - got < 4 &&
			    sl_net_send(&ends[0].net, 0, body, sizeof body, NULL, 0))
				sent++;
			else
				turn_all();
			while (sl_net_receive(&ends[1].net, &edge, &bytes, &length))
				got++;
		}
		struct sl_traffic_sum sent_sum = sl_traffic_total(&ends[0].net.traffic),
		                      got_sum = sl_traffic_total(&ends[1].net.traffic);
		assert_in_range(sent_sum.tx - before, 50 * 4000, 50 * 4000 * 102 / 100 + 2000);
		assert_int_equal(sent_sum.tx - before,
		                 got_sum.rx); /* it has read everything, so nothing is on its way */
		before = sent_sum.tx;
		ends[1].open = false;
		sl_net_close(&ends[1].net);
		UNTIL(!ends[0].net.link[0].connected);
		sent_sum = sl_traffic_total(&ends[0].net.traffic);
		assert_in_range(sent_sum.tx, before, before + 500);
		before = sent_sum.tx;
	}
}

/* Whoever opens the links anew, with another key or endpoint, need not carry totals over. */
static void bytes_are_counted_on_when_links_are_opened_anew(void **state)
{
	struct sl_net_neighbour other = { 1, ends[1].endpoint, ends[1].identity.curve_public };
	struct sl_net_setup setup = { ends[0].endpoint, &ends[2].identity, &other,  1,
		                      ENDS_FRAME_MAX,   on_notice,         &ends[0] };
	struct sl_traffic_sum sum, more;
	(void)state;
	need_socket_option(counts_bytes(), "TCP_INFO");
	open_end(0, (const unsigned[]){ 1 }, 1);
	open_end(1, (const unsigned[]){ 0 }, 1);
	UNTIL(ends[0].net.link[0].up && ends[1].net.link[0].up);
	sum = sl_traffic_total(&ends[0].net.traffic);
	assert_true(sum.tx > 0 && sum.rx > 0);
	assert_int_equal(sl_net_reopen(&ends[0].net, &setup, &error), SL_OK);
	more = sl_traffic_total(&ends[0].net.traffic);
	assert_true(more.tx >= sum.tx && more.rx >= sum.rx);
	setup.endpoint = ends[1].endpoint; /* it is taken */
	assert_int_equal(sl_net_reopen(&ends[0].net, &setup, &error), SL_IO);
	ends[0].open = false;
	more = sl_traffic_total(&ends[0].net.traffic);
	assert_true(more.tx >= sum.tx && more.rx >= sum.rx);
}

static void endpoints_that_cannot_be_had_are_named(void **state)
{
	(void)state;
	open_end(0, NULL, 0);
	struct sl_net second;
	struct sl_net_setup setup = { ends[0].endpoint, &ends[1].identity, NULL,    0,
		                      ENDS_FRAME_MAX,   on_notice,         &ends[1] };
	assert_int_equal(sl_net_open(&second, &setup, &error), SL_IO);
	char expected[128];
	snprintf(expected, sizeof expected, "%s: cannot listen: Address already in use", ends[0].endpoint);
	assert_string_equal(error.text, expected);
}

/* Behind an address translation the endpoint is no address of this host. */
static void an_endpoint_that_is_not_ours_listens_on_its_port(void **state)
{
	char elsewhere[64], here[64];
	(void)state;
	snprintf(here, sizeof here, "%s", ends[0].endpoint);
	snprintf(elsewhere, sizeof elsewhere, "tcp://192.0.2.1:%u", sl_port_of(here));
	snprintf(ends[0].endpoint, sizeof ends[0].endpoint, "%s", elsewhere);
	open_end(0, (const unsigned[]){ 1 }, 1);
	assert_string_equal(ends[0].kinds, "listens-everywhere ");
	snprintf(ends[0].endpoint, sizeof ends[0].endpoint, "%s", here);
	open_end(1, (const unsigned[]){ 0 }, 1);
	assert_passes(1, 0, 0, 0, "hello");
}

/* Names are looked up beside the loop; libzmq gets addresses. */
static void a_name_leads_to_its_address(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		uint16_t port = sl_port_of(ends[i].endpoint);
		snprintf(ends[i].endpoint, sizeof ends[i].endpoint, "tcp://localhost:%u", port);
	}
	open_end(0, (const unsigned[]){ 1 }, 1);
	open_end(1, (const unsigned[]){ 0 }, 1);
	assert_passes(0, 0, 1, 0, "hello");
	assert_passes(1, 0, 0, 0, "you too");
	assert_string_equal(ends[0].kinds, "");
	assert_null(strstr(ends[0].net.endpoint, "localhost"));
	assert_null(strstr(ends[0].net.link[0].target, "localhost"));
}

/* Whoever is heard lives: the way to it is tried at once, and not when libzmq's pause is over. */
static void who_is_heard_is_tried_at_once(void **state)
{
	uint32_t edge;
	char text[64];
	(void)state;
	open_end(0, (const unsigned[]){ 1 }, 1);
	const struct sl_net_link *l = &ends[0].net.link[0];
	UNTIL(l->idle); /* nobody listens there */
	const struct sl_time before = l->kick_at;
	struct client c = client_open(&ends[1].identity, 0, NULL);
	for (struct sl_time until = patience(); l->kick_at.us == before.us;) {
		assert_true(sl_time_before(sl_clock(), until));
		client_send(&c, "here");
		assert_true(take(0, &edge, text, until));
		assert_false(l->idle && !sl_time_before(ends[0].net.now, l->kick_at));
	}
	client_close(&c);
}

/* A neighbour that was connected to us, and is not while we reach it: that is told once, with its reason. */
static void who_stays_away_is_named_once(void **state)
{
	uint32_t edge;
	char text[SL_NET_TROUBLE];
	int64_t since;
	(void)state;
	need_socket_option(counts_bytes(), "TCP_INFO");
	open_end(0, (const unsigned[]){ 1 }, 1);
	struct client c = client_open(&ends[1].identity, 0, NULL);
	client_send(&c, "here");
	assert_true(take(0, &edge, text, patience()));
	memcpy(ends[0].endpoint, ends[2].endpoint, sizeof ends[0].endpoint); /* where nobody is */
	open_end(1, (const unsigned[]){ 0 }, 1);
	struct sl_net_link *l = &ends[0].net.link[0];
	UNTIL(l->came && l->up);
	client_close(&c);
	UNTIL(l->away);
	assert_true(l->up);
	struct sl_time gone = ends[0].net.now;
	for (unsigned s = 0; s < 20; s++) { /* nobody waits for that */
		ends[0].net.now = sl_time_after(gone, s * INT64_C(1000000));
		sl_net_watch_trouble(&ends[0].net, l);
		assert_string_equal(ends[0].kinds, s < 5 ? "" : "not-connected ");
	}
	assert_true(sl_net_trouble(&ends[0].net, 0, text, &since));
	assert_string_equal(text, "it is not connected to us, though it was");
}

/* Somebody we reach and never heard is named once, unless it is in quarantine: then it is we who do not listen. */
static void who_is_not_listened_to_is_not_missed(void **state)
{
	char text[SL_NET_TROUBLE];
	int64_t since;
	(void)state;
	char own[sizeof ends[0].endpoint];
	memcpy(own, ends[0].endpoint, sizeof own);
	memcpy(ends[0].endpoint, ends[2].endpoint, sizeof own); /* end 1 looks for it where nobody is */
	open_end(1, (const unsigned[]){ 0 }, 1);
	memcpy(ends[0].endpoint, own, sizeof own);
	open_end(0, (const unsigned[]){ 1 }, 1);
	struct sl_net *net = &ends[0].net;
	struct sl_net_link *l = &net->link[0];
	UNTIL(l->up);
	struct sl_time begin = net->now;
	for (unsigned listens = 0; listens < 2; listens++) {
		sl_net_close_edge(net, 0, !listens);
		for (unsigned s = 0; s < 20; s++) {
			net->now = sl_time_after(begin, s * INT64_C(1000000));
			sl_net_watch_trouble(net, l);
		}
		assert_string_equal(ends[0].kinds, listens ? "never-heard " : "");
		assert_int_equal(sl_net_trouble(net, 0, text, &since), listens);
		assert_string_equal(text, listens ? "it has never connected to us" : "");
	}
}

static enum sl_link_change next_change(void)
{
	enum sl_link_change change;
	uint32_t edge;
	for (struct sl_time until = patience(); !sl_net_change_of(&ends[0].net, &edge, &change); turn_all())
		assert_true(sl_time_before(sl_clock(), until));
	return change;
}

/* Both ends count the messages of a connection: what follows a dropped one would be taken for it. */
static void after_a_drop_nothing_leaves_before_it_is_known(void **state)
{
	static uint8_t frame[ENDS_FRAME_MAX];
	char text[64];
	uint32_t edge;
	unsigned taken = 0;
	(void)state;
	open_end(0, (const unsigned[]){ 1 }, 1);
	open_end(1, (const unsigned[]){ 0 }, 1);
	assert_passes(0, 0, 1, 0, "first");
	assert_int_equal(next_change(), SL_LINK_UP);
	while (sl_net_send(&ends[0].net, 0, frame, sizeof frame, NULL, 0))
		taken++;
	assert_true(taken > 0);
	while (taken-- > 0)
		assert_true(take(1, &edge, text, patience()));
	assert_false(sl_net_send(&ends[0].net, 0, (const uint8_t *)"gap", 3, NULL, 0));
	enum sl_link_change change;
	while ((change = next_change()) == SL_LINK_MOVES)
		;
	assert_int_equal(change, SL_LINK_FULL);
	assert_false(sl_net_send(&ends[0].net, 0, (const uint8_t *)"gap", 3, NULL, 0));
	while ((change = next_change()) == SL_LINK_MOVES)
		;
	assert_int_equal(change, SL_LINK_ROOM);
	assert_passes(0, 0, 1, 0, "again");
}

/* Sends to end 1 until it takes no more; true if there is room again while nobody reads there. */
static bool fill_up(struct sl_time until)
{
	static uint8_t frame[ENDS_FRAME_MAX];
	enum sl_link_change change;
	uint32_t edge;
	while (sl_net_send(&ends[0].net, 0, frame, sizeof frame, NULL, 0))
		assert_true(sl_time_before(sl_clock(), until));
	while (next_change() != SL_LINK_FULL)
		;
	for (unsigned n = 0; n < 20; n++, turn_all())
		while (sl_net_change_of(&ends[0].net, &edge, &change))
			if (change == SL_LINK_ROOM)
				return true;
	return false;
}

/* The way back to a dial-only peer is full until it reads. */
static void a_way_back_has_room_once_it_is_read(void **state)
{
	char text[64];
	uint32_t edge;
	(void)state;
	need_socket_option(counts_bytes(), "TCP_INFO");
	snprintf(ends[1].endpoint, sizeof ends[1].endpoint, "dial-only");
	open_end(0, (const unsigned[]){ 1 }, 1);
	open_end(1, (const unsigned[]){ 0 }, 1);
	assert_passes(1, 0, 0, 0, "first");
	assert_int_equal(next_change(), SL_LINK_UP);
	for (struct sl_time until = patience(); fill_up(until);)
		assert_true(sl_time_before(sl_clock(), until));
	while (take(1, &edge, text, sl_time_after(sl_clock(), 100000)))
		;
	while (next_change() != SL_LINK_ROOM)
		;
	assert_passes(0, 0, 1, 0, "again");
}

#define NET_TEST(f) cmocka_unit_test_setup_teardown(f, ends_set_up, ends_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NET_TEST(neighbours_hear_each_other),
		NET_TEST(a_dial_only_peer_is_answered_on_its_connection),
		NET_TEST(header_and_body_arrive_as_one),
		NET_TEST(sending_to_nobody_drops_at_once),
		NET_TEST(a_greeting_waits_for_its_link),
		NET_TEST(after_a_drop_nothing_leaves_before_it_is_known),
		NET_TEST(a_way_back_has_room_once_it_is_read),
		NET_TEST(wire_bytes_are_the_kernels),
		NET_TEST(bytes_are_counted_on_when_links_are_opened_anew),
		NET_TEST(endpoints_that_cannot_be_had_are_named),
		NET_TEST(an_endpoint_that_is_not_ours_listens_on_its_port),
		NET_TEST(a_name_leads_to_its_address),
		NET_TEST(who_is_heard_is_tried_at_once),
		NET_TEST(who_stays_away_is_named_once),
		NET_TEST(who_is_not_listened_to_is_not_missed),
	};
	if (sl_keys_start(&error) != SL_OK)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
