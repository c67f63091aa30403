/* What every line of a signed roster may be, up to its limits, and what is one step beyond them. */
#include "daemon/run/files.h"
#include "daemon/run/roster.h"
#include "support/folder.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FILE_MOST = 32768, KEYS = 40 };
#define HEAD  "starling-roster 1\nserial 9\ntopology path:2\n"
#define PEERS "peer 0 a tcp://h:1 A\npeer 1 b tcp://h:2 B\n"
#define EDGE  "edge 0 1 0.5\n"

static struct sl_identity operator_identity;
static char key[KEYS][SL_KEY_HEX];
static struct sl_error error;

static enum sl_status parse(struct sl_roster *out, const char *text, size_t length)
{
	static char file[FILE_MOST + 256];
	uint8_t signature[SL_SIGNATURE_BYTES];
	assert_true(length < FILE_MOST);
	memcpy(file, text, length);
	crypto_sign_detached(signature, NULL, (const uint8_t *)text, length, operator_identity.secret);
	size_t n = length + (size_t)sprintf(file + length, "signature ");
	for (unsigned i = 0; i < sizeof signature; i++)
		n += (size_t)sprintf(file + n, "%02x", signature[i]);
	file[n++] = '\n';
	return sl_roster_parse(out, file, n, "roster", operator_identity.public_key, &error);
}

/* A and B in `lines` stand for keys. */
static enum sl_status parse_lines(struct sl_roster *out, const char *lines)
{
	static char text[FILE_MOST];
	size_t n = 0;
	for (const char *s = lines; *s; s++)
		if (*s == 'A' || *s == 'B')
			n += (size_t)sprintf(text + n, "%s", key[*s - 'A']);
		else
			text[n++] = *s;
	return parse(out, text, n);
}

static void accepts(struct sl_roster *out, const char *lines)
{
	if (parse_lines(out, lines) != SL_OK)
		fail_msg("refused: %s\n%s", error.text, lines);
}

static void is_accepted(const char *lines)
{
	struct sl_roster r;
	accepts(&r, lines);
	sl_roster_free(&r);
}

/* … with a message that begins so. */
static void is_refused(const char *lines, const char *sentence)
{
	struct sl_roster r;
	enum sl_status status = parse_lines(&r, lines);
	if (status == SL_OK)
		fail_msg("accepted: %s", lines);
	if (strncmp(error.text, sentence, strlen(sentence)) != 0)
		fail_msg("'%s' does not begin with '%s'", error.text, sentence);
	assert_int_equal(status, SL_MALFORMED);
}

static void lines_of_mixing(void **state)
{
	static const char shape[] = "roster:4: must be 'mixing SERIAL GIVEN BETA GAP'",
	                  falls[] = "roster:4: serials of 'mixing' fall from this roster's on";
	static const struct {
		const char *line, *sentence;
	} wrong[] = {
		{ "mixing 9 0.5 1\n", shape },        { "mixing 9 0.5 1 0.2 1\n", shape },
		{ "mixing x 0.5 1 0.2\n", shape },    { "mixing 9 1.01 1 0.2\n", shape },
		{ "mixing 9 -0.1 1 0.2\n", shape },   { "mixing 9 nan 1 0.2\n", shape },
		{ "mixing 9 0.5 2.01 0.2\n", shape }, { "mixing 9 0.5 x 0.2\n", shape },
		{ "mixing 9 0.5 1 1.01\n", shape },   { "mixing 9 0.5 1 0.2x\n", shape },
		{ "mixing 9 0.5 1 -1\n", shape },     { "mixing 9 0.5  0.2\n", shape },
		{ "mixing 10 0.5 1 0.2\n", falls },
	};
	char lines[1024];
	struct sl_roster r;
	(void)state;
	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		snprintf(lines, sizeof lines, HEAD "%s" PEERS EDGE, wrong[i].line);
		is_refused(lines, wrong[i].sentence);
	}
	is_refused(HEAD "mixing 5 0.5 1 0.2\nmixing 5 0.5 1 0.2\n" PEERS EDGE,
	           "roster:5: serials of 'mixing' fall from");
	is_refused(HEAD PEERS "mixing 5 0.5 1 0.2\n" EDGE, "roster:6: 'mixing 5 0.5 1 0.2' must begin with");
	accepts(&r, HEAD "mixing 9 1 2 0\nmixing 0 0 0.25 1\n" PEERS EDGE);
	assert_int_equal(r.mixings, 2);
	assert_int_equal(r.mixing[0].since, 9);
	assert_true(r.mixing[0].given == 1 && r.mixing[0].beta == 2 && r.mixing[0].gap == 0);
	assert_int_equal(r.mixing[1].since, 0);
	assert_true(r.mixing[1].given == 0 && r.mixing[1].beta == 0.25 && r.mixing[1].gap == 1);
	sl_roster_free(&r);
	for (int more = 0; more < 2; more++) {
		size_t n = (size_t)snprintf(lines, sizeof lines, HEAD);
		for (int i = 0; i < SL_EDGE_WEIGHTS + more; i++)
			n += (size_t)snprintf(lines + n, sizeof lines - n, "mixing %d 0.5 1 0.2\n", 9 - i);
		snprintf(lines + n, sizeof lines - n, PEERS EDGE);
		if (more)
			is_refused(lines, "roster:12: serials of 'mixing' fall from");
		else
			is_accepted(lines);
	}
}

