/* settings_text.c — settings as text: one key set, all of them checked, printed. */
#include "gossip/settings.h"

#include "gossip/algorithm.h"
#include "gossip/reads.h"
#include "learn/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct sl_settings_section *find_section(const char *name, struct sl_error *error)
{
	const char *names[16];
	size_t count = 0;
	for (const struct sl_settings_section *s = sl_settings_sections; s->name; s++) {
		if (strcmp(s->name, name) == 0)
			return s;
		names[count++] = s->name;
	}
	sl_unknown("section", name, names, count, error);
	return NULL;
}

enum sl_status sl_run_settings_set(struct sl_run_settings *settings, const char *section, const char *key,
                                   const char *value, struct sl_error *error)
{
	const struct sl_settings_section *s = find_section(section, error);
	if (!s)
		return error ? error->status : SL_NOT_FOUND;
	if (strcmp(section, "algorithm") == 0 && strcmp(key, "eta") == 0) {
		bool theory = strcmp(value, "theory") == 0;
		settings->method.eta_rule = theory ? SL_ETA_THEORY : SL_ETA_GIVEN;
		if (theory)
			return SL_OK;
	}
	const struct sl_option *o = sl_option_find(s->options, key);
	if (o) {
		sl_settings_note(&settings->method, section, key);
		return sl_option_set(o, settings, value, error);
	}
	const char *names[32];
	size_t count = 0;
	for (o = s->options; o->name && count < 32; o++)
		names[count++] = o->name;
	char what[64];
	snprintf(what, sizeof what, "key in section [%s]", s->name);
	return sl_unknown(what, key, names, count, error);
}

static enum sl_status check_pace(struct sl_settings *s, struct sl_error *error)
{
	char *end;
	if (strcmp(s->pace_text, "lockstep") == 0) {
		s->pace = SL_PACE_LOCKSTEP;
		return SL_OK;
	}
	if (strcmp(s->pace_text, "free") == 0) {
		s->pace = SL_PACE_FREE;
		return SL_OK;
	}
	if (strncmp(s->pace_text, "staleness:", 10) == 0 && s->pace_text[10] >= '0' &&
	    s->pace_text[10] <= '9') {
		unsigned long v = strtoul(s->pace_text + 10, &end, 10);
		if (!*end && v <= 1000000) {
			s->pace = SL_PACE_STALENESS;
			s->staleness = (uint32_t)v;
			return SL_OK;
		}
	}
	return sl_fail(error, SL_MALFORMED,
	               "[run] pace = %s: must be lockstep, staleness:S with S between 0 and 1000000, or free",
	               s->pace_text);
}

/* A spec such as "dirichlet:0.5" against a registry whose entries begin with a name. */
static enum sl_status check_partition(const struct sl_host_settings *s, struct sl_error *error)
{
	char name[SL_TEXT_MAX];
	const char *arguments = sl_spec_name(s->partition, name, sizeof name);
	const char *names[64];
	size_t count = 0;
	for (const struct sl_partition *const *p = sl_partitions; *p && count < 64; p++) {
		if (strcmp((*p)->name, name) == 0) {
			uint64_t options[32] = { 0 };
			SL_CHECK((*p)->options_size <= sizeof options);
			enum sl_status status =
			    sl_spec_arguments((*p)->options, options, name, arguments, error);
			return status == SL_OK ? SL_OK : sl_wrap(error, "[data] partition");
		}
		names[count++] = (*p)->name;
	}
	sl_unknown("partition", name, names, count, error);
	return sl_wrap(error, "[data] partition");
}

/* The digest of a list that is too long for the line, after "list:". */
static enum sl_status check_digest(const char *key, const char *text, uint32_t least, uint32_t most,
                                   struct sl_error *error)
{
	uint32_t count = 0;
	size_t digits = strspn(text, "0123456789");
	for (size_t i = 0; i < digits && count <= most; i++)
		count = count * 10 + (uint32_t)(text[i] - '0');
	const char *digest = text + digits + (text[digits] == ':');
	size_t hex = strspn(digest, "0123456789abcdef");
	return text[digits] == ':' && count >= least && count <= most && hex == 32 && !digest[hex]
	           ? SL_OK
	           : sl_fail(
	                 error, SL_MALFORMED,
	                 "[data] %s = list:%s: must be list:N:DIGEST with N from %u to %u and 32 hex digits, as init writes it",
	                 key, text, least, most);
}

static enum sl_status check_columns(const struct sl_host_settings *s, struct sl_error *error)
{
	if (strcmp(s->columns, "none") == 0 || strncmp(s->columns, "file:", 5) == 0)
		return SL_OK;
	if (strncmp(s->columns, "list:", 5) == 0)
		return check_digest("columns", s->columns + 5, 1, SL_COLUMNS_MAX, error);
	return sl_fail(error, SL_MALFORMED, "[data] columns = %s: must be none, file:PATH or list:N:DIGEST",
	               s->columns);
}

