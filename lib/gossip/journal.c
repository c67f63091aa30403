#include "gossip/journal.h"

#include <string.h>

static struct sl_journal_entry *entry_of(const struct sl_journal *j, uint32_t version)
{
	return &j->entry[version & (j->entries - 1)];
}

void sl_journal_make(struct sl_journal *j, struct sl_arena *arena, size_t capacity, uint32_t entries)
{
	uint32_t power = 16;
	while (power < entries)
		power *= 2;
	*j = (struct sl_journal){ .capacity = capacity, .entries = power, .first = 1 };
	j->bytes = sl_arena_take(arena, capacity, 1);
	j->entry = sl_arena_take(arena, power, sizeof *j->entry);
}

static void drop_oldest(struct sl_journal *j)
{
	j->start = entry_of(j, j->first)->at + entry_of(j, j->first)->length;
	j->first++;
	if (--j->count == 0)
		j->start = j->end = 0;
}

/* Moves what is kept to the front of the buffer. */
static void move_down(struct sl_journal *j)
{
	memmove(j->bytes, j->bytes + j->start, j->end - j->start);
	for (uint32_t i = 0; i < j->count; i++)
		entry_of(j, j->first + i)->at -= j->start;
	j->end -= j->start;
	j->start = 0;
}

uint8_t *sl_journal_room(struct sl_journal *j, size_t bound)
{
	SL_CHECK(bound <= j->capacity);
	while (j->count == j->entries || (j->count && j->end - j->start + bound > j->capacity))
		drop_oldest(j);
	/* Moving when the gap outgrew the contents costs O(1) a byte in the long run and keeps the touched
	 * part small. */
	if (j->start > j->end - j->start || j->end + bound > j->capacity)
		move_down(j);
	return j->bytes + j->end;
}

uint32_t sl_journal_append(struct sl_journal *j, uint32_t length, uint32_t round, uint64_t digest)
{
	uint32_t version = j->first + j->count;
	*entry_of(j, version) = (struct sl_journal_entry){ round, j->end, length, digest };
	j->end += length;
	j->count++;
	return version;
}

const struct sl_journal_entry *sl_journal_find(const struct sl_journal *j, uint32_t version,
                                               const uint8_t **bytes)
{
	if (version < j->first || version - j->first >= j->count)
		return NULL;
	const struct sl_journal_entry *e = entry_of(j, version);
	*bytes = j->bytes + e->at;
	return e;
}

size_t sl_journal_span(const struct sl_journal *j, uint32_t after, uint32_t last)
{
	if (after >= last)
		return 0;
	if (after + 1 < j->first || last >= j->first + j->count)
		return SIZE_MAX;
	const struct sl_journal_entry *a = entry_of(j, after + 1), *b = entry_of(j, last);
	return b->at + b->length - a->at;
}

void sl_journal_trim(struct sl_journal *j, uint32_t version)
{
	while (j->count && j->first <= version)
		drop_oldest(j);
}

void sl_journal_restart(struct sl_journal *j, uint32_t next)
{
	j->start = j->end = 0;
	j->count = 0;
	j->first = next;
}
