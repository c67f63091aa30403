#include "learn/convex.h"
#include "linalg/elementwise.h"
#include "learn/model.h"
#include "learn/portable.h"
#include "linalg/vector.h"
#include "tests/support/samples.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* Every network (test_convex.c has the rest) with its defaults, and shapes that deserve a look of their own.
 */
static const char *const shapes[] = {
	"mlp:1",
	"mlp:7,5",
	"mlp:16,3,9",
	"conv:2x2,pool:2,5",
	"conv:3x3p1,mean:2,2x1,4,3",
	"conv:3x2s2p1",
	"conv:mean:2,2x1",
	"conv:in:1x16,5x3s2p2,2x2",
	"conv:in:4x2x2,3x2p1,pool:2,2",
	"conv:in:4x3x3,3x3p1,mean:2,2x1,4",
};

/* Those that data of so many features fit. */
static size_t specs(uint32_t features, const char *out[64])
{
	struct sl_model_instance m;
	size_t n = 0;
	for (const struct sl_model *const *model = sl_models; *model; model++)
		if ((*model)->scratch != sl_convex_scratch && !(*model)->outside &&
		    sl_model_make(&m, (*model)->name, features, 3, NULL) == SL_OK)
			out[n++] = (*model)->name;
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
		if (sl_model_make(&m, shapes[i], features, 3, NULL) == SL_OK)
			out[n++] = shapes[i];
	assert_true(n > 6);
	return n;
}

/* A model at a random point, with buffers that hold NaN wherever a model must not rely on them. */
struct bench {
	struct sl_model_instance model;
	float *x, *gradient, *scratch;
	size_t scratch_floats;
};

static void spoil(float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] = NAN;
}

static struct bench bench_make(const char *spec, const struct sl_dataset *data, uint32_t count)
{
	struct bench b;
	struct sl_error error;
	if (sl_model_make(&b.model, spec, data->features, data->classes, &error) != SL_OK)
		fail_msg("%s", error.text);
	uint32_t dimension = b.model.layout.dimension;
	b.scratch_floats = b.model.model->scratch(&b.model, count);
	b.x = malloc(dimension * sizeof(float));
	b.gradient = malloc(dimension * sizeof(float));
	b.scratch = malloc(b.scratch_floats * sizeof(float));
	b.model.model->init(&b.model, 5, b.x);
	struct sl_random g = sl_random_stream(5, 0, "bench", 0);
	for (uint32_t k = 0; k < dimension; k++)
		b.x[k] += 0.3f * (float)sl_portable_normal(&g);
	return b;
}

static void bench_free(struct bench *b)
{
	free(b->x);
	free(b->gradient);
	free(b->scratch);
}

static double gradient_of(struct bench *b, const struct sl_dataset *data, const uint32_t *pick,
                          uint32_t count)
{
	spoil(b->gradient, b->model.layout.dimension);
	spoil(b->scratch, b->scratch_floats);
	return b->model.model->gradient(&b->model, data, pick, count, b->x, b->gradient, b->scratch);
}

static double loss_at(struct bench *b, const struct sl_dataset *data, const float *x)
{
	spoil(b->scratch, b->scratch_floats);
	return b->model.model->evaluate(&b->model, data, 0, data->samples, x, NULL, b->scratch);
}

/* Central difference along u, which is zero outside one tensor. */
static double difference(struct bench *b, const struct sl_dataset *data, const float *u, float *moved,
                         double h)
{
	uint32_t dimension = b->model.layout.dimension;
	double side[2];
	for (int s = 0; s < 2; s++) {
		for (uint32_t k = 0; k < dimension; k++)
			moved[k] = b->x[k] + (float)(s ? -h : h) * u[k];
		side[s] = loss_at(b, data, moved);
	}
	return (side[0] - side[1]) / (2 * h);
}

/* Half along the gradient, so that the derivative is of a size to be measured, half at random, so that what
 * the gradient lacks shows too. */
