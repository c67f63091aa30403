/* source.c — which data a run is made from: `auto`, formats, and files that exist. */
#include "daemon/cli/init/init.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Debian's dataset-fashion-mnist. */
#define PACKAGED "/usr/share/datasets/fashion-mnist/"

static const struct {
	const char *train, *test;
} packaged = {
	PACKAGED "train-images-idx3-ubyte.gz," PACKAGED "train-labels-idx1-ubyte.gz",
	PACKAGED "t10k-images-idx3-ubyte.gz," PACKAGED "t10k-labels-idx1-ubyte.gz",
};

static enum sl_status find_format(struct sl_source *out, const char *spec, struct sl_error *error)
{
	char name[SL_TEXT_MAX];
	const char *arguments = sl_spec_name(spec, name, sizeof name);
	const char *names[64];
	size_t count = 0;
	for (const struct sl_data_format *const *f = sl_data_formats; *f && count < 64; f++) {
		names[count++] = (*f)->name;
		if (strcmp((*f)->name, name) != 0)
			continue;
		out->format = *f;
		SL_CHECK((*f)->options_size <= sizeof out->options);
		if (sl_spec_arguments((*f)->options, out->options, name, arguments, error) != SL_OK)
			return sl_wrap(error, "[data] format");
		return SL_OK;
	}
	sl_unknown("data format", name, names, count, error);
	return sl_wrap(error, "[data] format");
}

/* Copies a file's path and makes it absolute: run.conf is in another folder than the current one. */
static enum sl_status absolute(const char *path, size_t length, char *out, size_t size,
                               struct sl_error *error)
{
	char here[4096] = "";
	if (path[0] != '/' && !getcwd(here, sizeof here))
		return sl_fail(error, SL_IO, "working directory: %s", strerror(errno));
	int n = snprintf(out, size, "%s%s%.*s", here, here[0] ? "/" : "", (int)length, path);
	return n >= 0 && (size_t)n < size
	           ? SL_OK
	           : sl_fail(error, SL_TOO_BIG, "[data]: the path '%.60s…' is too long", path);
}

/* "a,b" or "a" into absolute paths, after counting them. */
static enum sl_status absolute_list(const struct sl_source *source, const char *key, const char *text,
                                    char *out, size_t size, struct sl_error *error)
{
	const char *comma = strchr(text, ',');
	bool two = source->format->streams == 2;
	if (two && (!comma || strchr(comma + 1, ',')))
		return sl_fail(
		    error, SL_MALFORMED,
		    "[data] %s = %s: format %s needs two files separated by one comma, IMAGES,LABELS", key,
		    text, source->format->name);
	size_t first = two ? (size_t)(comma - text) : strlen(text);
	enum sl_status status = absolute(text, first, out, size, error);
	if (status != SL_OK || !two)
		return status;
	size_t used = strlen(out);
	out[used++] = ',';
	return absolute(comma + 1, strlen(comma + 1), out + used, size - used, error);
}

/* Exactly one %d, and no other %. */
static bool is_pattern(const char *text)
{
	const char *percent = strchr(text, '%');
	return percent && percent[1] == 'd' && !strchr(percent + 1, '%');
}

static enum sl_status check_pattern(const struct sl_source *source, const char *text, struct sl_error *error)
{
	bool good = source->format->streams == 2 ? true : is_pattern(text);
	if (source->format->streams == 2) {
		char part[4096];
		const char *comma = strchr(text, ',');
		snprintf(part, sizeof part, "%.*s", (int)(comma - text), text);
		good = is_pattern(part) && is_pattern(comma + 1);
	}
	return good
	           ? SL_OK
	           : sl_fail(
	                 error, SL_MALFORMED,
	                 "[data] train = %s: partition own needs one file per peer, with one %%d for the number of the peer in every path",
	                 text);
}

/* Checks early that the files can be read; of one file per peer, that of peer 0. */
static enum sl_status check_readable(const struct sl_source *source, bool train, struct sl_error *error)
{
	char path[4096];
	for (unsigned i = 0; i < source->format->streams; i++) {
		sl_source_file(source, train, i, 0, path);
		if (access(path, R_OK) != 0)
			return sl_fail(error, SL_NOT_FOUND, "[data] %s: cannot read %s: %s",
			               train ? "train" : "test", path, strerror(errno));
	}
	return SL_OK;
}

/* Refuses a pattern: there is one test set for all peers. */
static enum sl_status check_test_pattern(const struct sl_source *source, const char *text,
                                         struct sl_error *error)
{
	return strstr(text, "%d") && source->own && check_readable(source, false, error) != SL_OK
	           ? sl_fail(
	                 error, SL_MALFORMED,
	                 "[data] test = %s: must be a path without %%d, because all peers have the same test data",
	                 text)
	           : SL_OK;
}

static bool have_packaged(void)
{
	const char *lists[] = { packaged.train, packaged.test };
	for (unsigned i = 0; i < 2; i++) {
		char path[4096];
		size_t n = strcspn(lists[i], ",");
		snprintf(path, sizeof path, "%.*s", (int)n, lists[i]);
		if (access(path, R_OK) != 0 || access(lists[i] + n + 1, R_OK) != 0)
			return false;
	}
	return true;
}

