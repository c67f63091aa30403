/* row_ring.h — a queue of rows from the loop to the writer.
 *
 * Lock-free, for one producer (the loop) and one consumer (the writer): with a mutex, a writer descheduled
 * while holding it would block the round on a machine with fewer cores than peers. Rows stay until the
 * consumer releases them after their commit, so that a failed batch can be retried; rows that do not fit are
 * dropped and counted. */
#ifndef SL_DAEMON_PEER_STORE_ROW_RING_H
#define SL_DAEMON_PEER_STORE_ROW_RING_H

#include "base/row.h"

#include <stdatomic.h>
#include <stddef.h>

/* Bytes of the ring: a round's row takes 128, so this buffers 8 s at 500 rounds per second while the disk
 * hangs. */
#define SL_ROW_RING (UINT64_C(1) << 19)

enum sl_row_kind { SL_ROW_ROUND, SL_ROW_LINK, SL_ROW_SKETCH, SL_ROW_EVENT, SL_ROW_METRIC };

/* Precedes each row; `size` includes the header, a multiple of 8. */
struct sl_row_header {
	uint32_t kind;
	uint32_t size;
};
union sl_row {
	struct sl_round_row round;
	struct sl_link_row link;
	struct sl_sketch_row sketch;
	struct sl_event_row event;
	struct sl_metric_row metric;
};

struct sl_row_ring {
	/* The producer's: bytes ever pushed, and the consumer's position as last seen. */
	_Alignas(64) _Atomic uint64_t head;
	uint64_t tail_seen;
	uint64_t dropped_ever; /* rows, reported or not */
	/* The consumer's: bytes ever taken. */
	_Alignas(64) _Atomic uint64_t tail;
	_Alignas(64) uint8_t *bytes;
	_Atomic uint64_t dropped;         /* dropped rows, not yet reported */
	_Atomic int64_t dropped_since_us; /* time of the first of them, since 1970 */
};

/* False: no memory. */
bool sl_row_ring_make(struct sl_row_ring *);
void sl_row_ring_free(struct sl_row_ring *);
/* The producer's. True: more than half of the ring is in use, so the consumer should be woken. */
bool sl_row_ring_push(struct sl_row_ring *, enum sl_row_kind kind, const void *row, size_t n);
/* The consumer's: the row at a position between tail and head. Returns the position of the next. */
uint64_t sl_row_ring_read(const struct sl_row_ring *, uint64_t at, struct sl_row_header *, union sl_row *);
/* Number of rows in it. */
uint64_t sl_row_ring_count(const struct sl_row_ring *);

#endif
