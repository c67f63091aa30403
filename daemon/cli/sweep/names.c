/* names.c — whether the plug-ins that a value of a plan names exist. Their arguments are checked by the run itself, which
 * knows the model. */
#include "daemon/cli/sweep/plan.h"

#include "compress/stage.h"
#include "gossip/algorithm.h"
#include "learn/model.h"

#include <string.h>

enum { NAMES = 160 };

/* The name before the colon, among those of a registry. */
static enum sl_status find(const char *what, const char *spec, const char *const *names, size_t count,
                           struct sl_error *error)
{
	char name[SL_TEXT_MAX];
	sl_spec_name(spec, name, sizeof name);
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return SL_OK;
	return sl_unknown(what, name, names, count, error);
}

#define LIST(registry)                                                                                       \
	const char *names[NAMES];                                                                            \
	size_t count = 0;                                                                                    \
	for (size_t i = 0; (registry)[i] && count < NAMES; i++)                                              \
		names[count++] = (registry)[i]->name;

static enum sl_status find_algorithm(const char *spec, struct sl_error *error)
{
	LIST(sl_algorithms)
	return find("algorithm", spec, names, count, error);
}

static enum sl_status find_model(const char *spec, struct sl_error *error)
{
	LIST(sl_models)
	return find("model", spec, names, count, error);
}

static enum sl_status find_select(const char *spec, struct sl_error *error)
{
	LIST(sl_selects)
	return find("select stage", spec, names, count, error);
}

static enum sl_status find_quantiser(const char *spec, struct sl_error *error)
{
	LIST(sl_quantisers)
	return find("quantise stage", spec, names, count, error);
}

static enum sl_status find_code(const char *spec, struct sl_error *error)
{
	LIST(sl_codes)
	return find("code stage", spec, names, count, error);
}

typedef enum sl_status find_stage(const char *spec, struct sl_error *error);

static enum sl_status find_stages(const char *text, struct sl_error *error)
{
	static find_stage *const stage[] = { find_select, find_quantiser, find_code };
	const char *p = text;
	for (size_t i = 0; i < 3; i++) {
		char spec[SL_TEXT_MAX];
		size_t length = strcspn(p, "|"), end = length;
		size_t blanks = strspn(p, " \t");
		while (end > blanks && (p[end - 1] == ' ' || p[end - 1] == '\t'))
			end--;
		snprintf(spec, sizeof spec, "%.*s", (int)(end > blanks ? end - blanks : 0), p + blanks);
		if ((p[length] == '\0') != (i == 2))
			return sl_fail(error, SL_MALFORMED, "pipeline = %s: must be select | quantise | code",
			               text);
		enum sl_status status = stage[i](spec, error);
		if (status != SL_OK)
			return status;
		p += length + 1;
	}
	return SL_OK;
}

enum sl_status sl_sweep_check_names(const char *key, const char *value, struct sl_error *error)
{
	if (strcmp(key, "algorithm.name") == 0)
		return find_algorithm(value, error);
	if (strcmp(key, "model.name") == 0)
		return find_model(value, error);
	return strcmp(key, "compress.pipeline") == 0 ? find_stages(value, error) : SL_OK;
}
