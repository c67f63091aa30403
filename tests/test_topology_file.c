#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/cli/common/command.h"
#include "tests/support/topology.h"

/* A ready file as text; the caller frees it. */
static char *read_ready(const char *name, size_t *length)
{
	char path[256];
	snprintf(path, sizeof path, "topologies/%s.graph", name);
	FILE *file = fopen(path, "rb");
	if (!file)
		fail_msg("%s: cannot be opened (tests run in the top folder)", path);
	char *text = malloc(1 << 16);
	assert_non_null(text);
	*length = fread(text, 1, 1 << 16, file);
	fclose(file);
	return text;
}

static void ready(struct sl_topology *t, const char *name)
{
	size_t length;
	char *text = read_ready(name, &length);
	struct sl_error error;
	if (sl_topology_parse(t, text, length, name, &error) != SL_OK)
		fail_msg("%s", error.text);
	topology_check_sound(t);
	free(text);
}

static void ready_files_are_their_families(void **state)
{
	(void)state;
	static const char *const pairs[][2] = { { "ring-8", "ring:8" },
		                                { "torus-4x4", "torus:4x4" },
		                                { "torus-8x8", "torus:8x8" },
		                                { "hypercube-16", "hypercube:16" },
		                                { "exponential-16", "exponential:16" },
		                                { "star-8", "star:8" } };
	for (unsigned i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		struct sl_topology file, family;
		ready(&file, pairs[i][0]);
		topology_make(&family, pairs[i][1], 1);
		topology_check_equal(&file, &family);
		sl_topology_free(&file);
		sl_topology_free(&family);
	}
}

static void other_ready_files(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		uint32_t peers, edges, diameter, degree_least, degree_most;
		double gap;
	} cases[] = {
		{ "petersen", 10, 15, 2, 3, 3, 0.5 }, /* eigenvalues 3, 1, −2 of the adjacency: 1 − (1+1)/4 */
		{ "karate-34", 34, 78, 5, 1, 17, 0 },
		{ "small-world-16", 16, 32, 3, 3, 5, 0 },
		{ "ring-8-fast", 8, 8, 4, 2, 2, 2 * (2 - 1.4142135623730951) / (6 - 1.4142135623730951) },
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct sl_topology t;
		struct sl_spectrum s;
		ready(&t, cases[i].name);
		sl_topology_spectrum(&t, &s);
		assert_int_equal(t.peers, cases[i].peers);
		assert_int_equal(t.edges, cases[i].edges);
		assert_int_equal(s.diameter, cases[i].diameter);
		assert_int_equal(s.degree_least, cases[i].degree_least);
		assert_int_equal(s.degree_most, cases[i].degree_most);
		if (cases[i].gap > 0)
			topology_near(cases[i].name, "gap", s.gap, cases[i].gap);
		sl_topology_free(&t);
	}
}

static void files_may_be_written_freely(void **state)
{
	(void)state;
	static const char text[] = "\r\n# three\tpeers \xc3\xa9\r\n\tpeers   3 # yes\r\n edge 2 0 "
	                           "0.25\r\nedge 1 0 .5\nedge 1 2 1e-1";
	struct sl_topology t;
	struct sl_error error;
	assert_int_equal(sl_topology_parse(&t, text, sizeof text - 1, "three", &error), SL_OK);
	topology_check_sound(&t);
	assert_string_equal(t.spec, "file:three");
	assert_true(topology_entry(&t, 0, 2) == 0.25 && topology_entry(&t, 1, 0) == 0.5 &&
	            topology_entry(&t, 2, 1) == 0.1);
	assert_true(fabs(topology_entry(&t, 0, 0) - 0.25) < 1e-15);
	sl_topology_free(&t);
}