static double make_direction(const struct bench *b, const struct sl_tensor *t, uint64_t seed, float *u)
{
	uint32_t size = t->rows * t->columns;
	struct sl_random g = sl_random_stream(seed, 0, "direction", t->offset);
	double norm = sqrt(sl_vector_square(size, b->gradient + t->offset)), along = 0;
	memset(u, 0, b->model.layout.dimension * sizeof *u);
	for (uint32_t k = t->offset; k < t->offset + size; k++) {
		u[k] = (float)((double)b->gradient[k] / (norm + 1e-12) + sl_portable_normal(&g) / sqrt(size));
		along += (double)u[k] * (double)b->gradient[k];
	}
	return along;
}

static void check_gradient(const char *spec, const struct sl_dataset *data)
{
	struct bench b = bench_make(spec, data, data->samples);
	uint32_t dimension = b.model.layout.dimension;
	float *u = malloc(dimension * sizeof *u), *moved = malloc(dimension * sizeof *moved);
	double loss = gradient_of(&b, data, NULL, data->samples);
	assert_true(sl_vector_finite(dimension, b.gradient));
	assert_true(fabs(loss - loss_at(&b, data, b.x)) < 1e-6 * (1 + loss));
	for (uint32_t t = 0; t < b.model.layout.tensors; t++)
		for (uint64_t seed = 0; seed < 3; seed++) {
			double along = make_direction(&b, &b.model.layout.own[t], seed, u), found = 0;
			bool agree = false;
			/* A rectifier's kink between the two points spoils a difference; a smaller step
			 * avoids it. */
			for (double h = 4e-3; h > 1e-4 && !agree; h /= 4) {
				found = difference(&b, data, u, moved, h);
				agree = fabs(found - along) <= 2e-3 * fabs(along) + 3e-7 * (1 + loss) / h;
			}
			if (!agree)
				fail_msg("%s, kind %d, %s: gradient says %g, differences say %g", spec,
				         data->kind, b.model.layout.own[t].name, along, found);
		}
	free(u);
	free(moved);
	bench_free(&b);
}

static void gradients_agree_with_differences(void **state)
{
	(void)state;
	const char *spec[64];
	for (int i = 0; i < 2 * SL_FEATURE_KINDS; i++) {
		int kind = i / 2;
		uint32_t features = i % 2 ? 16 : 36;
		size_t count = specs(features, spec);
		struct samples s = samples_make((enum sl_feature_kind)kind, 41, features, 5, 3);
		for (size_t j = 0; j < count; j++)
			check_gradient(spec[j], &s.data);
		samples_free(&s);
	}
}

/* A step in place is the gradient's, as nearly as rounding allows; with more samples than pass at once too.
 */
static void descents_are_steps(void **state)
{
	(void)state;
	static const uint32_t counts[] = { 1, 32, 300 };
	const char *spec[64];
	size_t number = specs(16, spec);
	for (int i = 0; i < SL_FEATURE_KINDS * 3; i++) {
		uint32_t count = counts[i % 3], pick[300];
		struct samples s = samples_make((enum sl_feature_kind)(i / 3), 300, 16, 4, 8);
		for (uint32_t k = 0; k < count; k++)
			pick[k] = 7 * k % 300;
		for (size_t j = 0; j < number; j++) {
			struct bench b = bench_make(spec[j], &s.data, count);
			uint32_t d = b.model.layout.dimension;
			float *x = malloc(d * sizeof *x), *room = malloc(d * sizeof *room);
			memcpy(x, b.x, d * sizeof *x);
			spoil(room, d);
			double loss = gradient_of(&b, &s.data, pick, count);
			spoil(b.scratch, b.scratch_floats);
			if (b.model.model->descend) {
				assert_true(b.model.model->descend(&b.model, &s.data, pick, count, 0.3f, x,
				                                   room, b.scratch) == loss);
				for (uint32_t k = 0; k < d; k++)
					assert_true(fabsf(x[k] - (b.x[k] - 0.3f * b.gradient[k])) <
					            1e-6f * (1 + fabsf(b.x[k]) + fabsf(b.gradient[k])));
			}
			free(x);
			free(room);
			bench_free(&b);
		}
		samples_free(&s);
	}
}

