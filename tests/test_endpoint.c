/* Where a peer is reached: the forms that are taken, those that are refused and what is said of them, and
 * names that are looked up beside the loop. */
#include "daemon/peer/net/resolver.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct sl_error error;

static void forms_are_told_apart(void **state)
{
	static const struct {
		const char *text, *host;
		uint16_t port;
		enum sl_endpoint_kind kind;
	} good[] = {
		{ "tcp://127.0.0.1:41000", "127.0.0.1", 41000, SL_ENDPOINT_ADDRESS },
		{ "tcp://[::1]:1", "::1", 1, SL_ENDPOINT_ADDRESS },
		{ "tcp://[2001:db8::7]:65535", "2001:db8::7", 65535, SL_ENDPOINT_ADDRESS },
		{ "tcp://h:1", "h", 1, SL_ENDPOINT_NAME },
		{ "tcp://site-3.example:7000", "site-3.example", 7000, SL_ENDPOINT_NAME },
		{ "tcp://site-3.example.:7000", "site-3.example.", 7000, SL_ENDPOINT_NAME },
		{ "tcp://3com.example:7000", "3com.example", 7000, SL_ENDPOINT_NAME },
		{ "tcp://under_score:7000", "under_score", 7000, SL_ENDPOINT_NAME },
		{ "ipc:///run/starling/3", "/run/starling/3", 0, SL_ENDPOINT_PATH },
		{ "ipc://@starling-3", "@starling-3", 0, SL_ENDPOINT_PATH },
	};
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct sl_endpoint e;
		assert_int_equal(sl_endpoint_parse(&e, good[i].text, &error), SL_OK);
		assert_string_equal(e.host, good[i].host);
		assert_int_equal(e.port, good[i].port);
		assert_int_equal(e.kind, good[i].kind);
	}
}

static void what_leads_nowhere_is_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} wrong[] = {
		{ "tcp://*:7000", "'tcp://*:7000' is an address to listen at, not one to connect to" },
		{ "tcp://0.0.0.0:7000",
		  "means all addresses of a host; neighbours need one that reaches this host" },
		{ "tcp://[::]:7000",
		  "means all addresses of a host; neighbours need one that reaches this host" },
		{ "tcp://::1:7000", "needs brackets around its IPv6 address, such as tcp://[::1]:7000" },
		{ "tcp://2001:db8::7:7000", "needs brackets around its IPv6 address" },
		{ "tcp://eth0;127.0.0.1:7000", "contains an interface or a source address" },
		{ "tcp://127.0.0.2:0;127.0.0.1:7000", "contains an interface or a source address" },
		{ "tcp://[127.0.0.1]:7000", "has no valid IPv6 address in its brackets" },
		{ "tcp://[fe80::1]:7000", "is valid on one link only" },
		{ "tcp://[fe80::1%eth0]:7000", "has no valid IPv6 address in its brackets" },
		{ "tcp://[ff02::1]:7000", "is not the address of a single host" },
		{ "tcp://224.0.0.1:7000", "is not the address of a single host" },
		{ "tcp://255.255.255.255:7000", "is not the address of a single host" },
		{ "tcp://127.1:7000", "contains no valid IPv4 address, which is four numbers from 0 to 255" },
		{ "tcp://192.0.2.256:7000", "contains no valid IPv4 address" },
		{ "tcp://10.0.0.1.5:7000", "contains no valid IPv4 address" },
		{ "tcp://0x7f000001:7000", "contains no valid IPv4 address" },
		{ "tcp://-h:7000", "contains neither an address nor a host name" },
		{ "tcp://a..b:7000", "contains neither an address nor a host name" },
		{ "tcp://.:7000", "contains neither an address nor a host name" },
		{ "tcp://a/b:7000", "contains neither an address nor a host name" },
		{ "tcp://h\xc3\xb6he:7000", "contains neither an address nor a host name" },
		{ "tcp://user@h:7000", "contains neither an address nor a host name" },
		{ "tcp://:7000",
		  "must be tcp://ADDRESS:PORT, ipc://PATH or dial-only, at most 191 characters" },
		{ "tcp://h", "must be tcp://ADDRESS:PORT" },
		{ "tcp://h:0", "must be tcp://ADDRESS:PORT" },
		{ "tcp://h:*", "must be tcp://ADDRESS:PORT" },
		{ "tcp://h:70000", "must be tcp://ADDRESS:PORT" },
		{ "tcp://h:123456", "must be tcp://ADDRESS:PORT" },
		{ "tcp://h: 7000", "must be tcp://ADDRESS:PORT" },
		{ "udp://h:7000", "must be tcp://ADDRESS:PORT" },
		{ "h:7000", "must be tcp://ADDRESS:PORT" },
		{ "", "must be tcp://ADDRESS:PORT" },
		{ "ipc://", "must be tcp://ADDRESS:PORT" },
		{ "ipc://*", "has no path" },
		{ "ipc:///"
		  "012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
		  "0"
		  "12345678901234567",
		  "has a path longer than 107 characters" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct sl_endpoint e;
		assert_int_equal(sl_endpoint_parse(&e, wrong[i].text, &error), SL_MALFORMED);
		if (!strstr(error.text, wrong[i].why) || strncmp(error.text, "endpoint '", 10) != 0)
			fail_msg("%s: %s", wrong[i].text, error.text);
	}
}

