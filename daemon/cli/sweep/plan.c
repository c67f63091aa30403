#include "daemon/cli/sweep/plan.h"

#include "daemon/cli/common/command_line.h"
#include "daemon/run/config.h"
#include "daemon/run/files.h"
#include "daemon/run/ini.h"
#include "topology/topology.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MOST = 1 << 20, RANGE_MOST = 1000 };

/* Short names of keys that people vary. */
static const struct {
	const char *name, *key;
} aliases[] = {
	{ "algorithm", "algorithm.name" },
	{ "pipeline", "compress.pipeline" },
	{ "gamma", "algorithm.gamma" },
	{ "eta", "algorithm.eta" },
	{ "seed", "run.seed" },
	{ "rounds", "run.rounds" },
	{ "model", "model.name" },
	{ "partition", "data.partition" },
	{ "topology", "topology" },
};

/* What is to be set by its own option, or by the sweep. */
static const char *const reserved[] = { "run.name",         "run.keys", "run.roster",
	                                "run.operator_key", "run.id",   "history.path" };

static enum sl_status find_key(const char *name, char key[static 64], struct sl_error *error)
{
	for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
		if (strcmp(aliases[i].name, name) == 0) {
			snprintf(key, 64, "%s", aliases[i].key);
			return SL_OK;
		}
	for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
		if (strcmp(reserved[i], name) == 0)
			return sl_fail(error, SL_UNSUPPORTED, "%s is set by the sweep itself", name);
	snprintf(key, 64, "%.63s", name);
	if (strchr(name, '.'))
		return SL_OK;
	return sl_fail(error, SL_NOT_FOUND,
	               "unknown axis '%s': it is section.key of starling.conf(5), or one of algorithm, "
	               "pipeline, gamma, eta, seed, rounds, model, partition, topology",
	               name);
}

static enum sl_status check_topology(const char *value, struct sl_error *error)
{
	struct sl_topology t;
	if (strncmp(value, "file:", 5) == 0)
		return SL_OK;
	enum sl_status status = sl_topology_make(&t, value, 1, error);
	if (status == SL_OK)
		sl_topology_free(&t);
	return status;
}

/* Whether the value is one that the key can have, whatever the other keys are. */
static enum sl_status check_value(const char *key, const char *value, struct sl_error *error)
{
	static struct sl_run_settings scratch;
	char section[64];
	if (strcmp(key, "topology") == 0)
		return check_topology(value, error);
	snprintf(section, sizeof section, "%s", key);
	char *dot = strchr(section, '.');
	*dot = '\0';
	sl_run_settings_standard(&scratch);
	enum sl_status status = sl_run_settings_set(&scratch, section, dot + 1, value, error);
	return status == SL_OK ? sl_sweep_check_names(key, value, error) : status;
}

/* ---- values ---- */

static enum sl_status add_value(struct sl_sweep_axis *axis, const char *value, struct sl_error *error)
{
	enum sl_status status = check_value(axis->key, value, error);
	if (status != SL_OK)
		return status;
	for (unsigned i = 0; i < axis->count; i++)
		if (strcmp(axis->value[i], value) == 0)
			return sl_fail(error, SL_MALFORMED, "%s: '%s' stands here twice", axis->name, value);
	if (axis->count == SL_SWEEP_VALUES)
		return sl_fail(error, SL_TOO_BIG, "%s: more than %d values", axis->name, SL_SWEEP_VALUES);
	void *more = realloc(axis->value, (axis->count + 1) * sizeof *axis->value);
	if (!more)
		return sl_fail(error, SL_NO_MEMORY, "no memory for the plan");
	axis->value = more;
	snprintf(axis->value[axis->count++], SL_TEXT_MAX, "%.*s", SL_TEXT_MAX - 1, value);
	return SL_OK;
}

/* "1..5": all integers from 1 to 5. */
static bool range_of(const char *text, long *first, long *last)
{
	char *end;
	if (!isdigit((unsigned char)*text))
		return false;
	*first = strtol(text, &end, 10);
	if (strncmp(end, "..", 2) != 0 || !isdigit((unsigned char)end[2]))
		return false;
	*last = strtol(end + 2, &end, 10);
	return !*end;
}

