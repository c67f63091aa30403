/* What algorithms share, a step at a time, against the formula. */
#include "gossip/methods/server.h"
#include "gossip/methods/tracking.h"
#include "gossip/reads.h"
#include "gossip/peer/state.h"
#include "sim/sim_state.h"
#include "support/swarm.h"
#include "support/trial.h"

#include "learn/guest.h"
#include "linalg/vector.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { D = 5 };

/* On an arc an end adds c_in·theirs − c_out·mine: each product is rounded, then the difference. */
static void arcs_are_mixed_each_way(void **state)
{
	static const float mine[2 * D] = { 0, 0, 0, 0, 0, 0.1f, 1e7f, -3, 0.7f, 5 },
	                            theirs[2 * D] = { 1, 1, 1, 1, 1, 0.3f, 1, 2, -0.9f, 1e-7f };
	static const float weight[][2] = { { 0.3f, 0 }, { 0, 0.3f }, { 0.3f, 0.7f }, { 0.3f, 0.3f } };
	struct sl_learner l = { .scratch = &(struct sl_scratch){ 0 }, .dimension = D };
	(void)state;
	for (unsigned k = 0; k < 4; k++) {
		float x[D] = { 1, 2, 3, 4, 5 };
		struct sl_mixing m = { .coefficient = weight[k][0],
			               .given = weight[k][1],
			               .weight = weight[k][0],
			               .mine = mine,
			               .theirs = theirs };
		double square = 0, found = sl_part_mix_into(&l, &m, 1, x);
		for (unsigned i = 0; i < D; i++) {
			volatile float gain = m.coefficient * theirs[D + i], loss = m.given * mine[D + i];
			volatile float apart = theirs[D + i] - mine[D + i], term = gain - loss;
			if (m.coefficient == m.given)
				term = m.coefficient * apart;
			volatile float sum = (float)(i + 1) + term;
			assert_true(x[i] == sum);
			square += (double)apart * (double)apart;
		}
		assert_true(fabs(found - m.weight * square) <= 1e-12 * square);
	}
}

/* All edges at once are one after the other. */
static void all_edges_are_mixed_in_order(void **state)
{
	static const float mine[D] = { 0.1f, 0.2f, 0.3f, 0.4f, 0.5f }, first[D] = { 1, -1, 1, -1, 1 },
	                   second[D] = { 1e4f, 3, -7, 0.01f, 2 };
	struct sl_mixing m[2] = { { .coefficient = 0.25f, .given = 0.25f, .weight = 0.5, mine, first },
		                  { .coefficient = 0.125f, .given = 0.125f, .weight = 0.25, mine, second } };
	float x[D] = { 1, 2, 3, 4, 5 }, again[D] = { 1, 2, 3, 4, 5 };
	struct sl_scratch scratch = { 0 };
	struct sl_learner all = { .scratch = &scratch, .dimension = D, .x = x },
	                  each = { .scratch = &scratch, .dimension = D, .x = again };
	double disagreement[2];
	(void)state;
	sl_part_mix_all(&all, m, 2, disagreement);
	for (unsigned i = 0; i < 2; i++)
		assert_true(fabs(sl_part_mix(&each, &m[i]) - disagreement[i]) <= 1e-9 * disagreement[i]);
	assert_memory_equal(x, again, sizeof x);
	assert_true(x[0] != 1);
}

/* Model and tracker each with their own channel. */
static void trackers_are_mixed_beside_models(void **state)
{
	static const float mine[2 * D] = { 1, 1, 1, 1, 1, 2, 2, 2, 2, 2 },
	                            theirs[2 * D] = { 3, 3, 3, 3, 3, 6, 6, 6, 6, 6 };
	float x[D] = { 0 }, tracker[D] = { 0 };
	struct sl_learner l = { .scratch = &(struct sl_scratch){ 0 }, .dimension = D, .x = x };
	struct sl_mixing m = { .coefficient = 0.5f, .given = 0.5f, .weight = 0.25, mine, theirs };
	(void)state;
	l.vector[SL_TRACKER] = tracker;
	assert_true(sl_tracking_mix(&l, &m) == 0.25 * 4 * D);
	for (unsigned k = 0; k < D; k++)
		assert_true(x[k] == 1 && tracker[k] == 2);
	for (uint32_t round = 1; round < 3; round++) { /* in turns: one in a round */
		l.round = round;
		assert_true(sl_tracking_turn_mix(&l, &m, 0) == 0.25 * 4 * D);
		assert_true(x[0] == (float)round && tracker[0] == 4);
	}
}