static void addresses_of_this_host_are_known(void **state)
{
	char endpoint[SL_TEXT_MAX];
	struct sl_address here = { "127.0.0.1", false }, there = { "192.0.2.7", false },
	                  six = { "::1", true };
	(void)state;
	assert_true(sl_address_local(&here));
	assert_false(sl_address_local(&there));
	assert_true(sl_address_loopback(&here) && sl_address_loopback(&six) && !sl_address_loopback(&there));
	sl_address_endpoint(&here, 7000, endpoint);
	assert_string_equal(endpoint, "tcp://127.0.0.1:7000");
	sl_address_endpoint(&six, 7000, endpoint);
	assert_string_equal(endpoint, "tcp://[::1]:7000");
	assert_int_equal(sl_endpoint_route("tcp://127.0.0.1:7000"), 0);
}

/* Waits for an answer. */
static void answer(struct sl_resolver *r, struct sl_resolved *out)
{
	struct pollfd item = { .fd = sl_resolver_descriptor(r), .events = POLLIN };
	assert_int_equal(poll(&item, 1, 60000), 1);
	assert_true(sl_resolver_take(r, out));
}

static void every_question_has_an_answer(void **state)
{
	enum { QUESTIONS = 40 };
	bool seen[QUESTIONS] = { false };
	struct sl_resolved found;
	(void)state;
	struct sl_resolver *r = sl_resolver_open(&error);
	assert_non_null(r);
	assert_false(sl_resolver_take(r, &found));
	for (uint32_t i = 0; i < QUESTIONS; i++)
		assert_true(sl_resolver_ask(r, i % 2 ? "localhost" : "127.0.0.1", i));
	for (uint32_t i = 0; i < QUESTIONS; i++) {
		answer(r, &found);
		assert_true(found.tag < QUESTIONS && !seen[found.tag]);
		seen[found.tag] = true;
		assert_string_equal(found.name, found.tag % 2 ? "localhost" : "127.0.0.1");
		assert_true(found.count > 0 && found.count <= SL_RESOLVED_MAX);
		assert_true(sl_address_loopback(&found.address[0]));
	}
	assert_false(sl_resolver_take(r, &found));
	sl_resolver_ask(r, "a name with blanks", 7);
	answer(r, &found);
	assert_int_equal(found.count, 0);
	assert_true(found.reason[0]);
	sl_resolver_ask(r, "localhost", 8); /* its answer goes nowhere */
	sl_resolver_close(r);
	sl_resolver_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms_are_told_apart),
		cmocka_unit_test(what_leads_nowhere_is_refused),
		cmocka_unit_test(addresses_of_this_host_are_known),
		cmocka_unit_test(every_question_has_an_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