static void lines_of_peers(void **state)
{
	static const char *const number[] = { "x", "", "+0", "131072", "4294967296", "00000000000", "0x" };
	char lines[1024], name[65];
	struct sl_roster r;
	(void)state;
	for (unsigned i = 0; i < sizeof number / sizeof *number; i++) {
		snprintf(lines, sizeof lines, HEAD "peer %s a tcp://h:1 A\n", number[i]);
		is_refused(lines, number[i][0] ? "roster:4: '" : "roster:4: must be 'peer NUMBER NAME");
	}
	is_refused(HEAD "peer 65535 a tcp://h:1 A\n", "roster:4: peer 65535 is listed where peer 0 must be");
	is_refused(HEAD "gone x a\n", "roster:4: 'x' is not the number of a peer");
	is_refused(HEAD "gone 1 a\n", "roster:4: peer 1 is listed where peer 0 must be");
	is_refused(HEAD "gone 0 a b\n", "roster:4: must be 'gone NUMBER NAME'");
	is_refused(HEAD PEERS EDGE "gone 2 c\n", "roster:7: 'gone 2 c' must begin with");
	is_refused(HEAD "peer 0 a tcp://h:1 A 0\n",
	           "roster:4: '0' is not a serial up to that of this roster");
	is_refused(HEAD "peer 0 a tcp://h:1 A 10\n", "roster:4: '10' is not a serial");
	is_refused(HEAD "peer 0 a tcp://h:1 A 3 4\n", "roster:4: must be 'peer NUMBER NAME ENDPOINT KEY'");
	is_refused(
	    HEAD "peer 0 a tcp://h:1 0000000000000000000000000000000000000000000000000000000000000000\n",
	    "roster:4: '0000000000000000000000000000000000000000000000000000000000000000' is not an Ed25519");
	memset(name, 'n', sizeof name);
	for (int length = 63; length < 65; length++) {
		snprintf(lines, sizeof lines, HEAD "peer 0 %.*s tcp://h:1 A 9\npeer 1 b tcp://h:2 B\n" EDGE,
		         length, name);
		if (length > 63)
			is_refused(lines, "roster:4: name 'nnn");
		else
			is_accepted(lines);
	}
	accepts(&r, HEAD "gone 0 z\ngone 1 y\npeer 2 a tcp://h:1 A 9\npeer 3 b ipc:///b B\nedge 3 2 0.5\n");
	assert_true(r.peer[0].gone && r.peer[1].gone && !r.peer[2].gone && !r.peer[3].gone);
	assert_string_equal(r.peer[0].name, "z");
	assert_string_equal(r.peer[3].endpoint, "ipc:///b");
	assert_true(r.peer[2].since == 9 && r.peer[3].since == 0);
	sl_roster_free(&r);
	is_refused(HEAD PEERS EDGE PEERS, "roster:7: 'peer 0 a");
}

