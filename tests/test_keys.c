/* Identity keys and the signed roster: what is refused, and that nothing can be changed unnoticed. */
#include "base/random.h"
#include "daemon/run/roster.h"
#include "tests/support/folder.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct sl_error error;

static int in_folder(void **state)
{
	(void)state;
	folder_make();
	return 0;
}

static int out_of_folder(void **state)
{
	(void)state;
	folder_remove();
	return 0;
}

static void assert_sentence(const char *part)
{
	if (!strstr(error.text, part))
		fail_msg("'%s' does not hold '%s'", error.text, part);
}

static void keys_come_back_from_their_file(void **state)
{
	struct sl_identity identity, again;
	uint8_t curve[SL_KEY_BYTES], parsed[SL_KEY_BYTES];
	char hex[SL_KEY_HEX];
	struct stat about;
	(void)state;
	for (int i = 0; i < 20; i++) {
		const char *path = folder_path("0.key");
		sl_identity_make(&identity);
		assert_int_equal(sl_identity_write(&identity, path, &error), SL_OK);
		assert_int_equal(stat(path, &about), 0);
		assert_int_equal(about.st_mode & 0777, 0600);
		assert_int_equal(sl_identity_read(&again, path, &error), SL_OK);
		assert_memory_equal(&identity, &again, sizeof identity);
		assert_true(sl_key_to_curve(curve, identity.public_key));
		assert_memory_equal(curve, identity.curve_public, sizeof curve);
		sl_key_print(identity.public_key, hex);
		assert_true(sl_key_parse(hex, parsed));
		assert_memory_equal(parsed, identity.public_key, sizeof parsed);
		assert_int_equal(unlink(path), 0);
	}
}

static void keys_are_never_overwritten(void **state)
{
	struct sl_identity first, second, found;
	(void)state;
	sl_identity_make(&first);
	sl_identity_make(&second);
	const char *path = folder_path("1.key");
	assert_int_equal(sl_identity_write(&first, path, &error), SL_OK);
	assert_int_equal(sl_identity_write(&second, path, &error), SL_REFUSED);
	assert_sentence("1.key exists already; a key is never overwritten");
	assert_int_equal(sl_identity_read(&found, path, &error), SL_OK);
	assert_memory_equal(&found, &first, sizeof found);
	assert_int_equal(sl_identity_write(&first, "/nowhere/1.key", &error), SL_IO);
}

static void keys_that_others_can_read_are_refused(void **state)
{
	struct sl_identity identity, found;
	static const mode_t open_modes[] = { 0640, 0604, 0660, 0644, 0601, 0610 };
	(void)state;
	sl_identity_make(&identity);
	const char *path = folder_path("2.key");
	assert_int_equal(sl_identity_write(&identity, path, &error), SL_OK);
	for (size_t i = 0; i < sizeof open_modes / sizeof *open_modes; i++) {
		assert_int_equal(chmod(path, open_modes[i]), 0);
		assert_int_equal(sl_identity_read(&found, path, &error), SL_REFUSED);
		assert_sentence("2.key: other users can read this secret key (mode 06");
	}
	setenv("CREDENTIALS_DIRECTORY", folder_path("."),
	       1); /* the service manager guards that folder itself */
	assert_int_equal(sl_identity_read(&found, folder_path("./2.key"), &error), SL_OK);
	assert_int_equal(sl_identity_read(&found, path, &error), SL_REFUSED);
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_int_equal(chmod(path, 0400), 0);
	assert_int_equal(sl_identity_read(&found, path, &error), SL_OK);
}

