#include "daemon/peer/store/row_ring.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

bool sl_row_ring_make(struct sl_row_ring *r)
{
	r->bytes = malloc(SL_ROW_RING);
	return r->bytes != NULL;
}

void sl_row_ring_free(struct sl_row_ring *r)
{
	free(r->bytes);
	r->bytes = NULL;
}

static void put(struct sl_row_ring *r, uint64_t at, const void *bytes, size_t n)
{
	size_t from = at % SL_ROW_RING, first = n < SL_ROW_RING - from ? n : SL_ROW_RING - from;
	memcpy(r->bytes + from, bytes, first);
	memcpy(r->bytes, (const uint8_t *)bytes + first, n - first);
}

static void get(const struct sl_row_ring *r, uint64_t at, void *out, size_t n)
{
	size_t from = at % SL_ROW_RING, first = n < SL_ROW_RING - from ? n : SL_ROW_RING - from;
	memcpy(out, r->bytes + from, first);
	memcpy((uint8_t *)out + first, r->bytes, n - first);
}

static void drop(struct sl_row_ring *r)
{
	struct timespec t;
	if (atomic_load_explicit(&r->dropped, memory_order_relaxed) == 0) {
		clock_gettime(CLOCK_REALTIME, &t);
		atomic_store(&r->dropped_since_us, (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000);
	}
	atomic_fetch_add(&r->dropped, 1);
	r->dropped_ever++;
}

bool sl_row_ring_push(struct sl_row_ring *r, enum sl_row_kind kind, const void *row, size_t n)
{
	struct sl_row_header header = { kind, (uint32_t)(sizeof header + ((n + 7) & ~(size_t)7)) };
	uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
	bool half_full = false;
	if (head + header.size - r->tail_seen > SL_ROW_RING / 2) {
		r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
		uint64_t used = head + header.size - r->tail_seen;
		half_full = used > SL_ROW_RING / 2;
		if (used > SL_ROW_RING) {
			drop(r);
			return half_full;
		}
	}
	put(r, head, &header, sizeof header);
	put(r, head + sizeof header, row, n);
	atomic_store_explicit(&r->head, head + header.size, memory_order_release);
	return half_full;
}

uint64_t sl_row_ring_read(const struct sl_row_ring *r, uint64_t at, struct sl_row_header *header,
                          union sl_row *row)
{
	get(r, at, header, sizeof *header);
	get(r, at + sizeof *header, row, header->size - sizeof *header);
	return at + header->size;
}

uint64_t sl_row_ring_count(const struct sl_row_ring *r)
{
	uint64_t rows = 0, head = atomic_load(&r->head);
	for (uint64_t at = atomic_load(&r->tail); at != head; rows++) {
		struct sl_row_header header;
		get(r, at, &header, sizeof header);
		at += header.size;
	}
	return rows;
}
