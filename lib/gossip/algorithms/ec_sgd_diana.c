/* EC-SGD-DIANA: p_i = e_i + η(g_i − h_i + h̄); v_i = C(p_i); e_i⁺ = p_i − v_i; x⁺ = x − v̄; h_i⁺ = h_i + αQ(g_i
 * − h_i). Channel 0 carries v, channel 1 is h. Gorbunov, Kovalev, Makarenko & Richtárik, NeurIPS 2020. Q is
 * the run's compressor, as C is: with a contractive one α = 1 makes h the state of EF21, which learns the
 * gradients as a shift does. */
#include "gossip/methods/server.h"

#include "linalg/vector.h"

enum { MESSAGE, ERROR, GRADIENT, SHIFT_MEAN, VECTORS };

static struct sl_absorb_rule rule(const struct sl_plan *plan, uint32_t peer, uint32_t version,
                                  unsigned channel)
{
	(void)peer, (void)version;
	return channel == 0 ? (struct sl_absorb_rule){ SL_ABSORB_REPLACE, 1 }
	                    : (struct sl_absorb_rule){ SL_ABSORB_ADD, (float)sl_server_shift_step(plan) };
}

static void local(struct sl_learner *l)
{
	const float *g = l->vector[GRADIENT], *h = l->copy + l->dimension, *mean = l->vector[SHIFT_MEAN];
	float eta = (float)sl_part_eta(l);
	l->loss = sl_part_gradient(l, l->x, 0, l->vector[GRADIENT]);
	for (uint32_t k = 0; k < l->dimension; k++)
		l->vector[MESSAGE][k] = l->vector[ERROR][k] + eta * (g[k] - h[k] + mean[k]);
}

static const float *outgoing(struct sl_learner *l, unsigned channel)
{
	return l->vector[channel == 0 ? MESSAGE : GRADIENT];
}

static void aggregate(struct sl_learner *l, const struct sl_contribution *all, uint32_t count)
{
	float *mean = l->scratch->gradient;
	sl_vector_subtract(l->dimension, l->vector[MESSAGE], l->copy, l->vector[ERROR]);
	sl_part_average(l, all, count, 0, mean);
	sl_vector_axpy(l->dimension, -1, mean, l->x);
	sl_part_prox_by(l, sl_part_eta(l));
	sl_part_average(l, all, count, 1, l->vector[SHIFT_MEAN]);
}

const struct sl_algorithm sl_algorithm_ec_sgd_diana = {
	.name = "ec-sgd-diana",
	.doc = "error feedback on gradients minus learned shifts: exact limit",
	.paper =
	    "Gorbunov, Kovalev, Makarenko, Richtárik: Linearly Converging Error Compensated SGD, NeurIPS 2020, Algorithm EC-SGD-DIANA",
	.exchanges = "C(e + η(g - h + h̄)), Q(g - h)",
	.needs = "contractive compressor, complete graph",
	.options = sl_server_shift_options,
	.reads = SL_READS_LAMBDA | SL_READS_ESTIMATOR,
	.channels = 2,
	.vectors = VECTORS,
	.rule = rule,
	.takes = SL_TAKES_CONTRACTIVE,
	.irrecoverable = true,
	.prepare = sl_server_shift_prepare,
	.local = local,
	.outgoing = outgoing,
	.aggregate = aggregate,
};