static void file_errors(void **state)
{
	(void)state;
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "f: holds no 'peers N' line" },
		{ "# only a comment\n", "f: holds no 'peers N' line" },
		{ "edge 0 1\n", "f:1: 'peers N' must come before" },
		{ "peers\n", "f:1: must be 'peers' and a number" },
		{ "peers 2 3\n", "f:1: must be 'peers' and a number" },
		{ "peers 1\n", "f:1: peers 1: must be between 2 and 131072" },
		{ "peers 131073\n", "must be between 2 and 131072" },
		{ "peers 99999999999\n", "must be 'peers' and a number" },
		{ "peers 2\npeers 2\n", "f:2: a second 'peers' line" },
		{ "peers 2\n\n# x\nedge 0\n", "f:4: must be 'edge', two peer numbers" },
		{ "peers 2\nedge 0 x\n", "f:2: must be 'edge', two peer numbers" },
		{ "peers 2\nedge 0 -1\n", "f:2: must be 'edge', two peer numbers" },
		{ "peers 2\nedge 0 2\n", "f:2: edge 0 2: peers are numbered 0 to 1" },
		{ "peers 2\nedge 1 1\n", "f:2: edge 1 1: a peer cannot be its own neighbour" },
		{ "peers 2\nedge 0 1 0.5 7\n", "f:2: '7' is unexpected" },
		{ "peers 2\nedge 0 1 half\n", "f:2: weight 'half': not a number" },
		{ "peers 2\nedge 0 1 0x1\n", "f:2: weight '0x1': not a number" },
		{ "peers 2\nedge 0 1 nan\n", "f:2: weight 'nan': not a number" },
		{ "peers 2\nedge 0 1 0\n", "f:2: edge 0 1: its weight 0 must be over 0" },
		{ "peers 2\nedge 0 1 -0.5\n", "f:2: edge 0 1: its weight -0.5 must be over 0" },
		{ "peers 2\nedge 0 1 1e999\n", "f:2: edge 0 1: its weight inf must be" },
		{ "peers 3\nedge 0 1 0.5\nedge 1 2\n",
		  "f:3: edge 1 2 has no weight, but the edges above have one" },
		{ "peers 3\nedge 0 1\nedge 1 2 0.5\n",
		  "f:3: edge 1 2 has a weight, but the edges above have none" },
		{ "peers 3\nedge 0 1\nedge 1 2\nedge 1 0\n", "f:4: edge 0 1 was given in line 2 already" },
		{ "peers 3\nedge 0 1\n", "f: not connected: no path leads from peer 0 to peer 2" },
		{ "peers 2\n", "f: not connected" },
		{ "peers 3\nedge 0 1 0.6\nedge 1 2 0.6\n", "f: the weights of peer 1 add up to 1.2" },
		{ "peers 2\nedge 0 1 1\n", "f: the weights never reach consensus" },
		{ "peers 4\nedge 0 1 .5\nedge 1 2 .5\nedge 2 3 .5\nedge 3 0 .5\n",
		  "f: the weights never reach consensus" },
		{ "peers 2\nnode 0\n", "f:2: 'node': a line is" },
		{ "peers 2\nedge 0 1 \x01\n", "f:2: byte 0x01" },
		{ "arc 0 1\n", "f:1: 'peers N' must come before" },
		{ "peers 2\narc 0\n", "f:2: must be 'arc', the sending" },
		{ "peers 2\narc 0 1 0.5 0 9\n", "f:2: '9' is unexpected" },
		{ "peers 2\narc 0 1 0.5 64\n", "f:2: arc 0 1: phase 64: must be below 64" },
		{ "peers 2\narc 0 2\n", "f:2: arc 0 2: peers are numbered 0 to 1" },
		{ "peers 2\narc 1 1\n", "f:2: arc 1 1: a peer cannot be its own neighbour" },
		{ "peers 2\narc 0 1 1.5\n", "f:2: arc 0 1: its weight 1.5 must be over 0" },
		{ "peers 2\narc 0 1\nedge 0 1\n", "f:3: a file has edges or arcs, not both" },
		{ "peers 2\nedge 0 1\narc 0 1\n", "f:3: a file has edges or arcs, not both" },
		{ "peers 2\narc 0 1\narc 1 0 0.5\n",
		  "f:3: arc 1 0 has a weight, but the arcs above have none" },
		{ "peers 2\narc 0 1\narc 0 1\n", "arc 0 1: is given twice in its phase" },
		{ "peers 3\narc 0 1\narc 1 2\n", "f: no path of arcs leads from peer 1 to peer 0" },
		{ "peers 2\narc 0 1\n", "f: no path of arcs leads from peer 1 to peer 0" },
		{ "peers 3\narc 0 1 0.6\narc 0 2 0.6\narc 1 0 0.5\narc 2 0 0.5\n",
		  "f: the weights that peer 0 gives in phase 0 add up to 1.2" },
		{ "peers 2\narc 0 1 1\narc 1 0 1\n", "f: the weights never reach consensus" },
		{ "peers 5000\narc 0 1\n", "f: 5000 peers: with arcs or phases between 2 and 4096" },
		{ "peers 2\nedge 0 1 \xff\n", "f:2: byte 0xff" },
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct sl_topology t, none = { 0 };
		struct sl_error error;
		assert_int_not_equal(sl_topology_parse(&t, cases[i].text, strlen(cases[i].text), "f", &error),
		                     SL_OK);
		if (!strstr(error.text, cases[i].says))
			fail_msg("'%s': '%s' does not say '%s'", cases[i].text, error.text, cases[i].says);
		assert_memory_equal(&t, &none, sizeof t);
	}
}