/* A fixed shift is sent whole in the round in which it is found, and never again. */
static void a_fixed_shift_is_sent_once(void **state)
{
	(void)state;
	for (uint32_t number = 1; number < 8; number++) {
		bool whole = number - 1 <= 3;
		assert_int_equal(sl_server_fixed_rule(3, number, 0).kind,
		                 whole ? SL_ABSORB_SILENT : SL_ABSORB_REPLACE);
		assert_int_equal(sl_server_fixed_rule(3, number, 1).kind,
		                 whole ? SL_ABSORB_REFRESH : SL_ABSORB_SILENT);
	}
}

static void references_are_renewed_by_chance(void **state)
{
	struct sl_plan plan;
	struct sl_server_reference *o = (void *)plan.algorithm_options;
	(void)state;
	memset(&plan, 0, sizeof plan);
	plan.algorithm = sl_algorithm_find("ec-lsvrg");
	assert_non_null(plan.algorithm);
	for (int k = 0; k <= 2; k++) {
		uint32_t count = 0;
		o->p = 0.5 * k;
		for (uint32_t version = 1; version <= 1000; version++)
			count += sl_server_renewed(&plan, version);
		assert_in_range(count, k == 0 ? 0 : 500 * k - 60, 500 * k + (k == 1) * 60);
		assert_true(sl_server_renewed(&plan, 0));
		assert_int_equal(sl_server_reference_rule(&plan, 0, 1, 1).kind, SL_ABSORB_REFRESH);
	}
}

static struct swarm *open_with(const char *algorithm, enum sl_estimator estimator)
{
	struct swarm *w = calloc(1, sizeof *w);
	assert_non_null(w);
	swarm_standard(w);
	snprintf(w->topology_spec, sizeof w->topology_spec, "complete:3");
	snprintf(w->settings.algorithm, sizeof w->settings.algorithm, "%s", algorithm);
	w->settings.estimator = estimator;
	w->settings.batch = 4;
	snprintf(w->settings.pipeline, sizeof w->settings.pipeline, "all | float32 | raw");
	swarm_open(w);
	return w;
}

static struct sl_learner *learner_of(struct swarm *w)
{
	struct sl_peer *p = sl_sim_peer(w->sim, 0);
	p->learner.scratch = w->sim->scratch;
	return &p->learner;
}

/* A trainer whose gradient at x is x times the number of its batch, in tenths. */
static bool answer(void *context, struct sl_guest_task *task, const float *in, float *out)
{
	(void)context;
	assert_int_equal(task->kind, SL_GUEST_GRADIENT);
	for (unsigned k = 0; k < D; k++)
		out[k] = in[k] * (float)(task->batch == SL_BATCH_WHOLE ? 1000 : task->batch);
	task->loss = (double)in[0];
	return true;
}

/* A change of gradients is that of one batch, also where a trainer computes them. */
static void a_trainer_is_asked_twice_about_one_batch(void **state)
{
	static struct sl_plan plan;
	const struct sl_guest guest = { .call = answer };
	float x[D] = { 5, 4, 3, 2, 1 }, w[D] = { 1, 1, 1, 1, 1 }, whole[D] = { 9, 9, 9, 9, 9 }, out[D],
	      spare[D];
	struct sl_scratch scratch = { .spare = spare };
	struct sl_learner l = { .plan = &plan, .scratch = &scratch, .dimension = D, .round = 3, .x = x };
	(void)state;
	memset(&plan, 0, sizeof plan);
	plan.dimension = D;
	plan.model.guest = &guest;
	plan.settings.local_steps = 2;
	assert_true(sl_part_change(&l, x, w, whole, out) == 5);
	for (unsigned k = 0; k < D; k++)
		assert_true(out[k] == 6 * x[k] - 6 * w[k]);
	assert_true(sl_part_full_gradient(&l, x, out) == 5);
	assert_true(out[0] == 5000);
	for (uint32_t step = 0; step < 2; step++) { /* of the third round of two local steps each */
		sl_part_batch_gradient(&l, x, step, out);
		assert_true(out[0] == 5 * (float)(6 + step));
	}
}

