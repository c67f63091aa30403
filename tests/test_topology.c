#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/topology.h"

#define PI 3.14159265358979323846

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
			topology_make(&t, spec, 7);
			topology_check_sound(&t);
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
		topology_make(&t, cases[i].spec, 1);
		topology_check_sound(&t);
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
		{ "ring:1", "between 2 and 131072" },
		{ "ring:131073", "between 2 and 131072" },
		{ "ring", "as in ring:2" },
		{ "ring:8,9", "unexpected argument" },
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
		{ "torus:1x1", "between 2 and 131072" },
		{ "torus:65536x65536", "between 2 and 131072" },
		{ "torus:99999999999999999999x2", "between 2 and 131072" },
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

static void check_spectrum(const char *spec, double gap, double beta, uint32_t diameter)
{
	struct sl_topology t;
	struct sl_spectrum s;
	topology_make(&t, spec, 1);
	sl_topology_spectrum(&t, &s);
	topology_near(spec, "gap", s.gap, gap);
	topology_near(spec, "second", s.second + 1, 2 - gap);
	topology_near(spec, "beta", s.beta, beta);
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
		topology_make(&t, spec, 1);
		sl_topology_spectrum(&t, &s);
		topology_near(spec, "gap", s.gap, 2.0 / d);
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
			a[i][j] = topology_entry(t, i, j);
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
		topology_make(&t, spec, seed);
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
		topology_near(spec, "second", s.second, second);
		topology_near(spec, "beta", s.beta, 1 - least);
		sl_topology_free(&t);
	}
}

/* A circle with heavy weights is held up by its smallest eigenvalue: W = I − 0.45·(Laplacian), whose largest
 * is 4. */
static void gap_at_the_lower_end(void **state)
{
	(void)state;
	struct sl_topology ring, heavy;
	struct sl_spectrum s;
	topology_make(&ring, "ring:8", 1);
	for (uint32_t e = 0; e < ring.edges; e++)
		ring.weight[e] = 0.45;
	assert_int_equal(sl_topology_from_edges(&heavy, "heavy", 8, ring.edge, ring.weight, 8, NULL), SL_OK);
	sl_topology_spectrum(&heavy, &s);
	topology_near("heavy", "gap", s.gap, 0.2);
	topology_near("heavy", "second", s.second, 0.8);
	topology_near("heavy", "beta", s.beta, 1.8);
	sl_topology_free(&heavy);
	sl_topology_free(&ring);
}

/* A tree whose only two peers that are four steps apart have the last numbers of their sixty-fours. */
static void diameter_between_two_peers(void **state)
{
	(void)state;
	struct sl_edge_pair edge[127];
	for (uint32_t i = 1; i < 128; i++)
		edge[i - 1] = (struct sl_edge_pair){ i == 63 ? 1 : i == 127 ? 2 : 0, i };
	struct sl_topology t;
	struct sl_spectrum s;
	assert_int_equal(sl_topology_from_edges(&t, "tree", 128, edge, NULL, 127, NULL), SL_OK);
	sl_topology_spectrum(&t, &s);
	assert_int_equal(s.diameter, 4);
	sl_topology_free(&t);
}

static void random_families_repeat(void **state)
{
	(void)state;
	static const char *const specs[] = { "erdos-renyi:30,0.2", "random-regular:30,4",
		                             "random-regular:30,2" };
	for (unsigned i = 0; i < sizeof specs / sizeof *specs; i++) {
		struct sl_topology a, b, c;
		topology_make(&a, specs[i], 5);
		topology_make(&b, specs[i], 5);
		topology_make(&c, specs[i], 6);
		topology_check_equal(&a, &b);
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
			topology_make(&t, spec, n + d);
			topology_check_sound(&t);
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
		topology_make(&t, "random-regular:6,3", seed);
		for (uint32_t e = 0; e < t.edges; e++)
			for (uint32_t i = 0; i < 6; i++)
				triangle |= i != t.edge[e].a && i != t.edge[e].b &&
				            topology_entry(&t, i, t.edge[e].a) > 0 &&
				            topology_entry(&t, i, t.edge[e].b) > 0;
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
		topology_make(&t, "erdos-renyi:20,0.5", seed);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(families_are_sound),
		cmocka_unit_test(small_cases),
		cmocka_unit_test(refusals),
		cmocka_unit_test(closed_forms),
		cmocka_unit_test(exponential_graphs),
		cmocka_unit_test(spectrum_against_jacobi),
		cmocka_unit_test(gap_at_the_lower_end),
		cmocka_unit_test(diameter_between_two_peers),
		cmocka_unit_test(random_families_repeat),
		cmocka_unit_test(random_regular_degrees),
		cmocka_unit_test(random_regular_is_uniform),
		cmocka_unit_test(erdos_renyi_frequencies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
