/* Quasi-global momentum on CHOCO's gossip: u = βm̂ + g; x ← x − ηu in each local step; gossip; m̂⁺ = (1−μ)m̂ +
 * μ(x_start − x_end)/(τη): momentum follows the common movement of the models, not one peer's data. Lin,
 * Karimireddy, Stich & Jaggi, ICML 2021, Algorithm 1. */
#include "gossip/algorithm.h"

#include "linalg/vector.h"

#include <stdio.h>
#include <string.h>

enum { QUASI_GLOBAL, START, VECTORS };

struct options {
	double beta, mu;
};
static const struct sl_option options[] = {
	{ "beta", "weight of the momentum in a local step", SL_OPTION_REAL, offsetof(struct options, beta), 0,
	  0.9999, "0.9", NULL, true },
	{ "mu", "weight of the newest round in the momentum", SL_OPTION_REAL, offsetof(struct options, mu),
	  1e-9, 1, "0.1", NULL, true },
	{ 0 },
};

static void local(struct sl_learner *l)
{
	const struct options *o = (const void *)l->plan->algorithm_options;
	float eta = (float)sl_part_eta(l), *gradient = l->scratch->gradient;
	uint32_t steps = l->plan->settings.local_steps;
	double loss = 0;
	memcpy(l->vector[START], l->x, l->dimension * sizeof *l->x);
	for (uint32_t step = 0; step < steps; step++) {
		loss += sl_part_gradient(l, l->x, step, gradient);
		sl_vector_axpy(l->dimension, (float)o->beta, l->vector[QUASI_GLOBAL], gradient);
		sl_vector_axpy(l->dimension, -eta, gradient, l->x);
	}
	l->loss = loss / steps;
}

/* Momentum follows what gossip does to the model, and is a spring of strength γℓβμ for the disagreement in every eigenvalue ℓ of
 * I − W, which pulls as late as the compressor is. Gossip itself damps it by γℓ. So βμ times that delay must be less than
 * 1: otherwise a slow oscillation grows, at any γ that is worth having. Near that, fewer values of γ are stable, and coarse
 * values help a third as much. (tests/research/gamma.c; the default, 0.09, at shares of 3 % is just stable.) */
static void gamma_rule(const struct sl_plan *plan, const struct sl_plan_graph *graph,
                       struct sl_gamma_bound *out)
{
	const struct options *o = (const void *)plan->algorithm_options;
	double gain = sl_gamma_gain(plan), delay = gain < 1 ? (1 - gain) / (0.38 * gain) : 0,
	       spring = o->beta * o->mu * delay, square = spring * spring;
	double gossip = (2 * sl_gamma_exact_most(plan, graph) + sl_gamma_copies_most(plan, graph)) / 3;
	out->most = spring < 1 ? (1 - 0.2 * spring - 0.4 * square * square) * gossip : 0;
	snprintf(out->instead, sizeof out->instead, "use mu = %.1g, or a pipeline that loses less",
	         0.8 / (o->beta * delay));
}

static void finish(struct sl_learner *l)
{
	const struct options *o = (const void *)l->plan->algorithm_options;
	double rate = o->mu / (sl_part_eta(l) * l->plan->settings.local_steps);
	float keep = (float)(1 - o->mu), take = (float)rate, *m = l->vector[QUASI_GLOBAL];
	sl_part_prox(l);
	for (uint32_t k = 0; k < l->dimension; k++)
		m[k] = keep * m[k] + take * (l->vector[START][k] - l->x[k]);
}

const struct sl_algorithm sl_algorithm_quasi_global = {
	.name = "quasi-global",
	.doc = "choco with momentum of the gossiped models: for heterogeneous data",
	.paper = "Lin, Karimireddy, Stich, Jaggi: Quasi-Global Momentum, ICML 2021, Algorithm 1",
	.exchanges = "C(x - x̂)",
	.needs = "contractive compressor, connected graph",
	.options = options,
	.reads = SL_READS_LOCAL_STEPS | SL_READS_LAMBDA | SL_READS_ESTIMATOR,
	.gamma_rule = gamma_rule,
	.channels = 1,
	.vectors = VECTORS,
	.graphs = SL_GRAPHS_CHANGING | SL_GRAPHS_BALANCED,
	.absorb = SL_ABSORB_ADD,
	.local = local,
	.outgoing = sl_part_send_model,
	.mix = sl_part_mix,
	.finish = finish,
};