/* At the reference itself the difference of the two batch gradients is nothing: what is left is the whole gradient. */
static void lsvrg_begins_with_the_whole_gradient(void **state)
{
	(void)state;
	struct swarm *w = open_with("choco", SL_ESTIMATOR_LSVRG);
	struct sl_learner *l = learner_of(w);
	float *out = calloc(2 * (size_t)l->dimension, sizeof *out), *whole = out + l->dimension;
	sl_part_full_gradient(l, l->x, whole);
	sl_part_gradient(l, l->x, 0, out);
	for (uint32_t k = 0; k < l->dimension; k++)
		assert_true(out[k] == whole[k]);
	assert_true(sl_vector_square(l->dimension, whole) > 0);
	free(out);
	swarm_close(w);
	free(w);
}

/* What an estimator has, beside what its formula gives from gradients of the model alone. */
struct beside {
	struct swarm *swarm;
	struct sl_plan plan; /* that of the learner, with other settings */
	struct sl_learner *l;
	uint32_t d;
	float *x, *w, *v, *at_x, *at_w, *out;
};

static void open_beside(struct beside *b, enum sl_estimator estimator)
{
	memset(b, 0, sizeof *b);
	b->swarm = open_with("choco", estimator);
	b->l = learner_of(b->swarm);
	b->plan = *b->l->plan;
	b->l->plan = &b->plan;
	b->d = b->l->dimension;
	b->x = calloc(6 * (size_t)b->d, sizeof *b->x);
	assert_non_null(b->x);
	b->w = b->x + b->d;
	b->v = b->w + b->d;
	b->at_x = b->v + b->d;
	b->at_w = b->at_x + b->d;
	b->out = b->at_w + b->d;
	memcpy(b->x, b->l->x, b->d * sizeof *b->x);
}

static void close_beside(struct beside *b)
{
	free(b->x);
	swarm_close(b->swarm);
	free(b->swarm);
}

static void model_gradient(const struct beside *b, const uint32_t *pick, uint32_t count, const float *x,
                           float *out)
{
	const struct sl_model_instance *m = &b->plan.model;
	m->model->gradient(m, b->l->data, pick, count, x, out, b->l->scratch->learn);
}

/* One estimate at x; then the gradients of its batch at x and at w. */
static void estimate(struct beside *b, uint32_t step)
{
	sl_part_gradient(b->l, b->x, step, b->out);
	uint32_t count = sl_part_batch(b->l, step);
	model_gradient(b, b->l->scratch->pick, count, b->x, b->at_x);
	model_gradient(b, b->l->scratch->pick, count, b->w, b->at_w);
}

static void move_on(struct beside *b, uint32_t step)
{
	for (uint32_t k = 0; k < b->d; k++)
		b->x[k] += (float)(step + 1) * (k % 2 ? 0.01f : -0.02f);
}

/* v ← the whole gradient, then ∇f_B(x) + (1 − a)(v − ∇f_B(w)), w being where v was estimated before. */
static void storm_is_as_published(void **state)
{
	struct beside b;
	(void)state;
	open_beside(&b, SL_ESTIMATOR_STORM);
	b.plan.settings.renewal = 0.25;
	for (uint32_t step = 0; step < 4; step++) {
		estimate(&b, step);
		if (step == 0)
			model_gradient(&b, NULL, b.l->data->samples, b.x, b.at_x);
		for (uint32_t k = 0; k < b.d; k++) {
			float meant = b.at_x[k] + (step ? 0.75f * (b.v[k] - b.at_w[k]) : 0);
			assert_true(fabsf(b.out[k] - meant) < 1e-6f);
		}
		memcpy(b.w, b.x, b.d * sizeof *b.w);
		memcpy(b.v, b.out, b.d * sizeof *b.v);
		move_on(&b, step);
	}
	assert_true(sl_vector_square(b.d, b.out) > 0);
	close_beside(&b);
}

