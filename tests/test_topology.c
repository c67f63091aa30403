#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "topology/topology.h"

#define PI 3.14159265358979323846

static void make(struct sl_topology *t, const char *spec, uint64_t seed)
{
	struct sl_error error;
	if (sl_topology_make(t, spec, seed, &error) != SL_OK)
		fail_msg("%s", error.text);
}

static double entry(const struct sl_topology *t, uint32_t i, uint32_t j)
{
	if (i == j)
		return t->self[i];
	for (uint32_t k = t->first[i]; k < t->first[i + 1]; k++)
		if (t->neighbour[k] == j)
			return t->weight[t->edge_of[k]];
	return 0;
}

/* Whatever a topology is made from, this holds. */
static void check_sound(const struct sl_topology *t)
{
	assert_in_range(t->peers, 2, SL_PEERS_MAX);
	assert_int_equal(t->first[0], 0);
	assert_int_equal(t->first[t->peers], 2 * t->edges);
	for (uint32_t e = 0; e < t->edges; e++) {
		struct sl_edge_pair at = t->edge[e];
		assert_true(at.a < at.b && at.b < t->peers);
		assert_true(t->weight[e] > 0 && t->weight[e] <= 1);
		if (e)
			assert_true(t->edge[e - 1].a < at.a ||
			            (t->edge[e - 1].a == at.a && t->edge[e - 1].b < at.b));
	}
	for (uint32_t i = 0; i < t->peers; i++) {
		double row = t->self[i];
		assert_true(t->self[i] >= 0);
		assert_in_range(sl_topology_degree(t, i), 1, SL_DEGREE_MAX);
		for (uint32_t k = t->first[i]; k < t->first[i + 1]; k++) {
			struct sl_edge_pair at = t->edge[t->edge_of[k]];
			uint32_t j = t->neighbour[k];
			assert_true((at.a == i && at.b == j) || (at.a == j && at.b == i));
			assert_true(k == t->first[i] || t->neighbour[k - 1] < j);
			row += t->weight[t->edge_of[k]];
		}
		assert_true(fabs(row - 1) < 1e-13);
	}
}

static void check_equal(const struct sl_topology *a, const struct sl_topology *b)
{
	assert_int_equal(a->peers, b->peers);
	assert_int_equal(a->edges, b->edges);
	assert_memory_equal(a->edge, b->edge, a->edges * sizeof *a->edge);
	assert_memory_equal(a->weight, b->weight, a->edges * sizeof *a->weight);
	assert_memory_equal(a->self, b->self, a->peers * sizeof *a->self);
	assert_memory_equal(a->neighbour, b->neighbour, 2 * a->edges * sizeof *a->neighbour);
}

static void families_are_sound(void **state)
{
	(void)state;
	static const struct {
		const char *before, *behind;
	} one[] = { { "ring:", "" },     { "path:", "" },        { "star:", "" },
		    { "complete:", "" }, { "exponential:", "" }, { "torus:1x", "" },
		    { "torus:2x", "" },  { "torus:", "x3" },     { "erdos-renyi:", ",0.7" } };
	for (unsigned f = 0; f < sizeof one / sizeof *one; f++)
		for (unsigned n = 2; n < 40; n++) {
			char spec[64];
			struct sl_topology t;
			snprintf(spec, sizeof spec, "%s%u%s", one[f].before, n, one[f].behind);
			make(&t, spec, 7);
			check_sound(&t);
			assert_string_equal(t.spec, spec);
			sl_topology_free(&t);
		}
}