static enum sl_status add_one(struct sl_sweep_axis *axis, const char *value, struct sl_error *error)
{
	long first, last;
	char number[24];
	if (!range_of(value, &first, &last))
		return add_value(axis, value, error);
	if (last < first || last - first >= RANGE_MOST)
		return sl_fail(error, SL_OUT_OF_RANGE, "%s = %s: a range has from 1 to %d values, ascending",
		               axis->name, value, RANGE_MOST);
	enum sl_status status = SL_OK;
	for (long v = first; v <= last && status == SL_OK; v++) {
		snprintf(number, sizeof number, "%ld", v);
		status = add_value(axis, number, error);
	}
	return status;
}

/* Values are separated by a comma and a blank: commas without one are part of a value. */
static enum sl_status add_values(struct sl_sweep_axis *axis, const char *text, struct sl_error *error)
{
	char value[SL_INI_VALUE_MAX];
	enum sl_status status = SL_OK;
	for (const char *p = text; status == SL_OK;) {
		const char *comma = strstr(p, ", ");
		size_t length = comma ? (size_t)(comma - p) : strlen(p);
		while (length > 0 && p[length - 1] == ' ')
			length--;
		snprintf(value, sizeof value, "%.*s", (int)length, p);
		status = value[0] ? add_one(axis, value, error)
		                  : sl_fail(error, SL_MALFORMED, "%s: an empty value", axis->name);
		if (!comma)
			break;
		p = comma + 2 + strspn(comma + 2, " ");
	}
	return status;
}

/* ---- sections ---- */

static enum sl_status read_axis(struct sl_sweep_plan *p, const char *name, const char *value,
                                struct sl_error *error)
{
	char key[64];
	enum sl_status status = find_key(name, key, error);
	if (status != SL_OK)
		return status;
	struct sl_sweep_axis *axis = p->axis;
	while (axis < p->axis + p->axes && strcmp(axis->key, key) != 0)
		axis++;
	if (axis == p->axis + SL_SWEEP_AXES)
		return sl_fail(error, SL_TOO_BIG, "more than %d axes", SL_SWEEP_AXES);
	if (axis == p->axis + p->axes) {
		p->axes++;
		snprintf(axis->name, sizeof axis->name, "%.63s", name);
		snprintf(axis->key, sizeof axis->key, "%s", key);
	}
	return add_values(axis, value, error);
}

static enum sl_status read_set(struct sl_sweep_plan *p, const char *name, const char *value,
                               struct sl_error *error)
{
	char key[64];
	enum sl_status status = find_key(name, key, error);
	if (status == SL_OK)
		status = check_value(key, value, error);
	if (status != SL_OK)
		return status;
	if (p->sets == SL_SWEEP_SETS)
		return sl_fail(error, SL_TOO_BIG, "more than %d keys", SL_SWEEP_SETS);
	snprintf(p->set[p->sets].key, sizeof p->set->key, "%s", key);
	snprintf(p->set[p->sets++].value, sizeof p->set->value, "%.*s", SL_TEXT_MAX - 1, value);
	return SL_OK;
}

static enum sl_status read_option(struct sl_sweep_plan *p, const char *name, const char *value,
                                  struct sl_error *error)
{
	static const char *const known[] = { "latency",   "jitter",   "compute", "loss",
		                             "duplicate", "reorder",  "rate",    "queue",
		                             "check",     "trainers", "poison",  "bottleneck" };
	size_t i = 0, count = sizeof known / sizeof *known;
	while (i < count && strcmp(known[i], name) != 0)
		i++;
	if (i == count)
		return sl_unknown("option of starling sim", name, known, count, error);
	if (p->options == SL_SWEEP_OPTIONS)
		return sl_fail(error, SL_TOO_BIG, "more than %d options", SL_SWEEP_OPTIONS);
	snprintf(p->option[p->options].key, sizeof p->option->key, "%s", name);
	snprintf(p->option[p->options++].value, sizeof p->option->value, "%.*s", SL_TEXT_MAX - 1, value);
	return SL_OK;
}

#define AT(field) offsetof(struct sl_sweep_plan, field)
static const struct sl_option sweep_options[] = {
	{ "name", "name of the runs", SL_OPTION_TEXT, AT(name), 0, 0, NULL },
	{ "jobs", "runs at once", SL_OPTION_U32, AT(jobs), 1, 4096, NULL },
	{ "target", "accuracy at which a run ends", SL_OPTION_REAL, AT(target), 0, 1, NULL },
	{ NULL }
};

