#include "daemon/run/classes.h"

#include "daemon/run/files.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The longest list that run.conf itself contains. It has to fit SL_TEXT_MAX. */
enum { LINE_ROOM = 160 };

void sl_class_list_free(struct sl_class_list *list)
{
	free(list->text);
	free(list->item);
	*list = (struct sl_class_list){ 0 };
}

/* Takes ownership of `text`. */
static enum sl_status parse_own(struct sl_class_list *out, char *text, struct sl_error *error)
{
	size_t length = strlen(text);
	*out = (struct sl_class_list){ .text = text };
	out->item = calloc(sl_classes_items(text, length), sizeof *out->item);
	enum sl_status status = out->item ? sl_classes_parse(&out->classes, text, length, out->item, error)
	                                  : sl_fail(error, SL_NO_MEMORY, "no memory for the list of classes");
	if (status != SL_OK)
		sl_class_list_free(out);
	return status;
}

enum sl_status sl_class_list_make(struct sl_class_list *out, const char *text, size_t length,
                                  struct sl_error *error)
{
	uint32_t count;
	*out = (struct sl_class_list){ 0 };
	enum sl_status status = sl_classes_count(text, length, &count, error);
	if (status != SL_OK)
		return status;
	char *own = malloc(length + 1);
	if (!own)
		return sl_fail(error, SL_NO_MEMORY, "no memory for the list of classes");
	sl_classes_canonical(text, length, own);
	return parse_own(out, own, error);
}

static enum sl_status read_list(struct sl_class_list *out, const char *path, struct sl_error *error)
{
	uint8_t *text;
	size_t length;
	enum sl_status status = sl_file_read(path, SL_CLASSES_TEXT_MAX, &text, &length, error);
	if (status != SL_OK)
		return sl_wrap(error, "[data] classes");
	status = sl_class_list_make(out, (const char *)text, length, error);
	free(text);
	if (status == SL_OK && out->classes.count < 2)
		status = sl_fail(error, SL_OUT_OF_RANGE, "a run has at least two classes");
	return status == SL_OK ? SL_OK : sl_wrap(error, "[data] classes: %s", path);
}

enum sl_status sl_class_list_declared(struct sl_class_list *out, const char *setting, struct sl_error *error)
{
	*out = (struct sl_class_list){ 0 };
	if (strcmp(setting, "auto") == 0 || strcmp(setting, "none") == 0)
		return SL_OK;
	if (strncmp(setting, "file:", 5) == 0)
		return read_list(out, setting + 5, error);
	if (strncmp(setting, "list:", 5) == 0)
		return sl_fail(
		    error, SL_MALFORMED,
		    "[data] classes = %s: this is a digest; to prepare data, give the list itself, such as classes = file:PATH",
		    setting);
	return sl_class_list_make(out, setting, strlen(setting), error);
}

enum sl_status sl_class_list_add(struct sl_class_list *list, const char *names, size_t length,
                                 struct sl_error *error)
{
	struct sl_class_list other, both;
	if (list->classes.count == 0)
		return sl_class_list_make(list, names, length, error);
	enum sl_status status = sl_class_list_make(&other, names, length, error);
	if (status != SL_OK)
		return status;
	char *text = malloc(list->classes.length + other.classes.length + 2);
	if (text) {
		sl_classes_union(&list->classes, &other.classes, text);
		status = parse_own(&both, text, error);
	} else {
		status = sl_fail(error, SL_NO_MEMORY, "no memory for the list of classes");
	}
	sl_class_list_free(&other);
	if (status != SL_OK)
		return status;
	sl_class_list_free(list);
	*list = both;
	return SL_OK;
}

void sl_classes_setting(const char *text, size_t length, uint32_t count, char out[static SL_TEXT_MAX])
{
	uint8_t digest[16];
	char hex[33];
	if (count == 0) {
		snprintf(out, SL_TEXT_MAX, "none");
		return;
	}
	if (length <= LINE_ROOM) {
		snprintf(out, SL_TEXT_MAX, "%.*s", (int)length, text);
		return;
	}
	crypto_generichash(digest, sizeof digest, (const uint8_t *)text, length, NULL, 0);
	sodium_bin2hex(hex, sizeof hex, digest, sizeof digest);
	snprintf(out, SL_TEXT_MAX, "list:%u:%s", count, hex);
}

/* Names of the classes of a data set without names. */
static void name_by_number(uint32_t count, char out[static SL_TEXT_MAX])
{
	struct sl_classes_writer w = sl_classes_begin(out);
	if (count > 0)
		sl_classes_add_numbers(&w, 0, (int64_t)count - 1);
	sl_classes_end(&w);
	if (count == 0)
		snprintf(out, SL_TEXT_MAX, "none");
}

static bool declares(const char *setting)
{
	return strcmp(setting, "auto") != 0 && strcmp(setting, "none") != 0;
}

/* Names for data of version 1. */
static enum sl_status check_unnamed(char *setting, const char *format, const struct sl_dataset *data,
                                    const char *path, struct sl_error *error)
{
	struct sl_class_item room[SL_TEXT_MAX];
	struct sl_classes list = { 0 };
	bool automatic = strcmp(setting, "auto") == 0;
	if (declares(setting) && sl_classes_parse(&list, setting, strlen(setting), room, error) == SL_OK &&
	    list.count == data->classes)
		return SL_OK;
	if (automatic && strncmp(format, "libsvm", strlen("libsvm")) == 0)
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "[data] classes = auto: %s has format version 1, which contains no class names, and libsvm files may contain any class: list its %u classes in order, such as classes = -1,1, or prepare the data again",
		    path, data->classes);
	if (!automatic)
		return sl_fail(error, SL_MALFORMED, "[data] classes = %.80s: %s has %u classes without names",
		               setting, path, data->classes);
	name_by_number(data->classes, setting);
	return SL_OK;
}

enum sl_status sl_classes_check(char setting[static SL_TEXT_MAX], const char *format,
                                const struct sl_dataset *data, const char *path, struct sl_error *error)
{
	char found[SL_TEXT_MAX];
	if (strncmp(setting, "file:", 5) == 0)
		return sl_fail(
		    error, SL_MALFORMED,
		    "[data] classes = %s: only `starling init` reads the file; peers need the value that it wrote to run.conf",
		    setting);
	if (data->classes > 0 && !data->names)
		return check_unnamed(setting, format, data, path, error);
	sl_classes_setting(data->names, data->names_length, data->classes, found);
	if (strcmp(setting, "auto") == 0)
		memcpy(setting, found, sizeof found);
	if (strcmp(setting, found) == 0)
		return SL_OK;
	return sl_fail(error, SL_MALFORMED, "[data] classes = %.80s: %s was prepared with the classes %.80s",
	               setting, path, found);
}
