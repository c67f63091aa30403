/* plan_parts.c — the parts of a plan for robust mixing, for the anomaly detector, for the graph, and for privacy. */
#include "gossip/algorithm.h"

#include <stdlib.h>
#include <string.h>

static bool parse_byzantine(const char *text, uint32_t *byzantine)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);
	*byzantine = (uint32_t)v;
	return text[0] >= '0' && text[0] <= '9' && !*end && v >= 1 && v <= SL_DEGREE_MAX;
}

static bool parse_threshold(const char *text, double *threshold)
{
	char *end;
	*threshold = strtod(text, &end);
	return end != text && !*end && *threshold > 0 && *threshold < 1e9;
}

enum sl_status sl_robust_parse(struct sl_robust *r, const char *text, struct sl_error *error)
{
	*r = (struct sl_robust){ SL_ROBUST_NONE };
	if (strcmp(text, "none") == 0)
		return SL_OK;
	if (strncmp(text, "clip:", 5) == 0 && parse_byzantine(text + 5, &r->byzantine))
		r->kind = SL_ROBUST_CLIP;
	else if (strncmp(text, "clip-at:", 8) == 0 && parse_threshold(text + 8, &r->threshold))
		r->kind = SL_ROBUST_CLIP_AT;
	else if (strncmp(text, "trim:", 5) == 0 && parse_byzantine(text + 5, &r->byzantine))
		r->kind = SL_ROBUST_TRIM;
	else
		return sl_fail(
		    error, SL_MALFORMED,
		    "[algorithm] robust = %s: must be none, clip:B or trim:B with B from 1 to %d Byzantine neighbours, or clip-at:T with a distance T above 0",
		    text, SL_DEGREE_MAX);
	return SL_OK;
}

size_t sl_robust_scratch(const struct sl_robust *r, uint32_t dimension)
{
	return r->kind == SL_ROBUST_NONE ? 0 : r->kind == SL_ROBUST_TRIM ? 3 * (size_t)dimension : dimension;
}

void sl_detect_plan(struct sl_plan *plan)
{
	if (plan->settings.detect_every)
		SL_CHECK(sl_pipeline_parse(&plan->detector_pipeline, "all | dither:16 | context",
		                           &plan->model.layout, NULL) == SL_OK);
}

size_t sl_detect_memory(const struct sl_plan *plan)
{
	return plan->settings.detect_every ? sl_pipeline_memory(&plan->detector_pipeline) : 0;
}

void sl_detect_scratch(struct sl_detect_scratch *s, const struct sl_plan *plan, struct sl_arena *arena)
{
	*s = (struct sl_detect_scratch){ 0 };
	if (!plan->settings.detect_every)
		return;
	s->workspace = sl_workspace_make(&plan->detector_pipeline, arena);
	s->change = sl_arena_take(arena, plan->dimension, sizeof *s->change);
	s->bytes = sl_arena_take(arena, sl_pipeline_bound(&plan->detector_pipeline), 1);
}

struct sl_plan_graph sl_plan_graph_of(const struct sl_topology *t, const struct sl_spectrum *s)
{
	return (struct sl_plan_graph){ .peers = t->peers,
		                       .degree_most = s->degree_most,
		                       .degree_least = s->degree_least,
		                       .beta = s->beta,
		                       .gap = s->gap,
		                       .given = s->given,
		                       .complete = t->edges == (uint64_t)t->peers * (t->peers - 1) / 2 &&
		                                   !t->activity,
		                       .period = t->period,
		                       .directed = t->directed,
		                       .balanced = t->balanced };
}

enum sl_status sl_check_schedule(const struct sl_plan *plan, const struct sl_plan_graph *graph,
                                 struct sl_error *error)
{
	const struct sl_algorithm *a = plan->algorithm;
	const struct sl_settings *s = &plan->settings;
	if (plan->period > 1 && !(a->graphs & SL_GRAPHS_CHANGING))
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "[algorithm] name = %s: needs the same neighbours in every round: use it on the graph itself (hypercube, exponential), or dpsgd, choco, dsgt or beer on this one",
		    a->name);
	if (graph->directed && !graph->balanced && !(a->graphs & SL_GRAPHS_DIRECTED))
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "[algorithm] name = %s: converges to a biased average on a directed graph with unbalanced weights: use push-sum",
		    a->name);
	if (graph->directed && !(a->graphs & (SL_GRAPHS_DIRECTED | SL_GRAPHS_BALANCED)))
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "[algorithm] name = %s: needs the same weight in both directions of an edge: use push-sum, dpsgd or choco on this graph",
		    a->name);
	bool exact = s->pace == SL_PACE_LOCKSTEP && s->round_timeout_us == INT64_MAX;
	if ((graph->directed || a->graphs & SL_GRAPHS_DIRECTED) && !exact)
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "[run] %s: both ends of an edge must mix in the same round: use pace = lockstep and round_timeout = never",
		    graph->directed ? "a directed graph" : "push-sum");
	return SL_OK;
}

enum sl_status sl_check_privacy(const struct sl_plan *plan, struct sl_error *error)
{
	const struct sl_settings *s = &plan->settings;
	const struct sl_model *m = plan->model.model;
	if (!(s->noise > 0))
		return SL_OK;
	if (m->outside)
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "[privacy] noise = %g: the gradients of a trainer are its own: clip them and add noise there (Opacus does for torch), and leave noise at 0",
		    s->noise);
	if (!m->clipped && !m->by_sample)
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "[privacy] noise = %g: %s cannot clip the gradient of each sample: use softmax, logistic, ridge, mlp or conv",
		    s->noise, m->name);
	if (s->estimator != SL_ESTIMATOR_BATCH)
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "[privacy] noise = %g: [algorithm] estimator must be batch: the others take gradients of whole shards, or two of one batch",
		    s->noise);
	if (plan->algorithm->repeats_batches)
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "[privacy] noise = %g: %s takes gradients of whole shards, or two of one batch: use choco, malcom, dpsgd, beer or another method that does not",
		    s->noise, plan->algorithm->name);
	return SL_OK;
}
