/* arena.h — one block per peer, filled once: nothing is freed singly, so nothing inside can leak.
 *
 * The block must be zeroed memory that the system supplies on first touch (calloc of a large size, mmap):
 * room that is reserved for the worst case and never used costs no resident memory. */
#ifndef SL_BASE_ARENA_H
#define SL_BASE_ARENA_H

#include "base/error.h"

struct sl_arena {
	uint8_t *base;   /* borrowed; NULL while only measuring */
	size_t capacity; /* bytes */
	size_t used;     /* bytes, also counted while measuring */
};

/* Takes `count` items of `size` bytes, aligned to 64. While base is NULL it only counts and returns NULL: the
 * same code lays out a block and measures it. Exceeding a measured capacity is our own mistake and panics. */
static inline void *sl_arena_take(struct sl_arena *arena, size_t count, size_t size)
{
	size_t bytes;
	SL_CHECK(!__builtin_mul_overflow(count, size, &bytes));
	size_t at = (arena->used + 63) & ~(size_t)63;
	SL_CHECK(!__builtin_add_overflow(at, bytes, &arena->used));
	if (!arena->base)
		return NULL;
	SL_CHECK(arena->used <= arena->capacity);
	return arena->base + at;
}

#endif