static void old_secrets_are_destroyed_and_others_stay(void **state)
{
	struct sl_identity old, new, found;
	char alias[4096], text[128];
	bool gone;
	(void)state;
	sl_identity_make(&old);
	sl_identity_make(&new);
	snprintf(alias, sizeof alias, "%s", folder_path("alias"));
	const char *path = folder_path("4.key");
	assert_int_equal(sl_identity_destroy(path, old.public_key, &gone, &error), SL_OK);
	assert_false(gone);
	assert_int_equal(sl_identity_write(&new, path, &error), SL_OK);
	assert_int_equal(sl_identity_destroy(path, old.public_key, &gone, &error), SL_OK);
	assert_false(gone);
	assert_int_equal(sl_identity_read(&found, path, &error), SL_OK);
	assert_int_equal(unlink(path), 0);
	/* Also one that was open to others, for which it may have been rotated. */
	assert_int_equal(sl_identity_write(&old, path, &error), SL_OK);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(link(path, alias), 0);
	assert_int_equal(sl_identity_destroy(path, old.public_key, &gone, &error), SL_OK);
	assert_true(gone);
	assert_int_equal(access(path, F_OK), -1);
	FILE *f = fopen(alias, "rb");
	assert_non_null(f);
	size_t n = fread(text, 1, sizeof text, f);
	fclose(f);
	assert_int_equal(n, 86);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(text[i], 0);
}

static void files_that_are_no_keys_are_refused(void **state)
{
	struct sl_identity identity, found;
	char text[256];
	(void)state;
	sl_identity_make(&identity);
	const char *path = folder_path("3.key");
	assert_int_equal(sl_identity_write(&identity, path, &error), SL_OK);
	FILE *f = fopen(path, "rb");
	size_t length = fread(text, 1, sizeof text, f);
	fclose(f);
	assert_int_equal(sl_identity_read(&found, folder_path("absent.key"), &error), SL_NOT_FOUND);
	assert_sentence("absent.key: cannot read the identity key: No such file or directory");
	assert_int_equal(sl_identity_read(&found, folder_path("."), &error), SL_MALFORMED);
	for (size_t cut = 0; cut + 1 < length; cut++) { /* the newline alone may be missing */
		chmod(folder_write("3.key", text, cut), 0600);
		assert_int_equal(sl_identity_read(&found, path, &error), SL_MALFORMED);
	}
	chmod(folder_write("3.key", text, length - 1), 0600);
	assert_int_equal(sl_identity_read(&found, path, &error), SL_OK);
	text[length] = 'x';
	chmod(folder_write("3.key", text, length + 1), 0600);
	assert_int_equal(sl_identity_read(&found, path, &error), SL_MALFORMED);
	text[30] = 'g';
	chmod(folder_write("3.key", text, length), 0600);
	assert_int_equal(sl_identity_read(&found, path, &error), SL_MALFORMED);
	assert_sentence("3.key: not a key; must be one line 'starling-key ed25519' and 64 hex digits");
}

static void hex_keys_have_exactly_64_digits(void **state)
{
	uint8_t key[SL_KEY_BYTES];
	char hex[80];
	(void)state;
	memset(hex, 'a', sizeof hex);
	for (size_t n = 0; n < 70; n++) {
		hex[n] = '\0';
		assert_true(sl_key_parse(hex, key) == (n == 64));
		hex[n] = 'a';
	}
	hex[64] = '\0';
	hex[10] = ' ';
	assert_false(sl_key_parse(hex, key));
}

static void points_of_small_order_are_no_keys(void **state)
{
	uint8_t key[SL_KEY_BYTES] = { 0 }, curve[SL_KEY_BYTES];
	(void)state;
	assert_false(sl_key_to_curve(curve, key));
	key[0] = 1;
	assert_false(sl_key_to_curve(curve, key));
}

static void model_digest_is_of_little_endian_floats(void **state)
{
	static float x[3000];
	char first[65], second[65];
	(void)state;
	sl_model_digest(x, 0, first);
	assert_string_equal(
	    first,
	    "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"); /* BLAKE2b-256 of "" */
	struct sl_random g = sl_random_stream(1, 0, "digest", 0);
	for (uint32_t i = 0; i < 3000; i++)
		x[i] = sl_random_unit(&g);
	sl_model_digest(x, 3000, first);
	sl_model_digest(x, 3000, second);
	assert_string_equal(first, second);
	x[2999] = -x[2999];
	sl_model_digest(x, 3000, second);
	assert_string_not_equal(first, second);
}

