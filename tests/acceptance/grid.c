/* Defaults alone, over graphs, models and methods: every decentralised method must end near uncompressed D-PSGD on the
 * same graph in the same rounds, or refuse with a sentence. */
#include "grid.h"

#include "learn/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 80 };

const struct grid_task grid_tasks[GRID_TASKS] = {
	{ "softmax, 4 classes", "softmax", 20, 4, 1, 0.6 },
	{ "mlp:16, 4 classes", "mlp:16", 12, 4, 0.8, 0.6 },
	{ "logistic, 2 classes", "logistic", 40, 2, 1.5, 0.7 },
	{ "ridge", "ridge", 30, 0, 0.5, 0 },
};

static const char *const graphs[] = { "ring:8",     "path:8", "torus:4x4",   "torus:3x3",
	                              "complete:8", "star:8", "hypercube:8", "exponential:8" };
enum { GRAPHS = sizeof graphs / sizeof *graphs };

static double normal(struct sl_random *g)
{
	double a = sl_random_unit_double(g), b = sl_random_unit_double(g);
	return sqrt(-2 * log(1 - a)) * cos(2 * M_PI * b);
}

/* Each class around two centres, as the format synthetic; targets from a hidden direction, whose features each peer
 * has on a scale of its own. */
static void fill(const struct grid_task *k, uint32_t own, uint32_t samples, uint64_t seed, float *row,
                 uint16_t *label, float *target)
{
	struct sl_random h = sl_random_stream(seed, own, "samples", 0);
	for (uint32_t s = 0; s < samples; s++) {
		uint32_t c = k->classes && sl_random_unit_double(&h) < k->skew ? own % k->classes
		             : k->classes ? sl_random_below(&h, k->classes)
		                          : 0,
		         which = sl_random_below(&h, 2);
		struct sl_random g = sl_random_stream(31, k->classes ? 2 * c + which : 0, "centre", 0);
		double sum = 0;
		for (uint32_t f = 0; f < k->features; f++) {
			double centre = 0.7 * normal(&g), v = k->classes ? centre + k->noise * normal(&h)
			                                                 : normal(&h) / sqrt(k->features);
			row[s * k->features + f] = (float)v;
			sum += centre * v * 3;
		}
		if (label)
			label[s] = (uint16_t)c;
		else
			target[s] = (float)(sum + k->noise * normal(&h));
	}
}

static void deal(struct trial *t, const struct grid_task *k, struct grid_held *test)
{
	for (uint32_t i = 0; i < t->peers; i++) {
		float *row = trial_shard(t, i, SAMPLES);
		fill(k, i, SAMPLES, 11, row, (uint16_t *)(uintptr_t)t->shard[i].label,
		     (float *)(uintptr_t)t->shard[i].target);
	}
	for (uint32_t c = 0; c < 4; c++)
		fill(k, c, GRID_TEST / 4, 12, test->rows + c * (GRID_TEST / 4) * k->features,
		     k->classes ? test->label + c * (GRID_TEST / 4) : NULL,
		     test->target + c * (GRID_TEST / 4));
	test->data = (struct sl_dataset){ .kind = SL_FEATURES_FLOAT,
		                          .samples = GRID_TEST,
		                          .features = k->features,
		                          .classes = k->classes,
		                          .scale = 1,
		                          .dense = test->rows,
		                          .label = k->classes ? test->label : NULL,
		                          .target = k->classes ? NULL : test->target };
}

struct outcome {
	bool refused;
	double loss, accuracy, consensus; /* of the peers' own models on the test set */
	uint32_t alarms;
	uint32_t steps;
	char sentence[512];
};

double grid_own_loss(struct trial *t, const struct sl_dataset *test, double *accuracy)
{
	double loss = 0;
	*accuracy = 0;
	for (uint32_t i = 0; i < t->peers; i++) {
		double a;
		loss += sl_model_evaluate_all(&t->plan.model, test, trial_model(t, i), &a, t->scratch.learn) /
		        t->peers;
		*accuracy += a / t->peers;
	}
	return t->diverged || isnan(loss) ? (double)INFINITY : loss;
}

bool grid_open(struct trial *t, const struct grid_task *k, const char *algorithm, const char *graph,
               const char *pipeline, double gamma, struct grid_held *test, struct sl_error *error)
{
	struct sl_settings standard;
	sl_settings_standard(&standard);
	trial_standard(t, algorithm, graph, k->model, pipeline ? pipeline : standard.pipeline);
	t->settings.eta_schedule = standard.eta_schedule;
	t->settings.lambda = standard.lambda;
	t->settings.local_steps = standard.local_steps;
	t->settings.batch = standard.batch;
	t->settings.gamma = gamma;
	t->settings.rounds = GRID_ROUNDS;
	t->may_diverge = true; /* alarms are counted here */
	t->features = k->features;
	t->classes = k->classes;
	if (!trial_plan(t, error))
		return false;
	deal(t, k, test);
	trial_open(t);
	return true;
}