static void lines_of_edges(void **state)
{
	static const char shape[] = "roster:6: must be 'edge A B WEIGHT'", weight[] = "roster:6: weight '",
	                  list[] = "roster:6: after the weight must follow";
	static const struct {
		const char *edge, *sentence; /* NULL: it is right */
	} all[] = {
		{ "0 1", shape },
		{ "x 1 0.5", shape },
		{ "0 x 0.5", shape },
		{ "0 1 0", weight },
		{ "0 1 -0.5", weight },
		{ "0 1 1.01", weight },
		{ "0 1 inf", weight },
		{ "0 1 0.5x", weight },
		{ "0 1 x", weight },
		{ "0 2 0.5", "roster:6: an edge joins 0 and 2" },
		{ "2 0 0.5", "roster:6: an edge joins 2 and 0" },
		{ "0 1 0.5 3 3", NULL },
		{ "0 1 0.5 9 9", NULL },
		{ "0 1 0.5 0 0", NULL },
		{ "0 1 0.5 3", list },
		{ "0 1 0.5 10 10", list },
		{ "0 1 0.5 x 5", list },
		{ "0 1 0.5 3 10", list },
		{ "0 1 0.5 3 2", list },
		{ "0 1 0.5 3 x", list },
		{ "0 1 0.5 2 8 0.4 7 1 2", NULL },
		{ "0 1 0.5 2 8 0.4 8", list },
		{ "0 1 0.5 2 8 0 7", list },
		{ "0 1 0.5 2 8 1.5 7", list },
		{ "0 1 0.5 2 8 0.4 1", list },
		{ "0 1 0.5 2 8 0.4", list },
		{ "0 1 0.5 0 8 0.4 0", NULL },
		{ "0 1 0.5 0 0 0.4 0", list },
		{ "0 1 0.5 0 8 0.4 0 0.3 0", list },
		{ "0 1 0.5 0 9 1 8 1 7 1 6 1 5 1 4 1 3 1 2", NULL }, /* eight weights */
		{ "0 1 0.5 0 9 1 8 1 7 1 6 1 5 1 4 1 3 1 2 1 1", shape },
	};
	char lines[1024];
	struct sl_roster r;
	(void)state;
	for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
		snprintf(lines, sizeof lines, HEAD PEERS "edge %s\n", all[i].edge);
		if (all[i].sentence)
			is_refused(lines, all[i].sentence);
		else
			is_accepted(lines);
	}
	accepts(&r, HEAD PEERS "edge 1 0 0.5 2 8 0.25 7 1 2\n");
	assert_true(r.edge[0].added == 2 && r.edge[0].weights == 3);
	assert_true(r.edge[0].weight[0].since == 8 && r.edge[0].weight[0].value == 0.5);
	assert_true(r.edge[0].weight[1].since == 7 && r.edge[0].weight[1].value == 0.25);
	assert_true(r.edge[0].weight[2].since == 2 && r.edge[0].weight[2].value == 1);
	sl_roster_free(&r);
	is_refused(HEAD "gone 0 z\npeer 1 b tcp://h:2 B\npeer 2 a tcp://h:1 A\nedge 0 1 0.5\n",
	           "roster:7: an edge joins 0 and 1");
	is_refused(HEAD "gone 0 z\npeer 1 b tcp://h:2 B\npeer 2 a tcp://h:1 A\nedge 1 0 0.5\n",
	           "roster:7: an edge joins 1 and 0");
}

/* More of everything than there is room for at first, the edges in no order. */
static void every_edge_keeps_its_weight(void **state)
{
	char text[FILE_MOST];
	struct sl_roster r;
	(void)state;
	size_t n = (size_t)sprintf(text, "starling-roster 1\nserial 4294967295\ntopology ring:%d\n", KEYS);
	for (unsigned i = 0; i < KEYS; i++)
		n += (size_t)sprintf(text + n, "peer %u p%u tcp://h:%u %s\n", i, i, 100 + i, key[i]);
	for (unsigned k = 0; k < KEYS; k++) {
		unsigned i = k * 7 % KEYS, j = (i + 1) % KEYS;
		n += (size_t)sprintf(text + n, "edge %u %u %.17g 0 %u\n", k % 2 ? i : j, k % 2 ? j : i,
		                     0.1 + 0.005 * i, i);
	}
	assert_int_equal(parse(&r, text, n), SL_OK);
	assert_int_equal(r.serial, UINT32_MAX);
	assert_int_equal(r.topology.edges, KEYS);
	for (uint32_t e = 0; e < KEYS; e++) {
		const struct sl_edge_pair *pair = &r.topology.edge[e];
		unsigned i = pair->b - pair->a == 1 ? pair->a : pair->b; /* the last edge closes the ring */
		assert_true(r.topology.weight[e] == 0.1 + 0.005 * i);
		assert_true(r.edge[e].weight[0].value == 0.1 + 0.005 * i && r.edge[e].weight[0].since == i);
	}
	for (unsigned i = 0; i < KEYS; i++)
		assert_int_equal(r.peer[i].endpoint[strlen("tcp://h:10")], (100 + i) % 10 + '0');
	sl_roster_free(&r);
}

