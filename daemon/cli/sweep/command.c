/* command.c — starling sweep: the runs of a plan, several at once, into one database, and a table by axes. */
#include "daemon/cli/common/command_line.h"
#include "daemon/cli/common/terminal.h"
#include "daemon/cli/sweep/sweep.h"

#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct request {
	const char *database;
	uint32_t jobs; /* 0: by default */
	bool json, list, retry, tune;
};

static enum sl_status no_memory(size_t count, struct sl_error *error)
{
	return sl_fail(error, SL_NO_MEMORY, "no memory for %zu points", count);
}

/* ---- tuning ---- */

/* Methods: combinations of all axes but the seed. */
static size_t methods_of(const struct sl_sweep_plan *p)
{
	int seed = sl_sweep_seed_axis(p);
	return sl_sweep_plan_points(p) / (seed >= 0 ? p->axis[seed].count : 1);
}

/* The candidates of all methods, method by method. */
static void fill_tuning(const struct sl_sweep_plan *p, struct sl_sweep_point *out)
{
	int seed = sl_sweep_seed_axis(p);
	size_t count = sl_sweep_plan_points(p);
	for (size_t k = 0; k < count; k++) {
		struct sl_sweep_point at;
		sl_sweep_point_at(p, k, &at);
		if (seed >= 0 && at.value[seed] != 0)
			continue;
		at.tune = true;
		for (unsigned e = 0; e < p->eta.count; e++)
			for (unsigned g = 0; g < p->gamma.count; g++) {
				at.eta = p->eta.value[e];
				at.gamma = p->gamma.value[g];
				*out++ = at;
			}
	}
}

/* Whether a is the better one: fewer bytes to the target, else the higher accuracy. */
static bool better(const struct sl_sweep_point *a, const struct sl_sweep_point *b)
{
	if (!a->done || !isfinite(a->accuracy))
		return false;
	if (!b || !b->done || !isfinite(b->accuracy))
		return true;
	if ((a->target_bytes >= 0) != (b->target_bytes >= 0))
		return a->target_bytes >= 0;
	if (a->target_bytes >= 0 && a->target_bytes != b->target_bytes)
		return a->target_bytes < b->target_bytes;
	return a->accuracy > b->accuracy;
}

/* The best candidate of the method that a point is of; NULL: none has been completed. */
static const struct sl_sweep_point *choice(const struct sl_sweep_plan *p, const struct sl_sweep_tuning *t,
                                           const struct sl_sweep_point *of)
{
	const struct sl_sweep_point *best = NULL;
	int seed = sl_sweep_seed_axis(p);
	for (size_t k = 0; k < t->points; k++) {
		bool same = true;
		for (unsigned i = 0; i < p->axes; i++)
			same &= (int)i == seed || t->point[k].value[i] == of->value[i];
		if (same && better(&t->point[k], best))
			best = &t->point[k];
	}
	return best;
}

static enum sl_status tune(struct sl_sweep *s, struct sl_sweep_tuning *t, struct sl_error *error)
{
	t->candidates = (size_t)s->plan.eta.count * s->plan.gamma.count;
	t->points = t->candidates * methods_of(&s->plan);
	t->point = calloc(t->points + 1, sizeof *t->point);
	if (!t->point)
		return no_memory(t->points, error);
	fill_tuning(&s->plan, t->point);
	if (!s->quiet)
		fprintf(stderr, "starling sweep: tuning: %zu runs, %zu for each method\n", t->points,
		        t->candidates);
	enum sl_status status = sl_sweep_run(s, t->point, t->points, error);
	for (size_t k = 0; k < t->points && status == SL_OK; k++) {
		t->failed += t->point[k].failed;
		t->seconds += isfinite(t->point[k].seconds) ? t->point[k].seconds : 0;
		t->bytes += t->point[k].payload_bytes > 0 ? t->point[k].payload_bytes : 0;
	}
	return status;
}

/* ---- the points ---- */