/* A list is brought into its canonical form: the fingerprint must not depend on how it was typed. */
static enum sl_status check_classes(struct sl_host_settings *s, struct sl_error *error)
{
	struct sl_class_item room[SL_TEXT_MAX];
	struct sl_classes list;
	char text[SL_TEXT_MAX];
	if (strcmp(s->classes, "auto") == 0 || strcmp(s->classes, "none") == 0 ||
	    strncmp(s->classes, "file:", 5) == 0)
		return SL_OK;
	if (strncmp(s->classes, "list:", 5) == 0)
		return check_digest("classes", s->classes + 5, 2, SL_CLASSES_MAX, error);
	memcpy(text, s->classes, sizeof text);
	if (sl_classes_parse(&list, text, strlen(text), room, error) != SL_OK)
		return sl_wrap(error, "[data] classes = %.100s", text);
	if (list.count < 2)
		return sl_fail(error, SL_OUT_OF_RANGE, "[data] classes = %s: a run has at least two classes",
		               text);
	sl_classes_canonical(text, strlen(text), s->classes);
	return SL_OK;
}

static enum sl_status check_algorithm(const struct sl_settings *s, struct sl_error *error)
{
	char name[SL_TEXT_MAX];
	sl_spec_name(s->algorithm, name, sizeof name);
	const char *names[128];
	size_t count = 0;
	for (const struct sl_algorithm *const *a = sl_algorithms; *a && count < 128; a++) {
		if (strcmp((*a)->name, name) == 0)
			return SL_OK;
		names[count++] = (*a)->name;
	}
	sl_unknown("algorithm", name, names, count, error);
	return sl_wrap(error, "[algorithm] name");
}

/* Keys that noise switches on. */
static enum sl_status check_privacy(const struct sl_settings *s, struct sl_error *error)
{
	struct sl_settings standard;
	if (s->noise > 0 && s->noise < 0.1)
		return sl_fail(
		    error, SL_OUT_OF_RANGE,
		    "[privacy] noise = %g: must be 0 or at least 0.1; less noise protects nothing that can be counted",
		    s->noise);
	if (s->noise > 0)
		return SL_OK;
	sl_settings_standard(&standard);
	if (s->epsilon != standard.epsilon || s->clip != standard.clip || s->delta != standard.delta)
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "[privacy] epsilon, clip and delta are read with noise only: set noise, for example to 1, or remove them");
	return SL_OK;
}

static enum sl_status check_numbers(const struct sl_settings *s, struct sl_error *error)
{
	enum sl_status status = check_privacy(s, error);
	if (status != SL_OK)
		return status;
	if (s->period_us == INT64_MAX)
		return sl_fail(error, SL_OUT_OF_RANGE, "[run] period = never: must be between 0s and 900s");
	if (s->on_divergence == SL_DIVERGENCE_HALVE && strcmp(s->robust, "none") == 0)
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "[run] on_divergence = halve-gamma: both ends of an edge must use the same gamma, except with [algorithm] robust, which does not need that: use stop, and start again with a smaller gamma");
	if (s->eta_schedule == SL_ETA_FALLING && s->eta_end > s->eta)
		return sl_fail(
		    error, SL_OUT_OF_RANGE,
		    "[algorithm] eta_end = %g is above eta = %g: a falling step size cannot end above its start",
		    s->eta_end, s->eta);
	return SL_OK;
}

enum sl_status sl_settings_check(struct sl_settings *s, struct sl_error *error)
{
	enum sl_status status = check_pace(s, error);
	if (status == SL_OK)
		status = check_algorithm(s, error);
	if (status == SL_OK)
		status = sl_settings_resolve(s, error);
	return status == SL_OK ? check_numbers(s, error) : status;
}

enum sl_status sl_run_settings_check(struct sl_run_settings *s, struct sl_error *error)
{
	struct sl_host_settings *host = &s->host;
	for (char *c = host->operator_key; *c; c++) /* one spelling: keys are compared as text */
		*c = *c >= 'A' && *c <= 'F' ? (char)(*c + 'a' - 'A') : *c;
	enum sl_status status = check_pace(&s->method, error);
	if (status == SL_OK)
		status = check_algorithm(&s->method, error);
	if (status == SL_OK)
		status = sl_settings_resolve(&s->method, error);
	if (status == SL_OK)
		status = check_partition(host, error);
	if (status == SL_OK)
		status = check_classes(host, error);
	if (status == SL_OK)
		status = check_columns(host, error);
	if (status == SL_OK)
		status = check_numbers(&s->method, error);
	if (status == SL_OK && (!host->name[0] || strchr(host->name, '/')))
		return sl_fail(error, SL_MALFORMED, "[run] name = %s: must be a word without '/'",
		               host->name);
	return status;
}

size_t sl_run_settings_print(const struct sl_run_settings *settings, unsigned scopes, char *text, size_t size)
{
	size_t used = 0;
	for (const struct sl_settings_section *s = sl_settings_sections; s->name; s++) {
		if (s->host && !(scopes >> SL_SCOPE_HOST & 1))
			continue;
		used += (size_t)snprintf(used < size ? text + used : NULL, used < size ? size - used : 0,
		                         "%s[%s]\n", used ? "\n" : "", s->name);
		for (const struct sl_option *o = s->options; o->name; o++) {
			char value[SL_TEXT_MAX + 32];
			if (!(scopes >> o->scope & 1) || !sl_settings_reads(&settings->method, s->name, o))
				continue;
			sl_option_print(o, settings, value, sizeof value);
			used += (size_t)snprintf(used < size ? text + used : NULL,
			                         used < size ? size - used : 0, "%s = %s\n", o->name, value);
		}
	}
	return used;
}
