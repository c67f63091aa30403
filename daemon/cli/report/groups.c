/* groups.c — runs that differ in nothing but their seed are one group: its name, its curve, and when it reached what. */
#include "daemon/cli/report/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The value of a key in the lines of an identity, up to the end of its line; NULL: it is not there. */
static const char *value_of(const char *identity, const char *key, size_t key_length, size_t *length)
{
	for (const char *line = identity; *line;) {
		size_t all = strcspn(line, "\n");
		if (all > key_length && line[key_length] == '=' && strncmp(line, key, key_length) == 0) {
			*length = all - key_length - 1;
			return line + key_length + 1;
		}
		line += all + (line[all] == '\n');
	}
	*length = 0;
	return NULL;
}

/* Whether two groups have the same value of a key, or both none. */
static bool same_value(const struct sl_report *r, uint32_t a, uint32_t b, const char *key, size_t key_length)
{
	size_t one, other;
	const char *x = value_of(r->run[r->group[a].first].identity, key, key_length, &one);
	const char *y = value_of(r->run[r->group[b].first].identity, key, key_length, &other);
	return !x == !y && one == other && (!x || memcmp(x, y, one) == 0);
}

/* Values that need no key to be understood. */
static bool speaks_for_itself(const char *key, size_t length)
{
	static const char *const plain[] = {
		"driver", "topology", "algorithm", "compress", "model", "dataset"
	};
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		if (strlen(plain[i]) == length && strncmp(plain[i], key, length) == 0)
			return true;
	return false;
}

/* Separates groups that differ in this key: `part` has equal numbers for groups that no earlier key separates. */
static bool split(const struct sl_report *r, uint32_t *part, const char *key, size_t key_length)
{
	bool apart = false;
	uint32_t next = r->groups;
	for (uint32_t a = 0; a < r->groups; a++) {
		uint32_t own = part[a];
		if (own >= r->groups)
			continue; /* done with this key */
		for (uint32_t b = a; b < r->groups; b++)
			if (part[b] == own && same_value(r, a, b, key, key_length))
				part[b] = next;
			else
				apart = apart || part[b] == own;
		next++;
	}
	for (uint32_t a = 0; a < r->groups; a++)
		part[a] -= r->groups;
	return apart;
}

static void add_to_label(const struct sl_report *r, struct sl_report_group *group, const char *key,
                         size_t key_length)
{
	size_t used = strlen(group->label), size = sizeof group->label, length;
	const char *value = value_of(r->run[group->first].identity, key, key_length, &length);
	const char *dot = memchr(key, '.', key_length);
	if (!value || used + 1 >= size)
		return;
	size_t skip = dot ? (size_t)(dot - key) + 1 : 0;
	if (speaks_for_itself(key, key_length))
		snprintf(group->label + used, size - used, "%s%.*s", used ? ", " : "", (int)length, value);
	else
		snprintf(group->label + used, size - used, "%s%.*s=%.*s", used ? ", " : "",
		         (int)(key_length - skip), key + skip, (int)length, value);
}

/* Uses this key in the names if it tells groups apart that others did not. */
static void consider(struct sl_report *r, uint32_t *part, const char *key, size_t key_length)
{
	if (!split(r, part, key, key_length))
		return;
	for (uint32_t g = 0; g < r->groups; g++)
		add_to_label(r, &r->group[g], key, key_length);
}