static void long_lines_are_refused(void **state)
{
	(void)state;
	char text[600];
	struct sl_topology t;
	struct sl_error error;
	memset(text, ' ', sizeof text);
	assert_int_equal(sl_topology_parse(&t, text, sizeof text, "f", &error), SL_TOO_BIG);
	assert_non_null(strstr(error.text, "f:1: a line of 600 bytes"));
	text[0] = '#'; /* a comment may be of any length */
	assert_int_equal(sl_topology_parse(&t, text, sizeof text, "f", &error), SL_MALFORMED);
}

/* What a topology holds makes the same topology again, as a roster does. */
static void from_its_own_edges(void **state)
{
	(void)state;
	static const char *const specs[] = { "ring:8", "star:9", "erdos-renyi:40,0.2", "torus:5x7" };
	for (unsigned i = 0; i < sizeof specs / sizeof *specs; i++) {
		struct sl_topology a, b;
		struct sl_error error;
		topology_make(&a, specs[i], 3);
		assert_int_equal(sl_topology_from_edges(&b, a.spec, a.peers, a.edge, NULL, a.edges, &error),
		                 SL_OK);
		topology_check_equal(&a, &b);
		sl_topology_free(&b);
		for (uint32_t e = 0; e < a.edges; e++) { /* a decimal text and back */
			char text[32];
			snprintf(text, sizeof text, "%.17g", a.weight[e]);
			a.weight[e] = strtod(text, NULL);
		}
		assert_int_equal(
		    sl_topology_from_edges(&b, a.spec, a.peers, a.edge, a.weight, a.edges, &error), SL_OK);
		topology_check_equal(&a, &b);
		sl_topology_free(&b);
		sl_topology_free(&a);
	}
}

static void bad_edges(void **state)
{
	(void)state;
	struct sl_topology t;
	struct sl_error error;
	const struct sl_edge_pair twice[] = { { 0, 1 }, { 1, 0 } };
	assert_int_equal(sl_topology_from_edges(&t, "mine", 2, twice, NULL, 2, &error), SL_MALFORMED);
	assert_string_equal(error.text, "mine: edge 0 1 is given twice");
	assert_int_equal(sl_topology_from_edges(&t, "mine", 1, twice, NULL, 0, &error), SL_OUT_OF_RANGE);
	assert_int_equal(
	    sl_topology_from_edges(&t, "mine", 2, twice, (const double[]){ (double)NAN }, 1, &error),
	    SL_OUT_OF_RANGE);
	struct sl_edge_pair star[300];
	for (uint32_t i = 0; i < 300; i++)
		star[i] = (struct sl_edge_pair){ 0, i + 1 };
	assert_int_equal(sl_topology_from_edges(&t, "mine", 301, star, NULL, 300, &error), SL_TOO_BIG);
	assert_string_equal(error.text, "mine: peer 0 has 300 neighbours, at most 255 are possible");
	assert_int_equal(sl_topology_from_edges(&t, "mine", 256, star, NULL, 255, NULL), SL_OK);
	sl_topology_free(&t);
	sl_topology_free(&t);
}