/* The same values as bytes, floats and sparse rows: one gradient, for picked samples as well. */
static void kinds_agree(void **state)
{
	(void)state;
	const char *spec[64];
	size_t count = specs(16, spec);
	static const uint32_t pick[] = { 30, 2, 2, 7, 0, 19 };
	for (size_t i = 0; i < count; i++) {
		struct bench b[SL_FEATURE_KINDS];
		double loss[SL_FEATURE_KINDS], all[SL_FEATURE_KINDS], accuracy[SL_FEATURE_KINDS];
		for (int kind = 0; kind < SL_FEATURE_KINDS; kind++) {
			struct samples s = samples_make((enum sl_feature_kind)kind, 300, 16, 4, 8);
			b[kind] = bench_make(spec[i], &s.data, SL_EVALUATE_CHUNK);
			all[kind] = sl_model_evaluate_all(&b[kind].model, &s.data, b[kind].x, &accuracy[kind],
			                                  b[kind].scratch);
			loss[kind] = gradient_of(&b[kind], &s.data, pick, sizeof pick / sizeof *pick);
			samples_free(&s);
			assert_true(fabs(loss[kind] - loss[0]) < 1e-5 && fabs(all[kind] - all[0]) < 1e-5);
			assert_true(fabs(accuracy[kind] - accuracy[0]) < 0.01);
			for (uint32_t k = 0; k < b[0].model.layout.dimension; k++)
				assert_true(fabsf(b[kind].gradient[k] - b[0].gradient[k]) < 1e-5f);
		}
		for (int kind = 0; kind < SL_FEATURE_KINDS; kind++)
			bench_free(&b[kind]);
	}
}

/* A batch larger than what goes through at a time: its gradient is the mean of the gradients of its parts,
 * whatever the parts are. */
static void large_batches_are_means(void **state)
{
	(void)state;
	enum { COUNT = 300, PART = 75 };
	const char *spec[64];
	size_t count = specs(9, spec);
	for (int kind = 0; kind < SL_FEATURE_KINDS; kind++) {
		struct samples s = samples_make((enum sl_feature_kind)kind, COUNT, 9, 3, 4);
		for (size_t i = 0; i < count; i++) {
			struct bench b = bench_make(spec[i], &s.data, COUNT);
			uint32_t dimension = b.model.layout.dimension, pick[COUNT];
			double *sum = calloc(dimension, sizeof *sum), loss = 0;
			for (uint32_t k = 0; k < COUNT; k++)
				pick[k] = k;
			for (uint32_t part = 0; part < COUNT; part += PART) {
				loss += gradient_of(&b, &s.data, pick + part, PART) * PART / COUNT;
				for (uint32_t k = 0; k < dimension; k++)
					sum[k] += (double)b.gradient[k] * PART / COUNT;
			}
			for (int picked = 0; picked < 2;
			     picked++) { /* the whole: in order, and picked backwards */
				for (uint32_t k = 0; k < COUNT; k++)
					pick[k] = COUNT - 1 - k;
				double all = gradient_of(&b, &s.data, picked ? pick : NULL, COUNT);
				assert_true(fabs(all - loss) < 1e-5);
				for (uint32_t k = 0; k < dimension; k++)
					assert_true(fabs((double)b.gradient[k] - sum[k]) < 1e-5);
			}
			free(sum);
			bench_free(&b);
		}
		samples_free(&s);
	}
}