/* ∇f_B(x) − ∇f_B(w) + ∇f(w): w stays where it began, or follows x in every step. */
static void lsvrg_is_as_published(void **state)
{
	struct beside b;
	(void)state;
	for (unsigned follows = 0; follows < 2; follows++) {
		open_beside(&b, SL_ESTIMATOR_LSVRG);
		b.plan.settings.refresh = follows ? 1 : 1e-12;
		memcpy(b.w, b.x, b.d * sizeof *b.w);
		for (uint32_t step = 0; step < 4; step++) {
			estimate(&b, step);
			model_gradient(&b, NULL, b.l->data->samples, follows ? b.x : b.w, b.v);
			for (uint32_t k = 0; k < b.d; k++) {
				float change = follows ? 0 : b.at_x[k] - b.at_w[k];
				assert_true(fabsf(b.out[k] - change - b.v[k]) < 1e-6f);
			}
			move_on(&b, step);
		}
		close_beside(&b);
	}
}

/* The mean over the batch of ∇f_s(x) − T_s, plus the mean of all T, and then T_s ← ∇f_s(x). */
static void saga_is_as_published(void **state)
{
	struct beside b;
	(void)state;
	open_beside(&b, SL_ESTIMATOR_SAGA);
	uint32_t samples = b.l->data->samples;
	float *table = calloc((size_t)samples * b.d, sizeof *table);
	assert_non_null(table);
	for (uint32_t step = 0; step < 30; step++) {
		sl_part_gradient(b.l, b.x, step, b.out);
		uint32_t count = sl_part_batch(b.l, step);
		memset(b.v, 0, 2 * b.d * sizeof *b.v);
		for (uint32_t s = 0; s < samples; s++)
			for (uint32_t k = 0; k < b.d; k++)
				b.v[k] += table[s * b.d + k] / (float)samples;
		for (uint32_t i = 0; i < count; i++) {
			uint32_t s = b.l->scratch->pick[i];
			model_gradient(&b, &s, 1, b.x, b.at_w);
			for (uint32_t k = 0; k < b.d; k++) {
				b.v[k] += (b.at_w[k] - table[s * b.d + k]) / (float)count;
				table[s * b.d + k] = b.at_w[k];
			}
		}
		for (uint32_t k = 0; k < b.d; k++)
			assert_true(fabsf(b.out[k] - b.v[k]) < 1e-5f);
		move_on(&b, 0);
	}
	free(table);
	close_beside(&b);
}

/* The change of a batch's gradient from w to x is of one batch; that of all samples takes the gradient at w that is known. */
static void a_change_is_of_one_batch(void **state)
{
	(void)state;
	for (unsigned whole = 0; whole < 2; whole++) {
		struct swarm *s = open_with("choco", SL_ESTIMATOR_LSVRG);
		struct sl_learner *l = learner_of(s);
		const struct sl_model_instance *m = &l->plan->model;
		static struct sl_plan plan;
		static uint32_t picked[4096];
		struct sl_scratch scratch = *l->scratch;
		assert_true(l->data->samples <= 4096);
		plan = *l->plan;
		plan.settings.batch = whole ? l->data->samples : 4;
		scratch.pick = picked;
		l->plan = &plan;
		l->scratch = &scratch;
		uint32_t d = l->dimension, count = sl_part_batch(l, 0);
		float *v = calloc(5 * (size_t)d, sizeof *v), *w = v, *known = v + d, *at_x = v + 2 * d,
		      *at_w = v + 3 * d, *out = v + 4 * d;
		for (uint32_t k = 0; k < d; k++) {
			w[k] = l->x[k] + 0.01f;
			known[k] = 9;
		}
		const uint32_t *pick = whole ? NULL : l->scratch->pick;
		m->model->gradient(m, l->data, pick, count, l->x, at_x, l->scratch->learn);
		m->model->gradient(m, l->data, pick, count, w, at_w, l->scratch->learn);
		sl_part_change(l, l->x, w, known, out);
		for (uint32_t k = 0; k < d; k++)
			assert_true(out[k] == at_x[k] - (whole ? 9 : at_w[k]));
		free(v);
		swarm_close(s);
		free(s);
	}
}