static enum sl_status read_sweep(struct sl_sweep_plan *p, const char *name, const char *value,
                                 struct sl_error *error)
{
	static const char *const names[] = { "name", "runner", "jobs", "target" };
	if (strcmp(name, "runner") == 0) {
		p->daemons = strcmp(value, "daemons") == 0;
		return p->daemons || strcmp(value, "sim") == 0
		           ? SL_OK
		           : sl_fail(error, SL_MALFORMED, "runner = %s: must be sim or daemons", value);
	}
	const struct sl_option *option = sl_option_find(sweep_options, name);
	if (!option)
		return sl_unknown("key", name, names, 4, error);
	if (strcmp(name, "name") == 0 && (!value[0] || strchr(value, '/')))
		return sl_fail(error, SL_MALFORMED, "name = %s: must be a word without '/'", value);
	return sl_option_set(option, p, value, error);
}

static enum sl_status read_tune(struct sl_sweep_plan *p, const char *name, const char *value,
                                struct sl_error *error)
{
	static const char *const names[] = { "eta", "gamma", "seed", "rounds" };
	char *number = strcmp(name, "seed") == 0 ? p->tune_seed : p->tune_rounds;
	if (strcmp(name, "eta") == 0)
		return add_values(&p->eta, value, error);
	if (strcmp(name, "gamma") == 0)
		return add_values(&p->gamma, value, error);
	if (strcmp(name, "seed") != 0 && strcmp(name, "rounds") != 0)
		return sl_unknown("key", name, names, 4, error);
	enum sl_status status = check_value(number == p->tune_seed ? "run.seed" : "run.rounds", value, error);
	if (status == SL_OK)
		snprintf(number, sizeof p->tune_seed, "%.*s", (int)sizeof p->tune_seed - 1, value);
	return status;
}

typedef enum sl_status read_pair(struct sl_sweep_plan *, const char *, const char *, struct sl_error *);
static const struct {
	const char *name;
	read_pair *read;
} sections[] = { { "sweep", read_sweep },
	         { "axes", read_axis },
	         { "set", read_set },
	         { "sim", read_option },
	         { "tune", read_tune } };
enum { SECTIONS = sizeof sections / sizeof *sections };

static enum sl_status find_section(const char *name, unsigned *out, struct sl_error *error)
{
	const char *names[SECTIONS];
	for (unsigned i = 0; i < SECTIONS; i++) {
		names[i] = sections[i].name;
		if (strcmp(name, names[i]) == 0) {
			*out = i;
			return SL_OK;
		}
	}
	return sl_unknown("section", name, names, SECTIONS, error);
}

/* Keys that are set for all points and are an axis, too, would be set twice. */
static enum sl_status check_plan(const struct sl_sweep_plan *p, struct sl_error *error)
{
	bool topology = false;
	for (unsigned i = 0; i < p->sets; i++)
		topology |= strcmp(p->set[i].key, "topology") == 0;
	for (unsigned i = 0; i < p->axes; i++) {
		topology |= strcmp(p->axis[i].key, "topology") == 0;
		for (unsigned j = 0; j < p->sets; j++)
			if (strcmp(p->set[j].key, p->axis[i].key) == 0)
				return sl_fail(error, SL_MALFORMED,
				               "%s is an axis, and in [set]: it must be one of them",
				               p->axis[i].key);
	}
	if (!topology)
		return sl_fail(
		    error, SL_MALFORMED,
		    "no topology: add one such as 'topology = ring:8' to [set], or several to [axes]");
	if (p->daemons && p->options)
		return sl_fail(error, SL_MALFORMED, "[sim] cannot be used with runner = daemons");
	double points = 1;
	for (unsigned i = 0; i < p->axes; i++)
		points *= p->axis[i].count;
	return points <= SL_SWEEP_POINTS
	           ? SL_OK
	           : sl_fail(error, SL_TOO_BIG, "%.0f points: at most %d", points, SL_SWEEP_POINTS);
}