static struct sl_sweep_point *make_points(const struct sl_sweep *s, const struct sl_sweep_tuning *t,
                                          size_t *count)
{
	*count = sl_sweep_plan_points(&s->plan);
	struct sl_sweep_point *points = calloc(*count + 1, sizeof *points);
	for (size_t k = 0; points && k < *count; k++) {
		sl_sweep_point_at(&s->plan, k, &points[k]);
		const struct sl_sweep_point *best = t->point ? choice(&s->plan, t, &points[k]) : NULL;
		if (best) {
			points[k].eta = best->eta;
			points[k].gamma = best->gamma;
		}
	}
	return points;
}

static int list(struct sl_sweep *s)
{
	size_t count;
	struct sl_sweep_tuning none = { 0 };
	struct sl_sweep_point *points = make_points(s, &none, &count);
	char label[1024];
	for (size_t k = 0; points && k < count; k++) {
		sl_sweep_point_label(&s->plan, &points[k], label, sizeof label);
		puts(label);
	}
	free(points);
	return SL_EXIT_OK;
}

static int finish(const struct sl_sweep *s, const struct request *r, const struct sl_sweep_point *points,
                  size_t count, const struct sl_sweep_tuning *t)
{
	size_t failed = 0, done = 0;
	for (size_t k = 0; k < count; k++) {
		failed += points[k].failed;
		done += points[k].done;
	}
	if (s->interrupted) {
		fprintf(stderr,
		        "starling sweep: interrupted; %zu of %zu runs are done, the same command goes on\n",
		        done, count);
		return SL_EXIT_FAILED;
	}
	if (r->json)
		sl_sweep_json(s, points, count, t->point ? t : NULL, stdout);
	else
		sl_sweep_table(s, points, count, t->point ? t : NULL, stdout);
	if (failed)
		fprintf(stderr,
		        "starling sweep: %zu runs failed; their logs are in %s, --retry runs them again\n",
		        failed, s->work);
	return failed ? SL_EXIT_FAILED : SL_EXIT_OK;
}

static int work(struct sl_sweep *s, const struct request *r)
{
	struct sl_error error = { 0 };
	struct sl_sweep_tuning t = { 0 };
	struct sl_sweep_point *points = NULL;
	size_t count = 0;
	enum sl_status status = sl_sweep_open(s, &error);
	if (status == SL_OK && r->tune)
		status = tune(s, &t, &error);
	if (status == SL_OK && !s->interrupted) {
		points = make_points(s, &t, &count);
		status = points ? sl_sweep_run(s, points, count, &error) : no_memory(count, &error);
	}
	int code =
	    status == SL_OK ? finish(s, r, points, count, &t) : sl_command_fail(&sl_command_sweep, &error);
	free(points);
	free(t.point);
	return code;
}

/* ---- the command ---- */

static unsigned cores(void)
{
	cpu_set_t set;
	int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
	return count > 0 ? (unsigned)count : 1;
}

/* The database beside the plan: plan.db. */
static bool name_database(struct sl_sweep *s, const char *plan, const char *given)
{
	const char *slash = strrchr(plan, '/'), *dot = strrchr(plan, '.');
	size_t length =
	    dot && dot > plan && (!slash || dot > slash + 1) ? (size_t)(dot - plan) : strlen(plan);
	int n = given ? snprintf(s->database, sizeof s->database, "%s", given)
	              : snprintf(s->database, sizeof s->database, "%.*s.db", (int)length, plan);
	return n > 0 && (size_t)n < sizeof s->database - 128;
}

