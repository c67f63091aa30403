/* Ridge regression: f(x) = (1/2m) Σ_s (⟨a_s, x⟩ − t_s)² + (λ/2)‖x‖², without bias. With ridge:0 and
 * [algorithm] lambda above zero, under an algorithm with a proximal step, it is the lasso. */
#include "learn/convex.h"

static enum sl_status make(struct sl_model_instance *out, const char *arguments, struct sl_error *error)
{
	if (out->classes)
		return sl_fail(error, SL_UNSUPPORTED,
		               "ridge: needs data with real targets, this data has %u classes", out->classes);
	enum sl_status status = sl_spec_arguments(sl_convex_options, out, "ridge", arguments, error);
	return status == SL_OK ? sl_convex_lay_out(out, out->features, error) : status;
}

static double loss_of(const struct sl_dataset *data, uint32_t sample, double prediction, double *derivative)
{
	*derivative = prediction - (double)data->target[sample];
	return *derivative * *derivative / 2;
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

const struct sl_model sl_model_ridge = {
	.name = "ridge",
	.doc =
	    "least squares with an l2 penalty: ridge:lambda; with an l1 penalty by [algorithm] lambda, the lasso",
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
