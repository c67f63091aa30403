/* history.h — the run's history in SQLite: schema, migrations, batched inserts, the queries that the CLI
 * uses. Only this folder includes sqlite3.h. Schema names are a public interface (schema.sql). Not
 * thread-safe: one handle, one thread. */
#ifndef SL_HISTORY_HISTORY_H
#define SL_HISTORY_HISTORY_H

#include "base/error.h"
#include "base/row.h"

struct sl_history;

/* The row of table `run`. Strings are borrowed during the call; NULL stores NULL. */
struct sl_history_run {
	const char *run_id, *name, *driver, *version, *topology, *algorithm, *compress, *model, *dataset,
	    *fingerprint, *config;
	uint32_t peers, dimension;
	uint64_t seed;
	int64_t started_at_us;
};

/* The row of table `peer`. */
struct sl_history_peer {
	uint32_t peer;
	const char *name, *public_key, *endpoint, *host;
	int64_t pid, started_at_us;
	uint32_t degree; /* neighbours: used to compute the bytes that float32 models would take */
};

enum sl_history_mode { SL_HISTORY_WRITE, SL_HISTORY_READ };

/* Opens (creating and migrating as needed when writing) a database in WAL mode. Errors: a newer schema, a
 * database of another program, a folder (SL_REFUSED), a file that is not a database (SL_MALFORMED), no such
 * folder (SL_NOT_FOUND). SL_IO may be transient: disk full, read-only or failing, a lock, or corrupt pages,
 * since an operator may move the file away. Reading an older schema migrates it too. */
struct sl_history *sl_history_open(const char *path, enum sl_history_mode mode, struct sl_error *error);
/* The same in two steps, for callers that retry: make gives a handle that is not connected (NULL: no memory);
 * connect leaves it unchanged on failure. After every connect, call sl_history_register_run first. While not
 * connected, only these, sl_history_busy_timeout and sl_history_close may be called. */
struct sl_history *sl_history_make(const char *path, struct sl_error *error);
enum sl_status sl_history_connect(struct sl_history *, enum sl_history_mode mode, struct sl_error *error);
/* After a failure: whether reconnecting may help. False if the file is the same and only locked, or the disk
 * full. */
bool sl_history_needs_reconnect(struct sl_history *);
/* Whether the last failure was a lock that another process holds. */
bool sl_history_is_locked(const struct sl_history *);
/* Rolls back uncommitted rows and closes the file. */
void sl_history_disconnect(struct sl_history *);
/* The same if other files may have taken its files' names: removes no file and leaves the log unchanged. */
void sl_history_leave(struct sl_history *);
/* The path of the database file, with links resolved; its log and shared memory have the suffixes "-wal" and
 * "-shm". Borrowed, while connected. */
const char *sl_history_file(const struct sl_history *);
/* Rolls back uncommitted rows. NULL is allowed. */
void sl_history_close(struct sl_history *);

/* How long a call waits for other writers before it fails with SL_IO: 10 s initially. The only function that
 * another thread may call, to shorten a wait. */
void sl_history_busy_timeout(struct sl_history *, int milliseconds);

/* Begins the transaction of rows now instead of at the first row, to include earlier calls in it. */
enum sl_status sl_history_begin(struct sl_history *, struct sl_error *error);

/* Registers the run (kept if present: several peers do the same) and this peer. Later rows belong to run_id.
 * A peer that exists already keeps its first start time and counts as running again. These three commit at
 * once, or join an open transaction of rows. */
enum sl_status sl_history_register_run(struct sl_history *, const struct sl_history_run *,
                                       struct sl_error *error);
enum sl_status sl_history_peer(struct sl_history *, const struct sl_history_peer *, struct sl_error *error);
/* Records that the peer has ended. */
enum sl_status sl_history_peer_stopped(struct sl_history *, uint32_t peer, int64_t stopped_at_us,
                                       int exit_code, const char *model_digest, struct sl_error *error);

/* The byte totals of the peer's newest row in this run, for a peer that lost its own, and that row's round;
 * zeros and −1 if there is none. */
struct sl_history_bytes {
	int64_t payload_tx, payload_rx, wire_tx, wire_rx, round, wire_resent;
};
enum sl_status sl_history_last_bytes(struct sl_history *, uint32_t peer, struct sl_history_bytes *out,
                                     struct sl_error *error);

/* Rows go into a transaction (BEGIN IMMEDIATE at the first) until sl_history_commit. ON CONFLICT DO NOTHING.
 */
enum sl_status sl_history_round(struct sl_history *, const struct sl_round_row *, struct sl_error *error);
/* One round of all peers, for the table round_all. Means are NaN, and counts −1, where nothing was measured. */
struct sl_round_all_row {
	uint32_t round, peers, tested;
	int64_t at_us, payload_tx, wire_tx, nonzero_min, nonzero_max;
	struct sl_round_range {
		double mean, least, most;
	} test_accuracy, test_loss, train_loss;
	double nonzero, objective, disagreement; /* means */
};
enum sl_status sl_history_round_all(struct sl_history *, const struct sl_round_all_row *,
                                    struct sl_error *error);
