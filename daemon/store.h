/* store.h — the disk never stops the loop: a bounded ring of rows to a writer thread that owns the database
 * and the checkpoint files. Rows that did not fit are counted, and the count becomes an event row of the
 * history itself. */
#ifndef SL_DAEMON_STORE_H
#define SL_DAEMON_STORE_H

#include "daemon/fed.h"
#include "history/history.h"

struct sl_store;

struct sl_store_setup {
	const char *database;             /* path */
	const struct sl_history_run *run; /* both are registered before sl_store_open returns */
	const struct sl_history_peer *peer;
	const char *checkpoint; /* path stem of the two generations, or NULL */
	int wake;               /* eventfd that the writer signals when a checkpoint is done; −1: none */
};

/* Opens and migrates the database on the calling thread (errors are the caller's to report), then starts the
 * writer. All signals must be blocked already. */
struct sl_store *sl_store_open(const struct sl_store_setup *, struct sl_error *error);

/* What the history knew of this peer's bytes in this run when the store was opened. */
struct sl_history_bytes sl_store_bytes(const struct sl_store *);

/* From the loop's thread; never block. Rows are copied. */
void sl_store_round(struct sl_store *, const struct sl_round_row *);
void sl_store_link(struct sl_store *, const struct sl_link_row *);
void sl_store_sketch(struct sl_store *, const struct sl_sketch_row *);
void sl_store_event(struct sl_store *, const struct sl_event_row *);

/* From now on the writer flushes this recording too, until the store is closed. Borrowed. */
void sl_store_record(struct sl_store *, struct sl_fed *);

/* Hands over a checkpoint (malloc'd bytes, freed by the writer): rows pushed so far are committed durably,
 * then the older generation is replaced. False if one is still being written or its end was not asked for
 * yet, or there is no stem: the caller skips this one and keeps the bytes. */
bool sl_store_checkpoint(struct sl_store *, uint8_t *bytes, size_t length);
/* Whether a checkpoint ended since the last call, and how. */
bool sl_store_checkpointed(struct sl_store *, bool *ok);

/* How long the writer has been inside one batch, in milliseconds; 0 when it is idle: for the watchdog. A disk
 * that answers with errors is a state, in which rows are kept and tried again; only one that does not answer
 * is stuck. */
int64_t sl_store_stuck_ms(const struct sl_store *);

/* How long sl_store_close tries a database that is locked or cannot be written; half a second if never told.
 * NULL is fine. */
void sl_store_patience(struct sl_store *, int milliseconds);

/* Writes what is queued, marks the peer stopped, joins the thread, closes. What cannot be written in time is
 * lost: stderr says how many rows, and the answer is false. NULL is fine. */
bool sl_store_close(struct sl_store *, int64_t stopped_at_us, int exit_code, const char *model_digest);

/* Loads the newest generation that verifies. NULL without an error: there is none; with SL_OK status. The
 * caller frees the bytes. `which` says which file, for the event row, and what was wrong with one that was
 * passed over; it is empty where there was no file at all. SL_IO: none verified, and at least one could not
 * be read. */
enum sl_status sl_checkpoint_load(const char *stem, uint8_t **bytes, size_t *length, char which[static 64],
                                  struct sl_error *error);

#endif
