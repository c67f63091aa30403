/* The contract of a graph, over every graph of the registry and every number of peers up to 40: it refuses in a
 * sentence, or its edges are those of a connected simple graph with a sound mixing matrix. */
#include "tests/support/topology.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { MOST = 40, DRAWN = 4096 };

/* What a family adds, as it adds it. */
struct drawn {
	uint32_t edges, arcs;
	struct sl_edge_pair edge[DRAWN];
	struct sl_arc arc[DRAWN];
};

static enum sl_status add_edge(void *context, uint32_t a, uint32_t b, struct sl_error *error)
{
	(void)error;
	struct drawn *d = context;
	assert_true(d->edges < DRAWN);
	d->edge[d->edges++] = (struct sl_edge_pair){ a, b };
	return SL_OK;
}

static enum sl_status add_arc(void *context, struct sl_arc arc, struct sl_error *error)
{
	(void)error;
	struct drawn *d = context;
	assert_true(d->arcs < DRAWN);
	d->arc[d->arcs++] = arc;
	return SL_OK;
}

static enum sl_status draw(const struct sl_graph *g, const char *arguments, uint64_t seed, uint32_t *peers,
                           struct drawn *d, struct sl_error *error)
{
	d->edges = d->arcs = 0;
	*peers = 0;
	memset(error, 0, sizeof *error);
	return g->arcs ? g->arcs(arguments, peers, add_arc, d, error)
	               : g->make(arguments, seed, peers, add_edge, d, error);
}

/* A peer gives at most what it has in every phase, and takes as much as it gives where it is balanced. */
struct flow {
	double in[MOST * 2], out[MOST * 2];
	uint32_t phase;
};

static void take_flow(void *context, struct sl_arc a)
{
	struct flow *f = context;
	if (a.phase != f->phase)
		return;
	f->out[a.from] += a.weight;
	f->in[a.to] += a.weight;
}

static void check_phases(const char *spec, const struct sl_topology *t)
{
	for (uint32_t phase = 0; phase < t->period; phase++) {
		struct flow f = { .phase = phase };
		sl_topology_each_arc(t, take_flow, &f);
		for (uint32_t i = 0; i < t->peers; i++)
			if (!(f.out[i] <= 1 + 1e-12) || (t->balanced && !(fabs(f.in[i] - f.out[i]) < 1e-12)))
				fail_msg("%s: in phase %u peer %u gives %g and takes %g", spec, phase, i,
				         f.out[i], f.in[i]);
	}
}

/* Symmetric, not negative, rows that add up to one: from the entries alone. */
static void check_matrix(const char *spec, const struct sl_topology *t)
{
	for (uint32_t i = 0; i < t->peers; i++) {
		double row = 0;
		for (uint32_t j = 0; j < t->peers; j++) {
			double w = topology_entry(t, i, j);
			row += w;
			if (!(w >= 0) || w != topology_entry(t, j, i))
				fail_msg("%s: w(%u,%u) = %g, w(%u,%u) = %g", spec, i, j, w, j, i,
				         topology_entry(t, j, i));
		}
		if (!(fabs(row - 1) < 1e-12))
			fail_msg("%s: row %u adds up to %.17g", spec, i, row);
	}
}

static void check_graph(const char *spec, const struct sl_topology *t, const struct drawn *d)
{
	struct sl_spectrum s;
	topology_check_sound(t);
	check_matrix(spec, t);
	if (t->activity)
		check_phases(spec, t);
	else if (t->edges != d->edges)
		fail_msg("%s: %u edges of %u", spec, t->edges, d->edges);
	sl_topology_spectrum(t, &s);
	if (!(s.gap > 0 && s.gap <= 1) || !(s.beta > 0 && s.beta <= 2) || s.diameter < 1 ||
	    s.diameter >= t->peers || s.degree_least < 1 || s.degree_most > SL_DEGREE_MAX)
		fail_msg("%s: gap %g, beta %g, diameter %u, degrees %u to %u", spec, s.gap, s.beta,
		         s.diameter, s.degree_least, s.degree_most);
}

static bool same_drawing(const struct drawn *a, const struct drawn *b)
{
	bool same = a->edges == b->edges && a->arcs == b->arcs &&
	            memcmp(a->edge, b->edge, a->edges * sizeof *a->edge) == 0;
	for (uint32_t i = 0; same && i < a->arcs; i++) {
		const struct sl_arc *x = &a->arc[i], *y = &b->arc[i];
		same = x->from == y->from && x->to == y->to && x->phase == y->phase && x->weight == y->weight;
	}
	return same;
}