/* Runs the command with its output caught in `out`; returns its exit code. */
static int topology_command(char *out, size_t size, const char *const *words)
{
	char *argv[8] = { NULL };
	int argc = 0;
	argv[argc++] = strdup("topology");
	for (; *words; words++)
		argv[argc++] = strdup(*words);
	argv[argc] = NULL;
	FILE *caught = tmpfile();
	assert_non_null(caught);
	fflush(stdout);
	int screen = dup(STDOUT_FILENO), complaints = dup(STDERR_FILENO);
	dup2(fileno(caught), STDOUT_FILENO);
	dup2(fileno(caught), STDERR_FILENO);
	char *moved[8]; /* getopt puts words in another order */
	memcpy(moved, argv, sizeof moved);
	int code = sl_command_topology.run(argc, moved);
	fflush(stdout);
	dup2(screen, STDOUT_FILENO);
	dup2(complaints, STDERR_FILENO);
	close(screen);
	close(complaints);
	rewind(caught);
	out[fread(out, 1, size - 1, caught)] = '\0';
	fclose(caught);
	while (argc > 0)
		free(argv[--argc]);
	return code;
}

static const char path_3[] =
    "peer  itself    neighbours and their weights\n"
    "   0  0.666667  1 0.333333\n"
    "   1  0.333333  0 0.333333  2 0.333333\n"
    "   2  0.666667  1 0.333333\n"
    "\n"
    "topology         path:3\n"
    "peers            3\n"
    "edges            2\n"
    "neighbours       1 to 2, 1.33 on average\n"
    "diameter         2\n"
    "spectral gap     0.333333\n"
    "beta             1\n"
    "rounds to halve  2.08  (the distance to agreement, by gossip without compression)\n";

static void command_prints(void **state)
{
	(void)state;
	char out[8192];
	assert_int_equal(topology_command(out, sizeof out, (const char *[]){ "path:3", NULL }), 0);
	assert_string_equal(out, path_3);
	assert_int_equal(topology_command(out, sizeof out, (const char *[]){ "--json", "complete:2", NULL }),
	                 0);
	assert_non_null(
	    strstr(out, "{\"topology\": \"complete:2\", \"seed\": 1, \"peers\": 2, \"edges\": 1, "));
	assert_non_null(strstr(
	    out, "{\"peer\": 1, \"itself\": 0.5, \"neighbours\": [{\"peer\": 0, \"weight\": 0.5}]}]}"));
	assert_int_equal(
	    topology_command(out, sizeof out, (const char *[]){ "file:topologies/petersen.graph", NULL }), 0);
	assert_non_null(strstr(out, "\nspectral gap     0.5\n"));
	assert_int_equal(topology_command(out, sizeof out, (const char *[]){ "--help", NULL }), 0);
	assert_non_null(strstr(out, "--json"));
}

static void command_draws_from_the_seed(void **state)
{
	(void)state;
	char one[8192], again[8192], other[8192];
	topology_command(one, sizeof one, (const char *[]){ "random-regular:12,3", NULL });
	topology_command(again, sizeof again, (const char *[]){ "random-regular:12,3", "--seed", "1", NULL });
	topology_command(other, sizeof other, (const char *[]){ "random-regular:12,3", "--seed=2", NULL });
	assert_string_equal(one, again);
	assert_string_not_equal(one, other);
}

static void command_refuses(void **state)
{
	(void)state;
	static const struct {
		const char *words[4];
		int code;
		const char *says;
	} cases[] = {
		{ { NULL }, 2, "SPEC is missing: " },
		{ { "ring:8", "ring:9", NULL }, 2, "unexpected argument 'ring:9'" },
		{ { "hypercube:12", NULL }, 2, "starling topology: hypercube:12: N must be a power of two" },
		{ { "--sed=3", "ring:8", NULL }, 2, "--seed" },
		{ { "--seed=-3", "ring:8", NULL }, 2, "--seed = -3: not a whole number" },
		{ { "file:topologies/none.graph", NULL }, 2, "topologies/none.graph" },
		{ { "file:topologies/README.md", NULL }, 2, "topologies/README.md:3: " },
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		char out[8192];
		assert_int_equal(topology_command(out, sizeof out, cases[i].words), cases[i].code);
		if (!strstr(out, cases[i].says))
			fail_msg("'%s' does not say '%s'", out, cases[i].says);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ready_files_are_their_families),
		cmocka_unit_test(other_ready_files),
		cmocka_unit_test(files_may_be_written_freely),
		cmocka_unit_test(file_errors),
		cmocka_unit_test(long_lines_are_refused),
		cmocka_unit_test(from_its_own_edges),
		cmocka_unit_test(bad_edges),
		cmocka_unit_test(command_prints),
		cmocka_unit_test(command_draws_from_the_seed),
		cmocka_unit_test(command_refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
