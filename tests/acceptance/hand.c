/* gamma = auto beside the best gamma of a search by hand. */
#include "grid.h"

#include "base/random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Chosen before the rules were fitted. The third and the sixth were looked at later, to see why auto was behind. */
static const struct setting {
	const char *algorithm, *graph, *pipeline;
	int task;
} settings[] = {
	{ "choco", "ring:12", "topk:0.08 | natural | elias", 0 },
	{ "choco", "torus:3x5", "topk:0.2 | rounding:2 | context", 1 },
	{ "choco", "erdos-renyi:10,0.4", "topk:0.05 | dither:16 | golomb", 0 },
	{ "choco", "random-regular:12,3", "randk:0.2,one | float32 | raw", 0 },
	{ "malcom", "complete:6", "topk:0.1 | dither:16 | golomb", 2 },
	{ "malcom", "star:6", "topk:0.15 | rounding:2 | context", 0 },
	{ "beer", "torus:3x4", "topk:0.1 | dither:16 | golomb", 0 },
	{ "motef", "ring:6", "topk:0.1 | float32 | raw", 2 },
	{ "quasi-global", "hypercube:16", "topk:0.1 | dither:16 | golomb", 0 },
	{ "c-led", "random-regular:10,3", "topk:0.1 | rounding:2 | context", 0 },
	{ "deepsqueeze", "ring:6", "topk:0.4 | dither:16 | golomb", 2 },
	{ "lead", "torus:3x3", "all | dither:4 | golomb", 0 },
	/* the rest were chosen when the rules had changed, before any of them was run */
	{ "choco", "exponential:12", "topk:0.1 | sign:whole | context", 0 },
	{ "choco", "path:6", "topk:0.12 | natural | elias", 1 },
	{ "malcom", "star:10", "topk:0.1 | dither:16 | golomb", 0 },
	{ "malcom", "random-regular:16,5", "topk:0.25 | float32 | raw", 0 },
	{ "quasi-global", "ring:10", "topk:0.2 | dither:16 | golomb", 0 },
	{ "quasi-global", "complete:5", "topk:0.3 | rounding:2 | context", 1 },
	{ "ticopd", "torus:3x4", "topk:0.1 | dither:16 | golomb", 0 },
	{ "docom", "ring:6", "topk:0.2 | rounding:2 | context", 2 },
	{ "gasloc", "erdos-renyi:9,0.5", "topk:0.1 | natural | golomb", 0 },
	{ "c-led", "path:6", "topk:0.15 | dither:16 | golomb", 1 },
	{ "cdproxsgt", "star:5", "topk:0.2 | dither:16 | golomb", 2 },
	{ "sparseloco-gossip", "random-regular:12,5", "topk:0.07 | dither:16 | golomb", 0 },
	/* and these when quasi-global's had changed again */
	{ "quasi-global", "torus:3x4", "topk:0.15 | natural | elias", 0 },
	{ "quasi-global", "random-regular:10,4", "topk:0.12 | rounding:2 | context", 2 },
};
enum {
	SETTINGS = sizeof settings / sizeof *settings,
	LOOKS = GRID_ROUNDS,
	LONGER = 5,
	SELDOM = 50,
	LATE = (LONGER - 1) * GRID_ROUNDS / SELDOM
};

/* What the peers' own models are judged by here: of each shard the first samples, so that a loss that comes down early
 * and rises again counts as what it is. */
static void pool(const struct trial *t, const struct grid_task *k, struct grid_held *all)
{
	uint32_t each = GRID_TEST / t->peers, at = 0;
	for (uint32_t i = 0; i < t->peers; i++)
		for (uint32_t s = 0; s < each; s++, at++) {
			memcpy(all->rows + at * k->features, t->shard[i].dense + s * k->features,
			       k->features * sizeof(float));
			if (k->classes)
				all->label[at] = t->shard[i].label[s];
			else
				all->target[at] = t->shard[i].target[s];
		}
	all->data.samples = at;
}