/* ---- roster ---- */

static struct sl_identity operator_identity;

/* Signs a text as the operator would; gives the whole file. */
static char *sign(const char *text, size_t *length)
{
	static char file[8192];
	uint8_t signature[64];
	size_t n = strlen(text);
	crypto_sign_detached(signature, NULL, (const uint8_t *)text, n, operator_identity.secret);
	int used = snprintf(file, sizeof file, "%ssignature ", text);
	for (int i = 0; i < 64; i++)
		used += snprintf(file + used, sizeof file - (size_t)used, "%02x", signature[i]);
	used += snprintf(file + used, sizeof file - (size_t)used, "\n");
	*length = (size_t)used;
	return file;
}

static void make_roster(struct sl_roster *r, uint32_t peers)
{
	static struct sl_roster_peer peer[16];
	struct sl_identity identity;
	char spec[32];
	memset(r, 0, sizeof *r);
	snprintf(spec, sizeof spec, "ring:%u", peers);
	struct sl_edge_pair edge[16];
	for (uint32_t i = 0; i < peers; i++) {
		edge[i] = i + 1 < peers ? (struct sl_edge_pair){ i, i + 1 } : (struct sl_edge_pair){ 0, i };
		memset(&peer[i], 0, sizeof peer[i]);
		sl_identity_make(&identity);
		snprintf(peer[i].name, sizeof peer[i].name, "peer-%u", i);
		snprintf(peer[i].endpoint, sizeof peer[i].endpoint, "tcp://127.0.0.1:%u", 41000 + i);
		memcpy(peer[i].public_key, identity.public_key, SL_KEY_BYTES);
		memcpy(peer[i].curve_public, identity.curve_public, SL_KEY_BYTES);
	}
	r->serial = 7;
	r->peer = peer;
	assert_int_equal(sl_topology_from_edges(&r->topology, spec, peers, edge, NULL, peers, &error), SL_OK);
}

static char *whole_file(const char *path, size_t *length)
{
	static char text[8192];
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	*length = fread(text, 1, sizeof text, f);
	fclose(f);
	return text;
}

static void roster_comes_back_as_it_was_written(void **state)
{
	struct sl_roster made, found;
	(void)state;
	make_roster(&made, 8);
	const char *path = folder_path("roster");
	assert_int_equal(sl_roster_write(&made, path, &operator_identity, &error), SL_OK);
	assert_int_equal(sl_roster_read(&found, path, operator_identity.public_key, &error), SL_OK);
	assert_int_equal(found.serial, 7);
	assert_string_equal(found.topology.spec, "ring:8");
	assert_int_equal(found.topology.peers, 8);
	assert_int_equal(found.topology.edges, 8);
	assert_memory_equal(found.peer, made.peer, 8 * sizeof *made.peer);
	assert_memory_equal(found.topology.edge, made.topology.edge, 8 * sizeof *made.topology.edge);
	assert_memory_equal(found.topology.weight, made.topology.weight, 8 * sizeof(double));
	sl_roster_free(&found);
	sl_topology_free(&made.topology);
}

