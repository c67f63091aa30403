/* Multinomial logistic regression with bias, for dense and sparse inputs: the network without hidden layers.
 */
#include "learn/network.h"

static enum sl_status make(struct sl_model_instance *out, const char *arguments, struct sl_error *error)
{
	enum sl_status status = sl_spec_arguments(NULL, out, "softmax", arguments, error);
	if (status != SL_OK)
		return status;
	out->hidden_layers = 0;
	return sl_network_lay_out(out, error);
}

const struct sl_model sl_model_softmax = {
	.name = "softmax",
	.doc = "multinomial logistic regression; convex, takes sparse inputs as they are",
	.make = make,
	.init = sl_network_init,
	.scratch = sl_network_scratch,
	.gradient = sl_network_gradient,
	.descend = sl_network_descend,
	.clipped = sl_network_clipped,
	.evaluate = sl_network_evaluate,
	.predict = sl_network_predict,
	.convex = true,
};
