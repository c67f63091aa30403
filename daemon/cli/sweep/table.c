/* table.c — what came of a sweep, by its axes. */
#include "daemon/cli/sweep/sweep.h"

#include "daemon/cli/common/command_line.h"
#include "daemon/run/status_view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Points with the same values of all axes but the seed, or of one axis. */
struct group {
	const struct sl_sweep_point *first;
	unsigned runs, failed, missing, reached;
	double sum, squares, worst, consensus, seconds, payload, target_round, target_bytes;
};

static void add(struct group *g, const struct sl_sweep_point *p)
{
	if (!g->first) {
		*g = (struct group){ .first = p, .worst = (double)INFINITY };
	}
	g->failed += p->failed;
	g->missing += !p->failed && !p->done;
	if (!p->done)
		return;
	g->runs++;
	g->sum += p->accuracy;
	g->squares += p->accuracy * p->accuracy;
	g->worst = fmin(g->worst, p->worst);
	g->consensus += p->consensus_error;
	g->seconds += p->seconds;
	g->payload += (double)p->payload_bytes;
	if (p->target_round < 0)
		return;
	g->reached++;
	g->target_round += (double)p->target_round + 1;
	g->target_bytes += (double)p->target_bytes;
}

/* Standard deviation of the accuracies; NaN of fewer than two. */
static double spread(const struct group *g)
{
	double n = g->runs, mean = g->sum / n;
	return g->runs > 1 ? sqrt(fmax(g->squares - n * mean * mean, 0) / (n - 1)) : (double)NAN;
}

static void small_text(double value, char text[static 40])
{
	if (isfinite(value))
		snprintf(text, 40, "%.3g", value);
	else
		snprintf(text, 40, "-");
}

static void bytes_text(double bytes, char text[static 40])
{
	if (isfinite(bytes))
		sl_bytes_text((int64_t)bytes, text, 40);
	else
		snprintf(text, 40, "-");
}

/* ---- as a table ---- */

static bool shown(const struct sl_sweep_plan *p, unsigned axis)
{
	return p->axis[axis].count > 1 && (int)axis != sl_sweep_seed_axis(p);
}

static int width(const struct sl_sweep_plan *p, unsigned axis)
{
	size_t most = strlen(p->axis[axis].name);
	for (unsigned i = 0; i < p->axis[axis].count; i++)
		most = strlen(p->axis[axis].value[i]) > most ? strlen(p->axis[axis].value[i]) : most;
	return (int)most;
}

static void put_head(const struct sl_sweep *s, bool tuned, FILE *out)
{
	if (tuned)
		fprintf(out, "%8s %8s ", "eta", "gamma");
	fprintf(out, "%5s %9s %8s %8s %10s %10s %8s", "runs", "accuracy", "spread", "worst", "consensus",
	        "payload", "seconds");
	if (s->plan.target > 0)
		fprintf(out, " %8s %8s %10s", "reached", "rounds", "payload");
	putc('\n', out);
}

static void put_group(const struct sl_sweep *s, const struct group *g, bool tuned, FILE *out)
{
	char text[7][40], runs[24];
	double n = g->runs;
	sl_status_real(n > 0 ? g->sum / n : (double)NAN, 4, text[0], sizeof text[0]);
	sl_status_real(spread(g), 4, text[1], sizeof text[1]);
	sl_status_real(n > 0 ? g->worst : (double)NAN, 4, text[2], sizeof text[2]);
	small_text(n > 0 ? g->consensus / n : (double)NAN, text[3]);
	bytes_text(n > 0 ? g->payload / n : (double)NAN, text[4]);
	sl_status_real(n > 0 ? g->seconds / n : (double)NAN, 1, text[5], sizeof text[5]);
	snprintf(runs, sizeof runs, g->failed ? "%u-%u" : "%u", g->runs + g->failed, g->failed);
	if (tuned)
		fprintf(out, "%8s %8s ", g->first->eta ? g->first->eta : "-",
		        g->first->gamma ? g->first->gamma : "-");
	fprintf(out, "%5s %9s %8s %8s %10s %10s %8s", runs, text[0], text[1], text[2], text[3], text[4],
	        text[5]);
	if (s->plan.target > 0) {
		snprintf(runs, sizeof runs, "%u/%u", g->reached, g->runs + g->failed);
		sl_status_real(g->reached ? g->target_round / g->reached : (double)NAN, 0, text[5],
		               sizeof text[5]);
		bytes_text(g->reached ? g->target_bytes / g->reached : (double)NAN, text[6]);
		fprintf(out, " %8s %8s %10s", runs, text[5], text[6]);
	}
	putc('\n', out);
}

