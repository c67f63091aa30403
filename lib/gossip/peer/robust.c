#include "gossip/robust.h"

#include "gossip/peer/state.h"
#include "linalg/vector.h"

#include <math.h>
#include <stdlib.h>

static const float *copy_of(const struct sl_edge *e)
{
	return (const float *)(const void *)e->theirs;
}

struct distance {
	double square, weight;
};

static int nearer(const void *a, const void *b)
{
	double x = ((const struct distance *)a)->square, y = ((const struct distance *)b)->square;
	return (x > y) - (x < y);
}

/* With as many liars as neighbours nobody is left to measure by: τ = 0, and the peer learns alone. */
static double fit_threshold(const struct sl_peer *p, uint32_t liars)
{
	struct distance d[SL_DEGREE_MAX] = { { 0 } };
	const float *own = (const float *)(const void *)p->copy_state;
	for (uint32_t i = 0; i < p->degree; i++)
		d[i] = (struct distance){ sl_vector_distance(p->plan->dimension, own, copy_of(&p->edge[i])),
			                  sl_edge_weight(&p->edge[i], p->serial) };
	qsort(d, p->degree, sizeof *d, nearer);
	double sum = 0, delta = 0;
	for (uint32_t i = 0; i < p->degree; i++) {
		bool far = i + liars >= p->degree;
		sum += far ? 0 : d[i].weight * d[i].square;
		delta += far ? d[i].weight : 0;
	}
	return delta > 0 ? sqrt(sum / delta) : 0;
}

/* The liars+1 smallest (sign 1) or, negated, largest of the neighbours' values, in order; returns the last.
 */
static float bound_of(const struct sl_peer *p, uint32_t k, float sign)
{
	float least[SL_DEGREE_MAX + 1];
	uint32_t keep = p->plan->robust.byzantine + 1, count = 0;
	for (uint32_t i = 0; i < p->degree; i++) {
		float v = sign * copy_of(&p->edge[i])[k];
		uint32_t at = count;
		for (; at > 0 && least[at - 1] > v; at--)
			least[at] = least[at - 1];
		least[at] = v;
		count += count < keep;
	}
	SL_CHECK(count > 0);
	return sign * least[count - 1];
}

void sl_robust_prepare(struct sl_peer *p)
{
	const struct sl_robust *r = &p->plan->robust;
	uint32_t d = p->plan->dimension;
	if (p->degree == 0)
		return;
	if (r->kind == SL_ROBUST_CLIP_AT)
		p->clip_at = r->threshold;
	if (r->kind == SL_ROBUST_CLIP)
		p->clip_at = fit_threshold(p, r->byzantine);
	for (uint32_t k = 0; k < d && r->kind == SL_ROBUST_TRIM; k++) {
		p->scratch->robust[d + k] = bound_of(p, k, 1);
		p->scratch->robust[2 * (size_t)d + k] = bound_of(p, k, -1);
	}
}

static void clip(double most, uint32_t d, const float *mine, const float *theirs, float *out)
{
	double distance = sqrt(sl_vector_distance(d, mine, theirs));
	float part = distance > most ? (float)(most / distance) : 1;
	for (uint32_t k = 0; k < d; k++)
		out[k] = mine[k] + part * (theirs[k] - mine[k]);
}

static int rising(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;
	return (x > y) - (x < y);
}

/* Mean of what is left when `without` values are dropped at each end. */
static float mean_within(const float *value, uint32_t count, uint32_t without)
{
	double sum = 0;
	for (uint32_t i = without; i < count - without; i++)
		sum += (double)value[i];
	return (float)(sum / (count - 2 * without));
}

float sl_robust_median(float *value, uint32_t count)
{
	qsort(value, count, sizeof *value, rising);
	return mean_within(value, count, (count - 1) / 2);
}

float sl_robust_mean(const struct sl_peer *p, float *value, uint32_t count)
{
	const struct sl_robust *r = &p->plan->robust;
	if (r->kind == SL_ROBUST_NONE)
		return mean_within(value, count, 0);
	if (r->kind == SL_ROBUST_CLIP_AT || 2 * r->byzantine >= count)
		return sl_robust_median(value, count);
	qsort(value, count, sizeof *value, rising);
	return mean_within(value, count, r->byzantine);
}

const float *sl_robust_view(const struct sl_peer *p, const float *mine, const float *theirs)
{
	uint32_t d = p->plan->dimension;
	float *out = p->scratch->robust;
	switch (p->plan->robust.kind) {
	case SL_ROBUST_NONE:
		break;
	case SL_ROBUST_CLIP:
	case SL_ROBUST_CLIP_AT:
		clip(p->clip_at, d, mine, theirs, out);
		return out;
	case SL_ROBUST_TRIM:
		for (uint32_t k = 0; k < d; k++)
			out[k] = theirs[k] >= out[d + k] && theirs[k] <= out[2 * (size_t)d + k] ? theirs[k]
			                                                                        : mine[k];
		return out;
	}
	return theirs;
}
