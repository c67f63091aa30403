/* recording.h — a recording of a peer's input: everything that determines its behaviour, so that `starling
 * sim --replay` reproduces it bit for bit.
 *
 * One file covers one start of one peer, until it ended or was killed. Integers are little-endian. The file
 * begins with "starling-fed 3\n" and a NUL; then come records, each u8 kind, u32 length, u32 check of both
 * (sl_recording_check), and that many bytes:
 *   0 head    run u64, session u64, peer u32, serial u32, capacity u32, joining u8, neighbours,
 *             configuration (u32 length, text), state of the checkpoint that it began with (u32 length,
 *             bytes; 0: none). Once, first.
 *   1 event   kind u8 (enum sl_event_kind), time i64, edge u32, ok u8, digest u64 of all events and actions
 *             so far, this event's included, then the message of RECEIVE, or the serial u32 and neighbours
 *             of ROSTER.
 *   2 end     round u32, digest u64 of the model (sl_vector_digest). Missing where the peer was killed.
 *
 * Neighbours: the values of gamma as weights, count u32, and of each: peer u32, added u32, weights. Weights:
 * count u8, and of each: since u32, value f64. A file that ends within a record is from a peer that was
 * killed: the complete records are valid. */
#ifndef SL_DAEMON_RUN_RECORDING_H
#define SL_DAEMON_RUN_RECORDING_H

#include "base/bytes.h"
#include "gossip/peer.h"

/* ---- digests ---- */

/* A running digest of events, each after its actions: sends with their bytes, rows without the driver's
 * fields. A new roster counts only by its effects. */
uint64_t sl_recording_digest_action(uint64_t digest, const struct sl_action *);
uint64_t sl_recording_digest_event(uint64_t digest, const struct sl_event *);

/* ---- writing ---- */

struct sl_recording; /* filled by the loop, flushed by the store's thread */

struct sl_recording_head {
	uint64_t run, session;
	uint32_t peer;
	struct sl_peer_roster roster;
	uint32_t capacity;
	bool joining;
	const char *configuration;
	const uint8_t *state; /* NULL: none */
	size_t state_length;
};

/* Creates "STEM-PEER-N" with the first N that is free. */
struct sl_recording *sl_recording_open(const char *stem, const struct sl_recording_head *,
                                       struct sl_error *error);
const char *sl_recording_path(const struct sl_recording *);
/* Call from the loop's thread; never block. The recording ends if the disk is too slow for it, or above
 * SL_RECORDING_MAX_BYTES. */
void sl_recording_action(struct sl_recording *, const struct sl_action *);
void sl_recording_event(struct sl_recording *, const struct sl_event *);
void sl_recording_end(struct sl_recording *, uint32_t round, uint64_t model);
/* Why the recording ended early, reported once; NULL otherwise. */
const char *sl_recording_stopped(struct sl_recording *);
/* Call from the store's thread: writes buffered data. */
void sl_recording_flush(struct sl_recording *);
/* Call after that thread has ended. NULL is allowed. */
void sl_recording_close(struct sl_recording *);

#define SL_RECORDING_MAX_BYTES (INT64_C(4) << 30)

/* ---- reading ---- */

struct sl_recording_reader {
	struct sl_reader in;
	struct sl_recording_head
	    head; /* neighbours as below; configuration is not NUL-terminated: see its length */
	size_t configuration_length;
	struct sl_peer_neighbour neighbours[SL_DEGREE_MAX];
	bool ended, cut; /* after the last record; it ended within a record */
	uint32_t last_round;
	uint64_t last_model;
	bool has_end;
};
/* Parses the head. The bytes are borrowed; the head points into them. */
enum sl_status sl_recording_read(struct sl_recording_reader *, const uint8_t *bytes, size_t length,
                                 struct sl_error *error);
/* The next event, and the digest after it; ROSTER uses `roster` and `neighbours` (room for SL_DEGREE_MAX).
 * False: no more events; *error is set if the recording is malformed. */
bool sl_recording_next(struct sl_recording_reader *, struct sl_event *, uint64_t *digest,
                       struct sl_peer_roster *roster, struct sl_peer_neighbour *neighbours,
                       struct sl_error *error);

#endif
