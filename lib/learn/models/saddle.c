/* A strict saddle point at zero: f_s(x) = ½ Σ_{k<d} x_k² + ¼x_d⁴ − ¼x_d² + ⟨a_s, x⟩, where the samples a_s
 * are noise. Minima at x_d = ±√½ with f = −1/16 where the noise averages to zero. It starts at (1, …, 1, 0),
 * from where the gradient alone leads to the saddle. For experiments. */
#include "learn/convex.h"

#include "linalg/vector.h"

static enum sl_status make(struct sl_model_instance *out, const char *arguments, struct sl_error *error)
{
	enum sl_status status = sl_spec_arguments(NULL, out, "saddle", arguments, error);
	return status == SL_OK ? sl_convex_lay_out(out, out->features, error) : status;
}

static void init(const struct sl_model_instance *instance, uint64_t seed, float *x)
{
	uint32_t d = instance->layout.dimension;
	(void)seed;
	for (uint32_t k = 0; k < d; k++)
		x[k] = k + 1 < d;
}

static double value(uint32_t d, const float *x)
{
	double last = (double)x[d - 1], square = last * last;
	return sl_vector_square(d - 1, x) / 2 + square * square / 4 - square / 4;
}

static double gradient(const struct sl_model_instance *instance, const struct sl_dataset *data,
                       const uint32_t *pick, uint32_t count, const float *x, float *out, float *scratch)
{
	uint32_t d = instance->layout.dimension;
	float last = x[d - 1];
	double loss = value(d, x);
	(void)scratch;
	SL_CHECK(data->kind == SL_FEATURES_FLOAT);
	for (uint32_t k = 0; k < d; k++)
		out[k] = k + 1 < d ? x[k] : last * last * last - last / 2;
	for (uint32_t i = 0; i < count; i++) {
		const float *noise = data->dense + (size_t)(pick ? pick[i] : i) * d;
		sl_vector_axpy(d, 1 / (float)count, noise, out);
		loss += sl_vector_dot(d, noise, x) / count;
	}
	return loss;
}

static double evaluate(const struct sl_model_instance *instance, const struct sl_dataset *data,
                       uint32_t first, uint32_t count, const float *x, int64_t *correct, float *scratch)
{
	(void)data, (void)first, (void)count, (void)scratch;
	if (correct)
		*correct = -1;
	return value(instance->layout.dimension, x);
}

const struct sl_model sl_model_saddle = {
	.name = "saddle",
	.doc =
	    "a strict saddle point between two minima, with the samples as noise of the gradient: for experiments",
	.make = make,
	.init = init,
	.scratch = sl_convex_scratch,
	.gradient = gradient,
	.evaluate = evaluate,
};
