/* gradient.c — estimators of the local gradient: mini-batch, L-SVRG, SAGA, STORM. */
#include "gossip/algorithm.h"

#include "linalg/vector.h"

#include <string.h>

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

/* Everything random of one task of a trainer follows from this. */
static uint64_t task_seed(const struct sl_learner *l, uint64_t batch)
{
	return sl_random_stream(l->plan->settings.seed, l->peer, "trainer", batch).key;
}

static double ask(const struct sl_learner *l, struct sl_guest_task *task, const float *in, float *out)
{
	const struct sl_guest *guest = l->plan->model.guest;
	SL_CHECK(guest);
	task->peer = l->peer;
	task->round = l->round;
	task->eta = sl_part_eta(l);
	task->seed = task_seed(l, task->batch);
	guest->call(guest->context, task, in, out);
	return task->loss;
}

static double outside_gradient(const struct sl_learner *l, uint64_t batch, const float *x, float *out)
{
	struct sl_guest_task task = { .kind = SL_GUEST_GRADIENT, .batch = batch };
	return ask(l, &task, x, out);
}

static uint64_t batch_number(const struct sl_learner *l, uint32_t step)
{
	return (uint64_t)l->round * l->plan->settings.local_steps + step;
}

void sl_part_outside_steps(struct sl_learner *l, float *x)
{
	struct sl_guest_task task = { .kind = SL_GUEST_STEPS,
		                      .batch = batch_number(l, 0),
		                      .steps = l->plan->settings.local_steps };
	l->loss = ask(l, &task, x, x);
}

/* With privacy nobody sees a gradient as it is: sl_check_privacy keeps away methods that come here. */
static double gradient_of(const struct sl_learner *l, const uint32_t *pick, uint32_t count, const float *x,
                          float *out)
{
	SL_CHECK(!l->privacy.on);
	const struct sl_model_instance *m = &l->plan->model;
	double loss = m->model->gradient(m, l->data, pick, count, x, out, l->scratch->learn);
	if (l->share != 1)
		sl_vector_scale(l->dimension, (float)l->share, out);
	return loss;
}

/* Over the `count` picked samples; of a trainer, over the batch of that step. */
static double batch_gradient(const struct sl_learner *l, uint32_t count, uint32_t step, const float *x,
                             float *out)
{
	return l->plan->model.guest ? outside_gradient(l, batch_number(l, step), x, out)
	                            : gradient_of(l, l->scratch->pick, count, x, out);
}

double sl_part_full_gradient(const struct sl_learner *l, const float *x, float *out)
{
	return l->plan->model.guest ? outside_gradient(l, SL_BATCH_WHOLE, x, out)
	                            : gradient_of(l, NULL, l->data->samples, x, out);
}

double sl_part_change(struct sl_learner *l, const float *x, const float *w, const float *w_gradient,
                      float *out)
{
	if (l->plan->model.guest) {
		double loss = outside_gradient(l, batch_number(l, 0), x, out);
		outside_gradient(l, batch_number(l, 0), w, l->scratch->spare);
		sl_vector_subtract(l->dimension, out, l->scratch->spare, out);
		return loss;
	}
	uint32_t count = sl_part_batch(l, 0);
	bool whole = count == l->data->samples;
	double loss = gradient_of(l, whole ? NULL : l->scratch->pick, count, x, out);
	if (!whole) {
		gradient_of(l, l->scratch->pick, count, w, l->scratch->spare);
		w_gradient = l->scratch->spare;
	}
	sl_vector_subtract(l->dimension, out, w_gradient, out);
	return loss;
}

size_t sl_part_table_size(const struct sl_plan *plan, const struct sl_dataset *data)
{
	switch ((enum sl_estimator)plan->settings.estimator) {
	case SL_ESTIMATOR_LSVRG:
	case SL_ESTIMATOR_STORM:
		return 2 * (size_t)plan->dimension;
	case SL_ESTIMATOR_SAGA:
		return ((size_t)data->samples + 1) * plan->dimension;
	case SL_ESTIMATOR_BATCH:
		break;
	}
	return 0;
}

/* Loopless SVRG (Kovalev, Horváth & Richtárik 2020): g = ∇f_B(x) − ∇f_B(w) + ∇f(w), and w ← x with chance
 * `refresh`. The table holds w, then ∇f(w). */
static double lsvrg(struct sl_learner *l, const float *x, uint32_t step, float *out)
{
	uint32_t d = l->dimension, count = l->plan->model.guest ? 1 : sl_part_batch(l, step);
	const struct sl_settings *s = &l->plan->settings;
	float *w = l->table, *whole = w + d, *spare = l->scratch->spare;
	double p = s->refresh > 0 ? s->refresh : (double)count / l->data->samples;
	uint32_t at = l->round * s->local_steps + step;
	double *ready = &l->scalar[SL_ALGORITHM_SCALARS - 1];
	if (*ready == 0 || sl_part_coin(l->plan, "lsvrg", l->peer, at, p)) {
		*ready = 1;
		memcpy(w, x, d * sizeof *w);
		sl_part_full_gradient(l, w, whole);
	}
	double loss = batch_gradient(l, count, step, x, out);
	batch_gradient(l, count, step, w, spare);
	sl_vector_subtract(d, out, spare, out);
	sl_vector_axpy(d, 1.0f, whole, out);
	return loss;
}

