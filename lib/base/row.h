/* row.h — rows of the history as plain structs, independent of the database, so that the core can fill them.
 *
 * A double that is NaN, and a signed count that is negative, stand for "not measured": the history stores
 * NULL. */
#ifndef SL_BASE_ROW_H
#define SL_BASE_ROW_H

#include "base/limits.h"
#include "base/time.h"

/* One round of one peer: the table `round`, whose bytes are totals since the start of the run. In this
 * struct, payload bytes are totals, and bytes on the wire count from this start of the process: the history's
 * writer adds those of earlier starts. */
struct sl_round_row {
	uint32_t peer, round;
	int64_t at_us; /* wall clock, microseconds since 1970; filled in by the driver */
	double train_loss, test_loss, test_accuracy;
	int64_t nonzero;     /* model coordinates that are not exactly zero */
	double disagreement; /* sum over neighbours of w_ij |x̂_j - x̂_i|² */
	int64_t payload_tx, payload_rx;
	int64_t wire_tx, wire_rx;                 /* filled in by the driver */
	int64_t compute_us, compress_us, wait_us; /* filled in by the driver */
	double penalty;                           /* lambda |x|_1 over the weights */
	int64_t wire_resent; /* bytes that TCP sent again, not in wire_tx; filled in by the driver */
	bool payload_anew;   /* the state was lost: payload counts from 0 in this start */
	/* The table `budget`, filled in by the driver: bits per second that a byte budget allows (0: none); bytes charged
	 * to it, and time in which messages waited for it, since the process started. */
	int64_t budget_rate, budget_tx, budget_us;
};

/* Why a frame was sent again. */
enum sl_again {
	SL_AGAIN_CONNECTION, /* it was on its way when the connection ended */
	SL_AGAIN_DROP,    /* the queue was full: the sender dropped it, and sends it now that there is room */
	SL_AGAIN_REFUSAL, /* it came by this connection, and the neighbour had no use or no room for it */
	SL_AGAIN_DIGEST,  /* the neighbour's copy differs: a snapshot replaces it */
	SL_AGAIN_KINDS
};

/* One edge as one end sees it: the table `link`. Totals since the start of the run; what the driver fills in
 * belongs to the connection to the neighbour, and counts from this start of the process. */
struct sl_link_row {
	uint32_t peer, neighbour, round;
	int64_t payload_tx, payload_rx, frames_tx, frames_rx, resent, repeated, refused, snapshots, rtt_us;
	int64_t again[SL_AGAIN_KINDS]; /* frames, by reason; negative: the transport does not say */
	/* Filled in by the driver: bytes that left for the first time, and bytes that TCP sent again; bytes a
	 * second while there was something to send; how long a byte waits for its turn; round trip, smoothed. */
	int64_t wire_tx, wire_resent, throughput, queue_us, srtt_us;
};

/* A count sketch of a peer's model: the table `sketch`, `count` rows. */
struct sl_sketch_row {
	uint32_t peer, round, count;
	float value[SL_SKETCH_MAX];
};

/* A number that a trainer named, or `epsilon` and `delta` of privacy: the table `metric`. */
struct sl_metric_row {
	uint32_t peer, round;
	char name[40];
	double value;
};

enum sl_level { SL_LEVEL_ERROR, SL_LEVEL_WARNING, SL_LEVEL_NOTICE, SL_LEVEL_INFO, SL_LEVEL_COUNT };

/* A row of the table `event`. `kind` is a stable identifier such as "edge-late". */
struct sl_event_row {
	uint32_t peer, round;
	int64_t at_us; /* filled in by the driver */
	enum sl_level level;
	char kind[32];
	char detail[256];
};

#endif
