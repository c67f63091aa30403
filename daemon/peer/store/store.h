/* store.h — the disk never stops the loop: a bounded ring of rows to a writer thread that owns the database
 * and the checkpoint files. Rows that did not fit are counted, and the count becomes an event row of the
 * history itself. */
#ifndef SL_DAEMON_PEER_STORE_STORE_H
#define SL_DAEMON_PEER_STORE_STORE_H

#include "daemon/run/recording.h"
#include "history/history.h"

struct sl_store;

struct sl_store_setup {
	const char *database;             /* path */
	const struct sl_history_run *run; /* both are registered before sl_store_open returns */
	const struct sl_history_peer *peer;
	const char *checkpoint; /* path stem of the two generations, or NULL */
	int wake;               /* eventfd that the writer signals when a checkpoint is done; −1: none */
	uint32_t every;         /* rounds with a row are those that it divides; 0: 1 */
	int busy_timeout_ms;    /* how long to wait for a locked database at a time; 0: 10 s */
	int checkpoint_wait_ms; /* how long checkpoints wait for rows that cannot be written; 0: 10 min */
};

/* Opens and migrates the database on the calling thread, then starts the writer. All signals must be blocked
 * already. NULL, with an error that is the caller's to report: a newer schema, a foreign file, a folder that
 * does not exist. A database that is locked, corrupt or on a disk that is full, read-only or failing is none:
 * one line says so, rows are kept, and the writer opens it when it can; what exists is never overwritten. */
struct sl_store *sl_store_open(const struct sl_store_setup *, struct sl_error *error);

/* A checkpoint brought the peer to this round, and holds these totals of bytes on the wire; before the first row.
 * Where the history ends before that round, an event will say so. */
void sl_store_begin(struct sl_store *, int64_t wire_tx, int64_t wire_rx, uint32_t resumed);

/* Adds bytes on the wire of this peer's earlier starts in this run: what its checkpoint or the history has,
 * whichever is more. The history may not have been opened yet; the writer, which adds them to every round's row, has
 * opened it by then. */
void sl_store_add_earlier(const struct sl_store *, int64_t *tx, int64_t *rx);

/* Whether the history cannot be written now, since when, why, and how many rows did not fit the ring. From
 * the loop's thread; never blocks. */
struct sl_store_trouble {
	int64_t since_us; /* since 1970 */
	uint64_t lost;
	char reason[200];
};
bool sl_store_failing(struct sl_store *, struct sl_store_trouble *out);

/* From the loop's thread; never block. Rows are copied. */
void sl_store_round(struct sl_store *, const struct sl_round_row *);
void sl_store_link(struct sl_store *, const struct sl_link_row *);
void sl_store_sketch(struct sl_store *, const struct sl_sketch_row *);
void sl_store_event(struct sl_store *, const struct sl_event_row *);

/* From now on the writer flushes this recording too, until the store is closed. Borrowed. */
void sl_store_record(struct sl_store *, struct sl_recording *);

/* Hands over a checkpoint (malloc'd bytes, freed by the writer): rows pushed so far are committed durably,
 * then the older generation is replaced. Where they cannot be, no checkpoint is written: what lies before it
 * is not computed again. But once rows have been lost for want of room, or the history has failed for ten
 * minutes, checkpoints go on without it: the state is worth more than the rows that a kill would then lose,
 * and what is missing is said when the peer resumes (event rows-missing). False if one is still being written
 * or its end was not asked for yet, or there is no stem: the caller skips this one and keeps the bytes. */
bool sl_store_checkpoint(struct sl_store *, uint8_t *bytes, size_t length);
/* Before the first of them: what lies there as that generation verifies, but the peer did not take it. */
void sl_store_refused(struct sl_store *, unsigned generation);
/* Whether a checkpoint ended since the last call, and how. */
bool sl_store_checkpointed(struct sl_store *, bool *ok);

/* How long the writer has been inside one batch, in milliseconds; 0 when it is idle: for the watchdog. A disk
 * that answers with errors is a state, in which rows are kept and tried again; only one that does not answer
 * is stuck. */
int64_t sl_store_stuck_ms(const struct sl_store *);

/* How long sl_store_close tries a database that is locked or cannot be written; half a second if never told.
 * NULL is fine. */
void sl_store_close_timeout(struct sl_store *, int milliseconds);

/* Writes what is queued, marks the peer stopped, joins the thread, closes. What cannot be written in time is
 * lost: stderr says how many rows, and the answer is false. NULL is fine. */
bool sl_store_close(struct sl_store *, int64_t stopped_at_us, int exit_code, const char *model_digest);

#endif