static void small_cases(void **state)
{
	(void)state;
	static const struct {
		const char *spec;
		uint32_t peers, edges;
	} cases[] = {
		{ "ring:2", 2, 1 },
		{ "ring:3", 3, 3 },
		{ "path:2", 2, 1 },
		{ "star:2", 2, 1 },
		{ "complete:2", 2, 1 },
		{ "complete:256", 256, 32640 },
		{ "torus:2x2", 4, 4 },
		{ "torus:1x2", 2, 1 },
		{ "torus:1x5", 5, 5 },
		{ "torus:2x3", 6, 9 },
		{ "torus:3x3", 9, 18 },
		{ "hypercube:2", 2, 1 },
		{ "hypercube:16", 16, 32 },
		{ "exponential:2", 2, 1 },
		{ "exponential:3", 3, 3 },
		{ "exponential:4", 4, 6 },
		{ "exponential:6", 6, 12 },
		{ "exponential:8", 8, 20 },
		{ "star:256", 256, 255 },
		{ "random-regular:2,1", 2, 1 },
		{ "random-regular:3,2", 3, 3 },
		{ "random-regular:4,3", 4, 6 },
		{ "erdos-renyi:5,1", 5, 10 },
		{ "ring:peers=9", 9, 9 },
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct sl_topology t;
		make(&t, cases[i].spec, 1);
		check_sound(&t);
		assert_int_equal(t.peers, cases[i].peers);
		assert_int_equal(t.edges, cases[i].edges);
		sl_topology_free(&t);
	}
}

static void refusals(void **state)
{
	(void)state;
	static const struct {
		const char *spec, *says;
	} cases[] = {
		{ "ring:1", "between 2 and 65536" },
		{ "ring:65537", "between 2 and 65536" },
		{ "ring", "as in ring:2" },
		{ "ring:8,9", "one argument too many" },
		{ "ring:-8", "not a whole number" },
		{ "ring:8x", "not a whole number" },
		{ "rign:8", "did you mean ring?" },
		{ "mesh:8", "torus:RxC" },
		{ "", "unknown topology ''" },
		{ "ring:8\n", "control character (0x0a)" },
		{ "file:x", "cannot be read here" },
		{ "complete:300", "299 neighbours, at most 255" },
		{ "star:300", "299 neighbours, at most 255" },
		{ "torus:4", "as in torus:4x4" },
		{ "torus:4x", "as in torus:4x4" },
		{ "torus:x4", "as in torus:4x4" },
		{ "torus:4x4x4", "as in torus:4x4" },
		{ "torus:-4x-4", "as in torus:4x4" },
		{ "torus:1x1", "between 2 and 65536" },
		{ "torus:65536x65536", "between 2 and 65536" },
		{ "torus:99999999999999999999x2", "between 2 and 65536" },
		{ "hypercube:13", "nearest is 16" },
		{ "hypercube:9", "nearest is 8" },
		{ "random-regular:8", "needs degree" },
		{ "random-regular:8,8", "at most 7" },
		{ "random-regular:5,3", "even" },
		{ "random-regular:4,1", "only two peers" },
		{ "random-regular:1000,256", "between 1 and 255" },
		{ "erdos-renyi:64,0.001", "not connected in 100 tries" },
		{ "erdos-renyi:64,2", "between" },
		{ "erdos-renyi:64,nan", "not a number" },
		{ "erdos-renyi:2000,0.5", "about 1000 neighbours, at most 255" },
		{ "erdos-renyi:1275,0.2", "neighbours, at most 255" },
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct sl_topology t, none = { 0 };
		struct sl_error error;
		assert_int_not_equal(sl_topology_make(&t, cases[i].spec, 1, &error), SL_OK);
		if (!strstr(error.text, cases[i].says))
			fail_msg("%s: '%s' does not say '%s'", cases[i].spec, error.text, cases[i].says);
		assert_memory_equal(&t, &none, sizeof t);
	}
}

static void near(const char *spec, const char *what, double found, double right)
{
	if (fabs(found - right) > 1e-9 * fabs(right))
		fail_msg("%s: %s is %.15g, not %.15g", spec, what, found, right);
}

static void check_spectrum(const char *spec, double gap, double beta, uint32_t diameter)
{
	struct sl_topology t;
	struct sl_spectrum s;
	make(&t, spec, 1);
	sl_topology_spectrum(&t, &s);
	near(spec, "gap", s.gap, gap);
	near(spec, "second", s.second + 1, 2 - gap);
	near(spec, "beta", s.beta, beta);
	assert_int_equal(s.diameter, diameter);
	sl_topology_free(&t);
}