static int run(int argc, char **argv)
{
	static struct sl_sweep s;
	struct request request = { 0 };
	struct sl_error error = { 0 };
	char **operands;
	s.lock = -1;
	int code = sl_command_parse(&sl_command_sweep, argc, argv, &request, &operands);
	if (code >= 0)
		return code;
	enum sl_status status = sl_sweep_plan_read(&s.plan, operands[0], &error);
	if (status == SL_OK && request.tune)
		status = sl_sweep_plan_tune(&s.plan, &error);
	if (status == SL_OK && !name_database(&s, operands[0], request.database))
		status = sl_fail(&error, SL_TOO_BIG, "the path of the database is too long");
	s.jobs = request.jobs ? request.jobs : s.plan.jobs ? s.plan.jobs : s.plan.daemons ? 1 : cores();
	s.retry = request.retry;
	s.terminal = sl_terminal_draws(STDERR_FILENO);
	s.job = calloc(s.jobs, sizeof *s.job);
	if (status == SL_OK && !s.job)
		status = no_memory(s.jobs, &error);
	if (status != SL_OK)
		code = sl_command_fail(&sl_command_sweep, &error);
	else
		code = request.list ? list(&s) : work(&s, &request);
	sl_sweep_close(&s);
	return code;
}

#define AT(field) offsetof(struct request, field)
static const struct sl_operand operands_of_sweep[] = {
	{ "PLAN", "an INI file: what varies, and what is the same for all runs", SL_COMPLETE_FILE }, { NULL }
};
static const struct sl_argument arguments_of_sweep[] = {
	{ .option = { "output", "the database (default: PLAN with the ending .db)", SL_OPTION_BORROWED,
	              AT(database), .completes = SL_COMPLETE_FILE },
	  .letter = 'o',
	  .value = "DB" },
	{ .option = { "jobs",
	              "runs at once (default: those of the plan; else one per core, or one run of daemons)",
	              SL_OPTION_U32, AT(jobs), 1, 4096 },
	  .letter = 'j',
	  .value = "N" },
	{ .option = { "tune",
	              "first choose eta and gamma for each method (each combination of the other axes), from the same values for all, with a seed that no run has; then do the runs with what was best. The table says what this took",
	              SL_OPTION_SWITCH, AT(tune) } },
	{ .option = { "retry", "run points again that failed before", SL_OPTION_SWITCH, AT(retry) } },
	{ .option = { "list", "print the points of the plan, and run none", SL_OPTION_SWITCH, AT(list) } },
	SL_ARGUMENT_JSON(struct request, json, "print all points and what came of them as JSON"),
	SL_ARGUMENT_HELP,
	{ .value = NULL }
};

const struct sl_command sl_command_sweep = {
	"sweep",
	{ .program = "starling sweep",
	  .doc = "run all combinations of settings of a plan, into one database, and compare them",
	  .forms = (const char *const[]){ "PLAN", NULL },
	  .text =
	      "Runs every combination of the values in [axes] of PLAN, several at once, and collects their histories in one\n"
	      "database. Prints a line per run with the time that is left, and at the end a table by axes: means over the\n"
	      "seeds, with their standard deviation. Killed or interrupted, even by kill -9, the same command continues\n"
	      "where it stopped; values that are added to the plan later are run then. A run that fails is recorded with the reason\n"
	      "(table sweep_point), and the others go on; the exit status is 1 then.\n"
	      "  [axes]   KEY = VALUE, VALUE, ...   KEY is section.key of starling.conf(5), or algorithm, pipeline, gamma, eta,\n"
	      "           seed, rounds, model, partition, topology. Values are separated by a comma and a blank; 1..5 stands\n"
	      "           for five numbers; a key may be repeated\n"
	      "  [set]    KEY = VALUE               the same for all runs\n"
	      "  [sim]    OPTION = VALUE            options of starling sim, such as latency, loss and rate\n"
	      "  [sweep]  name, jobs; target = ACCURACY: a run ends when the mean accuracy of its peers is that;\n"
	      "           runner = sim, or daemons: starling init and starling up instead\n"
	      "  [tune]   eta, gamma: values for --tune to choose from (those of [axes], if they are there); seed, rounds\n"
	      "With a target, the best values are those that need the fewest bytes to reach it, else those of the highest\n"
	      "accuracy at the end.\n",
	  .operands = operands_of_sweep,
	  .arguments = arguments_of_sweep },
	run
};
