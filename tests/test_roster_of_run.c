/* Whose roster it is that a configuration names, and that none is followed by an older one. */
#include "daemon/run/roster_of_run.h"
#include "tests/support/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char id_a[] = "00112233445566778899aabbccddeeff", id_b[] = "00112233445566778899aabbccddeef0";
static struct sl_identity operator_identity, other_operator;
static struct sl_config config;
static struct sl_error error;

static int set_up(void **state)
{
	(void)state;
	memset(&config, 0, sizeof config);
	snprintf(config.folder, sizeof config.folder, "%s", folder_make());
	snprintf(config.state, sizeof config.state, "%s", config.folder);
	sl_run_settings_standard(&config.settings);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	folder_remove();
	return 0;
}

/* Writes a roster of two peers; id NULL: of version 1. */
static void write_roster(uint32_t serial, const char *id)
{
	static const struct sl_edge_pair edge = { 0, 1 };
	struct sl_roster_peer peer[2];
	struct sl_identity identity;
	struct sl_roster r = { .serial = serial, .bound = id != NULL, .peer = peer };
	memset(peer, 0, sizeof peer);
	for (unsigned i = 0; i < sizeof r.run && id; i++)
		assert_int_equal(sscanf(id + 2 * i, "%2hhx", &r.run[i]), 1);
	for (unsigned i = 0; i < 2; i++) {
		sl_identity_make(&identity);
		snprintf(peer[i].name, sizeof peer[i].name, "peer-%u", i);
		snprintf(peer[i].endpoint, sizeof peer[i].endpoint, "tcp://127.0.0.1:%u", 7000 + i);
		memcpy(peer[i].public_key, identity.public_key, SL_KEY_BYTES);
	}
	assert_int_equal(sl_topology_from_edges(&r.topology, "path:2", 2, &edge, NULL, 1, &error), SL_OK);
	assert_int_equal(sl_roster_write(&r, folder_path("roster"), &operator_identity, &error), SL_OK);
	sl_topology_free(&r.topology);
}

static enum sl_status reads(struct sl_roster *out, const char *id)
{
	snprintf(config.settings.host.id, sizeof config.settings.host.id, "%s", id);
	return sl_roster_of_run(out, &config, operator_identity.public_key, &error);
}

static void assert_refused(const char *id, const char *sentence)
{
	struct sl_roster r;
	assert_int_not_equal(reads(&r, id), SL_OK);
	if (!strstr(error.text, sentence))
		fail_msg("\"%s\" is not in \"%s\"", sentence, error.text);
}

static void a_roster_is_of_one_run(void **state)
{
	struct sl_roster r;
	(void)state;
	write_roster(1, id_a);
	assert_int_equal(reads(&r, id_a), SL_OK);
	assert_true(r.bound && r.run[1] == 0x11);
	sl_roster_free(&r);
	assert_refused(id_b, "is the roster of run 00112233445566778899aabbccddeeff, but [run] id = "
	                     "00112233445566778899aabbccddeef0: another run's roster");
	assert_refused("", "[run] id is missing: add id = 00112233445566778899aabbccddeeff");
	assert_refused("1234", "[run] id = 1234: must be 32 hex digits");
	assert_int_equal(sl_roster_to_sign(&r, &config, operator_identity.public_key, &error), SL_MALFORMED);
}

static void a_roster_of_version_1_is_for_runs_without_an_id(void **state)
{
	struct sl_roster r;
	(void)state;
	write_roster(1, NULL);
	assert_int_equal(reads(&r, ""), SL_OK);
	assert_false(r.bound);
	sl_roster_free(&r);
	assert_refused(
	    id_a,
	    "names no run (its text has version 1), but [run] id = 00112233445566778899aabbccddeeff: sign "
	    "it again");
	/* The operator can: the next one is of version 2. */
	assert_int_equal(sl_roster_to_sign(&r, &config, operator_identity.public_key, &error), SL_OK);
	assert_true(r.bound && r.run[15] == 0xff);
	assert_int_equal(sl_roster_write(&r, folder_path("roster"), &operator_identity, &error), SL_OK);
	sl_roster_free(&r);
	assert_int_equal(reads(&r, id_a), SL_OK);
	sl_roster_free(&r);
}

static enum sl_status starts(uint32_t serial, const char *id, const struct sl_identity *operator_)
{
	struct sl_roster r;
	write_roster(serial, id);
	assert_int_equal(reads(&r, id ? id : ""), SL_OK);
	enum sl_status status = sl_serial_check(&config, 3, &r, operator_->public_key, &error);
	if (status == SL_OK)
		assert_int_equal(sl_serial_keep(&config, 3, &r, operator_->public_key, &error), SL_OK);
	sl_roster_free(&r);
	return status;
}