/* Whatever a roster may hold is written as it was read. */
static void what_is_read_is_written(void **state)
{
	static const char *const edges[] = { "0.5", "0.5 4 4", "0.5 0 8", "0.5 2 8 0.25 7 1 2" };
	char lines[1024];
	struct sl_roster r;
	(void)state;
	assert_non_null(folder_make());
	for (unsigned i = 0; i < sizeof edges / sizeof *edges; i++) {
		uint8_t *bytes;
		size_t length, n = (size_t)snprintf(lines, sizeof lines,
		                                    "starling-roster 1\nserial 9\ntopology path:3\n"
		                                    "mixing 9 1 2 0.5\nmixing 3 0 0.25 1\n"
		                                    "peer 0 a tcp://h:1 %s\ngone 1 z\n"
		                                    "peer 2 b tcp://h:2 %s 6\nedge 0 2 %s\n",
		                                    key[0], key[1], edges[i]);
		assert_int_equal(parse(&r, lines, n), SL_OK);
		assert_int_equal(sl_roster_write(&r, folder_path("roster"), &operator_identity, &error),
		                 SL_OK);
		sl_roster_free(&r);
		assert_int_equal(sl_file_read(folder_path("roster"), FILE_MOST, &bytes, &length, &error),
		                 SL_OK);
		assert_true(length > n + 10);
		assert_memory_equal(bytes, lines, n);
		assert_memory_equal(bytes + n, "signature ", 10);
		free(bytes);
	}
	folder_remove();
}

static void lines_of_arcs(void **state)
{
	static const char shape[] = "roster:6: must be 'arc FROM TO WEIGHT PHASE'",
	                  weight[] = "roster:6: weight '";
	static const struct {
		const char *arc, *sentence;
	} wrong[] = {
		{ "0 1 0.5", shape },    { "x 1 0.5 0", shape },   { "0 x 0.5 0", shape },
		{ "0 1 0.5 64", shape }, { "0 1 0.5 0 0", shape }, { "0 1 0.5x 0", weight },
	};
	char lines[4096];
	struct sl_roster r;
	(void)state;
	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		snprintf(lines, sizeof lines, HEAD PEERS "arc %s\n", wrong[i].arc);
		is_refused(lines, wrong[i].sentence);
	}
	is_refused(HEAD PEERS "arc 0 1 0.5 0\nedge 0 1 0.5\n", "roster:7: 'edge 0 1 0.5' must begin with");
	is_refused(HEAD PEERS EDGE "arc 0 1 0.5 0\n", "roster:7: 'arc 0 1 0.5 0' must begin with");
	is_refused(HEAD PEERS "arc 0 1 0.5 0\npeer 2 c tcp://h:3 A\n", "roster:7: 'peer 2 c");
	is_refused(HEAD PEERS "arc 0 1 0.5 0\ngone 2 c\n", "roster:7: 'gone 2 c'");
	size_t n = (size_t)snprintf(lines, sizeof lines, HEAD PEERS); /* in each of 64 phases, both ways */
	for (unsigned phase = 0; phase < 64; phase++)
		n += (size_t)sprintf(lines + n, "arc 0 1 0.25 %u\narc 1 0 0.25 %u\n", phase, phase);
	accepts(&r, lines);
	assert_true(r.topology.period == 64 && !r.edge);
	struct sl_peer_neighbour *neighbour = calloc(SL_DEGREE_MAX, sizeof *neighbour);
	assert_int_equal(sl_roster_neighbours(&r, 1, neighbour), 1);
	assert_int_equal(neighbour[0].peer, 0);
	assert_int_equal(neighbour[0].activities, 64);
	assert_int_equal(neighbour[0].activity[63].phase, 63);
	free(neighbour);
	sl_roster_free(&r);
}