/* SAGA (Defazio, Bach & Lacoste-Julien 2014): g = mean over the batch of ∇f_s(x) − T_s, plus T̄; T_s ←
 * ∇f_s(x). The table holds T̄, then T_s of each sample, all zero at the start. */
static double saga(struct sl_learner *l, const float *x, uint32_t step, float *out)
{
	uint32_t d = l->dimension, count = sl_part_batch(l, step), samples = l->data->samples;
	float *mean = l->table, *spare = l->scratch->spare;
	double loss = 0;
	memset(out, 0, d * sizeof *out);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t s = l->scratch->pick[i];
		float *row = l->table + ((size_t)s + 1) * d;
		loss += gradient_of(l, &s, 1, x, spare);
		for (uint32_t k = 0; k < d; k++) {
			float change = spare[k] - row[k];
			row[k] = spare[k];
			out[k] += change;
		}
	}
	for (uint32_t k = 0; k < d; k++) {
		float change = out[k];
		out[k] = change / (float)count + mean[k];
		mean[k] += change / (float)samples;
	}
	return loss / count;
}

/* STORM (Cutkosky & Orabona 2019, eq. 2): v ← ∇f_B(x) + (1 − a)(v − ∇f_B(w)), w being where v was estimated
 * last, with a = `renewal`; the whole gradient at the start. The table holds w, then v. */
static double storm(struct sl_learner *l, const float *x, uint32_t step, float *out)
{
	uint32_t d = l->dimension, count = l->plan->model.guest ? 1 : sl_part_batch(l, step);
	float *w = l->table, *v = w + d, *spare = l->scratch->spare;
	float kept = 1 - (float)l->plan->settings.renewal;
	double *ready = &l->scalar[SL_ALGORITHM_SCALARS - 1], loss;
	if (*ready == 0) {
		*ready = 1;
		loss = sl_part_full_gradient(l, x, out);
	} else {
		loss = batch_gradient(l, count, step, x, out);
		batch_gradient(l, count, step, w, spare);
		sl_vector_subtract(d, v, spare, v);
		sl_vector_axpy(d, kept, v, out);
	}
	memcpy(w, x, d * sizeof *w);
	memcpy(v, out, d * sizeof *v);
	return loss;
}

/* The samples of a local step of the mini-batch estimator; pick is NULL where they are the whole shard. */
static uint32_t batch_of(const struct sl_learner *l, uint32_t step, const uint32_t **pick)
{
	bool whole = l->plan->settings.batch >= l->data->samples;
	*pick = whole ? NULL : l->scratch->pick;
	return whole ? l->data->samples : sl_part_batch(l, step);
}

double sl_part_batch_gradient(struct sl_learner *l, const float *x, uint32_t step, float *out)
{
	const uint32_t *pick;
	if (l->plan->model.guest)
		return outside_gradient(l, batch_number(l, step), x, out);
	if (l->privacy.on)
		return sl_private_gradient(l, x, step, out);
	uint32_t count = batch_of(l, step, &pick);
	return gradient_of(l, pick, count, x, out);
}

double sl_part_gradient(struct sl_learner *l, const float *x, uint32_t step, float *out)
{
	switch ((enum sl_estimator)l->plan->settings.estimator) {
	case SL_ESTIMATOR_LSVRG:
		return lsvrg(l, x, step, out);
	case SL_ESTIMATOR_SAGA:
		return saga(l, x, step, out);
	case SL_ESTIMATOR_STORM:
		return storm(l, x, step, out);
	case SL_ESTIMATOR_BATCH:
		break;
	}
	return sl_part_batch_gradient(l, x, step, out);
}

double sl_part_step(struct sl_learner *l, float eta, uint32_t step)
{
	const struct sl_model_instance *m = &l->plan->model;
	float *gradient = l->scratch->gradient;
	if (l->plan->settings.estimator == SL_ESTIMATOR_BATCH && m->model->descend && !l->privacy.on) {
		const uint32_t *pick;
		uint32_t count = batch_of(l, step, &pick);
		return m->model->descend(m, l->data, pick, count, (float)(l->share * (double)eta), l->x,
		                         gradient, l->scratch->learn);
	}
	double loss = sl_part_gradient(l, l->x, step, gradient);
	sl_vector_axpy(l->dimension, -eta, gradient, l->x);
	return loss;
}