static enum sl_status parse(struct sl_sweep_plan *p, const char *path, const char *text, size_t length,
                            struct sl_error *error)
{
	struct sl_ini ini;
	enum sl_ini_kind kind;
	unsigned section = SECTIONS;
	sl_ini_begin(&ini, text, length);
	while ((kind = sl_ini_next(&ini, error)) != SL_INI_END) {
		enum sl_status status = SL_OK;
		if (kind == SL_INI_WRONG)
			return sl_wrap(error, "%s:%" PRIu32, path, ini.line);
		if (kind == SL_INI_SECTION)
			status = find_section(ini.section, &section, error);
		else if (section == SECTIONS)
			status = sl_fail(error, SL_MALFORMED, "a key before the first section");
		else
			status = sections[section].read(p, ini.key, ini.value, error);
		if (status != SL_OK)
			return sl_wrap(error, "%s:%" PRIu32, path, ini.line);
	}
	return check_plan(p, error) == SL_OK ? SL_OK : sl_wrap(error, "%s", path);
}

/* The file's name without folder and ending. */
static void name_after(struct sl_sweep_plan *p, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
	size_t length = dot && dot > name ? (size_t)(dot - name) : strlen(name);
	snprintf(p->name, sizeof p->name, "%.*s", (int)(length < 64 ? length : 64), name);
}

enum sl_status sl_sweep_plan_read(struct sl_sweep_plan *p, const char *path, struct sl_error *error)
{
	uint8_t *text;
	size_t length;
	memset(p, 0, sizeof *p);
	name_after(p, path);
	snprintf(p->eta.name, sizeof p->eta.name, "eta");
	snprintf(p->eta.key, sizeof p->eta.key, "algorithm.eta");
	snprintf(p->gamma.name, sizeof p->gamma.name, "gamma");
	snprintf(p->gamma.key, sizeof p->gamma.key, "algorithm.gamma");
	enum sl_status status = sl_file_read(path, FILE_MOST, &text, &length, error);
	if (status != SL_OK)
		return status;
	status = parse(p, path, (const char *)text, length, error);
	free(text);
	return status;
}

void sl_sweep_plan_free(struct sl_sweep_plan *p)
{
	for (unsigned i = 0; i < p->axes; i++)
		free(p->axis[i].value);
	free(p->eta.value);
	free(p->gamma.value);
}

/* ---- tuning ---- */

/* Takes an axis out of the plan: its values are to be chosen from. */
static void take_axis(struct sl_sweep_plan *p, struct sl_sweep_axis *out)
{
	for (unsigned i = 0; i < p->axes; i++) {
		if (strcmp(p->axis[i].key, out->key) != 0)
			continue;
		free(out->value);
		*out = p->axis[i];
		memmove(&p->axis[i], &p->axis[i + 1], (p->axes - i - 1) * sizeof *p->axis);
		p->axes--;
		return;
	}
}

static void drop_set(struct sl_sweep_plan *p, const char *key)
{
	for (unsigned i = 0; i < p->sets; i++)
		if (strcmp(p->set[i].key, key) == 0) {
			memmove(&p->set[i], &p->set[i + 1], (p->sets - i - 1) * sizeof *p->set);
			p->sets--;
			return;
		}
}

enum sl_status sl_sweep_plan_tune(struct sl_sweep_plan *p, struct sl_error *error)
{
	uint64_t most = 1;
	take_axis(p, &p->eta);
	take_axis(p, &p->gamma);
	drop_set(p, p->eta.key);
	drop_set(p, p->gamma.key);
	enum sl_status status = SL_OK;
	if (!p->eta.count)
		status = add_values(&p->eta, "0.05, 0.15, 0.45", error);
	if (status == SL_OK && !p->gamma.count)
		status = add_values(&p->gamma, "auto, 0.05, 0.2, 0.6", error);
	int seed = sl_sweep_seed_axis(p);
	for (unsigned i = 0; seed >= 0 && i < p->axis[seed].count; i++) {
		uint64_t v = strtoull(p->axis[seed].value[i], NULL, 10);
		most = v > most ? v : most;
	}
	for (unsigned i = 0; i < p->sets; i++)
		if (strcmp(p->set[i].key, "run.seed") == 0)
			most = strtoull(p->set[i].value, NULL, 10);
	if (!p->tune_seed[0])
		snprintf(p->tune_seed, sizeof p->tune_seed, "%" PRIu64, most + 1);
	return status;
}
