#include "gossip/gamma.h"

#include "compress/stage.h"
#include "gossip/algorithm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Where it depends on the vector: thresholds pass whatever is large. */
static const double unknown_gain = 0.5;
/* Room between what is just stable and what auto takes; and how far above what the rule calls stable a γ that was
 * given by hand may be before that is worth a line: the rule is a lower bound. */
static const double room = 0.95, tolerance = 1.25;

/* The stable range of models with few parameters is smaller than that of the same share of many: by up to a tenth with
 * 20 to 36, and up to a fifth with 8 (CHOCO; exact and coarse values; rings, hypercubes and complete graphs). */
static double small_model(double dimension)
{
	return fmax(dimension < 16 ? 0.73 : 0.87, 1 - 100 / (dimension * dimension));
}

double sl_gamma_gain(const struct sl_plan *plan)
{
	double gain = sl_pipeline_gain(&plan->pipeline, &plan->model.layout);
	return gain == gain ? gain : unknown_gain;
}

/* Whether all coordinates are sent, rounded at random to steps that the largest of them sets. Noise of that rounding comes
 * back by the neighbours and sets the next steps: above the share that is transmitted it can keep itself up, without
 * growing and without end (dither:4 of 5,994 coordinates on ring:8: stable to about 0.85, where the rule below says 1). */
static bool is_whole_at_random(const struct sl_pipeline *p, uint32_t dimension)
{
	return p->select->guarantee(p->select_options, dimension).kind == SL_CLASS_IDENTITY &&
	       p->quantise->guarantee(p->quantise_options, dimension).kind == SL_CLASS_UNBIASED;
}

/* Lower bounds of what is stable in gossip without gradients, found over top-k of 1 to 40 % on rings, paths, tori, stars,
 * hypercubes, complete and exponential graphs of 4 to 64 peers; mostly what is stable is less than 1.5 times as much.
 * What is left out of a vector in one message comes late, and so pulls the wrong way for a while; values that are
 * rounded coarsely shake that delay up, and allow more; so do coordinates that are drawn at random, whatever their
 * size. */
double sl_gamma_copies_most(const struct sl_plan *plan, const struct sl_plan_graph *graph)
{
	static const double coarse = 0.02, exact = 1 - 1e-6;
	double gain = sl_gamma_gain(plan), given = graph->given;
	gain = gain < exact ? gain : exact;
	double fine = gain * (1.37 - 1.05 * given) * fmax(1, 0.43 / (1 - gain)),
	       shaken = (0.86 - 0.66 * given) * gain / (1 - gain);
	bool rounds = sl_pipeline_coarseness(&plan->pipeline, &plan->model.layout) > coarse;
	double most = small_model(plan->dimension) * (rounds && shaken > fine ? shaken : fine);
	if (rounds && most > gain && is_whole_at_random(&plan->pipeline, plan->dimension))
		return gain;
	return plan->pipeline.select->shared_support && most < gain ? gain : most;
}

void sl_gamma_copies(const struct sl_plan *plan, const struct sl_plan_graph *graph,
                     struct sl_gamma_bound *out)
{
	out->most = sl_gamma_copies_most(plan, graph);
}

static struct sl_gamma_bound bound_of(const struct sl_plan *plan, const struct sl_plan_graph *graph)
{
	struct sl_gamma_bound bound = { 0 };
	(plan->algorithm->gamma_rule ? plan->algorithm->gamma_rule : sl_gamma_copies)(plan, graph, &bound);
	return bound;
}

/* To two digits, downwards. */
static double round_down(double v)
{
	char text[32];
	int exponent = (int)floor(log10(v)) - 1;
	snprintf(text, sizeof text, "%de%d", (int)floor(v * pow(10, -exponent) * (1 + 1e-9)), exponent);
	return strtod(text, NULL);
}

static double auto_of(const struct sl_gamma_bound *bound, const struct sl_plan_graph *graph)
{
	double take = room * bound->most;
	if (take * graph->beta > 1.7)
		take = 1.7 / graph->beta;
	return take >= 1 ? 1 : take > 1e-6 ? round_down(take) : 0;
}

double sl_gamma_of(const struct sl_plan *plan, const struct sl_plan_graph *graph)
{
	if (!plan->gamma_follows)
		return plan->gamma;
	struct sl_gamma_bound bound = bound_of(plan, graph);
	return auto_of(&bound, graph);
}

enum sl_status sl_gamma_settle(struct sl_plan *plan, const struct sl_plan_graph *graph, char *note,
                               struct sl_error *error)
{
	const struct sl_algorithm *a = plan->algorithm;
	if (a->aggregate || a->gamma > 0)
		return SL_OK;
	struct sl_gamma_bound bound = bound_of(plan, graph);
	double take = auto_of(&bound, graph);
	if (plan->gamma_follows) {
		plan->gamma = take;
		return take > 0
		           ? SL_OK
		           : sl_fail(
		                 error, SL_UNSUPPORTED,
		                 "[algorithm] gamma = auto: no gamma is known to be stable for %s with this "
		                 "pipeline on this graph: %s",
		                 plan->settings.algorithm, bound.instead);
	}
	if (note[0] || plan->gamma <= tolerance * bound.most)
		return SL_OK;
	if (!(take > 0))
		snprintf(note, SL_TEXT_MAX,
		         "%.40s may not be stable with this pipeline, whatever gamma is: %s",
		         plan->settings.algorithm, bound.instead);
	else
		snprintf(
		    note, SL_TEXT_MAX,
		    "gamma = %g may be too large for %s with this pipeline on this graph: up to about %.2g is stable, "
		    "and auto takes %g",
		    plan->gamma, a->name, bound.most, take);
	return SL_OK;
}
