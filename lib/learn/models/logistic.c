/* Logistic regression of two classes: f(x) = (1/m) Σ_s ln(1 + exp(−y_s⟨a_s, x⟩)) + (λ/2)‖x‖², y_s = +1 for
 * the second class of the run's list and −1 for the first, without bias. */
#include "learn/convex.h"

#include <math.h>

static enum sl_status make(struct sl_model_instance *out, const char *arguments, struct sl_error *error)
{
	if (out->classes != 2)
		return sl_fail(error, SL_UNSUPPORTED,
		               "logistic: needs data with 2 classes, this data has %u%s", out->classes,
		               out->classes ? ": use softmax" : ": use ridge");
	enum sl_status status = sl_spec_arguments(sl_convex_options, out, "logistic", arguments, error);
	return status == SL_OK ? sl_convex_lay_out(out, out->features, error) : status;
}

static double loss_of(const struct sl_dataset *data, uint32_t sample, double prediction, double *derivative)
{
	double sign = data->label[sample] ? 1 : -1, margin = sign * prediction, tail = exp(-fabs(margin));
	*derivative = -sign * (margin > 0 ? tail : 1) / (1 + tail);
	return log1p(tail) + (margin > 0 ? 0 : -margin);
}

static double gradient(const struct sl_model_instance *instance, const struct sl_dataset *data,
                       const uint32_t *pick, uint32_t count, const float *x, float *out, float *scratch)
{
	return sl_convex_gradient(instance, data, pick, count, x, out, scratch, loss_of);
}

static double clipped(const struct sl_model_instance *instance, const struct sl_dataset *data,
                      const uint32_t *pick, uint32_t count, const float *x, double clip, float *out,
                      float *scratch)
{
	return sl_convex_clipped(instance, data, pick, count, x, clip, out, scratch, loss_of);
}

static double evaluate(const struct sl_model_instance *instance, const struct sl_dataset *data,
                       uint32_t first, uint32_t count, const float *x, int64_t *correct, float *scratch)
{
	return sl_convex_evaluate(instance, data, first, count, x, correct, scratch, loss_of);
}

const struct sl_model sl_model_logistic = {
	.name = "logistic",
	.doc = "logistic regression of two classes with an l2 penalty: logistic:lambda",
	.options = sl_convex_options,
	.make = make,
	.init = sl_convex_init,
	.scratch = sl_convex_scratch,
	.gradient = gradient,
	.clipped = clipped,
	.penalty = sl_convex_penalty,
	.evaluate = evaluate,
	.convex = true,
};
