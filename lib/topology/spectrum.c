/* The extreme eigenvalues of L = I − W, which determine the convergence rate of gossip, by the Lanczos method on the
 * sparse matrix.
 *
 * L is applied as Σ_j w_ij (x_i − x_j): row sums are exactly zero, so a gap of 1e-6 keeps its digits. The
 * eigenvalue 0 of the vector of ones is shifted to the mean of the others, into the middle of the spectrum, so that
 * it is not taken for the smallest. Lanczos runs without reorthogonalisation: it may find copies of eigenvalues
 * (Paige 1980), which does not matter for the two extreme ones. */
#include "base/random.h"
#include "topology/build.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Limit on multiply-adds: some seconds. Only graphs of more than ten thousand peers with a tiny gap (rings, paths)
 * reach it; the reported gap is then an upper bound. */
#define WORK_MAX   1e10
#define SEARCH_MAX 3e9 /* edges that searches for the diameter follow: as long */
#define CONVERGED  1e-12

/* Lanczos: the tridiagonal matrix T with diagonal alpha and off-diagonal beta (beta[k] joins k−1 and k). */
struct lanczos {
	const struct sl_topology *t;
	double shift;                /* new eigenvalue of the vector of ones */
	double *now, *before, *next; /* vectors of `peers` */
	double *alpha, *beta;        /* `capacity` each */
	size_t steps, capacity;
	bool done; /* the vectors found span an invariant subspace */
};

static void apply(const struct lanczos *l, const double *x, double *y)
{
	const struct sl_topology *t = l->t;
	double mean = 0;
	for (uint32_t i = 0; i < t->peers; i++)
		mean += x[i];
	mean *= l->shift / t->peers;
	for (uint32_t i = 0; i < t->peers; i++) {
		double sum = mean;
		for (uint32_t k = t->first[i]; k < t->first[i + 1]; k++)
			sum += t->weight[t->edge_of[k]] * (x[i] - x[t->neighbour[k]]);
		y[i] = sum;
	}
}