static void no_older_roster_follows(void **state)
{
	(void)state;
	assert_int_equal(starts(5, id_a, &operator_identity), SL_OK);
	assert_int_equal(starts(4, id_a, &operator_identity), SL_REFUSED);
	assert_non_null(strstr(error.text, "its serial 4 is below 5"));
	assert_int_equal(starts(5, id_a, &operator_identity), SL_REFUSED); /* with other keys */
	assert_non_null(strstr(error.text, "another roster of serial 5"));
	assert_int_equal(starts(6, id_a, &operator_identity), SL_OK);
	/* Of other runs and operators it says nothing. */
	assert_int_equal(starts(1, id_b, &operator_identity), SL_OK);
	assert_int_equal(starts(1, NULL, &operator_identity), SL_OK);
	assert_int_equal(starts(2, NULL, &operator_identity), SL_OK);
	assert_int_equal(starts(1, NULL, &operator_identity), SL_REFUSED);
	assert_int_equal(starts(1, NULL, &other_operator), SL_OK);
}

static void a_damaged_record_is_named(void **state)
{
	static const char *const damaged[] = { "", "starling-serial 2\n", "starling-serial 1\n",
		                               "starling-serial 1\noperator x\nrun -\nserial 5\n",
		                               "starling-serial 1\noperator x\nrun -\nserial 5 ab\n" };
	(void)state;
	for (unsigned i = 0; i < sizeof damaged / sizeof *damaged; i++) {
		folder_text("serial.3", damaged[i]);
		assert_int_equal(starts(9, id_a, &operator_identity), SL_MALFORMED);
		assert_non_null(strstr(error.text, "serial.3:"));
	}
}

/* The line that is damaged; 0: none. HEX stands for a signature. */
static void a_record_has_exactly_four_lines(void **state)
{
#define WHOSE "starling-serial 1\noperator x\nrun -\n"
	static const struct {
		const char *text;
		int line;
	} all[] = {
		{ "starling-serial 1\n", 1 },
		{ WHOSE "serial 5 HEX", 1 }, /* no newline at its end */
		{ "Starling-serial 1\noperator x\nrun -\nserial 5 HEX\n", 1 },
		{ WHOSE "serial 5 HEX\n", 0 },
		{ WHOSE "serial 0 HEX\n", 0 },
		{ WHOSE "serial 4294967295 HEX\n", 0 },
		{ WHOSE "serial 4294967296 HEX\n", 4 },
		{ WHOSE "serial 42949672960000000 HEX\n", 4 },
		{ WHOSE "serial  HEX\n", 4 },
		{ WHOSE "serial -1 HEX\n", 4 },
		{ WHOSE "serial 5x HEX\n", 4 },
		{ WHOSE "Serial 5 HEX\n", 4 },
		{ WHOSE "serial 5,HEX\n", 4 },
		{ WHOSE "serial 5 gHEX\n", 4 },
		{ WHOSE "serial 5 HEXg\n", 4 },
	};
	char text[512], place[16];
	uint8_t signature[SL_SIGNATURE_BYTES];
	uint32_t serial = 0;
	bool ours;
	(void)state;
	for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
		const char *hex = strstr(all[i].text, "HEX");
		int before = hex ? (int)(hex - all[i].text) : (int)strlen(all[i].text);
		int n = snprintf(text, sizeof text, "%.*s", before, all[i].text);
		for (unsigned k = 0; k < SL_SIGNATURE_BYTES && hex; k++)
			n += snprintf(text + n, sizeof text - (size_t)n, "%02x", k);
		n += snprintf(text + n, sizeof text - (size_t)n, "%s", hex ? hex + 3 : "");
		enum sl_status status =
		    sl_serial_parse(text, (size_t)n, "record", WHOSE, &ours, &serial, signature, &error);
		snprintf(place, sizeof place, "record:%d:", all[i].line);
		if (all[i].line ? status != SL_MALFORMED || strncmp(error.text, place, strlen(place)) != 0
		                : status != SL_OK || !ours)
			fail_msg("%s: %s", all[i].text, status == SL_OK ? "accepted" : error.text);
		if (all[i].line == 0)
			assert_int_equal(signature[63], 63);
		if (all[i].line == 0) {
			status = sl_serial_parse(text, (size_t)n, "record", "another", &ours, &serial,
			                         signature, &error);
			assert_true(status == SL_OK && !ours);
		}
	}
#undef WHOSE
}

int main(void)
{
#define ROSTER_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		ROSTER_TEST(a_roster_is_of_one_run),
		ROSTER_TEST(a_roster_of_version_1_is_for_runs_without_an_id),
		ROSTER_TEST(no_older_roster_follows),
		ROSTER_TEST(a_damaged_record_is_named),
		ROSTER_TEST(a_record_has_exactly_four_lines),
	};
	if (sl_keys_start(&error) != SL_OK)
		return 1;
	sl_identity_make(&operator_identity);
	sl_identity_make(&other_operator);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