/* The loss of a single round is noisy: each is replaced by the mean of it and of the four before. */
enum { WINDOW = 5 };
static void smooth(double *loss)
{
	for (uint32_t look = LOOKS - 1; look >= WINDOW - 1; look--) {
		double sum = 0;
		for (uint32_t i = 0; i < WINDOW; i++)
			sum += loss[look - i];
		loss[look] = sum / WINDOW;
	}
}

struct course {
	double gamma, loss[LOOKS], later[LATE]; /* of the peers' own models, over samples of all peers */
	bool
	    holds; /* no peer says diverging, and the loss stays, in a run so many times longer: if that is known */
	bool known;
};

static struct course course_of(const struct setting *s, double gamma, bool longer)
{
	static struct grid_held test;
	struct trial t;
	struct sl_error error = { 0 };
	struct course c = { .gamma = gamma, .known = longer };
	double accuracy;
	if (!grid_open(&t, &grid_tasks[s->task], s->algorithm, s->graph, s->pipeline, gamma, &test, &error))
		sl_panic(__FILE__, __LINE__, error.text);
	c.gamma = t.plan.gamma;
	pool(&t, &grid_tasks[s->task], &test);
	for (uint32_t look = 0; look < LOOKS; look++) {
		trial_run(&t, 1);
		c.loss[look] = grid_own_loss(&t, &test.data, &accuracy);
	}
	smooth(c.loss);
	for (uint32_t look = 0; look < LATE; look++) {
		c.later[look] = (double)INFINITY;
		if (!longer)
			continue;
		trial_run(&t, SELDOM);
		c.later[look] = grid_own_loss(&t, &test.data, &accuracy);
	}
	double end = longer ? c.later[LATE - 1] : c.loss[LOOKS - 1];
	c.holds = t.alarms == 0 && isfinite(end) && end <= 1.1 * c.loss[LOOKS - 1];
	trial_close(&t);
	return c;
}

/* The rounds after which the loss stays below it, up to the end of the schedule: an oscillation may pass through. */
static double rounds_of(const struct course *c, double target)
{
	uint32_t late = 0, look = LOOKS;
	while (look > 0 && c->loss[look - 1] <= target)
		look--;
	if (look < LOOKS)
		return look + 1;
	while (late < LATE && c->later[late] > target)
		late++;
	return late < LATE ? GRID_ROUNDS + (late + 1) * SELDOM : (double)INFINITY;
}

static double last_loss(const struct course *c, double target)
{
	(void)target;
	return c->loss[LOOKS - 1];
}

/* The course with the least of that. A search may find a gamma that is quick, and that a longer run would not stand: it
 * does not count. Only those that would win are run longer. NULL: none wins. */
static struct course *winner(const struct setting *s, struct course *found, int count,
                             double (*value)(const struct course *, double), double target)
{
	for (;;) {
		struct course *first = NULL;
		for (int g = 0; g < count; g++)
			if (found[g].holds && isfinite(value(&found[g], target)) &&
			    (!first || value(&found[g], target) < value(first, target)))
				first = &found[g];
		if (!first || first->known)
			return first;
		*first = course_of(s, first->gamma, true);
	}
}

static void compare(const struct setting *s)
{
	static const double grid[] = { 1, 0.7, 0.5, 0.35, 0.25, 0.18, 0.13, 0.09, 0.065, 0.045, 0.03, 0.02 };
	enum { GRID = sizeof grid / sizeof *grid };
	static struct course found[GRID];
	struct course mine = course_of(s, 0, true);
	char what[160];
	for (int g = 0; g < GRID; g++)
		found[g] = course_of(s, grid[g], false);
	struct course *least = winner(s, found, GRID, last_loss, 0);
	double target = least ? 1.05 * last_loss(least, 0) : (double)NAN;
	struct course *best = winner(s, found, GRID, rounds_of, target);
	double rounds = rounds_of(&mine, target), ideal = best ? rounds_of(best, target) : (double)NAN;
	snprintf(what, sizeof what, "%s, %s, %.20s, %.6s: auto %.3g, best %.3g: %g, %g rounds", s->algorithm,
	         s->graph, s->pipeline, grid_tasks[s->task].name, mine.gamma,
	         best ? best->gamma : (double)NAN, rounds, ideal);
	figure(what, mine.holds ? rounds / ideal : (double)INFINITY, 0, 1.3, "at most 1.3");
	fflush(stdout);
}

