/* parts.c — what algorithms are composed of: batches, local steps, mixing, the proximal step. */
#include "gossip/algorithm.h"

#include "linalg/vector.h"

uint32_t sl_part_batch(const struct sl_learner *l, uint32_t step)
{
	const struct sl_settings *s = &l->plan->settings;
	uint32_t samples = l->data->samples, count = s->batch < samples ? s->batch : samples;
	uint64_t position = ((uint64_t)l->round * s->local_steps + step) * count;
	uint64_t epoch = position / samples;
	uint32_t at = (uint32_t)(position % samples);
	uint64_t key = sl_random_stream(s->seed, l->peer, "batch", epoch).key;
	for (uint32_t i = 0; i < count; i++) {
		l->scratch->pick[i] = sl_random_permutation(key, samples, at);
		if (++at == samples) {
			at = 0;
			key = sl_random_stream(s->seed, l->peer, "batch", ++epoch).key;
		}
	}
	return count;
}

void sl_part_local_sgd(struct sl_learner *l)
{
	const struct sl_settings *s = &l->plan->settings;
	const struct sl_model_instance *m = &l->plan->model;
	float eta = (float)sl_settings_eta(s, l->round), *gradient = l->scratch->gradient;
	double loss = 0;
	for (uint32_t step = 0; step < s->local_steps; step++) {
		uint32_t count = sl_part_batch(l, step);
		loss += m->model->gradient(m, l->data, l->scratch->pick, count, l->x, gradient,
		                           l->scratch->learn);
		if (s->momentum > 0) { /* heavy ball: u ← βu + g, x ← x − ηu */
			sl_vector_scale(l->dimension, (float)s->momentum, l->vector[0]);
			sl_vector_axpy(l->dimension, 1.0f, gradient, l->vector[0]);
			sl_vector_axpy(l->dimension, -eta, l->vector[0], l->x);
		} else {
			sl_vector_axpy(l->dimension, -eta, gradient, l->x);
		}
	}
	l->loss = loss / s->local_steps;
}

double sl_part_mix(struct sl_learner *l, const struct sl_mixing *m)
{
	return m->weight * sl_vector_mix(l->dimension, m->coefficient, m->mine, m->theirs, l->x);
}

void sl_part_prox(struct sl_learner *l)
{
	const struct sl_settings *s = &l->plan->settings;
	double t = s->local_steps * sl_settings_eta(s, l->round) * s->lambda;
	if (t > 0)
		l->plan->prox->apply(&l->plan->model.layout, (float)t, l->x);
}
