/* Schedules and directed graphs: their matrices multiplied out, in double, and nothing in common with the
 * code under test but the arcs. */
#include "support/most.h"
#include "support/topology.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 64 };

struct product {
	double now[MOST][MOST], next[MOST][MOST];
	uint32_t peers, phase;
};

static void take_arc(void *context, struct sl_arc a)
{
	struct product *p = context;
	for (uint32_t k = 0; k < p->peers && a.phase == p->phase; k++) {
		p->next[a.to][k] += a.weight * p->now[a.from][k];
		p->next[a.from][k] -= a.weight * p->now[a.from][k];
	}
}

/* The product of the matrices of the first `rounds` rounds. */
static void multiply(struct product *p, const struct sl_topology *t, uint32_t rounds)
{
	assert_true(t->peers <= MOST);
	memset(p, 0, sizeof *p);
	p->peers = t->peers;
	for (uint32_t i = 0; i < t->peers; i++)
		p->now[i][i] = 1;
	for (uint32_t round = 0; round < rounds; round++) {
		p->phase = round % t->period;
		memcpy(p->next, p->now, sizeof p->now);
		sl_topology_each_arc(t, take_arc, p);
		memcpy(p->now, p->next, sizeof p->now);
	}
}

/* The largest distance of an entry from 1/n. */
static double off_average(const struct product *p)
{
	double most = 0;
	for (uint32_t i = 0; i < p->peers; i++)
		for (uint32_t k = 0; k < p->peers; k++)
			most = most_of(most, fabs(p->now[i][k] - 1.0 / p->peers));
	return most;
}

/* The most neighbours that a peer hears in one round. */
static uint32_t most_heard(const struct sl_topology *t)
{
	uint32_t most = 0;
	for (uint32_t i = 0; i < t->peers; i++)
		for (uint32_t phase = 0; phase < t->period; phase++) {
			uint32_t heard = 0;
			for (uint32_t k = t->active_first[t->first[i]]; k < t->active_first[t->first[i + 1]];
			     k++)
				heard += t->activity[k].phase == phase && t->activity[k].in > 0;
			most = heard > most ? heard : most;
		}
	return most;
}

static void exact(const char *spec, uint32_t period, uint32_t heard)
{
	static struct product p;
	struct sl_topology t;
	struct sl_spectrum s;
	topology_make(&t, spec, 1);
	multiply(&p, &t, t.period);
	sl_topology_spectrum(&t, &s);
	if (!(off_average(&p) < 1e-14) || s.second != 0 || s.gap != 1)
		fail_msg("%s: %g off the average after %u rounds, second eigenvalue %g", spec,
		         off_average(&p), t.period, s.second);
	if (period && t.period != period)
		fail_msg("%s: a period of %u rounds, not %u", spec, t.period, period);
	if (most_heard(&t) > heard)
		fail_msg("%s: somebody hears %u neighbours in a round, not %u", spec, most_heard(&t), heard);
	assert_true(t.balanced && t.self[0] > 0 && s.beta <= 2);
	if (t.period > 1) { /* and not before */
		multiply(&p, &t, t.period - 1);
		assert_true(off_average(&p) > 1e-3);
	}
	sl_topology_free(&t);
}

static void schedules_average_exactly(void **state)
{
	(void)state;
	char spec[64];
	for (uint32_t m = 1; m <= 6; m++) {
		snprintf(spec, sizeof spec, "one-peer-hypercube:%u", 1U << m);
		exact(spec, m, 1);
		snprintf(spec, sizeof spec, "one-peer-exponential:%u", 1U << m);
		exact(spec, m, 1);
	}
	for (uint32_t base = 2; base <= 5; base++)
		for (uint32_t n = 2; n <= MOST; n++) {
			snprintf(spec, sizeof spec, "base:%u,%u", n, base);
			exact(spec, 0, base - 1);
		}
	exact("base:6,2", 4, 1);
	exact("base:12,2", 5, 1);
	exact("base:12,3", 3, 2);
	exact("base:5", 5, 1);
	exact("base:31,2", 9, 1);
}

