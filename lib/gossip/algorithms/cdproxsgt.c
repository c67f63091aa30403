/* CDProxSGT (Yan, Chen, Chen, Cui, Lu & Xu, ICML 2023, Algorithm 2): compressed tracking for problems with a
 * penalty that has a proximal step.
 *
 *   y½ = y + ∇f(x, ξ) − ∇f(x⁻, ξ⁻);  ŷ⁺ = ŷ + Q(y½ − ŷ);  y⁺ = y½ + γ Σ_j w_ij (ŷ_j⁺ − ŷ_i⁺)
 *   x½ = prox_{ηλR}(x − ηy⁺);        x̂⁺ = x̂ + Q(x½ − x̂);  x⁺ = x½ + γ Σ_j w_ij (x̂_j⁺ − x̂_i⁺)
 *
 * The second line needs what the first has mixed: an iteration takes two rounds. (The equations are those of
 * the standard reading; the body of the paper was not available.) */
#include "gossip/methods/tracking.h"

#include "linalg/vector.h"

#include <math.h>

enum { FIRST = 1 }; /* y is exchanged first */

static void local(struct sl_learner *l)
{
	float eta = (float)sl_part_eta(l);
	if (sl_tracking_turn(l, FIRST) == 1) {
		l->loss = sl_part_gradient(l, l->x, 0, l->scratch->gradient);
		sl_tracking_follow(l, l->scratch->gradient);
		return;
	}
	l->loss = (double)NAN; /* this turn computes no loss */
	sl_vector_axpy(l->dimension, -eta, l->vector[SL_TRACKER], l->x);
	sl_part_prox_by(l, sl_part_eta(l));
}

static struct sl_absorb_rule rule(const struct sl_plan *plan, uint32_t peer, uint32_t number,
                                  unsigned channel)
{
	(void)plan, (void)peer;
	return sl_tracking_turn_rule(number, channel, FIRST);
}

static double mix(struct sl_learner *l, const struct sl_mixing *m)
{
	return sl_tracking_turn_mix(l, m, FIRST);
}

const struct sl_algorithm sl_algorithm_cdproxsgt = {
	.name = "cdproxsgt",
	.doc = "compressed gradient tracking with a proximal step; an iteration takes two rounds",
	.paper =
	    "Yan, Chen, Chen, Cui, Lu, Xu: Compressed Decentralized Proximal Stochastic Gradient Method for Nonconvex Composite Problems with Heterogeneous Data, ICML 2023, Algorithm 2",
	.exchanges = "C(v - ĝ), then C(x - x̂)",
	.needs = "contractive compressor, connected graph",
	.reads = SL_READS_LAMBDA | SL_READS_ESTIMATOR,
	.lambda = "1e-05",
	.gamma_rule = sl_gamma_copies,
	.channels = 2,
	.vectors = SL_TRACKING_VECTORS,
	.rule = rule,
	.irrecoverable = true,
	.local = local,
	.outgoing = sl_tracking_outgoing,
	.mix = mix,
};
