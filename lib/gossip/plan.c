#include "gossip/plan.h"

#include "gossip/algorithm.h"
#include "gossip/frame.h"
#include "gossip/gamma.h"
#include "gossip/outbox.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static enum sl_status resolve_algorithm(struct sl_plan *plan, struct sl_error *error)
{
	char name[SL_TEXT_MAX];
	const char *arguments = sl_spec_name(plan->settings.algorithm, name, sizeof name);
	for (const struct sl_algorithm *const *a = sl_algorithms; *a; a++)
		if (strcmp((*a)->name, name) == 0)
			plan->algorithm = *a;
	if (!plan->algorithm)
		return sl_fail(error, SL_NOT_FOUND, "[algorithm] unknown algorithm '%s'", name);
	if (sl_spec_arguments(plan->algorithm->options, plan->algorithm_options, name, arguments, error) !=
	    SL_OK)
		return sl_wrap(error, "[algorithm] name");
	plan->channels = plan->algorithm->channels;
	const struct sl_algorithm *a = plan->algorithm;
	plan->gamma = a->gamma > 0 ? a->gamma : plan->settings.gamma > 0 ? plan->settings.gamma : 1;
	plan->gamma_follows = !a->aggregate && !(a->gamma > 0) && !(plan->settings.gamma > 0);
	return SL_OK;
}

static enum sl_status check_gamma(const struct sl_plan *plan, const struct sl_plan_graph *graph,
                                  struct sl_error *error)
{
	if (plan->gamma_follows)
		return SL_OK;
	if (!(plan->gamma > 0) || plan->gamma > 1)
		return sl_fail(error, SL_OUT_OF_RANGE, "[algorithm] gamma = %g: must be in (0, 1]",
		               plan->gamma);
	if (plan->gamma * graph->beta >= 2)
		return sl_fail(
		    error, SL_OUT_OF_RANGE,
		    "[algorithm] gamma = %g: on this topology, with |I - W| = %.4g, gossip diverges; must be below %.4g",
		    plan->gamma, graph->beta, 2 / graph->beta);
	return SL_OK;
}

/* Differences to a public copy are compressed, and what is lost is compressed again: the method's own error
 * feedback, which needs a compressor that contracts. */
static bool feeds_back(const struct sl_algorithm *a)
{
	bool gossip = a->absorb == SL_ABSORB_ADD && !a->rule && !a->aggregate && !a->pipeline;
	return a->takes == SL_TAKES_CONTRACTIVE || (a->takes == SL_TAKES_ANY && gossip);
}

/* The algorithm against the graph and the pace. */
static enum sl_status check_place(const struct sl_plan *plan, const struct sl_plan_graph *graph,
                                  struct sl_error *error)
{
	const struct sl_algorithm *a = plan->algorithm;
	const struct sl_settings *s = &plan->settings;
	if (!a->aggregate)
		return sl_check_schedule(plan, graph, error);
	if (!graph->complete)
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "[algorithm] name = %s: averages over all peers and needs a complete graph: use topology complete:N, or beer, prox-lead or choco on this one",
		    a->name);
	if (s->pace != SL_PACE_LOCKSTEP || s->round_timeout_us != INT64_MAX)
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "[algorithm] name = %s: every average needs every peer: use [run] pace = lockstep and round_timeout = never",
		    a->name);
	return SL_OK;
}

/* A compressor that is not proved to contract, for an algorithm that feeds errors back. Worst cases are one
 * thing: dithering to a few levels loses nothing to speak of on vectors as they occur. Errors as large as
 * what is compressed on every vector are another. */
