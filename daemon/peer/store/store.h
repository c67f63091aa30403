/* store.h — asynchronous storage, so that the disk never blocks the loop: a bounded ring of rows to a writer
 * thread that owns the database and the checkpoint files. Rows that do not fit are counted; the count is
 * written as an event row. */
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
	const char *model;      /* path of the model's file, replaced after each checkpoint, or NULL */
	int wake;               /* eventfd signalled when a checkpoint is done; −1: none */
	uint32_t every;         /* rounds divisible by it have a row; 0: 1 */
	int64_t keep_us;        /* rows older than that are thinned out; 0 or INT64_MAX: none are */
	uint32_t thin;          /* of them, one row in `thin` is kept; 0: none */
	int64_t spare; /* the newest rounds that stay in any case: a resumed peer may write them again */
	int busy_timeout_ms;    /* wait per attempt for a locked database; 0: 10 s */
	int checkpoint_wait_ms; /* longest wait of checkpoints for rows that cannot be written; 0: 10 min */
};

/* Opens and migrates the database on the calling thread, then starts the writer. All signals must be blocked
 * already. NULL and an error, which the caller reports, for a newer schema, a foreign file, or a missing
 * folder. A database that is locked or corrupt, or a disk that is full, read-only or failing, is not an
 * error: it is logged in one line, rows are kept in memory, and the writer opens the database when it can.
 * Existing files are never overwritten. */
struct sl_store *sl_store_open(const struct sl_store_setup *, struct sl_error *error);

/* The peer resumed in this round from a checkpoint with these totals of bytes on the wire. Call before the
 * first row. If the history ends before that round, an event reports it. */
void sl_store_begin(struct sl_store *, int64_t wire_tx, int64_t wire_rx, uint32_t resumed);

/* Adds bytes on the wire of this peer's earlier starts in this run: the totals of its checkpoint or of the
 * history, whichever are larger. The history may not have been opened yet; the writer, which adds them to
 * every round's row, has opened it by then. */
void sl_store_add_earlier(const struct sl_store *, int64_t *tx, int64_t *rx);

/* Whether the history cannot be written now, since when, the reason, and the number of rows that did not fit
 * the ring. Call from the loop's thread; never blocks. */
struct sl_store_trouble {
	int64_t since_us; /* since 1970 */
	uint64_t lost;
	char reason[200];
};
bool sl_store_failing(struct sl_store *, struct sl_store_trouble *out);
/* Rows that did not fit the ring so far. Call from the loop's thread. */
uint64_t sl_store_dropped(const struct sl_store *);

/* From the loop's thread; never block. Rows are copied. */
void sl_store_round(struct sl_store *, const struct sl_round_row *);
void sl_store_link(struct sl_store *, const struct sl_link_row *);
void sl_store_metric(struct sl_store *, const struct sl_metric_row *);
void sl_store_sketch(struct sl_store *, const struct sl_sketch_row *);
void sl_store_event(struct sl_store *, const struct sl_event_row *);

/* Makes the writer flush this recording too, until the store is closed. Borrowed. */
void sl_store_record(struct sl_store *, struct sl_recording *);

/* Hands over a checkpoint (malloc'd bytes, freed by the writer): rows pushed so far are committed durably,
 * then the older generation is replaced. If they cannot be committed, no checkpoint is written, because
 * earlier rounds are not recomputed after a restart. But once rows have been dropped for lack of room, or the
 * history has failed for ten minutes, checkpoints are written without it: the state matters more than rows
 * that a kill would lose, and missing rows are reported when the peer resumes (event rows-missing). False if
 * a checkpoint is still being written, its completion has not been fetched with sl_store_checkpointed, or
 * there is no stem: the caller skips this checkpoint and keeps the bytes. */
bool sl_store_checkpoint(struct sl_store *, uint8_t *bytes, size_t length);
/* Hands over the model's file that belongs to the next checkpoint (malloc'd, freed by the writer, or here if it cannot be
 * taken), as sl_model_file_bytes makes it; it is sealed and written once that checkpoint is durable. Call before
 * sl_store_checkpoint. NULL: none. */
void sl_store_model(struct sl_store *, uint8_t *bytes, size_t length);
/* Call before the first checkpoint: that generation's file is intact, but the peer refused to load it. */
void sl_store_refused(struct sl_store *, unsigned generation);
/* Whether a checkpoint was completed (ok) or failed (!ok) since the last call. */
bool sl_store_checkpointed(struct sl_store *, bool *ok);

/* How long the writer has been inside one batch, in milliseconds; 0 when it is idle: for the watchdog. A disk
 * that returns errors is not stuck: rows are kept and retried. A disk that does not return is. */
int64_t sl_store_stuck_ms(const struct sl_store *);

/* How long sl_store_close retries a database that cannot be written; default half a second, and five seconds where
 * another process has locked it. NULL is allowed. */
void sl_store_close_timeout(struct sl_store *, int milliseconds);

/* Writes queued rows, marks the peer stopped, joins the thread, closes. Rows that cannot be written in time
 * are lost: their number is logged to stderr, and the result is false. NULL is allowed. */
bool sl_store_close(struct sl_store *, int64_t stopped_at_us, int exit_code, const char *model_digest);

#endif
