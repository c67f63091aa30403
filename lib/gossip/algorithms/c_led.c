/* C-LED, this project's own, of the family of LEAD and LED: τ local steps φ ← φ − η(g(φ) + y) from φ = x; q =
 * C(φ − x̂); x̂ += q; Δ = γ Σ_j w_ij (x̂_j − x̂_i); x = prox_{τηλR}(φ + Δ); y ← y − θΔ/(τη). The dual y, which sums to zero
 * over the peers, cancels the drift that heterogeneous data cause, and needs no second stream. u = τηy is what
 * is kept: its edge terms are the same at both ends for any η. Where it rests, Δ = 0, so that all φ are equal, y = ∇f(x̄) −
 * ∇f_i(x̄) for τ = 1, and x = prox_{ηλR}(x − η∇f(x)): the penalised minimum. */
#include "gossip/algorithm.h"

#include "linalg/vector.h"

#include <math.h>
#include <stdio.h>

struct options {
	double theta;
};
static const struct sl_option options[] = {
	{ "theta", "step of the dual, in (0, 1]; auto: 0.05, or less where the compressor needs that",
	  SL_OPTION_REAL, offsetof(struct options, theta), 0, 1, "auto", NULL, SL_SCOPE_RUN, .zero = "auto" },
	{ 0 },
};

static double theta_most(const struct sl_plan *plan)
{
	double gain = sl_gamma_gain(plan);
	return gain < 0.999 ? 0.29 * gain / (1 - gain) : 1;
}

static enum sl_status prepare(struct sl_plan *plan, const struct sl_plan_graph *graph, struct sl_error *error)
{
	struct options *o = (void *)plan->algorithm_options;
	(void)graph, (void)error;
	if (!(o->theta > 0))
		o->theta = fmin(0.05, 0.8 * theta_most(plan));
	return SL_OK;
}

/* An oscillation of model and dual is damped by γℓ/2 and excited by θγℓ times the delay of the compressor, for
 * every eigenvalue ℓ of I − W: which θ is stable depends on the compressor alone. Near that bound fewer values of γ are stable, and coarse values help
 * no more. */
static void gamma_rule(const struct sl_plan *plan, const struct sl_plan_graph *graph,
                       struct sl_gamma_bound *out)
{
	const struct options *o = (const void *)plan->algorithm_options;
	double most = theta_most(plan), unit = most > 0 ? pow(10, floor(log10(most))) : 1;
	out->most = o->theta <= most ? (1 - o->theta / most / 4) * sl_gamma_exact_most(plan, graph) : 0;
	snprintf(out->instead, sizeof out->instead, "use theta = %.1g, or a pipeline that loses less",
	         floor(most / unit) * unit);
}

/* The steps of a trainer cannot be corrected one by one. Half of the dual is subtracted before them and half after, so that on
 * average its gradients are taken where those of a built-in model are. */
static void local_outside(struct sl_learner *l)
{
	sl_vector_axpy(l->dimension, -0.5f, l->vector[0], l->x);
	sl_part_outside_steps(l, l->x);
	sl_vector_axpy(l->dimension, -0.5f, l->vector[0], l->x);
}

static void local(struct sl_learner *l)
{
	if (sl_model_steps(&l->plan->model)) {
		local_outside(l);
		return;
	}
	uint32_t steps = l->plan->settings.local_steps;
	float eta = (float)sl_part_eta(l), *gradient = l->scratch->gradient;
	double loss = 0;
	for (uint32_t step = 0; step < steps; step++) {
		loss += sl_part_gradient(l, l->x, step, gradient);
		sl_vector_axpy(l->dimension, -eta, gradient, l->x);
		sl_vector_axpy(l->dimension, -1 / (float)steps, l->vector[0], l->x);
	}
	l->loss = loss / steps;
}

static double mix(struct sl_learner *l, const struct sl_mixing *m)
{
	const struct options *o = (const void *)l->plan->algorithm_options;
	sl_vector_mix(l->dimension, -(float)o->theta * m->coefficient, m->mine, m->theirs, l->vector[0]);
	return sl_part_mix(l, m);
}

const struct sl_algorithm sl_algorithm_c_led = {
	.name = "c-led",
	.doc =
	    "compressed gossip with local steps and a dual variable: exact on heterogeneous data, one stream",
	.paper =
	    "no paper: this project's own, of the family of LEAD (Liu et al. 2021) and LED (Alghunaim 2023)",
	.exchanges = "C(φ - x̂)",
	.needs = "contractive compressor, connected graph",
	.options = options,
	.reads = SL_READS_LOCAL_STEPS | SL_READS_LAMBDA | SL_READS_ESTIMATOR,
	.gamma_rule = gamma_rule,
	.prepare = prepare,
	.channels = 1,
	.vectors = 1,
	.outside_steps = true,
	.absorb = SL_ABSORB_ADD,
	.irrecoverable = true,
	.local = local,
	.outgoing = sl_part_send_model,
	.mix = mix,
	.finish = sl_part_prox,
};