static double dot(uint32_t n, const double *x, const double *y)
{
	double sum[4] = { 0 };
	uint32_t i = 0;
	for (; i + 4 <= n; i += 4)
		for (unsigned lane = 0; lane < 4; lane++)
			sum[lane] += x[i + lane] * y[i + lane];
	for (; i < n; i++)
		sum[0] += x[i] * y[i];
	return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* One step (Golub & Van Loan, Matrix Computations, 10.1, in Paige's order of operations). */
static void step(struct lanczos *l)
{
	uint32_t n = l->t->peers;
	double beta = l->beta[l->steps];
	apply(l, l->now, l->next);
	for (uint32_t i = 0; i < n; i++)
		l->next[i] -= beta * l->before[i];
	double alpha = dot(n, l->now, l->next);
	for (uint32_t i = 0; i < n; i++)
		l->next[i] -= alpha * l->now[i];
	double norm = sqrt(dot(n, l->next, l->next));
	l->alpha[l->steps++] = alpha;
	l->done = norm < 1e-13;
	if (l->done)
		return;
	l->beta[l->steps] = norm;
	for (uint32_t i = 0; i < n; i++)
		l->next[i] /= norm;
	double *spare = l->before;
	l->before = l->now;
	l->now = l->next;
	l->next = spare;
}

/* Number of eigenvalues of T below x: negative pivots of T − xI (Sturm). */
static size_t below(const struct lanczos *l, double x)
{
	size_t count = 0;
	double pivot = 1;
	for (size_t k = 0; k < l->steps; k++) {
		pivot = l->alpha[k] - x - (k ? l->beta[k] * l->beta[k] / pivot : 0);
		if (pivot == 0)
			pivot = -1e-300;
		count += pivot < 0;
	}
	return count;
}

/* The smallest (rank 0) or largest (rank steps−1) eigenvalue of T, by bisection of 0 … 2, which contains all
 * eigenvalues of L. */
static double outer(const struct lanczos *l, size_t rank)
{
	double low = -1e-9, high = 2 + 1e-9;
	for (;;) {
		double middle = 0.5 * (low + high);
		if (middle <= low || middle >= high)
			return middle;
		if (below(l, middle) > rank)
			high = middle;
		else
			low = middle;
	}
}

static void start(struct lanczos *l)
{
	const struct sl_topology *t = l->t;
	double trace = 0;
	for (uint32_t e = 0; e < t->edges; e++)
		trace += 2 * t->weight[e];
	l->shift = trace / (t->peers - 1);
	struct sl_random random = sl_random_stream(0, UINT32_MAX, "lanczos", 0);
	for (uint32_t i = 0; i < t->peers; i++)
		l->now[i] = sl_random_unit_double(&random) - 0.5;
	double norm = sqrt(dot(t->peers, l->now, l->now));
	for (uint32_t i = 0; i < t->peers; i++)
		l->now[i] /= norm;
}

/* Runs until the extreme eigenvalues no longer change when the number of steps grows by half. */
static void run(struct lanczos *l, double *least, double *most)
{
	const struct sl_topology *t = l->t;
	double work_per_step = 2.0 * t->edges + 6.0 * t->peers, work = 0;
	*least = *most = -1;
	for (size_t next_look = 32; !l->done; next_look += next_look / 2) {
		while (!l->done && l->steps < next_look && l->steps < l->capacity) {
			step(l);
			work += work_per_step;
		}
		double low = outer(l, 0), high = outer(l, l->steps - 1);
		bool still =
		    fabs(low - *least) <= CONVERGED * low + 1e-16 && fabs(high - *most) <= CONVERGED * high;
		*least = low;
		*most = high;
		if (still || work > WORK_MAX || l->steps == l->capacity)
			return;
	}
}

static void extremes(const struct sl_topology *t, double *least, double *most)
{
	size_t n = t->peers, capacity = 40 * n + 1000;
	double *block = calloc(3 * n + 2 * (capacity + 1), sizeof *block);
	if (!block)
		sl_panic(__FILE__, __LINE__, "memory for the spectrum of a topology");
	struct lanczos l = {
		.t = t,
		.now = block,
		.before = block + n,
		.next = block + 2 * n,
		.alpha = block + 3 * n,
		.beta = block + 3 * n + capacity + 1,
		.capacity = capacity,
	};
	start(&l);
	run(&l, least, most);
	free(block);
}

/* The largest distance from peer `from`. queue and distance have room for all peers. */
static uint32_t eccentricity(const struct sl_topology *t, uint32_t from, uint32_t *queue, uint32_t *distance)
{
	memset(distance, 0xff, t->peers * sizeof *distance);
	uint32_t head = 0, tail = 0;
	distance[from] = 0;
	queue[tail++] = from;
	while (head < tail) {
		uint32_t i = queue[head++];
		for (uint32_t k = t->first[i]; k < t->first[i + 1]; k++) {
			uint32_t j = t->neighbour[k];
			if (distance[j] == UINT32_MAX) {
				distance[j] = distance[i] + 1;
				queue[tail++] = j;
			}
		}
	}
	return distance[queue[tail - 1]];
}

/* The largest eccentricity of the 64 peers from `from` on, in parallel: one bit per source. Takes a pass over all edges
 * per unit of distance, so it pays if the diameter is small. `reached` and `grown` have one word per peer. */
static uint32_t eccentricity_of_64(const struct sl_topology *t, uint32_t from, uint64_t *reached,
                                   uint64_t *grown)
{
	memset(reached, 0, t->peers * sizeof *reached);
	uint64_t all = 0;
	for (uint32_t i = 0; i < 64 && from + i < t->peers; i++) {
		reached[from + i] = UINT64_C(1) << i;
		all |= UINT64_C(1) << i;
	}
	for (uint32_t distance = 0;; distance++) {
		bool missing = false;
		for (uint32_t i = 0; i < t->peers; i++) {
			uint64_t bits = reached[i];
			for (uint32_t k = t->first[i]; bits != all && k < t->first[i + 1]; k++)
				bits |= reached[t->neighbour[k]];
			grown[i] = bits;
			missing |= reached[i] != all;
		}
		if (!missing)
			return distance;
		uint64_t *spare = reached;
		reached = grown;
		grown = spare;
	}
}

/* The last peer that a search from `from` came to: one at the largest distance. */
static uint32_t farthest(const struct sl_topology *t, uint32_t from, uint32_t *queue, uint32_t *distance,
                         uint32_t *far)
{
	uint32_t most = eccentricity(t, from, queue, distance);
	*far = queue[t->peers - 1];
	return most;
}

/* Searches from one end to the farthest other one, from there again, and so on while that gets farther: a lower
 * bound (Magnien, Latapy & Habib 2009, double sweep). */
static uint32_t sweep(const struct sl_topology *t, uint32_t *queue, uint32_t *distance)
{
	uint32_t from, far, most = farthest(t, 0, queue, distance, &from);
	for (;;) {
		uint32_t next = farthest(t, from, queue, distance, &far);
		if (next <= most)
			return most;
		most = next;
		from = far;
	}
}

static uint32_t diameter(const struct sl_topology *t, bool *wider)
{
	SL_CHECK(t->peers > 0);
	uint64_t *room = malloc(2 * (size_t)t->peers * sizeof *room);
	if (!room)
		sl_panic(__FILE__, __LINE__, "memory for the diameter of a topology");
	uint32_t *queue = (uint32_t *)room;
	uint32_t most = eccentricity(t, 0, queue, queue + t->peers);
	bool wide = most >= 64;
	double passes = wide ? t->peers : (double)t->peers / 64 * 2 * most;
	*wider = passes * 2 * t->edges > SEARCH_MAX;
	if (*wider)
		most = sweep(t, queue, queue + t->peers);
	for (uint32_t i = 0; i < t->peers && !*wider; i += wide ? 1 : 64) {
		uint32_t distance = wide ? eccentricity(t, i, queue, queue + t->peers)
		                         : eccentricity_of_64(t, i, room, room + t->peers);
		most = distance > most ? distance : most;
	}
	free(room);
	return most;
}

void sl_topology_spectrum(const struct sl_topology *t, struct sl_spectrum *out)
{
	double least, most;
	if (t->activity) {
		sl_topology_contraction(t, out);
		return;
	}
	extremes(t, &least, &most);
	/* λ(W) = 1 − λ(L): the gap is the smaller distance of L's extreme eigenvalues from 0 and from 2. */
	out->gap = least < 2 - most ? least : 2 - most;
	if (out->gap > 1)
		out->gap = 1; /* rounding errors, if W is the exact average */
	out->second = 1 - out->gap;
	out->beta = most;
	out->given = 0;
	for (uint32_t i = 0; i < t->peers; i++)
		out->given = 1 - t->self[i] > out->given ? 1 - t->self[i] : out->given;
	out->diameter = diameter(t, &out->wider);
	out->degree_least = out->degree_most = sl_topology_degree(t, 0);
	for (uint32_t i = 1; i < t->peers; i++) {
		uint32_t degree = sl_topology_degree(t, i);
		out->degree_least = degree < out->degree_least ? degree : out->degree_least;
		out->degree_most = degree > out->degree_most ? degree : out->degree_most;
	}
}
