/* DoCoM (Yau & Wai, TMLR 2023, Algorithm 1): compressed tracking of an estimate whose noise vanishes.
 *
 *   x½ = x − ηg;                     x̂⁺ = x̂ + Q(x½ − x̂);  x⁺ = x½ + γ Σ_j w_ij (x̂_j⁺ − x̂_i⁺)
 *   v⁺ = ∇f(x⁺, ξ) + (1 − β)(v − ∇f(x, ξ))
 *   g½ = g + v⁺ − v;                 ĝ⁺ = ĝ + Q(g½ − ĝ);  g⁺ = g½ + γ Σ_j w_ij (ĝ_j⁺ − ĝ_i⁺)
 *
 * The third line needs the model that the first has mixed: an iteration takes two rounds. */
#include "gossip/methods/tracking.h"

#include "linalg/vector.h"

#include <math.h>
#include <string.h>

enum { LAST = SL_TRACKING_VECTORS, VECTORS }; /* x where v was estimated last */
enum { FIRST = 0 };                           /* x is exchanged first */

struct options {
	double beta;
};
static const struct sl_option options[] = {
	{ "beta", "weight of the newest gradient in the estimate, in (0, 1]", SL_OPTION_REAL,
	  offsetof(struct options, beta), 1e-9, 1, "0.1", NULL, SL_SCOPE_RUN },
	{ 0 },
};

/* v, and g by as much. */
static void estimate(struct sl_learner *l)
{
	const struct options *o = (const void *)l->plan->algorithm_options;
	float *fresh = l->scratch->gradient, *stale = l->scratch->spare, keep = 1 - (float)o->beta;
	float *g = l->vector[SL_TRACKER], *v = l->vector[SL_TRACKED];
	l->loss = sl_part_batch_gradient(l, l->x, 0, fresh);
	sl_part_batch_gradient(l, l->vector[LAST], 0, stale);
	for (uint32_t k = 0; k < l->dimension; k++) {
		float next = fresh[k] + keep * (v[k] - stale[k]);
		g[k] += next - v[k];
		v[k] = next;
	}
	memcpy(l->vector[LAST], l->x, l->dimension * sizeof *l->x);
}

static void local(struct sl_learner *l)
{
	if (l->round == 0) {
		l->loss = sl_part_full_gradient(l, l->x, l->vector[SL_TRACKER]);
		memcpy(l->vector[SL_TRACKED], l->vector[SL_TRACKER], l->dimension * sizeof(float));
		memcpy(l->vector[LAST], l->x, l->dimension * sizeof *l->x);
	}
	if (sl_tracking_turn(l, FIRST) == 1) {
		estimate(l);
		return;
	}
	l->loss = l->round == 0 ? l->loss : (double)NAN; /* this turn computes no loss */
	sl_vector_axpy(l->dimension, -(float)sl_part_eta(l), l->vector[SL_TRACKER], l->x);
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

const struct sl_algorithm sl_algorithm_docom = {
	.name = "docom",
	.doc =
	    "compressed tracking of a momentum-based estimate, any batch size; an iteration takes two rounds",
	.paper =
	    "Yau, Wai: DoCoM: Compressed Decentralized Optimization with Near-Optimal Sample Complexity, TMLR 2023, Algorithm 1",
	.exchanges = "C(x - x̂), then C(g - ĝ)",
	.needs = "contractive compressor, connected graph",
	.options = options,
	.gamma_rule = sl_gamma_copies,
	.repeats_batches = true,
	.channels = 2,
	.vectors = VECTORS,
	.rule = rule,
	.irrecoverable = true,
	.local = local,
	.outgoing = sl_tracking_outgoing,
	.mix = mix,
};