static enum sl_status check_feedback(const struct sl_plan *plan, struct sl_guarantee guarantee, char *note,
                                     struct sl_error *error)
{
	const char *name = plan->algorithm->name;
	bool strict = plan->algorithm->takes == SL_TAKES_CONTRACTIVE;
	double gain = sl_pipeline_gain(&plan->pipeline, &plan->model.layout);
	if ((strict && guarantee.kind == SL_CLASS_UNBIASED) || gain <= 0)
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "[compress] pipeline = %s: its error is %.3g times what it compresses, and [algorithm] name = %s needs less than 1: scale it to contract (scale = contractive, or one for randk and bernoulli), or use topk:0.1 | float32 | raw, or diana",
		    plan->settings.pipeline, gain <= 0 ? 1 - gain : guarantee.omega, name);
	if (strict && guarantee.kind == SL_CLASS_NONE)
		snprintf(
		    note, SL_TEXT_MAX,
		    "the compressor is not proved contractive, as %s needs: if the run diverges, use more levels or scale = contractive",
		    name);
	return SL_OK;
}

/* The compressor against what the algorithm's theory takes. */
static enum sl_status check_guarantee(const struct sl_plan *plan, char *note, struct sl_error *error)
{
	struct sl_guarantee guarantee = sl_pipeline_guarantee(&plan->pipeline);
	const struct sl_algorithm *a = plan->algorithm;
	bool unbiased = guarantee.kind == SL_CLASS_UNBIASED || guarantee.kind == SL_CLASS_IDENTITY;
	bool contracts = guarantee.kind == SL_CLASS_IDENTITY || guarantee.kind == SL_CLASS_CONTRACTIVE ||
	                 (guarantee.kind == SL_CLASS_UNBIASED && guarantee.omega < 1);
	if (a->takes == SL_TAKES_UNBIASED && !unbiased)
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "[compress] pipeline = %s: is not unbiased, as [algorithm] name = %s needs: use scale = one, randk:0.1 | float32 | raw or all | dither:16 | golomb, or an algorithm with error feedback (ef21)",
		    plan->settings.pipeline, a->name);
	if (!feeds_back(a))
		return SL_OK;
	return contracts ? SL_OK : check_feedback(plan, guarantee, note, error);
}

/* A step above 2/L goes farther up on the other side than it came down, where the curvature is known. */
static void note_eta(const struct sl_settings *s, char *note)
{
	if (s->eta_rule == SL_ETA_GIVEN && s->smoothness > 0 && s->eta * s->smoothness >= 2 && !note[0])
		snprintf(
		    note, SL_TEXT_MAX,
		    "eta = %g may be too large: with smoothness = %g gradient steps are stable below %.2g",
		    s->eta, s->smoothness, 2 / s->smoothness);
}

static enum sl_status apply_theory(struct sl_plan *plan, struct sl_error *error)
{
	struct sl_settings *s = &plan->settings;
	if (s->eta_rule != SL_ETA_THEORY)
		return SL_OK;
	if (!plan->algorithm->theory)
		return sl_fail(error, SL_UNSUPPORTED,
		               "[algorithm] eta = theory: %s has no rule that can be computed; give a number",
		               plan->algorithm->name);
	if (!(s->smoothness > 0))
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "[algorithm] eta = theory: needs smoothness, the largest curvature of any peer's loss (and convexity, the smallest, where the loss is strongly convex)");
	s->eta = plan->algorithm->theory(plan, s->smoothness, s->convexity);
	if (!(s->eta > 0))
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "[algorithm] eta = theory: %s has no rule for this compressor and convexity = %g; give a number",
		    plan->algorithm->name, s->convexity);
	s->eta_schedule = SL_ETA_CONSTANT;
	return SL_OK;
}

static enum sl_status check_robust(struct sl_plan *plan, const struct sl_plan_graph *graph,
                                   struct sl_error *error)
{
	const struct sl_algorithm *a = plan->algorithm;
	const char *text = plan->settings.robust;
	enum sl_status status = sl_robust_parse(&plan->robust, text, error);
	if (status != SL_OK || plan->robust.kind == SL_ROBUST_NONE)
		return status;
	if (plan->period > 1 || graph->directed)
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "[algorithm] robust = %s: neighbours are compared with each other, which needs the same ones in every round, both ways: use another topology, or none",
		    text);
	if (!a->mix || a->irrecoverable || a->channels != 1)
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "[algorithm] robust = %s: %s relies on sums that robust mixing does not keep: use choco, malcom, dpsgd or quasi-global",
		    text, a->name);
	uint32_t needed =
	    plan->robust.kind == SL_ROBUST_TRIM ? 2 * plan->robust.byzantine + 1 : plan->robust.byzantine + 1;
	if (graph->degree_least && graph->degree_least < needed)
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "[algorithm] robust = %s: needs %u neighbours, and a peer of this topology has %u", text,
		    needed, graph->degree_least);
	return SL_OK;
}

