/* TiCoPD (Liu, Yau & Wai 2025, arXiv 2501.05701): a primal-dual recursion that looks at the copies only, and copies that
 * follow the models faster than that. With L x̂ = Σ_j w_ij (x̂_i − x̂_j):
 *
 *   x⁺ = βx + (1 − β)x̂ − α(∇f(x) + λ + θ L x̂);  λ⁺ = λ + η L x̂;  x̂⁺ = x̂ + C(x − x̂)
 *
 * All right-hand sides are of the same round: the models take a difference one round after it was sent. The equations
 * are those of the authors' released program; the body of the paper was not available. Here α is eta, αθ is gamma, and
 * ηα, as it stands in u = αλ, is ratio·gamma. Copies begin at the common model instead of zero. */
#include "gossip/algorithm.h"

#include "linalg/vector.h"

#include <math.h>
#include <string.h>

enum { DUAL, PULL, NEXT, VECTORS }; /* u of the next round; −γL x̂; x of the next round */

struct options {
	double ratio, beta;
};
static const struct sl_option options[] = {
	{ "ratio", "step of the dual, in parts of the consensus step", SL_OPTION_REAL,
	  offsetof(struct options, ratio), 1e-9, 1, "0.1", NULL, SL_SCOPE_RUN },
	{ "beta", "weight of the model against its public copy in a step, in (0, 1]", SL_OPTION_REAL,
	  offsetof(struct options, beta), 1e-9, 1, "1", NULL, SL_SCOPE_RUN },
	{ 0 },
};

/* u holds the newest pull already, and this step is to see it as it was before. */
static void local(struct sl_learner *l)
{
	const struct options *o = (const void *)l->plan->algorithm_options;
	float *g = l->scratch->gradient, *u = l->vector[DUAL], *pull = l->vector[PULL];
	float beta = (float)o->beta, eta = (float)sl_part_eta(l), part = (float)(1 - o->ratio);
	l->loss = sl_part_gradient(l, l->x, 0, g);
	for (uint32_t k = 0; k < l->dimension; k++) {
		float apart = l->x[k] - l->copy[k];
		l->vector[NEXT][k] = l->copy[k] + beta * apart - eta * g[k] - u[k] + part * pull[k];
		pull[k] = 0;
	}
}

/* The pull is one round late, which no compressor mends: γℓ < 1 for every eigenvalue ℓ of I − W. */
static void gamma_rule(const struct sl_plan *plan, const struct sl_plan_graph *graph,
                       struct sl_gamma_bound *out)
{
	double most = 0.8 * sl_gamma_copies_most(plan, graph), late = 0.85 / fmax(graph->beta, 0.5);
	out->most = most < late ? most : late;
}

static double mix(struct sl_learner *l, const struct sl_mixing *m)
{
	const struct options *o = (const void *)l->plan->algorithm_options;
	sl_vector_mix(l->dimension, -(float)o->ratio * m->coefficient, m->mine, m->theirs, l->vector[DUAL]);
	return sl_part_mix_into(l, m, 0, l->vector[PULL]);
}

static void finish(struct sl_learner *l)
{
	memcpy(l->x, l->vector[NEXT], l->dimension * sizeof *l->x);
}

const struct sl_algorithm sl_algorithm_ticopd = {
	.name = "ticopd",
	.doc =
	    "compressed primal-dual gossip that works on the copies: exact on heterogeneous data, one stream",
	.paper =
	    "Liu, Yau, Wai: A Two-timescale Primal-dual Algorithm for Decentralized Optimization with Compression, 2025 (arXiv 2501.05701)",
	.exchanges = "C(x - x̂)",
	.needs = "contractive compressor, connected graph",
	.options = options,
	.reads = SL_READS_ESTIMATOR,
	.gamma_rule = gamma_rule,
	.channels = 1,
	.vectors = VECTORS,
	.absorb = SL_ABSORB_ADD,
	.irrecoverable = true,
	.local = local,
	.outgoing = sl_part_send_model,
	.mix = mix,
	.finish = finish,
};
