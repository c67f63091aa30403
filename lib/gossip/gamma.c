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
 * 20 to 36, and up to a fifth with 8 (CHOCO; exact and coarse values; rings, hypercubes and complete graphs). With 84 it is
 * not smaller. */
static double small_model(double dimension)
{
	double few = 16 / dimension;
	return fmax(dimension < 16 ? 0.73 : 0.87, 1 - few * few * few);
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

/* What is left out of a message is held back for some rounds, and all that time the part 1 - w_ii of the own copy, times γ,
 * pulls the model on from where it was: it must not pull past the point where it would come from the other side as far
 * again. So γ(1 - w_ii) is bounded by the inverse of that delay, which grows as the share that is transmitted falls; copies
 * of neighbours, which are late at other times, change that by the ratio of β to 1 - w_ii, little. The numbers are lower
 * bounds in gossip without gradients (tests/research/gamma.c), of top-k from 3 to 40 % on rings, paths, tori, stars,
 * hypercubes, complete, random and exponential graphs of 3 to 32 peers: mostly what is stable is less than 1.2 times as much. */
double sl_gamma_exact_most(const struct sl_plan *plan, const struct sl_plan_graph *graph)
{
	static const double most_gain = 1 - 1e-6, least_given = 0.5;
	double given = fmax(graph->given, least_given), gain = fmin(sl_gamma_gain(plan), most_gain);
	double square = gain * gain, delay = (1 - square * square) / (0.27 * gain * (1 + gain));
	double around = 0.95 + 0.09 * graph->beta / given;
	double most = small_model(plan->dimension) * around / (given * delay);
	return plan->pipeline.select->shared_support && most < gain ? gain : most;
}

/* Values that are rounded shake the delay up, and allow more; but less if one magnitude stands for all, as then no value is
 * sent by its size. Where disagreement between far parts of the graph lasts (a small gap: long rings and paths, stars, sparse
 * random graphs), messages are mostly its slow drift: rounding that shakes less. To the nearest it always goes the same way: then
 * it shakes by how unlike the values are, so that few values help less, and coarser ones than some no more on such graphs. */
static double shaken(const struct sl_plan *plan, const struct sl_plan_graph *graph)
{
	static const double root = 1.2, share = 6, lasts = 0.3, some = 0.033;
	const struct sl_pipeline *p = &plan->pipeline;
	double coarse = sl_pipeline_coarseness(p, &plan->model.layout), count = sl_pipeline_count(p);
	bool one_magnitude = p->quantise->symbol_max && p->quantise->symbol_max(p->quantise_options) == 1;
	bool nearest =
	    p->quantise->guarantee(p->quantise_options, sl_pipeline_count(p)).kind == SL_CLASS_CONTRACTIVE;
	if (!(coarse > 0))
		return 1;
	double few = nearest ? 2 : 0.5, drift = nearest ? fmin(coarse, some) : coarse,
	       mixing = fmin(graph->gap / lasts, 1);
	double mixed = 1.2 * mixing * mixing * coarse / (1 + 6 * coarse);
	return 1 + root * sqrt(coarse) +
	       (one_magnitude ? 0 : share * count / (count + few) * (drift + mixed));
}

double sl_gamma_copies_most(const struct sl_plan *plan, const struct sl_plan_graph *graph)
{
	static const double coarse = 0.02;
	double gain = sl_gamma_gain(plan), most = shaken(plan, graph) * sl_gamma_exact_most(plan, graph);
	bool steps = most > gain && is_whole_at_random(&plan->pipeline, plan->dimension);
	return steps && sl_pipeline_coarseness(&plan->pipeline, &plan->model.layout) > coarse ? gain : most;
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

/* To three digits: that is half a percent at most. */
static double round_off(double v)
{
	char text[32];
	snprintf(text, sizeof text, "%.2e", v * (1 + 1e-9));
	return strtod(text, NULL);
}

static double auto_of(const struct sl_gamma_bound *bound, const struct sl_plan_graph *graph)
{
	double take = room * bound->most;
	if (take * graph->beta > 1.7)
		take = 1.7 / graph->beta;
	return take >= 1 ? 1 : take > 1e-6 ? round_off(take) : 0;
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