static enum sl_status settle_algorithm(struct sl_plan *plan, const struct sl_plan_graph *graph, char *note,
                                       struct sl_error *error)
{
	enum sl_status status = check_place(plan, graph, error);
	if (status == SL_OK)
		status = check_robust(plan, graph, error);
	if (status == SL_OK)
		status = check_guarantee(plan, note, error);
	if (status == SL_OK)
		status = sl_check_privacy(plan, error);
	if (status == SL_OK && plan->algorithm->prepare)
		status = plan->algorithm->prepare(plan, graph, error);
	if (status == SL_OK)
		status = sl_gamma_settle(plan, graph, note, error);
	if (status == SL_OK)
		note_eta(&plan->settings, note);
	return status == SL_OK ? apply_theory(plan, error) : status;
}

/* [compress] budget. What auto takes follows the host's own rate, but never below a floor that is the same for all: gamma
 * must be equal at both ends of an edge. */
static enum sl_status fit_pipeline(struct sl_plan *plan, struct sl_error *error)
{
	enum { FLOOR = 1000, TAKES_S_INVERSE = 2 };
	uint64_t budget = plan->settings.compress_budget, rate = sl_outbox_rate(&plan->settings);
	if (budget == 0)
		return SL_OK;
	if (budget != UINT64_MAX)
		return sl_pipeline_fit(&plan->pipeline, budget, budget, error);
	uint64_t takes = rate / 8 / TAKES_S_INVERSE;
	return sl_pipeline_fit(&plan->pipeline, rate == 0 ? 0 : takes > FLOOR ? takes : FLOOR, FLOOR, error);
}

static uint32_t power_of_two_above(double least, double most)
{
	uint32_t power = 64;
	while (power < least && power < most)
		power *= 2;
	return power;
}

/* Capacities are reserved, not resident: what a run never needs it never touches. */
static void derive_sizes(struct sl_plan *plan)
{
	plan->dimension = plan->model.layout.dimension;
	plan->copy_floats = (size_t)plan->channels * plan->dimension + plan->algorithm->scalars;
	plan->copy_memory = plan->channels * sl_pipeline_memory(&plan->pipeline);
	plan->copy_bytes = 4 * plan->copy_floats + plan->copy_memory;
	size_t section = sl_pipeline_bound(&plan->pipeline), dense = sl_pipeline_bound(&plan->dense);
	if (plan->algorithm->rule && dense > section)
		section = dense; /* a refresh may come */
	plan->body_bound = plan->channels * (4 + section) + 4 * (size_t)plan->algorithm->scalars;
	size_t piece = 64 * 1024;
	plan->snapshot_piece = piece;
	size_t body = plan->body_bound > piece + 16 ? plan->body_bound : piece + 16;
	plan->frame_max = SL_FRAME_HEADER + (body > 256 ? body : 256);
	size_t model = 4 * plan->copy_floats; /* or two frames, where one is as large as the model */
	plan->resend_bytes = model > 2 * plan->body_bound ? model : 2 * plan->body_bound;
	/* An edge that sleeps is sent what it missed, and may lack what it was sent before that. */
	bool contiguous =
	    plan->copy_memory || plan->algorithm->rule || plan->algorithm->absorb != SL_ABSORB_REPLACE;
	plan->self_contained = plan->period > 1 && !contiguous;
	if (plan->period > 1 && contiguous) {
		size_t missed = 2 * (size_t)plan->period * (plan->body_bound + SL_FRAME_HEADER);
		plan->resend_bytes = missed > plan->resend_bytes ? missed : plan->resend_bytes;
	}
	plan->held_bytes = plan->resend_bytes + 2 * (plan->body_bound + SL_FRAME_HEADER);
	if (plan->held_bytes < plan->copy_bytes)
		plan->held_bytes = plan->copy_bytes; /* a snapshot arrives where frames are held */
	bool exact = plan->settings.pace == SL_PACE_LOCKSTEP && plan->settings.round_timeout_us == INT64_MAX;
	plan->spare = 2 * plan->period + 4;
	double needed = exact ? 3.0 * plan->spare : 2.0 * plan->period;
	double frames = 3.0 * plan->laid_out_for + 16 + needed;
	plan->tags = power_of_two_above(frames, 65536);
	plan->journal_frames = power_of_two_above(frames, 65536) * 4;
	double bytes =
	    (double)plan->resend_bytes + 2.0 * (double)plan->body_bound + frames * (double)plan->body_bound;
	double least = (needed + 1) * (double)plan->body_bound, most = least > 64e6 ? least : 64e6;
	plan->journal_bytes = (size_t)(bytes < most ? bytes : most);
}

