#include "base/option.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *field_of(const struct sl_option *o, void *record)
{
	return (char *)record + o->offset;
}

const struct sl_option *sl_option_find(const struct sl_option *table, const char *name)
{
	for (; table && table->name; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

void sl_options_standard(const struct sl_option *table, void *record)
{
	for (; table && table->name; table++) {
		struct sl_error error;
		if (table->standard && sl_option_set(table, record, table->standard, &error) != SL_OK)
			sl_panic(__FILE__, __LINE__, error.text);
	}
}

static enum sl_status out_of_range(const struct sl_option *o, const char *text, const char *unit,
                                   struct sl_error *error)
{
	return sl_fail(error, SL_OUT_OF_RANGE, "%s = %s: must be between %.15g%s and %.15g%s", o->name, text,
	               o->min, unit, o->max, unit);
}

static enum sl_status set_whole(const struct sl_option *o, void *record, const char *text,
                                struct sl_error *error)
{
	char *end = NULL;
	errno = 0;
	bool digit = text[0] >= '0' && text[0] <= '9'; /* strtoull would take a minus sign */
	uint64_t v = digit ? strtoull(text, &end, 10) : 0;
	if (!digit || *end)
		return sl_fail(error, SL_MALFORMED, "%s = %s: not a whole number (between %.15g and %.15g)",
		               o->name, text, o->min, o->max);
	bool small = o->type == SL_OPTION_U32;
	if (errno || (small && v > UINT32_MAX) || (double)v < o->min || (double)v > o->max)
		return out_of_range(o, text, "", error);
	if (small)
		*(uint32_t *)field_of(o, record) = (uint32_t)v;
	else
		*(uint64_t *)field_of(o, record) = v;
	return SL_OK;
}

static enum sl_status set_real(const struct sl_option *o, void *record, const char *text,
                               struct sl_error *error)
{
	char *end;
	double v = strtod(text, &end);
	if (o->zero && strcmp(text, o->zero) == 0) {
		*(double *)field_of(o, record) = 0;
		return SL_OK;
	}
	if (end == text || *end || !isfinite(v))
		return sl_fail(error, SL_MALFORMED, "%s = %s: not a number (between %.15g and %.15g)%s%s",
		               o->name, text, o->min, o->max, o->zero ? " or " : "", o->zero ? o->zero : "");
	if (o->zero && !(v > 0))
		return sl_fail(error, SL_OUT_OF_RANGE, "%s = %s: must be above 0 and at most %.15g, or %s",
		               o->name, text, o->max, o->zero);
	if (v < o->min || v > o->max)
		return out_of_range(o, text, "", error);
	*(double *)field_of(o, record) = v;
	return SL_OK;
}

static const struct {
	const char *name;
	int64_t us;
} duration_units[] = {
	{ "us", 1 },
	{ "ms", 1000 },
	{ "s", 1000000 },
	{ "min", 60000000 },
	{ "h", INT64_C(3600000000) },
	{ "d", INT64_C(86400000000) }, /* read only: texts that peers compare stay what they were */
};
enum { DURATION_UNITS = sizeof duration_units / sizeof *duration_units };

static enum sl_status set_duration(const struct sl_option *o, void *record, const char *text,
                                   struct sl_error *error)
{
	int64_t *field = field_of(o, record);
	if (strcmp(text, "never") == 0) {
		*field = INT64_MAX;
		return SL_OK;
	}
	char *end;
	double v = strtod(text, &end);
	while (*end == ' ')
		end++;
	for (unsigned i = 0; end != text && i < DURATION_UNITS; i++) {
		if (strcmp(end, duration_units[i].name) != 0)
			continue;
		double us = v * (double)duration_units[i].us;
		if (!isfinite(us) || us < o->min * 1e6 || us > o->max * 1e6)
			return out_of_range(o, text, "s", error);
		*field = (int64_t)llrint(us);
		return SL_OK;
	}
	return sl_fail(error, SL_MALFORMED,
	               "%s = %s: not a duration (such as 30s, 250ms, 5min, 2h, 30d, or never)", o->name,
	               text);
}

static enum sl_status set_text(const struct sl_option *o, void *record, const char *text,
                               struct sl_error *error)
{
	size_t n = strlen(text);
	if (n >= SL_TEXT_MAX)
		return sl_fail(error, SL_TOO_BIG, "%s: %zu bytes, at most %d fit", o->name, n,
		               SL_TEXT_MAX - 1);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 127)
			return sl_fail(error, SL_MALFORMED, "%s: holds a control character", o->name);
	memcpy(field_of(o, record), text, n + 1);
	return SL_OK;
}

static enum sl_status set_choice(const struct sl_option *o, void *record, const char *text,
                                 struct sl_error *error)
{
	uint32_t index = 0;
	size_t n = strlen(text);
	for (const char *word = o->choices;; index++) {
		size_t length = strcspn(word, "|");
		if (length == n && strncmp(word, text, n) == 0) {
			*(uint32_t *)field_of(o, record) = index;
			return SL_OK;
		}
		if (!word[length])
			return sl_fail(error, SL_MALFORMED, "%s = %s: must be one of %s", o->name, text,
			               o->choices);
		word += length + 1;
	}
}

static enum sl_status set_switch(const struct sl_option *o, void *record, const char *text,
                                 struct sl_error *error)
{
	bool yes = strcmp(text, "yes") == 0;
	if (!yes && strcmp(text, "no") != 0)
		return sl_fail(error, SL_MALFORMED, "%s = %s: must be yes or no", o->name, text);
	*(bool *)field_of(o, record) = yes;
	return SL_OK;
}

static enum sl_status set_rate(const struct sl_option *o, void *record, const char *text,
                               struct sl_error *error)
{
	uint64_t bits = 0;
	if (strcmp(text, "none") != 0 && !sl_rate_parse(text, &bits))
		return sl_fail(error, SL_MALFORMED,
		               "%s = %s: not a rate (a number and bit, kbit, Mbit, Gbit, B, kB, MB or GB, "
		               "such as 64kbit or 8kB; or none)",
		               o->name, text);
	*(uint64_t *)field_of(o, record) = bits;
	return SL_OK;
}

static enum sl_status set_volume(const struct sl_option *o, void *record, const char *text,
                                 struct sl_error *error)
{
	struct sl_volume volume = { 0, 0 };
	if (strcmp(text, "none") != 0 && !sl_volume_parse(text, &volume))
		return sl_fail(error, SL_MALFORMED,
		               "%s = %s: not a volume (a number and B, kB, MB, GB or TB, then /hour, /day or "
		               "/month, such as 200MB/month, at least 1 bit per second; or none)",
		               o->name, text);
	memcpy(field_of(o, record), &volume, sizeof volume);
	return SL_OK;
}

static enum sl_status set_size(const struct sl_option *o, void *record, const char *text,
                               struct sl_error *error)
{
	uint64_t size = strcmp(text, "auto") == 0 ? UINT64_MAX : 0;
	bool word = size > 0 || strcmp(text, "none") == 0;
	if (!word && !sl_size_parse(text, &size))
		return sl_fail(
		    error, SL_MALFORMED,
		    "%s = %s: not a size (a number and B, kB, MB or GB, such as 1400B; or auto, or none)",
		    o->name, text);
	if (!word && ((double)size < o->min || (double)size > o->max))
		return out_of_range(o, text, "B", error);
	*(uint64_t *)field_of(o, record) = size;
	return SL_OK;
}

enum sl_status sl_option_set(const struct sl_option *option, void *record, const char *text,
                             struct sl_error *error)
{
	switch (option->type) {
	case SL_OPTION_U32:
	case SL_OPTION_U64:
		return set_whole(option, record, text, error);
	case SL_OPTION_REAL:
		return set_real(option, record, text, error);
	case SL_OPTION_TEXT:
		return set_text(option, record, text, error);
	case SL_OPTION_CHOICE:
		return set_choice(option, record, text, error);
	case SL_OPTION_DURATION:
		return set_duration(option, record, text, error);
	case SL_OPTION_SWITCH:
		return set_switch(option, record, text, error);
	case SL_OPTION_RATE:
		return set_rate(option, record, text, error);
	case SL_OPTION_VOLUME:
		return set_volume(option, record, text, error);
	case SL_OPTION_SIZE:
		return set_size(option, record, text, error);
	case SL_OPTION_BORROWED:
		*(const char **)field_of(option, record) = text;
		return SL_OK;
	}
	sl_panic(__FILE__, __LINE__, "unknown option type");
}

static void print_real(double v, char *text, size_t size)
{
	if (v == floor(v) && fabs(v) < 1e6) { /* 100, not 1e+02 */
		snprintf(text, size, "%.0f", v);
		return;
	}
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(text, size, "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			return;
	}
}

static void print_duration(int64_t us, char *text, size_t size)
{
	if (us == INT64_MAX) {
		snprintf(text, size, "never");
		return;
	}
	unsigned i = DURATION_UNITS - 2;
	while (i > 0 && us % duration_units[i].us != 0)
		i--;
	if (us == 0)
		i = 2;
	snprintf(text, size, "%" PRId64 "%s", us / duration_units[i].us, duration_units[i].name);
}

static void print_quantity(const struct sl_option *o, const void *field, char *text, size_t size)
{
	struct sl_volume volume = { 0, 0 };
	uint64_t value;
	if (o->type == SL_OPTION_VOLUME)
		memcpy(&volume, field, sizeof volume);
	memcpy(&value, o->type == SL_OPTION_VOLUME ? &volume.bytes : field, sizeof value);
	if (value == 0)
		snprintf(text, size, "none");
	else if (o->type == SL_OPTION_VOLUME)
		sl_volume_print(volume, text, size);
	else if (o->type == SL_OPTION_RATE)
		sl_rate_print(value, text, size);
	else if (value == UINT64_MAX)
		snprintf(text, size, "auto");
	else
		sl_size_print(value, text, size);
}

static void print_choice(const char *choices, uint32_t index, char *text, size_t size)
{
	for (; index > 0; index--)
		choices += strcspn(choices, "|") + 1;
	snprintf(text, size, "%.*s", (int)strcspn(choices, "|"), choices);
}

void sl_option_print(const struct sl_option *option, const void *record, char *text, size_t size)
{
	const void *field = (const char *)record + option->offset;
	switch (option->type) {
	case SL_OPTION_U32:
		snprintf(text, size, "%" PRIu32, *(const uint32_t *)field);
		break;
	case SL_OPTION_U64:
		snprintf(text, size, "%" PRIu64, *(const uint64_t *)field);
		break;
	case SL_OPTION_REAL:
		if (option->zero && !(*(const double *)field > 0))
			snprintf(text, size, "%s", option->zero);
		else
			print_real(*(const double *)field, text, size);
		break;
	case SL_OPTION_TEXT:
		snprintf(text, size, "%s", (const char *)field);
		break;
	case SL_OPTION_CHOICE:
		print_choice(option->choices, *(const uint32_t *)field, text, size);
		break;
	case SL_OPTION_DURATION:
		print_duration(*(const int64_t *)field, text, size);
		break;
	case SL_OPTION_SWITCH:
		snprintf(text, size, "%s", *(const bool *)field ? "yes" : "no");
		break;
	case SL_OPTION_RATE:
	case SL_OPTION_VOLUME:
	case SL_OPTION_SIZE:
		print_quantity(option, field, text, size);
		break;
	case SL_OPTION_BORROWED:
		snprintf(text, size, "%s", *(const char *const *)field ? *(const char *const *)field : "");
		break;
	}
}

const char *sl_spec_name(const char *spec, char *name, size_t size)
{
	size_t n = strcspn(spec, ":");
	snprintf(name, size, "%.*s", (int)n, spec);
	return spec[n] ? spec + n + 1 : "";
}

static enum sl_status take_argument(const struct sl_option *table, void *record, const char *what,
                                    char *argument, unsigned position, uint64_t *given,
                                    struct sl_error *error)
{
	const struct sl_option *o = table;
	char *equals = strchr(argument, '=');
	if (equals) {
		*equals = '\0';
		o = sl_option_find(table, argument);
		if (!o)
			return sl_fail(error, SL_MALFORMED, "%s: no option '%s'", what, argument);
		argument = equals + 1;
	} else {
		for (unsigned i = 0; i < position && o && o->name; i++)
			o++;
		if (!o || !o->name)
			return sl_fail(error, SL_MALFORMED, "%s: unexpected argument '%s'", what, argument);
	}
	*given |= UINT64_C(1) << (o - table);
	if (sl_option_set(o, record, argument, error) != SL_OK)
		return sl_wrap(error, "%s", what);
	return SL_OK;
}

enum sl_status sl_spec_arguments(const struct sl_option *table, void *record, const char *what,
                                 const char *arguments, struct sl_error *error)
{
	char text[SL_TEXT_MAX];
	if (strlen(arguments) >= sizeof text)
		return sl_fail(error, SL_TOO_BIG, "%s: its arguments are over %d bytes", what,
		               SL_TEXT_MAX - 1);
	snprintf(text, sizeof text, "%s", arguments);
	sl_options_standard(table, record);
	uint64_t given = 0;
	unsigned position = 0;
	char *save = NULL;
	for (char *a = strtok_r(text, ",", &save); a; a = strtok_r(NULL, ",", &save)) {
		enum sl_status status = take_argument(table, record, what, a, position++, &given, error);
		if (status != SL_OK)
			return status;
	}
	for (const struct sl_option *o = table; o && o->name; o++)
		if (!o->standard && !(given >> (o - table) & 1))
			return sl_fail(error, SL_MALFORMED, "%s: needs %s (%s), as in %s:%g", what, o->name,
			               o->doc, what, o->min);
	return SL_OK;
}

void sl_spec_print(const char *name, const struct sl_option *table, const void *record, char *text,
                   size_t size)
{
	size_t used = (size_t)snprintf(text, size, "%s", name), said = used;
	char separator = ':';
	for (; table && table->name && used < size; table++, separator = ',') {
		char value[SL_TEXT_MAX];
		sl_option_print(table, record, value, sizeof value);
		used += (size_t)snprintf(text + used, size - used, "%c%s", separator, value);
		if (!table->standard || strcmp(value, table->standard) != 0)
			said = used;
	}
	if (said < size)
		text[said] = '\0';
}

static size_t edit_distance(const char *a, const char *b)
{
	size_t n = strlen(b), row[SL_TEXT_MAX];
	if (n + 1 > SL_TEXT_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		size_t diagonal = row[0];
		row[0] = i + 1;
		for (size_t j = 0; j < n; j++) {
			size_t change = diagonal + (a[i] != b[j]);
			diagonal = row[j + 1];
			size_t gap = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;
			row[j + 1] = change < gap ? change : gap;
		}
	}
	return row[n];
}

const char *sl_nearest(const char *word, const char *const *names, size_t count)
{
	const char *best = NULL;
	size_t least = 3;
	for (size_t i = 0; i < count; i++) {
		size_t distance = edit_distance(word, names[i]);
		if (distance < least) {
			least = distance;
			best = names[i];
		}
	}
	return best;
}

enum sl_status sl_unknown(const char *what, const char *word, const char *const *names, size_t count,
                          struct sl_error *error)
{
	char all[200] = "";
	size_t used = 0;
	const char *near = sl_nearest(word, names, count);
	if (near)
		return sl_fail(error, SL_NOT_FOUND, "unknown %s '%s'; did you mean %s?", what, word, near);
	for (size_t i = 0; i < count; i++) {
		SL_CHECK(names[i]);
		if (used + strlen(names[i]) + 8 > sizeof all) {
			snprintf(all + used, sizeof all - used, ", …");
			break;
		}
		used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", names[i]);
	}
	return sl_fail(error, SL_NOT_FOUND, "unknown %s '%s'; there are %s", what, word, all);
}