static void evaluation_counts_and_adds_up(void **state)
{
	(void)state;
	const char *spec[64];
	size_t count = specs(16, spec);
	struct samples s = samples_make(SL_FEATURES_BYTE, 2 * SL_EVALUATE_CHUNK + 31, 16, 4, 6);
	for (size_t i = 0; i < count; i++) {
		struct bench b = bench_make(spec[i], &s.data, s.data.samples);
		double loss = 0, accuracy;
		int64_t right = 0, correct;
		for (uint32_t k = 0; k < s.data.samples; k++) {
			loss += b.model.model->evaluate(&b.model, &s.data, k, 1, b.x, &correct, b.scratch);
			assert_true(correct == 0 || correct == 1);
			right += correct;
		}
		double all = sl_model_evaluate_all(&b.model, &s.data, b.x, &accuracy, b.scratch);
		assert_true(fabs(all - loss / s.data.samples) < 1e-5);
		assert_true(fabs(accuracy - (double)right / s.data.samples) < 0.01);
		/* All but the first at once, more than go through at a time. */
		double first = b.model.model->evaluate(&b.model, &s.data, 0, 1, b.x, &correct, b.scratch);
		uint32_t rest = s.data.samples - 1;
		double others = b.model.model->evaluate(&b.model, &s.data, 1, rest, b.x, NULL, b.scratch);
		assert_true(fabs(others * rest + first - loss) < 1e-4 * s.data.samples);
		struct sl_dataset empty = s.data;
		empty.samples = 0;
		assert_true(isnan(sl_model_evaluate_all(&b.model, &empty, b.x, &accuracy, b.scratch)) &&
		            isnan(accuracy));
		bench_free(&b);
	}
	samples_free(&s);
}

/* Without weights a network says what its last biases say. */
static void the_largest_logit_is_the_answer(void **state)
{
	(void)state;
	static const char *const spec[] = { "softmax", "mlp:4", "conv:in:5x1,2x1" };
	struct samples s = samples_make(SL_FEATURES_SPARSE, 200, 5, 3, 6);
	for (int i = 0; i < 3; i++)
		for (uint32_t wanted = 0; wanted < 3; wanted++) {
			struct bench b = bench_make(spec[i], &s.data, SL_EVALUATE_CHUNK);
			uint32_t have = 0;
			double accuracy;
			memset(b.x, 0, b.model.layout.dimension * sizeof *b.x);
			b.x[b.model.layout.dimension - 3 + wanted] = 1;
			for (uint32_t k = 0; k < s.data.samples; k++)
				have += s.data.label[k] == wanted;
			double loss = sl_model_evaluate_all(&b.model, &s.data, b.x, &accuracy, b.scratch);
			assert_true(fabs(accuracy * s.data.samples - have) < 1e-6);
			assert_true(fabs(loss - (log(2 + exp(1)) - (double)have / s.data.samples)) < 1e-6);
			bench_free(&b);
		}
	samples_free(&s);
}

/* A convolution by hand: the logits of one filter of 2 x 2 over 3 x 3 places with two channels, then the largest. */
static void convolutions_are_what_they_say(void **state)
{
	(void)state;
	static const float image[18] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, -1, 0, 1, 0, 2, 0, 3, 0, -3 };
	static const uint16_t label[1] = { 1 };
	struct sl_dataset data = { .kind = SL_FEATURES_FLOAT,
		                   .samples = 1,
		                   .features = 18,
		                   .classes = 2,
		                   .dense = image,
		                   .label = label };
	struct sl_model_instance m;
	assert_int_equal(sl_model_make(&m, "conv:in:2x3x3,1x2,pool:2", 18, 2, NULL), SL_OK);
	/* c1: line, column, channel; its bias; w1: 1 x 2; b1 */
	float x[8 + 1 + 2 + 2] = { 1, 10, -1, 0, 0.5f, -2, 0, 1, 0.25f, 0, 1, 0, 0 };
	/* Windows: 1·1 + 10·(−1) − 2 + 0.5·4 − 2·0 + 1·2 = −7, 2 + 0 − 3 + 2.5 − 4 + 0 = −2.5, 4 + 0 − 5 + 3.5 − 6 + 0 = −3.5,
	 * 5 + 20 − 6 + 4 + 0 − 3 = 20; the largest with its bias is 20.25. */
	float *scratch = malloc(m.model->scratch(&m, 1) * sizeof *scratch);
	int64_t correct;
	double loss = m.model->evaluate(&m, &data, 0, 1, x, &correct, scratch);
	assert_true(fabs(loss - log1p(exp(-20.25))) < 1e-6 && correct == 1);
	x[10] = 0.1f;
	loss = m.model->evaluate(&m, &data, 0, 1, x, &correct, scratch);
	assert_true(fabs(loss - log1p(exp(-2.025))) < 1e-6);
	/* Of four equal places one counts. */
	float gradient[13];
	memset(x, 0, 8 * sizeof *x);
	m.model->gradient(&m, &data, NULL, 1, x, gradient, scratch);
	assert_true(fabs((double)gradient[8] + 0.1 / (1 + exp(0.025))) < 1e-6);
	free(scratch);
}

