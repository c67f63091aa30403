#include "learn/class_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A position in a text. */
struct cursor {
	const char *at, *end;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool is_separator(char c)
{
	return c == ',' || c == '\n';
}

/* A whole number as it is usually written ("7", "-3", "+1"; not "007" or "-0"); moves the cursor behind it.
 */
static bool take_whole(struct cursor *c, int32_t *out)
{
	const char *p = c->at;
	bool negative = p < c->end && *p == '-';
	int64_t v = 0;
	if (p < c->end && (*p == '-' || *p == '+'))
		p++;
	const char *digits = p;
	for (; p < c->end && *p >= '0' && *p <= '9' && v <= INT32_MAX; p++)
		v = v * 10 + (*p - '0');
	if (p == digits || v > INT32_MAX || (*digits == '0' && (p > digits + 1 || negative)))
		return false;
	*out = (int32_t)(negative ? -v : v);
	c->at = p;
	return true;
}

/* The lengths of UTF-8 sequences by their first byte; 0: none begins so. */
static unsigned sequence_length(unsigned char c)
{
	return c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
}

static bool is_utf8(const char *text, size_t length)
{
	for (size_t i = 0, n; i < length; i += n) {
		unsigned char first = (unsigned char)text[i];
		unsigned char second = i + 1 < length ? (unsigned char)text[i + 1] : 0;
		n = sequence_length(first);
		if (n == 0 || n > length - i)
			return false;
		for (size_t k = 1; k < n; k++)
			if (((unsigned char)text[i + k] & 0xc0) != 0x80)
				return false;
		if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
		    (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
			return false; /* longer than it need be, a surrogate, or beyond the last code point */
	}
	return true;
}

static bool is_printable(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 127 || text[i] == ';')
			return false;
	return is_utf8(text, length);
}

/* Checks an item that was parsed as a name; `class` is its number. */
static enum sl_status check_name(const struct sl_class_item *item, struct sl_error *error)
{
	if (item->length == 0)
		return sl_fail(error, SL_MALFORMED, "class %u has no name", item->class);
	if (!is_printable(item->name, item->length))
		return sl_fail(error, SL_MALFORMED,
		               "class %u: its name holds a control character, a semicolon, or is not UTF-8",
		               item->class);
	if (item->length > SL_CLASS_NAME_MAX)
		return sl_fail(error, SL_TOO_BIG, "class %u: a name of %u bytes, at most %d are taken",
		               item->class, item->length, SL_CLASS_NAME_MAX);
	return SL_OK;
}

/* Parses "7" or "0..9"; false if the item is neither. */
static void take_numbers(struct sl_class_item *item)
{
	struct cursor c = { item->name, item->name + item->length };
	item->number = take_whole(&c, &item->first);
	item->last = item->first;
	if (!item->number || c.at == c.end)
		return;
	item->number = c.end - c.at > 2 && c.at[0] == '.' && c.at[1] == '.';
	c.at += 2;
	item->number = item->number && take_whole(&c, &item->last) && c.at == c.end;
}

/* Parses one item and the separator after it. */
static enum sl_status take_item(struct cursor *c, struct sl_class_item *item, struct sl_error *error)
{
	const char *first = c->at, *last;
	while (c->at < c->end && !is_separator(*c->at))
		c->at++;
	last = c->at;
	c->at += c->at < c->end;
	while (first < last && is_blank(*first))
		first++;
	while (last > first && is_blank(last[-1]))
		last--;
	item->name = first;
	item->length = last - first < INT32_MAX ? (uint32_t)(last - first) : INT32_MAX;
	take_numbers(item);
	if (!item->number)
		return check_name(item, error);
	if (item->last < item->first || (item->last == item->first && memchr(first, '.', item->length)))
		return sl_fail(error, SL_MALFORMED, "%d..%d: a range of numbers must ascend", item->first,
		               item->last);
	return SL_OK;
}

static int64_t size_of(const struct sl_class_item *item)
{
	return item->number ? (int64_t)item->last - item->first + 1 : 1;
}

/* Parses all items, and stores them in `room` unless that is NULL. */
static enum sl_status walk(const char *text, size_t length, struct sl_class_item *room, uint32_t *items,
                           uint32_t *count, struct sl_error *error)
{
	int64_t classes = 0;
	while (length > 0 && (is_blank(text[length - 1]) || text[length - 1] == '\n'))
		length--; /* a file of names ends with a newline */
	struct cursor c = { text, text + length };
	*items = 0;
	if (length > SL_CLASSES_TEXT_MAX)
		return sl_fail(error, SL_TOO_BIG, "a list of %zu bytes, at most %d are taken", length,
		               SL_CLASSES_TEXT_MAX);
	do {
		struct sl_class_item item = { .class = (uint32_t)classes };
		enum sl_status status = take_item(&c, &item, error);
		if (status != SL_OK)
			return status;
		if (room)
			room[*items] = item;
		++*items;
		classes += size_of(&item);
		if (classes > SL_CLASSES_MAX)
			return sl_fail(error, SL_TOO_BIG, "over %d classes", SL_CLASSES_MAX);
	} while (c.at < c.end || (c.at > text && is_separator(c.at[-1])));
	*count = (uint32_t)classes;
	return SL_OK;
}

size_t sl_classes_items(const char *text, size_t length)
{
	size_t items = 1;
	for (size_t i = 0; i < length; i++)
		items += is_separator(text[i]);
	return items;
}

static int compare_items(const void *a, const void *b)
{
	const struct sl_class_item *x = a, *y = b;
	if (x->number != y->number)
		return x->number ? -1 : 1;
	if (x->number)
		return (x->first > y->first) - (x->first < y->first);
	int order = memcmp(x->name, y->name, x->length < y->length ? x->length : y->length);
	return order ? order : (x->length > y->length) - (x->length < y->length);
}

/* Neighbours in a sorted list. */
static bool overlap(const struct sl_class_item *a, const struct sl_class_item *b)
{
	return a->number == b->number && (a->number ? b->first <= a->last : compare_items(a, b) == 0);
}

enum sl_status sl_classes_parse(struct sl_classes *out, const char *text, size_t length,
                                struct sl_class_item *room, struct sl_error *error)
{
	uint32_t items, count;
	enum sl_status status = walk(text, length, room, &items, &count, error);
	if (status != SL_OK)
		return status;
	qsort(room, items, sizeof *room, compare_items);
	for (uint32_t i = 1; i < items; i++)
		if (overlap(&room[i - 1], &room[i]))
			return room[i].number
			           ? sl_fail(error, SL_MALFORMED, "%d is listed twice", room[i].first)
			           : sl_fail(error, SL_MALFORMED, "'%.*s' is listed twice",
			                     (int)room[i].length, room[i].name);
	*out = (struct sl_classes){ text, length, room, items, count };
	return SL_OK;
}

enum sl_status sl_classes_count(const char *text, size_t length, uint32_t *count, struct sl_error *error)
{
	uint32_t items;
	return walk(text, length, NULL, &items, count, error);
}

/* The last item that does not come after `wanted`, or NULL. */
static const struct sl_class_item *last_before(const struct sl_classes *c, const struct sl_class_item *wanted)
{
	uint32_t low = 0, high = c->items;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (compare_items(&c->item[middle], wanted) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? &c->item[low - 1] : NULL;
}

uint32_t sl_classes_number(const struct sl_classes *c, int64_t label)
{
	if (label < INT32_MIN || label > INT32_MAX)
		return SL_CLASS_ABSENT;
	struct sl_class_item wanted = { .number = true, .first = (int32_t)label };
	const struct sl_class_item *found = last_before(c, &wanted);
	return found && found->number && label <= found->last
	           ? found->class + (uint32_t)(label - found->first)
	           : SL_CLASS_ABSENT;
}

uint32_t sl_classes_find(const struct sl_classes *c, const char *name, size_t length)
{
	struct cursor whole = { name, name + length };
	int32_t number;
	if (length > SL_CLASS_NAME_MAX)
		return SL_CLASS_ABSENT;
	if (take_whole(&whole, &number) && whole.at == whole.end)
		return sl_classes_number(c, number);
	struct sl_class_item wanted = { .name = name, .length = (uint32_t)length };
	const struct sl_class_item *found = last_before(c, &wanted);
	return found && compare_items(found, &wanted) == 0 ? found->class : SL_CLASS_ABSENT;
}

bool sl_classes_numbered(const struct sl_classes *c)
{
	return c->item[0].number; /* numbers are sorted to the front */
}

void sl_classes_name(const char *text, size_t length, uint32_t class, char out[static SL_CLASS_NAME_MAX + 1])
{
	struct cursor c = { text, text + length };
	struct sl_class_item item = { 0 };
	for (int64_t at = 0; at <= class; at += size_of(&item)) {
		item.class = (uint32_t)at;
		SL_CHECK(c.at < c.end && take_item(&c, &item, NULL) == SL_OK);
	}
	if (item.number)
		snprintf(out, SL_CLASS_NAME_MAX + 1, "%d", (int)(item.first + (int64_t)(class - item.class)));
	else
		snprintf(out, SL_CLASS_NAME_MAX + 1, "%.*s", (int)item.length, item.name);
}

struct sl_classes_writer sl_classes_begin(char *out)
{
	return (struct sl_classes_writer){ .out = out };
}

static void separate(struct sl_classes_writer *w)
{
	if (w->used > 0)
		w->out[w->used++] = ',';
}

/* Three numbers or more in a row are a range. */
static void write_pending(struct sl_classes_writer *w)
{
	char text[32];
	int n = snprintf(text, sizeof text, "%d", (int)w->first);
	if (!w->pending)
		return;
	if (w->last > w->first)
		n = snprintf(text, sizeof text, "%d%s%d", (int)w->first, w->last > w->first + 1 ? ".." : ",",
		             (int)w->last);
	separate(w);
	memcpy(w->out + w->used, text, (size_t)n);
	w->used += (size_t)n;
	w->pending = false;
}

void sl_classes_add_numbers(struct sl_classes_writer *w, int64_t first, int64_t last)
{
	if (w->pending && first == w->last + 1) {
		w->last = last;
		return;
	}
	write_pending(w);
	w->first = first;
	w->last = last;
	w->pending = true;
}

void sl_classes_add_name(struct sl_classes_writer *w, const char *name, size_t length)
{
	write_pending(w);
	separate(w);
	memcpy(w->out + w->used, name, length);
	w->used += length;
}

size_t sl_classes_end(struct sl_classes_writer *w)
{
	write_pending(w);
	w->out[w->used] = '\0';
	return w->used;
}

static void add_item(struct sl_classes_writer *w, const struct sl_class_item *item)
{
	if (item->number)
		sl_classes_add_numbers(w, item->first, item->last);
	else
		sl_classes_add_name(w, item->name, item->length);
}

size_t sl_classes_canonical(const char *text, size_t length, char *out)
{
	struct sl_classes_writer w = sl_classes_begin(out);
	while (length > 0 && (is_blank(text[length - 1]) || text[length - 1] == '\n'))
		length--;
	struct cursor c = { text, text + length };
	while (c.at < c.end) {
		struct sl_class_item item = { 0 };
		SL_CHECK(take_item(&c, &item, NULL) == SL_OK);
		add_item(&w, &item);
	}
	return sl_classes_end(&w);
}

/* Adds an item to a union, without the parts that are in it already. */
static void merge_item(struct sl_classes_writer *w, const struct sl_class_item *item,
                       const struct sl_class_item *before)
{
	if (!item->number) {
		if (!before || compare_items(before, item) != 0)
			sl_classes_add_name(w, item->name, item->length);
		return;
	}
	int64_t first = item->first;
	if (w->pending && first <= w->last)
		first = w->last + 1;
	if (first <= item->last)
		sl_classes_add_numbers(w, first, item->last);
}

size_t sl_classes_union(const struct sl_classes *a, const struct sl_classes *b, char *out)
{
	struct sl_classes_writer w = sl_classes_begin(out);
	const struct sl_class_item *before = NULL;
	for (uint32_t i = 0, k = 0; i < a->items || k < b->items;) {
		bool from_a = k == b->items || (i < a->items && compare_items(&a->item[i], &b->item[k]) <= 0);
		const struct sl_class_item *item = from_a ? &a->item[i++] : &b->item[k++];
		merge_item(&w, item, before);
		before = item;
	}
	return sl_classes_end(&w);
}

void sl_classes_brief(const char *text, size_t length, char out[static SL_CLASSES_BRIEF])
{
	size_t most = SL_CLASSES_BRIEF - sizeof "…";
	if (length > most)
		for (length = most; length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80;)
			length--;
	else
		most = 0;
	snprintf(out, SL_CLASSES_BRIEF, "%.*s%s", (int)length, text, most ? "…" : "");
}
