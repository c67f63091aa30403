/* reference.c — the same problems solved in double precision by other means: what the algorithms are measured
 * against. */
#include "acceptance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double rounds_to(struct trial *t, double (*value)(struct trial *, const void *), const void *context,
                 double target, uint32_t every, uint32_t most)
{
	while (t->round < most && !t->diverged) {
		trial_run(t, every);
		if (value(t, context) <= target)
			return t->round;
	}
	return (double)INFINITY;
}

void reference_solve(uint32_t d, double *h, const double *b, double *x)
{
	for (uint32_t i = 0; i < d; i++) /* Cholesky, in the lower triangle */
		for (uint32_t j = 0; j <= i; j++) {
			double sum = h[i * d + j];
			for (uint32_t k = 0; k < j; k++)
				sum -= h[i * d + k] * h[j * d + k];
			h[i * d + j] = i == j ? sqrt(sum) : sum / h[j * d + j];
		}
	for (uint32_t i = 0; i < d; i++) {
		x[i] = b[i];
		for (uint32_t k = 0; k < i; k++)
			x[i] -= h[i * d + k] * x[k];
		x[i] /= h[i * d + i];
	}
	for (uint32_t i = d; i-- > 0;) {
		for (uint32_t k = i + 1; k < d; k++)
			x[i] -= h[k * d + i] * x[k];
		x[i] /= h[i * d + i];
	}
}

/* One Jacobi rotation in the plane (p, q). */
static void rotate(uint32_t d, double *h, uint32_t p, uint32_t q)
{
	double off = h[p * d + q];
	if (off == 0)
		return;
	double theta = (h[q * d + q] - h[p * d + p]) / (2 * off);
	double t = copysign(1 / (fabs(theta) + sqrt(theta * theta + 1)), theta), c = 1 / sqrt(t * t + 1),
	       s = t * c;
	for (uint32_t k = 0; k < d; k++) {
		double a = h[k * d + p], b = h[k * d + q];
		h[k * d + p] = c * a - s * b;
		h[k * d + q] = s * a + c * b;
	}
	for (uint32_t k = 0; k < d; k++) {
		double a = h[p * d + k], b = h[q * d + k];
		h[p * d + k] = c * a - s * b;
		h[q * d + k] = s * a + c * b;
	}
}

void reference_extremes(uint32_t d, double *h, double *least, double *most)
{
	for (int sweep = 0; sweep < 12; sweep++)
		for (uint32_t p = 0; p < d; p++)
			for (uint32_t q = p + 1; q < d; q++)
				rotate(d, h, p, q);
	*least = *most = h[0];
	for (uint32_t k = 1; k < d; k++) {
		*least = least_of(*least, h[k * d + k]);
		*most = most_of(*most, h[k * d + k]);
	}
}

void reference_rotation(uint32_t d, uint64_t seed, double *u)
{
	struct sl_random g = sl_random_stream(seed, 0, "rotation", 0);
	for (uint32_t i = 0; i < d; i++) {
		for (uint32_t k = 0; k < d; k++)
			u[i * d + k] = sl_random_normal(&g);
		for (int again = 0; again < 2; again++) /* Gram-Schmidt, twice */
			for (uint32_t j = 0; j < i; j++) {
				double along = 0;
				for (uint32_t k = 0; k < d; k++)
					along += u[i * d + k] * u[j * d + k];
				for (uint32_t k = 0; k < d; k++)
					u[i * d + k] -= along * u[j * d + k];
			}
		double square = 0;
		for (uint32_t k = 0; k < d; k++)
			square += u[i * d + k] * u[i * d + k];
		for (uint32_t k = 0; k < d; k++)
			u[i * d + k] /= sqrt(square);
	}
}

static double predict(const struct sl_dataset *data, uint32_t s, const double *x)
{
	const float *row = data->dense + (size_t)s * data->features;
	double sum = 0;
	for (uint32_t k = 0; k < data->features; k++)
		sum += (double)row[k] * x[k];
	return sum;
}

/* Loss, first and second derivative at a prediction. */
static double loss_at(const struct sl_dataset *data, uint32_t s, double z, double *slope, double *bend)
{
	if (!data->classes) {
		*slope = z - (double)data->target[s];
		*bend = 1;
		return *slope * *slope / 2;
	}
	double sign = data->label[s] ? 1 : -1, tail = exp(-fabs(z)), p = 1 / (1 + exp(sign * z));
	*slope = -sign * p;
	*bend = p * (1 - p);
	return log1p(tail) + (sign * z > 0 ? 0 : fabs(z));
}