static void roster_with_one_changed_byte_is_refused(void **state)
{
	struct sl_roster made, found;
	size_t length;
	(void)state;
	make_roster(&made, 4);
	assert_int_equal(sl_roster_write(&made, folder_path("roster"), &operator_identity, &error), SL_OK);
	char *text = whole_file(folder_path("roster"), &length);
	static const uint8_t change[] = { 0x01, 0x20, 0x80, 0xff };
	assert_int_equal(
	    sl_roster_parse(&found, text, length, "roster", operator_identity.public_key, &error), SL_OK);
	sl_roster_free(&found);
	for (size_t at = 0; at < length; at++)
		for (size_t c = 0; c < sizeof change; c++) {
			text[at] ^= (char)change[c];
			assert_int_equal(sl_roster_parse(&found, text, length, "roster",
			                                 operator_identity.public_key, &error),
			                 SL_REFUSED);
			assert_true(strncmp(error.text, "roster: ", 8) == 0 && strstr(error.text, "changed"));
			text[at] ^= (char)change[c];
		}
	for (size_t cut = 0; cut < length; cut++)
		assert_int_not_equal(
		    sl_roster_parse(&found, text, cut, "roster", operator_identity.public_key, &error),
		    SL_OK);
	memmove(text + 1, text, length);
	assert_int_not_equal(
	    sl_roster_parse(&found, text, length + 1, "roster", operator_identity.public_key, &error), SL_OK);
	sl_topology_free(&made.topology);
}

static void roster_of_another_operator_is_refused(void **state)
{
	struct sl_roster made, found;
	struct sl_identity other;
	(void)state;
	sl_identity_make(&other);
	make_roster(&made, 4);
	assert_int_equal(sl_roster_write(&made, folder_path("roster"), &other, &error), SL_OK);
	assert_int_equal(sl_roster_read(&found, folder_path("roster"), operator_identity.public_key, &error),
	                 SL_REFUSED);
	assert_sentence("the signature is not that of the operator ");
	sl_topology_free(&made.topology);
}