static void runs_repeat_bit_for_bit(void **state)
{
	(void)state;
	const char *spec[64];
	size_t count = specs(36, spec);
	struct samples s = samples_make(SL_FEATURES_BYTE, 64, 36, 5, 2);
	for (size_t i = 0; i < count; i++) {
		struct bench a = bench_make(spec[i], &s.data, 32), b = bench_make(spec[i], &s.data, 32);
		assert_true(gradient_of(&a, &s.data, NULL, 32) == gradient_of(&b, &s.data, NULL, 32));
		assert_memory_equal(a.gradient, b.gradient, a.model.layout.dimension * sizeof(float));
		bench_free(&a);
		bench_free(&b);
	}
	samples_free(&s);
}

/* Huge logits give a huge loss but no NaN; a model that holds a NaN says so. */
static void extremes_are_honest(void **state)
{
	(void)state;
	const char *spec[64];
	size_t count = specs(16, spec);
	struct samples s = samples_make(SL_FEATURES_FLOAT, 20, 16, 3, 2);
	for (size_t i = 0; i < count; i++) {
		struct bench b = bench_make(spec[i], &s.data, 20);
		const struct sl_tensor *w = &b.model.layout.own[0];
		for (uint32_t k = 0; k < w->rows * w->columns; k++)
			b.x[w->offset + k] *= 1e20f;
		assert_true(isfinite(gradient_of(&b, &s.data, NULL, 20)));
		assert_true(sl_vector_finite(b.model.layout.dimension, b.gradient));
		b.x[w->offset] = NAN;
		assert_true(isnan(gradient_of(&b, &s.data, NULL, 20)));
		assert_true(isnan(loss_at(&b, &s.data, b.x)));
		bench_free(&b);
	}
	samples_free(&s);
}

static void layouts_are_whole(void **state)
{
	(void)state;
	const char *spec[64];
	size_t count = specs(36, spec);
	for (size_t i = 0; i < count; i++) {
		struct sl_model_instance m;
		assert_int_equal(sl_model_make(&m, spec[i], 36, 3, NULL), SL_OK);
		uint32_t at = 0;
		for (uint32_t t = 0; t < m.layout.tensors; t++) {
			const struct sl_tensor *tensor = &m.layout.own[t];
			assert_int_equal(tensor->offset, at);
			assert_true(tensor->rows > 0 && tensor->columns > 0 &&
			            (!tensor->bias || tensor->columns == 1));
			assert_true(tensor->name[0] && memchr(tensor->name, 0, sizeof tensor->name));
			for (uint32_t u = 0; u < t; u++)
				assert_string_not_equal(tensor->name, m.layout.own[u].name);
			at += tensor->rows * tensor->columns;
		}
		assert_int_equal(at, m.layout.dimension);
	}
	struct sl_model_instance m;
	assert_int_equal(sl_model_make(&m, "mlp:128", 784, 10, NULL), SL_OK);
	assert_int_equal(m.layout.dimension, 101770);
	assert_int_equal(sl_model_make(&m, "softmax", 784, 10, NULL), SL_OK);
	assert_int_equal(m.layout.dimension, 7850);
	assert_int_equal(sl_model_make(&m, "conv", 784, 10, NULL), SL_OK);
	assert_int_equal(m.layout.dimension, 8 * 25 + 8 + 16 * 200 + 16 + 256 * 64 + 64 + 640 + 10);
}