double reference_value(const struct trial *t, double l2, double l1, const double *x)
{
	double total = 0, slope, bend;
	for (uint32_t i = 0; i < t->peers; i++) {
		double sum = 0;
		for (uint32_t s = 0; s < t->shard[i].samples; s++)
			sum += loss_at(&t->shard[i], s, predict(&t->shard[i], s, x), &slope, &bend);
		total += sum / t->shard[i].samples / t->peers;
	}
	for (uint32_t k = 0; k < t->features; k++)
		total += l2 / 2 * x[k] * x[k] + l1 * fabs(x[k]);
	return total;
}

void reference_curvature(const struct trial *t, uint32_t peer, double share, double *h)
{
	uint32_t d = t->features;
	memset(h, 0, (size_t)d * d * sizeof *h);
	for (uint32_t i = 0; i < t->peers; i++) {
		if (peer != UINT32_MAX && peer != i)
			continue;
		double weight = share / t->shard[i].samples / (peer == UINT32_MAX ? t->peers : 1);
		for (uint32_t s = 0; s < t->shard[i].samples; s++) {
			const float *row = t->shard[i].dense + (size_t)s * d;
			for (uint32_t k = 0; k < d; k++)
				for (uint32_t j = 0; row[k] != 0 && j < d; j++)
					h[k * d + j] += weight * (double)row[k] * (double)row[j];
		}
	}
}

static void expand(const struct trial *t, double l2, const double *x, double *gradient, double *h)
{
	uint32_t d = t->features;
	memset(h, 0, (size_t)d * d * sizeof *h);
	for (uint32_t k = 0; k < d; k++) {
		gradient[k] = l2 * x[k];
		h[k * d + k] = l2;
	}
	for (uint32_t i = 0; i < t->peers; i++) {
		double weight = 1.0 / t->shard[i].samples / t->peers;
		for (uint32_t s = 0; s < t->shard[i].samples; s++) {
			const float *row = t->shard[i].dense + (size_t)s * d;
			double slope, bend;
			loss_at(&t->shard[i], s, predict(&t->shard[i], s, x), &slope, &bend);
			for (uint32_t k = 0; k < d; k++) {
				if (row[k] == 0)
					continue;
				gradient[k] += weight * slope * (double)row[k];
				for (uint32_t j = 0; j < d; j++)
					h[k * d + j] += weight * bend * (double)row[k] * (double)row[j];
			}
		}
	}
}

/* argmin_v ⟨g, v⟩ + ½vᵀHv + l1|x + v|₁ by coordinate descent; without l1, by one solve. */
static void newton_step(uint32_t d, double *h, const double *g, double l1, const double *x, double *v)
{
	if (l1 == 0) {
		reference_solve(d, h, g, v);
		for (uint32_t k = 0; k < d; k++)
			v[k] = -v[k];
		return;
	}
	double *hv = calloc(d, sizeof *hv), moved = 1;
	SL_CHECK(hv);
	memset(v, 0, d * sizeof *v);
	for (int sweep = 0; sweep < 20000 && moved > 1e-16; sweep++) {
		moved = 0;
		for (uint32_t k = 0; k < d; k++) {
			double a = h[k * d + k], z = x[k] + v[k] - (g[k] + hv[k]) / a;
			double to = copysign(fmax(fabs(z) - l1 / a, 0), z) - x[k], change = to - v[k];
			if (change == 0)
				continue;
			v[k] = to;
			moved = most_of(moved, fabs(change));
			for (uint32_t j = 0; j < d; j++)
				hv[j] += change * h[k * d + j];
		}
	}
	free(hv);
}

double reference_minimum(const struct trial *t, double l2, double l1, double *x)
{
	uint32_t d = t->features;
	double *h = malloc((size_t)d * d * sizeof *h), *room = calloc(3 * (size_t)d, sizeof *room);
	SL_CHECK(h && room);
	double *g = room, *v = room + d, *to = room + 2 * d;
	memset(x, 0, d * sizeof *x);
	double value = reference_value(t, l2, l1, x);
	for (int step = 0; step < 60; step++) {
		expand(t, l2, x, g, h);
		newton_step(d, h, g, l1, x, v);
		double length = 1, found = value, most = 0;
		for (; length > 1e-6; length /= 2) {
			for (uint32_t k = 0; k < d; k++)
				to[k] = x[k] + length * v[k];
			found = reference_value(t, l2, l1, to);
			if (found <= value)
				break;
		}
		for (uint32_t k = 0; k < d; k++)
			most = most_of(most, fabs(v[k]));
		if (found > value || most < 1e-13)
			break;
		memcpy(x, to, d * sizeof *x);
		value = found;
	}
	free(h);
	free(room);
	return value;
}