static enum sl_status resolve_auto(struct sl_source *out, struct sl_host_settings *s, bool test_auto,
                                   char *note, struct sl_error *error)
{
	if (have_packaged()) {
		snprintf(s->format, sizeof s->format, "%s", "idx");
		snprintf(s->train, sizeof s->train, "%s", packaged.train);
		if (test_auto)
			snprintf(s->test, sizeof s->test, "%s", packaged.test);
		snprintf(out->name, sizeof out->name, "Fashion-MNIST");
	} else {
		snprintf(s->format, sizeof s->format, "synthetic");
		s->train[0] = '\0';
		if (test_auto)
			s->test[0] = '\0';
		snprintf(note, SL_TEXT_MAX,
		         "Fashion-MNIST is not in %s (package dataset-fashion-mnist): using synthetic data",
		         PACKAGED);
	}
	return find_format(out, s->format, error);
}

/* The settings keep what was found, for people; a path that does not fit stays as it was typed. */
static void keep_absolute(char *setting, const char *path)
{
	if (strlen(path) < SL_TEXT_MAX - 16)
		snprintf(setting, SL_TEXT_MAX, "%s", path);
}

static enum sl_status resolve_files(struct sl_source *out, struct sl_host_settings *s, bool test_auto,
                                    struct sl_error *error)
{
	enum sl_status status;
	if (!s->train[0] || strcmp(s->train, "auto") == 0)
		return sl_fail(error, SL_MALFORMED, "[data] train: format %s needs a path%s",
		               out->format->name,
		               out->format->streams == 2 ? " of two files, IMAGES,LABELS" : "");
	if ((status = absolute_list(out, "train", s->train, out->train, sizeof out->train, error)) != SL_OK)
		return status;
	if (out->own && (status = check_pattern(out, s->train, error)) != SL_OK)
		return status;
	if (!out->own && strchr(s->train, '%') && is_pattern(s->train))
		return sl_fail(error, SL_MALFORMED,
		               "[data] train = %s: a pattern with %%d needs partition = own", s->train);
	if ((status = check_readable(out, true, error)) != SL_OK)
		return status;
	keep_absolute(s->train, out->train);
	if (test_auto) {
		out->hold_out = !out->own;
		s->test[0] = '\0';
	} else if (s->test[0]) {
		status = absolute_list(out, "test", s->test, out->test, sizeof out->test, error);
		if (status == SL_OK)
			status = check_test_pattern(out, s->test, error);
		if (status == SL_OK)
			status = check_readable(out, false, error);
		if (status == SL_OK)
			keep_absolute(s->test, out->test);
	}
	return status;
}

/* A generator reads no files: a given path is an error. Its own name is not a path. */
static enum sl_status resolve_generated(struct sl_source *out, struct sl_host_settings *s,
                                        struct sl_error *error)
{
	const char *paths[][2] = { { "train", s->train }, { "test", s->test } };
	char name[SL_TEXT_MAX];
	sl_spec_name(s->format, name, sizeof name);
	for (unsigned i = 0; i < 2; i++)
		if (paths[i][1][0] && strcmp(paths[i][1], "auto") != 0 && strcmp(paths[i][1], name) != 0)
			return sl_fail(error, SL_UNSUPPORTED,
			               "[data] %s = %s: format %s generates its own samples", paths[i][0],
			               paths[i][1], out->format->name);
	s->train[0] = s->test[0] = '\0';
	snprintf(out->name, sizeof out->name, "%s", s->format);
	return SL_OK;
}

/* The declared list. A file:PATH is read now and is not kept in run.conf. */
static enum sl_status resolve_classes(struct sl_source *out, const struct sl_host_settings *s,
                                      struct sl_error *error)
{
	out->real = strcmp(s->classes, "none") == 0;
	return sl_class_list_declared(&out->classes, s->classes, error);
}

void sl_source_free(struct sl_source *source)
{
	sl_columns_free(&source->columns);
	sl_class_list_free(&source->classes);
}

enum sl_status sl_source_resolve(struct sl_source *out, struct sl_run_settings *settings, char *note,
                                 struct sl_error *error)
{
	char format[SL_TEXT_MAX];
	struct sl_host_settings *s = &settings->host;
	bool test_auto = strcmp(s->test, "auto") == 0;
	memset(out, 0, sizeof *out);
	note[0] = '\0';
	out->seed = settings->method.seed;
	out->own = strcmp(s->partition, "own") == 0;
	sl_spec_name(s->format, format, sizeof format);
	bool any = strcmp(s->train, "auto") == 0 && strcmp(format, "idx") == 0;
	enum sl_status status =
	    any ? resolve_auto(out, s, test_auto, note, error) : find_format(out, s->format, error);
	if (status != SL_OK)
		return status;
	if (out->own && out->format->streams == 0)
		return sl_fail(error, SL_UNSUPPORTED, "[data] partition = own: format %s has no files",
		               out->format->name);
	if (out->own && any)
		return sl_fail(error, SL_MALFORMED,
		               "[data] train = auto: partition own needs a path with %%d");
	if ((status = resolve_classes(out, s, error)) != SL_OK ||
	    (status = sl_columns_declared(&out->columns, s->columns, error)) != SL_OK)
		return status;
	if (out->format->streams == 0) /* it generates both parts */
		return resolve_generated(out, s, error);
	bool named = out->name[0] != '\0';
	if ((status = resolve_files(out, s, test_auto && !named, error)) != SL_OK)
		return status;
	if (!named)
		snprintf(out->name, sizeof out->name, "%s", s->train);
	if (out->own && !out->test[0])
		snprintf(note, SL_TEXT_MAX, "no test data ([data] test): accuracy is not measured");
	return SL_OK;
}
