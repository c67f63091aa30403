/* data.c — --data and --test as settings of [data]. */
#include "daemon/cli/common/command_line.h"
#include "daemon/cli/init/init.h"

#include <string.h>
#include <unistd.h>

/* The value that --set gives a key of [data], the last one, or NULL. */
static const char *value_set(const struct sl_overrides *set, const char *key)
{
	const char *value = NULL;
	size_t n = strlen(key);
	for (size_t i = 0; i < set->count; i++)
		if (strncmp(set->item[i], key, n) == 0 && set->item[i][n] == '=')
			value = set->item[i] + n + 1;
	return value;
}

static enum sl_status conflict(const char *option, const char *text, const char *key, const char *value,
                               struct sl_error *error)
{
	return sl_fail(error, SL_MALFORMED, "%s %.100s and --set %s=%.100s cannot be used together", option,
	               text, key, value);
}

static const struct sl_data_format *find(const char *name, struct sl_error *error)
{
	const char *names[64];
	size_t count = 0;
	for (const struct sl_data_format *const *f = sl_data_formats; *f && count < 64; f++) {
		if (strcmp((*f)->name, name) == 0)
			return *f;
		names[count++] = (*f)->name;
	}
	sl_unknown("data format", name, names, count, error);
	return NULL;
}

/* Splits "ARGUMENTS:FILES" if the format has arguments: `files` moves past them, and *length is their length. A
 * path may contain a colon too: the whole is a path if only that file exists, or if its beginning cannot be an
 * argument. */
static enum sl_status part_arguments(const struct sl_data_format *format, const char **files, size_t *length,
                                     struct sl_error *error)
{
	_Alignas(8) unsigned char options[SL_DATA_OPTIONS_MAX];
	char arguments[SL_TEXT_MAX];
	const char *colon = strchr(*files, ':');
	*length = 0;
	if (!format->options || !colon || colon - *files >= SL_TEXT_MAX)
		return SL_OK;
	bool whole = access(*files, R_OK) == 0;
	snprintf(arguments, sizeof arguments, "%.*s", (int)(colon - *files), *files);
	SL_CHECK(format->options_size <= sizeof options);
	if (sl_spec_arguments(format->options, options, format->name, arguments, error) != SL_OK)
		return whole || strchr(arguments, '/') || strstr(arguments, "%d") ? SL_OK : error->status;
	if (whole && access(colon + 1, R_OK) != 0)
		return SL_OK;
	*length = strlen(arguments);
	*files = colon + 1;
	return SL_OK;
}

/* FORMAT:FILES, or FORMAT:ARGUMENTS:FILES. --set data.format may give the arguments instead. */
static enum sl_status add_files(struct sl_overrides *set, const struct sl_data_format *format,
                                const char *data, const char *files, struct sl_error *error)
{
	char same[SL_TEXT_MAX];
	size_t length;
	const char *given = value_set(set, "data.format"), *arguments = files;
	if (part_arguments(format, &files, &length, error) != SL_OK)
		return sl_wrap(error, "--data %.100s: neither a file nor valid arguments", data);
	if (!files[0])
		return sl_fail(
		    error, SL_MALFORMED,
		    "--data %s: must be auto, a generator such as synthetic, or FORMAT:FILES as in idx:IMAGES,LABELS or libsvm:FILE",
		    data);
	if (given) {
		sl_spec_name(given, same, sizeof same);
		if (length > 0 || strcmp(same, format->name) != 0)
			return conflict("--data", data, "data.format", given, error);
	} else if (sl_overrides_add(set, error, "data.format=%s%s%.*s", format->name, length ? ":" : "",
	                            (int)length, arguments) != SL_OK) {
		return error->status;
	}
	return sl_overrides_add(set, error, "data.train=%s", files);
}

static enum sl_status add_data(struct sl_overrides *set, const char *data, struct sl_error *error)
{
	char name[SL_TEXT_MAX];
	const char *format_set = value_set(set, "data.format"), *train_set = value_set(set, "data.train");
	bool automatic = strcmp(data, "auto") == 0;
	if (train_set)
		return conflict("--data", data, "data.train", train_set, error);
	if (automatic)
		return format_set ? conflict("--data", data, "data.format", format_set, error) : SL_OK;
	const char *files = sl_spec_name(data, name, sizeof name);
	const struct sl_data_format *format = find(name, error);
	if (!format)
		return sl_wrap(error, "--data %.100s", data);
	if (format->streams > 0)
		return add_files(set, format, data, files, error);
	if (format_set)
		return conflict("--data", data, "data.format", format_set, error);
	return sl_overrides_add(set, error, "data.format=%s", data);
}

enum sl_status sl_init_data(struct sl_overrides *set, const char *data, const char *test,
                            struct sl_error *error)
{
	const char *test_set = value_set(set, "data.test");
	if (test && test_set)
		return conflict("--test", test, "data.test", test_set, error);
	if (test && sl_overrides_add(set, error, "data.test=%s", test) != SL_OK)
		return error->status;
	return data ? add_data(set, data, error) : SL_OK;
}