/* One specification: true where it is a graph, false where it was refused in a sentence. */
static bool check_spec(const struct sl_graph *g, const char *spec)
{
	static struct drawn d, again;
	struct sl_topology t, repeated;
	struct sl_error error, told = { 0 };
	const char *arguments = spec + strlen(g->name) + 1;
	uint32_t peers;
	if (draw(g, arguments, 3, &peers, &d, &error) != SL_OK) {
		if (strncmp(error.text, g->name, strlen(g->name)) != 0 ||
		    strlen(error.text) < strlen(spec) + 8)
			fail_msg("%s is refused with '%s'", spec, error.text);
		assert_int_not_equal(sl_topology_make(&t, spec, 3, &told), SL_OK);
		assert_string_equal(told.text, error.text);
		return false;
	}
	if (sl_topology_make(&t, spec, 3, &error) != SL_OK)
		fail_msg("%s: what the family adds is no graph: %s", spec, error.text);
	assert_int_equal(t.peers, peers);
	if (g->usage[strlen(g->name) + 1] == 'N') /* as many as were asked for */
		assert_int_equal(t.peers, strtoul(arguments, NULL, 10));
	check_graph(spec, &t, &d);
	assert_int_equal(draw(g, arguments, 3, &peers, &again, &error), SL_OK);
	assert_true(same_drawing(&d, &again));
	topology_make(&repeated, spec, 3);
	topology_check_equal(&t, &repeated);
	sl_topology_free(&repeated);
	sl_topology_free(&t);
	return true;
}

/* "torus:RxC" with its first letter replaced by a number and its second by one of a few values; false behind the
 * last of those. */
static bool spell(const char *usage, unsigned first, unsigned second, char spec[static 64])
{
	static const char *const values[] = { "1", "2", "3", "4", "7", "0.7" };
	enum { VALUES = sizeof values / sizeof *values };
	if (second >= VALUES)
		return false;
	unsigned letters = 0;
	size_t used = (size_t)(strchr(usage, ':') + 1 - usage);
	memcpy(spec, usage, used);
	for (const char *c = usage + used; *c; c++)
		if (*c < 'A' || *c > 'Z')
			spec[used++] = *c;
		else if (letters++ == 0)
			used += (size_t)snprintf(spec + used, 64 - used, "%u", first);
		else
			used += (size_t)snprintf(spec + used, 64 - used, "%s", values[second]);
	spec[used] = '\0';
	assert_true(letters >= 1 && letters <= 2);
	return letters == 2 || second == 0;
}

static void every_graph_keeps_its_contract(void **state)
{
	(void)state;
	unsigned graphs = 0;
	for (const struct sl_graph *const *g = sl_graphs; *g; g++, graphs++) {
		unsigned made = 0;
		char spec[64];
		assert_true((*g)->doc && (*g)->doc[0] && !(*g)->make != !(*g)->arcs);
		if (strncmp((*g)->usage, (*g)->name, strlen((*g)->name)) != 0 ||
		    (*g)->usage[strlen((*g)->name)] != ':')
			fail_msg("%s: the usage '%s' does not begin with its name", (*g)->name, (*g)->usage);
		for (unsigned n = 0; n <= MOST; n++)
			for (unsigned second = 0; spell((*g)->usage, n, second, spec); second++)
				made += check_spec(*g, spec);
		/* of 2 to 40 peers, the powers of two at least */
		if (made < 5)
			fail_msg("%s: only %u of its specifications are graphs", (*g)->usage, made);
	}
	assert_true(graphs >= 14);
}

/* Where the seed matters, it decides; where it does not, nothing changes. */
static void seeds_decide(void **state)
{
	(void)state;
	static struct drawn a, b;
	unsigned random = 0, rigid = 0;
	for (const struct sl_graph *const *g = sl_graphs; *g; g++) {
		char spec[64];
		struct sl_error error;
		uint32_t peers;
		unsigned other = 0;
		spell((*g)->usage, 16, 3, spec);
		if (strcmp((*g)->name, "erdos-renyi") == 0)
			snprintf(spec, sizeof spec, "erdos-renyi:16,0.7");
		const char *arguments = spec + strlen((*g)->name) + 1;
		if (draw(*g, arguments, 1, &peers, &a, &error) != SL_OK)
			fail_msg("%s: %s", spec, error.text);
		for (uint64_t seed = 2; seed < 10; seed++) {
			assert_int_equal(draw(*g, arguments, seed, &peers, &b, &error), SL_OK);
			other += !same_drawing(&a, &b);
		}
		assert_true(other == 0 || other == 8);
		random += other > 0;
		rigid += other == 0;
	}
	assert_true(random >= 2 && rigid >= 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_graph_keeps_its_contract),
		cmocka_unit_test(seeds_decide),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