/* A circulant matrix ½I + ½P has eigenvalues ½ + ½ω^k. */
static void directed_graphs(void **state)
{
	(void)state;
	for (uint32_t n = 3; n <= 40; n++) {
		char spec[64];
		struct sl_topology t;
		struct sl_spectrum s;
		snprintf(spec, sizeof spec, "directed-ring:%u", n);
		topology_make(&t, spec, 1);
		sl_topology_spectrum(&t, &s);
		assert_true(fabs(s.second - cos(3.141592653589793 / n)) < 2e-3);
		assert_int_equal(s.diameter, n - 1);
		assert_true(t.directed && t.balanced && t.period == 1 && fabs(t.self[1] - 0.5) < 1e-15);
		sl_topology_free(&t);
	}
	struct sl_topology t;
	struct sl_spectrum s;
	topology_make(&t, "directed-exponential:16", 1);
	sl_topology_spectrum(&t, &s);
	assert_int_equal(s.diameter, 4);
	assert_true(fabs(s.second - 0.6) < 2e-3); /* as Ying et al. 2021: 1 − 2/(1 + log₂ n) */
	sl_topology_free(&t);
}

/* Files: arcs with and without weights; from a topology's own arcs the same topology. */
struct arcs {
	struct sl_arc arc[1000];
	uint32_t count;
};

static void keep_arc(void *context, struct sl_arc a)
{
	struct arcs *all = context;
	all->arc[all->count++] = a;
}

static void same(const struct sl_topology *a, const struct sl_topology *b)
{
	assert_int_equal(a->edges, b->edges);
	assert_int_equal(a->period, b->period);
	uint32_t rows = 2 * a->edges, count = a->active_first[rows];
	assert_memory_equal(a->active_first, b->active_first, (rows + 1) * sizeof *a->active_first);
	assert_memory_equal(a->self, b->self, a->peers * sizeof *a->self);
	for (uint32_t k = 0; k < count; k++)
		assert_true(a->activity[k].phase == b->activity[k].phase &&
		            a->activity[k].in == b->activity[k].in &&
		            a->activity[k].out == b->activity[k].out);
}

static void arcs_make_the_same_again(void **state)
{
	(void)state;
	static const char *const specs[] = { "base:11,3", "one-peer-exponential:6", "directed-ring:7",
		                             "directed-exponential:9" };
	for (unsigned i = 0; i < sizeof specs / sizeof *specs; i++) {
		struct arcs all = { .count = 0 };
		struct sl_topology t, again;
		struct sl_error error;
		topology_make(&t, specs[i], 1);
		sl_topology_each_arc(&t, keep_arc, &all);
		for (uint32_t k = 0; k < all.count / 2; k++) { /* in another order */
			struct sl_arc spare = all.arc[k];
			all.arc[k] = all.arc[all.count - 1 - k];
			all.arc[all.count - 1 - k] = spare;
		}
		assert_int_equal(sl_topology_from_arcs(&again, t.spec, t.peers, all.arc, all.count, &error),
		                 SL_OK);
		same(&t, &again);
		sl_topology_free(&t);
		sl_topology_free(&again);
	}
}

static void files_of_arcs(void **state)
{
	(void)state;
	static const char text[] = "peers 3 # 0 feeds two\narc 0 1\narc 0 2\narc 1 0\narc 2 1\n";
	static const char phases[] = "peers 2\narc 0 1 0.5 0\narc 1 0 0.25 2\n";
	struct sl_topology t;
	struct sl_error error;
	assert_int_equal(sl_topology_parse(&t, text, sizeof text - 1, "f", &error), SL_OK);
	assert_true(t.directed && !t.balanced && t.period == 1 && t.edges == 3);
	assert_true(fabs(t.self[0] - 1.0 / 3) < 1e-15 && t.self[1] == 0.5 && t.self[2] == 0.5);
	assert_true(t.activity[0].in == 0.5 && t.activity[0].out == 1.0 / 3); /* of 0 with 1 */
	sl_topology_free(&t);
	assert_int_equal(sl_topology_parse(&t, phases, sizeof phases - 1, "f", &error), SL_OK);
	assert_true(t.period == 3 && t.active_first[1] == 2 && t.activity[1].phase == 2 &&
	            t.activity[1].in == 0.25);
	sl_topology_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schedules_average_exactly),
		cmocka_unit_test(directed_graphs),
		cmocka_unit_test(arcs_make_the_same_again),
		cmocka_unit_test(files_of_arcs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