static bool same_group(const struct sl_sweep_plan *p, const struct sl_sweep_point *a,
                       const struct sl_sweep_point *b)
{
	int seed = sl_sweep_seed_axis(p);
	for (unsigned i = 0; i < p->axes; i++)
		if ((int)i != seed && a->value[i] != b->value[i])
			return false;
	return true;
}

/* A line per combination of values. */
static void put_combinations(const struct sl_sweep *s, const struct sl_sweep_point *points, size_t count,
                             bool tuned, FILE *out)
{
	const struct sl_sweep_plan *p = &s->plan;
	int seed = sl_sweep_seed_axis(p);
	for (unsigned i = 0; i < p->axes; i++)
		if (shown(p, i))
			fprintf(out, "%-*s  ", width(p, i), p->axis[i].name);
	put_head(s, tuned, out);
	for (size_t k = 0; k < count; k++) {
		struct group g = { 0 };
		if (seed >= 0 && points[k].value[seed] != 0)
			continue;
		for (size_t j = k; j < count; j++)
			if (same_group(p, &points[k], &points[j]))
				add(&g, &points[j]);
		for (unsigned i = 0; i < p->axes; i++)
			if (shown(p, i))
				fprintf(out, "%-*s  ", width(p, i), p->axis[i].value[points[k].value[i]]);
		put_group(s, &g, tuned, out);
	}
}

/* A line per value of one axis, over all others. */
static void put_axis(const struct sl_sweep *s, unsigned axis, const struct sl_sweep_point *points,
                     size_t count, FILE *out)
{
	const struct sl_sweep_plan *p = &s->plan;
	fprintf(out, "\n%-*s  ", width(p, axis), p->axis[axis].name);
	put_head(s, false, out);
	for (unsigned v = 0; v < p->axis[axis].count; v++) {
		struct group g = { 0 };
		for (size_t k = 0; k < count; k++)
			if (points[k].value[axis] == v)
				add(&g, &points[k]);
		fprintf(out, "%-*s  ", width(p, axis), p->axis[axis].value[v]);
		put_group(s, &g, false, out);
	}
}

/* Whether a chosen value is the least or the largest of the numbers to choose from: a better one may lie beyond. */
static bool at_the_edge(const struct sl_sweep_axis *axis, const char *chosen)
{
	char *end;
	double value = chosen ? strtod(chosen, &end) : 0, least = (double)INFINITY,
	       largest = -(double)INFINITY;
	if (!chosen || end == chosen) /* auto */
		return false;
	for (unsigned i = 0; i < axis->count; i++) {
		double v = strtod(axis->value[i], &end);
		least = end > axis->value[i] ? fmin(least, v) : least;
		largest = end > axis->value[i] ? fmax(largest, v) : largest;
	}
	return largest > least && (value == least || value == largest);
}

static void put_edges(const struct sl_sweep *s, const struct sl_sweep_point *points, size_t count, FILE *out)
{
	unsigned eta = 0, gamma = 0;
	int seed = sl_sweep_seed_axis(&s->plan);
	for (size_t k = 0; k < count; k++) {
		if (seed >= 0 && points[k].value[seed] != 0)
			continue;
		eta += at_the_edge(&s->plan.eta, points[k].eta);
		gamma += at_the_edge(&s->plan.gamma, points[k].gamma);
	}
	if (eta || gamma)
		fprintf(
		    out,
		    "note       the least or largest value was the best for %u methods (eta) and %u (gamma): more values in "
		    "[tune] may find better ones\n",
		    eta, gamma);
}

static void put_tuning(const struct sl_sweep_tuning *t, FILE *out)
{
	char bytes[32], seconds[32];
	sl_bytes_text(t->bytes, bytes, sizeof bytes);
	sl_time_left_text(t->seconds, seconds, sizeof seconds);
	fprintf(
	    out,
	    "tuning     %zu runs per method, %zu in all (%zu refused or diverged), %s of computing, %s of frames sent: "
	    "not part of the figures above\n",
	    t->candidates, t->points, t->failed, seconds, bytes);
}

