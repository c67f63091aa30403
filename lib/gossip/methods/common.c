/* common.c — building blocks of algorithms: local steps, mixing, averaging, the proximal step. */
#include "gossip/algorithm.h"

#include "linalg/blocks.h"

#include <math.h>
#include <string.h>

void sl_part_local_sgd(struct sl_learner *l)
{
	const struct sl_settings *s = &l->plan->settings;
	float eta = (float)sl_part_eta(l), *gradient = l->scratch->gradient;
	double loss = 0;
	if (sl_model_steps(&l->plan->model)) {
		sl_part_outside_steps(l, l->x);
		return;
	}
	for (uint32_t step = 0; step < s->local_steps; step++) {
		if (s->momentum == 0) {
			loss += sl_part_step(l, eta, step);
			continue;
		}
		/* heavy ball: u ← βu + g, x ← x − ηu */
		loss += sl_part_gradient(l, l->x, step, gradient);
		sl_vector_scale(l->dimension, (float)s->momentum, l->vector[0]);
		sl_vector_axpy(l->dimension, 1.0f, gradient, l->vector[0]);
		sl_vector_axpy(l->dimension, -eta, l->vector[0], l->x);
	}
	l->loss = loss / s->local_steps;
}

void sl_part_local_gradient(struct sl_learner *l)
{
	l->loss = sl_part_gradient(l, l->x, 0, l->vector[0]);
}

void sl_part_diffuse(struct sl_learner *l, const float *mixed)
{
	float *last = l->vector[0], *gradient = l->scratch->gradient, eta = (float)sl_part_eta(l);
	l->loss = sl_part_gradient(l, l->x, 0, gradient);
	for (uint32_t k = 0; k < l->dimension; k++) {
		float psi = l->x[k] - eta * gradient[k];
		l->x[k] = l->round == 0 ? psi : psi + (mixed[k] - last[k]);
		last[k] = psi;
	}
}

void sl_part_local_diffusion(struct sl_learner *l)
{
	sl_part_diffuse(l, l->x);
}

const float *sl_part_send_first(struct sl_learner *l, unsigned channel)
{
	(void)channel;
	return l->vector[0];
}

void sl_part_combine(uint32_t n, const float *a, float c, const float *b, float *out)
{
	for (uint32_t k = 0; k < n; k++)
		out[k] = a[k] + c * b[k];
}

void sl_part_descend(struct sl_learner *l, double eta, const float *direction)
{
	for (uint32_t k = 0; k < l->dimension; k++)
		l->x[k] = (float)((double)l->x[k] - eta * (double)direction[k]);
	sl_part_prox_by(l, eta);
}

const float *sl_part_send_model(struct sl_learner *l, unsigned channel)
{
	(void)channel;
	return l->x;
}

/* The terms of the two ends are bitwise opposite. */
static double mix_directed(const struct sl_learner *l, const struct sl_mixing *m, size_t at, float *to)
{
	const float *mine = m->mine + at, *theirs = m->theirs + at;
	double square = 0;
	for (uint32_t k = 0; k < l->dimension; k++) {
		float gain = m->coefficient * theirs[k], loss = m->given * mine[k],
		      apart = theirs[k] - mine[k];
		to[k] += gain - loss;
		square += (double)apart * (double)apart;
	}
	return m->weight > 0
	           ? m->weight * square
	           : 0; /* weight 0: frames of the neighbour are not received, so its copy is outdated */
}

double sl_part_mix_into(struct sl_learner *l, const struct sl_mixing *m, unsigned channel, float *to)
{
	size_t at = (size_t)channel * l->dimension;
	if (m->given != m->coefficient)
		return mix_directed(l, m, at, to);
	return m->weight * sl_blocks_mix(l->scratch->parallel, l->dimension, m->coefficient, m->mine + at,
	                                 m->theirs + at, to);
}

double sl_part_mix(struct sl_learner *l, const struct sl_mixing *m)
{
	return sl_part_mix_into(l, m, 0, l->x);
}

static void terms_of(const struct sl_mixing *m, unsigned edges, struct sl_mix_term term[static SL_MIX_TERMS])
{
	SL_CHECK(edges <= SL_MIX_TERMS);
	for (unsigned i = 0; i < edges; i++)
		term[i] = (struct sl_mix_term){ m[i].coefficient, m[i].mine, m[i].theirs };
}

void sl_part_mix_all(struct sl_learner *l, const struct sl_mixing *m, unsigned edges, double *disagreement)
{
	struct sl_mix_term term[SL_MIX_TERMS] = { { 0 } };
	terms_of(m, edges, term);
	sl_blocks_mix_all(l->scratch->parallel, l->dimension, edges, term, l->x, disagreement);
	for (unsigned i = 0; i < edges; i++)
		disagreement[i] *= m[i].weight;
}

/* Of prox_{t·λ·R} at the end of a round. */
static double threshold_of(const struct sl_learner *l)
{
	return l->plan->settings.lambda * (l->plan->settings.local_steps * sl_part_eta(l));
}

/* What each block of the model gives. */
struct closed {
	double square[SL_MIX_TERMS], value;
	size_t nonzero;
};

