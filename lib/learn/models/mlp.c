/* Multilayer perceptron: mlp:128 has one hidden layer of 128 rectified units, mlp:256,64 has two. */
#include "learn/network.h"

enum { HIDDEN_MAX = sizeof((struct sl_model_instance *)NULL)->hidden / sizeof(uint32_t) };

#define HIDDEN(number, least, standard)                                                                      \
	{                                                                                                    \
		"hidden" #number, "units of hidden layer " #number " (0: no such layer)", SL_OPTION_U32,     \
		    offsetof(struct sl_model_instance, hidden[(number)-1]), least, 1 << 20, standard, NULL,  \
		    true                                                                                     \
	}
static const struct sl_option options[] = {
	HIDDEN(1, 1, "128"), HIDDEN(2, 0, "0"), HIDDEN(3, 0, "0"),
	HIDDEN(4, 0, "0"),   HIDDEN(5, 0, "0"), HIDDEN(6, 0, "0"),
	HIDDEN(7, 0, "0"),   HIDDEN(8, 0, "0"), { 0 },
};
_Static_assert(sizeof options / sizeof *options == HIDDEN_MAX + 1, "an option for each hidden layer");

static enum sl_status make(struct sl_model_instance *out, const char *arguments, struct sl_error *error)
{
	enum sl_status status = sl_spec_arguments(options, out, "mlp", arguments, error);
	if (status != SL_OK)
		return status;
	out->hidden_layers = 0;
	for (uint32_t l = 0; l < HIDDEN_MAX; l++) {
		if (out->hidden[l] == 0)
			continue;
		if (l > out->hidden_layers)
			return sl_fail(error, SL_MALFORMED,
			               "mlp: hidden%u = 0 before hidden%u = %u: a layer needs a unit", l,
			               l + 1, out->hidden[l]);
		out->hidden_layers++;
	}
	return sl_network_lay_out(out, error);
}

const struct sl_model sl_model_mlp = {
	.name = "mlp",
	.doc = "multilayer perceptron: the units of each hidden layer, as in mlp:128 or mlp:256,64",
	.options = options,
	.make = make,
	.init = sl_network_init,
	.scratch = sl_network_scratch,
	.gradient = sl_network_gradient,
	.descend = sl_network_descend,
	.clipped = sl_network_clipped,
	.evaluate = sl_network_evaluate,
	.predict = sl_network_predict,
};