/* ---- settings that nobody chose ---- */

struct drawn {
	struct setting setting;
	char graph[32], pipeline[64];
};

static void draw_graph(struct sl_random *g, char out[static 32])
{
	static const char *const tori[] = { "torus:3x3", "torus:3x4", "torus:3x5", "torus:4x4" };
	static const char *const plain[] = { "ring", "path", "star", "complete", "exponential" };
	uint32_t peers = 5 + sl_random_below(g, 12), family = sl_random_below(g, 9);
	if (family < 5)
		snprintf(out, 32, "%s:%u", plain[family], peers);
	else if (family == 5)
		snprintf(out, 32, "%s", tori[sl_random_below(g, 4)]);
	else if (family == 6)
		snprintf(out, 32, "hypercube:%u", 8u << sl_random_below(g, 2));
	else if (family == 7)
		snprintf(out, 32, "erdos-renyi:%u,0.%u", peers, 3 + sl_random_below(g, 4));
	else
		snprintf(out, 32, "random-regular:%u,%u", peers & ~1u, 3 + sl_random_below(g, 3));
}

static void draw_pipeline(struct sl_random *g, bool unbiased, char out[static 64])
{
	static const char *const values[] = { "dither:16 | golomb",   "dither:8 | golomb",
		                              "natural | elias",      "rounding:2 | context",
		                              "rounding:3 | context", "sign:whole | context",
		                              "float32 | raw" };
	static const char *const whole[] = { "dither:4 | golomb", "dither:8 | golomb", "dither:16 | golomb",
		                             "natural | elias" };
	if (unbiased)
		snprintf(out, 64, "all | %s", whole[sl_random_below(g, 4)]);
	else
		snprintf(out, 64, "topk:%.2f | %s", 0.05 * exp(sl_random_unit_double(g) * log(8)),
		         values[sl_random_below(g, 7)]);
}

static bool is_new(const struct setting *s)
{
	for (int i = 0; i < SETTINGS; i++)
		if (strcmp(s->algorithm, settings[i].algorithm) == 0 &&
		    strcmp(s->graph, settings[i].graph) == 0)
			return false;
	return true;
}

/* Refused ones are drawn again. */
static bool is_possible(const struct setting *s)
{
	static struct grid_held test;
	struct trial t;
	struct sl_error error = { 0 };
	bool possible =
	    grid_open(&t, &grid_tasks[s->task], s->algorithm, s->graph, s->pipeline, 0, &test, &error);
	trial_close(&t);
	return possible;
}

/* A method comes again only when all others were drawn. */
static void compare_drawn(uint64_t seed)
{
	static const char *const methods[] = { "choco",      "malcom",       "beer",
		                               "motef",      "quasi-global", "c-led",
		                               "cdproxsgt",  "ticopd",       "docom",
		                               "gasloc",     "lead",         "prox-lead",
		                               "cedas",      "push-sum",     "sparseloco-gossip",
		                               "deepsqueeze" };
	enum { METHODS = sizeof methods / sizeof *methods, DRAWN = 12, UNBIASED = 10 };
	struct sl_random g = sl_random_stream(seed, 0, "settings", 0);
	for (uint32_t i = 0; i < DRAWN; i++) {
		uint32_t m = sl_random_permutation(g.key, METHODS, i);
		struct drawn d;
		do {
			draw_graph(&g, d.graph);
			draw_pipeline(&g, m >= UNBIASED && m < UNBIASED + 3, d.pipeline);
			d.setting = (struct setting){ methods[m], d.graph, d.pipeline,
				                      (int)sl_random_below(&g, GRID_TASKS) };
		} while (!is_new(&d.setting) || !is_possible(&d.setting));
		compare(&d.setting);
	}
}

/* HAND_SEED=N: twelve settings that N draws, instead of those of the table. */
void experiment_hand(void)
{
	const char *seed = getenv("HAND_SEED");
	if (seed)
		compare_drawn(strtoull(seed, NULL, 10));
	for (int i = 0; i < SETTINGS && !seed; i++)
		compare(&settings[i]);
}
