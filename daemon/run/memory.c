#include "daemon/run/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Several long vectors use more pages than the TLB has entries, and hardware prefetching stops at page boundaries; huge
 * pages help against both. A last huge page that would be less than half used is not worth its memory. */
enum { HUGE = 2 << 20 };

uint8_t *sl_memory_take(size_t size, size_t busy)
{
	size_t huge = (busy + HUGE / 2) / HUGE * HUGE, room = huge ? size + 2 * (size_t)HUGE : size;
	uint8_t *memory =
	    mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return NULL;
	madvise(memory, room, MADV_NOHUGEPAGE);
	if (huge == 0)
		return memory;
	memory += (HUGE - (uintptr_t)memory % HUGE) % HUGE;
	madvise(memory, huge, MADV_HUGEPAGE);
	return memory;
}

void *sl_memory_buffer(size_t size)
{
	enum { LONG = 8 * HUGE };
	if (size < LONG)
		return malloc(size);
	size_t whole = (size + HUGE - 1) / HUGE * HUGE;
	void *memory = aligned_alloc(HUGE, whole);
	if (memory)
		madvise(memory, size / HUGE * HUGE, MADV_HUGEPAGE);
	return memory;
}

enum sl_status sl_memory_scratch(struct sl_scratch *out, const struct sl_plan *plan, struct sl_error *error)
{
	struct sl_arena arena = { 0 };
	sl_scratch_make(out, plan, &arena);
	arena.capacity = arena.used;
	arena.used = 0;
	arena.base = sl_memory_take(arena.capacity + 1, 0);
	if (!arena.base)
		return sl_fail(error, SL_NO_MEMORY, "no memory for %zu bytes of scratch", arena.capacity);
	sl_scratch_make(out, plan, &arena);
	return SL_OK;
}

/* A mapping as /proc/self/smaps lists it: "begin-end mode offset device inode path", then "Name:   number
 * kB". */
struct mapping {
	uintptr_t begin, end;
	bool constant; /* of a file, not writable: code, constants, data, a model's start */
	unsigned long anonymous, swapped; /* kB that were modified, and are no longer backed by the file */
};

static bool read_head(struct mapping *m, const char *line)
{
	char *at;
	uintptr_t begin = (uintptr_t)strtoull(line, &at, 16);
	if (at == line || *at != '-')
		return false;
	uintptr_t end = (uintptr_t)strtoull(at + 1, &at, 16);
	bool constant =
	    strncmp(at, " r-xp ", 6) == 0 || strncmp(at, " r--p ", 6) == 0 || strncmp(at, " r--s ", 6) == 0;
	*m = (struct mapping){ .begin = begin, .end = end, .constant = constant && strchr(line, '/') };
	return true;
}

static void read_number(const char *line, const char *name, unsigned long *kilobytes)
{
	size_t length = strlen(name);
	if (strncmp(line, name, length) == 0)
		*kilobytes = strtoul(line + length, NULL, 10);
}

static void let_go(const struct mapping *m)
{
	/* Only unmodified pages can be dropped: relocated constants would be lost. */
	if (m->constant && m->anonymous == 0 && m->swapped == 0)
		madvise((void *)m->begin, m->end - m->begin, MADV_DONTNEED);
}

void sl_memory_trim(void)
{
	char line[512];
	struct mapping m = { 0 }, next;
	FILE *f = fopen("/proc/self/smaps", "re");
	if (!f)
		return;
	while (fgets(line, sizeof line, f)) {
		if (read_head(&next, line)) {
			let_go(&m);
			m = next;
		}
		read_number(line, "Anonymous:", &m.anonymous);
		read_number(line, "Swap:", &m.swapped);
	}
	let_go(&m);
	fclose(f);
}