void sl_sweep_table(const struct sl_sweep *s, const struct sl_sweep_point *points, size_t count,
                    const struct sl_sweep_tuning *tuning, FILE *out)
{
	unsigned axes = 0;
	double seconds = 0;
	size_t done = 0, failed = 0;
	put_combinations(s, points, count, tuning != NULL, out);
	for (unsigned i = 0; i < s->plan.axes; i++)
		axes += shown(&s->plan, i);
	for (unsigned i = 0; i < s->plan.axes && axes > 1; i++)
		if (shown(&s->plan, i))
			put_axis(s, i, points, count, out);
	for (size_t k = 0; k < count; k++) {
		done += points[k].done;
		failed += points[k].failed;
		seconds += isfinite(points[k].seconds) ? points[k].seconds : 0;
	}
	fprintf(out, "\nruns       %zu of %zu done, %zu failed; together they took %.1f s\n", done, count,
	        failed, seconds);
	if (tuning) {
		put_tuning(tuning, out);
		put_edges(s, points, count, out);
	}
	if (s->ran_of)
		fprintf(
		    out,
		    "this time  %zu runs, together %.1f s, in %.1f s with %u at a time: %.2f times their sum / %u\n",
		    s->ran_of, s->ran, s->wall, s->jobs, s->wall / (s->ran / s->jobs), s->jobs);
	fprintf(out, "history    %s; starling report makes a page of it\n", s->database);
}

/* ---- as JSON ---- */

static void real(FILE *out, const char *name, double value)
{
	fprintf(out, ", \"%s\": ", name);
	sl_json_real(out, value);
}

static void count_field(FILE *out, const char *name, int64_t value)
{
	if (value < 0)
		fprintf(out, ", \"%s\": null", name);
	else
		fprintf(out, ", \"%s\": %lld", name, (long long)value);
}

static void json_point(const struct sl_sweep *s, const struct sl_sweep_point *p, FILE *out)
{
	fprintf(out, "{\"point\": \"%s\", \"stage\": \"%s\", \"axes\": ", p->id, p->tune ? "tune" : "run");
	sl_sweep_point_axes(&s->plan, p, out);
	fprintf(out, ", \"state\": \"%s\"", p->done ? "done" : p->failed ? "failed" : "missing");
	real(out, "seconds", p->seconds);
	real(out, "test_accuracy", p->accuracy);
	real(out, "worst_accuracy", p->worst);
	real(out, "consensus_error", p->consensus_error);
	count_field(out, "rounds", p->rounds);
	count_field(out, "payload_bytes", p->payload_bytes);
	count_field(out, "wire_bytes", p->wire_bytes);
	count_field(out, "target_round", p->target_round);
	count_field(out, "target_bytes", p->target_bytes);
	putc('}', out);
}

static void json_points(const struct sl_sweep *s, const char *name, const struct sl_sweep_point *points,
                        size_t count, FILE *out)
{
	fprintf(out, ",\n \"%s\": [", name);
	for (size_t k = 0; k < count; k++) {
		fputs(k ? ",\n  " : "\n  ", out);
		json_point(s, &points[k], out);
	}
	putc(']', out);
}

void sl_sweep_json(const struct sl_sweep *s, const struct sl_sweep_point *points, size_t count,
                   const struct sl_sweep_tuning *tuning, FILE *out)
{
	fputs("{\"name\": ", out);
	sl_json_text(out, s->plan.name);
	fputs(", \"database\": ", out);
	sl_json_text(out, s->database);
	fprintf(out, ", \"jobs\": %u", s->jobs);
	real(out, "target", s->plan.target > 0 ? s->plan.target : (double)NAN);
	count_field(out, "runs_this_time", (int64_t)s->ran_of);
	real(out, "seconds_this_time", s->wall);
	real(out, "run_seconds_this_time", s->ran);
	if (tuning) {
		count_field(out, "tuning_runs_per_method", (int64_t)tuning->candidates);
		real(out, "tuning_seconds", tuning->seconds);
		count_field(out, "tuning_bytes", tuning->bytes);
		json_points(s, "tuning", tuning->point, tuning->points, out);
	}
	json_points(s, "points", points, count, out);
	fputs("}\n", out);
}
