/* contraction.c — convergence rate of consensus on a schedule or a directed graph.
 *
 * The product A of a period's matrices has columns that add up to one, so it maps vectors that sum to zero to such
 * vectors. The growth of one of these per round is |λ₂|, found by power iteration (for a pair of complex
 * eigenvalues, as the geometric mean over many periods). */
#include "base/random.h"
#include "topology/build.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PERIODS = 600, LOOK_AFTER = 200 };
#define WORK_MAX 4e8
#define EXACT    1e-12

/* x ← (matrix of one phase)·x; `change` has room for one value per peer. */
static void apply_phase(const struct sl_topology *t, uint32_t phase, double *x, double *change)
{
	memset(change, 0, t->peers * sizeof *change);
	for (uint32_t i = 0; i < t->peers; i++)
		for (uint32_t r = t->first[i]; r < t->first[i + 1]; r++)
			for (uint32_t k = t->active_first[r]; k < t->active_first[r + 1]; k++)
				if (t->activity[k].phase == phase)
					change[i] += t->activity[k].in * x[t->neighbour[r]] -
					             t->activity[k].out * x[i];
	for (uint32_t i = 0; i < t->peers; i++)
		x[i] += change[i];
}

/* Subtracts the mean from x and scales it to length 1; returns the length before. */
static double normalise(uint32_t n, double *x)
{
	double mean = 0, square = 0;
	for (uint32_t i = 0; i < n; i++)
		mean += x[i] / n;
	for (uint32_t i = 0; i < n; i++) {
		x[i] -= mean;
		square += x[i] * x[i];
	}
	double length = sqrt(square);
	for (uint32_t i = 0; i < n && length > 0; i++)
		x[i] /= length;
	return length;
}

static double growth(const struct sl_topology *t)
{
	double *x = calloc(2 * (size_t)t->peers, sizeof *x), sum = 0, counted = 0;
	if (!x)
		sl_panic(__FILE__, __LINE__, "memory for the contraction of a topology");
	struct sl_random random = sl_random_stream(0, UINT32_MAX, "contraction", 0);
	for (uint32_t i = 0; i < t->peers; i++)
		x[i] = sl_random_unit_double(&random) - 0.5;
	normalise(t->peers, x);
	double work = t->period * (2.0 * t->edges * t->period + 3.0 * t->peers), most = WORK_MAX / work;
	unsigned periods = most < 20 ? 20 : most < PERIODS ? (unsigned)most : PERIODS;
	for (unsigned p = 0; p < periods; p++) {
		for (uint32_t phase = 0; phase < t->period; phase++)
			apply_phase(t, phase, x, x + t->peers);
		double length = normalise(t->peers, x);
		if (length < EXACT) {
			free(x);
			return 0;
		}
		if (p < periods * LOOK_AFTER / PERIODS)
			continue;
		sum += log(length);
		counted += t->period;
	}
	free(x);
	return exp(sum / counted);
}

/* Diameter: the largest number of hops between two peers. */
static uint32_t diameter(const struct sl_topology *t)
{
	uint32_t *distance = calloc(2 * (size_t)t->peers, sizeof *distance), most = 0;
	if (!distance)
		sl_panic(__FILE__, __LINE__, "memory for the diameter of a topology");
	uint32_t *queue = distance + t->peers;
	for (uint32_t from = 0; from < t->peers; from++) {
		memset(distance, 0xff, t->peers * sizeof *distance);
		uint32_t tail = 1;
		queue[0] = from;
		distance[from] = 0;
		for (uint32_t head = 0; head < tail; head++)
			for (uint32_t r = t->first[queue[head]]; r < t->first[queue[head] + 1]; r++)
				for (uint32_t k = t->active_first[r]; k < t->active_first[r + 1]; k++) {
					uint32_t to = t->neighbour[r];
					if (!(t->activity[k].out > 0) || distance[to] != UINT32_MAX)
						continue;
					distance[to] = distance[queue[head]] + 1;
					queue[tail++] = to;
				}
		most = distance[queue[tail - 1]] > most ? distance[queue[tail - 1]] : most;
	}
	free(distance);
	return most;
}

/* Gershgorin: eigenvalues of I − W are at most twice the outgoing weight of a peer in one phase. */
static double most_given(const struct sl_topology *t)
{
	double most = 0;
	for (uint32_t i = 0; i < t->peers; i++) {
		double out[SL_PERIOD_MAX] = { 0 };
		for (uint32_t k = t->active_first[t->first[i]]; k < t->active_first[t->first[i + 1]]; k++)
			out[t->activity[k].phase] += t->activity[k].out;
		for (uint32_t phase = 0; phase < t->period; phase++)
			most = out[phase] > most ? out[phase] : most;
	}
	return most;
}

void sl_topology_contraction(const struct sl_topology *t, struct sl_spectrum *out)
{
	out->second = growth(t);
	out->gap = 1 - out->second;
	out->given = most_given(t);
	out->beta = 2 * out->given;
	out->diameter = diameter(t);
	out->wider = false;
	out->degree_least = out->degree_most = sl_topology_degree(t, 0);
	for (uint32_t i = 1; i < t->peers; i++) {
		uint32_t degree = sl_topology_degree(t, i);
		out->degree_least = degree < out->degree_least ? degree : out->degree_least;
		out->degree_most = degree > out->degree_most ? degree : out->degree_most;
	}
}
