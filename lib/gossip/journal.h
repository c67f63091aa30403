/* journal.h — a peer's public copy as a replicated log: encoded differences, numbered, of which the newest
 * are kept. */
#ifndef SL_GOSSIP_JOURNAL_H
#define SL_GOSSIP_JOURNAL_H

#include "base/arena.h"

struct sl_journal_entry {
	uint32_t round;
	size_t at;
	uint32_t length;
	uint64_t digest; /* of the copy after it */
};

/* Entries have consecutive numbers first … first+count−1. Bytes are in order in one linear buffer that is
 * compacted occasionally, so that resident memory follows the bytes kept, not the capacity. */
struct sl_journal {
	uint8_t *bytes;
	size_t capacity, start, end;
	struct sl_journal_entry *entry; /* ring: number & (entries − 1) */
	uint32_t entries, first, count;
};

/* Lays it out: `capacity` bytes, at least `entries` (rounded up to a power of two) frames, the first being
 * number 1. */
void sl_journal_make(struct sl_journal *, struct sl_arena *, size_t capacity, uint32_t entries);

/* Contiguous room for a frame of up to `bound` ≤ capacity bytes; drops the oldest frames to make room. */
uint8_t *sl_journal_room(struct sl_journal *, size_t bound);
/* Makes the first `length` bytes of that room the next frame and returns its number. */
uint32_t sl_journal_append(struct sl_journal *, uint32_t length, uint32_t round, uint64_t digest);

/* The frame of that number and its bytes, or NULL if it is not kept. */
const struct sl_journal_entry *sl_journal_find(const struct sl_journal *, uint32_t version,
                                               const uint8_t **bytes);
/* Total bytes of frames after … last, or SIZE_MAX if one of them is not kept; 0 if there are none. */
size_t sl_journal_span(const struct sl_journal *, uint32_t after, uint32_t last);
/* Drops all frames up to and including `version`. */
void sl_journal_trim(struct sl_journal *, uint32_t version);
/* Drops all frames; the next one gets number `next`. */
void sl_journal_restart(struct sl_journal *, uint32_t next);

#endif
