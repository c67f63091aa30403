/* Multinomial logistic regression with a penalty that is not convex: softmax's loss + λ Σ_k x_k²/(1 + x_k²).
 * The test problem of Fatkhullin, Tyurin & Richtárik, NeurIPS 2023, and of many before. */
#include "learn/network.h"

#define AT(field) offsetof(struct sl_model_instance, field)
static const struct sl_option options[] = {
	{ "lambda", "weight of the penalty sum x^2/(1 + x^2)", SL_OPTION_REAL, AT(parameters), 0, 1e6,
	  "0.001", NULL, true },
	{ 0 },
};

static double lambda_of(const struct sl_model_instance *instance)
{
	double lambda;
	memcpy(&lambda, instance->parameters, sizeof lambda);
	return lambda;
}

static enum sl_status make(struct sl_model_instance *out, const char *arguments, struct sl_error *error)
{
	enum sl_status status = sl_spec_arguments(options, out, "softmax-nonconvex", arguments, error);
	out->hidden_layers = 0;
	return status == SL_OK ? sl_network_lay_out(out, error) : status;
}

static double penalty(const struct sl_model_instance *instance, const float *x)
{
	double sum = 0;
	for (uint32_t k = 0; k < instance->layout.dimension; k++)
		sum += (double)x[k] * (double)x[k] / (1 + (double)x[k] * (double)x[k]);
	return lambda_of(instance) * sum;
}

static double gradient(const struct sl_model_instance *instance, const struct sl_dataset *data,
                       const uint32_t *pick, uint32_t count, const float *x, float *out, float *scratch)
{
	double loss = sl_network_gradient(instance, data, pick, count, x, out, scratch),
	       lambda = lambda_of(instance);
	for (uint32_t k = 0; k < instance->layout.dimension; k++) {
		double v = (double)x[k], below = 1 + v * v;
		out[k] += (float)(2 * lambda * v / (below * below));
	}
	return loss + penalty(instance, x);
}

static double evaluate(const struct sl_model_instance *instance, const struct sl_dataset *data,
                       uint32_t first, uint32_t count, const float *x, int64_t *correct, float *scratch)
{
	return sl_network_evaluate(instance, data, first, count, x, correct, scratch) + penalty(instance, x);
}

const struct sl_model sl_model_softmax_nonconvex = {
	.name = "softmax-nonconvex",
	.doc = "multinomial logistic regression with the penalty lambda sum x^2/(1 + x^2)",
	.options = options,
	.make = make,
	.init = sl_network_init,
	.scratch = sl_network_scratch,
	.gradient = gradient,
	.evaluate = evaluate,
	.predict = sl_network_predict,
};
