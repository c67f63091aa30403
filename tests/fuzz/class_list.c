/* A list of classes: what is taken has a canonical text, which is taken again, means the same, and stays
 * itself; every name is found where it stands. */
#include "learn/class_list.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void check_names(const struct sl_classes *a, const struct sl_classes *b)
{
	SL_CHECK(a->count == b->count);
	for (uint32_t c = 0; c < a->count; c += 1 + a->count / 64) {
		char name[SL_CLASS_NAME_MAX + 1], other[SL_CLASS_NAME_MAX + 1];
		sl_classes_name(a->text, a->length, c, name);
		sl_classes_name(b->text, b->length, c, other);
		SL_CHECK(sl_classes_find(b, name, strlen(name)) == c);
		SL_CHECK(sl_classes_find(a, other, strlen(other)) == c);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	char *text = malloc(length + 1), *canonical = malloc(length + 1), *again = malloc(length + 1);
	memcpy(text, bytes, length);
	struct sl_class_item *room =
	    calloc(3 * sl_classes_items(text, length), sizeof *room); /* "1..2" is "1,2" */
	struct sl_class_item *more = room + sl_classes_items(text, length);
	struct sl_classes list, same;
	struct sl_error error = { 0 };
	uint32_t count = 0;
	bool counted = sl_classes_count(text, length, &count, &error) == SL_OK;
	if (sl_classes_parse(&list, text, length, room, &error) == SL_OK) {
		SL_CHECK(counted && list.count == count && count >= 1 && count <= SL_CLASSES_MAX);
		size_t n = sl_classes_canonical(text, length, canonical);
		SL_CHECK(n <= length && sl_classes_parse(&same, canonical, n, more, &error) == SL_OK);
		SL_CHECK(sl_classes_canonical(canonical, n, again) == n && memcmp(canonical, again, n) == 0);
		check_names(&list, &same);
		char *both = malloc(2 * length + 2);
		SL_CHECK(sl_classes_union(&list, &same, both) <= 2 * length + 1);
		uint32_t in_both = 0;
		SL_CHECK(sl_classes_count(both, strlen(both), &in_both, &error) == SL_OK && in_both == count);
		free(both);
	} else {
		SL_CHECK(error.text[0] && !memchr(error.text, '\n', strlen(error.text)));
	}
	free(text);
	free(canonical);
	free(again);
	free(room);
	return 0;
}