static void initial_models_are_drawn_from_the_seed(void **state)
{
	(void)state;
	struct sl_model_instance m;
	assert_int_equal(sl_model_make(&m, "mlp:64,32", 400, 5, NULL), SL_OK);
	size_t bytes = m.layout.dimension * sizeof(float);
	float *a = malloc(bytes), *b = malloc(bytes);
	spoil(a, m.layout.dimension);
	m.model->init(&m, 1, a);
	m.model->init(&m, 1, b);
	assert_memory_equal(a, b, bytes);
	m.model->init(&m, 2, b);
	assert_memory_not_equal(a, b, bytes);
	for (uint32_t t = 0; t < m.layout.tensors; t++) {
		const struct sl_tensor *tensor = &m.layout.own[t];
		uint32_t size = tensor->rows * tensor->columns;
		double square = sl_vector_square(size, a + tensor->offset) / size;
		if (tensor->bias)
			assert_true(square == 0);
		else /* five standard deviations of a mean of squares */
			assert_true(fabs(square * tensor->rows / 2 - 1) < 5 * sqrt(2.0 / size));
	}
	/* The same bits on every machine: peers on unlike ones start from the same model. */
	assert_int_equal(sl_vector_digest(m.layout.dimension, 0, a), UINT64_C(0x836275e262c6bd2f));
	free(a);
	free(b);
}

static void wrong_specs_are_explained(void **state)
{
	(void)state;
	static const struct {
		const char *spec;
		uint32_t features, classes;
		const char *text;
	} wrong[] = {
		{ "mpl", 5, 3, "unknown model 'mpl'; did you mean mlp?" },
		{ "mpl:128", 5, 3, "unknown model 'mpl'; did you mean mlp?" },
		{ "transformer", 5, 3, "unknown model 'transformer'" },
		{ "mlp:0", 5, 3, "mlp: hidden1 = 0: must be between 1" },
		{ "mlp:12x", 5, 3, "mlp: hidden1 = 12x: not a whole number" },
		{ "mlp:8,0,8", 5, 3, "mlp: hidden2 = 0 before hidden3 = 8" },
		{ "mlp:1,1,1,1,1,1,1,1,1", 5, 3, "unexpected argument" },
		{ "softmax:3", 5, 3, "softmax: unexpected argument '3'" },
		{ "softmax", 5, 0, "softmax: needs data with classes" },
		{ "mlp:1048576", 300, 3, "mlp: over 268435456 parameters" },
		{ "softmax", 1 << 28, 2, "softmax: over 268435456 parameters" },
		{ "conv", 20, 3,
		  "conv: 20 features are no square image of one channel: say which with conv:in:" },
		{ "conv", 16, 3, "conv: layer 1: a window of 5x5 places over an image of 4x4" },
		{ "conv", 784, 0, "conv: needs data with classes" },
		{ "conv:2x2,pool:4", 9, 3, "conv: layer 2: a window of 4x4 places over an image of 2x2" },
		{ "conv:in:3x32x32,8x5", 784, 10, "conv: in:3x32x32, but the data has 784 features" },
		{ "conv:in:65535x65535x65535,8x5", 784, 10, "conv: in:65535x65535x65535, but the data" },
		{ "conv:8x5,in:28x28", 784, 10, "conv: 'in:28x28': must be FILTERSxSIZE" },
		{ "conv:8x0", 784, 10, "conv: '8x0': must be FILTERSxSIZE" },
		{ "conv:8x5q", 784, 10, "conv: '8x5q': must be" },
		{ "conv:8x5,poool:2", 784, 10, "conv: 'poool:2': must be" },
		{ "conv:8x5,", 784, 10, "conv: '': must be" },
		{ "conv:64,8x5", 784, 10, "conv: '8x5': convolutions and pooling come before hidden layers" },
		{ "conv:64", 784, 10, "conv: no convolution; mlp has hidden layers alone" },
		{ "conv:1x1,1x1,1x1,1x1,1x1,1x1,1x1,1x1", 784, 10, "conv: '1x1': at most 7 convolutions" },
		{ "conv:1x1,1,1,1,1,1,1,1,1,1", 784, 10, "conv: '1': at most 8 hidden layers" },
		{ "conv:65535x255p255", 784, 10, "conv: layer 1: over 268435456 numbers for a sample" },
		{ "conv:1x1,1048576,1048576", 784, 10, "conv: over 268435456 parameters" },
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct sl_model_instance m;
		struct sl_error error = { 0 };
		assert_int_not_equal(
		    sl_model_make(&m, wrong[i].spec, wrong[i].features, wrong[i].classes, &error), SL_OK);
		if (!strstr(error.text, wrong[i].text))
			fail_msg("%s: %s", wrong[i].spec, error.text);
	}
}