/* Until the shift is found the message is the gradient at all samples, and then what a batch has beside it. */
static void a_fixed_shift_is_subtracted_after_it_is_found(void **state)
{
	(void)state;
	struct swarm *w = open_with("fixed-shift", SL_ESTIMATOR_BATCH);
	struct sl_learner *l = learner_of(w);
	float *whole = calloc(l->dimension, sizeof *whole);
	sl_part_full_gradient(l, l->x, whole);
	for (uint32_t found = 0; found < 2; found++) {
		memset(l->vector[SL_SERVER_SHIFT], 0, l->dimension * sizeof(float));
		l->round = found;
		sl_server_fixed_local(l, found);
		for (uint32_t k = 0; k < l->dimension; k++)
			assert_true(l->vector[SL_SERVER_SHIFT][k] == whole[k]);
	}
	float first = l->vector[SL_SERVER_SHIFT][0];
	l->round = 2;
	sl_server_fixed_local(l, 1);
	assert_true(l->vector[SL_SERVER_SHIFT][0] == first);
	double square = sl_vector_square(l->dimension, l->vector[SL_SERVER_MESSAGE]);
	assert_true(square > 0 && square < sl_vector_square(l->dimension, whole) * 100);
	free(whole);
	swarm_close(w);
	free(w);
}

/* Ten rounds of dpsgd on shards of 10 to 80 samples, by models that make a step in one pass, or with gradients first: a
 * momentum too small to change a float takes that way. */
static void weighed_models(const char *model, uint32_t weigh, double momentum, float *out)
{
	struct trial *t = calloc(1, sizeof *t);
	struct sl_random g = sl_random_stream(3, 0, "weighed steps", 0);
	trial_standard(t, "dpsgd", "ring:4", model, "all | float32 | raw");
	t->features = D;
	t->classes = 3;
	for (uint32_t i = 0, rows = 10; i < 4; i++, rows *= 2) {
		float *row = trial_shard(t, i, rows);
		uint16_t *label = (uint16_t *)(uintptr_t)t->shard[i].label;
		for (uint32_t s = 0; s < rows; s++) {
			label[s] = (uint16_t)((s + i) % 3);
			for (uint32_t k = 0; k < D; k++)
				row[s * D + k] = (float)sl_random_normal(&g) + (float)(label[s] == k);
		}
	}
	t->settings.eta = 0.2;
	t->settings.local_steps = 3;
	t->settings.batch = 8;
	t->settings.momentum = momentum;
	t->settings.weigh = weigh;
	t->settings.mean_samples = weigh == SL_WEIGH_SAMPLES ? 150.0 / 4 : 0;
	trial_open(t);
	assert_true(t->plan.model.model->descend != NULL && t->plan.dimension <= 64);
	trial_run(t, 10);
	for (uint32_t i = 0; i < 4; i++)
		memcpy(out + (size_t)64 * i, trial_model(t, i), t->plan.dimension * sizeof *out);
	trial_close(t);
	free(t);
}

static float farthest(const float *a, const float *b)
{
	float far = 0;
	for (unsigned k = 0; k < 256; k++)
		far = fmaxf(far, fabsf(a[k] - b[k]));
	return far;
}

static void steps_in_one_pass_are_weighed_as_gradients_are(void **state)
{
	static const char *const models[] = { "softmax", "mlp:4" };
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		float fused[256] = { 0 }, apart[256] = { 0 }, unweighed[256] = { 0 };
		weighed_models(models[i], SL_WEIGH_SAMPLES, 0, fused);
		weighed_models(models[i], SL_WEIGH_SAMPLES, 1e-30, apart);
		weighed_models(models[i], SL_WEIGH_PEERS, 0, unweighed);
		assert_true(farthest(fused, apart) < 1e-5f);
		assert_true(farthest(fused, unweighed) > 1e-2f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arcs_are_mixed_each_way),
		cmocka_unit_test(all_edges_are_mixed_in_order),
		cmocka_unit_test(trackers_are_mixed_beside_models),
		cmocka_unit_test(a_fixed_shift_is_sent_once),
		cmocka_unit_test(references_are_renewed_by_chance),
		cmocka_unit_test(a_trainer_is_asked_twice_about_one_batch),
		cmocka_unit_test(lsvrg_begins_with_the_whole_gradient),
		cmocka_unit_test(storm_is_as_published),
		cmocka_unit_test(lsvrg_is_as_published),
		cmocka_unit_test(saga_is_as_published),
		cmocka_unit_test(a_change_is_of_one_batch),
		cmocka_unit_test(a_fixed_shift_is_subtracted_after_it_is_found),
		cmocka_unit_test(steps_in_one_pass_are_weighed_as_gradients_are),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
