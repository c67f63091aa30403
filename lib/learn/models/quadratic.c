/* Quadratics given by matrices: a sample is one of them, f_s(x) = ½xᵀH_s x − ⟨b_s, x⟩, as d numbers b_s and d
 * × d numbers H_s (symmetric, row by row); f is their mean. For experiments: counterexamples, chosen spectra,
 * chosen noise. */
#include "learn/convex.h"

#include "linalg/vector.h"

#include <string.h>

#define AT(field) offsetof(struct sl_model_instance, field)
static const struct sl_option options[] = {
	{ "start", "value of every coordinate at the start", SL_OPTION_REAL, AT(parameters), -1e6, 1e6, "0",
	  NULL, true },
	{ 0 },
};

static enum sl_status make(struct sl_model_instance *out, const char *arguments, struct sl_error *error)
{
	enum sl_status status = sl_spec_arguments(options, out, "quadratic", arguments, error);
	if (status != SL_OK)
		return status;
	uint32_t d = 1;
	while ((uint64_t)d * d + d < out->features)
		d++;
	if ((uint64_t)d * d + d != out->features)
		return sl_fail(error, SL_UNSUPPORTED,
		               "quadratic: samples of %u numbers, must be d + d*d: a vector, then a matrix",
		               out->features);
	return sl_convex_lay_out(out, d, error);
}

static void init(const struct sl_model_instance *instance, uint64_t seed, float *x)
{
	double start;
	(void)seed;
	memcpy(&start, instance->parameters, sizeof start);
	for (uint32_t k = 0; k < instance->layout.dimension; k++)
		x[k] = (float)start;
}

static double add_sample(const struct sl_dataset *data, uint32_t sample, uint32_t d, const float *x,
                         double *sum)
{
	const float *b = data->dense + (size_t)sample * data->features, *h = b + d;
	double loss = 0;
	for (uint32_t k = 0; k < d; k++) {
		double hx = sl_vector_dot(d, h + (size_t)k * d, x);
		loss += (double)x[k] * (hx / 2 - (double)b[k]);
		if (sum)
			sum[k] += hx - (double)b[k];
	}
	return loss;
}

static double gradient(const struct sl_model_instance *instance, const struct sl_dataset *data,
                       const uint32_t *pick, uint32_t count, const float *x, float *out, float *scratch)
{
	uint32_t d = instance->layout.dimension;
	double *sum = (void *)scratch, loss = 0;
	SL_CHECK(data->kind == SL_FEATURES_FLOAT);
	memset(sum, 0, d * sizeof *sum);
	for (uint32_t i = 0; i < count; i++)
		loss += add_sample(data, pick ? pick[i] : i, d, x, sum);
	for (uint32_t k = 0; k < d; k++)
		out[k] = (float)(sum[k] / count);
	return loss / count;
}

static double evaluate(const struct sl_model_instance *instance, const struct sl_dataset *data,
                       uint32_t first, uint32_t count, const float *x, int64_t *correct, float *scratch)
{
	double loss = 0;
	(void)scratch;
	for (uint32_t s = first; s < first + count; s++)
		loss += add_sample(data, s, instance->layout.dimension, x, NULL);
	if (correct)
		*correct = -1;
	return loss / count;
}

const struct sl_model sl_model_quadratic = {
	.name = "quadratic",
	.doc =
	    "quadratics given by matrices: each sample is a vector b and a symmetric matrix H of x'Hx/2 - b'x",
	.options = options,
	.make = make,
	.init = init,
	.scratch = sl_convex_scratch,
	.gradient = gradient,
	.evaluate = evaluate,
};
