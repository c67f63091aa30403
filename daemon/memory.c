#include "daemon/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

uint8_t *sl_memory_take(size_t size, bool huge_pages)
{
	void *memory =
	    mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return NULL;
	if (!huge_pages)
		madvise(memory, size, MADV_NOHUGEPAGE);
	return memory;
}

enum sl_status sl_memory_scratch(struct sl_scratch *out, const struct sl_plan *plan, struct sl_error *error)
{
	struct sl_arena arena = { 0 };
	sl_scratch_make(out, plan, &arena);
	arena.capacity = arena.used;
	arena.used = 0;
	arena.base = sl_memory_take(arena.capacity + 1, false);
	if (!arena.base)
		return sl_fail(error, SL_NO_MEMORY, "no memory for %zu bytes of scratch", arena.capacity);
	sl_scratch_make(out, plan, &arena);
	return SL_OK;
}

/* A mapping as /proc/self/smaps lists it. */
struct mapping {
	uintptr_t begin, end;
	bool code_or_constants; /* of a file, private, not writable */
	unsigned long private_dirty, swapped;
};

static void let_go(const struct mapping *m)
{
	/* Pages that were written (relocated constants) would be lost; the others are still in their file. */
	if (m->code_or_constants && m->private_dirty == 0 && m->swapped == 0)
		madvise((void *)m->begin, m->end - m->begin, MADV_DONTNEED);
}

void sl_memory_trim(void)
{
	char line[512], mode[8], file[8];
	struct mapping m = { 0 };
	unsigned long kilobytes;
	uintptr_t begin, end;
	FILE *f = fopen("/proc/self/smaps", "re");
	if (!f)
		return;
	while (fgets(line, sizeof line, f)) {
		int fields =
		    sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %7s %*s %*s %*s %1s", &begin, &end, mode, file);
		if (fields >= 3) {
			let_go(&m);
			bool constant = strcmp(mode, "r-xp") == 0 || strcmp(mode, "r--p") == 0;
			m = (struct mapping){ begin, end, fields == 4 && constant && file[0] == '/', 0, 0 };
		} else if (sscanf(line, "Private_Dirty: %lu kB", &kilobytes) == 1) {
			m.private_dirty = kilobytes;
		} else if (sscanf(line, "Swap: %lu kB", &kilobytes) == 1) {
			m.swapped = kilobytes;
		}
	}
	let_go(&m);
	fclose(f);
}