/* A roster that the operator signed by mistake: line, what was found, what would be right. */
static void signed_mistakes_are_named(void **state)
{
	struct sl_roster made, found;
	char key[2][SL_KEY_HEX], text[4096];
	(void)state;
	make_roster(&made, 4);
	sl_key_print(made.peer[0].public_key, key[0]);
	sl_key_print(made.peer[1].public_key, key[1]);
	sl_topology_free(&made.topology);
	static const struct {
		const char *lines, *sentence; /* A and B stand for two keys */
	} wrong[] = {
		{ "starling-roster 4\n", "roster:1: must be 'starling-roster ' and a version from 1 to 3" },
		{ "starling-roster 10\n", "roster:1: must be 'starling-roster ' and a version from 1 to 3" },
		{ "starling-roster 3\nserial 1\n", "roster:2: must be 'run' and 32 hex digits" },
		{ "starling-roster 2\nrun 0123456789abcdef0123456789abcdef\nserial 1\ntopology path:2\npeer 0 a dial-only A\n",
		  "roster:5: a peer that is dial-only needs version 3 of the roster's text" },
		{ "starling-roster 3\nrun 0123456789abcdef0123456789abcdef\nserial 1\ntopology path:2\npeer 0 a dial-only A\npeer 1 b dial-only B\nedge 0 1 0.5\n",
		  "roster: peers 0 and 1 are neighbours, and both dial-only: one end of a link must be reachable" },
		{ "starling-roster 3\nrun 0123456789abcdef0123456789abcdef\nserial 1\ntopology path:2\npeer 0 a dial-onl A\n",
		  "roster:5: endpoint 'dial-onl' must be" },
		{ "starling-roster 2\nserial 1\n", "roster:2: must be 'run' and 32 hex digits" },
		{ "starling-roster 2\nrun 0123456789abcdef0123456789abcde\n",
		  "roster:2: must be 'run' and 32 hex digits" },
		{ "starling-roster 2\nrun 0123456789abcdef0123456789abcdeF\n",
		  "roster:2: must be 'run' and 32 hex digits" },
		{ "starling-roster 1\nrun 0123456789abcdef0123456789abcdef\n",
		  "roster:2: must be 'serial NUMBER'" },
		{ "starling-roster 1\nserial x\n", "roster:2: must be 'serial NUMBER'" },
		{ "starling-roster 1\nserial 1\n", "roster:2: must be 'topology SPECIFICATION'" },
		{ "starling-roster 1\nserial 1\ntopology path:2\nhello\n",
		  "roster:4: 'hello' must begin with 'peer', or after all peers with 'edge' or 'arc'" },
		{ "starling-roster 1\nserial 1\ntopology path:2\npeer 1 a tcp://h:1 A\n",
		  "roster:4: peer 1 is listed where peer 0 must be" },
		{ "starling-roster 1\nserial 1\ntopology path:2\npeer 0 a tcp://h:1\n",
		  "roster:4: must be 'peer NUMBER NAME ENDPOINT KEY'" },
		{ "starling-roster 1\nserial 1\ntopology path:2\npeer 0  a tcp://h:1 A\n",
		  "roster:4: must be 'peer NUMBER NAME ENDPOINT KEY'" },
		{ "starling-roster 1\nserial 1\ntopology path:2\npeer 0 a udp://h:1 A\n",
		  "roster:4: endpoint 'udp://h:1' must be tcp://ADDRESS:PORT, ipc://PATH or dial-only, at most 191 characters" },
		{ "starling-roster 1\nserial 1\ntopology path:2\npeer 0 a tcp://h:70000 A\n",
		  "roster:4: endpoint 'tcp://h:70000' must be tcp://ADDRESS:PORT, ipc://PATH or dial-only, at most 191 characters" },
		{ "starling-roster 1\nserial 1\ntopology path:2\npeer 0 a tcp://*:1 A\n",
		  "roster:4: endpoint 'tcp://*:1' is an address to listen at, not one to connect to; give the address or name of this host, such as tcp://192.0.2.7:7000" },
		{ "starling-roster 1\nserial 1\ntopology path:2\npeer 0 a tcp://::1:1 A\n",
		  "roster:4: endpoint 'tcp://::1:1' needs brackets around its IPv6 address, such as tcp://[::1]:7000" },
		{ "starling-roster 1\nserial 1\ntopology path:2\npeer 0 a tcp://h:1 12\n",
		  "roster:4: '12' is not an Ed25519 public key (64 hex digits)" },
		{ "starling-roster 1\nserial 1\ntopology path:2\npeer 0 a tcp://h:1 A 2\n",
		  "roster:4: '2' is not a serial up to that of this roster" },
		{ "starling-roster 1\nserial 1\ntopology path:2\npeer 0 a tcp://h:1 A\ngone 1 b\npeer 2 c tcp://h:2 B\nedge 0 1 0.5\n",
		  "roster:7: an edge joins 0 and 1, but the lines above list 3 peers, or one of them as gone" },
		{ "starling-roster 1\nserial 1\ntopology path:2\npeer 0 a tcp://h:1 A\npeer 1 b tcp://h:2 B\ngone 2\n",
		  "roster:6: must be 'gone NUMBER NAME'" },
		{ "starling-roster 1\nserial 4\ntopology path:2\npeer 0 a tcp://h:1 A\npeer 1 b tcp://h:2 B\nedge 0 1 0.5 0 3 0.25 3\n",
		  "roster:6: after the weight must follow 'ADDED SINCE', then pairs 'WEIGHT SINCE' of falling serials" },
		{ "starling-roster 1\nserial 4\ntopology path:2\npeer 0 a tcp://h:1 A\npeer 1 b tcp://h:2 B\nedge 0 1 0.5 0 5\n",
		  "roster:6: after the weight must follow 'ADDED SINCE', then pairs 'WEIGHT SINCE' of falling serials" },
		{ "starling-roster 1\nserial 1\ntopology path:2\npeer 0 a tcp://h:1 A\npeer 1 b tcp://h:2 A\nedge 0 1 0.5\n",
		  "roster: peers 0 and 1 have the same key" },
		{ "starling-roster 1\nserial 1\ntopology path:2\npeer 0 a tcp://h:1 A\npeer 1 b tcp://h:1 B\nedge 0 1 0.5\n",
		  "roster: peers 0 and 1 have the same endpoint" },
		{ "starling-roster 1\nserial 1\ntopology path:2\npeer 0 a tcp://h:1 A\npeer 1 b tcp://h:2 B\nedge 0 2 0.5\n",
		  "roster:6: an edge joins 0 and 2, but the lines above list 2 peers" },
		{ "starling-roster 1\nserial 1\ntopology path:2\npeer 0 a tcp://h:1 A\npeer 1 b tcp://h:2 B\nedge 0 1 nan\n",
		  "roster:6: weight 'nan' must be a number above 0 and at most 1" },
		{ "starling-roster 1\nserial 1\ntopology path:2\npeer 0 a tcp://h:1 A\nedge 0 0 1\npeer 1 b tcp://h:2 B\n",
		  "roster:6: 'peer 1 b tcp://h:2" },
		{ "starling-roster 1\nserial 1\ntopology x:2\npeer 0 a tcp://h:1 A\npeer 1 b tcp://h:2 B\narc 0 1 0.5\n",
		  "roster:6: must be 'arc FROM TO WEIGHT PHASE'" },
		{ "starling-roster 1\nserial 1\ntopology x:2\npeer 0 a tcp://h:1 A\npeer 1 b tcp://h:2 B\narc 0 1 0.5 64\n",
		  "roster:6: must be 'arc FROM TO WEIGHT PHASE'" },
		{ "starling-roster 1\nserial 1\ntopology x:2\npeer 0 a tcp://h:1 A\npeer 1 b tcp://h:2 B\narc 0 1 half 0\n",
		  "roster:6: weight 'half' must be a number above 0 and at most 1" },
		{ "starling-roster 1\nserial 1\ntopology x:2\npeer 0 a tcp://h:1 A\npeer 1 b tcp://h:2 B\narc 0 1 0.5 0\nedge 0 1 0.5\n",
		  "roster:7: 'edge 0 1 0.5' must begin with 'peer', or after all peers with 'edge' or 'arc'" },
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		char *out = text;
		for (const char *s = wrong[i].lines; *s; s++)
			if (*s == 'A' || *s == 'B')
				out += sprintf(out, "%s", key[*s - 'A']);
			else
				*out++ = *s;
		*out = '\0';
		size_t length;
		const char *file = sign(text, &length);
		assert_int_equal(
		    sl_roster_parse(&found, file, length, "roster", operator_identity.public_key, &error),
		    SL_MALFORMED);
		error.text[strlen(wrong[i].sentence)] = '\0'; /* what follows holds a key */
		assert_string_equal(error.text, wrong[i].sentence);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(keys_come_back_from_their_file, in_folder, out_of_folder),
		cmocka_unit_test_setup_teardown(keys_are_never_overwritten, in_folder, out_of_folder),
		cmocka_unit_test_setup_teardown(keys_that_others_can_read_are_refused, in_folder,
		                                out_of_folder),
		cmocka_unit_test_setup_teardown(old_secrets_are_destroyed_and_others_stay, in_folder,
		                                out_of_folder),
		cmocka_unit_test_setup_teardown(files_that_are_no_keys_are_refused, in_folder, out_of_folder),
		cmocka_unit_test(hex_keys_have_exactly_64_digits),
		cmocka_unit_test(points_of_small_order_are_no_keys),
		cmocka_unit_test(model_digest_is_of_little_endian_floats),
		cmocka_unit_test_setup_teardown(roster_comes_back_as_it_was_written, in_folder,
		                                out_of_folder),
		cmocka_unit_test_setup_teardown(roster_with_one_changed_byte_is_refused, in_folder,
		                                out_of_folder),
		cmocka_unit_test_setup_teardown(roster_of_another_operator_is_refused, in_folder,
		                                out_of_folder),
		cmocka_unit_test(signed_mistakes_are_named),
	};
	if (sl_keys_start(&error) != SL_OK)
		return 1;
	sl_identity_make(&operator_identity);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
