/* class_list.h — the classes of a run by name, in the order of their numbers: one list for all peers.
 *
 * As text: names with commas (or newlines) between them, "-1,1" or "setosa,versicolor,virginica"; "0..9" is
 * ten whole numbers. A name has 1 to 63 bytes of UTF-8, without control characters, commas or semicolons, and
 * without blanks at its ends. Whole numbers are compared as numbers: "+1" is "1". Every list has one
 * canonical text, so two lists are equal when these are. Losses with two signs (logistic) take the first of
 * two classes as −1 and the second as +1. */
#ifndef SL_LEARN_CLASS_LIST_H
#define SL_LEARN_CLASS_LIST_H

#include "base/error.h"
#include "base/limits.h"

enum {
	SL_CLASSES_MAX = 65536,        /* labels are uint16_t */
	SL_CLASS_NAME_MAX = 63,        /* bytes */
	SL_CLASSES_TEXT_MAX = 1 << 20, /* bytes of a list */
	SL_CLASSES_BRIEF = 72,         /* see sl_classes_brief */
	SL_CLASS_ABSENT = UINT32_MAX
};

/* One name, or the whole numbers first … last, which have the classes `class` … class + last − first. */
struct sl_class_item {
	const char *name; /* borrowed from the text; not NUL-terminated */
	uint32_t length, class;
	bool number;
	int32_t first, last;
};

/* A parsed list; `text` and `item` are borrowed. Items are sorted: numbers, then names. */
struct sl_classes {
	const char *text;
	size_t length;
	const struct sl_class_item *item;
	uint32_t items, count;
};

/* How many items a text can have at most: the room that sl_classes_parse needs. */
size_t sl_classes_items(const char *text, size_t length);

/* Parses a list of at least one class, and refuses duplicates. */
enum sl_status sl_classes_parse(struct sl_classes *out, const char *text, size_t length,
                                struct sl_class_item *room, struct sl_error *error);

/* Checks the form alone (not for duplicates) and counts, without memory. */
enum sl_status sl_classes_count(const char *text, size_t length, uint32_t *count, struct sl_error *error);

/* The class of a name, or of a whole number; SL_CLASS_ABSENT: it is not in the list. */
uint32_t sl_classes_find(const struct sl_classes *, const char *name, size_t length);
uint32_t sl_classes_number(const struct sl_classes *, int64_t label);

/* Whether any name is a whole number. Files that hold numbers are matched with them; in a list without, the
 * numbers of a file count the classes. */
bool sl_classes_numbered(const struct sl_classes *);

/* The name of a class below the list's count, NUL-terminated. */
void sl_classes_name(const char *text, size_t length, uint32_t class, char out[static SL_CLASS_NAME_MAX + 1]);

/* Writes a list in its canonical form: items in the order of their classes, from sl_classes_begin to
 * sl_classes_end, which returns the length of the NUL-terminated text. `out` has room for what the items take
 * as they are (12 bytes for a number, 24 for a range) and a comma each, and the NUL. */
struct sl_classes_writer {
	char *out;
	size_t used;
	bool pending;
	int64_t first, last;
};
struct sl_classes_writer sl_classes_begin(char *out);
void sl_classes_add_numbers(struct sl_classes_writer *, int64_t first, int64_t last);
void sl_classes_add_name(struct sl_classes_writer *, const char *name, size_t length);
size_t sl_classes_end(struct sl_classes_writer *);

/* The canonical text of a well-formed list, NUL-terminated: never longer than `length`, for which, and a NUL,
 * `out` has room. Returns its length. */
size_t sl_classes_canonical(const char *text, size_t length, char *out);

/* The union of two lists, numbers ascending, then names ascending by their bytes: canonical, into room for
 * both texts, a comma and a NUL. Returns its length. */
size_t sl_classes_union(const struct sl_classes *a, const struct sl_classes *b, char *out);

/* A list for an error text: as it is, or its beginning and an ellipsis. */
void sl_classes_brief(const char *text, size_t length, char out[static SL_CLASSES_BRIEF]);

#endif