static void heads_and_members(void **state)
{
	char lines[1024], spec[200];
	(void)state;
	is_refused("starling-roster 1\nserial 4294967296\ntopology x\n", "roster:2: must be 'serial NUMBER'");
	is_refused("starling-roster 1\nserial \ntopology x\n", "roster:2: must be 'serial NUMBER'");
	is_refused("starling-roster 1\nSerial 3\ntopology x\n", "roster:2: must be 'serial NUMBER'");
	is_refused("starling-roster 1\nserial 3\nTopology x\n", "roster:3: must be 'topology SPEC");
	is_refused(HEAD PEERS "gone 2 c\npeer 3 d tcp://h:3 B\n" EDGE,
	           "roster: peers 1 and 3 have the same key");
	is_refused(
	    "starling-roster 3\nrun 0123456789abcdef0123456789abcdef\nserial 9\ntopology path:3\n"
	    "peer 0 a dial-only A\npeer 1 b tcp://h:2 B\npeer 2 c dial-only A\nedge 0 1 0.5\nedge 1 2 0.5\n",
	    "roster: peers 0 and 2 have the same key"); /* that they have no endpoint is no matter */
	is_accepted(HEAD "gone 0 c\ngone 1 c\npeer 2 a tcp://h:1 A\npeer 3 b tcp://h:2 B\nedge 2 3 0.5\n");
	memset(spec, 's', sizeof spec);
	for (int length = SL_TEXT_MAX - 1; length <= SL_TEXT_MAX; length++) {
		snprintf(lines, sizeof lines, "starling-roster 1\nserial 3\ntopology %.*s\n" PEERS EDGE,
		         length, spec);
		if (length == SL_TEXT_MAX)
			is_refused(lines, "roster:3: the topology is longer than");
		else
			is_accepted(lines);
	}
	snprintf(lines, sizeof lines,
	         HEAD "peer 0 a tcp://h:1 A\npeer 1 b tcp://h:2 B\npeer 2 c tcp://h:3 %s\n" EDGE, key[2]);
	is_refused(lines, "roster: peer 2 has no edge");
}

/* A line has at most 511 characters and no zero byte. */
static void lines_have_a_length(void **state)
{
	char text[2048];
	struct sl_roster r;
	(void)state;
	for (int length = 511; length <= 512; length++) {
		size_t n = (size_t)sprintf(text, HEAD);
		memset(text + n, 'x', (size_t)length);
		n += (size_t)length;
		text[n++] = '\n';
		assert_int_equal(parse(&r, text, n), SL_MALFORMED);
		assert_true((strstr(error.text, "roster:4: the line is longer than 511 characters") !=
		             NULL) == (length == 512));
	}
	size_t n = (size_t)sprintf(text, HEAD);
	memcpy(text + n, "peer 0\0 a\n", 10);
	assert_int_equal(parse(&r, text, n + 10), SL_MALFORMED);
	assert_non_null(strstr(error.text, "or contains a zero byte"));
	assert_int_equal(sl_roster_parse(&r, text, 10, "roster", operator_identity.public_key, &error),
	                 SL_MALFORMED);
	assert_non_null(strstr(error.text, "roster: is not a signed roster: it has only 10 bytes"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_mixing),     cmocka_unit_test(lines_of_peers),
		cmocka_unit_test(lines_of_edges),      cmocka_unit_test(every_edge_keeps_its_weight),
		cmocka_unit_test(lines_of_arcs),       cmocka_unit_test(heads_and_members),
		cmocka_unit_test(lines_have_a_length), cmocka_unit_test(what_is_read_is_written),
	};
	if (sl_keys_start(&error) != SL_OK)
		return 1;
	sl_identity_make(&operator_identity);
	for (unsigned i = 0; i < KEYS; i++) {
		struct sl_identity identity;
		sl_identity_make(&identity);
		sl_key_print(identity.public_key, key[i]);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