static void exponentials_and_logarithms(void **state)
{
	(void)state;
	for (double v = 0; v > -85.9; v -= 0.0137) {
		float x = (float)v, y = x;
		sl_vector_exp(1, &y);
		assert_true(fabs((double)y / exp((double)x) - 1) < 0x1p-23);
	}
	float edge[] = { 0, -0.0f, -86.5f, -1e30f, -INFINITY, NAN };
	sl_vector_exp(6, edge);
	assert_true(edge[0] == 1 && edge[1] == 1 && edge[2] == 0 && edge[3] == 0 && edge[4] == 0 &&
	            isnan(edge[5]));
	for (double v = 1e-300; v < 1e300; v *= 1.371)
		assert_true(fabs(sl_portable_log(v) - log(v)) <= 1e-14 * fabs(log(v)));
	for (double v = -699; v < 699; v += 0.173)
		assert_true(fabs(sl_portable_exp(v) / exp(v) - 1) < 1e-14);
	assert_true(sl_portable_exp(-701) == 0 && sl_portable_exp(0) == 1 && sl_portable_log(1) == 0);
	struct sl_random g = sl_random_stream(1, 0, "normal", 0);
	double sum[5] = { 0 };
	for (int i = 0; i < 100000; i++) {
		double v = sl_portable_normal(&g), power = 1;
		for (int k = 1; k <= 4; k++)
			sum[k] += (power *= v) / 100000;
	}
	assert_true(fabs(sum[1]) < 0.02 && fabs(sum[2] - 1) < 0.03 && fabs(sum[3]) < 0.1 &&
	            fabs(sum[4] - 3) < 0.2);
}

int main(void)
{
	sl_blas_start();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gradients_agree_with_differences),
		cmocka_unit_test(descents_are_steps),
		cmocka_unit_test(kinds_agree),
		cmocka_unit_test(large_batches_are_means),
		cmocka_unit_test(evaluation_counts_and_adds_up),
		cmocka_unit_test(the_largest_logit_is_the_answer),
		cmocka_unit_test(convolutions_are_what_they_say),
		cmocka_unit_test(runs_repeat_bit_for_bit),
		cmocka_unit_test(extremes_are_honest),
		cmocka_unit_test(layouts_are_whole),
		cmocka_unit_test(initial_models_are_drawn_from_the_seed),
		cmocka_unit_test(wrong_specs_are_explained),
		cmocka_unit_test(exponentials_and_logarithms),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