enum sl_status sl_history_link(struct sl_history *, const struct sl_link_row *, struct sl_error *error);
enum sl_status sl_history_sketch(struct sl_history *, const struct sl_sketch_row *, struct sl_error *error);
enum sl_status sl_history_metric(struct sl_history *, const struct sl_metric_row *, struct sl_error *error);
enum sl_status sl_history_event(struct sl_history *, const struct sl_event_row *, struct sl_error *error);
enum sl_status sl_history_exact(struct sl_history *, uint32_t round, double error_value,
                                struct sl_error *error);
/* `durable`: all committed rows are on the disk when this returns, for rows that a checkpoint relies on.
 * After a failure of any of these, call sl_history_rollback and insert the rows of the transaction again:
 * SL_IO (busy, full, disk error) may be transient; SL_REFUSED: this row is invalid. */
enum sl_status sl_history_commit(struct sl_history *, bool durable, struct sl_error *error);
enum sl_status sl_history_rollback(struct sl_history *);

/* Which rows of this run may go. */
struct sl_history_thin {
	uint32_t peer;
	int64_t before_us; /* rows since then stay, in microseconds since 1970 */
	uint32_t
	    one_in; /* of the others, the last row of each `one_in` rounds is kept, with their summed times; 0: none */
	int64_t spare; /* as do the newest rounds, however old they are */
};
/* Thins one stretch of `one_in` rounds, in a short transaction of its own. *next: the round to go on from, at first 0. *more:
 * there may be another one. Events of level info go with their rounds. Space is used again; the file does not shrink. SL_IO:
 * try again later. Not inside a transaction. */
enum sl_status sl_history_thin(struct sl_history *, const struct sl_history_thin *, int64_t *next, bool *more,
                               struct sl_error *error);

/* Truncates the write-ahead log if possible: that may free space on a full disk. */
void sl_history_truncate_wal(struct sl_history *);

/* Checkpoints all of the write-ahead log into the database, for a log that has been unlinked. SL_IO:
 * incomplete, because another program reads an older state or the disk fails. */
enum sl_status sl_history_settle(struct sl_history *, struct sl_error *error);

/* Limit of the write-ahead log while a long read transaction prevents its reset (default 256 MB): above it
 * rows fail with SL_IO, and may be retried. */
void sl_history_log_most(struct sl_history *, int64_t bytes);

/* A database to collect from. With ranges it is the own database of those peers: it alone is asked about them, and
 * about no others. */
enum { SL_HISTORY_RANGES = 16 };
struct sl_history_source {
	const char *path;
	unsigned ranges;
	struct {
		uint32_t first, last;
	} range[SL_HISTORY_RANGES];
	/* Filled in: entries of peers that are not its own, which were left out; rows that differ from those that
	 * were kept; runs that it describes otherwise. */
	struct sl_history_conflicts {
		int64_t peers, rounds, runs;
	} conflicts;
};

/* Copies runs, and the rows of each peer from its own databases alone, into this one; existing rows are kept. Without
 * ranges, databases are a peer's own where they agree on its host and its first start. SL_REFUSED, before anything is
 * copied: two disagree. */
enum sl_status sl_history_collect(struct sl_history *, struct sl_history_source *from, unsigned count,
                                  struct sl_error *error);

/* One line of the view `summary`. Unknown doubles are NaN, unknown counts negative. */
struct sl_history_summary {
	char run_id[SL_TEXT_MAX + 32], name[SL_TEXT_MAX];
	char topology[SL_TEXT_MAX], algorithm[SL_TEXT_MAX], compress[SL_TEXT_MAX], model[SL_TEXT_MAX],
	    dataset[SL_TEXT_MAX];
	char seed[24];           /* decimal; empty: unknown */
	char kernel[32];         /* matrix kernel of the peer that registered the run; empty: unknown */
	char evaluated[48];      /* "1000 of 10000 test samples"; empty: on the whole test set */
	uint32_t peers, present; /* peers of the run, and peers with rows in this database */
	uint32_t rounds, dimension;
	double test_accuracy, worst_accuracy, consensus_error, saved, seconds;
	double penalty, objective; /* means over the peers: the l1 term; training loss plus l1 term */
	int64_t payload_bytes, wire_bytes, events; /* events of level warning and worse */
	uint32_t diverging;                        /* peers whose last report was that the run diverges */
};
/* Summaries of all runs, or of those with that name (or run_id), newest last, passed to a callback that
 * returns false to stop. */
enum sl_status sl_history_summaries(struct sl_history *, const char *name,
                                    bool (*each)(void *, const struct sl_history_summary *), void *context,
                                    struct sl_error *error);

#endif
