#include "learn/reader.h"

#include <stdio.h>

enum sl_status sl_reader_prepare(const struct sl_dataset *data, uint8_t **block, size_t *length,
                                 struct sl_error *error)
{
	size_t size = sl_dataset_prepared_size(data, NULL, 0);
	uint8_t *bytes = malloc(size);
	if (!bytes)
		return sl_fail(error, SL_NO_MEMORY, "no memory for %zu bytes of prepared data", size);
	sl_dataset_prepare(data, NULL, 0, bytes);
	*block = bytes;
	*length = size;
	return SL_OK;
}

void sl_reader_name(char name[SL_TEXT_MAX], const char *what)
{
	snprintf(name, SL_TEXT_MAX, "%s", what);
}

enum sl_status sl_reader_classes(struct sl_reader_classes *out, const struct sl_survey *found,
                                 const struct sl_classes **classes, struct sl_error *error)
{
	*classes = NULL;
	out->item = NULL;
	if (found->classes == 0)
		return SL_OK;
	out->item = calloc(sl_classes_items(found->names, found->names_length), sizeof *out->item);
	if (!out->item)
		return sl_fail(error, SL_NO_MEMORY, "no memory for %u classes", found->classes);
	*classes = &out->list;
	return sl_classes_parse(&out->list, found->names, found->names_length, out->item, error);
}