/* A group is called by its values of as few keys as tell all groups apart: first those that people vary most. */
static enum sl_status name_groups(struct sl_report *r, struct sl_error *error)
{
	static const char *const first[] = { "algorithm", "compress", "topology" };
	uint32_t *part = calloc((size_t)r->groups + 1, sizeof *part);
	if (!part)
		return sl_fail(error, SL_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < sizeof first / sizeof *first; i++)
		consider(r, part, first[i], strlen(first[i]));
	for (uint32_t g = 0; g < r->groups; g++)
		for (const char *line = r->run[r->group[g].first].identity; *line;
		     line += strcspn(line, "\n") + 1)
			consider(r, part, line, strcspn(line, "=\n"));
	for (uint32_t g = 0; g < r->groups; g++) {
		const struct sl_history_summary *s = &r->run[r->group[g].first].summary;
		if (!r->group[g].label[0])
			snprintf(r->group[g].label, sizeof r->group[g].label, "%.*s", SL_REPORT_LABEL - 1,
			         s->name[0] ? s->name : s->run_id);
	}
	free(part);
	return SL_OK;
}

static const struct sl_report_point *point_at(const struct sl_report_curve *curve, double round)
{
	for (uint32_t i = 0; i < curve->count; i++)
		if (curve->point[i].x[SL_AXIS_ROUND] == round)
			return &curve->point[i];
	return NULL;
}

/* One point of a group of several runs: false if not all of them have it. */
static bool join_point(const struct sl_report *r, uint32_t g, double round, struct sl_report_point *out)
{
	*out = (struct sl_report_point){ 0 };
	double n = 0;
	for (uint32_t i = 0; i < r->runs; i++) {
		if (r->run[i].group != g)
			continue;
		const struct sl_report_point *p = point_at(r->run[i].curve, round);
		if (!p)
			return false;
		for (int axis = 0; axis < SL_AXES; axis++)
			out->x[axis] += p->x[axis];
		for (int m = 0; m < SL_MEASURES; m++) {
			out->mean[m] += p->mean[m];
			out->low[m] = n == 0 || p->mean[m] < out->low[m] ? p->mean[m] : out->low[m];
			out->high[m] = n == 0 || p->mean[m] > out->high[m] ? p->mean[m] : out->high[m];
		}
		out->peers += p->peers;
		n++;
	}
	for (int axis = 0; axis < SL_AXES; axis++)
		out->x[axis] /= n;
	for (int m = 0; m < SL_MEASURES; m++)
		out->mean[m] /= n;
	out->peers /= n;
	return true;
}

static enum sl_status join_curves(struct sl_report *r, uint32_t g, struct sl_error *error)
{
	struct sl_report_group *group = &r->group[g];
	const struct sl_report_curve *first = r->run[group->first].curve;
	group->curve = calloc(1, sizeof *group->curve);
	if (!group->curve)
		return sl_fail(error, SL_NO_MEMORY, "out of memory");
	if (group->runs == 1) {
		*group->curve = *first;
		return SL_OK;
	}
	for (uint32_t i = 0; i < first->count; i++)
		if (join_point(r, g, first->point[i].x[SL_AXIS_ROUND],
		               &group->curve->point[group->curve->count]))
			group->curve->count++;
	return SL_OK;
}

static double best_of(const struct sl_report_curve *curve)
{
	double best = (double)NAN;
	for (uint32_t i = 0; i < curve->count; i++)
		if (!(curve->point[i].mean[SL_MEASURE_ACCURACY] <= best) &&
		    isfinite(curve->point[i].mean[SL_MEASURE_ACCURACY]))
			best = curve->point[i].mean[SL_MEASURE_ACCURACY];
	return best;
}

/* Two that all groups reached, as high as a round number can be, and two that only the best ones did. */
static void choose_targets(struct sl_report *r)
{
	static const double nice[] = {
		0.2, 0.3,  0.4,  0.5,  0.6,  0.7,  0.75, 0.8,  0.82, 0.84,  0.86, 0.88,
		0.9, 0.91, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.995
	};
	enum { NICE = sizeof nice / sizeof *nice };
	double least = (double)INFINITY, most = -(double)INFINITY;
	for (uint32_t g = 0; g < r->groups; g++) {
		double best = best_of(r->group[g].curve);
		least = best < least ? best : least;
		most = best > most ? best : most;
	}
	int by_all = -1, by_one = -1;
	for (int i = 0; i < NICE; i++) {
		by_all = nice[i] <= least ? i : by_all;
		by_one = nice[i] <= most ? i : by_one;
	}
	for (int i = by_all > 0 ? by_all - 1 : 0; i <= by_all; i++)
		r->target[r->targets++] = nice[i];
	for (int i = by_one - 1 > by_all ? by_one - 1 : by_all + 1; i <= by_one && i >= 0; i++)
		r->target[r->targets++] = nice[i];
}

