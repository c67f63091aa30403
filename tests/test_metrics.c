/* Metrics: requests, addresses, and the two text formats. */
#include "daemon/peer/metrics/address.h"
#include "daemon/peer/metrics/http.h"
#include "daemon/peer/metrics/text.h"

#include <math.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static void requests_are_answered_or_refused_by_their_code(void **state)
{
	static const struct {
		const char *text;
		int code; /* 0: more must come */
		bool openmetrics;
	} cases[] = {
		{ "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 200, false },
		{ "GET /metrics HTTP/1.0\n\n", 200, false },
		{ "GET /metrics?x=1 HTTP/1.1\r\naCCept: text/plain, Application/OpenMetrics-Text;version=1.0.0\r\n\r\n",
		  200, true },
		{ "GET /metrics HTTP/1.1\r\nX-Accept: application/openmetrics-text\r\n\r\n", 200, false },
		{ "GET /metrics HTTP/1.1\r\nHost: x\r\n", 0, false },
		{ "GET /metrics HTTP/1.1", 0, false },
		{ "", 0, false },
		{ "GET /metricss HTTP/1.1\r\n\r\n", 404, false },
		{ "GET / HTTP/1.1\r\n\r\n", 404, false },
		{ "HEAD /metrics HTTP/1.1\r\n\r\n", 405, false },
		{ "get /metrics HTTP/1.1\r\n\r\n", 405, false },
		{ "GET /metrics HTTP/2.0\r\n\r\n", 505, false },
		{ "GET /metrics HTTP/1.10\r\n\r\n", 400, false },
		{ "GET /metrics\r\n\r\n", 400, false },
		{ "GET  /metrics HTTP/1.1\r\n\r\n", 400, false },
		{ "GET /met\trics HTTP/1.1\r\n\r\n", 400, false },
		{ "GET /metrics HTTP/1.1\r\n folded: x\r\n\r\n", 400, false },
		{ "GET /metrics HTTP/1.1\r\nno colon\r\n\r\n", 400, false },
		{ "GET /metrics HTTP/1.1\r\nA: \x01\r\n\r\n", 400, false },
		{ "\r\n\r\n", 400, false },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct sl_http_request request;
		bool done = sl_http_read(&request, cases[i].text, strlen(cases[i].text));
		if (done != (cases[i].code != 0) || (done && request.code != cases[i].code) ||
		    (done && request.code == 200 && request.openmetrics != cases[i].openmetrics))
			fail_msg("case %zu: done %d, code %d, openmetrics %d", i, done, request.code,
			         request.openmetrics);
	}
}

static void a_request_is_bounded(void **state)
{
	static char bytes[SL_HTTP_REQUEST];
	struct sl_http_request request;
	(void)state;
	memset(bytes, 'a', sizeof bytes);
	assert_false(sl_http_read(&request, bytes, sizeof bytes - 1));
	assert_true(sl_http_read(&request, bytes, sizeof bytes));
	assert_int_equal(request.code, 431);
	memcpy(bytes, "GET /metrics HTTP/1.1\nA:", 24);
	assert_true(sl_http_read(&request, bytes, sizeof bytes));
	assert_int_equal(request.code, 431);
}

static struct sl_error error;

static enum sl_status places(struct sl_metrics_places *out, const char *listen, const char *textfile,
                             bool remote)
{
	static struct sl_config config;
	memset(&config, 0, sizeof config);
	snprintf(config.state, sizeof config.state, "/state");
	snprintf(config.settings.host.metrics_listen, SL_TEXT_MAX, "%s", listen);
	snprintf(config.settings.host.metrics_textfile, SL_TEXT_MAX, "%s", textfile);
	config.settings.host.metrics_remote = remote;
	return sl_metrics_places(out, &config, 7, &error);
}

static void addresses_are_of_this_machine_unless_said_otherwise(void **state)
{
	struct sl_metrics_places p;
	const struct sockaddr_in *four = (const struct sockaddr_in *)&p.address;
	(void)state;
	assert_int_equal(places(&p, "", "", false), SL_OK);
	assert_false(p.listens);
	assert_int_equal(places(&p, "127.0.0.1:9400+%d", "", false), SL_OK);
	assert_true(p.listens && four->sin_family == AF_INET && ntohs(four->sin_port) == 9407);
	assert_string_equal(p.text, "127.0.0.1:9407");
	assert_int_equal(places(&p, "[::1]:9464", "", false), SL_OK);
	assert_string_equal(p.text, "[::1]:9464");
	assert_int_equal(places(&p, "unix:/run/x/%d.sock", "", false), SL_OK);
	assert_string_equal(((const struct sockaddr_un *)&p.address)->sun_path, "/run/x/7.sock");
	assert_string_equal(p.text, "unix:/run/x/7.sock");
	assert_int_equal(places(&p, "unix:m/%d-%d", "/var/lib/x/starling-%d.prom", false), SL_OK);
	assert_string_equal(((const struct sockaddr_un *)&p.address)->sun_path, "/state/m/7-7");
	assert_string_equal(p.textfile, "/var/lib/x/starling-7.prom");
	assert_int_equal(places(&p, "10.0.0.1:9464", "", true), SL_OK);
	assert_int_equal(places(&p, "10.0.0.1:9464", "", false), SL_REFUSED);
	assert_non_null(strstr(error.text, "[metrics] listen = 10.0.0.1:9464: other hosts"));
	assert_int_equal(places(&p, "0.0.0.0:9464", "", false), SL_REFUSED);
	assert_int_equal(places(&p, "[::]:9464", "", false), SL_REFUSED);
}

static void other_addresses_are_refused(void **state)
{
	static const char *const wrong[] = { "9464",           "localhost:9464",   "127.0.0.1:",
		                             "127.0.0.1:0",    "127.0.0.1:65536",  "127.0.0.1:65530+%d",
		                             "127.0.0.1:94a",  "::1:9464",         "[::1]",
		                             "[127.0.0.1]:80", "127.0.0.1:9464+d", "unix:" };
	struct sl_metrics_places p;
	char text[200] = "unix:/";
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		if (places(&p, wrong[i], "", true) != SL_MALFORMED)
			fail_msg("%s is taken", wrong[i]);
	memset(text + 6, 'a', 110);
	assert_int_equal(places(&p, text, "", false), SL_TOO_BIG);
	assert_int_equal(places(&p, "", "metrics", false), SL_MALFORMED);
	assert_int_equal(places(&p, "", ".prom", false), SL_MALFORMED);
}

static char *written(bool openmetrics)
{
	struct sl_metrics_text t;
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	assert_non_null(out);
	sl_metrics_begin(&t, out, openmetrics, "a\"b\\c\nd\xff", 3);
	sl_metrics_one(&t, "starling_x_total", SL_METRIC_COUNTER, "Things.", 2);
	sl_metrics_one(&t, "starling_unknown", SL_METRIC_GAUGE, "Nothing.", (double)NAN);
	sl_metrics_family(&t, "starling_y_seconds", SL_METRIC_GAUGE, "Times.");
	sl_metrics_sample(&t, (const char *const[]){ "k", "v\"", NULL }, 0.1);
	sl_metrics_sample(&t, (const char *const[]){ "k", "w", NULL }, (double)INFINITY);
	sl_metrics_sample(&t, NULL, 1e300);
	sl_metrics_end(&t);
	fclose(out);
	return text;
}

#define COMMON "run=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\",peer=\"3\""
static void texts_are_what_the_formats_want(void **state)
{
	(void)state;
	char *plain = written(false), *open = written(true);
	assert_string_equal(plain, "# HELP starling_x_total Things.\n# TYPE starling_x_total counter\n"
	                           "starling_x_total{" COMMON "} 2\n"
	                           "# HELP starling_y_seconds Times.\n# TYPE starling_y_seconds gauge\n"
	                           "starling_y_seconds{" COMMON ",k=\"v\\\"\"} 0.1\n"
	                           "starling_y_seconds{" COMMON "} 1e+300\n");
	assert_string_equal(open, "# HELP starling_x Things.\n# TYPE starling_x counter\n"
	                          "starling_x_total{" COMMON "} 2\n"
	                          "# HELP starling_y_seconds Times.\n# TYPE starling_y_seconds gauge\n"
	                          "starling_y_seconds{" COMMON ",k=\"v\\\"\"} 0.1\n"
	                          "starling_y_seconds{" COMMON "} 1e+300\n# EOF\n");
	free(plain);
	free(open);
}

static void labels_are_cut_between_characters(void **state)
{
	char out[6];
	(void)state;
	sl_metrics_label("abcd\"e", out, sizeof out);
	assert_string_equal(out, "abcd");
	sl_metrics_label("abc\xc3\xa4\xc3\xa4", out, sizeof out);
	assert_string_equal(out, "abc\xc3\xa4");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_answered_or_refused_by_their_code),
		cmocka_unit_test(a_request_is_bounded),
		cmocka_unit_test(addresses_are_of_this_machine_unless_said_otherwise),
		cmocka_unit_test(other_addresses_are_refused),
		cmocka_unit_test(texts_are_what_the_formats_want),
		cmocka_unit_test(labels_are_cut_between_characters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
