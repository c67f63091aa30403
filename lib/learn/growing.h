/* growing.h — an array that grows by doubling while a file is read: memory follows the bytes that arrived,
 * never what a header claims. For the readers in learn/data only. */
#ifndef SL_LEARN_GROWING_H
#define SL_LEARN_GROWING_H

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

/* Zero at the start; freed by its owner with free(bytes). */
struct sl_growing {
	uint8_t *bytes;
	size_t used, capacity;
};

/* Appends; false when there is no memory, and then nothing has changed. */
static inline bool sl_growing_add(struct sl_growing *g, const void *bytes, size_t length)
{
	size_t need, capacity = g->capacity ? g->capacity : 4096;
	if (__builtin_add_overflow(g->used, length, &need) || need > SIZE_MAX / 2)
		return false;
	while (capacity < need)
		capacity *= 2;
	if (capacity != g->capacity) {
		uint8_t *grown = realloc(g->bytes, capacity);
		if (!grown)
			return false;
		g->bytes = grown;
		g->capacity = capacity;
	}
	if (length > 0)
		memcpy(g->bytes + g->used, bytes, length);
	g->used = need;
	return true;
}

#endif