void sl_plan_described(struct sl_plan *plan)
{
	sl_tensors_digest(&plan->model, &plan->tensors);
}

void sl_plan_make_room(struct sl_plan *plan, uint32_t checkpoint_every)
{
	if (plan->laid_out_for < checkpoint_every)
		plan->laid_out_for = checkpoint_every;
	derive_sizes(plan);
}

/* "choco, dpsgd, …" */
static void name_steppers(char *text, size_t size)
{
	size_t used = 0;
	text[0] = '\0';
	for (const struct sl_algorithm *const *a = sl_algorithms; *a; a++)
		if ((*a)->outside_steps && used < size)
			used +=
			    (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", (*a)->name);
}

/* What a trainer can be asked for. */
static enum sl_status check_outside(const struct sl_plan *plan, struct sl_error *error)
{
	char names[SL_TEXT_MAX];
	const struct sl_settings *s = &plan->settings;
	if (s->weigh == SL_WEIGH_SAMPLES && plan->model.model->outside)
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "[algorithm] weigh = samples: a trainer has the samples, and their number is not known here: use peers, and weigh its loss there");
	if (s->weigh == SL_WEIGH_SAMPLES && !(s->mean_samples > 0))
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "[algorithm] weigh = samples: needs mean_samples, the training samples of all peers divided by their number (starling init writes it where it cuts the data)");
	if (!plan->model.model->outside)
		return SL_OK;
	if (s->estimator == SL_ESTIMATOR_SAGA)
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "[algorithm] estimator = saga: stores a gradient of each sample, and a trainer has batches only: use batch, lsvrg or storm");
	if (!sl_model_steps(&plan->model))
		return SL_OK;
	name_steppers(names, sizeof names);
	if (!plan->algorithm->outside_steps)
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "[model] name = trainer:steps: the local part of %s is not some steps from the model: use mode gradient, or one of %s",
		    plan->algorithm->name, names);
	if (s->momentum > 0 || s->estimator != SL_ESTIMATOR_BATCH)
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "[model] name = trainer:steps: the trainer's optimiser makes the steps: momentum must be 0 and estimator batch");
	return SL_OK;
}