/* With W = I − w·(Laplacian): eigenvalues of rings, paths, tori and hypercubes are sums of cosines. */
static void closed_forms(void **state)
{
	(void)state;
	char spec[64];
	static const uint32_t sizes[] = { 3, 4, 5, 8, 13, 33, 64, 100, 257, 1000, 1024 };
	for (unsigned k = 0; k < sizeof sizes / sizeof *sizes; k++) {
		uint32_t n = sizes[k];
		snprintf(spec, sizeof spec, "ring:%u", (unsigned)n);
		double most = n % 2 ? 2 * (1 + cos(PI / n)) / 3 : 4.0 / 3;
		check_spectrum(spec, 2 * (1 - cos(2 * PI / n)) / 3, most, n / 2);
		snprintf(spec, sizeof spec, "path:%u", (unsigned)n);
		check_spectrum(spec, 2 * (1 - cos(PI / n)) / 3, 2 * (1 + cos(PI / n)) / 3, n - 1);
		snprintf(spec, sizeof spec, "torus:%ux6", (unsigned)(n < 170 ? n : 170));
		double side = n < 170 ? n : 170, longer = side > 6 ? side : 6;
		double two = 2 * (1 + (side < 170 && n % 2 ? cos(PI / side) : 1) + 2) / 5;
		double gap = 2 * (1 - cos(2 * PI / longer)) / 5;
		check_spectrum(spec, gap < 2 - two ? gap : 2 - two, two, (uint32_t)side / 2 + 3);
		if (n > 256)
			continue;
		snprintf(spec, sizeof spec, "complete:%u", (unsigned)n);
		check_spectrum(spec, 1, 1, 1);
		snprintf(spec, sizeof spec, "star:%u", (unsigned)n);
		check_spectrum(spec, 1.0 / n, 1, 2);
	}
	for (unsigned d = 1; d <= 10; d++) {
		snprintf(spec, sizeof spec, "hypercube:%u", 1U << d);
		check_spectrum(spec, 2.0 / (d + 1), 2.0 * d / (d + 1), d);
	}
	check_spectrum("ring:2", 1, 1, 1);
	check_spectrum("torus:2x2", 2.0 / 3, 4.0 / 3, 2);
	check_spectrum("torus:32x32", 2 * (1 - cos(2 * PI / 32)) / 5, 1.6, 32);
}

/* The gap of an exponential graph of 2^d peers is 2/d, and its diameter ⌈d/2⌉: numbers in signed binary
 * digits. */
static void exponential_graphs(void **state)
{
	(void)state;
	for (unsigned d = 2; d <= 10; d++) {
		char spec[64];
		struct sl_topology t;
		struct sl_spectrum s;
		snprintf(spec, sizeof spec, "exponential:%u", 1U << d);
		make(&t, spec, 1);
		sl_topology_spectrum(&t, &s);
		near(spec, "gap", s.gap, 2.0 / d);
		assert_int_equal(s.diameter, (d + 1) / 2);
		assert_int_equal(s.degree_least, 2 * d - 1);
		assert_int_equal(s.degree_most, 2 * d - 1);
		sl_topology_free(&t);
	}
}

enum { DENSE = 40 };

/* Eigenvalues of W by cyclic Jacobi rotations: slow, and nothing in common with the method under test. */
static void jacobi(const struct sl_topology *t, double *value)
{
	static double a[DENSE][DENSE];
	uint32_t n = t->peers;
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t j = 0; j < n; j++)
			a[i][j] = entry(t, i, j);
	for (unsigned sweep = 0; sweep < 30; sweep++)
		for (uint32_t p = 0; p < n; p++)
			for (uint32_t q = p + 1; q < n; q++) {
				if (a[p][q] == 0)
					continue;
				double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
				double tangent =
				    (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1));
				double c = 1 / sqrt(tangent * tangent + 1), s = tangent * c;
				for (uint32_t k = 0; k < n; k++) {
					double x = a[k][p], y = a[k][q];
					a[k][p] = c * x - s * y;
					a[k][q] = s * x + c * y;
				}
				for (uint32_t k = 0; k < n; k++) {
					double x = a[p][k], y = a[q][k];
					a[p][k] = c * x - s * y;
					a[q][k] = s * x + c * y;
				}
			}
	for (uint32_t i = 0; i < n; i++)
		value[i] = a[i][i];
}