/* The first evaluation at which a run's mean accuracy was at the target. */
static const struct sl_report_high *reached(const struct sl_report_run *run, double target)
{
	for (uint32_t i = 0; i < run->highs; i++)
		if (run->high[i].accuracy >= target)
			return &run->high[i];
	return NULL;
}

static void reach(struct sl_report *r)
{
	for (uint32_t i = 0; i < r->runs; i++) {
		struct sl_report_group *group = &r->group[r->run[i].group];
		for (uint32_t t = 0; t < r->targets; t++) {
			const struct sl_report_high *p = reached(&r->run[i], r->target[t]);
			struct sl_report_reach *to = &group->reach[t];
			if (!p)
				continue;
			to->runs++;
			to->round += p->x[SL_AXIS_ROUND];
			to->payload += p->x[SL_AXIS_PAYLOAD];
			to->wire += p->x[SL_AXIS_WIRE];
			to->seconds += p->x[SL_AXIS_SECONDS];
		}
	}
	for (uint32_t g = 0; g < r->groups; g++)
		for (uint32_t t = 0; t < r->targets; t++) {
			struct sl_report_reach *to = &r->group[g].reach[t];
			double n = to->runs ? to->runs : (double)NAN;
			to->round /= n;
			to->payload /= n;
			to->wire /= n;
			to->seconds /= n;
		}
}

/* Whether no key that both have has another value: a later version of starling may have keys that an earlier one had not. */
static bool same_method(const char *one, const char *other)
{
	for (const char *line = one; *line; line += strcspn(line, "\n") + 1) {
		size_t key = strcspn(line, "=\n"), length, here = strcspn(line, "\n") - key - 1;
		const char *value = value_of(other, line, key, &length);
		if (value && (length != here || memcmp(value, line + key + 1, length) != 0))
			return false;
	}
	return true;
}

static enum sl_status form_groups(struct sl_report *r, struct sl_error *error)
{
	r->group = calloc((size_t)r->runs + 1, sizeof *r->group);
	if (!r->group)
		return sl_fail(error, SL_NO_MEMORY, "out of memory");
	for (uint32_t i = 0; i < r->runs; i++) {
		uint32_t g = 0;
		while (g < r->groups && !same_method(r->run[r->group[g].first].identity, r->run[i].identity))
			g++;
		if (g == r->groups)
			r->group[r->groups++].first = i;
		r->group[g].runs++;
		r->run[i].group = g;
	}
	return SL_OK;
}

enum sl_status sl_report_group(struct sl_report *r, const double *target, uint32_t targets,
                               struct sl_error *error)
{
	enum sl_status status = form_groups(r, error);
	if (status == SL_OK)
		status = name_groups(r, error);
	for (uint32_t g = 0; g < r->groups && status == SL_OK; g++)
		status = join_curves(r, g, error);
	if (status != SL_OK)
		return status;
	for (uint32_t i = 0; i < r->runs; i++)
		r->accuracies = r->accuracies || isfinite(best_of(r->run[i].curve));
	for (uint32_t t = 0; t < targets && t < SL_REPORT_TARGETS; t++)
		r->target[r->targets++] = target[t];
	if (r->targets == 0 && r->accuracies)
		choose_targets(r);
	reach(r);
	return SL_OK;
}

uint32_t sl_report_detail(const struct sl_report *r, uint32_t i)
{
	return i < r->groups && i < SL_REPORT_DETAILED ? r->group[i].first : r->runs;
}