static enum sl_status make(struct sl_plan *out, const struct sl_run_settings *all,
                           const struct sl_plan_graph *graph, uint32_t features, uint32_t classes,
                           const struct sl_dataset *test, const struct sl_outside *outside, char *note,
                           struct sl_error *error)
{
	const struct sl_settings *settings = &all->method;
	memset(out, 0, sizeof *out);
	out->settings = *settings;
	out->keys = sl_shared_digests(all, out->key_digest);
	out->test = test;
	out->peers = graph->peers;
	out->complete = graph->complete;
	out->period = graph->period ? graph->period : 1;
	out->directed = graph->directed;
	enum sl_status status = resolve_algorithm(out, error);
	if (status == SL_OK)
		status = check_gamma(out, graph, error);
	if (status != SL_OK)
		return status;
	if (graph->degree_most > settings->max_degree)
		return sl_fail(error, SL_TOO_BIG,
		               "[run] max_degree = %u: a peer of this topology has %u neighbours",
		               settings->max_degree, graph->degree_most);
	if (sl_model_make(&out->model, settings->model, features, classes, error) != SL_OK)
		return sl_wrap(error, "[model] name");
	if (out->model.model->outside && !outside)
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "[model] name = %s: a run with a trainer is made by starling init --trainer COMMAND",
		    settings->model);
	if (outside)
		sl_model_outside(&out->model, outside);
	if (check_outside(out, error) != SL_OK)
		return error->status;
	const char *pipeline = out->algorithm->pipeline ? out->algorithm->pipeline : settings->pipeline;
	if (sl_pipeline_parse(&out->pipeline, pipeline, &out->model.layout, error) != SL_OK)
		return sl_wrap(error, "[compress] pipeline");
	if (fit_pipeline(out, error) != SL_OK)
		return sl_wrap(error, "[compress] budget");
	SL_CHECK(sl_pipeline_parse(&out->dense, "all | float32 | raw", &out->model.layout, error) == SL_OK);
	out->prox = sl_prox_find("l1");
	SL_CHECK(out->prox);
	sl_plan_make_room(out, settings->checkpoint_every);
	sl_detect_plan(out);
	note[0] = '\0';
	return settle_algorithm(out, graph, note, error);
}

enum sl_status sl_plan_make(struct sl_plan *out, const struct sl_run_settings *all,
                            const struct sl_plan_graph *graph, uint32_t features, uint32_t classes,
                            const struct sl_dataset *test, char *note, struct sl_error *error)
{
	return make(out, all, graph, features, classes, test, NULL, note, error);
}

enum sl_status sl_plan_make_outside(struct sl_plan *out, const struct sl_run_settings *all,
                                    const struct sl_plan_graph *graph, const struct sl_outside *outside,
                                    char *note, struct sl_error *error)
{
	return make(out, all, graph, 0, 0, NULL, outside, note, error);
}

void sl_scratch_make(struct sl_scratch *out, const struct sl_plan *plan, struct sl_arena *arena)
{
	const struct sl_model_instance *m = &plan->model;
	size_t batch = m->model->scratch(m, plan->settings.batch),
	       test = m->model->scratch(m, SL_EVALUATE_CHUNK);
	out->workspace = sl_workspace_make(&plan->pipeline, arena);
	out->vector = sl_arena_take(arena, plan->copy_floats, sizeof *out->vector);
	if (plan->algorithm->rule)
		out->dense = sl_workspace_make(&plan->dense, arena);
	out->spare = sl_arena_take(arena, plan->dimension, sizeof *out->spare);
	/* Local steps and exchange take turns; what the first have in the cache the second find there. */
	out->gradient = out->vector ? out->vector + (plan->channels - 1) * (size_t)plan->dimension : NULL;
	out->learn = sl_arena_take(arena, batch > test ? batch : test, sizeof *out->learn);
	sl_detect_scratch(&out->detect, plan, arena);
	out->robust =
	    sl_arena_take(arena, sl_robust_scratch(&plan->robust, plan->dimension), sizeof *out->robust);
	out->memory = sl_arena_take(arena, plan->copy_memory, 1);
	for (unsigned c = 0; c < plan->channels && plan->channels > 1; c++) {
		out->update[c].index = sl_arena_take(arena, plan->dimension, sizeof *out->update[c].index);
		out->update[c].value = sl_arena_take(arena, plan->dimension, sizeof *out->update[c].value);
	}
	out->pick = sl_arena_take(arena, plan->settings.batch, sizeof *out->pick);
}