static void spectrum_against_jacobi(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 25; seed++) {
		char spec[64];
		struct sl_topology t;
		struct sl_spectrum s;
		snprintf(spec, sizeof spec, "erdos-renyi:%u,0.2", (unsigned)(16 + seed));
		make(&t, spec, seed);
		double value[DENSE], least = 2, second = 0;
		bool one = false; /* the eigenvalue 1 was met */
		jacobi(&t, value);
		for (uint32_t i = 0; i < t.peers; i++) {
			least = value[i] < least ? value[i] : least;
			if (!one && fabs(value[i] - 1) < 1e-12)
				one = true;
			else
				second = fabs(value[i]) > second ? fabs(value[i]) : second;
		}
		sl_topology_spectrum(&t, &s);
		near(spec, "second", s.second, second);
		near(spec, "beta", s.beta, 1 - least);
		sl_topology_free(&t);
	}
}

static void random_families_repeat(void **state)
{
	(void)state;
	static const char *const specs[] = { "erdos-renyi:30,0.2", "random-regular:30,4",
		                             "random-regular:30,2" };
	for (unsigned i = 0; i < sizeof specs / sizeof *specs; i++) {
		struct sl_topology a, b, c;
		make(&a, specs[i], 5);
		make(&b, specs[i], 5);
		make(&c, specs[i], 6);
		check_equal(&a, &b);
		assert_true(a.edges != c.edges || memcmp(a.edge, c.edge, a.edges * sizeof *a.edge) != 0);
		sl_topology_free(&a);
		sl_topology_free(&b);
		sl_topology_free(&c);
	}
}

static void random_regular_degrees(void **state)
{
	(void)state;
	for (unsigned n = 2; n < 24; n++)
		for (unsigned d = n == 2 ? 1 : 2; d < n; d++) {
			if (n * d % 2)
				continue;
			char spec[64];
			struct sl_topology t;
			snprintf(spec, sizeof spec, "random-regular:%u,%u", n, d);
			make(&t, spec, n + d);
			check_sound(&t);
			for (uint32_t i = 0; i < n; i++)
				assert_int_equal(sl_topology_degree(&t, i), d);
			sl_topology_free(&t);
		}
}

/* Of the 70 graphs of six labelled peers with three neighbours each, 10 have no triangle: 100 of 700 draws,
 * with a standard deviation of 9.3. */
static void random_regular_is_uniform(void **state)
{
	(void)state;
	unsigned without = 0;
	for (uint64_t seed = 0; seed < 700; seed++) {
		struct sl_topology t;
		bool triangle = false;
		make(&t, "random-regular:6,3", seed);
		for (uint32_t e = 0; e < t.edges; e++)
			for (uint32_t i = 0; i < 6; i++)
				triangle |= i != t.edge[e].a && i != t.edge[e].b &&
				            entry(&t, i, t.edge[e].a) > 0 && entry(&t, i, t.edge[e].b) > 0;
		without += !triangle;
		sl_topology_free(&t);
	}
	assert_in_range(without, 100 - 46, 100 + 46);
}

/* Each pair of 20 peers has an edge in 0.5 of 600 draws (5 standard deviations: 61), all 190 of them together
 * in 0.5. At P = 0.5 a graph is as good as never unconnected, which would bias the count. */
