/* point.c — one point of a plan: what it sets, what it is called, what identifies it. */
#include "daemon/cli/sweep/plan.h"

#include "base/hash.h"
#include "daemon/cli/common/command_line.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int sl_sweep_seed_axis(const struct sl_sweep_plan *p)
{
	for (unsigned i = 0; i < p->axes; i++)
		if (strcmp(p->axis[i].key, "run.seed") == 0)
			return (int)i;
	return -1;
}

size_t sl_sweep_plan_points(const struct sl_sweep_plan *p)
{
	size_t count = 1;
	for (unsigned i = 0; i < p->axes; i++)
		count *= p->axis[i].count;
	return count;
}

void sl_sweep_point_at(const struct sl_sweep_plan *p, size_t number, struct sl_sweep_point *out)
{
	*out = (struct sl_sweep_point){ .seconds = (double)NAN,
		                        .accuracy = (double)NAN,
		                        .worst = (double)NAN,
		                        .consensus_error = (double)NAN,
		                        .payload_bytes = -1,
		                        .wire_bytes = -1,
		                        .rounds = -1,
		                        .target_round = -1,
		                        .target_bytes = -1 };
	for (unsigned i = p->axes; i-- > 0; number /= p->axis[i].count)
		out->value[i] = (unsigned)(number % p->axis[i].count);
}

void sl_sweep_point_each(const struct sl_sweep_plan *p, const struct sl_sweep_point *at,
                         void (*each)(void *context, const char *key, const char *value), void *context)
{
	for (unsigned i = 0; i < p->sets; i++)
		each(context, p->set[i].key, p->set[i].value);
	for (unsigned i = 0; i < p->axes; i++)
		if (!at->tune || strcmp(p->axis[i].key, "run.seed") != 0)
			each(context, p->axis[i].key, p->axis[i].value[at->value[i]]);
	if (at->tune)
		each(context, "run.seed", p->tune_seed);
	if (at->tune && p->tune_rounds[0])
		each(context, "run.rounds", p->tune_rounds);
	if (at->eta)
		each(context, "algorithm.eta", at->eta);
	if (at->gamma)
		each(context, "algorithm.gamma", at->gamma);
}

static void put_pair(void *out, const char *key, const char *value)
{
	fprintf(out, "%s = %s\n", key, value);
}

void sl_sweep_point_identify(const struct sl_sweep_plan *p, struct sl_sweep_point *at)
{
	char *text = NULL;
	size_t length = 0;
	uint8_t digest[SL_HASH_BYTES];
	FILE *out = open_memstream(&text, &length);
	SL_CHECK(out);
	fprintf(out, "sweep 1\nrunner = %s\ntarget = %.17g\n", p->daemons ? "daemons" : "sim", p->target);
	for (unsigned i = 0; i < p->options; i++)
		fprintf(out, "--%s = %s\n", p->option[i].key, p->option[i].value);
	sl_sweep_point_each(p, at, put_pair, out);
	SL_CHECK(fclose(out) == 0);
	sl_hash(digest, text, length);
	free(text);
	for (unsigned i = 0; i < (SL_SWEEP_ID - 1) / 2; i++)
		snprintf(at->id + (size_t)2 * i, 3, "%02x", digest[i]);
}

/* Values that need no name to be understood. */
static bool speaks_for_itself(const char *key)
{
	return strcmp(key, "algorithm.name") == 0 || strcmp(key, "compress.pipeline") == 0 ||
	       strcmp(key, "topology") == 0 || strcmp(key, "model.name") == 0;
}

static void add_to_label(char *text, size_t size, const char *name, const char *value, bool named)
{
	size_t used = strlen(text);
	snprintf(text + used, size - used, "%s%s%s%s", used ? ", " : "", named ? name : "", named ? " " : "",
	         value);
}

void sl_sweep_point_label(const struct sl_sweep_plan *p, const struct sl_sweep_point *at, char *text,
                          size_t size)
{
	text[0] = '\0';
	for (unsigned i = 0; i < p->axes; i++)
		if (!at->tune || strcmp(p->axis[i].key, "run.seed") != 0)
			add_to_label(text, size, p->axis[i].name, p->axis[i].value[at->value[i]],
			             !speaks_for_itself(p->axis[i].key));
	if (at->eta)
		add_to_label(text, size, "eta", at->eta, true);
	if (at->gamma)
		add_to_label(text, size, "gamma", at->gamma, true);
	if (at->tune)
		add_to_label(text, size, "seed", p->tune_seed, true);
}

static void put_axis(FILE *out, bool first, const char *name, const char *value)
{
	fputs(first ? "" : ", ", out);
	sl_json_text(out, name);
	fputs(": ", out);
	sl_json_text(out, value);
}

void sl_sweep_point_axes(const struct sl_sweep_plan *p, const struct sl_sweep_point *at, FILE *out)
{
	bool first = true;
	putc('{', out);
	for (unsigned i = 0; i < p->axes; i++) {
		bool seed = at->tune && strcmp(p->axis[i].key, "run.seed") == 0;
		put_axis(out, first, p->axis[i].name, seed ? p->tune_seed : p->axis[i].value[at->value[i]]);
		first = false;
	}
	if (at->eta)
		put_axis(out, first, "eta", at->eta);
	first = first && !at->eta;
	if (at->gamma)
		put_axis(out, first, "gamma", at->gamma);
	putc('}', out);
}
