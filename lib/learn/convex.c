#include "learn/convex.h"

#include "linalg/vector.h"

#include <math.h>
#include <string.h>

#define AT(field) offsetof(struct sl_model_instance, field)
const struct sl_option sl_convex_options[] = {
	{ "lambda", "weight of the penalty (lambda/2)|x|^2", SL_OPTION_REAL, AT(parameters), 0, 1e6, "0",
	  NULL, true },
	{ 0 },
};

static double lambda_of(const struct sl_model_instance *m)
{
	double lambda;
	memcpy(&lambda, m->parameters, sizeof lambda);
	return lambda;
}

enum sl_status sl_convex_lay_out(struct sl_model_instance *out, uint32_t dimension, struct sl_error *error)
{
	if (dimension < 1 || dimension > SL_DIMENSION_MAX)
		return sl_fail(error, SL_UNSUPPORTED, "%s: %u parameters, must be between 1 and %u",
		               out->model->name, dimension, SL_DIMENSION_MAX);
	out->layout = (struct sl_layout){ 0 };
	SL_CHECK(sl_layout_add(&out->layout, "w", dimension, 1, false));
	return SL_OK;
}

void sl_convex_init(const struct sl_model_instance *instance, uint64_t seed, float *x)
{
	(void)seed;
	memset(x, 0, instance->layout.dimension * sizeof *x);
}

/* A gathered row, then the gradient as doubles. */
size_t sl_convex_scratch(const struct sl_model_instance *instance, uint32_t count)
{
	(void)count;
	return ((size_t)instance->features + 15) / 16 * 16 + 2 * (size_t)instance->layout.dimension;
}

static const float *row_of(const struct sl_dataset *data, uint32_t sample, float *room)
{
	if (data->kind == SL_FEATURES_FLOAT)
		return data->dense + (size_t)sample * data->features;
	sl_dataset_gather(data, &sample, 1, room);
	return room;
}

double sl_convex_gradient(const struct sl_model_instance *instance, const struct sl_dataset *data,
                          const uint32_t *pick, uint32_t count, const float *x, float *gradient,
                          float *scratch, sl_convex_loss *loss_of)
{
	uint32_t d = instance->layout.dimension;
	double *sum = (void *)(scratch + ((size_t)instance->features + 15) / 16 * 16), loss = 0,
	       lambda = lambda_of(instance);
	memset(sum, 0, d * sizeof *sum);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t s = pick ? pick[i] : i;
		const float *row = row_of(data, s, scratch);
		double slope;
		loss += loss_of(data, s, sl_vector_dot(d, row, x), &slope);
		for (uint32_t k = 0; k < d; k++)
			sum[k] += slope * (double)row[k];
	}
	for (uint32_t k = 0; k < d; k++)
		gradient[k] = (float)(sum[k] / count + lambda * (double)x[k]);
	return loss / count + lambda / 2 * sl_vector_square(d, x);
}

/* The gradient of a sample's loss is its row times the slope. */
double sl_convex_clipped(const struct sl_model_instance *instance, const struct sl_dataset *data,
                         const uint32_t *pick, uint32_t count, const float *x, double clip, float *out,
                         float *scratch, sl_convex_loss *loss_of)
{
	uint32_t d = instance->layout.dimension;
	double loss = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t s = pick ? pick[i] : i;
		const float *row = row_of(data, s, scratch);
		double slope;
		loss += loss_of(data, s, sl_vector_dot(d, row, x), &slope);
		double norm = fabs(slope) * sqrt(sl_vector_square(d, row));
		sl_vector_axpy(d, (float)(norm > clip ? slope * clip / norm : slope), row, out);
	}
	return loss;
}

void sl_convex_penalty(const struct sl_model_instance *instance, const float *x, float *out)
{
	sl_vector_axpy(instance->layout.dimension, (float)lambda_of(instance), x, out);
}

double sl_convex_evaluate(const struct sl_model_instance *instance, const struct sl_dataset *data,
                          uint32_t first, uint32_t count, const float *x, int64_t *correct, float *scratch,
                          sl_convex_loss *loss_of)
{
	uint32_t d = instance->layout.dimension;
	double loss = 0;
	int64_t right = 0;
	for (uint32_t s = first; s < first + count; s++) {
		double slope, prediction = sl_vector_dot(d, row_of(data, s, scratch), x);
		loss += loss_of(data, s, prediction, &slope);
		right += data->label && (prediction > 0) == (data->label[s] == 1);
	}
	if (correct)
		*correct = data->label ? right : -1;
	return loss / count + lambda_of(instance) / 2 * sl_vector_square(d, x);
}