static void erdos_renyi_frequencies(void **state)
{
	(void)state;
	enum { N = 20, DRAWS = 600 };
	unsigned count[N][N] = { { 0 } };
	double all = 0;
	for (uint64_t seed = 0; seed < DRAWS; seed++) {
		struct sl_topology t;
		make(&t, "erdos-renyi:20,0.5", seed);
		for (uint32_t e = 0; e < t.edges; e++)
			count[t.edge[e].a][t.edge[e].b]++;
		all += t.edges;
		sl_topology_free(&t);
	}
	for (unsigned a = 0; a < N; a++)
		for (unsigned b = a + 1; b < N; b++)
			assert_in_range(count[a][b], DRAWS / 2 - 61, DRAWS / 2 + 61);
	double pairs = N * (N - 1) / 2.0 * DRAWS;
	assert_true(fabs(all - 0.5 * pairs) < 5 * sqrt(0.25 * pairs));
}

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
	check_sound(t);
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
		make(&family, pairs[i][1], 1);
		check_equal(&file, &family);
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
			near(cases[i].name, "gap", s.gap, cases[i].gap);
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
	check_sound(&t);
	assert_string_equal(t.spec, "file:three");
	assert_true(entry(&t, 0, 2) == 0.25 && entry(&t, 1, 0) == 0.5 && entry(&t, 2, 1) == 0.1);
	assert_true(fabs(entry(&t, 0, 0) - 0.25) < 1e-15);
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
		{ "peers 1\n", "f:1: peers 1: must be between 2 and 65536" },
		{ "peers 65537\n", "must be between 2 and 65536" },
		{ "peers 99999999999\n", "must be 'peers' and a number" },
		{ "peers 2\npeers 2\n", "f:2: a second 'peers' line" },
		{ "peers 2\n\n# x\nedge 0\n", "f:4: must be 'edge', two numbers" },
		{ "peers 2\nedge 0 x\n", "f:2: must be 'edge', two numbers" },
		{ "peers 2\nedge 0 -1\n", "f:2: must be 'edge', two numbers" },
		{ "peers 2\nedge 0 2\n", "f:2: edge 0 2: peers are numbered 0 to 1" },
		{ "peers 2\nedge 1 1\n", "f:2: edge 1 1: a peer is not its own neighbour" },
		{ "peers 2\nedge 0 1 0.5 7\n", "f:2: '7' is one word too many" },
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
		{ "peers 2\nedge 0 1 1\n", "f: the weights never come to agreement" },
		{ "peers 4\nedge 0 1 .5\nedge 1 2 .5\nedge 2 3 .5\nedge 3 0 .5\n",
		  "f: the weights never come to agreement" },
		{ "peers 2\nnode 0\n", "f:2: 'node': a line is" },
		{ "peers 2\nedge 0 1 \x01\n", "f:2: byte 0x01" },
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
		make(&a, specs[i], 3);
		assert_int_equal(sl_topology_from_edges(&b, a.spec, a.peers, a.edge, NULL, a.edges, &error),
		                 SL_OK);
		check_equal(&a, &b);
		sl_topology_free(&b);
		for (uint32_t e = 0; e < a.edges; e++) { /* a decimal text and back */
			char text[32];
			snprintf(text, sizeof text, "%.17g", a.weight[e]);
			a.weight[e] = strtod(text, NULL);
		}
		assert_int_equal(
		    sl_topology_from_edges(&b, a.spec, a.peers, a.edge, a.weight, a.edges, &error), SL_OK);
		check_equal(&a, &b);
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
	assert_string_equal(error.text, "mine: edge 0 1 comes twice");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(families_are_sound),
		cmocka_unit_test(small_cases),
		cmocka_unit_test(refusals),
		cmocka_unit_test(closed_forms),
		cmocka_unit_test(exponential_graphs),
		cmocka_unit_test(spectrum_against_jacobi),
		cmocka_unit_test(random_families_repeat),
		cmocka_unit_test(random_regular_degrees),
		cmocka_unit_test(random_regular_is_uniform),
		cmocka_unit_test(erdos_renyi_frequencies),
		cmocka_unit_test(ready_files_are_their_families),
		cmocka_unit_test(other_ready_files),
		cmocka_unit_test(files_may_be_written_freely),
		cmocka_unit_test(file_errors),
		cmocka_unit_test(long_lines_are_refused),
		cmocka_unit_test(from_its_own_edges),
		cmocka_unit_test(bad_edges),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