struct closing {
	const struct sl_plan *plan;
	float *x, t;
	unsigned edges;
	struct sl_mix_term term[SL_MIX_TERMS];
	struct closed *block;
};

static uint32_t tensor_at(const struct sl_layout *layout, uint32_t at)
{
	uint32_t i = 0;
	while (i + 1 < layout->tensors && sl_layout_tensor(layout, i + 1)->offset <= at)
		i++;
	return i;
}

static void close_block(void *of, uint32_t index, uint32_t thread)
{
	enum { PART = 128 * SL_LANES };
	const struct closing *c = of;
	const struct sl_plan *plan = c->plan;
	double lane[SL_MIX_TERMS][SL_LANES] = { { 0 } };
	uint32_t at = index * SL_BLOCK, left = plan->dimension - at,
	         last = at + (left < SL_BLOCK ? left : SL_BLOCK);
	struct sl_prox_sum sum = { .tensor = tensor_at(&plan->model.layout, at) };
	(void)thread;
	for (uint32_t end; at < last; at = end) {
		end = last - at < PART ? last : at + PART;
		sl_vector_mix_part(end - at, at, c->edges, c->term, c->x, lane);
		if (plan->settings.lambda > 0)
			plan->prox->part(&plan->model.layout, c->t, at, end, c->x, &sum);
		else
			sum.nonzero += sl_vector_nonzero(end - at, c->x + at);
	}
	struct closed *out = &c->block[index];
	*out = (struct closed){ .value = sum.value + sl_vector_lanes(sum.lane), .nonzero = sum.nonzero };
	for (unsigned i = 0; i < c->edges; i++)
		out->square[i] = sl_vector_lanes(lane[i]);
}

void sl_part_close(struct sl_learner *l, const struct sl_mixing *m, unsigned edges, bool prox,
                   double *disagreement, struct sl_part_census *out)
{
	struct closed block[SL_DIMENSION_MAX / SL_BLOCK];
	struct closing c = { .plan = l->plan,
		             .x = l->x,
		             .t = prox ? (float)threshold_of(l) : 0,
		             .edges = edges,
		             .block = block };
	uint32_t blocks = (l->dimension + SL_BLOCK - 1) / SL_BLOCK;
	double value = 0;
	memset(block, 0, blocks * sizeof *block);
	terms_of(m, edges, c.term);
	sl_parallel_run(l->dimension < SL_BLOCKS_SHARED ? NULL : l->scratch->parallel, blocks, close_block,
	                &c);
	*out = (struct sl_part_census){ 0 };
	for (unsigned i = 0; i < edges; i++)
		disagreement[i] = 0;
	for (uint32_t b = 0; b < blocks; b++) {
		value += block[b].value;
		out->nonzero += block[b].nonzero;
		for (unsigned i = 0; i < edges; i++)
			disagreement[i] += block[b].square[i];
	}
	out->penalty = l->plan->settings.lambda > 0 ? l->plan->settings.lambda * value : 0;
	for (unsigned i = 0; i < edges; i++)
		disagreement[i] *= m[i].weight;
}

void sl_part_prox_by(struct sl_learner *l, double t)
{
	t *= l->plan->settings.lambda;
	if (t > 0)
		l->plan->prox->apply(l->scratch->parallel, &l->plan->model.layout, (float)t, l->x);
}

void sl_part_prox(struct sl_learner *l)
{
	sl_part_prox_by(l, l->plan->settings.local_steps * sl_part_eta(l));
}

void sl_part_average(const struct sl_learner *l, const struct sl_contribution *c, uint32_t count,
                     unsigned channel, float *out)
{
	size_t at = (size_t)channel * l->dimension;
	for (uint32_t k = 0; k < l->dimension; k++) {
		double sum = 0;
		for (uint32_t j = 0; j < count; j++)
			sum += (double)c[j].copy[at + k];
		out[k] = (float)(sum / count);
	}
}

double sl_part_omega(const struct sl_plan *plan)
{
	struct sl_guarantee guarantee = sl_pipeline_guarantee(&plan->pipeline);
	return guarantee.kind == SL_CLASS_IDENTITY   ? 0
	       : guarantee.kind == SL_CLASS_UNBIASED ? guarantee.omega
	                                             : (double)NAN;
}

double sl_part_delta(const struct sl_plan *plan)
{
	struct sl_guarantee guarantee = sl_pipeline_guarantee(&plan->pipeline);
	return guarantee.kind == SL_CLASS_IDENTITY      ? 1
	       : guarantee.kind == SL_CLASS_UNBIASED    ? 1 / (1 + guarantee.omega)
	       : guarantee.kind == SL_CLASS_CONTRACTIVE ? guarantee.delta
	                                                : (double)NAN;
}

double sl_part_shift(const struct sl_plan *plan, double asked, double otherwise)
{
	double omega = sl_part_omega(plan);
	return asked > 0 ? asked : omega >= 0 ? 1 / (1 + omega) : otherwise;
}

struct sl_absorb_rule sl_part_shift_rule(double alpha, unsigned channel)
{
	struct sl_absorb_rule rule = { channel == 0 ? SL_ABSORB_ADD : SL_ABSORB_SUM, (float)alpha };
	return rule;
}
