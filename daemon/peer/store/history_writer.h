/* history_writer.h — one peer's history: a database in which the run and the peer are registered, or one that
 * is not available at the moment. Used by one thread at a time. */
#ifndef SL_DAEMON_PEER_STORE_HISTORY_WRITER_H
#define SL_DAEMON_PEER_STORE_HISTORY_WRITER_H

#include "daemon/run/place.h"
#include "daemon/peer/store/row_ring.h"
#include "history/history.h"

struct sl_history_writer {
	struct sl_history *history; /* valid from make to free; owned */
	bool entered;               /* connected and registered: rows may be inserted */
	bool failed;                /* rows or a commit, since */
	/* This peer's byte totals in the history before this start: read when it is first entered, since
	 * later it has rows of this start too. */
	bool asked;
	struct sl_history_bytes before;
	struct sl_history_run run; /* strings owned */
	struct sl_history_peer peer;
	uint32_t last_round; /* of the inserted rows */
	char *path;          /* owned */
	struct sl_place place;
	enum sl_place_state left; /* of the file last left */
	char why[200];            /* reason for leaving it, until an event reports it */
};

/* Copies its arguments; does not connect. */
enum sl_status sl_history_writer_make(struct sl_history_writer *, const char *path,
                                      const struct sl_history_run *, const struct sl_history_peer *,
                                      struct sl_error *error);
/* Connects and registers unless already done, in a transaction which the caller commits, so that a database
 * that cannot take rows is not changed. On failure it disconnects. A file that is no longer at its path is
 * left, and the one there now is opened or created; an event row in that transaction reports it. */
enum sl_status sl_history_writer_enter(struct sl_history_writer *, struct sl_error *error);
/* After a failure of a row or a commit: uncommitted rows must be inserted again. If reconnecting may help, it
 * disconnects: the next sl_history_writer_enter opens the file then at the path. */
void sl_history_writer_failed(struct sl_history_writer *);
/* Commits; SL_IO also if the file is no longer at its path: committed rows may be lost with it. */
enum sl_status sl_history_writer_commit(struct sl_history_writer *, bool durable, struct sl_error *error);
/* Records the end of the peer; commits in the same way. */
enum sl_status sl_history_writer_stopped(struct sl_history_writer *, int64_t at_us, int exit_code,
                                         const char *model_digest, struct sl_error *error);

/* Inserts a row of the ring. Byte totals of a round are completed only here: bytes on the wire always,
 * payload if it counts from 0 in this start. */
enum sl_status sl_history_writer_insert(struct sl_history_writer *, const struct sl_row_header *,
                                        union sl_row *, const struct sl_history_bytes *earlier,
                                        struct sl_error *error);
/* Event rows about the history itself: rows lost since a time; no rows lost, but none written since a time;
 * and the peer resumed in a round (0: it did not) that is ahead of the history, which has a row every `every`
 * rounds. Times are since 1970; `why` may be empty. */
enum sl_status sl_history_writer_dropped(struct sl_history_writer *, uint64_t rows, int64_t since_us,
                                         const char *why, struct sl_error *error);
enum sl_status sl_history_writer_late(struct sl_history_writer *, int64_t since_us, const char *why,
                                      struct sl_error *error);
enum sl_status sl_history_writer_resumed(struct sl_history_writer *, int64_t round, uint32_t every,
                                         struct sl_error *error);
void sl_history_writer_free(struct sl_history_writer *);

#endif