/* steps, rounds: of D-PSGD, to compare with; 0: as they are by default. */
static struct outcome outcome_of(const struct grid_task *k, const char *algorithm, const char *graph,
                                 double gamma, uint32_t steps, uint32_t rounds)
{
	static struct grid_held test;
	struct trial t;
	struct outcome o = { 0 };
	struct sl_error error = { 0 };
	if (!grid_open(&t, k, algorithm, graph, NULL, gamma, &test, &error)) {
		o.refused = true;
		snprintf(o.sentence, sizeof o.sentence, "%s", error.text);
		trial_close(&t);
		return o;
	}
	t.plan.settings.local_steps = steps ? steps : t.plan.settings.local_steps;
	t.plan.settings.rounds = rounds ? rounds : GRID_ROUNDS;
	o.steps = t.plan.settings.local_steps;
	trial_run(&t, t.plan.settings.rounds);
	o.loss = grid_own_loss(&t, &test.data, &o.accuracy);
	o.consensus = trial_consensus(&t);
	o.alarms = t.alarms;
	trial_close(&t);
	return o;
}

/* Two points of accuracy, or a tenth of the loss. */
static bool is_near(const struct outcome *o, const struct outcome *reference)
{
	return o->refused || o->loss <= 1.1 * reference->loss ||
	       (isfinite(o->loss) && o->accuracy >= reference->accuracy - 0.02);
}

static void print_cell(const struct grid_task *k, const struct outcome *o, bool near)
{
	if (o->refused)
		printf("  %8s ", "refused");
	else
		printf("  %7.4f%c%c", k->classes ? o->accuracy : o->loss, near ? ' ' : '!',
		       o->alarms ? 'd' : ' ');
}

static double gamma_given(void)
{
	const char *text = getenv("GRID_GAMMA"); /* to see what another default would do */
	return text ? atof(text) : 0;
}

/* An iteration takes two rounds. */
static bool takes_turns(const struct sl_algorithm *a)
{
	return strcmp(a->name, "cdproxsgt") == 0 || strcmp(a->name, "docom") == 0;
}

struct count {
	unsigned away, alarms, cells, refused;
};

static void row(const struct grid_task *k, const struct sl_algorithm *a, struct outcome (*reference)[GRAPHS],
                struct count *n)
{
	printf("  %-20s", a->name);
	for (int g = 0; g < GRAPHS; g++) {
		struct outcome o = outcome_of(k, a->name, graphs[g], gamma_given(), 0, 0);
		const struct outcome *r = &reference[takes_turns(a) ? 2 : o.steps == 1][g];
		bool near = is_near(&o, r);
		n->away += !near || (o.refused && !o.sentence[0]);
		n->alarms += o.alarms > 0;
		n->refused += o.refused;
		n->cells++;
		print_cell(k, &o, near);
		fflush(stdout);
	}
	putchar('\n');
}

/* D-PSGD with as many gradient steps as a method takes: with the default's in a round, with one, and with one in two
 * rounds. */
static void references(const struct grid_task *k, struct outcome (*reference)[GRAPHS])
{
	static const char *const names[] = { "dpsgd", "dpsgd, 1 step", "dpsgd, half a step" };
	for (int r = 0; r < 3; r++) {
		printf("  %-20s", names[r]);
		for (int g = 0; g < GRAPHS; g++) {
			reference[r][g] =
			    outcome_of(k, "dpsgd", graphs[g], 0, r > 0, r == 2 ? GRID_ROUNDS / 2 : 0);
			print_cell(k, &reference[r][g], true);
		}
		putchar('\n');
	}
}

void experiment_grid(void)
{
	struct count n = { 0 };
	printf(
	    "  accuracy (ridge: loss) of the peers' own models after %d rounds of defaults; !: more than 2 points and "
	    "10 %% from dpsgd with as many gradient steps; d: a peer said diverging\n",
	    GRID_ROUNDS);
	for (int k = 0; k < GRID_TASKS; k++) {
		struct outcome reference[3][GRAPHS];
		printf("  %-20s", grid_tasks[k].name);
		for (int g = 0; g < GRAPHS; g++)
			printf("  %9s", graphs[g]);
		putchar('\n');
		references(&grid_tasks[k], reference);
		for (const struct sl_algorithm *const *a = sl_algorithms; *a; a++)
			if (!(*a)->aggregate && strcmp((*a)->name, "dpsgd") != 0)
				row(&grid_tasks[k], *a, reference, &n);
	}
	figure("grid: cells", n.cells, 400, (double)INFINITY, "");
	figure("grid: refused with a sentence", n.refused, 0, 0.3 * n.cells, "");
	figure("grid: cells more than 2 points and 10 % of loss from dpsgd", n.away, 0, 0, "none");
	figure("grid: cells where a peer said diverging", n.alarms, 0, 0, "none");
}
